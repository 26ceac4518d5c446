"""What a program says about its tensors, for the compiler; and the place where PyTorch has all directions together."""

import sys

from framejit import _C

from ._stance import set_stance  # noqa: F401
from .config import patch as patch_dynamo_config  # noqa: F401
from .control import (  # noqa: F401
    disable,
    dont_skip_tracing,
    error_on_graph_break,
    graph_break,
    is_dynamo_disable_recursive,
    nonstrict_trace,
    run,
    skip_frame,
)
from .in_graph import (  # noqa: F401
    allow_in_graph,
    assume_constant_result,
    disallow_in_graph,
    forbid_in_graph,
    substitute_in_graph,
)


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

    t (Tensor): the argument-to-be. index (int, or a list or tuple of int): which dimensions. min, max (int): the sizes
    that occur. hint_override (int), specialize_on (list of callable): accepted, without effect.

    Raises IndexError for a dimension that `t` does not have. A function that can be compiled for one size only raises
    `ConstraintViolationError` when it is compiled; so does one whose branches treat sizes between `min` and `max`
    differently.

    >>> import framejit
    >>> x = framejit.ones(3, 4)
    >>> mark_dynamic(x, 0)
    >>> x._dynamo_dynamic_indices
    {0}
    """
    _add_marks(t, "dynamic", index)
    if min is not None or max is not None:
        ranges = dict(getattr(t, "_dynamo_dynamic_range", ()))
        for i in index if isinstance(index, (list, tuple)) else (index,):
            ranges[i % t.dim()] = (min, max)
        t._dynamo_dynamic_range = ranges


def maybe_mark_dynamic(t, index):
    """As `mark_dynamic`, but a function that needs one size is compiled for that size.

    t (Tensor), index (int, or a list or tuple of int): the argument-to-be and its dimensions. Raises IndexError for a
    dimension that `t` does not have.

    >>> import framejit
    >>> f = framejit.compile(lambda x: x + 1)
    >>> for n in (3, 4):
    ...     x = framejit.ones(n)
    ...     maybe_mark_dynamic(x, 0)
    ...     _ = f(x)
    >>> framejit.dynamo.statistics(f)["graphs"]
    1
    """
    _add_marks(t, "weak_dynamic", index)


def mark_unbacked(t, index, hint_override=None, strict=False, specialize_on=None, shape_id=None):
    """As `mark_dynamic`: sizes here always have a value at hand, so there is no size without one.

    t (Tensor), index (int, or a list or tuple of int): the argument-to-be and its dimensions. hint_override (int),
    strict (bool), specialize_on (list), shape_id (str): accepted, without effect. Raises IndexError for a dimension
    that `t` does not have.

    >>> import framejit
    >>> x = framejit.ones(3, 4)
    >>> mark_unbacked(x, -1)
    >>> x._dynamo_unbacked_indices
    {1}
    """
    _add_marks(t, "unbacked", index)


def mark_static(t, index=None):
    """The size of this dimension is a constant of what is compiled for `t`.

    t (Tensor): the argument-to-be; or a class of modules, whose numbers are constants then, too, and which is given back.
    index (int, or a list or tuple of int): which dimensions; None marks all. Inside a compiled function it holds for the
    tensor there. Raises TypeError for another class, IndexError for a
    dimension that `t` does not have.

    >>> import framejit
    >>> f = framejit.compile(lambda x: x + 1, dynamic=True)
    >>> for n in (3, 4):
    ...     x = framejit.ones(n)
    ...     mark_static(x, 0)
    ...     _ = f(x)
    >>> framejit.dynamo.statistics(f)["graphs"]
    2
    """
    if isinstance(t, type):
        nn = sys.modules.get("framejit.nn")
        if nn is None or not issubclass(t, nn.Module):
            raise TypeError(f"mark_static takes a tensor or a class of modules, not {t.__name__}")
        t._dynamo_marked_static = True
        _C._note_size_marks()
        return t
    index = tuple(range(t.dim())) if index is None else index
    if _C._is_tracing():
        for i in index if isinstance(index, (list, tuple)) else (index,):
            len(range(t.size(i)))  # what needs to know the size makes it a constant
        return None
    _add_marks(t, "static", index)
    marked = set(getattr(t, "_dynamo_dynamic_indices", ()))
    if marked:
        t._dynamo_dynamic_indices = marked - t._dynamo_static_indices


def mark_static_address(t, guard=False):
    """Says that a tensor stays where it is. Compiled code never depends on addresses, so it changes nothing.

    t (Tensor): the tensor. guard (bool): accepted. Raises TypeError for what is no tensor.

    >>> import framejit
    >>> mark_static_address(framejit.ones(2))
    """
    if not isinstance(t, _C.Tensor):
        raise TypeError(f"mark_static_address expects a tensor but received {type(t).__name__}")
    t._dynamo_static_input_type = "guarded" if guard else "unguarded"


def override_optimization_hint(x, val):
    """What size to optimise for: accepted, since framejit optimises for all sizes alike.

    x (int): a size. val (int): the size to expect. Raises nothing of its own.

    >>> override_optimization_hint(8, 64)
    """
