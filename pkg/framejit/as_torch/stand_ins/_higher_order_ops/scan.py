"""torch._higher_order_ops.scan"""

from framejit._control_flow import scan, scan_op  # noqa: F401
