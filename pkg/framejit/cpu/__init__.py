"""PyTorch's names for the CPU as a device."""

from . import amp


def is_available():
    """There is always a CPU.

    >>> import framejit
    >>> framejit.cpu.is_available()
    True
    """
    return True


def current_device():
    """Its name: there is one.

    >>> import framejit
    >>> framejit.cpu.current_device()
    'cpu'
    """
    return "cpu"


def device_count():
    """How many CPU devices there are.

    >>> import framejit
    >>> framejit.cpu.device_count()
    1
    """
    return 1


def synchronize(device=None):
    """Nothing runs in the background.

    device (framejit.device or str or None). Raises nothing of its own.

    >>> import framejit
    >>> framejit.cpu.synchronize()
    """


__all__ = ["amp", "current_device", "device_count", "is_available", "synchronize"]
