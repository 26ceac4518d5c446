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


def _add_marks(t, kind, index):
    """Put dimensions into one of the sets that the tracer looks at: `t._dynamo_<kind>_indices`."""
    from framejit.dynamo import config

    if config.allow_ignore_mark_dynamic and kind == "dynamic":
        kind = "weak_dynamic"
    name = f"_dynamo_{kind}_indices"
    marks = set(getattr(t, name, ()))
    for i in index if isinstance(index, (list, tuple)) else (index,):
        if not -t.dim() <= i < t.dim():
            raise IndexError(f"dimension {i} is out of range for a tensor of {t.dim()} dimensions")
        marks.add(i % t.dim())
    setattr(t, name, marks)
    _C._note_size_marks()


def mark_dynamic(t, index, *, hint_override=None, min=None, max=None, specialize_on=None):
    """The size of this dimension will differ from call to call: what is compiled for `t` takes any.

    A function that can be compiled for one size only raises `ConstraintViolationError`; so does one whose branches
    treat sizes between `min` and `max` differently. `hint_override` and `specialize_on` are accepted and change nothing.
    """
    _add_marks(t, "dynamic", index)
    if min is not None or max is not None:
        ranges = dict(getattr(t, "_dynamo_dynamic_range", ()))
        for i in index if isinstance(index, (list, tuple)) else (index,):
            ranges[i % t.dim()] = (min, max)
        t._dynamo_dynamic_range = ranges


def maybe_mark_dynamic(t, index):
    """As `mark_dynamic`, but a function that needs one size is compiled for that size."""
    _add_marks(t, "weak_dynamic", index)


def mark_unbacked(t, index, hint_override=None, strict=False, specialize_on=None, shape_id=None):
    """As `mark_dynamic`: sizes here always have a value at hand, so there is no size without one."""
    _add_marks(t, "unbacked", index)


def mark_static(t, index=None):
    """The size of this dimension (all, without an index) is a constant of what is compiled for `t`."""
    if isinstance(t, type):
        raise TypeError("mark_static takes a tensor; modules' tensors are static until they change")
    index = tuple(range(t.dim())) if index is None else index
    _add_marks(t, "static", index)
    marked = set(getattr(t, "_dynamo_dynamic_indices", ()))
    if marked:
        t._dynamo_dynamic_indices = marked - t._dynamo_static_indices


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
