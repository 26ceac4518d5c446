"""torch._higher_order_ops.cond"""

from framejit._control_flow import cond, cond_op  # noqa: F401
