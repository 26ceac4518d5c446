"""Sorting, searching, and elements taken and put by their places. How many elements there are must be known from the shapes
alone: nonzero, unique, bincount and compress are left to NumPy."""

import numpy as np

from framejit import _C
from framejit._functions import isin as _isin

from . import _types
from ._args import axis_of, cast, given, number, operand, refuse, size_of, tensor
from ._bridge import array_of, is_array, target_of


def _sortable(a):
    t = tensor(a)
    refuse(t.is_complex() or t.dim() == 0)
    return t


def sort(a, axis=-1, kind=None, order=None, *, stable=None):
    t = _sortable(a)
    refuse(order is not None)
    if axis is None:
        t, axis = t.reshape(-1), 0
    return array_of(_C.sort(t, axis_of(axis, t.dim()))[0])


def argsort(a, axis=-1, kind=None, order=None, *, stable=None):
    t = _sortable(a)
    refuse(order is not None)
    if axis is None:
        t, axis = t.reshape(-1), 0
    return array_of(_C.sort(t, dim=axis_of(axis, t.dim()), stable=True)[1])


def _sort_in_place(self, axis=-1, kind=None, order=None, *, stable=None):
    refuse(order is not None)
    t = target_of(self)
    refuse(t.is_complex() or t.dim() == 0)
    t.copy_(_C.sort(t, axis_of(axis, t.dim()))[0])
    return None


def _places(ordered, t, right):
    """Where the elements of a tensor belong in an ordered one."""
    dtype = _types.common((ordered.dtype, t.dtype))
    refuse(_types.is_complex(dtype))
    if dtype == _C.bool:
        dtype = _C.uint8
    return count_below(cast(ordered, dtype), cast(t, dtype), right)


# Among so few a comparison with each is quicker than a search, since it is one loop over memory.
FEW = 32


def count_below(ordered, t, right):
    """How many elements of an ordered line are below each element of a tensor (or equal to it, for `right`)."""
    n = ordered.shape[0]
    if n > FEW or n == 0 or not t.is_floating_point():
        return _C.searchsorted(ordered.contiguous(), t.contiguous(), right=right)
    found = 0
    for i in range(n):
        found = found + (ordered[i] <= t if right else ordered[i] < t).to(_C.int64)
    # NaN belongs behind all.
    return _C.where(_C.isnan(t), n, found)


def searchsorted(a, v, side="left", sorter=None):
    ordered, t = tensor(a), tensor(v)
    refuse(sorter is not None or side not in ("left", "right") or ordered.dim() != 1)
    return given(_places(ordered, t, side == "right"))


def digitize(x, bins, right=False):
    t, edges = tensor(x), tensor(bins)
    refuse(edges.dim() != 1 or edges.shape[0] == 0 or t.is_complex() or edges.is_complex() or edges.dtype == _C.bool)
    rising = _places(edges, t, not right)
    if type(bins) is list or type(bins) is tuple:
        # Numbers: their order can be seen.
        for low, high in zip(bins[:-1], bins[1:]):
            refuse(type(low) not in (int, float) or type(high) not in (int, float) or not low <= high)
        return given(rising)
    falling = edges.shape[0] - _places(edges.flip(0), t, bool(right))
    return given(_C.where(edges[0] <= edges[-1], rising, falling))


def take(a, indices, axis=None, out=None, mode="raise"):
    t, index = tensor(a), tensor(indices)
    refuse(out is not None or mode != "raise" or not _types.is_integral(index.dtype))
    if axis is None:
        t, axis = t.reshape(-1), 0
    axis = axis_of(axis, t.dim())
    picked = t[(slice(None),) * axis + (index.to(_C.int64).reshape(-1),)]
    return given(picked.reshape(tuple(t.shape[:axis]) + tuple(index.shape) + tuple(t.shape[axis + 1 :])))


def _along(t, indices, axis):
    """Places along an axis, as gather wants them."""
    index = tensor(indices)
    refuse(not _types.is_integral(index.dtype) or index.dim() != t.dim())
    index = index.to(_C.int64)
    index = _C.where(index < 0, index + t.shape[axis], index)
    shape = [index.shape[d] if d == axis else t.shape[d] for d in range(t.dim())]
    return index.expand(shape)


def take_along_axis(arr, indices, axis=-1):
    t = tensor(arr)
    if axis is None:
        t, axis = t.reshape(-1), 0
    axis = axis_of(axis, t.dim())
    return array_of(_C.gather(t, axis, _along(t, indices, axis)))


def put_along_axis(arr, indices, values, axis):
    refuse(not is_array(arr) or axis is None)
    t = target_of(arr)
    axis = axis_of(axis, t.dim())
    index = _along(t, indices, axis)
    value = operand(values)
    refuse(isinstance(value, _C.Tensor) and value.is_complex() and not t.is_complex())
    value = value.to(t.dtype) if isinstance(value, _C.Tensor) else number(value, t.dtype)
    t.scatter_(axis, index, value.expand(index.shape))
    return None


def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None):
    x, y = tensor(element), tensor(test_elements)
    dtype = _types.common((x.dtype, y.dtype))
    refuse(_types.is_complex(dtype))
    found = _isin(cast(x, dtype), cast(y, dtype))
    return array_of(~found if invert else found)


# -- histograms ----------------------------------------------------------------------------------------------------


def histogram(a, bins=10, range=None, density=None, weights=None):
    t = tensor(a).reshape(-1)
    refuse(type(bins) is not int or bins < 1 or t.is_complex() or t.dtype == _C.bool or size_of(t.shape) == 0)
    loop = _types.common((t.dtype, _C.float64)) if not t.is_floating_point() else t.dtype
    refuse(loop == _C.float16)
    values = cast(t, loop)
    low, high = _limits(values, range, loop)
    edges = _C.arange(bins + 1, dtype=loop) * ((high - low) / bins) + low
    edges = _C.where(_C.arange(bins + 1) == bins, high, edges)
    inside = (values >= low) & (values <= high)
    place = ((values - low) / (high - low) * bins).clamp(0, bins - 1).to(_C.int64)
    place = place - (values < edges[place]).to(_C.int64)
    place = place + ((values >= edges[place + 1]) & (place != bins - 1)).to(_C.int64)
    place = place.clamp(0, bins - 1)
    counts = _counted(place, inside, bins, t, weights)
    if density:
        counts = counts / (edges[1:] - edges[:-1]).to(_C.float64) / _C.sum(counts)
    return array_of(counts), array_of(edges)


def _limits(values, range, dtype):
    if range is not None:
        refuse(type(range) not in (tuple, list) or len(range) != 2)
        for v in range:
            refuse(type(v) not in (int, float))
        refuse(not range[0] < range[1])
        return number(float(range[0]), dtype), number(float(range[1]), dtype)
    low, high = _C.amin(values), _C.amax(values)
    flat = low == high
    return _C.where(flat, low - 0.5, low), _C.where(flat, high + 0.5, high)


def _counted(place, inside, bins, t, weights):
    if weights is None:
        return _C.zeros(bins, dtype=_C.int64).index_add(0, place, inside.to(_C.int64))
    w = tensor(weights).reshape(-1)
    refuse(w.shape[0] != t.shape[0] or not _types.is_inexact(w.dtype) or w.is_complex())
    return _C.zeros(bins, dtype=w.dtype).index_add(0, place, _C.where(inside, w, _C.zeros_like(w)))


FUNCTIONS = {
    np.sort: sort,
    np.argsort: argsort,
    np.searchsorted: searchsorted,
    np.digitize: digitize,
    np.take: take,
    np.take_along_axis: take_along_axis,
    np.put_along_axis: put_along_axis,
    np.isin: isin,
    np.histogram: histogram,
}
METHODS = {"sort": _sort_in_place, "argsort": argsort, "searchsorted": searchsorted, "take": take}
