"""ShapeProp: runs a graph and notes the shape and dtype of every value."""

import traceback
from typing import Any, NamedTuple

from framejit import _C
from framejit.fx.interpreter import Interpreter
from framejit.fx.node import map_aggregate


class TensorMetadata(NamedTuple):
    """What a node's `meta["tensor_meta"]` says about its value."""

    shape: Any
    dtype: Any
    requires_grad: bool
    stride: tuple
    memory_format: Any
    is_quantized: bool
    qparams: dict


def _extract_tensor_metadata(result, include_contiguity=True):
    """The TensorMetadata of a tensor."""
    layout = None
    if include_contiguity:
        for name in ("contiguous_format", "channels_last", "channels_last_3d"):
            if hasattr(_C, name) and _is_contiguous(result, name):
                layout = getattr(_C, name)
                break
    return TensorMetadata(result.shape, result.dtype, result.requires_grad, result.stride(), layout, False, {})


def _is_contiguous(tensor, layout):
    rank = {"channels_last": 4, "channels_last_3d": 5}.get(layout)
    return (rank is None or tensor.dim() == rank) and tensor.is_contiguous(memory_format=getattr(_C, layout))


class ShapeProp(Interpreter):
    """`propagate(*args)` fills `node.meta["tensor_meta"]` and `node.meta["type"]`.

    gm (fx.GraphModule), fake_mode (object): accepted. Raises what the graph raises, with the node's stack trace.

    >>> import framejit
    >>> from framejit.fx.passes.shape_prop import ShapeProp
    >>> gm = framejit.fx.symbolic_trace(lambda x: x.sum(0))
    >>> _ = ShapeProp(gm).propagate(framejit.ones(2, 3))
    >>> [node.meta["tensor_meta"].shape for node in gm.graph.nodes]
    [framejit.Size([2, 3]), framejit.Size([3]), framejit.Size([3])]
    """

    def __init__(self, gm, fake_mode=None):
        super().__init__(gm)

    def run_node(self, n):
        """The value of one node, noted."""
        try:
            result = super().run_node(n)
        except Exception as error:
            traceback.print_exc()
            raise RuntimeError(f"ShapeProp error for: node={n.format_node()} with meta={n.meta}") from error
        found = []

        def note(leaf):
            if not isinstance(leaf, _C.Tensor):
                return leaf
            found.append(leaf)
            return _extract_tensor_metadata(leaf)

        meta = map_aggregate(result, note)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args):
        """Run on these arguments."""
        return self.run(*args)
