"""jit: the names that programs written for TorchScript use. There is no TorchScript: `script` gives its argument back, which
runs as the Python that it is, and code never runs under `script` or `trace`; nothing is traced, saved or loaded."""

from typing import Any, Final

__all__ = [
    "Error",
    "Final",
    "TracerWarning",
    "annotate",
    "export",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "script",
    "script_method",
    "unused",
]


class Error(Exception):
    """What TorchScript raises; nothing does here.

    >>> from framejit import jit
    >>> issubclass(jit.Error, Exception)
    True
    """


class TracerWarning(Warning):
    """What TorchScript's tracer warns with; nothing does here.

    >>> from framejit import jit
    >>> issubclass(jit.TracerWarning, Warning)
    True
    """


def script(obj=None, optimize=None, _frames_up=0, _rcb=None, example_inputs=None):
    """obj: a function, a class or a module, which runs as it stands. `framejit.compile` is what makes it fast.

    obj (callable or nn.Module), optimize (bool or None), example_inputs (list or None): not used. Raises nothing.

    >>> from framejit import jit
    >>> jit.script(abs)(-1)
    1
    """
    return obj


def script_method(fn):
    """fn

    fn (callable). Raises nothing.

    >>> from framejit import jit
    >>> jit.script_method(abs)(-1)
    1
    """
    return fn


def __getattr__(name):
    if name == "ScriptModule":
        from framejit.nn import Module

        class ScriptModule(Module):
            """`nn.Module`, under the name of TorchScript's.

            >>> from framejit import jit, nn
            >>> issubclass(jit.ScriptModule, nn.Module)
            True
            """

        ScriptModule.__module__, ScriptModule.__qualname__ = __name__, "ScriptModule"
        globals()[name] = ScriptModule
        return ScriptModule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def is_scripting():
    """False.

    >>> import framejit
    >>> framejit.jit.is_scripting()
    False
    """
    return False


def is_tracing():
    """False.

    >>> import framejit
    >>> framejit.jit.is_tracing()
    False
    """
    return False


def annotate(the_type, the_value):
    """the_value

    the_type (type), the_value (object). Raises nothing of its own.

    >>> import framejit
    >>> framejit.jit.annotate(int, 3)
    3
    """
    return the_value


def export(fn):
    """fn

    fn (callable). Raises nothing of its own.

    >>> import framejit
    >>> @framejit.jit.export
    ... def f(x):
    ...     return x
    >>> f(3)
    3
    """
    return fn


def interface(obj):
    """obj

    obj (object). Raises nothing of its own.

    >>> import framejit
    >>> @framejit.jit.interface
    ... class Layer:
    ...     pass
    >>> Layer.__name__
    'Layer'
    """
    return obj


def unused(fn):
    """fn

    fn (callable). Raises nothing of its own.

    >>> import framejit
    >>> @framejit.jit.unused
    ... def f(x):
    ...     return x
    >>> f(3)
    3
    """
    return fn


def ignore(drop=False, **kwargs):
    """A decorator, used with or without arguments, that gives the function back.

    drop (bool). Raises nothing of its own.

    >>> import framejit
    >>> @framejit.jit.ignore
    ... def f(x):
    ...     return x
    >>> f(3)
    3
    """
    return drop if callable(drop) else lambda fn: fn


def _script_if_tracing(fn):
    """fn"""
    return fn


def script_if_tracing(fn):
    """fn: there is no tracing that would need it scripted."""
    return fn


def isinstance(obj, target_type):
    """Whether obj is of a type, which may be a type of `typing` with arguments.

    obj (object), target_type (type). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.jit.isinstance([1, 2], list)
    True
    """
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
