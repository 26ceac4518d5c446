"""The types of Python values, of attributes of modules first of all."""

import enum

from framejit import _ops as _t

from . import annotations
from . import types as T
from .known_functions import code_of

_PLAIN = {bool: T.BOOL, int: T.INT, float: T.FLOAT, complex: T.COMPLEX, str: T.STR, type(None): T.NONE}


def infer_type(value):
    """The type that scripted code gives a Python value; None if it has none."""
    if isinstance(value, _t.Tensor):
        return T.TENSOR
    if type(value) in _PLAIN:
        return _PLAIN[type(value)]
    if isinstance(value, enum.Enum):
        return annotations.enum_type(type(value))
    if code_of(value) is not None:
        return T.INT
    if isinstance(value, _t.device):
        return T.DEVICE
    if isinstance(value, tuple):
        return _tuple(value)
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, dict):
        return _dict(value)
    if hasattr(type(value), "_script_type"):
        return type(value)._script_type
    from .classes import class_type

    found = class_type(type(value))
    if found is not None:
        return found
    return T.GENERATOR if isinstance(value, _t.Generator) else None


def _tuple(value):
    parts = [infer_type(v) for v in value]
    if None in parts:
        return None
    if hasattr(value, "_fields"):
        return annotations.named_tuple_type(type(value))
    return T.TupleType(*parts)


def _common(values):
    """One type for all of them, or None."""
    found = None
    for value in values:
        t = infer_type(value)
        if t is None:
            return None
        found = t if found is None else T.unify(found, t)
        if found is None:
            return None
    return found


def _list(value):
    elem = _common(value) if value else None
    return None if elem is None else T.ListType(elem)


def _dict(value):
    if not value:
        return None
    keys, values = _common(value.keys()), _common(value.values())
    if keys not in (T.STR, T.INT, T.FLOAT, T.BOOL, T.TENSOR, T.COMPLEX) or values is None:
        return None
    return T.DictType(keys, values)
