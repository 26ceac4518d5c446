"""Which implementation attention may use, for programs that choose: here there is one."""

import contextlib
import enum

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """PyTorch's implementations of `scaled_dot_product_attention`.

    >>> from framejit import nn
    >>> nn.attention.SDPBackend.MATH
    <SDPBackend.MATH: 0>
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    __str__ = __repr__ = lambda self: f"<SDPBackend.{self.name}: {self.value}>"


_ALL = (
    SDPBackend.FLASH_ATTENTION, SDPBackend.EFFICIENT_ATTENTION, SDPBackend.MATH, SDPBackend.CUDNN_ATTENTION,
    SDPBackend.OVERRIDEABLE,
)  # fmt: skip
_allowed = _ALL


def _cur_sdpa_kernel_backends(with_priority=False):
    """Those that are allowed now."""
    return [backend for backend in _ALL if backend in _allowed]


@contextlib.contextmanager
def sdpa_kernel(backends, set_priority=False):
    """A context that allows some implementations; which ones changes nothing here.

    backends (SDPBackend, or list of them), set_priority (bool): accepted. Raises AssertionError or TypeError for other types.

    >>> from framejit.nn.attention import SDPBackend, sdpa_kernel
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     pass
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances")
    global _allowed
    backends = [backends] if isinstance(backends, SDPBackend) else backends
    for backend in backends:
        if not isinstance(backend, SDPBackend):
            raise TypeError(f"Backend must be an instance of SDPBackend, not {type(backend).__name__}")
    before, _allowed = _allowed, tuple(backends)
    try:
        yield {}
    finally:
        _allowed = before
