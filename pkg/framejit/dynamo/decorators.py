"""What a program says about its functions and tensors, for the compiler."""

import functools
import inspect
import types

from framejit import _C

from .control import disable, dont_skip_tracing, graph_break, nonstrict_trace, run, skip_frame  # noqa: F401

# ---- functions --------------------------------------------------------------------------------------------


def _each(name, fn, mark):
    """Applies a mark to one function or to each of several."""
    if isinstance(fn, (list, tuple)):
        return [_each(name, x, mark) for x in fn]
    if not callable(fn):
        raise TypeError(f"{name}: expected a callable, but got {type(fn).__name__}")
    mark(fn)
    return fn


def allow_in_graph(fn):
    """Promises that a function may be called while tracing, with tensors without data. Gives fn back.

    framejit captures functions by interpreting them, and tensor operations inside become nodes of the graph; so there is
    nothing to allow, and it breaks the graph where fn does something that cannot be captured. Raises TypeError for what
    cannot be called.
    """
    return _each("allow_in_graph", fn, lambda fn: None)


def assume_constant_result(fn):
    """Promises that a function always gives the same result: it may be called once, at compile time. Gives fn back.

    framejit captures it as any other function and guards what the result depends on. Raises TypeError for what cannot be
    called.
    """
    return _each("assume_constant_result", fn, lambda fn: setattr(fn, "_dynamo_marked_constant", True))


_substituted = {}  # id of the original -> (original, substitute)


def substitute_in_graph(original_fn, *, can_constant_fold_through=False, skip_signature_check=False):
    """A decorator: captured code that calls original_fn is captured as calling the decorated Python function.

    For functions written in C, and for Python ones that cannot be captured. What is given back calls original_fn. Raises
    TypeError if either is no function or their signatures differ, ValueError if original_fn has a substitute already.

    >>> import binascii, framejit
    >>> @substitute_in_graph(binascii.crc32, skip_signature_check=True)
    ... def crc32(data, value=0):
    ...     return len(data)
    >>> f = framejit.compile(lambda x: x + binascii.crc32(b"abc"), fullgraph=True)
    >>> f(framejit.zeros(1)).tolist()
    [3.0]
    """
    if not callable(original_fn) or isinstance(original_fn, type):
        raise TypeError(f"substitute_in_graph expects a function but got {type(original_fn).__name__}")

    def decorate(traceable_fn):
        if not isinstance(traceable_fn, types.FunctionType):
            raise TypeError(f"@substitute_in_graph(...) expects a function but got {type(traceable_fn).__name__}")
        if not skip_signature_check:
            _check_signatures(original_fn, traceable_fn)
        if id(original_fn) in _substituted:
            raise ValueError(f"{original_fn} has a substitute already")
        _substituted[id(original_fn)] = (original_fn, traceable_fn)
        _C._substitute(original_fn, traceable_fn)

        @functools.wraps(original_fn)
        def wrapped(*args, **kwargs):
            return original_fn(*args, **kwargs)

        wrapped._framejit_substitute = traceable_fn
        return wrapped

    return decorate


def _check_signatures(original, traceable):
    """The two must take the same arguments, as far as the original says what it takes."""
    try:
        theirs = inspect.signature(original)
    except (TypeError, ValueError):
        return
    ours = inspect.signature(traceable)
    if [(p.name, p.kind) for p in theirs.parameters.values()] != [(p.name, p.kind) for p in ours.parameters.values()]:
        raise TypeError(f"Signature mismatch between {original} and {traceable}: {theirs} != {ours}")


# ---- tensors ----------------------------------------------------------------------------------------------


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

    >>> import framejit
    >>> x = framejit.ones(3, 4)
    >>> mark_dynamic(x, 0)
    >>> x._dynamo_dynamic_indices
    {0}

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


def mark_static_address(t, guard=False):
    """Says that a tensor stays where it is. Compiled code never depends on addresses, so it changes nothing.

    Raises TypeError for what is no tensor.
    """
    if not isinstance(t, _C.Tensor):
        raise TypeError(f"mark_static_address expects a tensor but received {type(t).__name__}")
    t._dynamo_static_input_type = "guarded" if guard else "unguarded"


def override_optimization_hint(x, val):
    """What size to optimise for. framejit optimises for all sizes alike."""
