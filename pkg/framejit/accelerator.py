"""accelerator: the device beside the CPU, of which there is none. What asks about it answers so; what needs it raises."""

__all__ = [
    "current_accelerator",
    "current_device_index",
    "device_count",
    "is_available",
    "set_device_index",
    "synchronize",
]


def is_available():
    """False.

    >>> from framejit import accelerator
    >>> accelerator.is_available()
    False
    """
    return False


def device_count():
    """0

    >>> from framejit import accelerator
    >>> accelerator.device_count()
    0
    """
    return 0


def current_accelerator(check_available=False):
    """None: there is no accelerator.

    check_available (bool). Raises nothing.

    >>> from framejit import accelerator
    >>> accelerator.current_accelerator() is None
    True
    """
    return None


def _raise(*args, **kwargs):
    """Raises RuntimeError: there is no accelerator.

    >>> from framejit import accelerator
    >>> accelerator.synchronize()
    Traceback (most recent call last):
    RuntimeError: Cannot access accelerator device when none is available.
    """
    raise RuntimeError("Cannot access accelerator device when none is available.")


current_device_index = current_device_idx = set_device_index = set_device_idx = synchronize = current_stream = _raise
set_stream = empty_cache = memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _raise
memory_stats = reset_peak_memory_stats = reset_accumulated_memory_stats = get_memory_info = _raise
