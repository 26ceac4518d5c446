"""cuda: a device that is never there. What asks about it answers so; what needs it raises RuntimeError."""

_NONE = "framejit has no CUDA device"


def is_available():
    """False.

    >>> import framejit
    >>> framejit.cuda.is_available()
    False
    """
    return False


def is_initialized():
    """False.

    >>> import framejit
    >>> framejit.cuda.is_initialized()
    False
    """
    return False


def is_bf16_supported(including_emulation=True):
    """False.

    including_emulation (bool). Raises nothing of its own.

    >>> import framejit
    >>> framejit.cuda.is_bf16_supported()
    False
    """
    return False


def device_count():
    """0

    >>> import framejit
    >>> framejit.cuda.device_count()
    0
    """
    return 0


def current_device():
    """Raises RuntimeError.

    >>> import framejit
    >>> framejit.cuda.current_device()
    Traceback (most recent call last):
        ...
    RuntimeError: framejit has no CUDA device
    """
    raise RuntimeError(_NONE)


def _nothing(*args, **kwargs):
    """Nothing to do: there is no device.

    >>> import framejit
    >>> framejit.cuda.empty_cache()
    """


# what programs call whether there is a device or not
empty_cache = ipc_collect = manual_seed = manual_seed_all = seed = seed_all = _nothing
reset_peak_memory_stats = reset_max_memory_allocated = reset_accumulated_memory_stats = _nothing


def _zero(device=None):
    """0: nothing is allocated.

    device (device or int or None). Raises nothing of its own.

    >>> import framejit
    >>> framejit.cuda.max_memory_allocated()
    0
    """
    return 0


memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _zero


def _raise(*args, **kwargs):
    """Raises RuntimeError: there is no device.

    >>> import framejit
    >>> framejit.cuda.current_stream()
    Traceback (most recent call last):
        ...
    RuntimeError: framejit has no CUDA device
    """
    raise RuntimeError(_NONE)


synchronize = set_device = get_device_name = get_device_capability = get_device_properties = init = _raise
current_stream = default_stream = mem_get_info = memory_stats = get_rng_state = set_rng_state = _raise


class _Unavailable:
    def __init__(self, *args, **kwargs):
        raise RuntimeError(_NONE)


class Stream(_Unavailable):
    """Raises RuntimeError when made.

    >>> import framejit
    >>> framejit.cuda.Stream()
    Traceback (most recent call last):
        ...
    RuntimeError: framejit has no CUDA device
    """


class Event(_Unavailable):
    """Raises RuntimeError when made.

    >>> import framejit
    >>> framejit.cuda.Event()
    Traceback (most recent call last):
        ...
    RuntimeError: framejit has no CUDA device
    """


class CUDAGraph(_Unavailable):
    """Raises RuntimeError when made.

    >>> import framejit
    >>> framejit.cuda.CUDAGraph()
    Traceback (most recent call last):
        ...
    RuntimeError: framejit has no CUDA device
    """


class device(_Unavailable):
    """Raises RuntimeError when made.

    >>> import framejit
    >>> framejit.cuda.device(0)
    Traceback (most recent call last):
        ...
    RuntimeError: framejit has no CUDA device
    """


def stream(stream):
    """A context manager; None is taken, as no stream was ever made.

    stream (object). Raises RuntimeError for other types.

    >>> import framejit
    >>> with framejit.cuda.stream(None):
    ...     print("no stream, no change")
    no stream, no change
    """
    import contextlib

    return contextlib.nullcontext() if stream is None else _raise()


default_generators = ()
