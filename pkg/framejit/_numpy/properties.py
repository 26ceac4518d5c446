"""Properties of arrays."""

from framejit import _C

from . import _types
from ._bridge import array_of, fixed_of, is_array, scalar_of, tensor_of


def shape(self):
    return tuple(tensor_of(self).shape)


def ndim(self):
    return tensor_of(self).dim()


def size(self):
    return tensor_of(self).numel()


def dtype(self):
    return _types.numpy_dtype(tensor_of(self).dtype)


def itemsize(self):
    return dtype(self).itemsize


def nbytes(self):
    return size(self) * itemsize(self)


def strides(self):
    width = itemsize(self)
    return tuple([n * width for n in tensor_of(self).stride()])


def _as(self, t):
    """A view of an array is an array, of a scalar a scalar."""
    return array_of(t) if is_array(self) else scalar_of(t)


def transposed(self):
    t = tensor_of(self)
    return _as(self, t.permute(tuple(range(t.dim() - 1, -1, -1))))


def real(self):
    t = tensor_of(self)
    return _as(self, _C.real(t)) if t.is_complex() else self


def imag(self):
    t = tensor_of(self)
    if t.is_complex():
        return _as(self, _C.imag(t))
    zeros = _C.zeros_like(t)
    return fixed_of(zeros) if is_array(self) else scalar_of(zeros)


PROPERTIES = {
    "shape": shape,
    "ndim": ndim,
    "size": size,
    "dtype": dtype,
    "itemsize": itemsize,
    "nbytes": nbytes,
    "strides": strides,
    "T": transposed,
    "real": real,
    "imag": imag,
}
