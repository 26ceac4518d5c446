"""torch.optim.adamw"""

from framejit.optim import AdamW

__all__ = ["AdamW"]
