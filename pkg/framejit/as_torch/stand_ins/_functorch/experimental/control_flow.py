"""functorch.experimental.control_flow"""

from framejit._control_flow import cond  # noqa: F401
from framejit._control_flow import map_each as map  # noqa: F401
