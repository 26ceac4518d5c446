"""torch._higher_order_ops.map"""

from framejit._control_flow import map_each as map  # noqa: F401
from framejit._control_flow import map_op as map_impl

map_dense = map_impl
