"""library: operators of one's own, written in Python, under `framejit.ops`.

>>> import framejit
>>> from framejit.library import custom_op
>>> @custom_op("docs::twice", mutates_args=())
... def twice(x: framejit.Tensor) -> framejit.Tensor:
...     return x + x
>>> framejit.ops.docs.twice(framejit.ones(2)).tolist()
[2.0, 2.0]

Captured code goes into an operator as into any function; what cannot be captured there breaks the graph. So one kernel, of
whatever device or dispatch key, is the operator; the ones for tensors without data ("Meta", register_fake) are not needed.
"""

import contextlib
import functools
import re

from framejit import _C, ops

__all__ = [
    "CustomOpDef",
    "Library",
    "custom_op",
    "define",
    "impl",
    "register_autograd",
    "register_fake",
    "register_kernel",
]

_KINDS = ("DEF", "IMPL", "FRAGMENT")
_WITHOUT_DATA = ("Meta",)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_registry = {}  # (namespace, name) -> Operator


class Operator:
    """An operator `ns::name`: callable, and its own overload `default`."""

    def __init__(self, namespace, name, schema):
        self._qualname = f"{namespace}::{name}"
        self.__name__, self.__qualname__, self.__module__ = name, f"{namespace}.{name}", f"framejit.ops.{namespace}"
        self._schema = schema
        self._kernel = self._derivative = None

    @property
    def default(self):
        """The overload without a name."""
        return self

    def __call__(self, *args, **kwargs):
        if self._derivative is not None and _C.is_grad_enabled():
            return self._derivative(*args, **kwargs)
        return self._run(*args, **kwargs)

    def _run(self, *args, **kwargs):
        kernel = self._kernel
        if kernel is None:
            raise NotImplementedError(f"{self._qualname} has no kernel; framejit.library.impl gives it one")
        return kernel(*args, **kwargs)

    def __repr__(self):
        return f"<operator {self._qualname}>"


def _split(qualname, who):
    namespace, colons, name = qualname.partition("::")
    if not colons or not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name.partition(".")[0]):
        raise ValueError(f"{who}: expected a name like 'namespace::operator', but got {qualname!r}")
    return namespace, name.partition(".")[0]


def _operator(qualname, who):
    key = _split(qualname, who)
    if key not in _registry:
        raise RuntimeError(f"{who}: there is no operator {qualname}; define it first")
    return _registry[key]


def _add(namespace, name, schema, who):
    if (namespace, name) in _registry:
        raise RuntimeError(f"{who}: {namespace}::{name} has been defined already")
    op = _registry[namespace, name] = Operator(namespace, name, schema)
    setattr(getattr(ops, namespace), name, op)
    return op


def _remove(namespace, name):
    del _registry[namespace, name]
    delattr(getattr(ops, namespace), name)


class Library:
    """Operators of one namespace, which live until `_destroy` is called or the process ends.

    ns (str): the namespace. kind (str): "DEF", "FRAGMENT" or "IMPL", alike here. dispatch_key (str): accepted. Raises ValueError
    for another kind and for the namespaces aten and prim.

    >>> import framejit
    >>> lib = Library("docs_lib", "DEF")
    >>> lib.define("plus(Tensor x, int n=1) -> Tensor")
    'plus'
    >>> lib.impl("plus", lambda x, n=1: x + n)
    >>> framejit.ops.docs_lib.plus(framejit.zeros(1)).tolist()
    [1.0]
    """

    def __init__(self, ns, kind, dispatch_key=""):
        if kind not in _KINDS:
            raise ValueError(f"Unsupported kind: {kind}")
        if ns in ("aten", "prim"):
            raise ValueError(f"{ns} is a reserved namespace")
        self.ns, self.kind, self.dispatch_key = ns, kind, dispatch_key
        self._names = []

    def define(self, schema, alias_analysis="", *, tags=()):
        """Make an operator known; gives its name.

        schema (str): `name(arguments) -> results`. alias_analysis (str), tags (sequence): accepted. Raises RuntimeError for a text that is
        no schema and for an operator that exists.
        """
        found = re.match(r"\s*([A-Za-z_][\w]*)(\.\w+)?\s*\(.*\)\s*->", schema)
        if not found:
            raise RuntimeError(f"Library.define: not a schema: {schema!r}")
        _add(self.ns, found[1], schema, "Library.define")
        self._names.append(found[1])
        return found[1]

    def impl(self, op_name, fn, dispatch_key="", *, with_keyset=False):
        """Give an operator its kernel.

        op_name (str, or the operator): which. fn (callable): what computes. dispatch_key (str): one for tensors without data is
        not needed and left aside. Raises RuntimeError for an operator that does not exist, TypeError for what cannot be called.
        """
        if not callable(fn):
            raise TypeError(f"Input function is required to be a callable but found type {type(fn)}")
        name = op_name.__name__ if isinstance(op_name, Operator) else op_name.rpartition("::")[2]
        op = _operator(f"{self.ns}::{name}", "Library.impl")
        if (dispatch_key or self.dispatch_key) not in _WITHOUT_DATA:
            op._kernel = fn

    def _destroy(self):
        for name in self._names:
            _remove(self.ns, name)
        self._names.clear()


@contextlib.contextmanager
def _scoped_library(*args, **kwargs):
    lib = Library(*args, **kwargs)
    try:
        yield lib
    finally:
        lib._destroy()


def define(qualname, schema, *, lib=None, tags=()):
    """Make an operator known.

    qualname (str): "namespace::name". schema (str): `(arguments) -> results`. lib (Library): which owns it; None: it stays.
    tags (sequence): accepted. Raises ValueError for a name of another form, RuntimeError for an operator that exists.

    >>> define("docs_define::same", "(Tensor x) -> Tensor")
    >>> impl("docs_define::same", "cpu", lambda x: x)
    """
    namespace, name = _split(qualname, "define")
    _add(namespace, name, f"{name}{schema}", "define")
    if lib is not None:
        lib._names.append(name)


def impl(qualname, types, func=None, *, lib=None):
    """Give an operator its kernel; a decorator without func.

    qualname (str): "namespace::name". types (str, or a list of them): devices or dispatch keys. func (callable): what computes.
    lib (Library): accepted. Raises RuntimeError for an operator that does not exist.

    >>> define("docs_impl::half", "(Tensor x) -> Tensor")
    >>> @impl("docs_impl::half", "CompositeImplicitAutograd")
    ... def half(x):
    ...     return x / 2
    """
    if isinstance(qualname, Library):  # the older form: impl(library, name, dispatch_key)
        return functools.partial(_impl_in, qualname, types, func or "")
    op = _operator(qualname, "impl")

    def register(function):
        if not all(kind in _WITHOUT_DATA for kind in ([types] if isinstance(types, str) else types)):
            op._kernel = function
        return function

    if func is None:
        return register
    register(func)
    return None


def _impl_in(lib, name, dispatch_key, function):
    lib.impl(name, function, dispatch_key)
    return function


class CustomOpDef:
    """An operator made by `custom_op`. Calling it calls the operator; it raises what the kernel raises.

    op (Operator), function (callable): the operator and its kernel.

    >>> CustomOpDef(Operator("docs_def", "nothing", ""), lambda x: x)(3)
    3
    """

    def __init__(self, op, function):
        self._opoverload, self._init_fn = op, function
        self._name, self._qualname = op.__name__, op._qualname
        op._kernel = function
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args, **kwargs):
        return self._opoverload(*args, **kwargs)

    def register_kernel(self, device_types, fn=None, /):
        """Replace the kernel: `device_types` is accepted. A decorator without fn."""
        return register_kernel(self, device_types, fn)

    def register_fake(self, fn, /):
        """Accepted: capture calls the kernel itself."""
        return fn

    def register_autograd(self, backward, /, *, setup_context=None):
        """The derivative, as the function `register_autograd` of this module takes it."""
        register_autograd(self._qualname, backward, setup_context=setup_context)

    def __repr__(self):
        return f"<CustomOpDef({self._qualname})>"


def custom_op(name, fn=None, /, *, mutates_args, device_types=None, schema=None, tags=None):
    """Make a function an operator; a decorator without fn. Gives a CustomOpDef.

    name (str): "namespace::name". fn (callable): what computes. mutates_args (sequence of str), device_types (str),
    schema (str), tags (sequence): accepted; nothing is assumed about what the function changes. Raises ValueError for a name of another form, RuntimeError for one that is taken.

    >>> import framejit
    >>> @custom_op("docs_custom::shift", mutates_args=())
    ... def shift(x: framejit.Tensor, by: float) -> framejit.Tensor:
    ...     return x + by
    >>> framejit.compile(lambda x: shift(x, 2.0) * 2, fullgraph=True)(framejit.ones(1)).tolist()
    [6.0]
    """
    namespace, key = _split(name, "custom_op")

    def make(function):
        return CustomOpDef(_add(namespace, key, schema or "", "custom_op"), function)

    return make if fn is None else make(fn)


def register_kernel(op, device_types, func=None, /, *, lib=None):
    """Replace an operator's kernel; a decorator without func.

    op (str, or a CustomOpDef): which. device_types (str, or a list of them), lib (Library): accepted. func (callable): what
    computes. Raises
    RuntimeError for an operator that does not exist.

    >>> define("docs_kernel::one", "() -> int")
    >>> register_kernel("docs_kernel::one", "cpu", lambda: 1)
    """
    return impl(op._qualname if isinstance(op, CustomOpDef) else op, "default", func)


def register_fake(op, func=None, /, *, lib=None):
    """Accepted: an operator's results without data are found by capturing its kernel. A decorator without func.

    op (str, or a CustomOpDef): which. func (callable): left aside and given back. lib (Library):
    accepted. The operator may be defined later. Raises
    ValueError for a name that is none.

    >>> define("docs_fake::one", "() -> int")
    >>> register_fake("docs_fake::one", max)
    <built-in function max>
    """
    _split(op._qualname if isinstance(op, CustomOpDef) else op, "register_fake")
    return func if func is not None else lambda function: function


def register_autograd(op, backward, /, *, setup_context=None, lib=None):
    """Give an operator a derivative of its own; without, what its kernel does is differentiated.

    op (str, or a CustomOpDef): which. backward (callable): `backward(ctx, *grads)` gives the gradients of the arguments.
    setup_context (callable): `setup_context(ctx, inputs, output)` saves what backward needs. lib (Library): accepted.
    Raises RuntimeError for an operator that does not exist.

    >>> import framejit
    >>> @custom_op("docs_grad::cube", mutates_args=())
    ... def cube(x: framejit.Tensor) -> framejit.Tensor:
    ...     return x * x * x
    >>> def setup(ctx, inputs, output):
    ...     ctx.save_for_backward(*inputs)
    >>> cube.register_autograd(lambda ctx, grad: grad * 3 * ctx.saved_tensors[0] ** 2, setup_context=setup)
    >>> x = framejit.tensor([2.0], requires_grad=True)
    >>> cube(x).backward()
    >>> x.grad.tolist()
    [12.0]
    """
    from framejit.autograd import Function

    found = _operator(op._qualname if isinstance(op, CustomOpDef) else op, "register_autograd")

    class Derivative(Function):
        @staticmethod
        def forward(*args):
            return found._run(*args)

        @staticmethod
        def setup_context(ctx, inputs, output):
            if setup_context is not None:
                setup_context(ctx, inputs, output)

    Derivative.backward = staticmethod(backward)
    found._derivative = Derivative.apply
