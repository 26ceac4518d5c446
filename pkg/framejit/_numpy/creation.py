"""Arrays made from shapes, numbers and nested lists."""

import math

import numpy as np

from framejit import _C

from . import _types
from ._args import given, kind, number, operand, refuse, shape_of, tensor
from ._bridge import DTYPES, array_of, fixed_of, is_array, is_scalar, scalar_of


def _dtype(dtype, otherwise=_C.float64):
    return otherwise if dtype is None else _types.dtype_of(dtype)


def _filled(value):
    def call(shape, dtype=None, order="C", *, device=None, like=None):
        refuse(order != "C" or like is not None or device not in (None, "cpu"))
        return array_of(_C.full(_sizes(shape), value, dtype=_dtype(dtype)))

    return call


def _sizes(shape):
    shape = shape_of(shape)
    for n in shape:
        refuse(n < 0)
    return shape


def full(shape, fill_value, dtype=None, order="C", *, device=None, like=None):
    refuse(order != "C" or like is not None or device not in (None, "cpu"))
    value = operand(fill_value)
    wanted = _dtype(dtype, _types.default_dtype(kind(value)))
    return array_of(_spread(value, wanted, _sizes(shape)))


def _spread(value, dtype, shape):
    """A new tensor of this shape of a number or of what broadcasts to it."""
    t = value.to(dtype) if isinstance(value, _C.Tensor) else number(value, dtype)
    refuse(isinstance(value, _C.Tensor) and value.is_complex() and not _types.is_complex(dtype))
    return t.broadcast_to(shape).clone(memory_format=_C.contiguous_format)


def _filled_like(value):
    def call(a, dtype=None, order="K", subok=True, shape=None, *, device=None):
        return full_like(a, value, dtype, order, subok, shape, device=device)

    return call


def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, *, device=None):
    t = tensor(a.numpy() if isinstance(a, _C.Tensor) else a)
    refuse(order not in ("K", "C") or device not in (None, "cpu"))
    value = operand(fill_value)
    wanted = _dtype(dtype, t.dtype)
    size = tuple(t.shape) if shape is None else _sizes(shape)
    refuse(type(fill_value) is float and not _types.is_inexact(wanted) and not -(2.0**31) < fill_value < 2.0**31)
    return array_of(_spread(value, wanted, size))


def array(object, dtype=None, *, copy=True, order="K", subok=False, ndmin=0, like=None):
    refuse(order not in ("K", "C") or like is not None or copy is None or type(ndmin) is not int)
    if not copy:
        return asarray(object, dtype)
    t = _from(object, None if dtype is None else _types.dtype_of(dtype))
    if is_array(object) or is_scalar(object):
        t = t.clone()
    while t.dim() < ndmin:
        t = t.unsqueeze(0)
    return array_of(t)


def _from(object, dtype):
    t = tensor(object, dtype)
    # Elements of lists are checked one by one where the dtype is given.
    refuse(type(object) in (list, tuple) and dtype is not None and _lossy(tensor(object).dtype, dtype))
    return t


def _lossy(source, target):
    return not _types.castable(source, target)


def asarray(a, dtype=None, order=None, *, device=None, copy=None, like=None):
    refuse(order not in (None, "K", "C") or like is not None or copy is not None or device not in (None, "cpu"))
    if is_array(a):
        t = tensor(a)
        refuse(order == "C" and not t.is_contiguous())
        if dtype is None or _types.dtype_of(dtype) == t.dtype:
            return a
        refuse(t.is_complex() and not _types.is_complex(_types.dtype_of(dtype)))
    return array_of(_from(a, None if dtype is None else _types.dtype_of(dtype)))


def ascontiguousarray(a, dtype=None, *, like=None):
    refuse(like is not None or not is_array(a))
    t = tensor(a)
    refuse(t.dim() == 0 or dtype is not None and _types.dtype_of(dtype) != t.dtype)
    return a if t.is_contiguous() else array_of(t.contiguous())


def arange(start, stop=None, step=None, dtype=None, *, device=None, like=None):
    refuse(device not in (None, "cpu") or like is not None)
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    for n in (start, stop, step):
        refuse(type(n) is not int and type(n) is not float)
    floats = float in (type(start), type(stop), type(step))
    wanted = _dtype(dtype, _C.float64 if floats else _C.int64)
    refuse(step == 0 or wanted == _C.bool or floats and not _types.is_inexact(wanted))
    count = max(0, math.ceil((stop - start) / step) if floats else -((start - stop) // step))
    places = _C.arange(count, dtype=wanted)
    if not floats:
        return array_of(places if start == 0 and step == 1 else places * step + start)
    # The step is what separates the first two elements, as NumPy has it.
    return array_of(places * ((start + step) - start) + start)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None):
    refuse(device not in (None, "cpu") or type(num) is not int or num < 0 or axis != 0 or retstep)
    first, last = operand(start), operand(stop)
    loop = _types.common((kind(first), kind(last), float))
    wanted = _dtype(dtype, loop)
    refuse(_types.is_complex(loop) or not _types.is_inexact(wanted))
    first, last = tensor(start, loop), tensor(stop, loop)
    gaps = num - 1 if endpoint else num
    delta = last - first
    places = _C.arange(num, dtype=loop).reshape((num,) + (1,) * delta.dim())
    t = places * (delta / gaps) + first if gaps > 0 else places * delta + first
    if endpoint and num > 1:
        t = _C.where(places == num - 1, last, t)
    return array_of(t.to(wanted))


def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0):
    refuse(type(base) not in (int, float))
    t = tensor(linspace(start, stop, num, endpoint, axis=axis))
    return array_of((number(float(base), t.dtype) ** t).to(_dtype(dtype, t.dtype)))


def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0):
    refuse(type(start) not in (int, float) or type(stop) not in (int, float) or not (start > 0 and stop > 0))
    refuse(type(num) is not int or num < 2 or axis != 0)
    t = tensor(linspace(math.log10(start), math.log10(stop), num, endpoint))
    t = number(10.0, t.dtype) ** t
    places = _C.arange(num)
    t = _C.where(places == 0, number(float(start), t.dtype), t)
    if endpoint:
        t = _C.where(places == num - 1, number(float(stop), t.dtype), t)
    return array_of(t.to(_dtype(dtype, t.dtype)))


def eye(N, M=None, k=0, dtype=float, order="C", *, device=None, like=None):
    refuse(order != "C" or like is not None or device not in (None, "cpu"))
    columns = N if M is None else M
    for n in (N, columns, k):
        refuse(type(n) is not int)
    wanted = _types.dtype_of(dtype)
    return array_of(_band(N, columns, lambda i, j: j - i == k).to(wanted))


def _band(rows, columns, test):
    return test(_C.arange(rows).reshape(-1, 1), _C.arange(columns).reshape(1, -1))


def identity(n, dtype=None, *, like=None):
    return eye(n, dtype=float if dtype is None else dtype, like=like)


def tri(N, M=None, k=0, dtype=float, *, like=None):
    columns = N if M is None else M
    refuse(type(N) is not int or type(columns) is not int or type(k) is not int or like is not None)
    return array_of(_band(N, columns, lambda i, j: j - i <= k).to(_types.dtype_of(dtype)))


def _triangle(compute):
    def call(m, k=0):
        t = tensor(m)
        refuse(t.dim() < 2 or type(k) is not int)
        return array_of(compute(t, k))

    return call


def diag(v, k=0):
    t = tensor(v)
    refuse(t.dim() not in (1, 2) or type(k) is not int)
    return array_of(_C.diag(t, k)) if t.dim() == 1 else fixed_of(_C.diagonal(t, k))


def diagflat(v, k=0):
    refuse(type(k) is not int)
    return array_of(_C.diag(tensor(v).reshape(-1), k))


def vander(x, N=None, increasing=False):
    t = tensor(x)
    refuse(t.dim() != 1 or not _types.is_real(t.dtype))
    n = t.shape[0] if N is None else N
    powers = _C.arange(n) if increasing else _C.arange(n - 1, -1, -1)
    return array_of(t.unsqueeze(1) ** powers.to(t.dtype))


def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    refuse(indexing not in ("xy", "ij") or not copy)
    parts = [tensor(x).reshape(-1) for x in xi]
    n = len(parts)
    shaped = []
    for i, t in enumerate(parts):
        place = 1 - i if indexing == "xy" and n > 1 and i < 2 else i
        shaped.append(t.reshape((1,) * place + (-1,) + (1,) * (n - 1 - place)))
    if not sparse:
        whole = _C.broadcast_shapes(*[t.shape for t in shaped]) if n else ()
        shaped = [t.broadcast_to(whole) for t in shaped]
    return tuple([array_of(t.clone(memory_format=_C.contiguous_format)) for t in shaped])


def indices(dimensions, dtype=int, sparse=False):
    refuse(sparse)
    shape = _sizes(dimensions)
    wanted = _types.dtype_of(dtype)
    n = len(shape)
    parts = [
        _C.arange(s, dtype=wanted).reshape((1,) * i + (-1,) + (1,) * (n - 1 - i)).broadcast_to(shape)
        for i, s in enumerate(shape)
    ]
    refuse(n == 0)
    return array_of(_C.stack(parts))


def _scalar_type(dtype):
    """np.float32(x): a scalar of a number, an array of an array."""

    def call(x=0, /):
        t = operand(x)
        refuse(type(x) is list or type(x) is tuple)
        if not isinstance(t, _C.Tensor):
            # What is cut off depends on the number.
            refuse(type(x) is float and not _types.is_inexact(dtype))
            return scalar_of(number(x, dtype))
        refuse(t.is_complex() and not _types.is_complex(dtype))
        refuse(t.is_floating_point() and not _types.is_inexact(dtype))
        if is_array(x) and t.dim() > 0 and t.dtype == dtype:
            return x
        return given(t.to(dtype))

    return call


FUNCTIONS = {
    np.zeros: _filled(0),
    np.ones: _filled(1),
    np.empty: _filled(0),
    np.full: full,
    np.zeros_like: _filled_like(0),
    np.ones_like: _filled_like(1),
    np.empty_like: _filled_like(0),
    np.full_like: full_like,
    np.array: array,
    np.asarray: asarray,
    np.asanyarray: asarray,
    np.ascontiguousarray: ascontiguousarray,
    np.arange: arange,
    np.linspace: linspace,
    np.logspace: logspace,
    np.geomspace: geomspace,
    np.eye: eye,
    np.identity: identity,
    np.tri: tri,
    np.tril: _triangle(_C.tril),
    np.triu: _triangle(_C.triu),
    np.diag: diag,
    np.diagflat: diagflat,
    np.vander: vander,
    np.meshgrid: meshgrid,
    np.indices: indices,
    **{theirs.type: _scalar_type(ours) for theirs, ours in DTYPES.items()},
}
