"""Histograms of one and of several variables."""

import math
from collections import namedtuple

from framejit import _C
from framejit._common import into, scalar_name

_Histogram = namedtuple("histogram", ("hist", "bin_edges"))
_Histogramdd = namedtuple("histogramdd", ("hist", "bin_edges"))


def _outer_edges(name, x, bounds):
    """(lowest, highest) of a line of data, or as given; apart where they are equal."""
    if bounds is not None:
        low, high = bounds
    elif x.numel() == 0:
        return 0.0, 1.0
    else:
        low, high = x.min(), x.max()
        low, high = float(low), float(high)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"{name}: range [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError(f"{name}: min should not exceed max, but got min {low} max {high} for dimension 0")
    return (low - 0.5, high + 0.5) if low == high else (low, high)


def _places(x, edges):
    """The bin of each element, and whether it is in any: bins are half open, the last one is closed."""
    at = _C.searchsorted(edges, x.contiguous(), right=True) - 1
    last = edges.shape[0] - 2
    at = _C.where(x == edges[-1], last, at)
    inside = (x >= edges[0]) & (x <= edges[-1])
    return at.clamp(0, max(last, 0)), inside


def _even_places(x, edges):
    """The same for even edges, as PyTorch finds them: by division, mended by the edges beside."""
    low, high = float(edges[0]), float(edges[-1])
    count = edges.shape[0] - 1
    inside = (x >= low) & (x <= high)
    at = ((x - low) * count / (high - low)).to(_C.int64).clamp(0, count - 1)
    return at, inside


def _check_float(name, x):
    if not x.is_floating_point():
        raise NotImplementedError(f"\"{name}_cpu\" not implemented for '{scalar_name(x.dtype)}'")


def _count(places, inside, weight, sizes, dtype):
    total = math.prod(sizes)
    flat = _C.zeros_like(places[0])
    for at, n in zip(places, sizes, strict=True):
        flat = flat * n + at
    counted = inside.to(dtype) if weight is None else _C.where(inside, weight.reshape(-1).to(dtype), 0)
    return _C.zeros(total, dtype=dtype).index_add(0, flat, counted).reshape(sizes)


def _density(hist, edges):
    result = hist / hist.sum()
    for d, e in enumerate(edges):
        result = result / e.diff().reshape([-1 if k == d else 1 for k in range(len(edges))])
    return result


def histogram(input, bins, *, range=None, weight=None, density=False, out=None):
    """(hist, bin_edges): how many elements fall between consecutive edges; the last bin holds its right edge, too.

    input (Tensor), bins (int, or a Tensor of increasing edges), range (pair of float, or None): the outer edges; weight
    (Tensor or None), density (bool): divide by the total and the width, out (pair of Tensor or None). Raises RuntimeError
    (bins must be > 0; bins tensor should have one dimension; input tensor and weight tensor should have the same shape).

    >>> import framejit
    >>> framejit.histogram(framejit.tensor([1.0, 2.0, 1.0]), 4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    _check_float("histogram", input)
    x = input.detach().reshape(-1)
    if isinstance(bins, _C.Tensor):
        if bins.dim() != 1:
            raise RuntimeError("histogramdd: bins tensor should have one dimension, but got " + str(bins.dim()) + " dimensions in the bins tensor for dimension 0")  # fmt: skip
        if bins.dtype != input.dtype:
            raise RuntimeError("torch.histogramdd: input tensor and bins tensors should have the same dtype")
        edges = bins.detach()
        places, inside = _places(x, edges)
    else:
        if bins <= 0:
            raise RuntimeError(f"torch.histogram(): bins must be > 0, but got {bins} for dimension 0")
        low, high = _outer_edges("torch.histogramdd", x, range)
        edges = _C.linspace(low, high, bins + 1, dtype=input.dtype)
        places, inside = _even_places(x, edges)
    if weight is not None and weight.shape != input.shape:
        raise RuntimeError(
            "torch.histogramdd: if weight tensor is provided it should have the same shape as the input tensor excluding its "
            "innermost dimension"
        )
    if weight is not None and weight.dtype != input.dtype:
        raise RuntimeError("torch.histogramdd: if weight tensor is provided, input tensor and weight tensor should have the same dtype")  # fmt: skip
    hist = _count([places], inside, None if weight is None else weight.detach(), [edges.shape[0] - 1], input.dtype)
    hist = _density(hist, [edges]) if density else hist
    if out is not None:
        return _Histogram(into(out[0], hist), into(out[1], edges))
    return _Histogram(hist, edges)


def histogramdd(input, bins, *, range=None, weight=None, density=False, out=None):
    """(hist, bin_edges) of points whose coordinates are the last dimension: a histogram of as many dimensions.

    input (Tensor), bins (int, sequence of int, or sequence of Tensor), range (sequence of float or None): the outer edges
    of each dimension, weight (Tensor or None), density (bool), out (pair or None). Raises RuntimeError (bins must be > 0;
    input tensor should have at least 2 dimensions).

    >>> import framejit
    >>> framejit.histogramdd(framejit.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), 2).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    _check_float("histogramdd", input)
    if input.dim() < 2:
        raise RuntimeError(
            "torch.histogramdd: input tensor should have at least 2 dimensions, but got " + str(input.dim())
        )
    count = input.shape[-1]
    points = input.detach().reshape(-1, count)
    bins = [bins] * count if isinstance(bins, int) else list(bins)
    if len(bins) != count:
        raise RuntimeError(
            f"torch.histogramdd: expected {count} sequences of bin edges for a {count}-dimensional histogram but got {len(bins)}"
        )
    edges, places, inside = [], [], None
    for d, how in enumerate(bins):
        x = points[:, d]
        if isinstance(how, _C.Tensor):
            edge = how.detach()
            at, inner = _places(x, edge)
        else:
            if how <= 0:
                raise RuntimeError(f"torch.histogramdd(): bins must be > 0, but got {how} for dimension {d}")
            bounds = None if range is None else (range[2 * d], range[2 * d + 1])
            low, high = _outer_edges("torch.histogramdd", x, bounds)
            edge = _C.linspace(low, high, how + 1, dtype=input.dtype)
            at, inner = _even_places(x, edge)
        edges.append(edge)
        places.append(at)
        inside = inner if inside is None else inside & inner
    if weight is not None:
        weight = weight.detach()
    hist = _count(places, inside, weight, [e.shape[0] - 1 for e in edges], input.dtype)
    return _Histogramdd(_density(hist, edges) if density else hist, edges)
