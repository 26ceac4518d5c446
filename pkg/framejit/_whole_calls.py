"""The functions of the package, written in Python, that graphs for Python back ends hold as one call."""

import types

import framejit
from framejit.nn import functional

# what takes Python functions, or says something of an object
_NOT_THESE = frozenset("apply_ map2_ module_load is_distributed is_storage typename storage_type backward".split())


def _functions_of(space):
    return (
        (function, name)
        for name, function in vars(space).items()
        if isinstance(function, types.FunctionType)
        and not name.startswith("_")
        and name not in _NOT_THESE
        and function.__globals__["__name__"].startswith(
            ("framejit.nn.", "framejit._functions", "framejit._autocast", "framejit._tensor")
        )
    )


# function -> the method that it is, or None: it is called as a function
functions = {
    **dict(_functions_of(framejit.Tensor)),
    **{function: None for space in (framejit, functional) for function, _ in _functions_of(space)},
}
