"""Marks that programs put on attributes and functions."""

import builtins
import typing

Final = typing.Final


class Attribute(typing.NamedTuple):
    """The value of a module's attribute together with its type, for `__init__`.

    value (object), type (type). Raises nothing of its own.

    >>> import framejit
    >>> framejit.jit.Attribute([], list[int]).value
    []
    """

    value: object
    type: object


Attribute.__module__ = "framejit.jit"


class FunctionModifiers:
    """The marks, as PyTorch spells them."""

    UNUSED = "unused (ignored and replaced with raising of an exception)"
    IGNORE = "ignore (leave as a call to Python, cannot be torch.jit.save'd)"
    EXPORT = "export (compile this function even if nothing calls it)"
    DEFAULT = "default (if called from a exported method or forward compile this)"
    COPY_TO_SCRIPT_WRAPPER = "if this method is not scripted, copy the python method onto the scripted model"


def get_torchscript_modifier(fn):
    """The mark of a function."""
    return getattr(getattr(fn, "__func__", fn), "_torchscript_modifier", FunctionModifiers.DEFAULT)


def copy_torchscript_modifier(orig, new):
    """Gives a function the mark of another."""
    modifier = get_torchscript_modifier(orig)
    if modifier is not FunctionModifiers.DEFAULT:
        _mark(new, modifier)


def is_ignored(fn):
    """Whether a function stays Python's."""
    return get_torchscript_modifier(fn) == FunctionModifiers.IGNORE


def is_unused(fn):
    """Whether calls of a function raise in scripted code."""
    return get_torchscript_modifier(fn) == FunctionModifiers.UNUSED


def is_exported(fn):
    """Whether a method is compiled although nothing calls it."""
    return get_torchscript_modifier(fn) == FunctionModifiers.EXPORT


def _mark(fn, modifier):
    target = getattr(fn, "__func__", fn) if not isinstance(fn, property) else fn.fget
    target._torchscript_modifier = modifier
    return fn


def export(fn):
    """Marks a method of a module that `script` compiles although forward does not call it.

    fn (callable). Raises nothing of its own.

    >>> import framejit
    >>> @framejit.jit.export
    ... def f(x):
    ...     return x
    >>> f(3)
    3
    """
    return _mark(fn, FunctionModifiers.EXPORT)


def unused(fn):
    """Marks a function or property that scripted code may name but not call: it raises there.

    fn (callable). Raises nothing of its own.

    >>> import framejit
    >>> @framejit.jit.unused
    ... def f(x):
    ...     return x
    >>> f(3)
    3
    """
    return _mark(fn, FunctionModifiers.UNUSED)


def ignore(drop=False, **kwargs):
    """Marks a function that scripted code calls as the Python function it is; with `drop` it raises there, as `unused`.

    drop (bool or callable). Raises RuntimeError (the argument is neither).

    >>> import framejit
    >>> @framejit.jit.ignore
    ... def f(x):
    ...     return x
    >>> f(3)
    3
    """
    if callable(drop):
        return _mark(drop, FunctionModifiers.IGNORE)
    if not builtins.isinstance(drop, bool):
        raise RuntimeError(f"Argument to @torch.jit.ignore must be a bool or a function but got {drop}")
    return unused if drop else lambda fn: _mark(fn, FunctionModifiers.IGNORE)


def is_scripting():
    """False in Python; True where scripted code asks.

    >>> import framejit
    >>> framejit.jit.is_scripting()
    False
    >>> @framejit.jit.script
    ... def f() -> bool:
    ...     return framejit.jit.is_scripting()
    >>> f()
    True
    """
    return False


def annotate(the_type, the_value):
    """the_value, of which scripted code knows the type.

    the_type (type), the_value (object). Raises nothing of its own.

    >>> import framejit
    >>> framejit.jit.annotate(list[int], [])
    []
    """
    return the_value


def _unwrap_optional(x):
    """x, which is not None."""
    assert x is not None, "Unwrapping null optional"
    return x


def script_method(fn):
    """A method of a ScriptModule, which `script` compiles as one that is exported.

    fn (callable). Raises nothing of its own.

    >>> from framejit import jit
    >>> @jit.script_method
    ... def f(self, x):
    ...     return x
    >>> f(None, 1)
    1
    """
    return _mark(fn, FunctionModifiers.EXPORT)


def interface(obj):
    """A class whose methods scripted objects have in common: an attribute of its type holds any of them.

    obj (type). Raises RuntimeError (obj is no class).

    >>> import framejit
    >>> @framejit.jit.interface
    ... class Layer:
    ...     def run(self, x: framejit.Tensor) -> framejit.Tensor:
    ...         pass
    >>> Layer.__name__
    'Layer'
    """
    if not builtins.isinstance(obj, type):
        raise RuntimeError("interface must be applied to a class")
    from .classes import compile_interface

    try:
        compile_interface(obj)
    except OSError:  # no source: the class stays a name
        pass
    return obj
