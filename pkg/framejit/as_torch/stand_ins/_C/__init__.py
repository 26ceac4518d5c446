"""torch._C: what programs ask PyTorch's extension module about tracing, TorchScript and devices."""

from framejit import device as _device


def _get_tracing_state():
    """None: there is no TorchScript tracing."""


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


class DisableTorchFunctionSubclass:
    """A context without overrides by `__torch_function__`, which there are none of."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None
