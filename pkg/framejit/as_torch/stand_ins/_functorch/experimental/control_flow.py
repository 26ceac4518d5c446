"""functorch.experimental.control_flow"""

from framejit import stack
from framejit._control_flow import cond  # noqa: F401
from framejit.utils import _pytree


def map(f, xs, *args):
    """f of each slice of xs, tensors or structures of them, along their first dimension; the results stacked."""
    leaves = _pytree.tree_leaves(xs)
    lengths = {leaf.shape[0] for leaf in leaves}
    if len(lengths) != 1 or 0 in lengths:
        raise RuntimeError(f"map: the first dimensions of xs must have one length, which is not 0, but are {lengths}")
    outs = [f(_pytree.tree_map(lambda leaf: leaf[i], xs), *args) for i in range(leaves[0].shape[0])]
    return _pytree.tree_map(lambda *parts: stack(parts), *outs)
