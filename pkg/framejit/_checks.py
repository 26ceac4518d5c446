"""Checks that programs write for themselves: `framejit._assert`, `framejit._check` and its kin."""

import builtins

from framejit import _C

_DEFAULT = (
    "Expected cond to be True, but got False. (Could this error message be improved? If so, please report an enhancement "
    "request to PyTorch.)"
)


class OutOfMemoryError(RuntimeError):
    """What PyTorch raises when a device has no memory left; the CPU's allocator raises MemoryError here.

    >>> import framejit
    >>> issubclass(framejit.OutOfMemoryError, RuntimeError)
    True
    """


def _assert(condition, message):
    """An assertion that is a call.

    >>> import framejit
    >>> framejit._assert(1 < 2, "arithmetic")
    """
    if not condition:
        raise AssertionError(message)


def _assert_async(input, assert_msg="Expected Tensor with single nonzero value, but got zero"):
    """Raises RuntimeError unless a tensor of one element is true."""
    if input.numel() != 1:
        kind = "no values" if input.numel() == 0 else "more than one value"
        raise RuntimeError(f"Boolean value of Tensor with {kind} is ambiguous")
    if not bool(input):
        raise RuntimeError(assert_msg)


def _check_with(error_type, cond, message):
    """Raises `error_type` with the text that message() gives unless `cond`, a bool, is true."""
    if isinstance(cond, _C.Tensor):
        raise TypeError(
            "cond must be a bool, but got a Tensor. For tensor conditions, use torch._check_tensor_all() to assert that all "
            "elements are true."
        )
    if not isinstance(cond, bool):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error_type(_DEFAULT)
    if not callable(message):
        raise TypeError("message must be a callable")
    raise error_type(str(message()))


def _check(cond, message=None):
    """RuntimeError unless `cond`.

    >>> import framejit
    >>> framejit._check(2 > 1, lambda: "never")
    """
    _check_with(RuntimeError, cond, message)


def _check_is_size(i, message=None, *, max=None):
    """RuntimeError unless `i` is not negative, and not above `max`."""
    _check(i >= 0, message)
    if max is not None:
        _check(i <= max, message)


def _check_index(cond, message=None):
    """IndexError unless `cond`."""
    _check_with(IndexError, cond, message)


def _check_value(cond, message=None):
    """ValueError unless `cond`."""
    _check_with(ValueError, cond, message)


def _check_type(cond, message=None):
    """TypeError unless `cond`."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond, message=None):
    """NotImplementedError unless `cond`."""
    _check_with(NotImplementedError, cond, message)


def _check_tensor_all_with(error_type, cond, message=None):
    """Raises `error_type` unless all elements of a tensor of bools are true."""
    if not isinstance(cond, _C.Tensor):
        raise TypeError(f"cond must be a tensor, but got {type(cond)}")
    if cond.dtype != _C.bool:
        raise TypeError(f"cond tensor must have dtype torch.bool, but got {cond.dtype}")
    _check_with(error_type, bool(cond.all()), message)


def _check_tensor_all(cond, message=None):
    """RuntimeError unless all elements of a tensor of bools are true."""
    _check_tensor_all_with(RuntimeError, cond, message)


# --- numbers that may be symbols in PyTorch: sizes are plain numbers here, in a compiled function too ---


class SymInt:
    """The type of symbolic ints in PyTorch; no object here is one, and making one raises TypeError.

    >>> import framejit
    >>> isinstance(framejit.ones(3).shape[0], framejit.SymInt)
    False
    """

    def __new__(cls, *args, **kwargs):
        raise TypeError(f"framejit has no {cls.__name__} objects: sizes are plain Python numbers")


class SymFloat(SymInt):
    """The type of symbolic floats in PyTorch; no object here is one, and making one raises TypeError.

    >>> import framejit
    >>> isinstance(framejit.ones(3).shape[0], framejit.SymFloat)
    False
    """


class SymBool(SymInt):
    """The type of symbolic bools in PyTorch; no object here is one, and making one raises TypeError.

    >>> import framejit
    >>> isinstance(framejit.ones(3).shape[0], framejit.SymBool)
    False
    """


def sym_not(a):
    """not a.

    a (bool). Raises nothing.

    >>> import framejit
    >>> framejit.sym_not(True)
    False
    """
    return not a


def sym_float(a):
    """float(a).

    a (int or float). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.sym_float(2)
    2.0
    """
    return float(a)


def sym_int(a):
    """The integer part.

    a (int or float). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.sym_int(-2.7)
    -2
    """
    return int(a)


def sym_max(a, b):
    """The larger one, as a float where one of them is.

    a, b (int or float). Raises TypeError for what has no order.

    >>> import framejit
    >>> framejit.sym_max(2, 1.0)
    2.0
    """
    largest = max(a, b)
    return float(largest) if builtins.float in (type(a), type(b)) else largest


def sym_min(a, b):
    """The smaller one, as a float where one of them is.

    a, b (int or float). Raises TypeError for what has no order.

    >>> import framejit
    >>> framejit.sym_min(2, 1)
    1
    """
    least = min(a, b)
    return float(least) if builtins.float in (type(a), type(b)) else least


def sym_ite(b, t, f):
    """t if b else f.

    b (bool), t, f (object). Raises nothing.

    >>> import framejit
    >>> framejit.sym_ite(True, 1, 2)
    1
    """
    return t if b else f


def sym_sum(args):
    """sum(args).

    args (sequence of int or float). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.sym_sum([1, 2])
    3
    """
    return sum(args)
