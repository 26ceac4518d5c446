"""torch._inductor: PyTorch's compiler, whose name framejit's own answers to."""

from framejit._options import list_mode_options, list_options
from framejit.compiler import cudagraph_mark_step_begin  # noqa: F401

from . import config
