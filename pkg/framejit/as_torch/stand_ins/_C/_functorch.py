"""torch._C._functorch: what programs ask of the transformations that are running."""

import enum

from framejit import _C


class TransformType(enum.Enum):
    """The kinds of transformations."""

    Torch = 0
    Vmap = 1
    Grad = 2
    Jvp = 3
    Functionalize = 4


def peek_interpreter_stack():
    """None: transformations end with the functions that began them."""


def maybe_current_level():
    """How many batching layers are running, or None."""
    return _C._vmap_depth() or None


def _is_vmap_fallback_enabled():
    return False


def _set_vmap_fallback_enabled(enabled):
    """Nothing: no operator is run example by example."""
