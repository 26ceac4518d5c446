"""torch.nn.modules.fold"""

from framejit.nn.modules import Fold, Unfold

__all__ = ["Fold", "Unfold"]
