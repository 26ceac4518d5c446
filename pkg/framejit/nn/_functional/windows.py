"""Windows beyond pooling's usual ones: three dimensions, unpooling, fractional pooling, unfold and fold."""

import math
from collections.abc import Sequence

from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._C import Tensor

from .pooling import _output_size, _p_norm, _stride


def _listed(value, n):
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values * n if len(values) == 1 else values


# --- three dimensions ---


@listed("input")
def max_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """The maximum of each window of (N, C, D, H, W), with its place where `return_indices`.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation
    (int, or sequence of int), ceil_mode, return_indices (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.max_pool3d(framejit.rand(1, 3, 8, 6, 4), 2).shape
    framejit.Size([1, 3, 4, 3, 2])
    """
    both = _t.max_pool3d_with_indices(input, kernel_size, _stride(stride, kernel_size), padding, dilation, ceil_mode)
    return both if return_indices else both[0]


def max_pool3d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """max_pool3d that always gives the indices.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation
    (int, or sequence of int), ceil_mode, return_indices (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.max_pool3d_with_indices(framejit.rand(1, 3, 8, 6, 4), 2)
    >>> values.shape, places.dtype
    (framejit.Size([1, 3, 4, 3, 2]), framejit.int64)
    """
    return max_pool3d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def avg_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
):
    """The mean of each window of (N, C, D, H, W).

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or
    sequence of int), ceil_mode, count_include_pad (bool), divisor_override (int or None). Raises TypeError for other
    types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.avg_pool3d(framejit.rand(1, 3, 8, 6, 4), 2).shape
    framejit.Size([1, 3, 4, 3, 2])
    """
    return _t.avg_pool3d(
        input, kernel_size, _stride(stride, kernel_size), padding, ceil_mode, count_include_pad, divisor_override
    )


def adaptive_avg_pool3d(input: Tensor, output_size: int | Sequence[int]):
    """The mean over windows chosen so that the output has the given size.

    input (Tensor), output_size (int, or sequence of int and None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.adaptive_avg_pool3d(framejit.rand(1, 3, 8, 6, 4), 2).shape
    framejit.Size([1, 3, 2, 2, 2])
    """
    return _t.adaptive_avg_pool3d(input, _output_size(output_size, input, 3))


def adaptive_max_pool3d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False):
    """The maximum over windows chosen so that the output has the given size.

    input (Tensor), output_size (int, or sequence of int and None), return_indices (bool). Raises AttributeError for
    other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.adaptive_max_pool3d(framejit.rand(1, 3, 8, 6, 4), 2).shape
    framejit.Size([1, 3, 2, 2, 2])
    """
    result = _t.adaptive_max_pool3d(input, _output_size(output_size, input, 3))
    return result if return_indices else result[0]


def adaptive_max_pool1d_with_indices(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False):
    """adaptive_max_pool1d that always gives the indices.

    input (Tensor), output_size (int, or sequence of int and None), return_indices (bool). Raises AttributeError for
    other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.adaptive_max_pool1d_with_indices(framejit.tensor([[1.0, 2.0, 3.0, 4.0]]), 2)
    (tensor([[2., 4.]]), tensor([[1, 3]]))
    """
    return _t.adaptive_max_pool1d(input, _output_size(output_size, input, 1))


def adaptive_max_pool2d_with_indices(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False):
    """adaptive_max_pool2d that always gives the indices.

    input (Tensor), output_size (int, or sequence of int and None), return_indices (bool). Raises AttributeError for
    other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.adaptive_max_pool2d_with_indices(framejit.rand(1, 3, 8, 6), 2)
    >>> values.shape, places.dtype
    (framejit.Size([1, 3, 2, 2]), framejit.int64)
    """
    return _t.adaptive_max_pool2d(input, _output_size(output_size, input, 2))


def adaptive_max_pool3d_with_indices(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False):
    """adaptive_max_pool3d that always gives the indices.

    input (Tensor), output_size (int, or sequence of int and None), return_indices (bool). Raises AttributeError for
    other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.adaptive_max_pool3d_with_indices(framejit.rand(1, 3, 8, 6, 4), 2)
    >>> values.shape, places.dtype
    (framejit.Size([1, 3, 2, 2, 2]), framejit.int64)
    """
    return adaptive_max_pool3d(input, output_size, True)


def lp_pool3d(
    input: Tensor,
    norm_type: float,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    ceil_mode: bool = False,
):
    """The p-norm of each window.

    input (Tensor), norm_type (float), kernel_size (int, or sequence of int), stride (int, or sequence of int, or
    None), ceil_mode (bool). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.lp_pool3d(framejit.rand(1, 3, 9, 9, 9), 2, 3).shape
    framejit.Size([1, 3, 3, 3, 3])
    """
    mean = avg_pool3d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _p_norm(mean, math.prod(_listed(kernel_size, 3)), norm_type)


# --- unpooling ---


def _unpool(n, input, indices, kernel_size, stride, padding, output_size):
    if input.shape != indices.shape:
        raise RuntimeError(
            f"Expected shape of indices to be same as that of the input tensor ({list(input.shape)}) but got indices "
            f"tensor with shape: {list(indices.shape)}"
        )
    kernel, padding, stride = (_listed(v, n) for v in (kernel_size, padding, _stride(stride, kernel_size)))
    sizes = [input.shape[d] for d in range(-n, 0)]
    plain = [(size - 1) * s + k - 2 * p for size, s, k, p in zip(sizes, stride, kernel, padding)]
    if output_size is not None:
        wanted = list(output_size)[-n:]
        for want, have, s in zip(wanted, plain, stride):
            if not have - s < want < have + s:
                raise ValueError(f"invalid output_size {wanted} (dim must be between {have - s} and {have + s})")
        plain = wanted
    return _spread(n, input, indices, plain)


def _spread(n, input, indices, sizes):
    """The values in a tensor whose last `n` sizes are these, at the places that the indices say."""
    lead = input.shape[:-n]
    flat = indices.flatten(-n)  # scatter raises RuntimeError for indices outside
    out = input.new_zeros(*lead, math.prod(sizes)).scatter(-1, flat, input.flatten(-n))
    return out.reshape(*lead, *sizes)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: int | Sequence[int] | None = None,
):
    """The reverse of max_pool1d: values back where the indices say, zeros elsewhere.

    input, indices (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding
    (int, or sequence of int), output_size (sequence of int, or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.max_pool1d(framejit.tensor([[1.0, 2.0, 4.0, 3.0]]), 2, return_indices=True)
    >>> F.max_unpool1d(values, places, 2)
    tensor([[0., 2., 4., 0.]])
    """
    return _unpool(1, input, indices, kernel_size, stride, padding, output_size)


@listed("input")
def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: int | Sequence[int] | None = None,
):
    """The reverse of max_pool2d: values back where the indices say, zeros elsewhere.

    input, indices (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding
    (int, or sequence of int), output_size (sequence of int, or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.max_pool2d(framejit.rand(1, 1, 4, 4), 2, return_indices=True)
    >>> F.max_unpool2d(values, places, 2).shape
    framejit.Size([1, 1, 4, 4])
    """
    return _unpool(2, input, indices, kernel_size, stride, padding, output_size)


@listed("input")
def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    output_size: int | Sequence[int] | None = None,
):
    """The reverse of max_pool3d: values back where the indices say, zeros elsewhere.

    input, indices (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding
    (int, or sequence of int), output_size (sequence of int, or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.max_pool3d(framejit.rand(1, 1, 4, 4, 4), 2, return_indices=True)
    >>> F.max_unpool3d(values, places, 2).shape
    framejit.Size([1, 1, 4, 4, 4])
    """
    return _unpool(3, input, indices, kernel_size, stride, padding, output_size)


# --- fractional pooling (Graham 2015) ---


def _fractional(n, input, kernel_size, output_size, output_ratio, return_indices, samples):
    if output_size is None and output_ratio is None:
        raise ValueError(f"fractional_max_pool{n}d requires specifying either an output_size or an output_ratio")
    kernel, sizes = _listed(kernel_size, n), list(input.shape[-n:])
    if output_size is None:
        if not isinstance(output_ratio, (int, float)) and len(output_ratio) != n:
            raise ValueError(
                f"fractional_max_pool{n}d requires output_ratio to either be a single Int or tuple of Ints."
            )
        ratios = _listed(output_ratio, n)
        output_size = [int(size * ratio) for size, ratio in zip(sizes, ratios)]
    out = _listed(output_size, n)
    for size, k, o in zip(sizes, kernel, out):
        if o + k - 1 > size:
            raise RuntimeError(f"fractional_max_pool{n}d(): pool size ({k}) too large relative to input size ({size})")
    batched = input.dim() == n + 2
    x = input if batched else input.unsqueeze(0)
    if samples is None:
        samples = _t.rand(x.shape[0], x.shape[1], n, dtype=x.dtype)
    # PyTorch's samples list the dimensions from the last to the first in two dimensions, in order in three
    order = list(range(n)) if n == 3 else list(range(n - 1, -1, -1))
    place = None
    for axis in range(n):
        starts = _fractional_starts(samples[..., order[axis]], sizes[axis], out[axis], kernel[axis])
        line = starts.unsqueeze(-1) + _t.arange(kernel[axis])  # (N, C, out, k)
        shape = [*x.shape[:2]]
        for other in range(n):
            shape += [out[axis], kernel[axis]] if other == axis else [1, 1]
        line = line.reshape(shape)
        place = line if place is None else place * sizes[axis] + line
    pairs = [2 + 2 * a for a in range(n)] + [3 + 2 * a for a in range(n)]
    place = place.expand([*x.shape[:2], *(s for a in range(n) for s in (out[a], kernel[a]))]).permute(0, 1, *pairs)
    place = place.reshape(*x.shape[:2], math.prod(out), math.prod(kernel))
    windows = x.flatten(2).unsqueeze(2).expand(*x.shape[:2], math.prod(out), math.prod(sizes)).gather(-1, place)
    best = windows.argmax(-1, True)
    shape = [*x.shape[:2], *out] if batched else [x.shape[1], *out]
    values, indices = windows.gather(-1, best).reshape(shape), place.gather(-1, best).reshape(shape)
    return (values, indices) if return_indices else values


def _fractional_starts(sample, size, out, kernel):
    """Where windows begin: a pseudo-random sequence of steps between floor and ceil of the ratio."""
    if out == 1:
        return _t.full((*sample.shape, 1), size - kernel, dtype=_t.int64)
    alpha = (size - kernel) / (out - 1)
    steps = _t.arange(out, dtype=sample.dtype)
    starts = ((steps + sample.unsqueeze(-1)) * alpha).to(_t.int64) - (sample.unsqueeze(-1) * alpha).to(_t.int64)
    last = _t.full((*sample.shape, 1), size - kernel, dtype=_t.int64)
    return _t.cat([starts[..., : out - 1], last], -1)


@listed("input", "_random_samples")
def fractional_max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    """Max pooling over windows at pseudo-random places that cover the input.

    input (Tensor), kernel_size (int, or sequence of int), output_size (int, sequence of int, or None), output_ratio
    (float, sequence of float, or None), return_indices (bool). Raises ValueError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.fractional_max_pool2d(framejit.rand(1, 3, 8, 8), 2, output_size=3).shape
    framejit.Size([1, 3, 3, 3])
    """
    return _fractional(2, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


@listed("input", "_random_samples")
def fractional_max_pool3d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    """Max pooling over windows at pseudo-random places that cover the input.

    input (Tensor), kernel_size (int, or sequence of int), output_size (int, sequence of int, or None), output_ratio
    (float, sequence of float, or None), return_indices (bool). Raises ValueError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.fractional_max_pool3d(framejit.rand(1, 3, 8, 8, 8), 2, output_size=3).shape
    framejit.Size([1, 3, 3, 3, 3])
    """
    return _fractional(3, input, kernel_size, output_size, output_ratio, return_indices, _random_samples)


def fractional_max_pool2d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    """fractional_max_pool2d that always gives the indices.

    input (Tensor), kernel_size (int, or sequence of int), output_size (int, sequence of int, or None), output_ratio
    (float, sequence of float, or None), return_indices (bool). Raises ValueError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.fractional_max_pool2d_with_indices(framejit.rand(1, 3, 8, 8), 2, output_ratio=0.5)
    >>> values.shape, places.dtype
    (framejit.Size([1, 3, 4, 4]), framejit.int64)
    """
    return fractional_max_pool2d(input, kernel_size, output_size, output_ratio, True, _random_samples)


def fractional_max_pool3d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    output_size: int | Sequence[int] | None = None,
    output_ratio=None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
):
    """fractional_max_pool3d that always gives the indices.

    input (Tensor), kernel_size (int, or sequence of int), output_size (int, sequence of int, or None), output_ratio
    (float, sequence of float, or None), return_indices (bool). Raises ValueError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.fractional_max_pool3d_with_indices(framejit.rand(1, 3, 8, 8, 8), 2, output_ratio=0.5)
    >>> values.shape, places.dtype
    (framejit.Size([1, 3, 4, 4, 4]), framejit.int64)
    """
    return fractional_max_pool3d(input, kernel_size, output_size, output_ratio, True, _random_samples)


# --- unfold and fold ---


def _window_places(sizes, kernel, dilation, padding, stride):
    """For a padded plane: per axis the positions (kernel, windows) of the taps, and the number of windows."""
    lines, counts = [], []
    for size, k, d, p, s in zip(sizes, kernel, dilation, padding, stride):
        count = (size + 2 * p - d * (k - 1) - 1) // s + 1
        if count <= 0:
            raise RuntimeError(
                f"Given input with spatial size {tuple(sizes)}, kernel_size={tuple(kernel)}, dilation={tuple(dilation)}, "
                f"padding={tuple(padding)}, stride={tuple(stride)}, calculated shape of the array of sliding blocks as "
                f"{[(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in zip(sizes, kernel, dilation, padding, stride)]}, "
                "but its components must be at least one."
            )
        counts.append(count)
        lines.append((_t.arange(k) * d).unsqueeze(1) + (_t.arange(count) * s).unsqueeze(0))
    return lines, counts


def unfold(
    input: Tensor,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
):
    """The sliding windows of (N, C, H, W) as columns: (N, C * kernel, windows).

    input (Tensor), kernel_size, dilation, padding, stride (int, or sequence of int). Raises RuntimeError.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.unfold(framejit.rand(1, 3, 4, 4), 2, stride=2).shape
    framejit.Size([1, 12, 4])
    """
    if input.dim() not in (3, 4) or 0 in input.shape[-3:]:
        raise RuntimeError(
            f"Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: {list(input.shape)}"
        )
    kernel, dilation, padding, stride = (_listed(v, 2) for v in (kernel_size, dilation, padding, stride))
    x = input if input.dim() == 4 else input.unsqueeze(0)
    (rows, cols), (high, wide) = _window_places(x.shape[2:], kernel, dilation, padding, stride)
    x = _t.constant_pad_nd(x, [padding[1], padding[1], padding[0], padding[0]])
    windows = x[:, :, rows[:, None, :, None], cols[None, :, None, :]]  # (N, C, kh, kw, high, wide)
    out = windows.reshape(x.shape[0], x.shape[1] * kernel[0] * kernel[1], high * wide)
    return out if input.dim() == 4 else out.squeeze(0)


def fold(
    input: Tensor,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
):
    """The sum of sliding windows (N, C * kernel, windows) at their places in (N, C, H, W): the transpose of unfold.

    input (Tensor), output_size (int, or sequence of int and None), kernel_size, dilation, padding, stride (int, or
    sequence of int). Raises RuntimeError (Expected size of input's dimension 1 to be divisible by the product of
    kernel_size).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.fold(framejit.rand(1, 12, 4), (4, 4), 2, stride=2).shape
    framejit.Size([1, 3, 4, 4])
    """
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero dimensions for input, but got: {list(input.shape)}"
        )
    size, kernel, dilation, padding, stride = (
        _listed(v, 2) for v in (output_size, kernel_size, dilation, padding, stride)
    )
    x = input if input.dim() == 3 else input.unsqueeze(0)
    taps = kernel[0] * kernel[1]
    if x.shape[1] % taps:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={x.shape[1]} and kernel_size=({kernel[0]}, {kernel[1]})."
        )
    (rows, cols), (high, wide) = _window_places(size, kernel, dilation, padding, stride)
    if x.shape[2] != high * wide:
        raise RuntimeError(
            f"Given output_size={tuple(size)}, kernel_size={tuple(kernel)}, dilation={tuple(dilation)}, padding={tuple(padding)}, "
            f"stride={tuple(stride)}, expected size of input's dimension 2 to match the calculated number of sliding blocks "
            f"{high} * {wide} = {high * wide}, but got input.size(2)={x.shape[2]}."
        )
    channels, height, width = x.shape[1] // taps, size[0] + 2 * padding[0], size[1] + 2 * padding[1]
    place = (rows[:, None, :, None] * width + cols[None, :, None, :]).reshape(-1)
    flat = x.new_zeros(x.shape[0], channels, height * width).index_add(
        2, place, x.reshape(x.shape[0], channels, taps * high * wide)
    )
    out = flat.reshape(x.shape[0], channels, height, width)
    out = out[:, :, padding[0] : padding[0] + size[0], padding[1] : padding[1] + size[1]]
    return out if input.dim() == 3 else out.squeeze(0)


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor, pad: int = 0):
    """A one-dimensional convolution of sequences whose dimensions are time, batch and channels.

    input (Tensor [time, batch, channels]), weight (Tensor [taps, channels, outputs]), bias (Tensor [outputs]), pad (int): zeros
    at both ends. Raises RuntimeError for other shapes.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.conv_tbc(framejit.ones(5, 2, 3), framejit.ones(3, 3, 4), framejit.zeros(4)).shape
    framejit.Size([3, 2, 4])
    """
    for name, tensor, dims in (("Input", input, 3), ("Weight", weight, 3), ("Bias", bias, 1)):
        if tensor.dim() != dims:
            raise RuntimeError(f"{name} must have {dims} dims{': time, batch, in_channel' if name == 'Input' else ''}")
    if input.shape[2] != weight.shape[1]:
        raise RuntimeError("Input dim 2 (input channels) is not == dim 1 in the weight tensor")
    if weight.shape[2] != bias.shape[0]:
        raise RuntimeError("Bias size must equal dim 2 in the weight tensor (output channels).")
    return _t.conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, 1, pad).permute(2, 0, 1)
