"""Parameter and Buffer: tensors that a Module recognises when they are assigned to one of its attributes.

A Parameter is a real subclass of Tensor, so that `isinstance` costs nothing and capture can guard on the type.
A Buffer is an ordinary Tensor carrying a mark; `Buffer` itself is never the type of an object.
"""

from collections import OrderedDict

from framejit import _ops as _t


class Parameter(_t.Tensor):
    """A tensor that becomes one of a module's parameters when it is assigned as an attribute.

    data (Tensor or None), requires_grad (bool). Raises TypeError (Parameter data must be a Tensor, not …).

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.Parameter(framejit.ones(2))
    >>> w.requires_grad, w.is_leaf
    (True, True)
    """

    def __new__(cls, data=None, requires_grad=True):
        if data is None:
            data = _t.empty(0)
        if not isinstance(data, _t.Tensor):
            raise TypeError(f"Parameter data must be a Tensor, not {type(data).__name__}")
        return _t.Tensor._make_subclass(cls, data, requires_grad)

    def __init__(self, data=None, requires_grad=True):
        pass

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


def is_lazy(parameter):
    """Uninitialised parameters do not exist here; the question is asked by code written for PyTorch."""
    return False
