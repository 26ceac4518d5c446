"""PyTorch's names for the CPU as a device."""

from . import amp


def is_available():
    """There is always a CPU."""
    return True


def current_device():
    """Its name: there is one."""
    return "cpu"


def device_count():
    """How many CPU devices there are."""
    return 1


def synchronize(device=None):
    """Nothing runs in the background."""


__all__ = ["amp", "current_device", "device_count", "is_available", "synchronize"]
