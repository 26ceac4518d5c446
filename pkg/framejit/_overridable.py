"""Functions of the package that are written in Python ask their arguments, too (`__torch_function__`).

Nothing is to be paid for that by programs that override nothing. So the functions are as they are written until the first
instance of a class that answers is made, the first mode is entered, or `framejit.overrides` is imported; then each of them,
which stays the same object, gets code that asks and calls the function as it was. A class that answers and is no subclass
of Tensor is not seen when it is made: import `framejit.overrides` where one is defined.
"""

import functools
import importlib
import inspect
import sys
import types

from framejit import _C


def _asking(*args, _asks=None, _ask=None, _self=None, _plain=None, _is_silent=None, _arranged=None, **kwargs):
    if _asks(args, kwargs) and not _is_silent(_self):
        if _arranged is not None:
            args, kwargs = _arranged(args, kwargs)
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


def _flat(args, kwargs):
    """einsum("ij,jk", [a, b]) is einsum("ij,jk", a, b) to those who are asked."""
    one = len(args) == 2 and isinstance(args[1], (list, tuple))
    return (args[0], *args[1]) if one else args, kwargs


def _in_full(function):
    """Brings calls into the form that PyTorch's functions of torch.nn.functional tell: what has no default by position, all else
    by name."""
    parameters = inspect.signature(function).parameters.values()
    required = [p.name for p in parameters if p.default is p.empty]
    optional = {p.name: p.default for p in parameters if p.default is not p.empty}
    names = [*required, *optional]

    def arranged(args, kwargs):
        given = dict(zip(names, args)) | kwargs
        if len(args) > len(names) or not given.keys() >= set(required) or not set(names) >= given.keys():
            return args, kwargs  # the call says what is wrong with it
        return tuple(given[name] for name in required), {name: given.get(name, optional[name]) for name in optional}

    return arranged


# Of torch.nn.functional: in C++ there, so told as they are called; and written with others, which are told in their place.
_AS_CALLED = frozenset(
    "adaptive_avg_pool1d avg_pool1d avg_pool2d avg_pool3d bilinear channel_shuffle conv_tbc cosine_similarity one_hot "
    "pairwise_distance pdist pixel_shuffle pixel_unshuffle scaled_dot_product_attention".split()
)
_WITH_OTHERS = frozenset("sigmoid tanh upsample upsample_bilinear upsample_nearest".split())


def _is_of_nn(function):
    home = getattr(function, "__module__", None) or ""
    return isinstance(function, types.FunctionType) and home.startswith("framejit.nn._functional")


def is_written_with_others(function):
    """Whether those are told of its calls that it makes itself."""
    return _is_of_nn(function) and function.__name__ in _WITH_OTHERS


@functools.cache
def arrangement(function):
    """What brings the arguments of a call into the form in which it is told, or None: (args, kwargs) -> (args, kwargs)"""
    if getattr(function, "__name__", None) == "einsum":
        return _flat
    return _in_full(function) if _is_of_nn(function) and function.__name__ not in _AS_CALLED else None


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
        "_arranged": arrangement(plain),
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
                or is_written_with_others(value)
            ):
                continue
            _installed[value] = name
            _make_asking(value)
