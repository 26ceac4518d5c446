"""Along an axis: running sums, differences, gradients, integrals, and the other methods of ufuncs."""

import numpy as np

from framejit import _C

from . import _types
from ._args import WITHOUT, axis_of, cast, given, kind, number, operand, refuse, single, tensor
from ._bridge import array_of, is_array, target_of
from .reductions import result
from .ufuncs import BINARY, OPERATORS, apply


def _running(ufunc, compute):
    def call(a, axis=None, dtype=None, out=None):
        t = tensor(a)
        wanted = None if dtype is None else _types.dtype_of(dtype)
        loop = _types.loop(ufunc, (t.dtype,), wanted, reduction=True)[1]
        refuse(loop == _C.bool)
        if axis is None:
            t, axis = t.reshape(-1), 0
        t = compute(cast(t, loop), axis_of(axis, t.dim()))
        return array_of(t) if out is None else result(t, out)

    return call


cumsum = _running(np.add, _C.cumsum)
cumprod = _running(np.multiply, _C.cumprod)


def _zeroed(compute, neutral):
    """Running sums of what is no NaN."""

    def call(a, axis=None, dtype=None, out=None):
        t = tensor(a)
        if t.is_floating_point():
            t = _C.where(_C.isnan(t), number(neutral, t.dtype), t)
        return compute(array_of(t), axis, dtype, out)

    return call


def _accumulate(ufunc, compute):
    def call(array, axis=0, dtype=None, out=None):
        t = tensor(array)
        wanted = None if dtype is None else _types.dtype_of(dtype)
        if ufunc in (np.add, np.multiply):
            loop = _types.loop(ufunc, (t.dtype,), wanted, reduction=True)[1]
            t = cast(t, loop)
        else:
            refuse(wanted is not None)
        refuse(t.dtype == _C.bool or t.is_complex() and ufunc not in (np.add, np.multiply))
        t = compute(t, axis_of(axis, t.dim()))
        return array_of(t) if out is None else result(t, out)

    return call


def _outer(ufunc):
    compute, numbers = (OPERATORS[ufunc], True) if ufunc in OPERATORS else (BINARY[ufunc], False)

    def call(a, b, /, *, dtype=None, out=None):
        a, b = operand(a), operand(b)
        if isinstance(a, _C.Tensor) and isinstance(b, _C.Tensor):
            a = a.reshape(tuple(a.shape) + (1,) * b.dim())
        wanted = None if dtype is None else _types.dtype_of(dtype)
        return given(apply(ufunc, compute, numbers, a, b, wanted), single(out))

    return call


def add_at(a, indices, b=None, /):
    """np.add.at: every index counts, also when it comes again."""
    refuse(not is_array(a) or b is None)
    index = tensor(indices)
    refuse(not _types.is_integral(index.dtype))
    target = target_of(a)
    value = operand(b)
    refuse(_types.loop(np.add, (target.dtype, kind(value)))[0] != target.dtype)
    value = cast(value, target.dtype) if isinstance(value, _C.Tensor) else number(value, target.dtype)
    shape = tuple(index.shape) + tuple(target.shape[1:])
    refuse(target.dim() == 0 or value.dim() > len(shape) or target.dtype == _C.bool)
    index = index.to(_C.int64)
    target.index_put_((index,), value.expand(shape), True)
    return None


def diff(a, n=1, axis=-1, prepend=WITHOUT, append=WITHOUT):
    t = tensor(a)
    refuse(type(n) is not int or n < 0 or t.dim() == 0)
    if n == 0:
        return a
    axis = axis_of(axis, t.dim())
    ends = [_end(v, t, axis) for v in (prepend, append)]
    dtype = _types.common(tuple([p.dtype for p in (ends[0], t, ends[1]) if p is not None]))
    parts = [cast(p, dtype) for p in (ends[0], t, ends[1]) if p is not None]
    t = _C.cat(parts, axis) if len(parts) > 1 else parts[0]
    for _ in range(n):
        after, before = _shifted(t, axis)
        t = after != before if t.dtype == _C.bool else after - before
    return array_of(t)


def _end(v, t, axis):
    if v is WITHOUT:
        return None
    v = tensor(v)
    return v.expand([1 if d == axis else n for d, n in enumerate(t.shape)]) if v.dim() == 0 else v


def _shifted(t, axis):
    """Without the first, and without the last place of an axis."""
    before = (slice(None),) * axis
    return t[(*before, slice(1, None))], t[(*before, slice(None, -1))]


def ediff1d(ary, to_end=None, to_begin=None):
    t = tensor(ary).reshape(-1)
    refuse(to_end is not None or to_begin is not None or t.dtype == _C.bool)
    return array_of(t[1:] - t[:-1])


def gradient(f, *varargs, axis=None, edge_order=1):
    t = tensor(f)
    refuse(edge_order != 1 or t.dim() == 0)
    t = cast(t, _types.mean_dtype(t.dtype))
    axes = list(range(t.dim())) if axis is None else [axis_of(axis, t.dim())]
    spacing = list(varargs) * len(axes) if len(varargs) == 1 else list(varargs) or [1.0] * len(axes)
    refuse(len(spacing) != len(axes))
    parts = [array_of(_slope(t, operand(h), d)) for h, d in zip(spacing, axes)]
    return parts[0] if len(parts) == 1 else tuple(parts)


def _slope(t, h, d):
    refuse(t.shape[d] < 2)
    t = t.movedim(d, -1)
    if isinstance(h, _C.Tensor) and h.dim() == 1:
        refuse(h.shape[0] != t.shape[-1] or not _types.is_inexact(h.dtype))
        return _uneven(t, h[1:] - h[:-1]).movedim(-1, d)
    refuse(isinstance(h, _C.Tensor) and h.dim() > 1)
    if isinstance(h, _C.Tensor):
        h = h.to(t.dtype)
    first = (t[..., 1:2] - t[..., :1]) / h
    inner = (t[..., 2:] - t[..., :-2]) / (2.0 * h)
    last = (t[..., -1:] - t[..., -2:-1]) / h
    return _C.cat([first, inner, last], -1).movedim(-1, d)


def _uneven(t, h):
    h = h.to(t.dtype)
    a, b = h[:-1], h[1:]
    left, right = -b / (a * (a + b)), a / (b * (a + b))
    inner = left * t[..., :-2] + (b - a) / (a * b) * t[..., 1:-1] + right * t[..., 2:]
    return _C.cat([(t[..., 1:2] - t[..., :1]) / h[:1], inner, (t[..., -1:] - t[..., -2:-1]) / h[-1:]], -1)


def trapezoid(y, x=None, dx=1.0, axis=-1):
    t = tensor(y)
    refuse(t.dim() == 0)
    axis = axis_of(axis, t.dim())
    if x is None:
        d = operand(dx)
        refuse(isinstance(d, _C.Tensor) and d.dim() > 0)
    else:
        d = tensor(x)
        if d.dim() == 1:
            d = (d[1:] - d[:-1]).reshape((-1,) + (1,) * (t.dim() - 1 - axis))
        else:
            refuse(d.dim() != t.dim())
            after, before = _shifted(d, axis)
            d = after - before
    after, before = _shifted(t, axis)
    dtype = _types.common((t.dtype, kind(d), float))
    d = cast(d, dtype)
    return given(_C.sum(d * (cast(after, dtype) + cast(before, dtype)) / 2.0, (axis,)))


FUNCTIONS = {
    np.cumsum: cumsum,
    np.cumprod: cumprod,
    np.nancumsum: _zeroed(cumsum, 0),
    np.nancumprod: _zeroed(cumprod, 1),
    np.add.accumulate: _accumulate(np.add, _C.cumsum),
    np.multiply.accumulate: _accumulate(np.multiply, _C.cumprod),
    np.maximum.accumulate: _accumulate(np.maximum, lambda t, d: _C.cummax(t, d)[0]),
    np.minimum.accumulate: _accumulate(np.minimum, lambda t, d: _C.cummin(t, d)[0]),
    **{u.outer: _outer(u) for u in (*BINARY, *OPERATORS)},
    np.add.at: add_at,
    np.diff: diff,
    np.ediff1d: ediff1d,
    np.gradient: gradient,
    np.trapezoid: trapezoid,
}
if hasattr(np, "trapz"):
    FUNCTIONS[np.trapz] = trapezoid
METHODS = {"cumsum": cumsum, "cumprod": cumprod}
