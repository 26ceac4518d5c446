"""torch._ops: the classes of operators."""

from framejit import ops
from framejit.ops import HigherOrderOperator, OpOverload, OpOverloadPacket

__all__ = ["HigherOrderOperator", "OpOverload", "OpOverloadPacket", "ops"]
