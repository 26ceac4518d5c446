"""Between NumPy's objects and tensors: the only functions of this package that touch an array itself.

Capture has primitives of its own in their place (an array in a trace is a tensor already), so the other modules go through
these and through one another. What they do not take raises `NotTaken` before anything has been changed; then NumPy does it.
"""

import numpy as np

from framejit import _C


class NotTaken(Exception):
    """This call is left to NumPy."""


DTYPES = {
    np.dtype(name): getattr(_C, name)
    for name in (
        "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128",
    )
}  # fmt: skip
NUMPY_DTYPES = {ours: theirs for theirs, ours in DTYPES.items()}
_SCALARS = (*[d.type for d in DTYPES], np.longlong)


def is_array(x):
    return type(x) is np.ndarray


def is_scalar(x):
    return type(x) in _SCALARS


def tensor_of(a):
    """A tensor over the memory of an array, or one of no dimension that holds a NumPy scalar."""
    if type(a) is not np.ndarray:
        if type(a) not in _SCALARS:
            raise NotTaken
        a = np.array(a)
    elif a.dtype not in DTYPES or any([n < 0 or n % a.itemsize for n in a.strides]):
        raise NotTaken
    elif not a.flags.writeable:
        # from_numpy warns of it; `target_of` refuses such an array, nothing else writes.
        a = _writeable(a)
    return _C.from_numpy(a)


def _writeable(a):
    """A second array over the same memory that does not know that it must not be written to."""
    face = {"data": (a.__array_interface__["data"][0], False), "typestr": a.dtype.str, "version": 3}
    holder = _Memory()
    holder.__array_interface__ = {**face, "shape": a.shape, "strides": a.strides}
    holder.owner = a
    return np.asarray(holder)


class _Memory:
    """Keeps an array alive for another one over its memory."""


def target_of(a):
    """The tensor of an array that will be written to."""
    if type(a) is not np.ndarray or not a.flags.writeable:
        raise NotTaken
    return tensor_of(a)


def array_of(t):
    """An array over the memory of a tensor."""
    return t.numpy()


def fixed_of(t):
    """An array over the memory of a tensor that cannot be written to, as some of NumPy's views are."""
    a = t.numpy()
    a.flags.writeable = False
    return a


def mirrored_of(a, dims):
    """The array with these dimensions reversed: a view in NumPy, with strides that tensors do not have. In a trace it is a
    copy, which may be read but neither be written to nor leave the trace."""
    index = [slice(None)] * a.ndim
    for d in dims:
        index[d] = slice(None, None, -1)
    return a[tuple(index)]


def scalar_of(t):
    """The NumPy scalar that a tensor of no dimension holds."""
    return t.numpy()[()]


def tensor_of_number(x, dtype):
    """A tensor of no dimension of a Python number."""
    return _C.scalar_tensor(x, dtype=dtype)
