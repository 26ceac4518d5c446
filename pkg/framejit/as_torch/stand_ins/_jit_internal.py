"""torch._jit_internal: marks and types that packages take from there."""

from typing import Any, Callable, Dict, Final, List, NamedTuple, Optional, Tuple, Union  # noqa: F401, UP035

from framejit.jit import _overload, export, ignore, is_scripting, unused  # noqa: F401
from framejit.jit.attribute import FunctionModifiers, copy_torchscript_modifier, get_torchscript_modifier  # noqa: F401

from .jit.annotations import BroadcastingList1, BroadcastingList2, BroadcastingList3  # noqa: F401


def boolean_dispatch(arg_name, arg_index, default, if_true, if_false, module_name, func_name):
    """A function that is one of two, by an argument."""

    def fn(*args, **kwargs):
        chosen = kwargs[arg_name] if arg_name in kwargs else args[arg_index] if len(args) > arg_index else default
        return (if_true if chosen else if_false)(*args, **kwargs)

    fn.__name__, fn.__module__ = func_name or fn.__name__, module_name or fn.__module__
    return fn


def _copy_to_script_wrapper(fn):
    """fn, which scripted modules have, too."""
    fn._copy_to_script_wrapper = True
    return fn


def is_ignored_fn(fn):
    """Whether a function is marked with `ignore` or `unused`."""
    modifier = get_torchscript_modifier(fn)
    return modifier in (FunctionModifiers.UNUSED, FunctionModifiers.IGNORE)


def _overload_method(func):
    """func"""
    return _overload(func)
