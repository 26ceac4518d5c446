"""Arrays joined, repeated, cut, rolled and padded."""

import numpy as np

from framejit import _C

from . import _types
from ._args import axes_of, axis_of, cast, kind, number, operand, refuse, tensor
from ._bridge import array_of, is_array, tensor_of
from .reductions import result


def _all_alike(arrays, dtype=None, casting="same_kind"):
    """Tensors in their common dtype."""
    refuse(type(arrays) is not tuple and type(arrays) is not list and not is_array(arrays))
    if is_array(arrays):
        parts = list(tensor_of(arrays).unbind(0))
    else:
        parts = [operand(a) for a in arrays]
    refuse(len(parts) == 0)
    common = _types.common(tuple([_types.default_dtype(kind(p)) for p in parts]))
    wanted = common if dtype is None else _types.dtype_of(dtype)
    for p in parts:
        refuse(not _types.castable(_types.default_dtype(kind(p)), wanted, casting))
    return [p.to(wanted) if isinstance(p, _C.Tensor) else number(p, wanted) for p in parts]


def _fresh(t, parts):
    return t.clone() if len(parts) == 1 else t


def concatenate(arrays, /, axis=0, out=None, *, dtype=None, casting="same_kind"):
    parts = _all_alike(arrays, dtype, casting)
    if axis is None:
        parts, axis = [p.reshape(-1) for p in parts], 0
    first = parts[0]
    axis = axis_of(axis, first.dim())
    for p in parts:
        refuse(p.dim() != first.dim())
        for d in range(first.dim()):
            refuse(d != axis and p.shape[d] != first.shape[d])
    return _joined(_fresh(_C.cat(parts, axis), parts), out, casting)


def _joined(t, out, casting="same_kind"):
    return array_of(t) if out is None else result(t, out, casting)


def stack(arrays, axis=0, out=None, *, dtype=None, casting="same_kind"):
    parts = _all_alike(arrays, dtype, casting)
    for p in parts:
        refuse(tuple(p.shape) != tuple(parts[0].shape))
    return _joined(_C.stack(parts, axis_of(axis, parts[0].dim() + 1)), out, casting)


def hstack(tup, *, dtype=None, casting="same_kind"):
    parts = [p.reshape(1) if p.dim() == 0 else p for p in _all_alike(tup, dtype, casting)]
    return concatenate([array_of(p) for p in parts], 0 if parts[0].dim() == 1 else 1)


def vstack(tup, *, dtype=None, casting="same_kind"):
    parts = [p.reshape(1, -1) if p.dim() < 2 else p for p in _all_alike(tup, dtype, casting)]
    return concatenate([array_of(p) for p in parts], 0)


def dstack(tup):
    parts = [p.reshape(1, -1, 1) if p.dim() < 2 else p for p in _all_alike(tup)]
    return concatenate([array_of(p.unsqueeze(2) if p.dim() == 2 else p) for p in parts], 2)


def column_stack(tup):
    parts = [p.reshape(-1, 1) if p.dim() < 2 else p for p in _all_alike(tup)]
    return concatenate([array_of(p) for p in parts], 1)


def append(arr, values, axis=None):
    if axis is None:
        return concatenate((array_of(tensor(arr).reshape(-1)), array_of(tensor(values).reshape(-1))))
    return concatenate((array_of(tensor(arr)), array_of(tensor(values))), axis)


def _cut(t, places, axis):
    """Views between the places, as slices have them."""
    ends = [*places, t.shape[axis]]
    parts = []
    start = 0
    for stop in ends:
        parts.append(array_of(t[(slice(None),) * axis + (slice(start, stop),)]))
        start = stop
    return parts


def array_split(ary, indices_or_sections, axis=0):
    t = tensor(ary)
    axis = axis_of(axis, t.dim())
    if type(indices_or_sections) is int:
        n = indices_or_sections
        refuse(n <= 0)
        size, extra = t.shape[axis] // n, t.shape[axis] % n
        places = [i * size + min(i, extra) for i in range(1, n)]
    else:
        refuse(type(indices_or_sections) is not list and type(indices_or_sections) is not tuple)
        places = list(indices_or_sections)
        for p in places:
            refuse(type(p) is not int)
    return _cut(t, places, axis)


def split(ary, indices_or_sections, axis=0):
    t = tensor(ary)
    refuse(type(indices_or_sections) is int and t.shape[axis_of(axis, t.dim())] % max(indices_or_sections, 1) != 0)
    return array_split(ary, indices_or_sections, axis)


def hsplit(ary, indices_or_sections):
    return split(ary, indices_or_sections, 1 if tensor(ary).dim() > 1 else 0)


def vsplit(ary, indices_or_sections):
    refuse(tensor(ary).dim() < 2)
    return split(ary, indices_or_sections, 0)


def unstack(x, /, *, axis=0):
    t = tensor(x)
    return tuple([array_of(p) for p in t.unbind(axis_of(axis, t.dim()))])


def tile(A, reps):
    t = tensor(A)
    reps = (reps,) if type(reps) is int else tuple(reps)
    for n in reps:
        refuse(type(n) is not int or n < 0)
    more = len(reps) - t.dim()
    t = t.reshape((1,) * more + tuple(t.shape)) if more > 0 else t
    reps = (1,) * -more + reps if more < 0 else reps
    return array_of(t.repeat(reps))


def repeat(a, repeats, axis=None):
    t = tensor(a)
    refuse(type(repeats) is not int or repeats < 0)
    if axis is None:
        t, axis = t.reshape(-1), 0
    axis = axis_of(axis, t.dim())
    shape = tuple(t.shape)
    t = t.unsqueeze(axis + 1).expand(*shape[: axis + 1], repeats, *shape[axis + 1 :])
    t = t.reshape(*shape[:axis], shape[axis] * repeats, *shape[axis + 1 :])
    return array_of(t.clone() if repeats == 1 else t)


def roll(a, shift, axis=None):
    t = tensor(a)
    if axis is None:
        refuse(type(shift) is not int)
        return array_of(_C.roll(t.reshape(-1), shift, 0).reshape(t.shape))
    axes = axes_of(axis, t.dim()) if type(axis) is int else tuple([axis_of(d, t.dim()) for d in axis])
    shifts = (shift,) * len(axes) if type(shift) is int else tuple(shift)
    axes = axes * len(shifts) if len(axes) == 1 else axes
    shifts = shifts * len(axes) if len(shifts) == 1 else shifts
    refuse(len(shifts) != len(axes))
    for n in shifts:
        refuse(type(n) is not int)
    return array_of(_C.roll(t, shifts, axes))


_MODES = ("constant", "edge", "reflect", "wrap", "symmetric")


def _widths(pad_width, ndim):
    """(before, after) of each dimension."""
    if type(pad_width) is int:
        return [(pad_width, pad_width)] * ndim
    refuse(type(pad_width) is not tuple and type(pad_width) is not list)
    pairs = list(pad_width)
    if all([type(p) is int for p in pairs]):
        refuse(len(pairs) > 2)
        return [(pairs[0], pairs[-1])] * ndim
    pairs = [(p[0], p[-1]) for p in pairs]
    refuse(len(pairs) not in (1, ndim))
    return pairs * ndim if len(pairs) == 1 else pairs


def pad(array, pad_width, mode="constant", **kwargs):
    t = tensor(array)
    refuse(mode not in _MODES or any([k != "constant_values" for k in kwargs]))
    refuse(mode != "constant" and kwargs != {})
    widths = _widths(pad_width, t.dim())
    for before, after in widths:
        refuse(type(before) is not int or type(after) is not int or before < 0 or after < 0)
    if mode == "constant":
        return array_of(_pad_constant(t, widths, kwargs.get("constant_values", 0)))
    for d, (before, after) in enumerate(widths):
        if before or after:
            t = _pad_line(t, d, before, after, mode)
    return array_of(t.clone() if is_array(array) and all([w == (0, 0) for w in widths]) else t)


def _pad_constant(t, widths, value):
    value = operand(value)
    refuse(isinstance(value, _C.Tensor) and value.dim() > 0)
    value = cast(value, t.dtype) if isinstance(value, _C.Tensor) else number(value, t.dtype)
    r = value.expand([before + n + after for n, (before, after) in zip(t.shape, widths)]).clone()
    inside = tuple([slice(before, before + n) for n, (before, _) in zip(t.shape, widths)])
    r[inside] = t
    return r


def _piece(t, d, start, stop):
    return t[(slice(None),) * d + (slice(start, stop),)]


def _pad_line(t, d, before, after, mode):
    n = t.shape[d]
    refuse(n == 0)
    if max(before, after) < n or mode == "edge":
        return _C.cat([_before(t, d, n, before, mode), t, _after(t, d, n, after, mode)], d)
    places = _C.arange(-before, n + after)
    if mode == "wrap":
        places = places % n
    elif mode == "symmetric":
        places = places % (2 * n)
        places = _C.where(places < n, places, 2 * n - 1 - places)
    elif n == 1:
        places = places * 0
    else:
        places = places % (2 * n - 2)
        places = _C.where(places < n, places, 2 * n - 2 - places)
    return _C.index_select(t, d, places)


def _before(t, d, n, count, mode):
    if mode == "edge":
        shape = [count if i == d else s for i, s in enumerate(t.shape)]
        return _piece(t, d, 0, 1).expand(shape)
    if mode == "wrap":
        return _piece(t, d, n - count, n)
    skipped = 1 if mode == "reflect" else 0
    return _piece(t, d, skipped, skipped + count).flip(d)


def _after(t, d, n, count, mode):
    if mode == "edge":
        shape = [count if i == d else s for i, s in enumerate(t.shape)]
        return _piece(t, d, n - 1, n).expand(shape)
    if mode == "wrap":
        return _piece(t, d, 0, count)
    skipped = 1 if mode == "reflect" else 0
    return _piece(t, d, n - skipped - count, n - skipped).flip(d)


FUNCTIONS = {
    np.concatenate: concatenate,
    np.stack: stack,
    np.hstack: hstack,
    np.vstack: vstack,
    np.dstack: dstack,
    np.column_stack: column_stack,
    np.append: append,
    np.array_split: array_split,
    np.split: split,
    np.hsplit: hsplit,
    np.vsplit: vsplit,
    np.tile: tile,
    np.repeat: repeat,
    np.roll: roll,
    np.pad: pad,
}
if hasattr(np, "unstack"):
    FUNCTIONS[np.unstack] = unstack
METHODS = {"repeat": repeat}
