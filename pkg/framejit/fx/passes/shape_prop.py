"""ShapeProp: runs a graph and notes the shape and dtype of every value."""

from typing import NamedTuple

from framejit import _ops as _t
from framejit.fx.interpreter import Interpreter
from framejit.fx.node import map_aggregate


class TensorMetadata(NamedTuple):
    """What a node's `meta["tensor_meta"]` says about its value."""

    shape: tuple
    dtype: object
    requires_grad: bool
    stride: tuple


class ShapeProp(Interpreter):
    """`propagate(*args)` fills `node.meta["tensor_meta"]` and `node.meta["type"]`."""

    def run_node(self, n):
        result = super().run_node(n)
        found = []

        def note(leaf):
            if isinstance(leaf, _t.Tensor):
                found.append(leaf)
                return TensorMetadata(leaf.shape, leaf.dtype, leaf.requires_grad, leaf.stride())
            return leaf

        meta = map_aggregate(result, note)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args):
        """Run on these arguments."""
        return self.run(*args)
