"""jit: the annotations that programs written for TorchScript carry. There is no TorchScript: `script` and `trace` do not
exist, and code never runs under either."""

from typing import Any, Final

__all__ = ["Final", "annotate", "export", "ignore", "interface", "is_scripting", "is_tracing", "isinstance", "unused"]


def is_scripting():
    """False."""
    return False


def is_tracing():
    """False."""
    return False


def annotate(the_type, the_value):
    """the_value"""
    return the_value


def export(fn):
    """fn"""
    return fn


def interface(obj):
    """obj"""
    return obj


def unused(fn):
    """fn"""
    return fn


def ignore(drop=False, **kwargs):
    """A decorator, used with or without arguments, that gives the function back."""
    return drop if callable(drop) else lambda fn: fn


def script_if_tracing(fn):
    """fn: there is no tracing that would need it scripted."""
    return fn


def isinstance(obj, target_type):
    """Whether obj is of a type, which may be a type of `typing` with arguments."""
    import builtins
    import typing

    if target_type is Any:
        return True
    origin, arguments = typing.get_origin(target_type), typing.get_args(target_type)
    if origin is None:
        return builtins.isinstance(obj, target_type)
    if origin is typing.Union:
        return any(isinstance(obj, part) for part in arguments)
    if not builtins.isinstance(obj, origin):
        return False
    if origin is dict:
        return all(isinstance(k, arguments[0]) and isinstance(v, arguments[1]) for k, v in obj.items())
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis or origin is not tuple:
        return all(isinstance(item, arguments[0]) for item in obj)
    return len(obj) == len(arguments) and all(map(isinstance, obj, arguments))


def _overload(fn):
    return fn


_overload_method = _overload
