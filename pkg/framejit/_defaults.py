"""Switches of PyTorch's that choose between implementations or devices. There is one of each here: what they are set to is
remembered and told, and changes nothing; results do not depend on it."""

import importlib
import threading

from framejit import _C

legacy_contiguous_format = _C.contiguous_format

_state = {"deterministic": False, "warn_only": False, "precision": "highest"}


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Asks for deterministic algorithms, which all of these are.

    mode (bool), warn_only (bool). Raises TypeError for another mode.

    >>> import framejit
    >>> framejit.use_deterministic_algorithms(True)
    >>> framejit.are_deterministic_algorithms_enabled()
    True
    >>> framejit.use_deterministic_algorithms(False)
    """
    if not isinstance(mode, bool):
        raise TypeError(f"_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {type(mode).__name__}")  # fmt: skip
    _state.update(deterministic=mode, warn_only=mode and bool(warn_only))


def are_deterministic_algorithms_enabled():
    """Whether deterministic algorithms were asked for.

    >>> import framejit
    >>> framejit.are_deterministic_algorithms_enabled()
    False
    """
    return _state["deterministic"]


def is_deterministic_algorithms_warn_only_enabled():
    """Whether others were to give a warning only.

    >>> import framejit
    >>> framejit.is_deterministic_algorithms_warn_only_enabled()
    False
    """
    return _state["warn_only"]


_MODES = {"default": 0, "warn": 1, "error": 2}


def set_deterministic_debug_mode(debug_mode):
    """`use_deterministic_algorithms` by a name or a number: 0 "default", 1 "warn", 2 "error".

    debug_mode (int or str). Raises RuntimeError for another mode, TypeError for other types.

    >>> import framejit
    >>> framejit.set_deterministic_debug_mode("default")
    """
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if isinstance(debug_mode, str):
        if debug_mode not in _MODES:
            raise RuntimeError(f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}")  # fmt: skip
        debug_mode = _MODES[debug_mode]
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}")
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode():
    """The mode as a number.

    >>> import framejit
    >>> framejit.get_deterministic_debug_mode()
    0
    """
    return 0 if not _state["deterministic"] else 1 if _state["warn_only"] else 2


def set_float32_matmul_precision(precision):
    """How precise products of float32 matrices must be at least; they are always computed in float32.

    precision (str): "highest", "high" or "medium". Raises RuntimeError for other types.

    >>> import framejit
    >>> framejit.get_float32_matmul_precision()
    'highest'
    """
    if not isinstance(precision, str):
        raise RuntimeError(f"set_float32_matmul_precision(): argument must be str, not {type(precision).__name__}")
    if precision in ("highest", "high", "medium"):
        _state["precision"] = precision


def get_float32_matmul_precision():
    """What `set_float32_matmul_precision` was told.

    >>> import framejit
    >>> framejit.get_float32_matmul_precision()
    'highest'
    """
    return _state["precision"]


def get_default_device():
    """The device of tensors that are made without saying where.

    >>> import framejit
    >>> framejit.get_default_device()
    device(type='cpu')
    """
    return _C._get_default_device()


_before = threading.local()  # devices and stances around `with device:`


def _switch_to(device):
    """Compiled functions were traced with factories on the CPU: the stance in which they run plainly elsewhere."""
    _C._set_default_device(device)
    if device.type == "cpu":
        return None
    from framejit.dynamo._stance import set_stance

    return set_stance("force_eager")


def _enter_device(device):
    _before.__dict__.setdefault("stack", []).append((_C._get_default_device(), _switch_to(device)))
    return device


def _leave_device():
    device, stance = _before.stack.pop()
    _C._set_default_device(device)
    if stance is not None:
        stance.__exit__(None, None, None)


def set_default_device(device):
    """The device of new tensors.

    device (framejit.device or str or None): "meta" and "lazy" beside the CPU; for a block, `with framejit.device(…):`.
    Raises RuntimeError for any other. While it is not the CPU, compiled functions run plainly.

    >>> import framejit
    >>> with framejit.device("meta"):
    ...     framejit.zeros(2, 3).device
    device(type='meta')
    >>> framejit.set_default_device("cpu")
    """
    global _plainly
    device = _C.device("cpu" if device is None else device)
    if device.type == "cuda":
        raise RuntimeError(f"framejit has no device {device}")
    if _plainly is not None:
        _plainly.__exit__(None, None, None)
    _plainly = _switch_to(device)


_plainly = None  # the stance that set_default_device has set


def get_device_module(device=None):
    """The module of a device type.

    device (framejit.device or str or None): the CPU by default. Raises RuntimeError for a type that has none.

    >>> import framejit
    >>> framejit.get_device_module("cpu").__name__
    'framejit.cpu'
    """
    if isinstance(device, int):
        device = None
    if isinstance(device, str):
        device = _C.device(device)
    name = "cpu" if device is None else device.type
    try:
        return importlib.import_module("framejit." + name)
    except ModuleNotFoundError:
        raise RuntimeError(
            f"Device '{device}' does not have a corresponding module registered as 'torch.{name}'."
        ) from None
