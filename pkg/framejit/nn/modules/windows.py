"""Pooling in three dimensions, unpooling, fractional pooling, Fold and Unfold."""

from framejit.nn import functional as F

from .module import Module
from .pooling import AvgPool2d, _AdaptiveAvgPoolNd, _AdaptiveMaxPoolNd, _LPPoolNd, _MaxPoolNd
from .utils import _pair, _single, _triple


class MaxPool3d(_MaxPoolNd):
    """The maximum of each window of (N, C, D, H, W).

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation (int, or
    sequence of int), return_indices, ceil_mode (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MaxPool3d(2)(framejit.rand(1, 3, 8, 6, 4)).shape
    framejit.Size([1, 3, 4, 3, 2])
    """

    _function = staticmethod(F.max_pool3d)


class AvgPool3d(AvgPool2d):
    """The mean of each window of (N, C, D, H, W).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AvgPool3d(2)(framejit.rand(1, 3, 8, 6, 4)).shape
    framejit.Size([1, 3, 4, 3, 2])
    """

    def forward(self, input):
        return F.avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Average pooling to a given depth, height and width.

    output_size (int, or sequence of int and None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AdaptiveAvgPool3d(2)(framejit.rand(1, 3, 8, 6, 4)).shape
    framejit.Size([1, 3, 2, 2, 2])
    """

    _function = staticmethod(F.adaptive_avg_pool3d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Max pooling to a given depth, height and width.

    output_size (int, or sequence of int and None), return_indices (bool). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AdaptiveMaxPool3d(2)(framejit.rand(1, 3, 8, 6, 4)).shape
    framejit.Size([1, 3, 2, 2, 2])
    """

    _function = staticmethod(F.adaptive_max_pool3d)


class LPPool3d(_LPPoolNd):
    """The p-norm of each window of (N, C, D, H, W).

    norm_type (float), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), ceil_mode
    (bool). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LPPool3d(2, 3)(framejit.rand(1, 3, 9, 9, 9)).shape
    framejit.Size([1, 3, 3, 3, 3])
    """

    _function = staticmethod(F.lp_pool3d)


class _MaxUnpoolNd(Module):
    """What the unpoolings share: `_tuple` and `_function` say how many dimensions."""

    def __init__(self, kernel_size, stride=None, padding=0):
        super().__init__()
        self.kernel_size = self._tuple(kernel_size)
        self.stride = self._tuple(stride if stride is not None else kernel_size)
        self.padding = self._tuple(padding)

    def forward(self, input, indices, output_size=None):
        return self._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpoolNd):
    """The reverse of MaxPool1d.

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or sequence of
    int). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> values, places = nn.MaxPool1d(2, return_indices=True)(framejit.tensor([[1.0, 2.0, 4.0, 3.0]]))
    >>> nn.MaxUnpool1d(2)(values, places)
    tensor([[0., 2., 4., 0.]])
    """

    _tuple, _function = staticmethod(_single), staticmethod(F.max_unpool1d)


class MaxUnpool2d(_MaxUnpoolNd):
    """The reverse of MaxPool2d.

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or sequence of
    int). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> values, places = nn.MaxPool2d(2, return_indices=True)(framejit.rand(1, 1, 4, 4))
    >>> nn.MaxUnpool2d(2)(values, places).shape
    framejit.Size([1, 1, 4, 4])
    """

    _tuple, _function = staticmethod(_pair), staticmethod(F.max_unpool2d)


class MaxUnpool3d(_MaxUnpoolNd):
    """The reverse of MaxPool3d.

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or sequence of
    int). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> values, places = nn.MaxPool3d(2, return_indices=True)(framejit.rand(1, 1, 4, 4, 4))
    >>> nn.MaxUnpool3d(2)(values, places).shape
    framejit.Size([1, 1, 4, 4, 4])
    """

    _tuple, _function = staticmethod(_triple), staticmethod(F.max_unpool3d)


class _FractionalMaxPoolNd(Module):
    __constants__ = ["kernel_size", "return_indices", "output_size", "output_ratio"]

    def __init__(self, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None):
        super().__init__()
        name = type(self).__name__
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        self.kernel_size = self._tuple(kernel_size)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else self._tuple(output_size)
        self.output_ratio = None if output_ratio is None else self._tuple(output_ratio)
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input):
        return self._function(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples
        )


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Max pooling over windows at pseudo-random places (Graham 2015).

    kernel_size (int, or sequence of int), output_size (int, or sequence of int and None), output_ratio (sequence of
    float or None), return_indices (bool). Raises ValueError (… requires specifying either an output size, or a pooling
    ratio; only one of output_size and output_ratio may be specified; output_ratio must be between 0 and 1 (got …)).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.FractionalMaxPool2d(2, output_size=3)(framejit.rand(1, 3, 8, 8)).shape
    framejit.Size([1, 3, 3, 3])
    """

    _tuple, _function = staticmethod(_pair), staticmethod(F.fractional_max_pool2d)


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Max pooling over windows at pseudo-random places (Graham 2015).

    kernel_size (int, or sequence of int), output_size (int, or sequence of int and None), output_ratio (sequence of
    float or None), return_indices (bool). Raises ValueError (… requires specifying either an output size, or a pooling
    ratio; only one of output_size and output_ratio may be specified; output_ratio must be between 0 and 1 (got …)).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.FractionalMaxPool3d(2, output_size=3)(framejit.rand(1, 3, 8, 8, 8)).shape
    framejit.Size([1, 3, 3, 3, 3])
    """

    _tuple, _function = staticmethod(_triple), staticmethod(F.fractional_max_pool3d)


class Unfold(Module):
    """Sliding windows of (N, C, H, W) as columns.

    kernel_size, dilation, padding, stride (int, or sequence of int). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Unfold(2, stride=2)(framejit.rand(1, 3, 4, 4)).shape
    framejit.Size([1, 12, 4])
    """

    __constants__ = ["kernel_size", "dilation", "padding", "stride"]

    def __init__(self, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input):
        return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """The sum of sliding windows at their places: the transpose of Unfold.

    output_size (int, or sequence of int and None), kernel_size, dilation, padding, stride (int, or sequence of int).
    Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Fold((4, 4), 2, stride=2)(framejit.rand(1, 12, 4)).shape
    framejit.Size([1, 3, 4, 4])
    """

    __constants__ = ["output_size", "kernel_size", "dilation", "padding", "stride"]

    def __init__(self, output_size, kernel_size, dilation=1, padding=0, stride=1):
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input):
        return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self):
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
