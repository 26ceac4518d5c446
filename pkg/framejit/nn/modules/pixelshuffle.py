"""Modules that move values between channels and pixels."""

from framejit.nn import functional as F

from .module import Module


class PixelShuffle(Module):
    """(*, C r², H, W) to (*, C, H r, W r).

    upscale_factor (int). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.PixelShuffle(2)(framejit.rand(1, 4, 3, 3)).shape
    framejit.Size([1, 1, 6, 6])
    """

    __constants__ = ["upscale_factor"]

    def __init__(self, upscale_factor):
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input):
        return F.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(*, C, H r, W r) to (*, C r², H, W).

    downscale_factor (int). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.PixelUnshuffle(2)(framejit.rand(1, 1, 6, 6)).shape
    framejit.Size([1, 4, 3, 3])
    """

    __constants__ = ["downscale_factor"]

    def __init__(self, downscale_factor):
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input):
        return F.pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self):
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Interleaves the channels of several groups.

    groups (int). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.ChannelShuffle(2)(framejit.arange(4.0).reshape(1, 4, 1, 1)).flatten()
    tensor([0., 2., 1., 3.])
    """

    __constants__ = ["groups"]

    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, input):
        return F.channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f"groups={self.groups}"
