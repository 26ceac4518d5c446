"""Shapes changed: views where NumPy makes views."""

import numpy as np

from framejit import _C

from . import _types
from ._args import axes_of, axis_of, refuse, shape_of, size_of, tensor
from ._bridge import NotTaken, array_of, fixed_of, is_array, is_scalar, mirrored_of, scalar_of, tensor_of


def as_shape(t, shape):
    """A shape that may have one -1, made whole."""
    open_places = [i for i, n in enumerate(shape) if n < 0]
    refuse(len(open_places) > 1)
    if not open_places:
        refuse(size_of(shape) != t.numel())
        return tuple(shape)
    rest = size_of([n for n in shape if n >= 0])
    refuse(rest == 0 or t.numel() % rest != 0)
    return tuple([t.numel() // rest if n < 0 else n for n in shape])


def reshape(a, /, shape, order="C", *, copy=None):
    t = tensor(a)
    refuse(order != "C" or copy is not None)
    # A view wherever strides allow it, as in NumPy.
    return array_of(t.reshape(as_shape(t, shape_of(shape))))


def _reshape(self, *shape, order="C", copy=None):
    if len(shape) == 1:
        return reshape(self, shape[0], order, copy=copy)
    return reshape(self, shape, order, copy=copy)


def ravel(a, order="C"):
    refuse(order != "C")
    return array_of(tensor(a).reshape(-1))


def flatten(self, order="C"):
    refuse(order != "C")
    t = tensor_of(self).reshape(-1)
    return array_of(t.clone())


def transpose(a, axes=None):
    t = tensor(a)
    if axes is None:
        order = tuple(range(t.dim() - 1, -1, -1))
    else:
        refuse(type(axes) is not tuple and type(axes) is not list)
        order = axes_of(tuple(axes), t.dim())
        refuse(len(order) != t.dim())
    t = t.permute(order)
    return scalar_of(t) if is_scalar(a) else array_of(t)


def _transpose(self, *axes):
    if len(axes) == 0:
        return transpose(self)
    if len(axes) == 1 and (axes[0] is None or type(axes[0]) is tuple or type(axes[0]) is list):
        return transpose(self, axes[0])
    return transpose(self, axes)


def swapaxes(a, axis1, axis2):
    t = tensor(a)
    return array_of(t.transpose(axis_of(axis1, t.dim()), axis_of(axis2, t.dim())))


def moveaxis(a, source, destination):
    t = tensor(a)
    sources, places = axes_of(source, t.dim()), axes_of(destination, t.dim())
    refuse(source is None or destination is None or len(sources) != len(places))
    return array_of(t.movedim(sources, places))


def rollaxis(a, axis, start=0):
    t = tensor(a)
    axis = axis_of(axis, t.dim())
    refuse(not -t.dim() <= start <= t.dim())
    start = start + t.dim() if start < 0 else start
    start = start - 1 if axis < start else start
    return array_of(t.movedim(axis, start))


def squeeze(a, axis=None):
    t = tensor(a)
    if axis is None:
        axes = tuple([d for d, n in enumerate(t.shape) if n == 1])
    else:
        axes = axes_of(axis, t.dim())
        for d in axes:
            refuse(t.shape[d] != 1)
    if not axes and is_array(a):
        return a
    t = t.reshape([n for d, n in enumerate(t.shape) if d not in axes]) if t.numel() == 1 else t.squeeze(axes)
    return scalar_of(t) if is_scalar(a) else array_of(t)


def expand_dims(a, axis):
    t = tensor(a)
    more = len(axis) if type(axis) is tuple else 1
    refuse(axis is None or type(axis) is list)
    for d in sorted(axes_of(axis, t.dim() + more)):
        t = t.unsqueeze(d)
    return array_of(t)


def _at_least(count):
    def one(a):
        t = tensor(a)
        refuse(is_scalar(a))
        if t.dim() >= count:
            return a if is_array(a) else array_of(t)
        if count == 1:
            return array_of(t.reshape(1))
        if count == 2:
            return array_of(t.reshape(1, 1) if t.dim() == 0 else t.unsqueeze(0))
        if t.dim() == 2:
            return array_of(t.unsqueeze(2))
        return array_of(t.reshape(1, -1, 1))

    def call(*arys):
        if len(arys) == 1:
            return one(arys[0])
        return tuple([one(a) for a in arys])

    return call


def broadcast_to(array, shape, subok=False):
    t = tensor(array)
    shape = shape_of(shape)
    for n in shape:
        refuse(n < 0)
    return fixed_of(t.broadcast_to(shape))


def broadcast_shapes(*args):
    return tuple(_C.broadcast_shapes(*[shape_of(s) for s in args]))


def flip(m, axis=None):
    t = tensor(m)
    refuse(not is_array(m))
    return mirrored_of(m, axes_of(axis, t.dim()))


def fliplr(m):
    refuse(tensor(m).dim() < 2)
    return flip(m, 1)


def flipud(m):
    refuse(tensor(m).dim() < 1)
    return flip(m, 0)


def rot90(m, k=1, axes=(0, 1)):
    t = tensor(m)
    first, second = axes_of(tuple(axes), t.dim())
    refuse(not is_array(m))
    k = k % 4
    if k == 0:
        return array_of(t)
    if k == 2:
        return mirrored_of(m, (first, second))
    if k == 1:
        return mirrored_of(swapaxes(m, first, second), (first,))
    return mirrored_of(swapaxes(m, first, second), (second,))


def diagonal(a, offset=0, axis1=0, axis2=1):
    t = tensor(a)
    refuse(t.dim() < 2)
    return fixed_of(_C.diagonal(t, offset, axis_of(axis1, t.dim()), axis_of(axis2, t.dim())))


def astype(self, dtype, order="K", casting="unsafe", subok=True, copy=True):
    t = tensor_of(self)
    wanted = _types.dtype_of(dtype)
    refuse(order != "K" or not _types.castable(t.dtype, wanted, casting))
    refuse(t.is_complex() and not _types.is_complex(wanted))
    if not copy and wanted == t.dtype:
        return self
    r = t.clone() if wanted == t.dtype else t.to(wanted)
    return scalar_of(r) if is_scalar(self) else array_of(r)


def copy(a, order="K", subok=False):
    refuse(order != "K" and order != "C")
    return array_of(tensor(a).clone())


def _copy(self, order="C"):
    t = tensor_of(self).clone()
    return scalar_of(t) if is_scalar(self) else array_of(t)


def ndim(a):
    return tensor(a).dim()


def shape(a):
    return tuple(tensor(a).shape)


def size(a, axis=None):
    t = tensor(a)
    refuse(type(axis) is tuple)
    return t.numel() if axis is None else t.shape[axis_of(axis, t.dim())]


def length(self):
    t = tensor_of(self)
    refuse(t.dim() == 0)
    return t.shape[0]


def iterate(self):
    t = tensor_of(self)
    if t.dim() == 0:
        raise NotTaken
    rows = t.unbind(0)
    return iter([scalar_of(r) for r in rows] if t.dim() == 1 else [array_of(r) for r in rows])


FUNCTIONS = {
    np.reshape: reshape,
    np.ravel: ravel,
    np.transpose: transpose,
    np.permute_dims: transpose,
    np.matrix_transpose: lambda x: swapaxes(x, -1, -2),
    np.swapaxes: swapaxes,
    np.moveaxis: moveaxis,
    np.rollaxis: rollaxis,
    np.squeeze: squeeze,
    np.expand_dims: expand_dims,
    np.atleast_1d: _at_least(1),
    np.atleast_2d: _at_least(2),
    np.atleast_3d: _at_least(3),
    np.broadcast_to: broadcast_to,
    np.broadcast_shapes: broadcast_shapes,
    np.flip: flip,
    np.fliplr: fliplr,
    np.flipud: flipud,
    np.rot90: rot90,
    np.diagonal: diagonal,
    np.astype: lambda x, dtype, /, *, copy=True: astype(x, dtype, copy=copy),
    np.copy: copy,
    np.ndim: ndim,
    np.shape: shape,
    np.size: size,
}

METHODS = {
    "reshape": _reshape,
    "ravel": ravel,
    "flatten": flatten,
    "transpose": _transpose,
    "swapaxes": swapaxes,
    "squeeze": squeeze,
    "diagonal": diagonal,
    "astype": astype,
    "copy": _copy,
    "__copy__": _copy,
    "__len__": length,
    "__iter__": iterate,
}
