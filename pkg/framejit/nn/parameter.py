"""Parameter and Buffer: tensors that a Module recognises when they are assigned to one of its attributes.

A Parameter is a real subclass of Tensor, so that capture can guard on the type; of a class that answers ops itself (`__torch_dispatch__`) it stays
an instance, and carries a mark.
A Buffer is an ordinary Tensor carrying a mark; `Buffer` itself is never the type of an object.
"""

from collections import OrderedDict

from framejit import _ops as _t


class _ParameterMeta(type):
    """Tensors of classes that answer ops themselves stay of their class, and are parameters by a mark."""

    def __instancecheck__(cls, instance):
        kind = type(instance)
        if kind is _t.Tensor or issubclass(kind, cls):
            return kind is not _t.Tensor
        return cls is Parameter and isinstance(instance, _t.Tensor) and getattr(instance, "_is_param", False)


class Parameter(_t.Tensor, metaclass=_ParameterMeta):
    """A tensor that becomes one of a module's parameters when it is assigned as an attribute.

    data (Tensor or None), requires_grad (bool). Raises TypeError (Parameter data must be a Tensor, not …).

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.Parameter(framejit.ones(2))
    >>> w.requires_grad, w.is_leaf
    (True, True)
    """

    __torch_function__ = _t._disabled_torch_function_impl

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = _t.empty(0)
        if not isinstance(data, _t.Tensor):
            raise TypeError(f"Parameter data must be a Tensor, not {type(data).__name__}")
        if _keeps_its_class(type(data)):
            return _marked(data, requires_grad)
        return _t.Tensor._make_subclass(cls, data, requires_grad)

    def __init__(self, *args, **kwargs):
        """Everything is done by __new__; subclasses may take more arguments."""

    def __repr__(self):
        return "Parameter containing:\n" + _t.Tensor.__repr__(self)

    def __deepcopy__(self, memo):
        if id(self) in memo:
            return memo[id(self)]
        result = type(self)(self.data.clone(), self.requires_grad)
        memo[id(self)] = result
        return result

    def __reduce_ex__(self, protocol):
        return _rebuild_parameter, (self.data, self.requires_grad, OrderedDict())


def _keeps_its_class(kind):
    """Of a class with handlers, which a parameter of the class Parameter would not have any more."""
    return kind is not _t.Tensor and not issubclass(kind, Parameter) and kind.__torch_dispatch__ is not _NOT_ASKED


_NOT_ASKED = _t.Tensor.__torch_dispatch__


def _marked(data, requires_grad):
    tensor = data.detach().requires_grad_(requires_grad)
    if type(tensor) is not type(data):
        raise RuntimeError(
            f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns an instance "
            f"of the same type, but return type {type(tensor).__name__} was found instead. To use the type as a Parameter, "
            "please correct the detach() semantics defined by its __torch_dispatch__() implementation."
        )
    tensor._is_param = True
    return tensor


def _rebuild_parameter(data, requires_grad, backward_hooks):
    return Parameter(data, requires_grad)


class _BufferMeta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _t.Tensor) and getattr(instance, "_is_buffer", False)


class Buffer(metaclass=_BufferMeta):
    """`Buffer(data, persistent=True)`: marks a tensor so that assigning it registers a buffer.

    data (Tensor or None), persistent (bool). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> module = nn.Module()
    >>> module.mean = nn.Buffer(framejit.zeros(2))
    >>> list(module.state_dict())
    ['mean']
    """

    def __new__(cls, data=None, *, persistent=True):
        if data is None:
            data = _t.empty(0)
        tensor = data.detach().requires_grad_(data.requires_grad)
        tensor._is_buffer = True
        tensor.persistent = persistent
        return tensor


# --- parameters whose shape is not known yet ---


def _used(name):
    raise ValueError(
        f"Attempted to use an uninitialized parameter in {name}. This error happens when you are using a `LazyModule` or "
        "explicitly manipulating `nn.parameter.UninitializedParameter` objects. When using LazyModules Call `forward` with a "
        "dummy batch to initialize the parameters before calling framejit functions"
    )


def _refuse(name):
    return lambda self, *args, **kwargs: _used(name)


# What a tensor without a shape may be asked.
_ANSWERED = frozenset(
    "size copy_ is_floating_point half bfloat16 float double char short int long cpu to get_device type _make_subclass".split()
)


class UninitializedTensorMixin:
    """A tensor without a shape: its dtype can be asked for and changed, `materialize` gives it memory.

    Operators and methods raise ValueError, `shape` raises RuntimeError; functions see a tensor without elements.
    """

    cls_to_become = None
    __torch_function__ = _t._disabled_torch_function_impl

    @property
    def shape(self):
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` "
            "when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the "
            "parameters before accessing their attributes."
        )

    def materialize(self, shape, device=None, dtype=None):
        """Becomes an ordinary parameter or buffer of a shape, uninitialised."""
        self.data = _t.empty(shape, dtype=self.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become

    def share_memory_(self):
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters before "
            "calling `module.share_memory()`."
        )

    def __getattribute__(self, name):
        if name in _REFUSED:
            _used(f"Tensor.{name}")
        return super().__getattribute__(name)

    def __repr__(self):
        return f"<{type(self).__name__}>"

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)
        return memo[id(self)]

    def __reduce_ex__(self, protocol):
        return type(self), (self.requires_grad, None, self.dtype)

    __hash__ = object.__hash__


for _name in (
    "add radd sub rsub mul rmul truediv rtruediv matmul rmatmul pow rpow eq ne lt le gt ge neg bool len getitem setitem iter "
    "iadd isub imul itruediv float int index"
).split():
    setattr(UninitializedTensorMixin, f"__{_name}__", _refuse(f"Tensor.__{_name}__"))

_REFUSED = frozenset(
    name
    for name in dir(_t.Tensor)
    if not name.startswith("_")
    and name not in _ANSWERED
    and callable(getattr(_t.Tensor, name))
    and name != "share_memory_"
)


class UninitializedParameter(UninitializedTensorMixin, Parameter):
    """A parameter whose shape the first input will tell.

    requires_grad (bool), device (framejit.device or None), dtype (framejit.dtype or None). Raises nothing; what needs a
    shape raises ValueError or RuntimeError.

    >>> from framejit.nn.parameter import UninitializedParameter
    >>> w = UninitializedParameter()
    >>> w
    <UninitializedParameter>
    >>> w.materialize((2, 3))
    >>> w.shape
    framejit.Size([2, 3])
    """

    cls_to_become = Parameter

    def __new__(cls, requires_grad=True, device=None, dtype=None):
        return _t.Tensor._make_subclass(cls, _t.empty(0, dtype=dtype), requires_grad)

    def __init__(self, requires_grad=True, device=None, dtype=None):
        pass


class UninitializedBuffer(UninitializedTensorMixin, _t.Tensor):
    """A buffer whose shape the first input will tell.

    requires_grad, persistent (bool), device (framejit.device or None), dtype (framejit.dtype or None). Raises nothing; what
    needs a shape raises ValueError or RuntimeError.

    >>> from framejit import nn
    >>> nn.UninitializedBuffer()
    <UninitializedBuffer>
    """

    cls_to_become = _t.Tensor

    def __new__(cls, requires_grad=False, device=None, dtype=None, persistent=True):
        buffer = _t.Tensor._make_subclass(cls, _t.empty(0, dtype=dtype), requires_grad)
        buffer._is_buffer, buffer.persistent = True, persistent
        return buffer

    def __init__(self, requires_grad=False, device=None, dtype=None, persistent=True):
        pass


def is_lazy(parameter):
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(parameter, UninitializedTensorMixin)
