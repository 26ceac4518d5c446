"""Convolutions."""

import math

from framejit import _ops as _t
from framejit.nn import functional as F
from framejit.nn import init
from framejit.nn.parameter import Parameter

from .module import Module
from .utils import _pair, _single, _triple, reverse_repeat_tuple


class _ConvNd(Module):
    """What the convolutions share: checks, parameters, padding modes and repr."""

    __constants__ = [
        "stride",
        "padding",
        "dilation",
        "groups",
        "padding_mode",
        "output_padding",
        "in_channels",
        "out_channels",
        "kernel_size",
    ]

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride,
        padding,
        dilation,
        transposed,
        output_padding,
        groups,
        bias,
        padding_mode,
        device=None,
        dtype=None,
    ):
        super().__init__()
        self._check(in_channels, out_channels, stride, padding, groups, padding_mode)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.transposed = transposed
        self.output_padding = output_padding
        self.groups = groups
        self.padding_mode = padding_mode
        self._reversed_padding_repeated_twice = self._padding_for_pad()
        shape = (in_channels, out_channels // groups) if transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(_t.empty((*shape, *kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(_t.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    @staticmethod
    def _check(in_channels, out_channels, stride, padding, groups, padding_mode):
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {{'same', 'valid'}}")
            if padding == "same" and any(s != 1 for s in stride):
                raise ValueError("padding='same' is not supported for strided convolutions")
        modes = ("zeros", "reflect", "replicate", "circular")
        if padding_mode not in modes:
            raise ValueError(f"padding_mode must be one of {set(modes)}, but got padding_mode='{padding_mode}'")

    def _padding_for_pad(self):
        """The padding as `F.pad` takes it, for the modes that pad before convolving."""
        if not isinstance(self.padding, str):
            return reverse_repeat_tuple(self.padding, 2)
        pads = [0, 0] * len(self.kernel_size)
        if self.padding == "same":
            for i, (d, k) in enumerate(zip(self.dilation, self.kernel_size)):
                total = d * (k - 1)
                at = 2 * (len(self.kernel_size) - 1 - i)
                pads[at] = total // 2
                pads[at + 1] = total - total // 2
        return pads

    def reset_parameters(self):
        # uniform in ±1/sqrt(fan_in), as Linear
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def extra_repr(self):
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0,) * len(self.padding):
            parts.append(f"padding={self.padding}")
        if self.dilation != (1,) * len(self.dilation):
            parts.append(f"dilation={self.dilation}")
        if self.output_padding != (0,) * len(self.output_padding):
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class _PlainConvNd(_ConvNd):
    """A convolution as a layer; `_tuple` and `_function` say over how many dimensions."""

    def __init__(
        self,
        in_channels,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        each = type(self)._tuple
        super().__init__(
            in_channels,
            out_channels,
            each(kernel_size),
            each(stride),
            padding if isinstance(padding, str) else each(padding),
            each(dilation),
            False,
            each(0),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _conv_forward(self, input, weight, bias):
        convolve = getattr(F, type(self)._function)
        if self.padding_mode == "zeros":
            return convolve(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        input = F.pad(input, self._reversed_padding_repeated_twice, mode=self.padding_mode)
        return convolve(input, weight, bias, self.stride, 0, self.dilation, self.groups)

    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)


class Conv1d(_PlainConvNd):
    """Convolution over (N, C, L).

    in_channels, out_channels (int), kernel_size, stride (int, or sequence of int), padding (int, sequence of int, or
    str), dilation (int, or sequence of int), groups (int), bias (bool), padding_mode (str), device (framejit.device or
    str or None), dtype (framejit.dtype or None). Raises ValueError for channels that groups does not divide, an
    unknown padding mode, and padding="same" with a stride.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Conv1d(4, 6, 3)(framejit.rand(2, 4, 9)).shape
    framejit.Size([2, 6, 7])
    """

    _tuple, _function = staticmethod(_single), "conv1d"


class Conv2d(_PlainConvNd):
    """Convolution over (N, C, H, W).

    in_channels, out_channels (int), kernel_size, stride (int, or sequence of int), padding (int, sequence of int, or
    str), dilation (int, or sequence of int), groups (int), bias (bool), padding_mode (str), device (framejit.device or
    str or None), dtype (framejit.dtype or None). Raises ValueError for channels that groups does not divide, an
    unknown padding mode, and padding="same" with a stride.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Conv2d(4, 6, 3, stride=2, padding=1)(framejit.rand(2, 4, 9, 8)).shape
    framejit.Size([2, 6, 5, 4])
    """

    _tuple, _function = staticmethod(_pair), "conv2d"


class Conv3d(_PlainConvNd):
    """Convolution over (N, C, D, H, W).

    in_channels, out_channels (int), kernel_size, stride (int, or sequence of int), padding (int, sequence of int, or
    str), dilation (int, or sequence of int), groups (int), bias (bool), padding_mode (str), device (framejit.device or
    str or None), dtype (framejit.dtype or None). Raises ValueError for channels that groups does not divide, an
    unknown padding mode, and padding="same" with a stride.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Conv3d(4, 6, 3)(framejit.rand(2, 4, 9, 8, 7)).shape
    framejit.Size([2, 6, 7, 6, 5])
    """

    _tuple, _function = staticmethod(_triple), "conv3d"
