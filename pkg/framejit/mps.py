"""mps: Apple's graphics devices, which are never there. What asks about them answers so; what needs one raises."""

from framejit.cuda import device_count, is_available, manual_seed, seed  # noqa: F401


def _raise(*args, **kwargs):
    """Raises RuntimeError: there is no device."""
    raise RuntimeError("framejit has no MPS device")


current_allocated_memory = driver_allocated_memory = recommended_max_memory = empty_cache = synchronize = _raise
set_per_process_memory_fraction = get_rng_state = set_rng_state = _raise
