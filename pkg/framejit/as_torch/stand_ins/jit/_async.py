"""torch.jit._async"""

from framejit.jit import fork, wait  # noqa: F401
