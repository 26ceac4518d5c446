"""Order statistics, averages, and the reductions that leave NaN out."""

import numpy as np

from framejit import _C

from . import _types
from ._args import WITHOUT, axes_of, axis_of, cast, given, number, refuse, size_of, tensor
from ._bridge import array_of
from .reductions import keeps, max_, min_, prod, result, sum_, variance


def _lined_up(t, axis):
    """The reduced axes as the last one; None stands for all."""
    axes = axes_of(axis, t.dim())
    rest = [d for d in range(t.dim()) if d not in axes]
    kept = tuple([t.shape[d] for d in rest])
    return t.permute((*rest, *axes)).reshape((*kept, size_of([t.shape[d] for d in axes]))), axes


def _put_back(r, t, axes, keep):
    """The result with the reduced axes as ones where they are kept."""
    if not keep:
        return r
    return r.reshape([1 if d in axes else n for d, n in enumerate(t.shape)])


def median(a, axis=None, out=None, overwrite_input=False, keepdims=False):
    t = tensor(a)
    refuse(t.is_complex())
    t = cast(t, _types.mean_dtype(t.dtype))
    line, axes = _lined_up(t, axis)
    n = line.shape[-1]
    refuse(n == 0)
    ordered = _C.sort(line, -1)[0]
    high = ordered[..., n // 2]
    r = high if n % 2 else (ordered[..., n // 2 - 1] + high) / 2
    # Sorting puts NaN last.
    last = ordered[..., n - 1]
    r = _C.where(_C.isnan(last), last, r)
    return result(_put_back(r, t, axes, keeps(keepdims)), out)


def _quantile(a, q, axis, out, method, keepdims, ignore):
    t = tensor(a)
    refuse(method != "linear" or t.is_complex() or out is not None)
    t = cast(t, _types.mean_dtype(t.dtype))
    line, axes = _lined_up(t, axis)
    n = line.shape[-1]
    refuse(n == 0)
    ordered = _C.sort(line, -1)[0]
    places = q.reshape(-1)
    if ignore:
        count = n - _C.sum(_C.isnan(ordered).to(_C.int64), (-1,), True)
        rank = places * (count - 1).clamp(min=0).to(places.dtype)
    else:
        rank = (places * (n - 1)).expand(*line.shape[:-1], places.shape[0])
    below = _C.floor(rank)
    part = (rank - below).to(t.dtype)
    low = _C.gather(ordered, -1, below.to(_C.int64))
    high = _C.gather(
        ordered, -1, (below.to(_C.int64) + 1).clamp(max=n - 1) if not ignore else _C.ceil(rank).to(_C.int64)
    )
    step = high - low
    r = _C.where(part >= 0.5, high - step * (1 - part), low + step * part)
    if not ignore:
        last = ordered[..., n - 1 :]
        r = _C.where(_C.isnan(last), last, r)
    r = r.movedim(-1, 0)
    if keeps(keepdims):
        r = r.reshape([r.shape[0]] + [1 if d in axes else s for d, s in enumerate(t.shape)])
    return given(r.reshape(tuple(q.shape) + tuple(r.shape[1:])))


def _ranks(q, scale):
    """The places that are asked for, between 0 and 1."""
    # Of integers NumPy gives an integer where the place is one.
    refuse(scale == 1 and type(q) is int)
    if type(q) is int or type(q) is float:
        refuse(not 0 <= q <= scale)
    else:
        # Values that must be looked at are left to NumPy, but for lists of numbers.
        refuse(type(q) is not list and type(q) is not tuple)
        for v in q:
            refuse(type(v) not in (int, float) or not 0 <= v <= scale)
    t = tensor(q, _C.float64)
    return t / scale if scale != 1 else t


def _quantiles(scale, ignore):
    def call(
        a,
        q,
        axis=None,
        out=None,
        overwrite_input=False,
        method="linear",
        keepdims=False,
        *,
        weights=None,
        interpolation=None,
    ):
        refuse(weights is not None or interpolation is not None)
        return _quantile(a, _ranks(q, scale), axis, out, method, keepdims, ignore)

    return call


def average(a, axis=None, weights=None, returned=False, *, keepdims=WITHOUT):
    t = tensor(a)
    refuse(returned or keeps(keepdims))
    if weights is None:
        axes = axes_of(axis, t.dim())
        t = cast(t, _types.mean_dtype(t.dtype))
        return given(_C.mean(t, axes))
    w = tensor(weights)
    dtype = _types.mean_dtype(_types.common((t.dtype, w.dtype)))
    t, w = cast(t, dtype), cast(w, dtype)
    if tuple(w.shape) != tuple(t.shape):
        refuse(axis is None or w.dim() != 1 or type(axis) is not int)
        axis = axis_of(axis, t.dim())
        refuse(w.shape[0] != t.shape[axis])
        w = w.reshape((-1,) + (1,) * (t.dim() - 1 - axis))
    axes = axes_of(axis, t.dim())
    return given(_C.sum(t * w, axes) / _C.sum(w.expand(t.shape), axes))


# -- without NaN ---------------------------------------------------------------------------------------------------


def _known(a, neutral):
    """The tensor with NaN replaced, and where it is no NaN."""
    t = tensor(a)
    refuse(t.is_complex())
    if not t.is_floating_point():
        return t, None
    good = ~_C.isnan(t)
    return _C.where(good, t, number(neutral, t.dtype)), good


def _plain(compute, neutral):
    def call(a, axis=None, dtype=None, out=None, keepdims=WITHOUT, initial=WITHOUT, where=WITHOUT):
        refuse(where is not WITHOUT)
        t, _ = _known(a, neutral)
        return compute(array_of(t), axis, dtype, out, keepdims, initial)

    return call


def _extreme(compute, neutral):
    def call(a, axis=None, out=None, keepdims=WITHOUT, initial=WITHOUT, where=WITHOUT):
        refuse(where is not WITHOUT or initial is not WITHOUT or out is not None)
        t, good = _known(a, neutral)
        r = tensor(compute(array_of(t), axis, None, keepdims))
        if good is not None:
            axes = axes_of(axis, t.dim())
            any_good = _C.amax(good.to(_C.uint8), axes, keeps(keepdims)) != 0
            r = _C.where(any_good, r, number(float("nan"), r.dtype))
        return given(r)

    return call


def _count(good, t, axes, keep, dtype):
    if good is None:
        good = _C.full(t.shape, True)
    return _C.sum(good.to(dtype), axes, keep)


def nanmean(a, axis=None, dtype=None, out=None, keepdims=WITHOUT, *, where=WITHOUT):
    refuse(where is not WITHOUT or dtype is not None)
    t, good = _known(a, 0)
    t = cast(t, _types.mean_dtype(t.dtype))
    axes, keep = axes_of(axis, t.dim()), keeps(keepdims)
    return result(_C.sum(t, axes, keep) / _count(good, t, axes, keep, t.dtype), out)


def _nanspread(root):
    def call(
        a, axis=None, dtype=None, out=None, ddof=0, keepdims=WITHOUT, *, where=WITHOUT, mean=WITHOUT, correction=WITHOUT
    ):
        refuse(where is not WITHOUT or dtype is not None or mean is not WITHOUT or correction is not WITHOUT)
        t, good = _known(a, 0)
        t = cast(t, _types.mean_dtype(t.dtype))
        axes, keep = axes_of(axis, t.dim()), keeps(keepdims)
        refuse(not axes)
        if good is None:
            r = variance(t, axes, ddof, keep)
        else:
            count = _count(good, t, axes, True, t.dtype)
            centre = _C.sum(t, axes, True) / count
            away = _C.where(good, t - centre, number(0.0, t.dtype))
            left = _count(good, t, axes, keep, t.dtype) - ddof
            r = _C.where(left > 0, _C.sum(away * away, axes, keep) / left, number(float("nan"), t.dtype))
        return result(_C.sqrt(r) if root else r, out)

    return call


def nanmedian(a, axis=None, out=None, overwrite_input=False, keepdims=WITHOUT):
    return _quantile(a, tensor(0.5), axis, out, "linear", keepdims, True)


def _moments(m, y, rowvar, ddof):
    t = tensor(m)
    refuse(t.dim() > 2 or t.is_complex() or y is not None and tensor(y).dim() > 2)
    t = cast(t, _types.common((t.dtype, _C.float64)))
    t = t.reshape(1, -1) if t.dim() < 2 else t
    t = t if rowvar or t.shape[0] == 1 else t.transpose(0, 1)
    if y is not None:
        other = cast(tensor(y), t.dtype)
        other = other.reshape(1, -1) if other.dim() < 2 else other
        other = other if rowvar or other.shape[0] == 1 else other.transpose(0, 1)
        t = _C.cat([t, other], 0)
    t = t - _C.mean(t, (1,), True)
    return _C.matmul(t, t.transpose(0, 1)) / (t.shape[1] - ddof)


def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    refuse(fweights is not None or aweights is not None or dtype is not None)
    c = _moments(m, y, rowvar, ddof if ddof is not None else (0 if bias else 1))
    return array_of(c.reshape(())) if c.numel() == 1 else array_of(c)


def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    refuse(dtype is not None)
    c = _moments(x, y, rowvar, 1)
    if c.numel() == 1:
        return given((c / c).reshape(()))
    d = _C.sqrt(_C.diagonal(c))
    return array_of((c / d.reshape(-1, 1) / d.reshape(1, -1)).clamp(-1, 1))


FUNCTIONS = {
    np.median: median,
    np.percentile: _quantiles(100, False),
    np.quantile: _quantiles(1, False),
    np.nanpercentile: _quantiles(100, True),
    np.nanquantile: _quantiles(1, True),
    np.nanmedian: nanmedian,
    np.average: average,
    np.nansum: _plain(sum_, 0),
    np.nanprod: _plain(prod, 1),
    np.nanmax: _extreme(max_, float("-inf")),
    np.nanmin: _extreme(min_, float("inf")),
    np.nanmean: nanmean,
    np.nanvar: _nanspread(False),
    np.nanstd: _nanspread(True),
    np.cov: cov,
    np.corrcoef: corrcoef,
}
