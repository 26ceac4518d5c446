"""torch.jit.annotations: names for annotations."""

from typing import Any, Dict, List, NamedTuple, Optional, Tuple, Union  # noqa: F401


class _BroadcastingList:
    """`BroadcastingList2[int]`: a list of so many, or one for all."""

    def __class_getitem__(cls, item):
        return List[item]


class BroadcastingList1(_BroadcastingList):
    """A list of one."""


class BroadcastingList2(_BroadcastingList):
    """A list of two."""


class BroadcastingList3(_BroadcastingList):
    """A list of three."""
