"""Subscripts: basic ones are views, lists and arrays among them make copies."""

from framejit import _C

from . import _types
from ._args import NUMBERS, broadcasts_to, number, refuse, tensor
from ._bridge import NotTaken, array_of, is_array, is_scalar, mirrored_of, scalar_of, target_of, tensor_of

# What an index consists of.
_INTEGER, _SLICE, _NEW, _REST, _ARRAY = range(5)


def _entry(k):
    """What kind an entry of an index is, and the entry for a tensor."""
    if type(k) is int:
        return _INTEGER, k
    if type(k) is slice:
        for n in (k.start, k.stop, k.step):
            refuse(n is not None and type(n) is not int)
        return _SLICE, k
    if k is None:
        return _NEW, None
    if k is Ellipsis:
        return _REST, k
    if is_array(k) or type(k) is list:
        t = tensor(k)
        if type(k) is list and t.numel() == 0:
            t = t.to(_C.int64)
        refuse(not _types.is_integral(t.dtype) and t.dtype != _C.bool)
        # An array of no dimension counts as a number where it is true or false.
        refuse(t.dtype == _C.bool and t.dim() == 0)
        return _ARRAY, t if t.dtype == _C.bool else t.to(_C.int64)
    if is_scalar(k):
        t = tensor_of(k)
        refuse(not _types.is_integral(t.dtype))
        return _ARRAY, t.to(_C.int64)
    raise NotTaken


def _used(entry):
    """How many dimensions an entry takes."""
    what, k = entry
    if what == _ARRAY:
        return k.dim() if k.dtype == _C.bool else 1
    return 1 if what in (_INTEGER, _SLICE) else 0


def _entries(key, ndim):
    keys = key if type(key) is tuple else (key,)
    entries = [_entry(k) for k in keys]
    used = sum([_used(e) for e in entries])
    rests = [e for e in entries if e[0] == _REST]
    refuse(used > ndim or len(rests) > 1)
    return entries, ndim - used, len(rests) == 1


def _mirrors(entries, missing):
    """The dimensions that a slice with a negative step reverses."""
    found = []
    dim = 0
    for what, k in entries:
        if what == _SLICE and k.step is not None and k.step < 0:
            found.append(dim)
        if what == _REST:
            dim += missing
        dim += _used((what, k))
    return found


def getitem(self, key):
    t = tensor_of(self)
    entries, missing, has_rest = _entries(key, t.dim())
    fancy = [e for e in entries if e[0] == _ARRAY]
    mirrors = _mirrors(entries, missing)
    if mirrors:
        refuse(fancy != [])
        return _mirrored(self, entries, mirrors)
    if fancy:
        refuse(_apart(entries))
        r = _picked(t, entries, fancy)
    else:
        r = t[tuple([k for _, k in entries])]
    if r.dim() == 0 and not has_rest:
        return scalar_of(r)
    # A row at the place that a NumPy integer says is a view.
    keys = key if type(key) is tuple else (key,)
    refuse(fancy != [] and all([is_scalar(k) for e, k in zip(entries, keys) if e[0] == _ARRAY]))
    return array_of(r)


def _apart(entries):
    """Whether integers and arrays have something else between them, and integers are there: NumPy counts them as arrays."""
    places = [i for i, e in enumerate(entries) if e[0] in (_INTEGER, _ARRAY)]
    integers = [e for e in entries if e[0] == _INTEGER]
    return integers != [] and places[-1] - places[0] != len(places) - 1


def _picked(t, entries, fancy):
    """What lists and arrays pick: a copy."""
    index = [k for _, k in entries]
    if len(fancy) == len(entries) and all([k.dim() == 0 for _, k in fancy]):
        # A tensor of no dimension would be read for its value.
        index[0] = index[0].reshape(1)
        return t[tuple(index)].squeeze(0)
    r = t[tuple(index)]
    return r.clone() if all([k.dim() == 0 for _, k in fancy]) else r


def _mirrored(self, entries, mirrors):
    """x[::-1], of whole dimensions."""
    for what, k in entries:
        whole = what == _SLICE and k.start is None and k.stop is None and k.step in (None, 1, -1)
        refuse(what != _REST and not whole)
    return mirrored_of(self, tuple(mirrors))


def setitem(self, key, value):
    t = target_of(self)
    entries, missing, has_rest = _entries(key, t.dim())
    refuse(_mirrors(entries, missing) != [])
    fancy = [e[1] for e in entries if e[0] == _ARRAY]
    value = _assigned(value, t.dtype)
    if len(fancy) == 1 and fancy[0].dtype == _C.bool and len(entries) == 1:
        return _set_masked(t, fancy[0], value)
    index = tuple([k for _, k in entries])
    if fancy:
        scalars = len(entries) == t.dim() and all(
            [e[0] == _INTEGER or e[0] == _ARRAY and e[1].dim() == 0 for e in entries]
        )
        refuse(_apart(entries) or scalars and isinstance(value, _C.Tensor) and value.dim() > 0)
        t[index] = value if isinstance(value, _C.Tensor) else number(value, t.dtype)
        return None
    view = t[index]
    if not isinstance(value, _C.Tensor):
        view.fill_(value)
        return None
    while value.dim() > view.dim() > 0 and value.shape[0] == 1:
        value = value.squeeze(0)
    refuse(not broadcasts_to(value.shape, view.shape))
    # What is read may be the memory that is written.
    view.copy_(value.clone())
    return None


def _assigned(value, dtype):
    """What is written: NumPy casts it to the array's dtype, whatever it was."""
    if type(value) in NUMBERS:
        refuse(type(value) is complex and not _types.is_complex(dtype))
        if type(value) is float and not _types.is_inexact(dtype) and dtype != _C.bool:
            low, high = _types.bounds(dtype)
            refuse(not low <= value <= high)
        if type(value) is int and _types.is_integral(dtype):
            low, high = _types.bounds(dtype)
            refuse(not low <= value <= high)
        return value
    value = tensor(value)
    refuse(value.is_complex() and not _types.is_complex(dtype))
    # nan is an error for one element, and not for several.
    refuse(value.dim() == 0 and value.is_floating_point() and _types.is_integral(dtype))
    return value.to(dtype)


def _set_masked(t, mask, value):
    refuse(tuple(mask.shape) != tuple(t.shape[: mask.dim()]))
    if isinstance(value, _C.Tensor) and value.dim() != 0:
        refuse(mask.dim() == t.dim() and value.dim() > 1)
        t[mask] = value
        return None
    mask = mask.reshape(tuple(mask.shape) + (1,) * (t.dim() - mask.dim()))
    if isinstance(value, _C.Tensor):
        t.copy_(_C.where(mask, value, t))
    else:
        t.masked_fill_(mask, value)
    return None


def fill(self, value):
    return setitem(self, Ellipsis, value)


METHODS = {"fill": fill, "__getitem__": getitem, "__setitem__": setitem}
