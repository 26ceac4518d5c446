"""torch.nn.modules.module, beside what framejit.nn.modules.module has."""

from framejit.nn.modules._state import EXTRA_STATE_KEY as _EXTRA_STATE_KEY_SUFFIX

__all__ = ["_EXTRA_STATE_KEY_SUFFIX"]
