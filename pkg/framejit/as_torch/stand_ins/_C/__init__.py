"""torch._C: what programs ask PyTorch's extension module about tracing, TorchScript and devices."""

import types as _types

from framejit import _C as _extension
from framejit import device as _device
from framejit._C import (  # noqa: F401
    _disabled_torch_dispatch_impl,
    _disabled_torch_function_impl,
    _is_torch_function_enabled,
)

_OF_OVERRIDES = {
    "DisableTorchFunction": "DisableTorchFunction",
    "DisableTorchFunctionSubclass": "DisableTorchFunctionSubclass",
    "_has_torch_function": "has_torch_function",
    "_has_torch_function_unary": "has_torch_function_unary",
    "_has_torch_function_variadic": "has_torch_function_variadic",
}


def __getattr__(name):
    if name in _OF_OVERRIDES:  # imported late: from then on functions ask their arguments
        from framejit import overrides

        return getattr(overrides, _OF_OVERRIDES[name])
    raise AttributeError(name)


TensorBase = _extension.Tensor

# PyTorch keeps some functions of networks there; framejit has them among the others.
_nn = _types.ModuleType("torch._C._nn", "Functions of networks.")
vars(_nn).update({**vars(_extension._nn), "__name__": "torch._C._nn"})
for _name in ("linear", "scaled_dot_product_attention", "pad"):
    if hasattr(_extension, _name):
        setattr(_nn, _name, getattr(_extension, _name))


def _get_privateuse1_backend_name():
    """The name of a device that nobody has named."""
    return "privateuseone"


def _are_functorch_transforms_active():
    """Whether a transformation of functions is being carried out."""
    return _extension._func_depth() > 0 or _extension._vmap_depth() > 0


def _get_tracing_state():
    """What records a trace; None if none does."""
    from framejit.jit.tracing_state import current

    return current()


def _get_accelerator(check=None):
    """The CPU: there is no accelerator."""
    return _device("cpu")


def _get_default_device():
    """The CPU."""
    return "cpu"


def _log_api_usage_once(event):
    """Nothing is logged."""


def _switch(*args):
    """A switch of TorchScript's, which is not there: its state is False."""
    return False


_jit_set_profiling_executor = _jit_set_profiling_mode = _jit_override_can_fuse_on_cpu = (
    _jit_override_can_fuse_on_gpu
) = _switch
_jit_set_texpr_fuser_enabled = _jit_set_nvfuser_enabled = _jit_set_nvfuser_guard_mode = _switch
_jit_can_fuse_on_cpu = _jit_can_fuse_on_gpu = _switch


def _len_torch_function_stack():
    """How many modes answer functions."""
    return len(_extension._override_modes())


class _DispatchKeys(type):
    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        key = object.__new__(cls)
        key.name = name
        setattr(cls, name, key)
        return key


class DispatchKey(metaclass=_DispatchKeys):
    """A name that PyTorch chooses kernels by; here it chooses nothing."""

    def __repr__(self):
        return f"DispatchKey.{self.name}"


class DispatchKeySet:
    """A set of them."""

    def __init__(self, *keys):
        self._keys = frozenset(keys)

    def __contains__(self, key):
        return key in self._keys

    has = __contains__

    def __or__(self, other):
        return DispatchKeySet(*(self._keys | other._keys))


class _ExcludeDispatchKeyGuard:
    """Nothing, for a while."""

    def __init__(self, keys=None):
        self._keys = keys

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None


def _dispatch_tls_local_exclude_set():
    return DispatchKeySet()
