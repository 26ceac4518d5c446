"""torch.jit._serialization"""

from framejit.jit import load, save  # noqa: F401
