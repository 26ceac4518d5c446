"""Reductions over axes, and the methods of ufuncs that are built on them."""

import numpy as np

from framejit import _C

from . import _types
from ._args import WITHOUT, axes_of, axis_of, cast, given, kind, number, operand, refuse, single, tensor, write
from ._bridge import is_array


def source(a):
    """The tensor to reduce; NumPy's functions ask other objects for a method of that name."""
    return tensor(a)


def keeps(keepdims):
    """`keepdims=` as a truth value."""
    refuse(keepdims is not WITHOUT and type(keepdims) is not bool and type(keepdims) is not int)
    return keepdims is not WITHOUT and bool(keepdims)


def masked(t, where, neutral):
    """The tensor with what `where` leaves out replaced by the operation's neutral element."""
    if where is True or where is WITHOUT:
        return t
    mask = tensor(where)
    refuse(mask.dtype != _C.bool)
    return _C.where(mask, t, number(neutral, t.dtype))


def result(t, out, casting="same_kind"):
    """A reduction's result: `out` must have its very shape."""
    out = single(out)
    if out is None:
        return given(t)
    refuse(not is_array(out) or tuple(out.shape) != tuple(t.shape))
    return write(out, t, casting)


def _sum(t, axes, keep):
    return _C.sum(t, axes, keep, dtype=t.dtype)


def _prod(t, axes, keep):
    for d in sorted(axes, reverse=True):
        t = _C.prod(t, d, keep, dtype=t.dtype)
    return t


def _any(t, axes, keep):
    for d in sorted(axes, reverse=True):
        t = _C.any(t, d, keep)
    return t


def _all(t, axes, keep):
    for d in sorted(axes, reverse=True):
        t = _C.all(t, d, keep)
    return t


def _amax(t, axes, keep):
    refuse(t.is_complex())
    return _C.amax(t, axes, keep)


def _amin(t, axes, keep):
    refuse(t.is_complex())
    return _C.amin(t, axes, keep)


# ufunc: how many axes are reduced, what stands for what is left out, what joins a given first value
REDUCERS = {
    np.add: (_sum, 0, lambda a, b: a + b),
    np.multiply: (_prod, 1, lambda a, b: a * b),
    np.maximum: (_amax, None, _C.maximum),
    np.minimum: (_amin, None, _C.minimum),
    np.logical_or: (_any, False, _C.logical_or),
    np.logical_and: (_all, True, _C.logical_and),
}


def reduce_with(ufunc, a, axis, dtype, out, keepdims, initial, where):
    """ufunc.reduce, with the axes that are given."""
    compute, neutral, join = REDUCERS[ufunc]
    t = source(a)
    axes = axes_of(axis, t.dim())
    wanted = None if dtype is None else _types.dtype_of(dtype)
    if neutral is not None or wanted is not None:
        t = cast(t, _types.loop(ufunc, (t.dtype,), wanted, reduction=True)[1])
    masks = where is not True and where is not WITHOUT
    if masks and neutral is None:
        refuse(initial is WITHOUT or initial is None)
        neutral = initial
    t = masked(t, where, neutral) if masks else t
    r = compute(t, axes, keeps(keepdims)) if axes else t.clone()
    if initial is not WITHOUT and initial is not None:
        first = operand(initial)
        refuse(isinstance(first, _C.Tensor) and first.dim() != 0)
        refuse(_types.loop(ufunc, (t.dtype, kind(first)))[0] != t.dtype)
        r = join(r, cast(first, t.dtype) if isinstance(first, _C.Tensor) else number(first, t.dtype))
    return result(r, out)


def _reducer(ufunc):
    def call(a, axis=None, dtype=None, out=None, keepdims=WITHOUT, initial=WITHOUT, where=WITHOUT):
        return reduce_with(ufunc, a, axis, dtype, out, keepdims, initial, where)

    return call


def _extremum(ufunc):
    def call(a, axis=None, out=None, keepdims=WITHOUT, initial=WITHOUT, where=WITHOUT):
        return reduce_with(ufunc, a, axis, None, out, keepdims, initial, where)

    return call


def _truth(ufunc):
    def call(a, axis=None, out=None, keepdims=WITHOUT, *, where=WITHOUT):
        return reduce_with(ufunc, a, axis, None, out, keepdims, WITHOUT, where)

    return call


def _ufunc_reduce(ufunc):
    def call(array, axis=0, dtype=None, out=None, keepdims=False, initial=WITHOUT, where=True):
        return reduce_with(ufunc, array, axis, dtype, out, keepdims, initial, where)

    return call


sum_ = _reducer(np.add)
prod = _reducer(np.multiply)
max_ = _extremum(np.maximum)
min_ = _extremum(np.minimum)
any_ = _truth(np.logical_or)
all_ = _truth(np.logical_and)


def mean(a, axis=None, dtype=None, out=None, keepdims=WITHOUT, *, where=WITHOUT):
    t = source(a)
    refuse(where is not WITHOUT and where is not True)
    axes = axes_of(axis, t.dim())
    wanted = _types.mean_dtype(t.dtype) if dtype is None else _types.dtype_of(dtype)
    refuse(not _types.is_inexact(wanted))
    t = cast(t, wanted)
    return result(_C.mean(t, axes, keeps(keepdims)) if axes else t.clone(), out)


def _spread(compute):
    def call(
        a, axis=None, dtype=None, out=None, ddof=0, keepdims=WITHOUT, *, where=WITHOUT, mean=WITHOUT, correction=WITHOUT
    ):
        t = source(a)
        refuse(where is not WITHOUT and where is not True or mean is not WITHOUT)
        if correction is not WITHOUT:
            refuse(ddof != 0)
            ddof = correction
        wanted = _types.mean_dtype(t.dtype) if dtype is None else _types.dtype_of(dtype)
        refuse(not _types.is_real(wanted))
        axes = axes_of(axis, t.dim())
        refuse(not axes)
        return result(compute(cast(t, wanted), axes, ddof, keeps(keepdims)), out)

    return call


def variance(t, axes, ddof, keep):
    return _C.var(t, axes, correction=ddof, keepdim=keep)


def deviation(t, axes, ddof, keep):
    return _C.sqrt(variance(t, axes, ddof, keep))


var = _spread(variance)
std = _spread(deviation)


def ptp(a, axis=None, out=None, keepdims=WITHOUT):
    t = source(a)
    axes = axes_of(axis, t.dim())
    refuse(t.dtype == _C.bool or not axes)
    return result(_amax(t, axes, keeps(keepdims)) - _amin(t, axes, keeps(keepdims)), out)


def _place(compute):
    def call(a, axis=None, out=None, *, keepdims=WITHOUT):
        t = source(a)
        refuse(t.is_complex())
        if t.dtype == _C.bool:
            t = t.to(_C.uint8)
        if axis is None:
            r = compute(t.reshape(-1), 0)
            if keeps(keepdims):
                r = r.reshape((1,) * t.dim())
        else:
            r = compute(t, axis_of(axis, t.dim()), keeps(keepdims))
        return result(r, out)

    return call


argmax = _place(_C.argmax)
argmin = _place(_C.argmin)


# From NumPy 2.4 on a count of all is a scalar of its own, before an int of Python, which a trace cannot make.
_COUNTS_ARE_SCALARS = type(np.count_nonzero([1])) is np.int64


def count_nonzero(a, axis=None, *, keepdims=False):
    t = source(a)
    refuse(axis is None and not keepdims and not _COUNTS_ARE_SCALARS)
    axes = axes_of(axis, t.dim())
    found = (t != 0).to(_C.int64)
    return given(_C.sum(found, axes, keeps(keepdims)) if axes else found)


FUNCTIONS = {
    np.sum: sum_,
    np.prod: prod,
    np.max: max_,
    np.amax: max_,
    np.min: min_,
    np.amin: min_,
    np.any: any_,
    np.all: all_,
    np.mean: mean,
    np.var: var,
    np.std: std,
    np.ptp: ptp,
    np.argmax: argmax,
    np.argmin: argmin,
    np.count_nonzero: count_nonzero,
    **{u.reduce: _ufunc_reduce(u) for u in REDUCERS},
}

METHODS = {
    "sum": sum_,
    "prod": prod,
    "any": any_,
    "all": all_,
    "mean": mean,
    "var": var,
    "std": std,
    "argmax": argmax,
    "argmin": argmin,
}


def _method(ufunc):
    def call(self, axis=None, out=None, keepdims=False, initial=WITHOUT, where=True):
        return reduce_with(ufunc, self, axis, None, out, keepdims, initial, where)

    return call


METHODS["max"] = _method(np.maximum)
METHODS["min"] = _method(np.minimum)
