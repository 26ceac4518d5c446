"""Operators of exported graphs that PyTorch has under `aten` and that are no function of framejit."""

from framejit import _ops

__all__ = ["OPERATORS"]


def sym_size(x, dim):
    """A size of a tensor."""
    return x.size(dim)


def _assert_scalar(holds, message):
    """Raises RuntimeError unless the condition on sizes holds."""
    if not holds:
        raise RuntimeError(message)


def copy(x, source):
    """A tensor like x with the source's elements."""
    return _ops.empty_like(x).copy_(source)


def fill(x, value):
    """A tensor like x, full of the value."""
    return _ops.empty_like(x).fill_(value)


def alias(x):
    """The same memory as another tensor."""
    return x.view_as(x)


def _softmax(x, dim, half_to_float):
    """softmax of float16 to float32, or in its own dtype."""
    return _ops.softmax(x, dim, _ops.float32 if half_to_float else None)


def _log_softmax(x, dim, half_to_float):
    """The same of log_softmax."""
    return _ops.log_softmax(x, dim, _ops.float32 if half_to_float else None)


OPERATORS = {f.__name__: f for f in (sym_size, _assert_scalar, copy, fill, alias, _softmax, _log_softmax)}
