"""grid_sample and affine_grid: reading images at arbitrary places."""

import itertools
import math
from collections.abc import Sequence

from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._C import Tensor

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def affine_grid(theta: Tensor, size: Sequence[int], align_corners: bool | None = None):
    """Places in [-1, 1] of an affine map: theta (N, 2, 3) for sizes (N, C, H, W), or (N, 3, 4) for (N, C, D, H, W).

    size (sequence of int), align_corners (bool or None). Raises NotImplementedError, ValueError (Expected theta to
    have floating point type; Expected a batch of …D affine matrices of shape Nx…x… for size …. Got …; Expected
    non-zero, positive output size. Got …).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> theta = framejit.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> F.affine_grid(theta, (1, 1, 2, 2), align_corners=True)
    tensor([[[[-1., -1.],
              [ 1., -1.]],
    <BLANKLINE>
             [[-1.,  1.],
              [ 1.,  1.]]]])
    """
    align = bool(align_corners)
    spatial = len(size) - 2
    if spatial not in (2, 3):
        raise NotImplementedError(
            f"affine_grid only supports 4D and 5D sizes, for 2D and 3D affine transforms, respectively. Got size {size}."
        )
    if not theta.is_floating_point():
        raise ValueError(f"Expected theta to have floating point type, but got {theta.dtype}")
    if theta.dim() != 3 or tuple(theta.shape[-2:]) != (spatial, spatial + 1):
        raise ValueError(
            f"Expected a batch of {spatial}D affine matrices of shape Nx{spatial}x{spatial + 1} for size {size}. Got {tuple(theta.shape)}."
        )
    if min(size) <= 0:
        raise ValueError(f"Expected non-zero, positive output size. Got {size}")
    axes = []
    for extent in size[2:]:
        line = _t.linspace(-1, 1, extent, dtype=theta.dtype) if extent > 1 else _t.zeros(1, dtype=theta.dtype)
        axes.append(line if align else line * ((extent - 1) / extent))
    parts = []
    for axis in reversed(range(spatial)):
        shape = [1] * spatial
        shape[axis] = size[2 + axis]
        parts.append(axes[axis].reshape(shape).expand(list(size[2:])))
    parts.append(_t.ones(list(size[2:]), dtype=theta.dtype))
    base = _t.stack(parts, -1).reshape(1, -1, spatial + 1).expand(size[0], -1, -1)
    return (base @ theta.transpose(1, 2)).reshape(size[0], *size[2:], spatial)


@listed("input", "grid", name="grid_sampler")
def grid_sample(
    input: Tensor, grid: Tensor, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
):
    """Values of `input` (N, C, H, W) at the places `grid` (N, h, w, 2), x before y, in [-1, 1]; likewise in 3-D.

    mode, padding_mode (str), align_corners (bool or None). Raises ValueError (expected mode to be 'bilinear',
    'nearest' or 'bicubic', but got: '…'; expected padding_mode to be 'zeros', 'border', or 'reflection', but got:
    '…'), RuntimeError (expected 4D or 5D input and grid with same number of dimensions; expected grid and input to
    have same batch size; expected grid to have size … in last dimension).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.grid_sample(framejit.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), framejit.zeros(1, 1, 1, 2), align_corners=False)
    tensor([[[[2.5000]]]])
    """
    if mode not in _MODES:
        raise ValueError(
            f"nn.functional.grid_sample(): expected mode to be 'bilinear', 'nearest' or 'bicubic', but got: '{mode}'"
        )
    if padding_mode not in _PADDINGS:
        raise ValueError(
            f"nn.functional.grid_sample(): expected padding_mode to be 'zeros', 'border', or 'reflection', but got: '{padding_mode}'"
        )
    if not input.dim() or not grid.dim():
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    spatial = input.dim() - 2
    if spatial not in (2, 3) or grid.dim() != input.dim():
        raise RuntimeError(
            f"grid_sampler(): expected 4D or 5D input and grid with same number of dimensions, but got input with sizes "
            f"{list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.shape[0] != input.shape[0]:
        raise RuntimeError(
            f"grid_sampler(): expected grid and input to have same batch size, but got input with sizes {list(input.shape)} and grid with sizes {list(grid.shape)}"
        )
    if grid.shape[-1] != spatial:
        raise RuntimeError(
            f"grid_sampler(): expected grid to have size {spatial} in last dimension, but got grid with sizes {list(grid.shape)}"
        )
    if mode == "bicubic" and spatial != 2:
        raise RuntimeError("grid_sampler(): bicubic interpolation only supports 4D input")
    align = bool(align_corners)
    sizes = input.shape[2:]
    places = [_unnormalised(grid[..., spatial - 1 - axis], sizes[axis], align) for axis in range(spatial)]
    if mode == "bicubic":
        return _bicubic(input, places, padding_mode, align)
    places = [_kept(place, size, padding_mode, align) for place, size in zip(places, sizes)]
    if mode == "nearest":
        return _read(input, [place.round().to(_t.int64) for place in places], padding_mode)
    return _linear(input, places, padding_mode)


def _unnormalised(x, size, align):
    return (x + 1) / 2 * (size - 1) if align else ((x + 1) * size - 1) / 2


def _kept(x, size, padding, align):
    """Places moved into the image as the padding mode says."""
    if padding == "reflection":
        low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
        span = high - low
        if span <= 0:
            return x * 0.0
        away = (x - low).abs()
        rounds = (away / span).floor().detach()
        extra = away - rounds * span
        x = _t.where(rounds.remainder(2) == 0, extra + low, high - extra)
        return x.clamp(0, size - 1)
    return x.clamp(0, size - 1) if padding == "border" else x


def _read(input, index, padding):
    """The values at whole positions; zero outside where the padding says so."""
    sizes = input.shape[2:]
    inside = None
    flat = None
    for place, size in zip(index, sizes):
        fits = (place >= 0) & (place < size)
        inside = fits if inside is None else inside & fits
        place = place.clamp(0, size - 1)
        flat = place if flat is None else flat * size + place
    batch, channels = input.shape[:2]
    at = flat.flatten(1).unsqueeze(1).expand(batch, channels, -1)
    values = input.flatten(2).gather(2, at).reshape(batch, channels, *flat.shape[1:])
    return values.masked_fill(~inside.unsqueeze(1), 0)


def _linear(input, places, padding):
    low = [place.detach().floor() for place in places]
    far = [place - floor for place, floor in zip(places, low)]
    total = 0
    for corner in itertools.product((0, 1), repeat=len(places)):
        weight = 1
        for side, part in zip(corner, far):
            weight = weight * (part if side else 1 - part)
        index = [(floor + side).to(_t.int64) for side, floor in zip(corner, low)]
        total = total + _read(input, index, padding) * weight.unsqueeze(1)
    return total


def cubic_weights(t, a=-0.75):
    """The four weights of cubic convolution at distance t past the second tap (Keys 1981)."""
    near = lambda x: ((a + 2) * x - (a + 3)) * x * x + 1
    away = lambda x: ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return away(t + 1), near(t), near(1 - t), away(2 - t)


def _bicubic(input, places, padding, align):
    low = [place.detach().floor() for place in places]
    weights = [cubic_weights(place - floor) for place, floor in zip(places, low)]
    total = 0
    for i, j in itertools.product(range(4), repeat=2):
        index = [
            _kept(floor + (tap - 1), size, padding, align).round().to(_t.int64)
            for floor, tap, size in zip(low, (i, j), input.shape[2:])
        ]
        total = total + _read(input, index, padding) * (weights[0][i] * weights[1][j]).unsqueeze(1)
    return total


def lines_cubic(input: Tensor, dim: int, size: int | Sequence[int], places):
    """Resize one dimension by cubic convolution at the given places."""
    extent = input.shape[dim]
    shape = [1] * input.dim()
    shape[dim] = size
    floors = [math.floor(place) for place in places]
    far = _t.tensor([place - floor for place, floor in zip(places, floors)], dtype=input.dtype).reshape(shape)
    total = 0
    for tap, weight in enumerate(cubic_weights(far)):
        lines = [min(max(floor + tap - 1, 0), extent - 1) for floor in floors]
        total = total + input.index_select(dim, _t.tensor(lines, dtype=_t.int64)) * weight
    return total
