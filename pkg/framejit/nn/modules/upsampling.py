"""Resizing modules."""

from framejit.nn import functional as F

from .module import Module


class Upsample(Module):
    """Resizes the spatial dimensions.

    size (int, sequence of int, or None), scale_factor (float, sequence of float, or None), mode (str), align_corners,
    recompute_scale_factor (bool or None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Upsample(scale_factor=2)(framejit.tensor([[[1.0, 2.0]]]))
    tensor([[[1., 1., 2., 2.]]])
    """

    __constants__ = ["size", "scale_factor", "mode", "align_corners", "name", "recompute_scale_factor"]

    def __init__(self, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None):
        super().__init__()
        self.name = type(self).__name__
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input):
        return F.interpolate(
            input,
            self.size,
            self.scale_factor,
            self.mode,
            self.align_corners,
            recompute_scale_factor=self.recompute_scale_factor,
        )

    def extra_repr(self):
        what = f"scale_factor={self.scale_factor!r}" if self.scale_factor is not None else f"size={self.size!r}"
        return f"{what}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resizes images, each new pixel the nearest old one.

    size (int, sequence of int, or None), scale_factor (float, sequence of float, or None). Calls raise AttributeError
    for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.UpsamplingNearest2d((3, 4))(framejit.rand(1, 1, 2, 2)).shape
    framejit.Size([1, 1, 3, 4])
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Resizes images by mixing the four old pixels around each new one.

    size (int, sequence of int, or None), scale_factor (float, sequence of float, or None). Calls raise AttributeError
    for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.UpsamplingBilinear2d(scale_factor=2)(framejit.rand(1, 1, 3, 3)).shape
    framejit.Size([1, 1, 6, 6])
    """

    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
