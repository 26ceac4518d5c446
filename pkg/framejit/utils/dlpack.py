"""Exchange of tensors by DLPack capsules."""

from framejit import _C

__all__ = ["from_dlpack", "to_dlpack"]

from_dlpack = _C.from_dlpack
to_dlpack = _C.to_dlpack
