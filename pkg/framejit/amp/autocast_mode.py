"""autocast: a region in which ops of its lists run in a lower precision, or in float32, whatever they are given.

Which op is on which list is the extension's table (csrc/tensor/autocast.def); the classes here set and restore the
switches.
"""

import functools
import warnings
from collections.abc import Iterable, Mapping

from framejit import _C

_SUPPORTED = (_C.bfloat16, _C.float16)


def is_autocast_available(device_type):
    """Whether `autocast` knows the device type.

    device_type (str). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.amp.is_autocast_available("cpu")
    True
    """
    return _C._is_autocast_available(device_type)


def autocast_decorator(autocast_instance, func):
    """`func` run inside the region, call by call."""

    @functools.wraps(func)
    def decorate_autocast(*args, **kwargs):
        with autocast_instance:
            return func(*args, **kwargs)

    return decorate_autocast


class autocast:
    """A region of mixed precision: context manager and decorator.

    device_type: "cpu" or "cuda"; dtype: bfloat16 or float16, by default what `get_autocast_dtype` says; enabled: False
    switches a surrounding region off; cache_enabled: whether leaves that were cast stay cast until the outermost
    region ends.

    device_type (str), dtype (framejit.dtype or None), enabled (bool), cache_enabled (bool or None). Raises ValueError
    (Expected `device_type` of type `str`, got: `…`), RuntimeError (User specified an unsupported autocast device_type
    '…').

    >>> import framejit
    >>> with framejit.amp.autocast("cpu"):
    ...     print((framejit.ones(2, 2) @ framejit.ones(2, 2)).dtype)
    framejit.bfloat16
    """

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        if not is_autocast_available(device_type):
            raise RuntimeError(f"User specified an unsupported autocast device_type '{device_type}'")
        self.device = device_type
        self.fast_dtype = _C.get_autocast_dtype(device_type) if dtype is None else dtype
        self._cache_enabled = _C.is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        self._enabled = bool(enabled) and self._is_usable()

    def _is_usable(self):
        if self.device == "cuda":
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.", stacklevel=3)
            return False
        if self.fast_dtype not in _SUPPORTED:
            name = self.device.upper()
            warnings.warn(
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n"
                f"{name} Autocast only supports dtypes of {', '.join(map(str, _SUPPORTED))} currently.",
                stacklevel=3,
            )
            return False
        return True

    def __enter__(self):
        self.prev_cache_enabled = _C.is_autocast_cache_enabled()
        self.prev = _C.is_autocast_enabled(self.device)
        self.prev_fastdtype = _C.get_autocast_dtype(self.device)
        _C.set_autocast_enabled(self.device, self._enabled)
        _C.set_autocast_dtype(self.device, self.fast_dtype)
        _C.autocast_increment_nesting()
        _C.set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, exc_type, exc_val, exc_tb):
        if _C.autocast_decrement_nesting() == 0:
            _C.clear_autocast_cache()
        _C.set_autocast_enabled(self.device, self.prev)
        _C.set_autocast_dtype(self.device, self.prev_fastdtype)
        _C.set_autocast_cache_enabled(self.prev_cache_enabled)
        return False

    def __call__(self, func):
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. "
                "Did you mean to use autocast as a context manager? For example:\n"
                "    with framejit.autocast(device_type=...):\n"
                "        output = model(input)"
            )
        return autocast_decorator(self, func)


def _enter_autocast(device_type, dtype=None, enabled=True, cache_enabled=None):
    """A region entered by a call: what captured graphs hold for back ends that keep the switches."""
    mode = autocast(device_type, dtype, enabled, cache_enabled)
    mode.__enter__()
    return mode


def _exit_autocast(mode):
    """Leaves what `_enter_autocast` gave."""
    mode.__exit__(None, None, None)


def _cast(value, device_type, dtype):
    """Every floating-point tensor in a value but float64 ones, cast."""
    if isinstance(value, _C.Tensor):
        eligible = value.is_floating_point() and value.device.type == device_type and value.dtype is not _C.float64
        return value.to(dtype) if eligible else value
    if isinstance(value, (str, bytes)) or type(value).__name__ == "ndarray":
        return value
    if isinstance(value, Mapping):
        return {_cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()}
    if isinstance(value, Iterable):
        items = (_cast(v, device_type, dtype) for v in value)
        return type(value)(items) if isinstance(value, (list, tuple)) else items
    return value


def _check_device_type(device_type):
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """For `forward` of an autograd.Function: with `cast_inputs`, casts its tensors and runs it with autocast off.

    fwd (callable or None), device_type (str), cast_inputs (framejit.dtype or None). Raises TypeError for other types.

    >>> import framejit
    >>> @framejit.amp.custom_fwd(device_type="cpu", cast_inputs=framejit.float32)
    ... def forward(ctx, x):
    ...     return x.dtype
    >>> from types import SimpleNamespace
    >>> with framejit.autocast("cpu"):
    ...     print(forward(SimpleNamespace(), framejit.ones(1, dtype=framejit.bfloat16)))
    framejit.float32
    """
    _check_device_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorate_fwd(*args, **kwargs):
        ctx = args[0]
        ctx._dtype = _C.get_autocast_dtype(device_type)
        enabled = _C.is_autocast_enabled(device_type)
        ctx._fwd_used_autocast = enabled and cast_inputs is None
        if cast_inputs is None or not enabled:
            return fwd(*args, **kwargs)
        with autocast(device_type=device_type, enabled=False):
            return fwd(*_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs))

    return decorate_fwd


def custom_bwd(bwd=None, *, device_type):
    """For `backward` of an autograd.Function: runs it in the autocast state that `forward` had.

    bwd (callable or None), device_type (str). Raises TypeError for other types.

    >>> import framejit
    >>> class Double(framejit.autograd.Function):
    ...     @staticmethod
    ...     @framejit.amp.custom_fwd(device_type="cpu")
    ...     def forward(ctx, x):
    ...         return 2 * x
    ...     @staticmethod
    ...     @framejit.amp.custom_bwd(device_type="cpu")
    ...     def backward(ctx, grad):
    ...         return 2 * grad
    >>> x = framejit.ones(1, requires_grad=True)
    >>> Double.apply(x).backward()
    >>> x.grad
    tensor([2.])
    """
    _check_device_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorate_bwd(*args, **kwargs):
        with autocast(device_type=device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorate_bwd
