"""Arguments read and results given: operands, axes, shapes, `out=` and `where=`."""

from framejit import _C

from . import _types
from ._bridge import NotTaken, array_of, is_array, is_scalar, scalar_of, target_of, tensor_of, tensor_of_number

# The default of an argument that may be None.
WITHOUT = object()

NUMBERS = (int, float, complex, bool)


def refuse(condition):
    if condition:
        raise NotTaken


def operand(x):
    """A tensor, or a Python number as it is: its value is not looked at."""
    if is_array(x) or is_scalar(x):
        return tensor_of(x)
    if type(x) in NUMBERS:
        return x
    return tensor(x)


def kind(x):
    """What `_types` wants to know about an operand."""
    return x.dtype if isinstance(x, _C.Tensor) else type(x)


def tensor(x, dtype=None):
    """The tensor of anything that NumPy makes an array of; it may share the array's memory."""
    if is_array(x) or is_scalar(x):
        t = tensor_of(x)
    elif type(x) in NUMBERS:
        t = number(x, dtype or _types.default_dtype(type(x)))
    elif type(x) is list or type(x) is tuple:
        t = sequence(x, dtype)
    else:
        raise NotTaken
    return t if dtype is None or t.dtype == dtype else t.to(dtype)


def number(x, dtype):
    """A tensor of no dimension; integers that the dtype cannot hold are refused, as NumPy does."""
    if type(x) is int and dtype != _C.int64 and _types.is_integral(dtype):
        low, high = _types.bounds(dtype)
        refuse(not low <= x <= high)
    refuse(type(x) is complex and not _types.is_complex(dtype))
    return tensor_of_number(x, dtype)


def sequence(items, dtype=None):
    """The tensor of a list or tuple of numbers, arrays and such lists."""
    if len(items) == 0:
        return _C.zeros(0, dtype=dtype or _C.float64)
    parts = [operand(item) for item in items]
    if dtype is None:
        kinds = tuple([kind(p) for p in parts])
        strong = tuple([_types.default_dtype(k) for k in kinds])
        dtype = _types.common(strong)
    return _C.stack([p.to(dtype) if isinstance(p, _C.Tensor) else number(p, dtype) for p in parts])


def cast(x, dtype):
    """An operand in the dtype of a loop; a Python number stays one, since it takes the tensor's dtype."""
    if isinstance(x, _C.Tensor):
        return x if x.dtype == dtype else x.to(dtype)
    if type(x) is int and dtype != _C.int64 and _types.is_integral(dtype):
        low, high = _types.bounds(dtype)
        refuse(not low <= x <= high)
    return x


def given(t, out=None, casting="same_kind"):
    """A computed tensor as NumPy gives it: a scalar when it has no dimension, `out` when there is one."""
    if out is not None:
        return write(out, t, casting)
    return scalar_of(t) if t.dim() == 0 else array_of(t)


def single(out):
    """`out=` may be a tuple of one array."""
    if type(out) is tuple:
        refuse(len(out) != 1)
        return out[0]
    return out


def write(out, t, casting="same_kind"):
    """Writes a computed tensor to the array `out` and gives `out`."""
    target = target_of(out)
    refuse(not _types.castable(t.dtype, target.dtype, casting))
    refuse(not broadcasts_to(t.shape, target.shape))
    target.copy_(t)
    return out


def broadcasts_to(shape, wanted):
    """Whether a tensor of this shape fits one of the wanted shape."""
    more = len(wanted) - len(shape)
    return more >= 0 and all([n in (1, wanted[more + i]) for i, n in enumerate(shape)])


def axis_of(axis, ndim):
    """An axis as a number from 0."""
    if is_scalar(axis):
        raise NotTaken
    refuse(type(axis) is not int or not -ndim <= axis < ndim)
    return axis % ndim


def axes_of(axis, ndim):
    """The axes of a reduction: all for None, else one or a tuple."""
    if axis is None:
        return tuple(range(ndim))
    found = (
        tuple([axis_of(a, ndim) for a in axis]) if type(axis) is tuple or type(axis) is list else (axis_of(axis, ndim),)
    )
    refuse(len(set(found)) != len(found))
    return found


def shape_of(shape):
    """A shape argument: an int or a sequence of ints."""
    if type(shape) is int:
        return (shape,)
    refuse(type(shape) is not tuple and type(shape) is not list)
    for n in shape:
        refuse(type(n) is not int)
    return tuple(shape)


def size_of(shape):
    n = 1
    for s in shape:
        n = n * s
    return n


def selected(where, t):
    """`where=` of an elementwise function without `out`: the elements that are not selected may hold anything."""
    mask = tensor(where)
    refuse(mask.dtype != _C.bool)
    shape = _C.broadcast_shapes(mask.shape, t.shape)
    return t if shape == t.shape else t.expand(shape).clone()


def write_where(out, t, where, casting="same_kind"):
    """Writes where the mask is true and gives `out`."""
    target = target_of(out)
    mask = tensor(where)
    refuse(mask.dtype != _C.bool or not _types.castable(t.dtype, target.dtype, casting))
    refuse(not broadcasts_to(t.shape, target.shape) or not broadcasts_to(mask.shape, target.shape))
    target.copy_(_C.where(mask, t.to(target.dtype), target))
    return out
