"""jit: TorchScript. `script` checks Python source as TorchScript, `trace` records what a program does; both give programs that run
without their source, are saved with `save`, loaded with `load` here and in PyTorch, and captured by `framejit.compile`.
"""

from typing import Final

from . import frontend
from .api import ScriptFunction, _overload, _overload_method, script
from .archive_reader import load, save
from .attribute import (
    Attribute,
    _unwrap_optional,
    annotate,
    export,
    ignore,
    interface,
    is_scripting,
    script_method,
    unused,
)
from .classes import ScriptObject
from .compilation_unit import CompilationUnit
from .errors import Error
from .freeze import freeze, optimize_for_inference, run_frozen_optimizations
from .script_module import RecursiveScriptModule, ScriptModule
from .tracer import TopLevelTracedModule, TracingCheckError, trace, trace_module
from .tracing_state import TracerWarning, is_tracing, script_if_tracing
from .utilities import (
    enable_onednn_fusion,
    fork,
    isinstance,
    onednn_fusion_enabled,
    optimized_execution,
    set_fusion_strategy,
    strict_fusion,
    wait,
)

__all__ = [
    "Attribute",
    "CompilationUnit",
    "Error",
    "Final",
    "RecursiveScriptModule",
    "ScriptFunction",
    "ScriptModule",
    "ScriptObject",
    "TopLevelTracedModule",
    "TracerWarning",
    "TracingCheckError",
    "annotate",
    "enable_onednn_fusion",
    "export",
    "fork",
    "freeze",
    "frontend",
    "ignore",
    "interface",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "onednn_fusion_enabled",
    "optimize_for_inference",
    "optimized_execution",
    "run_frozen_optimizations",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "set_fusion_strategy",
    "strict_fusion",
    "trace",
    "trace_module",
    "unused",
    "wait",
]

_script_if_tracing = script_if_tracing
