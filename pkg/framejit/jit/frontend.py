"""The errors of reading a source as TorchScript, under the name that PyTorch's programs use."""

from .errors import FrontendError, NotSupportedError, UnsupportedNodeError

__all__ = ["FrontendError", "NotSupportedError", "UnsupportedNodeError"]
