"""Whether a trace is going on, and what depends on it."""

import functools
import threading


class TracerWarning(Warning):
    """What a trace does not record, or records as a constant.

    >>> from framejit import jit
    >>> issubclass(jit.TracerWarning, Warning)
    True
    """


TracerWarning.__module__ = "framejit.jit"
_state = threading.local()
_going_on = 0  # traces, of all threads: asked first, since a compiled frame can guard it


def current():
    """The trace that is going on in this thread, or None."""
    return getattr(_state, "trace", None) if _going_on else None


def set_current(trace):
    """Makes a trace the current one; gives the one before."""
    global _going_on
    before = current()
    _going_on += (trace is not None) - (before is not None)
    _state.trace = trace
    return before


def is_tracing():
    """Whether `trace` is recording.

    >>> import framejit
    >>> framejit.jit.is_tracing()
    False
    """
    return current() is not None


def script_if_tracing(fn):
    """A function that is scripted when a trace first calls it, so that its control flow is recorded; else it runs as it is.

    fn (callable). Raises nothing of its own.

    >>> import framejit
    >>> @framejit.jit.script_if_tracing
    ... def f(x):
    ...     return x + 1
    >>> f(2)
    3
    """

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        if not is_tracing():
            return fn(*args, **kwargs)
        from .api import script

        return script(wrapper.__original_fn)(*args, **kwargs)

    wrapper.__original_fn = fn
    wrapper.__script_if_tracing_wrapper = True
    return wrapper
