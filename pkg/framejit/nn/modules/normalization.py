"""Layer, group, RMS and local response normalisation."""

import numbers

from framejit import _ops as _t
from framejit.nn import functional as F
from framejit.nn import init
from framejit.nn.parameter import Parameter

from .module import Module


def _shape_tuple(shape):
    return (shape,) if isinstance(shape, numbers.Integral) else tuple(shape)


class _AffineNorm(Module):
    """A normalisation followed by a learned scale and shift."""

    def _register_affine(self, shape, weight, bias, device, dtype):
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, Parameter(_t.empty(shape, device=device, dtype=dtype)) if wanted else None)

    def reset_parameters(self):
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class LayerNorm(_AffineNorm):
    """Normalises over the last dimensions.

    normalized_shape (int, or tuple of int), eps (float), elementwise_affine, bias (bool), device (framejit.device or
    str or None), dtype (framejit.dtype or None). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LayerNorm(2)(framejit.tensor([[1.0, 3.0], [10.0, 30.0]]))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]], grad_fn=<NativeLayerNormBackward0>)
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]

    def __init__(self, normalized_shape, eps=1e-5, elementwise_affine=True, bias=True, device=None, dtype=None):
        super().__init__()
        self.normalized_shape = _shape_tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._register_affine(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input):
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """Divides by the root mean square over the last dimensions.

    normalized_shape (int, or tuple of int), eps (float or None), elementwise_affine (bool), device (framejit.device or
    str or None), dtype (framejit.dtype or None). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.RMSNorm(2)(framejit.tensor([[3.0, 3.0]]))
    tensor([[1., 1.]], grad_fn=<RmsNormBackward0>)
    """

    __constants__ = ["normalized_shape", "eps", "elementwise_affine"]

    def __init__(self, normalized_shape, eps=None, elementwise_affine=True, device=None, dtype=None):
        super().__init__()
        self.normalized_shape = _shape_tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.register_parameter(
            "weight",
            Parameter(_t.empty(self.normalized_shape, device=device, dtype=dtype)) if elementwise_affine else None,
        )
        self.reset_parameters()

    def reset_parameters(self):
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x):
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self):
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_AffineNorm):
    """Normalises over groups of channels.

    num_groups, num_channels (int), eps (float), affine (bool), device (framejit.device or str or None), dtype
    (framejit.dtype or None), bias (bool). Raises ValueError (num_groups must be positive; num_channels (…) must be
    divisible by num_groups (…)).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.GroupNorm(2, 4)(framejit.rand(3, 4, 5)).shape
    framejit.Size([3, 4, 5])
    """

    __constants__ = ["num_groups", "num_channels", "eps", "affine"]

    def __init__(self, num_groups, num_channels, eps=1e-5, affine=True, device=None, dtype=None, *, bias=True):
        super().__init__()
        if num_groups <= 0:
            raise ValueError(f"num_groups must be positive, got {num_groups}")
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._register_affine(num_channels, affine, affine and bias, device, dtype)
        self.reset_parameters()

    def forward(self, input):
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """Divides by a power of the mean square over neighbouring channels.

    size (int), alpha, beta, k (float). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LocalResponseNorm(3)(framejit.rand(1, 4, 5, 5)).shape
    framejit.Size([1, 4, 5, 5])
    """

    __constants__ = ["size", "alpha", "beta", "k"]

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1.0):
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input):
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(LocalResponseNorm):
    """LocalResponseNorm of images, with k before the other settings' names.

    size (int), alpha, beta, k (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> framejit.nn.CrossMapLRN2d(3)(framejit.ones(1, 4, 2, 2)).shape
    framejit.Size([1, 4, 2, 2])
    """

    def __init__(self, size, alpha=1e-4, beta=0.75, k=1):
        super().__init__(size, alpha, beta, k)
