"""ops: operators by namespace and name. `ops.aten` has framejit's own, other namespaces those of `framejit.library`.

>>> import framejit
>>> framejit.ops.aten.add.Tensor(framejit.ones(2), 1).tolist()
[2.0, 2.0]
"""

import types as _types

from framejit import _C, _ops


class HigherOrderOperator:
    """What operators that take functions are derived from. name (str). Raises nothing of its own.

    >>> from framejit.ops import HigherOrderOperator
    >>> HigherOrderOperator("twice").__name__
    'twice'
    """

    def __init__(self, name):
        self.__name__ = self._name = name
        self._implementations = {}

    def py_impl(self, key):
        """A decorator: what the operator does where `key` is the way to do it; the first one given is what a call runs.
        key (object). Raises nothing of its own."""

        def note(function):
            self._implementations[key] = function
            return function

        return note

    def _rule(self, tensors):
        """What is registered for the mode of __torch_dispatch__ that is active, or for the subclass of one of the tensors.

        None where there is neither; raises NotImplementedError where nothing is registered.
        """
        from framejit.utils._python_dispatch import _get_current_dispatch_mode, _pop_mode_temporarily

        mode = _get_current_dispatch_mode()
        if mode is not None and not type(mode).supports_higher_order_operators:
            rule = self._implementations.get(type(mode))
            if rule is None:
                raise NotImplementedError(f"no rule registered for HOP {self._name} and mode {mode}")

            def below(*args):
                with _pop_mode_temporarily():
                    return rule(mode, *args)

            return below
        for tensor in tensors:
            kind = type(tensor)
            if isinstance(tensor, _C.Tensor) and kind.__torch_dispatch__ is not _C.Tensor.__torch_dispatch__:
                if kind not in self._implementations:
                    raise NotImplementedError(f"no rule registered for HOP {self._name} and subclass {kind}")
                return self._implementations[kind]
        return None

    def __call__(self, *args, **kwargs):
        for function in self._implementations.values():
            return function(*args, **kwargs)
        raise NotImplementedError(f"the operator {self.__name__} has no implementation")


def _stand_in(args):
    """What stands for a tensor among the arguments: a proxy of fx; None where there is none."""
    for arg in args:
        if isinstance(arg, (list, tuple)):
            found = _stand_in(arg)
            if found is not None:
                return found
        elif hasattr(type(arg), "__torch_function__") and not isinstance(arg, _C.Tensor):
            return arg
    return None


class _Operator:
    def __call__(self, /, *args, **kwargs):
        found = _stand_in(args) if args else _stand_in(tuple(kwargs.values()))
        if found is not None:
            return found.__torch_function__(self, (type(found),), args, kwargs)
        return self._function(*args, **kwargs)

    def __deepcopy__(self, memo):
        return self


class OpOverload(_Operator):
    """One overload of an operator: callable. In framejit each of them is the operator itself.

    overloadpacket (OpOverloadPacket), name (str). Raises what the operator raises.

    >>> import framejit
    >>> framejit.ops.aten.add.Tensor.overloadpacket is framejit.ops.aten.add
    True
    """

    def __init__(self, overloadpacket, name):
        self.overloadpacket = self._overloadpacket = overloadpacket
        self._overloadname, self._function = name, overloadpacket._function
        self.__name__, self.__module__ = f"{overloadpacket.__name__}.{name}", "framejit.ops"
        self.__qualname__ = self._qualified_op_name = f"framejit.ops.aten.{self.__name__}"
        self.namespace = "aten"

    def __repr__(self):
        return f"<OpOverload(op='aten.{self.overloadpacket.__name__}', overload='{self._overloadname}')>"

    def __str__(self):
        return f"aten.{self.__name__}"

    def __reduce__(self):
        return _overload, (self.overloadpacket.__name__, self._overloadname)

    def name(self):
        """The operator's full name."""
        suffix = "" if self._overloadname == "default" else f".{self._overloadname}"
        return f"aten::{self.overloadpacket.__name__}{suffix}"


class OpOverloadPacket(_Operator):
    """An operator: callable; its overloads are its attributes.

    name (str), function (callable). Raises what the operator raises.

    >>> import framejit
    >>> framejit.ops.aten.add(framejit.ones(1), 1)
    tensor([2.])
    """

    def __init__(self, name, function):
        self.__name__, self.__module__ = name, "framejit.ops"
        self.__qualname__ = self._qualified_op_name = f"framejit.ops.aten.{name}"
        self._function = function

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        overload = self.__dict__[name] = OpOverload(self, name)
        return overload

    def __repr__(self):
        return f"<OpOverloadPacket(op='aten.{self.__name__}')>"

    def __str__(self):
        return f"aten.{self.__name__}"

    def __reduce__(self):
        return _packet, (self.__name__,)

    def overloads(self):
        """The names of overloads that were asked for, at least "default"."""
        return ["default", *(n for n, value in vars(self).items() if isinstance(value, OpOverload) and n != "default")]


def _packet(name):
    return getattr(__getattr__("aten"), name)


def _overload(name, overload):
    return getattr(_packet(name), overload)


def load_library(path):
    """Load a shared object: what it registers when it is loaded is there afterwards.

    path (str). Raises OSError for a file that is not there or no library.

    >>> import framejit
    >>> framejit.ops.load_library("no/such/library.so")
    Traceback (most recent call last):
        ...
    OSError: Could not load this library: no/such/library.so
    """
    import ctypes

    try:
        ctypes.CDLL(path)
    except OSError as error:
        raise OSError(f"Could not load this library: {path}") from error


def _public(op):
    """The function of that name, which may be written in Python around an op."""
    import framejit

    found = getattr(framejit, op, None)
    return None if isinstance(found, type | _types.ModuleType) else found


def _to_copy(self, *, dtype=None, layout=None, device=None, pin_memory=None, non_blocking=False, memory_format=None):
    """A copy, of another dtype or device if asked for."""
    return self.to(device=device or self.device, dtype=dtype or self.dtype, copy=True)


def _reshape_alias(self, size, stride):
    """A view with these sizes and strides."""
    return self.as_strided(size, stride)


def _reshape_alias_copy(self, size, stride):
    """A copy of that view."""
    return self.as_strided(size, stride).clone()


def _local_scalar_dense(self):
    """The number in a tensor of one element."""
    return self.item()


def _convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups):
    """A convolution of any number of dimensions, or its transpose."""
    if not transposed:
        return _ops.convolution(input, weight, bias, stride, padding, dilation, groups)
    function = getattr(_ops, f"conv_transpose{len(stride)}d")
    return function(input, weight, bias, stride, padding, output_padding, groups, dilation)


def _named_only(op):
    def function(*args, **kwargs):
        raise NotImplementedError(f"framejit has no operator aten::{op}")

    return function


# Beside framejit's own: what exported graphs call, and what packages only name, to say what they do instead.
_OTHERS = (
    {f.__name__: f for f in (_to_copy, _reshape_alias, _reshape_alias_copy, _local_scalar_dense)}
    | {"convolution": _convolution}
    | {
        op: _named_only(op)
        for op in ("_pin_memory", "_sparse_addmm", "_sparse_mm_reduce_impl", "_nested_view_from_buffer")
    }
)


def _other(op):
    from framejit.export._extra_ops import OPERATORS

    return _OTHERS.get(op) or OPERATORS.get(op)


def _namespace(name):
    """A plain module, so that captured code may look into it."""
    namespace = _types.ModuleType(f"framejit.ops.{name}", f"The operators of {name}.")

    def find(op):
        if name == "higher_order":
            from framejit import _control_flow  # noqa: F401 (puts its operators here)
            from framejit._regions import _operators

            if op in vars(namespace) or op in _operators:
                return vars(namespace).get(op) or _operators[op]
        if name == "profiler":
            from framejit.profiler import _operators

            return getattr(_operators, op)
        # methods come before functions of nn: their `view` is the one that takes a dtype
        function = (
            _OTHERS.get(op) or _public(op) or getattr(_ops.Tensor, op, None) or getattr(_ops, op, None) or _other(op)
        )
        if name != "aten" or op.startswith("__") or not callable(function):
            raise AttributeError(f"there is no operator {name}::{op}")
        # looked for inside a trace, it is the function that records in its place
        packet = OpOverloadPacket(op, getattr(function, "_fx_original", function))
        setattr(namespace, op, packet)
        return packet

    namespace.__getattr__ = find
    return namespace


_namespaces = {}


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name not in _namespaces:
        _namespaces[name] = globals()[name] = _namespace(name)
    return _namespaces[name]
