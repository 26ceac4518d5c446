"""ops: operators by namespace and name. `ops.aten` has framejit's own, other namespaces those of `framejit.library`.

>>> import framejit
>>> framejit.ops.aten.add.Tensor(framejit.ones(2), 1).tolist()
[2.0, 2.0]
"""

import types as _types

from framejit import _ops


class _Overloads:
    """An op of framejit: callable; each of its overloads is the op itself."""

    def __init__(self, name, function):
        self.__name__, self.__qualname__, self.__module__ = name, f"aten.{name}", "framejit.ops"
        self._function = function

    def __call__(self, *args, **kwargs):
        return self._function(*args, **kwargs)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __repr__(self):
        return f"<operator aten::{self.__name__}>"


def _written_in_python(op):
    import framejit

    return getattr(framejit, op, None)


def _namespace(name):
    """A plain module, so that captured code may look into it."""
    namespace = _types.ModuleType(f"framejit.ops.{name}", f"The operators of {name}.")

    def find(op):
        function = getattr(_ops, op, None) or getattr(_ops.Tensor, op, None) or _written_in_python(op)
        if name != "aten" or op.startswith("__") or not callable(function):
            raise AttributeError(f"there is no operator {name}::{op}")
        overloads = _Overloads(op, function)
        setattr(namespace, op, overloads)
        return overloads

    namespace.__getattr__ = find
    return namespace


def __getattr__(name):
    if name.startswith("__"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    namespace = globals()[name] = _namespace(name)
    return namespace
