"""Python in place of C: what capture interprets where the standard library calls a function or type written in C.

`SUBSTITUTES` maps the C callable to a Python function that does the same for the same arguments. The functions are interpreted
by capture and never run by themselves in a program; results that would show their difference from the real thing (a generator
in place of an itertools object that has begun) are not let out of a segment. `PURE` holds code objects of Python functions
that are called rather than interpreted: functions of constants that keep caches of their own.
"""

import functools
import itertools
import re
import types

from . import groups, heaps, hooks, iterators, lookups, overrides, tools

SUBSTITUTES = {
    **heaps.SUBSTITUTES,
    **iterators.SUBSTITUTES,
    **lookups.SUBSTITUTES,
    **tools.SUBSTITUTES,
}

MODULES = [m.__dict__ for m in (groups, heaps, hooks, iterators, lookups, overrides, tools)]

# What instructions and methods of C types call.
HELPERS = {**groups.HELPERS, **hooks.HELPERS, **overrides.HELPERS, **tools.HELPERS}


def _nested(function, name):
    """The code of a function that is defined inside `function`."""
    for constant in function.__code__.co_consts:
        if isinstance(constant, types.CodeType) and constant.co_name == name:
            return constant
    return None


PURE = [
    code
    for code in (
        re._compile.__code__,
        _nested(functools.singledispatch, "dispatch"),
    )
    if code is not None
]

# A classmethod is another object at each access: found by its class and name.
METHODS = {(itertools.chain, "from_iterable"): iterators.chain_from_iterable}
