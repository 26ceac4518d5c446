"""torch.cuda, beside what framejit.cuda has."""

import contextlib

from . import amp


class StreamContext:
    """Nothing is an instance of it."""


def stream(stream):
    """A context that does nothing: without a device there are no streams."""
    return contextlib.nullcontext()


class _NeedsDevice:
    """Nothing is an instance of it, and none can be made."""

    def __init__(self, *args, **kwargs):
        raise RuntimeError(f"torch.cuda.{type(self).__name__}: framejit has no CUDA device")


class CUDAGraph(_NeedsDevice):
    """torch.cuda.CUDAGraph"""


class ExternalStream(_NeedsDevice):
    """torch.cuda.ExternalStream"""


class MemPool(_NeedsDevice):
    """torch.cuda.MemPool"""


class graph(_NeedsDevice):
    """torch.cuda.graph"""


class device_of(_NeedsDevice):
    """torch.cuda.device_of"""
