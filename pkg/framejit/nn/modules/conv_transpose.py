"""The transposed convolutions."""

from framejit.nn import functional as F

from .conv import _ConvNd
from .utils import _pair, _single, _triple


class _ConvTransposeNd(_ConvNd):
    """The gradient of a convolution for its input, as a layer; `_tuple`, `_function` and `_spatial` say which one."""

    def __init__(
        self,
        in_channels,
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
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        each = type(self)._tuple
        super().__init__(
            in_channels,
            out_channels,
            each(kernel_size),
            each(stride),
            each(padding),
            each(dilation),
            True,
            each(output_padding),
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding(self, input, output_size):
        """The output padding that gives `output_size`, which may leave out the batch and channel sizes."""
        spatial = len(self.kernel_size)
        if output_size is None:
            return self.output_padding
        unbatched = input.dim() == spatial + 1
        leading = 1 if unbatched else 2
        output_size = list(output_size)
        if len(output_size) == leading + spatial:
            output_size = output_size[leading:]
        if len(output_size) != spatial:
            raise ValueError(
                f"ConvTranspose{spatial}D: for {input.dim()}D input, output_size must have {spatial} or "
                f"{leading + spatial} elements (got {len(output_size)})"
            )
        result = []
        for i, size in enumerate(output_size):
            least = (input.size(leading + i) - 1) * self.stride[i] - 2 * self.padding[i]
            least += self.dilation[i] * (self.kernel_size[i] - 1) + 1
            if not least <= size < least + self.stride[i]:
                raise ValueError(
                    f"requested an output size of {output_size}, but valid sizes of dimension {i} range from {least} to "
                    f"{least + self.stride[i] - 1} (for an input of {list(input.shape[leading:])})"
                )
            result.append(size - least)
        return tuple(result)

    def forward(self, input, output_size=None):
        padding = self._output_padding(input, output_size)
        function = getattr(F, type(self)._function)
        return function(input, self.weight, self.bias, self.stride, self.padding, padding, self.groups, self.dilation)


class ConvTranspose1d(_ConvTransposeNd):
    """Transposed convolution over (N, C, L).

    in_channels, out_channels (int), kernel_size, stride, padding, output_padding (int, or sequence of int), groups
    (int), bias (bool), dilation (int, or sequence of int), padding_mode (str), device (framejit.device or str or
    None), dtype (framejit.dtype or None). Raises ValueError for channels that groups does not divide, and for a
    padding mode other than zeros.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.ConvTranspose1d(4, 6, 3)(framejit.rand(2, 4, 9)).shape
    framejit.Size([2, 6, 11])
    """

    _tuple, _function = staticmethod(_single), "conv_transpose1d"


class ConvTranspose2d(_ConvTransposeNd):
    """Transposed convolution over (N, C, H, W).

    in_channels, out_channels (int), kernel_size, stride, padding, output_padding (int, or sequence of int), groups
    (int), bias (bool), dilation (int, or sequence of int), padding_mode (str), device (framejit.device or str or
    None), dtype (framejit.dtype or None). Raises ValueError for channels that groups does not divide, and for a
    padding mode other than zeros.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.ConvTranspose2d(4, 6, 3, stride=2)(framejit.rand(2, 4, 9, 8)).shape
    framejit.Size([2, 6, 19, 17])
    """

    _tuple, _function = staticmethod(_pair), "conv_transpose2d"


class ConvTranspose3d(_ConvTransposeNd):
    """Transposed convolution over (N, C, D, H, W).

    in_channels, out_channels (int), kernel_size, stride, padding, output_padding (int, or sequence of int), groups
    (int), bias (bool), dilation (int, or sequence of int), padding_mode (str), device (framejit.device or str or
    None), dtype (framejit.dtype or None). Raises ValueError for channels that groups does not divide, and for a
    padding mode other than zeros.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.ConvTranspose3d(4, 6, 3)(framejit.rand(2, 4, 5, 4, 3)).shape
    framejit.Size([2, 6, 7, 6, 5])
    """

    _tuple, _function = staticmethod(_triple), "conv_transpose3d"
