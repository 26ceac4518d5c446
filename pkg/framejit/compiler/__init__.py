"""compiler: the public directions to the compiler, under PyTorch's names."""

from framejit._backends import list_backends
from framejit._compile import compile, get_default_backend, set_default_backend
from framejit.dynamo._stance import set_stance
from framejit.dynamo.control import disable, is_compiling, reset
from framejit.dynamo.decorators import allow_in_graph, assume_constant_result, substitute_in_graph

from . import config
from ._guards import (
    keep_portable_guards_unsafe,
    keep_tensor_guards_unsafe,
    set_enable_guard_collectives,
    skip_all_guards_unsafe,
    skip_guard_on_all_nn_modules_unsafe,
    skip_guard_on_globals_unsafe,
    skip_guard_on_inbuilt_nn_modules_unsafe,
)

is_dynamo_compiling = is_compiling


def is_exporting():
    """Whether this code is being exported: there is no export.

    >>> is_exporting()
    False
    """
    return False


def cudagraph_mark_step_begin():
    """Says that a new step begins and that results of the last one may be overwritten. framejit never overwrites results."""


def nested_compile_region(fn=None, *, options=None, max_reuse_entries=8, reuse_hash_fn=None):
    """fn: a part of a compiled function that is to be compiled once. Kernels that occur twice are made once in any case."""
    return fn if fn is not None else nested_compile_region


__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "config",
    "cudagraph_mark_step_begin",
    "disable",
    "get_default_backend",
    "is_compiling",
    "is_dynamo_compiling",
    "is_exporting",
    "keep_portable_guards_unsafe",
    "keep_tensor_guards_unsafe",
    "list_backends",
    "nested_compile_region",
    "reset",
    "set_default_backend",
    "set_enable_guard_collectives",
    "set_stance",
    "skip_all_guards_unsafe",
    "skip_guard_on_all_nn_modules_unsafe",
    "skip_guard_on_globals_unsafe",
    "skip_guard_on_inbuilt_nn_modules_unsafe",
    "substitute_in_graph",
]
