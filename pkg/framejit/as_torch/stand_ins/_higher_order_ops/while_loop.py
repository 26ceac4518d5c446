"""torch._higher_order_ops.while_loop"""

from framejit._control_flow import while_loop, while_loop_op  # noqa: F401
