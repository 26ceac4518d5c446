"""dynamo: looking into the compiler: configuration, counters, explanations, test helpers, exceptions."""

import importlib as _importlib

from framejit import _C
from framejit._backends import InvalidBackend, list_backends, lookup_backend, register_backend

from . import _observer, config, exc, utils
from ._stance import set_stance
from .callback import on_compile_end, on_compile_start
from .control import (
    disable,
    dont_skip_tracing,
    error_on_graph_break,
    graph_break,
    is_compiling,
    is_dynamo_disable_recursive,
    nonstrict_trace,
    optimize,
    optimize_assert,
    reset,
    reset_code_caches,
    run,
    skip_frame,
    step_unsupported,
)
from .decorators import (
    allow_in_graph,
    assume_constant_result,
    disallow_in_graph,
    forbid_in_graph,
    mark_dynamic,
    mark_static,
    mark_static_address,
    mark_unbacked,
    maybe_mark_dynamic,
    override_optimization_hint,
    substitute_in_graph,
)
from .explain import ExplainOutput, explain
from .utils import statistics

__all__ = [
    "ExplainOutput",
    "InvalidBackend",
    "OptimizedModule",
    "allow_in_graph",
    "assume_constant_result",
    "callback",
    "comptime",
    "config",
    "decorators",
    "disable",
    "disallow_in_graph",
    "dont_skip_tracing",
    "error_on_graph_break",
    "exc",
    "explain",
    "export",
    "forbid_in_graph",
    "graph_break",
    "is_compiling",
    "is_dynamo_disable_recursive",
    "is_dynamo_supported",
    "list_backends",
    "lookup_backend",
    "mark_dynamic",
    "mark_static",
    "mark_static_address",
    "mark_unbacked",
    "maybe_mark_dynamic",
    "nonstrict_trace",
    "on_compile_end",
    "on_compile_start",
    "optimize",
    "optimize_assert",
    "override_optimization_hint",
    "patch_dynamo_config",
    "register_backend",
    "reset",
    "reset_code_caches",
    "run",
    "set_stance",
    "skip_frame",
    "statistics",
    "step_unsupported",
    "substitute_in_graph",
    "test_case",
    "testing",
    "utils",
]

_C._set_observer(_observer.observe)
patch_dynamo_config = config.patch


def is_dynamo_supported():
    """Whether this interpreter and CPU can compile.

    >>> is_dynamo_supported()
    True
    """
    return hasattr(_C, "CompiledFunction")


def __getattr__(name):
    if name in ("comptime", "testing", "test_case"):
        return _importlib.import_module(f"{__name__}.{name}")
    if name == "export":
        from ._export import export

        return export
    if name == "OptimizedModule":
        from framejit._compile_module import OptimizedModule

        return OptimizedModule
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
