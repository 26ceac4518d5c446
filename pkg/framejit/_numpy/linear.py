"""Products of vectors and matrices."""

import numpy as np

from framejit import _C
from framejit._functions import einsum as _einsum

from . import _types
from ._args import axis_of, cast, given, kind, refuse, tensor
from ._bridge import array_of
from .reductions import result


def _pair(a, b):
    """Two tensors in the dtype of their product."""
    a, b = tensor(a), tensor(b)
    dtype = _types.loop(np.multiply, (kind(a), kind(b)))[0]
    refuse(dtype == _C.bool)
    return cast(a, dtype), cast(b, dtype)


def matmul(x1, x2, /, out=None, *, casting="same_kind", order="K", dtype=None, subok=True, axes=None, axis=None):
    a, b = tensor(x1), tensor(x2)
    refuse(axes is not None or axis is not None or a.dim() == 0 or b.dim() == 0)
    wanted = None if dtype is None else _types.dtype_of(dtype)
    loop = _types.loop(np.matmul, (a.dtype, b.dtype), wanted, casting)[0]
    refuse(loop == _C.bool or a.shape[-1] != b.shape[-2 if b.dim() > 1 else 0])
    return result(_C.matmul(cast(a, loop), cast(b, loop)), out, casting)


def dot(a, b, out=None):
    a, b = _pair(a, b)
    if a.dim() == 0 or b.dim() == 0:
        return result(a * b, out)
    last = b.dim() - 2 if b.dim() > 1 else 0
    refuse(a.shape[-1] != b.shape[last])
    if a.dim() <= 2 and b.dim() <= 2:
        return result(_C.matmul(a, b), out)
    return result(_C.tensordot(a, b, (a.dim() - 1,), (last,)), out)


def inner(a, b, /):
    a, b = _pair(a, b)
    if a.dim() == 0 or b.dim() == 0:
        return given(a * b)
    refuse(a.shape[-1] != b.shape[-1])
    return given(_C.tensordot(a, b, (a.dim() - 1,), (b.dim() - 1,)))


def vdot(a, b, /):
    a, b = _pair(a, b)
    a, b = a.reshape(-1), b.reshape(-1)
    refuse(a.shape[0] != b.shape[0])
    return given(_C.sum(_C.conj_physical(a) * b if a.is_complex() else a * b, (0,), dtype=a.dtype))


def outer(a, b, out=None):
    a, b = _pair(a, b)
    return result(a.reshape(-1, 1) * b.reshape(1, -1), out)


def tensordot(a, b, axes=2):
    a, b = _pair(a, b)
    if type(axes) is int:
        refuse(axes < 0 or axes > min(a.dim(), b.dim()))
        left, right = list(range(a.dim() - axes, a.dim())), list(range(axes))
    else:
        left, right = axes
        left = [left] if type(left) is int else list(left)
        right = [right] if type(right) is int else list(right)
        left, right = [axis_of(d, a.dim()) for d in left], [axis_of(d, b.dim()) for d in right]
    refuse([a.shape[d] for d in left] != [b.shape[d] for d in right])
    return array_of(_C.tensordot(a, b, left, right))


def einsum(*operands, out=None, dtype=None, order="K", casting="safe", optimize=False):
    refuse(len(operands) < 2 or type(operands[0]) is not str or dtype is not None)
    tensors = [tensor(x) for x in operands[1:]]
    refuse("..." in operands[0])
    common = _types.common(tuple([t.dtype for t in tensors]))
    refuse(common == _C.bool)
    equation = operands[0].replace(" ", "")
    if len(tensors) == 1 and "->" in equation:
        # A transpose or a diagonal is a view.
        left, right = equation.split("->")
        refuse(len(set(left)) == len(right))
    return result(_einsum(equation, *[cast(t, common) for t in tensors]), out)


def trace(a, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    t = tensor(a)
    refuse(t.dim() < 2)
    line = _C.diagonal(t, offset, axis_of(axis1, t.dim()), axis_of(axis2, t.dim()))
    wanted = None if dtype is None else _types.dtype_of(dtype)
    line = cast(line, _types.loop(np.add, (t.dtype,), wanted, reduction=True)[1])
    return result(_C.sum(line, (line.dim() - 1,)), out)


def cross(a, b, axisa=-1, axisb=-1, axisc=-1, axis=None):
    a, b = _pair(a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    refuse(a.dim() == 0 or b.dim() == 0)
    a, b = a.movedim(axis_of(axisa, a.dim()), -1), b.movedim(axis_of(axisb, b.dim()), -1)
    refuse(a.shape[-1] != 3 or b.shape[-1] != 3)
    a0, a1, a2 = a[..., 0], a[..., 1], a[..., 2]
    b0, b1, b2 = b[..., 0], b[..., 1], b[..., 2]
    t = _C.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], -1)
    return given(t.movedim(-1, axis_of(axisc, t.dim())))


def kron(a, b):
    a, b = _pair(a, b)
    n = max(a.dim(), b.dim())
    a = a.reshape((1,) * (n - a.dim()) + tuple(a.shape))
    b = b.reshape((1,) * (n - b.dim()) + tuple(b.shape))
    spread = [s for d in range(n) for s in (a.shape[d], 1)]
    against = [s for d in range(n) for s in (1, b.shape[d])]
    t = a.reshape(spread) * b.reshape(against)
    return given(t.reshape([a.shape[d] * b.shape[d] for d in range(n)]))


FUNCTIONS = {
    np.matmul: matmul,
    np.dot: dot,
    np.inner: inner,
    np.vdot: vdot,
    np.outer: outer,
    np.tensordot: tensordot,
    np.einsum: einsum,
    np.trace: trace,
    np.cross: cross,
    np.kron: kron,
}
METHODS = {"dot": dot, "trace": trace}
