"""torch.nn.modules.channelshuffle"""

from framejit.nn.modules import ChannelShuffle

__all__ = ["ChannelShuffle"]
