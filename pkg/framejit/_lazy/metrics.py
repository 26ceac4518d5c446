"""How often things happened: compiled graphs met again or not, and ops that fell back, by their aten:: names."""

from framejit import _C


def reset():
    """Starts counting anew.

    Raises nothing.

    >>> from framejit._lazy import metrics
    >>> metrics.reset()
    >>> metrics.counter_names()
    []
    """
    _C._lazy_reset_counters()


def counter_names():
    """The names of everything that has happened since the last reset.

    Raises nothing.

    >>> import framejit
    >>> from framejit._lazy import metrics
    >>> metrics.reset()
    >>> (framejit.ones(2, device="lazy") + 1).tolist()
    [2.0, 2.0]
    >>> metrics.counter_names()  # doctest: +ELLIPSIS
    [...Compile']
    """
    return list(_C._lazy_counters())


def counter_value(name):
    """How often that happened.

    Args:
        name (str): one of `counter_names()`.

    Raises nothing: a name that has not been counted gives 0.

    >>> from framejit._lazy import metrics
    >>> metrics.counter_value("no such thing")
    0
    """
    return _C._lazy_counters().get(name, 0)


def metrics_report():
    """All counters as text, a line each.

    Raises nothing.

    >>> from framejit._lazy import metrics
    >>> metrics.reset()
    >>> metrics.metrics_report()
    ''
    """
    return "\n".join(f"Counter: {name}\n  Value: {count}" for name, count in _C._lazy_counters().items())
