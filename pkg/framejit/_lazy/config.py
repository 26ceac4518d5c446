"""Settings of the lazy device."""

from framejit import _C


def get_force_fallback():
    """The op that always falls back, as `set_force_fallback` was given it: "" if none does.

    Raises nothing.

    >>> from framejit._lazy import config
    >>> config.get_force_fallback()
    ''
    """
    return _C._lazy_get_fallback()


def set_force_fallback(configval):
    """Has one op computed at once instead of recorded.

    Args:
        configval (str): the op by PyTorch's name, "aten::sub"; "" for none.

    Raises TypeError for something that is no str.

    >>> from framejit._lazy import config
    >>> config.set_force_fallback("aten::sub")
    >>> config.set_force_fallback("")
    """
    _C._lazy_set_fallback(configval)


def set_reuse_ir(val):
    """Accepted for PyTorch's programs: a recorded graph is compiled once, by its text, in any case.

    Args:
        val (bool): unused.

    Raises nothing.

    >>> from framejit._lazy import config
    >>> config.set_reuse_ir(True)
    """
