"""torch._higher_order_ops: operators that take functions."""

from framejit._regions import invoke_subgraph  # noqa: F401
