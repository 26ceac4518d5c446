"""interpolate: each resized dimension is one or two selections of its lines, mixed by constant weights."""

import math
from collections.abc import Sequence

from framejit import _C
from framejit import _ops as _t
from framejit._C import Tensor
from framejit._common import HALVES, scalar_name, suggested_format

from .sampling import lines_cubic

_SPATIAL = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
_MODES = ("nearest", "nearest-exact", "area", *_SPATIAL)
_OF_BYTES = ("nearest", "nearest-exact", "bilinear", "bicubic")


def interpolate(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor=None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
):
    """Resize the spatial dimensions to `size`, or by `scale_factor`.

    input (Tensor), size (int, sequence of int, or None), scale_factor (float, sequence of float, or None), mode (str),
    align_corners, recompute_scale_factor, antialias (bool or None). Raises NotImplementedError (the mode … is not
    supported, only …; Got …D input, but … mode needs …D input; not implemented for integers but uint8), ValueError.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.interpolate(framejit.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    if mode not in _MODES:
        raise NotImplementedError(f"interpolate: the mode {mode!r} is not supported, only {', '.join(_MODES)}")
    if antialias and (mode not in ("bilinear", "bicubic") or input.dim() != 4):
        raise ValueError(
            "Anti-alias option is restricted to bilinear and bicubic modes and requires a 4-D tensor as input"
        )
    spatial = input.dim() - 2
    if mode not in _SPATIAL and align_corners is not None:
        raise ValueError(
            "align_corners option can only be set with the interpolating modes: linear | bilinear | bicubic | trilinear"
        )
    sizes, scales = _output_sizes(input, spatial, size, scale_factor, recompute_scale_factor)
    if spatial not in (1, 2, 3):
        raise NotImplementedError(
            f"Input Error: Only 3D, 4D and 5D input Tensors supported (got {input.dim()}D) for the modes: {' | '.join(_MODES)}"
        )
    if mode in _SPATIAL and spatial != _SPATIAL[mode]:
        raise NotImplementedError(f"Got {input.dim()}D input, but {mode} mode needs {_SPATIAL[mode] + 2}D input")
    if not input.is_floating_point() and (input.dtype != _C.uint8 or mode not in _OF_BYTES):
        raise NotImplementedError(f"\"upsample_{mode}\" not implemented for '{scalar_name(input.dtype)}'")
    how = sizes, scales, mode, align_corners, antialias
    if mode == "area":
        result = _area(input, sizes)
    elif input.dtype == _C.uint8 and mode in _SPATIAL:
        result = input.to(_C.float32)
        for i in (1, 0):  # bytes again after each, as in PyTorch
            result = _resized(result, i, *how).round().clamp(0, 255)
        result = result.to(_C.uint8)
    else:  # halves with weights are mixed in float32 and rounded once, as in PyTorch
        mixed = mode in _SPATIAL and input.dtype in HALVES
        result = input.float() if mixed else input
        for i in range(spatial):
            result = _resized(result, i, *how)
        result = result.to(input.dtype) if mixed else result
    return result.contiguous(memory_format=suggested_format(input))


def _resized(input, i, sizes, scales, mode, align_corners, antialias):
    """The `i`-th dimension behind the channels resized."""
    dim, extent = 2 + i, input.shape[2 + i]
    step = 1.0 / scales[i] if scales[i] is not None else extent / sizes[i] if sizes[i] else 1.0
    if antialias:
        return filter_lines(input, dim, extent, sizes[i], step, mode, bool(align_corners))
    if mode == "bicubic":
        return lines_cubic(input, dim, sizes[i], _places(extent, sizes[i], step, bool(align_corners)))
    if mode in _SPATIAL:
        return _mix_lines(input, dim, extent, sizes[i], step, bool(align_corners))
    offset = 0.5 if mode == "nearest-exact" else 0.0
    lines = [min(int((o + offset) * step), extent - 1) for o in range(sizes[i])]
    return input.index_select(dim, _t.tensor(lines, dtype=_t.int64))


def _output_sizes(input, spatial, size, scale_factor, recompute):
    """The sizes, and the factors that positions are computed with (None: from the sizes)."""
    if (size is None) == (scale_factor is None):
        raise ValueError(
            "either size or scale_factor should be defined"
            if size is None
            else "only one of size or scale_factor should be defined"
        )

    def listed(value, name):
        if not isinstance(value, (list, tuple)):
            return [value] * spatial
        values = list(value)
        if len(values) != spatial:
            raise ValueError(
                f"Input and {name} must have the same number of spatial dimensions, but got input with "
                f"spatial dimensions of {list(input.shape[2:])} and {name} of {values}"
            )
        return values

    if size is not None:
        if recompute:
            raise ValueError("recompute_scale_factor is not meaningful with an explicit size.")
        return listed(size, "output_size"), [None] * spatial
    factors = listed(scale_factor, "scale_factor")
    sizes = [int(math.floor(extent * factor)) for extent, factor in zip(input.shape[2:], factors)]
    return sizes, [None] * spatial if recompute else factors


def _area(input, sizes):
    """Means of the cells: adaptive average pooling."""
    return getattr(_t, f"adaptive_avg_pool{len(sizes)}d")(input, sizes)


def _places(extent, size, step, align_corners):
    """Where the new lines lie among the old ones."""
    if align_corners:
        return [o * ((extent - 1) / (size - 1) if size > 1 else 0.0) for o in range(size)]
    return [(o + 0.5) * step - 0.5 for o in range(size)]


def filter_lines(input: Tensor, dim: int, extent, size: int | Sequence[int], step, mode, align_corners: bool | None):
    """Resize one dimension by a filter as wide as the step: a product with a matrix of normalised weights."""
    if align_corners:
        step = (extent - 1) / (size - 1) if size > 1 else 0.0
    reach, kernel = (1.0, _triangle) if mode == "bilinear" else (2.0, _keys)
    stretch = max(step, 1.0)
    rows = []
    for o in range(size):
        centre = step * (o + 0.5)
        first = max(int(centre - reach * stretch + 0.5), 0)
        last = min(int(centre + reach * stretch + 0.5), extent)
        weights = [kernel((k - centre + 0.5) / stretch) for k in range(first, last)]
        total = sum(weights) or 1.0
        rows.append([0.0] * first + [w / total for w in weights] + [0.0] * (extent - last))
    matrix = _t.tensor(rows, dtype=input.dtype)
    return (input.movedim(dim, -1) @ matrix.t()).movedim(-1, dim)


def _triangle(x):
    return max(1.0 - abs(x), 0.0)


def _keys(x, a=-0.5):
    """Cubic convolution (Keys 1981) with the constant that anti-aliased resizing uses."""
    x = abs(x)
    if x < 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def _mix_lines(input, dim, extent, size, step, align_corners):
    """Each new line is a mixture of the two old lines around its place."""
    places = [max(place, 0.0) for place in _places(extent, size, step, align_corners)]
    low = [min(int(place), extent - 1) for place in places]
    high = [min(line + 1, extent - 1) for line in low]
    shape = [1] * input.dim()
    shape[dim] = size
    weight = _t.tensor([place - line for place, line in zip(places, low)], dtype=input.dtype).reshape(shape)
    first = input.index_select(dim, _t.tensor(low, dtype=_t.int64))
    second = input.index_select(dim, _t.tensor(high, dtype=_t.int64))
    return first * (1 - weight) + second * weight


def upsample(
    input: Tensor,
    size: int | Sequence[int] | None = None,
    scale_factor=None,
    mode: str = "nearest",
    align_corners: bool | None = None,
):
    """The old name of `interpolate`.

    input (Tensor), size (int, sequence of int, or None), scale_factor (float, sequence of float, or None), mode (str),
    align_corners (bool or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.upsample(framejit.tensor([[[1.0, 2.0]]]), scale_factor=2)
    tensor([[[1., 1., 2., 2.]]])
    """
    return interpolate(input, size, scale_factor, mode, align_corners)
