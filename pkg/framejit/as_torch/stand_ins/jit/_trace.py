"""torch.jit._trace"""

from framejit.jit import TopLevelTracedModule, TracerWarning, TracingCheckError, is_tracing, trace, trace_module  # noqa: F401
