"""dynamo: looking into the compiler: configuration, counters, explanations, test helpers, exceptions."""

from framejit._backends import InvalidBackend, list_backends, lookup_backend, register_backend

from . import config, exc, testing, utils
from .control import (
    allow_in_graph,
    assume_constant_result,
    disable,
    graph_break,
    is_compiling,
    mark_dynamic,
    mark_static,
    mark_static_address,
    mark_unbacked,
    maybe_mark_dynamic,
    optimize,
    reset,
    run,
)
from .explain import ExplainOutput, explain
from .utils import statistics

__all__ = [
    "ExplainOutput",
    "InvalidBackend",
    "allow_in_graph",
    "assume_constant_result",
    "config",
    "disable",
    "exc",
    "explain",
    "graph_break",
    "is_compiling",
    "list_backends",
    "lookup_backend",
    "mark_dynamic",
    "mark_static",
    "mark_static_address",
    "mark_unbacked",
    "maybe_mark_dynamic",
    "optimize",
    "register_backend",
    "reset",
    "run",
    "statistics",
    "testing",
    "utils",
]
