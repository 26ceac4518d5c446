"""torch._inductor.metrics: the number of kernels made since `reset()`."""

from framejit import _C

_before = 0


def reset():
    """Count from here."""
    global _before
    _before = _C._compiler_stats()["kernels"]


def __getattr__(name):
    if name == "generated_kernel_count":
        return _C._compiler_stats()["kernels"] - _before
    raise AttributeError(name)
