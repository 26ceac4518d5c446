"""testing: comparing tensors, making them, and asserting how functions are captured."""

from ._capture import CaptureError, assert_no_break, assert_no_recompile, assert_single_graph
from ._comparison import assert_allclose, assert_close
from ._creation import make_tensor

__all__ = [
    "CaptureError",
    "assert_allclose",
    "assert_close",
    "assert_no_break",
    "assert_no_recompile",
    "assert_single_graph",
    "make_tensor",
]
