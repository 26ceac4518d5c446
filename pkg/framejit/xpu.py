"""xpu: Intel's graphics devices, which are never there. What asks about them answers so; what needs one raises."""

from framejit.cuda import (  # noqa: F401
    _nothing,
    _zero,
    device_count,
    empty_cache,
    is_available,
    is_initialized,
    manual_seed,
    manual_seed_all,
    max_memory_allocated,
    max_memory_reserved,
    memory_allocated,
    memory_reserved,
    seed,
    seed_all,
)


def _raise(*args, **kwargs):
    """Raises AssertionError: there is no device."""
    raise AssertionError("framejit has no XPU device")


current_device = set_device = get_device_name = get_device_properties = get_device_capability = synchronize = _raise
current_stream = get_rng_state = set_rng_state = init = _raise
