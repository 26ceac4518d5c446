"""Directions to the compiler that a program gives in its own code."""

import functools

from framejit import _C
from framejit.nn import Module


def disable(fn=None, recursive=True, *, reason=None):
    """A callable whose code is never captured: compiled callers call it out."""
    if fn is None:
        return lambda decorated: disable(decorated, recursive, reason=reason)
    if isinstance(fn, Module):
        fn.__dict__["_compiled_call_impl"] = disable(fn._call_impl, recursive, reason=reason)
        return fn
    fn = getattr(fn, "__wrapped__", fn) if isinstance(fn, _C.CompiledFunction) else fn

    @functools.wraps(fn)
    def plain(*args, **kwargs):
        if not recursive:
            return fn(*args, **kwargs)
        before = _C._set_compile_enabled(False)
        try:
            return fn(*args, **kwargs)
        finally:
            _C._set_compile_enabled(before)

    plain._framejit_disable = True
    return plain


def run(fn=None):
    """Use what is compiled already and compile nothing more: here the same as `disable`."""
    return disable(fn)


def graph_break(msg=""):
    """Ends the graph when captured; does nothing otherwise."""


graph_break._framejit_disable = True


def is_compiling():
    """Whether this code is being captured."""
    return _C._is_tracing()


def allow_in_graph(fn):
    """Accepted for programs that call it: functions are captured by interpreting them, so there is nothing to allow."""
    return fn


def assume_constant_result(fn):
    """Accepted for programs that call it: results are guarded, so nothing needs to be assumed."""
    return fn


def mark_dynamic(t, index, *, hint_override=None, min=None, max=None):
    """Keeps the mark on the tensor; every size is compiled for itself so far, so it changes nothing yet."""
    marks = set(getattr(t, "_dynamo_dynamic_indices", ()))
    marks.update(index if isinstance(index, (list, tuple)) else (index,))
    t._dynamo_dynamic_indices = marks


maybe_mark_dynamic = mark_dynamic


def mark_static(t, index=None):
    """Drop the marks of `mark_dynamic`."""
    marks = set(getattr(t, "_dynamo_dynamic_indices", ()))
    t._dynamo_dynamic_indices = set() if index is None else marks - {index}


def mark_static_address(t, guard=True):
    """Accepted for programs that call it: compiled code never depends on addresses."""


def optimize(backend="inductor", *, nopython=False, dynamic=None, disable=False, **options):
    """The old form of `framejit.compile`, as a decorator factory."""
    from framejit._compile import compile

    return compile(backend=backend, fullgraph=nopython, dynamic=dynamic, disable=disable)


def reset():
    """Forget everything that was compiled; counters start again."""
    from .utils import counters

    _C.reset()
    counters.clear()
