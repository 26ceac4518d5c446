"""Functions of the package that are written in Python ask their arguments, too (`__torch_function__`).

Nothing is to be paid for that by programs that override nothing. So the functions are as they are written until the first
instance of a class that answers is made, the first mode is entered, or `framejit.overrides` is imported; then each of them,
which stays the same object, gets code that asks and calls the function as it was. A class that answers and is no subclass
of Tensor is not seen when it is made: import `framejit.overrides` where one is defined.
"""

import importlib
import sys
import types

from framejit import _C


def _asking(*args, _asks=None, _ask=None, _self=None, _plain=None, _is_silent=None, _arranged=None, **kwargs):
    if _arranged is not None:
        args = _arranged(args)
    if _asks(args, kwargs) and not _is_silent(_self):
        return _ask(_self, args, kwargs)
    return _plain(*args, **kwargs)


# Written in Python and public, but not about tensors, or about Python objects of any kind.
_SILENT_MODULES = (
    "framejit._compile", "framejit._control_flow", "framejit._defaults", "framejit._checks", "framejit._tensor_str",
    "framejit.dynamo", "framejit.func", "framejit.random", "framejit.serialization", "framejit.autograd.grad_mode",
    "framejit.sparse",
)  # fmt: skip
_SILENT_NAMES = frozenset(
    "__reduce_ex__ __setstate__ is_storage typename vander cartesian_prod block_diag empty_strided empty_permuted new".split()
)
_SPACES = ("framejit", "framejit.nn.functional", "framejit.linalg", "framejit.special", "framejit.fft")


def _flat(args):
    """einsum("ij,jk", [a, b]) is einsum("ij,jk", a, b) to those who are asked."""
    one = len(args) == 2 and isinstance(args[1], (list, tuple))
    return (args[0], *args[1]) if one else args


_ARRANGED = {"einsum": _flat}  # functions whose arguments are brought into one form before anybody is asked
_installed = {}  # the functions that ask -> what is called by their names


_ASKERS = ("has_torch_function", "has_torch_function_unary", "has_torch_function_variadic")


def functional_is_silent():
    """Whether a program has put others in the place of what functions of torch.nn.functional ask with, so that none is asked."""
    module = sys.modules.get("torch.nn.functional")
    loader = getattr(getattr(module, "__spec__", None), "loader", None)
    if not type(loader).__module__.startswith("framejit."):  # no view of framejit: real PyTorch is not asked about
        return False
    view = vars(module)
    if not all(name in view for name in _ASKERS):
        return False
    overrides = sys.modules.get("framejit.overrides")
    return all(view[name] is not getattr(overrides, name, None) for name in _ASKERS)


def is_silent(function):
    """Whether this function does not ask, because of that."""
    return (function.__module__ or "").startswith(
        ("framejit.nn._functional", "framejit.nn.functional")
    ) and functional_is_silent()


def _make_asking(function):
    own = function.__dict__.copy()
    plain = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    plain.__kwdefaults__, plain.__annotations__, plain.__qualname__ = (
        function.__kwdefaults__,
        function.__annotations__,
        function.__qualname__,
    )
    plain.__doc__, plain.__module__ = function.__doc__, function.__module__
    plain.__dict__.update(own)
    code = _asking.__code__.replace(
        co_name=function.__code__.co_name,
        co_qualname=function.__code__.co_qualname,
        co_freevars=function.__code__.co_freevars,
    )
    function.__code__, function.__defaults__ = code, None
    function.__kwdefaults__ = {
        "_asks": _C._asks,
        "_ask": _C._ask,
        "_self": function,
        "_plain": plain,
        "_is_silent": is_silent,
        "_arranged": _ARRANGED.get(function.__name__),
    }
    function.__wrapped__ = plain


def _is_public(name):
    return not name.startswith("_") or name.startswith("__") and name.endswith("__")


def namespaces():
    """The names that lead to functions: of each module, and of Tensor."""
    package = importlib.import_module("framejit")
    for name, home in package._LAZY_NAMES.items():
        if not home.startswith(_SILENT_MODULES):
            getattr(package, name)
    for name in _SPACES:
        yield name, vars(importlib.import_module(name))
    yield "framejit.Tensor", vars(_C.Tensor)


def install():
    """Has the functions ask."""
    for _, space in namespaces():
        for name, value in list(space.items()):
            if (
                not isinstance(value, types.FunctionType)
                or not _is_public(name)
                or name in _SILENT_NAMES
                or value in _installed
                or not value.__module__.startswith("framejit")
                or value.__module__.startswith(_SILENT_MODULES)
            ):
                continue
            _installed[value] = name
            _make_asking(value)
