"""Modules that learn the size of their input from the first one: LazyLinear, the lazy convolutions and norms."""

import itertools
import warnings

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad
from framejit.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy

from .batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from .conv import Conv1d, Conv2d, Conv3d
from .conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from .linear import Linear


class LazyModuleMixin:
    """A module with parameters that `initialize_parameters(*inputs)` gives a shape before the first forward.

    It then becomes an instance of `cls_to_become`. Loading a state dict gives shapes, too.
    """

    cls_to_become = None

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._load_hook = self._register_load_state_dict_pre_hook(self._lazy_load_hook)
        self._initialize_hook = self.register_forward_pre_hook(self._infer_parameters, with_kwargs=True)
        warnings.warn(
            "Lazy modules are a new feature under heavy development so changes to the API or functionality can happen at any "
            "moment.",
            stacklevel=3,
        )

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        persistent = (item for item in self._buffers.items() if item[0] not in self._non_persistent_buffers_set)
        for name, value in itertools.chain(self._parameters.items(), persistent):
            if value is not None:
                destination[prefix + name] = value if keep_vars or is_lazy(value) else value.detach()

    def _lazy_load_hook(self, state_dict, prefix, *others):
        """Takes shapes from a state dict."""
        for name, value in itertools.chain(self._parameters.items(), self._buffers.items()):
            given = state_dict.get(prefix + name)
            if value is not None and given is not None and is_lazy(value) and not is_lazy(given):
                with no_grad():
                    value.materialize(given.shape)

    def initialize_parameters(self, *args, **kwargs):
        """Gives the parameters shapes from the inputs of a forward."""
        raise NotImplementedError(f"initialize_parameters is not implemented for {type(self).__name__}")

    def has_uninitialized_params(self):
        """Whether a parameter or buffer has no shape yet."""
        return any(is_lazy(v) for v in itertools.chain(self._parameters.values(), self._buffers.values()))

    def _infer_parameters(self, module, args, kwargs=None):
        module.initialize_parameters(*args, **(kwargs or {}))
        if module.has_uninitialized_params():
            raise RuntimeError(f"module {type(self).__name__} has not been fully initialized")
        module._initialize_hook.remove()
        module._load_hook.remove()
        del module._initialize_hook, module._load_hook
        if module.cls_to_become is not None:
            module.__class__ = module.cls_to_become

    _infer_parameters._framejit_directive = "first"  # captured code calls it once, while it is captured


class LazyLinear(LazyModuleMixin, Linear):
    """`Linear` that takes `in_features` from the first input.

    out_features (int), bias (bool), device (framejit.device or None), dtype (framejit.dtype or
    None). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.LazyLinear(2)
    >>> layer(framejit.rand(3, 4)).shape, layer
    (framejit.Size([3, 2]), Linear(in_features=4, out_features=2, bias=True))
    """

    cls_to_become = Linear

    def __init__(self, out_features, bias=True, device=None, dtype=None):
        super().__init__(0, 0, False)
        self.weight = UninitializedParameter(dtype=dtype)
        self.out_features = out_features
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def reset_parameters(self):
        if not self.has_uninitialized_params() and self.in_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input):
        if self.has_uninitialized_params():
            with no_grad():
                self.in_features = input.shape[-1]
                self.weight.materialize((self.out_features, self.in_features))
                if self.bias is not None:
                    self.bias.materialize((self.out_features,))
                self.reset_parameters()
        if self.in_features == 0:
            self.in_features = self.weight.shape[-1]


class _LazyConvNd(LazyModuleMixin):
    """What the lazy convolutions share: `_tuple` of the class that they become says over how many dimensions."""

    def __init__(self, out_channels, kernel_size, *args, bias=True, device=None, dtype=None, **kwargs):
        super().__init__(0, 0, kernel_size, *args, bias=False, **kwargs)
        self.weight = UninitializedParameter(dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def reset_parameters(self):
        if not self.has_uninitialized_params() and self.in_channels != 0:
            super().reset_parameters()

    def _get_in_channels(self, input):
        spatial = len(self.kernel_size)
        if input.dim() not in (spatial + 1, spatial + 2):
            raise RuntimeError(
                f"Expected {spatial + 1}D (unbatched) or {spatial + 2}D (batched) input to {type(self).__name__}, but got "
                f"input of size: {input.shape}"
            )
        return input.shape[-spatial - 1]

    def initialize_parameters(self, input, *args, **kwargs):
        if not self.has_uninitialized_params():
            return
        self.in_channels = self._get_in_channels(input)
        if self.in_channels % self.groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        first, second = self.out_channels, self.in_channels
        if self.transposed:
            first, second = second, first
        with no_grad():
            self.weight.materialize((first, second // self.groups, *self.kernel_size))
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()


class _LazyPlainConv(_LazyConvNd):
    def __init__(
        self,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        dilation=1,
        groups=1,
        bias=True,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        super().__init__(
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias=bias,
            padding_mode=padding_mode,
            dtype=dtype,
        )


class _LazyConvTranspose(_LazyConvNd):
    def __init__(
        self,
        out_channels,
        kernel_size,
        stride=1,
        padding=0,
        output_padding=0,
        groups=1,
        bias=True,
        dilation=1,
        padding_mode="zeros",
        device=None,
        dtype=None,
    ):
        more = {"dilation": dilation, "padding_mode": padding_mode, "dtype": dtype}
        super().__init__(out_channels, kernel_size, stride, padding, output_padding, groups, bias=bias, **more)


class _LazyNorm(LazyModuleMixin):
    """What the lazy norms share."""

    def __init__(
        self,
        eps=1e-5,
        momentum=0.1,
        affine=True,
        track_running_stats=True,
        device=None,
        dtype=None,
        *,
        bias=True,
    ):
        super().__init__(0, eps, momentum, False, False, device, dtype)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if affine:
            self.weight = UninitializedParameter(dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(dtype=dtype)
        if track_running_stats:
            self.running_mean = UninitializedBuffer(dtype=dtype)
            self.running_var = UninitializedBuffer(dtype=dtype)
            self.num_batches_tracked = _t.tensor(0, dtype=_t.int64)

    def reset_parameters(self):
        if not self.has_uninitialized_params() and self.num_features != 0:
            super().reset_parameters()

    def initialize_parameters(self, input):
        if not self.has_uninitialized_params():
            return
        self.num_features = input.shape[1]
        for value in (self.weight, self.bias, self.running_mean, self.running_var):
            if is_lazy(value):
                value.materialize((self.num_features,))
        self.reset_parameters()


class LazyConv1d(_LazyPlainConv, Conv1d):
    """`Conv1d` that takes `in_channels` from the first input.

    out_channels (int), kernel_size, stride, padding, dilation (int or tuple), groups (int), bias (bool), padding_mode (str),
    device (framejit.device or None), dtype (framejit.dtype or None). Raises RuntimeError for an input of other
    dimensions, ValueError as `Conv1d` does.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LazyConv1d(2, 3)(framejit.rand(1, 4, 8)).shape[1]
    2
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyPlainConv, Conv2d):
    """`Conv2d` that takes `in_channels` from the first input.

    out_channels (int), kernel_size, stride, padding, dilation (int or tuple), groups (int), bias (bool), padding_mode (str),
    device (framejit.device or None), dtype (framejit.dtype or None). Raises RuntimeError for an input of other
    dimensions, ValueError as `Conv2d` does.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LazyConv2d(2, 3)(framejit.rand(1, 4, 8, 8)).shape[1]
    2
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyPlainConv, Conv3d):
    """`Conv3d` that takes `in_channels` from the first input.

    out_channels (int), kernel_size, stride, padding, dilation (int or tuple), groups (int), bias (bool), padding_mode (str),
    device (framejit.device or None), dtype (framejit.dtype or None). Raises RuntimeError for an input of other
    dimensions, ValueError as `Conv3d` does.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LazyConv3d(2, 3)(framejit.rand(1, 4, 8, 8, 8)).shape[1]
    2
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """`ConvTranspose1d` that takes `in_channels` from the first input.

    out_channels (int), kernel_size, stride, padding, output_padding, dilation (int or tuple), groups (int), bias (bool), padding_mode (str),
    device (framejit.device or None), dtype (framejit.dtype or None). Raises RuntimeError for an input of other
    dimensions, ValueError as `ConvTranspose1d` does.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LazyConvTranspose1d(2, 3)(framejit.rand(1, 4, 8)).shape[1]
    2
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """`ConvTranspose2d` that takes `in_channels` from the first input.

    out_channels (int), kernel_size, stride, padding, output_padding, dilation (int or tuple), groups (int), bias (bool), padding_mode (str),
    device (framejit.device or None), dtype (framejit.dtype or None). Raises RuntimeError for an input of other
    dimensions, ValueError as `ConvTranspose2d` does.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LazyConvTranspose2d(2, 3)(framejit.rand(1, 4, 8, 8)).shape[1]
    2
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """`ConvTranspose3d` that takes `in_channels` from the first input.

    out_channels (int), kernel_size, stride, padding, output_padding, dilation (int or tuple), groups (int), bias (bool), padding_mode (str),
    device (framejit.device or None), dtype (framejit.dtype or None). Raises RuntimeError for an input of other
    dimensions, ValueError as `ConvTranspose3d` does.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LazyConvTranspose3d(2, 3)(framejit.rand(1, 4, 8, 8, 8)).shape[1]
    2
    """

    cls_to_become = ConvTranspose3d


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """`BatchNorm1d` that takes `num_features` from the first input.

    eps, momentum (float), affine, track_running_stats, bias (bool), device (framejit.device or None), dtype (framejit.dtype or
    None). Raises ValueError for an input of other
    dimensions.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.LazyBatchNorm1d()
    >>> layer(framejit.rand(2, 4, 8)).shape[1], layer.num_features
    (4, 4)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """`BatchNorm2d` that takes `num_features` from the first input.

    eps, momentum (float), affine, track_running_stats, bias (bool), device (framejit.device or None), dtype (framejit.dtype or
    None). Raises ValueError for an input of other
    dimensions.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.LazyBatchNorm2d()
    >>> layer(framejit.rand(2, 4, 8, 8)).shape[1], layer.num_features
    (4, 4)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """`BatchNorm3d` that takes `num_features` from the first input.

    eps, momentum (float), affine, track_running_stats, bias (bool), device (framejit.device or None), dtype (framejit.dtype or
    None). Raises ValueError for an input of other
    dimensions.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.LazyBatchNorm3d()
    >>> layer(framejit.rand(2, 4, 8, 8, 8)).shape[1], layer.num_features
    (4, 4)
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyNorm, InstanceNorm1d):
    """`InstanceNorm1d` that takes `num_features` from the first input.

    eps, momentum (float), affine, track_running_stats, bias (bool), device (framejit.device or None), dtype (framejit.dtype or
    None). Raises ValueError for an input of other
    dimensions.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.LazyInstanceNorm1d()
    >>> layer(framejit.rand(2, 4, 8)).shape[1], layer.num_features
    (4, 4)
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyNorm, InstanceNorm2d):
    """`InstanceNorm2d` that takes `num_features` from the first input.

    eps, momentum (float), affine, track_running_stats, bias (bool), device (framejit.device or None), dtype (framejit.dtype or
    None). Raises ValueError for an input of other
    dimensions.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.LazyInstanceNorm2d()
    >>> layer(framejit.rand(2, 4, 8, 8)).shape[1], layer.num_features
    (4, 4)
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyNorm, InstanceNorm3d):
    """`InstanceNorm3d` that takes `num_features` from the first input.

    eps, momentum (float), affine, track_running_stats, bias (bool), device (framejit.device or None), dtype (framejit.dtype or
    None). Raises ValueError for an input of other
    dimensions.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.LazyInstanceNorm3d()
    >>> layer(framejit.rand(2, 4, 8, 8, 8)).shape[1], layer.num_features
    (4, 4)
    """

    cls_to_become = InstanceNorm3d
