"""numpy.linalg, but for what raises LinAlgError depending on the values (inv, solve, cholesky) or chooses its dtype by them
(eig): that is left to NumPy."""

import numpy as np

from framejit import _C, linalg

from . import _types
from ._args import axis_of, cast, given, refuse, tensor
from ._bridge import array_of, is_array


def _matrix(a, square=False):
    t = tensor(a)
    refuse(t.dim() < 2 or square and t.shape[-1] != t.shape[-2])
    return cast(t, _types.float_dtype(t.dtype))


def _real_matrix(a, square=False):
    t = _matrix(a, square)
    refuse(t.is_complex())
    return t


def norm(x, ord=None, axis=None, keepdims=False):
    t = tensor(x)
    t = t if _types.is_inexact(t.dtype) else t.to(_C.float64)
    refuse(type(keepdims) is not bool)
    if axis is None:
        if ord is None:
            t = t.reshape(-1) if not keepdims else t
            return given(_root(t, tuple(range(t.dim())), keepdims))
        refuse(t.dim() not in (1, 2))
        axes = tuple(range(t.dim()))
    else:
        axes = tuple([axis_of(d, t.dim()) for d in axis]) if type(axis) is tuple else (axis_of(axis, t.dim()),)
    if len(axes) == 1:
        return given(_vector_norm(t, ord, axes, keepdims))
    refuse(len(axes) != 2 or axes[0] == axes[1])
    return given(_matrix_norm(t, ord, axes, keepdims))


def _squares(t):
    return _C.real(t) * _C.real(t) + _C.imag(t) * _C.imag(t) if t.is_complex() else t * t


def _root(t, axes, keep):
    return _C.sqrt(_C.sum(_squares(t), axes, keep))


def _vector_norm(t, ord, axes, keep):
    if ord is None or type(ord) in (int, float) and ord == 2:
        return _root(t, axes, keep)
    refuse(type(ord) not in (int, float))
    size = _C.abs(t)
    if ord == float("inf"):
        return _C.amax(size, axes, keep)
    if ord == float("-inf"):
        return _C.amin(size, axes, keep)
    if ord == 0:
        return _C.sum((size != 0).to(size.dtype), axes, keep)
    if ord == 1:
        return _C.sum(size, axes, keep)
    return _C.sum(size**ord, axes, keep) ** (1.0 / ord)


def _matrix_norm(t, ord, axes, keep):
    if ord is None or ord == "fro" or ord == "f":
        return _root(t, axes, keep)
    refuse(type(ord) not in (int, float) or keep)
    t = t.movedim(axes, (-2, -1))
    if abs(ord) == 2:
        refuse(t.is_complex())
        sizes = linalg.svdvals(t)
        return _C.amax(sizes, (-1,)) if ord == 2 else _C.amin(sizes, (-1,))
    refuse(abs(ord) not in (1, float("inf")))
    sums = _C.sum(_C.abs(t), (-2,) if abs(ord) == 1 else (-1,))
    return _C.amax(sums, (-1,)) if ord > 0 else _C.amin(sums, (-1,))


def det(a):
    return given(linalg.det(_matrix(a, True)))


def slogdet(a):
    sign, logabsdet = linalg.slogdet(_real_matrix(a, True))
    return np.linalg._linalg.SlogdetResult(given(sign), given(logabsdet))


def qr(a, mode="reduced"):
    refuse(mode not in ("reduced", "complete"))
    q, r = linalg.qr(_real_matrix(a), mode)
    return np.linalg._linalg.QRResult(array_of(q), array_of(r))


def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    refuse(hermitian)
    t = _real_matrix(a)
    if not compute_uv:
        return array_of(linalg.svdvals(t))
    u, s, vh = linalg.svd(t, full_matrices)
    return np.linalg._linalg.SVDResult(array_of(u), array_of(s), array_of(vh))


def svdvals(x, /):
    return array_of(linalg.svdvals(_real_matrix(x)))


def eigh(a, UPLO="L"):
    w, v = linalg.eigh(_real_matrix(a, True), UPLO)
    return np.linalg._linalg.EighResult(array_of(w), array_of(v))


def eigvalsh(a, UPLO="L"):
    return array_of(linalg.eigvalsh(_real_matrix(a, True), UPLO))


def matrix_power(a, n):
    t = tensor(a)
    refuse(type(n) is not int or n < 1 or t.dim() < 2 or t.shape[-1] != t.shape[-2] or t.dtype == _C.bool)
    if n == 1:
        refuse(not is_array(a))
        return a
    power = None
    while n:
        if n & 1:
            power = t if power is None else _C.matmul(power, t)
        n >>= 1
        t = _C.matmul(t, t) if n else t
    return array_of(power)


def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    refuse(keepdims and axis is None)
    t = tensor(x)
    t = t if _types.is_inexact(t.dtype) else t.to(_C.float64)
    if axis is None:
        t, axis = t.reshape(-1), 0
    refuse(type(axis) is not int)
    return given(_vector_norm(t, ord, (axis_of(axis, t.dim()),), keepdims))


FUNCTIONS = {
    np.linalg.norm: norm,
    np.linalg.det: det,
    np.linalg.slogdet: slogdet,
    np.linalg.qr: qr,
    np.linalg.svd: svd,
    np.linalg.eigh: eigh,
    np.linalg.eigvalsh: eigvalsh,
    np.linalg.matrix_power: matrix_power,
}
if hasattr(np.linalg, "vector_norm"):
    FUNCTIONS[np.linalg.vector_norm] = vector_norm
    FUNCTIONS[np.linalg.svdvals] = svdvals
