"""Module's conversions: dtype and device changes applied to every parameter and buffer in place.

A parameter keeps its identity: the converted tensor is put under it through `.data`, so optimizers and other
holders of the parameter go on seeing it.
"""

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad
from framejit.nn.parameter import Parameter


def _apply(self, fn, recurse=True):
    """Replace every parameter, gradient and buffer `t` by `fn(t)`."""
    if recurse:
        for module in self.children():
            module._apply(fn)
    for name, parameter in self._parameters.items():
        if parameter is not None:
            _apply_to_parameter(self, name, parameter, fn)
    for name, buffer in self._buffers.items():
        if buffer is not None:
            self._buffers[name] = fn(buffer)
    return self


def _apply_to_parameter(module, name, parameter, fn):
    with no_grad():
        converted = fn(parameter)
        if converted is parameter:
            return
        if parameter.device.type == converted.device.type:
            parameter.data = converted
        else:  # a tensor cannot change its device under its holders
            parameter = module._parameters[name] = Parameter(converted, parameter.requires_grad)
        if parameter.grad is not None:
            grad = fn(parameter.grad)
            parameter.grad = None
            parameter.grad = grad.requires_grad_(False)


def apply(self, fn):
    """Call `fn` on every submodule, children first, and then on the module.

    fn (callable). Raises TypeError for other types.

    >>> from framejit import nn
    >>> net = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    >>> _ = net.apply(lambda m: print(type(m).__name__))
    Linear
    ReLU
    Sequential
    """
    for module in self.children():
        module.apply(fn)
    fn(self)
    return self


def _parse_to(args, kwargs):
    """(device, dtype, non_blocking) of the forms of `to`: (device, dtype), (dtype), (tensor)."""
    device = kwargs.pop("device", None)
    dtype = kwargs.pop("dtype", None)
    non_blocking = kwargs.pop("non_blocking", False)
    tensor = kwargs.pop("tensor", kwargs.pop("other", None))
    kwargs.pop("memory_format", None)
    if kwargs:
        raise TypeError(f"to() received an invalid combination of arguments: {', '.join(kwargs)}")
    for arg in args:
        if isinstance(arg, _t.Tensor):
            tensor = arg
        elif isinstance(arg, _t.dtype):
            dtype = arg
        elif isinstance(arg, bool):
            non_blocking = arg
        elif arg is not None:
            device = arg
    if tensor is not None:
        device, dtype = tensor.device, tensor.dtype
    return device, dtype, non_blocking


def to(self, *args, **kwargs):
    """Move and cast parameters and buffers; only floating tensors change their dtype.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Linear(1, 1).to(framejit.float64).weight.dtype
    framejit.float64
    """
    device, dtype, non_blocking = _parse_to(args, kwargs)
    if dtype is not None and not dtype.is_floating_point and not getattr(dtype, "is_complex", False):
        raise TypeError(f"nn.Module.to only accepts floating point or complex dtypes, but got desired dtype={dtype}")

    def convert(t):
        target = dtype if t.is_floating_point() else None
        if device is None:
            return t if target is None else t.to(target)
        return t.to(device) if target is None else t.to(device, target)

    return self._apply(convert)


_CAST = """{doc}

>>> import framejit
>>> framejit.nn.Linear(1, 1).{name}().weight.dtype
framejit.{dtype}
"""


def _cast_floating(name, dtype_name, doc):
    def cast(self):
        dtype = getattr(_t, dtype_name)
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    cast.__doc__ = _CAST.format(doc=doc, name=name, dtype=dtype_name)
    cast.__name__ = name
    cast.__qualname__ = f"Module.{name}"
    return cast


float = _cast_floating("float", "float32", "Cast floating parameters and buffers to float32.")
double = _cast_floating("double", "float64", "Cast floating parameters and buffers to float64.")
half = _cast_floating("half", "float16", "Cast floating parameters and buffers to float16.")
bfloat16 = _cast_floating("bfloat16", "bfloat16", "Cast floating parameters and buffers to bfloat16.")


def type(self, dst_type):
    """Cast all parameters and buffers to `dst_type`.

    dst_type (str or framejit.dtype). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Linear(1, 1).type(framejit.float64).weight.dtype
    framejit.float64
    """
    return self._apply(lambda t: t.to(dst_type))


def cpu(self):
    """Move parameters and buffers to the CPU.

    >>> from framejit import nn
    >>> nn.Linear(1, 1).cpu().weight.device
    device(type='cpu')
    """
    return self._apply(lambda t: t.to("cpu"))


def cuda(self, device=None):
    """Move parameters and buffers to a CUDA device.

    device (framejit.device or str or None). Raises nothing of its own.

    >>> from framejit import nn
    >>> nn.Linear(1, 1).cuda()
    Traceback (most recent call last):
        ...
    RuntimeError: framejit is not compiled with CUDA enabled
    """
    return self._apply(lambda t: t.to("cuda" if device is None else device))


def to_empty(self, *, device, recurse=True):
    """Replace parameters and buffers by uninitialised ones of the same shape on `device`.

    device (framejit.device or str), recurse (bool). Raises TypeError for other types.

    >>> from framejit import nn
    >>> nn.Linear(1, 2).to_empty(device="cpu").weight.shape
    framejit.Size([2, 1])
    """
    return self._apply(lambda t: _t.empty_like(t, device=device), recurse=recurse)
