"""Pooling."""

from framejit.nn import functional as F

from .module import Module
from .utils import _single


class _MaxPoolNd(Module):
    """What the max pools share."""

    __constants__ = ["kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode"]
    _function = None

    def __init__(self, kernel_size, stride=None, padding=0, dilation=1, return_indices=False, ceil_mode=False):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input):
        return self._function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            ceil_mode=self.ceil_mode,
            return_indices=self.return_indices,
        )

    def extra_repr(self):
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPoolNd):
    """The maximum of each window of (N, C, L).

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation (int, or
    sequence of int), return_indices, ceil_mode (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MaxPool1d(2)(framejit.tensor([[1.0, 2.0, 4.0, 3.0]]))
    tensor([[2., 4.]])
    """

    _function = staticmethod(F.max_pool1d)


class MaxPool2d(_MaxPoolNd):
    """The maximum of each window of (N, C, H, W).

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation (int, or
    sequence of int), return_indices, ceil_mode (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MaxPool2d(3, 2, 1)(framejit.rand(1, 3, 9, 8)).shape
    framejit.Size([1, 3, 5, 4])
    """

    _function = staticmethod(F.max_pool2d)


class AvgPool1d(Module):
    """The mean of each window of (N, C, L).

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or sequence of
    int), ceil_mode, count_include_pad (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AvgPool1d(2)(framejit.tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[1.5000, 3.5000]])
    """

    __constants__ = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad"]

    def __init__(self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True):
        super().__init__()
        self.kernel_size = _single(kernel_size)
        self.stride = _single(stride if stride is not None else kernel_size)
        self.padding = _single(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input):
        return F.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool2d(Module):
    """The mean of each window of (N, C, H, W).

    kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or sequence of
    int), ceil_mode, count_include_pad (bool), divisor_override (int or None). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AvgPool2d(2)(framejit.rand(1, 3, 8, 6)).shape
    framejit.Size([1, 3, 4, 3])
    """

    __constants__ = ["kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"]

    def __init__(
        self, kernel_size, stride=None, padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input):
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )

    def extra_repr(self):
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _LPPoolNd(Module):
    __constants__ = ["norm_type", "kernel_size", "stride", "ceil_mode"]
    _function = None

    def __init__(self, norm_type, kernel_size, stride=None, ceil_mode=False):
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input):
        return self._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)

    def extra_repr(self):
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPoolNd):
    """The p-norm of each window of (N, C, L).

    norm_type (float), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), ceil_mode
    (bool). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LPPool1d(2, 2)(framejit.tensor([[3.0, 4.0, 6.0, 8.0]]))
    tensor([[ 5., 10.]])
    """

    _function = staticmethod(F.lp_pool1d)


class LPPool2d(_LPPoolNd):
    """The p-norm of each window of (N, C, H, W).

    norm_type (float), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), ceil_mode
    (bool). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LPPool2d(2, 3)(framejit.rand(1, 3, 9, 9)).shape
    framejit.Size([1, 3, 3, 3])
    """

    _function = staticmethod(F.lp_pool2d)


class _AdaptiveAvgPoolNd(Module):
    __constants__ = ["output_size"]
    _function = None

    def __init__(self, output_size):
        super().__init__()
        self.output_size = output_size

    def forward(self, input):
        return self._function(input, self.output_size)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Average pooling to a given length.

    output_size (int, or sequence of int and None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AdaptiveAvgPool1d(2)(framejit.tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[1.5000, 3.5000]])
    """

    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Average pooling to a given height and width.

    output_size (int, or sequence of int and None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AdaptiveAvgPool2d((2, None))(framejit.rand(1, 3, 8, 6)).shape
    framejit.Size([1, 3, 2, 6])
    """

    _function = staticmethod(F.adaptive_avg_pool2d)


class _AdaptiveMaxPoolNd(Module):
    __constants__ = ["output_size", "return_indices"]
    _function = None

    def __init__(self, output_size, return_indices=False):
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def forward(self, input):
        return self._function(input, self.output_size, self.return_indices)

    def extra_repr(self):
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Max pooling to a given length.

    output_size (int, or sequence of int and None), return_indices (bool). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AdaptiveMaxPool1d(2)(framejit.tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[2., 4.]])
    """

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Max pooling to a given height and width.

    output_size (int, or sequence of int and None), return_indices (bool). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.AdaptiveMaxPool2d(2)(framejit.rand(1, 3, 8, 6)).shape
    framejit.Size([1, 3, 2, 2])
    """

    _function = staticmethod(F.adaptive_max_pool2d)
