"""Linear maps."""

import math

from framejit import _ops as _t
from framejit.nn import functional as F
from framejit.nn import init
from framejit.nn.parameter import Parameter

from .module import Module


class Identity(Module):
    """Returns its input; takes and ignores any arguments.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Identity(7, anything=True)(framejit.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args, **kwargs):
        super().__init__()

    def forward(self, input):
        return input


class Linear(Module):
    """y = x Aᵀ + b.

    in_features, out_features (int), bias (bool), device (framejit.device or str or None), dtype (framejit.dtype or
    None). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.Linear(4, 2)
    >>> layer.weight.shape, layer(framejit.rand(3, 4)).shape
    (framejit.Size([2, 4]), framejit.Size([3, 2]))
    """

    __constants__ = ["in_features", "out_features"]

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(_t.empty((out_features, in_features), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(_t.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        # kaiming_uniform_ with a = sqrt(5) is uniform in ±1/sqrt(in_features)
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input):
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Bilinear(Module):
    """y = x1ᵀ A x2 + b.

    in1_features, in2_features, out_features (int), bias (bool), device (framejit.device or str or None), dtype
    (framejit.dtype or None). Raises ValueError (in1_features must be > 0).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Bilinear(4, 5, 6)(framejit.rand(3, 4), framejit.rand(3, 5)).shape
    framejit.Size([3, 6])
    """

    __constants__ = ["in1_features", "in2_features", "out_features"]

    def __init__(self, in1_features, in2_features, out_features, bias=True, device=None, dtype=None):
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        super().__init__()
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        shape = (out_features, in1_features, in2_features)
        self.weight = Parameter(_t.empty(shape, device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(_t.empty(out_features, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self):
        bound = 1 / math.sqrt(self.weight.size(1))
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1, input2):
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self):
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )
