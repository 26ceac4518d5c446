"""Anomaly mode: a backward pass that fails tells which call of the forward pass it belongs to."""

import warnings

from framejit import _C

__all__ = ["detect_anomaly", "set_detect_anomaly"]


class set_detect_anomaly:
    """Switches anomaly mode at once; as a context manager it restores what was.

    mode, check_nan (bool). Raises nothing of its own.

    >>> import framejit
    >>> with framejit.autograd.set_detect_anomaly(True):
    ...     print(framejit.is_anomaly_enabled())
    True
    """

    def __init__(self, mode, check_nan=True):
        self.prev = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        _C._set_anomaly(mode, check_nan)

    def __enter__(self):
        pass

    def __exit__(self, *args):
        _C._set_anomaly(*self.prev)


class detect_anomaly:
    """Inside, nodes remember where they were made and NaN gradients raise. Slow: for finding mistakes.

    check_nan (bool).

    >>> import framejit
    >>> with framejit.autograd.detect_anomaly():
    ...     print(framejit.is_anomaly_enabled())
    True
    """

    def __init__(self, check_nan=True):
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled for "
            "debugging.",
            stacklevel=2,
        )

    def __enter__(self):
        self.prev = _C.is_anomaly_enabled(), _C.is_anomaly_check_nan_enabled()
        _C._set_anomaly(True, self.check_nan)

    def __exit__(self, *args):
        _C._set_anomaly(*self.prev)
