"""Variable, PyTorch's name of tensors with gradients before they became Tensor."""

from framejit import _ops as _t

__all__ = ["Variable"]


class _VariableMeta(type):
    def __instancecheck__(cls, other):
        return isinstance(other, _t.Tensor)


class Variable(metaclass=_VariableMeta):
    """`Variable(data)` gives a tensor over the same memory; every tensor is an instance."""

    def __new__(cls, data=None, requires_grad=False, volatile=None):
        if data is None:
            data = _t.empty(0)
        if not isinstance(data, _t.Tensor):
            raise TypeError(f"Variable data has to be a tensor, but got {type(data).__name__}")
        return data.detach().requires_grad_(requires_grad)
