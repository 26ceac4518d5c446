"""Arrays that sizes alone determine: windows and grids of indices; polynomials at places."""

import math

import numpy as np

from framejit import _C

from . import _types
from ._args import cast, kind, number, operand, refuse, tensor
from ._bridge import array_of
from .reductions import result


def _window(compute):
    def call(M):
        refuse(type(M) is not int or M < 2)
        return array_of(compute(_C.arange(1 - M, M, 2, dtype=_C.float64), M - 1))

    return call


def _hanning(n, last):
    return 0.5 + 0.5 * _C.cos(math.pi * n / last)


def _hamming(n, last):
    return 0.54 + 0.46 * _C.cos(math.pi * n / last)


def _blackman(n, last):
    return 0.42 + 0.5 * _C.cos(math.pi * n / last) + 0.08 * _C.cos(2.0 * math.pi * n / last)


def _bartlett(n, last):
    return _C.where(n <= 0, 1 + n / last, 1 - n / last)


def ix_(*args):
    parts = [tensor(a) for a in args]
    found = []
    for d, t in enumerate(parts):
        refuse(t.dim() != 1 or t.dtype == _C.bool or t.shape[0] == 0)
        found.append(array_of(t.reshape((1,) * d + (-1,) + (1,) * (len(parts) - 1 - d))))
    return tuple(found)


def _corner(compute):
    def call(n, k=0, m=None):
        columns = n if m is None else m
        refuse(type(n) is not int or type(k) is not int or type(columns) is not int or n < 0 or columns < 0)
        places = compute(n, columns, k)
        return array_of(places[0].contiguous()), array_of(places[1].contiguous())

    return call


def polyval(p, x):
    coefficients, at = tensor(p), operand(x)
    refuse(coefficients.dim() != 1 or coefficients.shape[0] == 0 or not isinstance(at, _C.Tensor))
    dtype = _types.common((coefficients.dtype, kind(at)))
    refuse(dtype == _C.bool)
    coefficients, at = cast(coefficients, dtype), cast(at, dtype)
    r = _C.zeros_like(at) + coefficients[0]
    for i in range(1, coefficients.shape[0]):
        r = r * at + coefficients[i]
    return result(r, None)


def delete(arr, obj, axis=None):
    t = tensor(arr)
    if axis is None:
        t, axis = t.reshape(-1), 0
    refuse(type(obj) is not int or type(axis) is not int or not -t.dim() <= axis < t.dim())
    axis = axis % t.dim()
    n = t.shape[axis]
    refuse(not -n <= obj < n)
    before = (slice(None),) * axis
    return array_of(_C.cat([t[(*before, slice(0, obj % n))], t[(*before, slice(obj % n + 1, None))]], axis))


def insert(arr, obj, values, axis=None):
    t, value = tensor(arr), operand(values)
    if axis is None:
        t, axis = t.reshape(-1), 0
    refuse(type(obj) is not int or axis != 0 or t.dim() != 1 or not -t.shape[0] <= obj <= t.shape[0])
    value = value if isinstance(value, _C.Tensor) else number(value, _types.default_dtype(kind(value)))
    refuse(value.dim() > 1 or value.is_complex() and not t.is_complex())
    place = obj + t.shape[0] if obj < 0 else obj
    return array_of(_C.cat([t[:place], value.to(t.dtype).reshape(-1), t[place:]]))


FUNCTIONS = {
    np.hanning: _window(_hanning),
    np.hamming: _window(_hamming),
    np.blackman: _window(_blackman),
    np.bartlett: _window(_bartlett),
    np.ix_: ix_,
    np.tril_indices: _corner(_C.tril_indices),
    np.triu_indices: _corner(_C.triu_indices),
    np.polyval: polyval,
    np.delete: delete,
    np.insert: insert,
}
