"""Classes and functions that the user allows checkpoints to name."""

_allowed = {}  # "module.qualname" -> object


def _path(obj):
    if isinstance(obj, tuple):  # (object, the name it has in the file)
        return obj[1], obj[0]
    return f"{obj.__module__}.{obj.__qualname__}", obj


def add_safe_globals(safe_globals):
    """Let `load` build objects of these classes, and call these functions, when a file names them.

    safe_globals (iterable of types and functions). Raises TypeError for other types.

    >>> import framejit
    >>> import fractions
    >>> framejit.serialization.add_safe_globals([fractions.Fraction])
    >>> framejit.serialization.clear_safe_globals()
    """
    _allowed.update(_path(obj) for obj in safe_globals)


def get_safe_globals():
    """What has been allowed.

    >>> import framejit
    >>> framejit.serialization.get_safe_globals()
    []
    """
    return list(_allowed.values())


def clear_safe_globals():
    """Allow nothing again.

    >>> import framejit
    >>> framejit.serialization.clear_safe_globals()
    >>> framejit.serialization.get_safe_globals()
    []
    """
    _allowed.clear()


def allowed(name):
    """The allowed object of that full name, or None."""
    return _allowed.get(name)


class safe_globals:
    """Allows some classes and functions within a `with` block.

    safe_globals (iterable of types and functions). Raises nothing of its own.

    >>> import framejit
    >>> import fractions
    >>> with framejit.serialization.safe_globals([fractions.Fraction]):
    ...     print(len(framejit.serialization.get_safe_globals()))
    1
    """

    def __init__(self, safe_globals):
        self._objects = safe_globals

    def __enter__(self):
        self._before = dict(_allowed)
        add_safe_globals(self._objects)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        _allowed.clear()
        _allowed.update(self._before)
