"""Convolution, correlation and interpolation of lines."""

import numpy as np

from framejit import _C

from . import _types
from ._args import cast, number, operand, refuse, tensor
from ._bridge import array_of
from .reductions import result
from .sorting import FEW

# A kernel of so few elements becomes a sum of shifted lines, which is one loop over memory.
_FEW_TAPS = 64


def _lines(a, v):
    a, v = tensor(a), tensor(v)
    refuse(a.dim() > 1 or v.dim() > 1)
    dtype = _types.loop(np.multiply, (a.dtype, v.dtype))[0]
    refuse(dtype == _C.bool)
    return cast(a, dtype).reshape(-1), cast(v, dtype).reshape(-1)


def _cut(mode, n, k):
    """How many zeros the longer line has before and after it."""
    if mode == "full":
        return k - 1, k - 1
    if mode == "same":
        return k - 1 - (k - 1) // 2, (k - 1) // 2
    refuse(mode != "valid")
    return 0, 0


def _slid(a, v, before, after):
    """sum(a[i + j] * v[j] for j) of a line with zeros around it."""
    n, k = a.shape[0], v.shape[0]
    if before or after:
        a = _C.cat([_C.zeros(before, dtype=a.dtype), a, _C.zeros(after, dtype=a.dtype)])
    length = n + before + after - k + 1
    if k > _FEW_TAPS:
        windows = a.contiguous().as_strided((k, length), (1, 1))
        return _C.sum(windows * v.reshape(-1, 1), (0,), dtype=a.dtype)
    r = a[:length] * v[0]
    for j in range(1, k):
        r = r + a[j : j + length] * v[j]
    return r


def convolve(a, v, mode="full"):
    a, v = _lines(a, v)
    if v.shape[0] > a.shape[0]:
        a, v = v, a
    n, k = a.shape[0], v.shape[0]
    refuse(k == 0)
    before, after = _cut(mode, n, k)
    return array_of(_slid(a, v.flip(0), before, after))


def correlate(a, v, mode="valid"):
    a, v = _lines(a, v)
    n, k = a.shape[0], v.shape[0]
    refuse(k == 0 or k > n)
    before, after = _cut(mode, n, k)
    if mode == "same":
        before, after = k // 2, k - 1 - k // 2
    return array_of(_slid(a, _C.conj_physical(v) if v.is_complex() else v, before, after))


def interp(x, xp, fp, left=None, right=None, period=None):
    at, places, values = tensor(x, _C.float64), tensor(xp, _C.float64), tensor(fp)
    refuse(period is not None or values.is_complex() or places.dim() != 1 or values.dim() != 1)
    values = cast(values, _C.float64)
    n = places.shape[0]
    refuse(n != values.shape[0] or n == 0)
    left = values[0] if left is None else _end(left)
    right = values[-1] if right is None else _end(right)
    if n == 1:
        r = values[0].expand(at.shape)
    else:
        slopes = (values[1:] - values[:-1]) / (places[1:] - places[:-1])
        r = _on_lines(at, places, values, slopes)
        r = _C.where(at == places[-1], values[-1], r)
    r = _C.where(at > places[-1], right, _C.where(at < places[0], left, r))
    return result(_C.where(_C.isnan(at), at, r) if n > 1 else r, None)


def _on_lines(at, places, values, slopes):
    n = places.shape[0]
    if n > FEW:
        i = (_C.searchsorted(places.contiguous(), at.contiguous(), right=True) - 1).clamp(0, n - 2)
        return slopes[i] * (at - places[i]) + values[i]
    r = slopes[0] * (at - places[0]) + values[0]
    for i in range(1, n - 1):
        r = _C.where(at >= places[i], slopes[i] * (at - places[i]) + values[i], r)
    return r


def _end(value):
    value = operand(value)
    refuse(isinstance(value, _C.Tensor) and value.dim() > 0)
    return cast(value, _C.float64) if isinstance(value, _C.Tensor) else number(value, _C.float64)


FUNCTIONS = {np.convolve: convolve, np.correlate: correlate, np.interp: interp}
