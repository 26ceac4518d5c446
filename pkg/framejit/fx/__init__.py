"""fx: graphs of Python calls, which back ends receive and which can be printed, changed and run.

`Graph` is a list of `Node`s, `GraphModule` a module whose `forward` is generated from one, `symbolic_trace` makes
one from a function of proxies, `Interpreter` runs one node by node.
"""

from . import immutable_collections  # noqa: F401 (its containers are registered)
from ._codegen import CodeGen
from .graph import Graph
from .graph_module import GraphModule
from .interpreter import Interpreter, Transformer
from .node import Node, has_side_effect, map_arg
from .proxy import Proxy, TraceError
from .subgraph_rewriter import replace_pattern
from .symbolic_trace import PH, ProxyableClassMeta, Tracer, symbolic_trace, wrap

__all__ = [
    "PH",
    "CodeGen",
    "Graph",
    "GraphModule",
    "Interpreter",
    "Node",
    "Proxy",
    "ProxyableClassMeta",
    "TraceError",
    "Tracer",
    "Transformer",
    "has_side_effect",
    "map_arg",
    "replace_pattern",
    "symbolic_trace",
    "wrap",
]
