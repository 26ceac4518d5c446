"""Elementwise functions that are no ufuncs: choices, limits, rounding, parts of complex numbers, comparisons by nearness."""

import math

import numpy as np

from framejit import _C

from . import _types
from ._args import WITHOUT, cast, given, kind, number, operand, refuse, single, tensor
from ._bridge import array_of, is_array, is_scalar, scalar_of
from .ufuncs import FUNCTIONS as UFUNCS


def _in(x, dtype):
    return cast(x, dtype) if isinstance(x, _C.Tensor) else number(x, dtype)


def where(condition, x=WITHOUT, y=WITHOUT, /):
    # Without values it gives the places, as many as there are.
    refuse(x is WITHOUT or y is WITHOUT)
    mask = tensor(condition)
    mask = mask if mask.dtype == _C.bool else mask != 0
    x, y = operand(x), operand(y)
    dtype = _types.common((kind(x), kind(y)))
    return array_of(_C.where(mask, _in(x, dtype), _in(y, dtype)))


def select(condlist, choicelist, default=0):
    refuse(
        type(condlist) not in (list, tuple) or type(choicelist) not in (list, tuple) or len(condlist) != len(choicelist)
    )
    refuse(len(condlist) == 0)
    choices = [operand(c) for c in [*choicelist, default]]
    dtype = _types.common(tuple([kind(c) for c in choices]))
    r = _in(choices[-1], dtype)
    for mask, choice in reversed(list(zip(condlist, choices[:-1]))):
        mask = tensor(mask)
        refuse(mask.dtype != _C.bool)
        r = _C.where(mask, _in(choice, dtype), r)
    return array_of(r)


def clip(a, a_min=WITHOUT, a_max=WITHOUT, out=None, *, min=WITHOUT, max=WITHOUT, dtype=None):
    low = min if a_min is WITHOUT else a_min
    high = max if a_max is WITHOUT else a_max
    refuse(dtype is not None)
    r = a
    if low is not WITHOUT and low is not None:
        r = UFUNCS[np.maximum](r, low)
    if high is not WITHOUT and high is not None:
        r = UFUNCS[np.minimum](r, high)
    if r is a:
        r = UFUNCS[np.positive](r)
    return r if out is None else given(tensor(r), single(out))


def _clip_method(self, min=None, max=None, out=None):
    return clip(self, min, max, out)


def round_(a, decimals=0, out=None):
    t = tensor(a)
    refuse(type(decimals) is not int or t.is_complex())
    if not t.is_floating_point():
        refuse(decimals < 0 or t.dtype == _C.bool)
        return given(t.clone(), single(out))
    if decimals == 0:
        return given(_C.round(t), single(out))
    # NumPy multiplies, rounds and divides.
    scale = 10.0 ** abs(decimals)
    t = _C.round(t * scale) / scale if decimals > 0 else _C.round(t / scale) * scale
    return given(t, single(out))


def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    t = tensor(x)
    refuse(not copy or t.is_complex() or type(nan) not in (int, float))
    if not t.is_floating_point():
        return given(t.clone())
    top = _types.largest(t.dtype)
    r = _C.where(_C.isnan(t), number(nan, t.dtype), t)
    r = _C.where(t == math.inf, number(top if posinf is None else posinf, t.dtype), r)
    return given(_C.where(t == -math.inf, number(-top if neginf is None else neginf, t.dtype), r))


def sinc(x):
    t = tensor(x)
    refuse(t.is_complex())
    t = cast(t, _types.mean_dtype(t.dtype))
    return given(_C.sinc(t))


def angle(z, deg=False):
    t = tensor(z)
    if t.is_complex():
        r = _C.atan2(_C.imag(t), _C.real(t))
    else:
        r = tensor(UFUNCS[np.arctan2](0, z))
    return given(r * (180 / math.pi) if deg else r)


def real(val):
    t = tensor(val)
    if not t.is_complex():
        refuse(not is_array(val))
        return val
    return scalar_of(_C.real(t)) if is_scalar(val) else array_of(_C.real(t))


def imag(val):
    t = tensor(val)
    refuse(not t.is_complex())
    return scalar_of(_C.imag(t)) if is_scalar(val) else array_of(_C.imag(t))


def i0(x):
    t = tensor(x)
    refuse(t.is_complex() or not t.is_floating_point())
    return array_of(_C.i0(t))


def unwrap(p, discont=None, axis=-1, *, period=6.283185307179586):
    t = tensor(p)
    refuse(discont is not None or not t.is_floating_point() or t.dim() == 0 or type(axis) is not int)
    t = t.movedim(axis, -1)
    step = t[..., 1:] - t[..., :-1]
    half = period / 2
    wrapped = (step + half) % period - half
    wrapped = _C.where((wrapped == -half) & (step > 0), number(half, t.dtype), wrapped)
    correction = _C.where(_C.abs(step) < half, number(0.0, t.dtype), wrapped - step)
    return array_of(_C.cat([t[..., :1], t[..., 1:] + _C.cumsum(correction, -1)], -1).movedim(-1, axis))


def _near(a, b, rtol, atol, equal_nan):
    x, y = operand(a), operand(b)
    dtype = _types.common((kind(x), kind(y), float))
    refuse(_types.is_complex(dtype))
    x, y = _in(x, dtype), _in(y, dtype)
    near = (_C.abs(x - y) <= atol + rtol * _C.abs(y)) & _C.isfinite(y) | (x == y)
    return near | _C.isnan(x) & _C.isnan(y) if equal_nan else near


def isclose(a, b, rtol=1.0e-5, atol=1.0e-8, equal_nan=False):
    return given(_near(a, b, rtol, atol, equal_nan))


def _signed_infinity(sign):
    def call(x, out=None):
        t = tensor(x)
        refuse(t.is_complex())
        return given(t == sign * math.inf, single(out))

    return call


def _is_part(zero):
    def call(x):
        t = tensor(x)
        if not t.is_complex():
            return given(_C.full_like(t, zero, dtype=_C.bool))
        return given((_C.imag(t) == 0) if zero else (_C.imag(t) != 0))

    return call


def fix(x, out=None):
    return UFUNCS[np.trunc](x) if out is None else UFUNCS[np.trunc](x, out)


FUNCTIONS = {
    np.where: where,
    np.select: select,
    np.clip: clip,
    np.round: round_,
    np.around: round_,
    np.nan_to_num: nan_to_num,
    np.sinc: sinc,
    np.angle: angle,
    np.real: real,
    np.imag: imag,
    np.i0: i0,
    np.unwrap: unwrap,
    np.isclose: isclose,
    np.isposinf: _signed_infinity(1),
    np.isneginf: _signed_infinity(-1),
    np.isreal: _is_part(True),
    np.iscomplex: _is_part(False),
    np.fix: fix,
}
METHODS = {
    "clip": _clip_method,
    "round": round_,
    "conj": UFUNCS[np.conjugate],
    "conjugate": UFUNCS[np.conjugate],
}
