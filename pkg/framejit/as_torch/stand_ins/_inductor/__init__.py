"""torch._inductor: PyTorch's compiler, whose name framejit's own answers to."""

from framejit._options import list_mode_options, list_options

from . import config
