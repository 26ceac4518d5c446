"""Transformations called while `make_fx` follows a program: it says here that it does, and they give it the call.

A tracer there has `stands_for(tree)`, whether something in it stands for a tensor, and `transform(function, args, kwargs)`,
which calls with the tensors themselves and records the operators that run.
"""

active = []  # the tracers, the innermost last


def tracer_of(*trees):
    """The tracer that is to carry the call out, or None."""
    return active[-1] if active and active[-1].stands_for(trees) else None
