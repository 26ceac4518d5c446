"""torch._higher_order_ops: operators that take functions."""

from framejit._control_flow import associative_scan, cond, scan, while_loop  # noqa: F401
from framejit._regions import invoke_subgraph  # noqa: F401
