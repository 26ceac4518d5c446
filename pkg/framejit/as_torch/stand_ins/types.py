"""torch.types: names for annotations."""

from collections.abc import Sequence
from typing import Any, Union

from framejit import Size as _Size
from framejit import Tensor
from framejit import device as _device
from framejit import dtype as _dtype

Number = Union[int, float, bool]
Device = Union[_device, str, int, None]
_int, _float, _bool = int, float, bool
_size = Union[_Size, list[int], tuple[int, ...]]
_TensorOrTensors = Union[Tensor, Sequence[Tensor]]
_TensorOrTensorsOrGradEdge = Any
FileLike = Any
Storage = Any
