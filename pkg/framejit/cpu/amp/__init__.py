"""PyTorch's older names of autocast and GradScaler for the CPU."""

import warnings

from framejit import _C
from framejit.amp import GradScaler as _GradScaler
from framejit.amp import autocast as _autocast

__all__ = ["GradScaler", "autocast"]


class autocast(_autocast):
    """`framejit.amp.autocast("cpu", ...)`."""

    def __init__(self, enabled=True, dtype=_C.bfloat16, cache_enabled=True):
        warnings.warn(
            "`framejit.cpu.amp.autocast(args...)` is deprecated. Please use `framejit.amp.autocast('cpu', args...)` "
            "instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


class GradScaler(_GradScaler):
    """`framejit.amp.GradScaler("cpu", ...)`."""

    def __init__(self, init_scale=2.0**16, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000, enabled=True):
        warnings.warn(
            "`framejit.cpu.amp.GradScaler(args...)` is deprecated. Please use `framejit.amp.GradScaler('cpu', "
            "args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cpu", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
