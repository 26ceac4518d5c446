"""Pooling: optional indices and output sizes with None, around the ops."""

from collections.abc import Sequence

from framejit import _ops as _t
from framejit._C import Tensor


def _stride(stride, kernel_size):
    return kernel_size if stride is None or (isinstance(stride, (list, tuple)) and not stride) else stride


def avg_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
):
    """The mean of each window.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or
    sequence of int), ceil_mode, count_include_pad (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.avg_pool1d(framejit.tensor([[1.0, 2.0, 3.0, 4.0]]), 2)
    tensor([[1.5000, 3.5000]])
    """
    return _t.avg_pool1d(input, kernel_size, _stride(stride, kernel_size), padding, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
):
    """The mean of each window.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding (int, or
    sequence of int), ceil_mode, count_include_pad (bool), divisor_override (int or None). Raises TypeError for other
    types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.avg_pool2d(framejit.rand(1, 3, 8, 6), 2).shape
    framejit.Size([1, 3, 4, 3])
    """
    return _t.avg_pool2d(
        input, kernel_size, _stride(stride, kernel_size), padding, ceil_mode, count_include_pad, divisor_override
    )


def max_pool1d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """The maximum of each window, with its place where `return_indices`.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation
    (int, or sequence of int), ceil_mode, return_indices (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.max_pool1d(framejit.tensor([[1.0, 2.0, 4.0, 3.0]]), 2)
    tensor([[2., 4.]])
    """
    stride = _stride(stride, kernel_size)
    if return_indices:
        return _t.max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return _t.max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """The maximum of each window, with its place where `return_indices`.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation
    (int, or sequence of int), ceil_mode, return_indices (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.max_pool2d(framejit.rand(1, 3, 9, 8), 3, 2, 1).shape
    framejit.Size([1, 3, 5, 4])
    """
    stride = _stride(stride, kernel_size)
    if return_indices:
        return _t.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return _t.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool1d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """max_pool1d that always gives the indices.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation
    (int, or sequence of int), ceil_mode, return_indices (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.max_pool1d_with_indices(framejit.tensor([[1.0, 2.0, 4.0, 3.0]]), 2)
    (tensor([[2., 4.]]), tensor([[1, 2]]))
    """
    return max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def max_pool2d_with_indices(
    input: Tensor,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
):
    """max_pool2d that always gives the indices.

    input (Tensor), kernel_size (int, or sequence of int), stride (int, or sequence of int, or None), padding, dilation
    (int, or sequence of int), ceil_mode, return_indices (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> values, places = F.max_pool2d_with_indices(framejit.rand(1, 3, 8, 6), 2)
    >>> values.shape, places.dtype
    (framejit.Size([1, 3, 4, 3]), framejit.int64)
    """
    return max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, True)


def _output_size(output_size, input, spatial):
    """An output size as a list of ints; None keeps the input's."""
    if output_size is None or isinstance(output_size, int):
        output_size = [output_size] * spatial
    elif spatial > 1 and input.dim() <= len(output_size):
        raise ValueError(f"Input dimension should be at least {len(output_size) + 1}")
    for size in output_size:
        if size is not None and size < 0:
            raise RuntimeError(
                f"adaptive pooling: elements of output_size must be greater than or equal to 0 but received {output_size}"
            )
    sizes = input.shape[-spatial:]
    return [sizes[i] if size is None else size for i, size in enumerate(output_size)]


def adaptive_avg_pool1d(input: Tensor, output_size: int | Sequence[int]):
    """The mean over windows chosen so that the output has the given size.

    input (Tensor), output_size (int, or sequence of int and None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.adaptive_avg_pool1d(framejit.tensor([[1.0, 2.0, 3.0, 4.0]]), 2)
    tensor([[1.5000, 3.5000]])
    """
    return _t.adaptive_avg_pool1d(input, _output_size(output_size, input, 1))


def adaptive_avg_pool2d(input: Tensor, output_size: int | Sequence[int]):
    """The mean over windows chosen so that the output has the given size.

    input (Tensor), output_size (int, or sequence of int and None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.adaptive_avg_pool2d(framejit.rand(1, 3, 8, 6), (2, None)).shape
    framejit.Size([1, 3, 2, 6])
    """
    return _t.adaptive_avg_pool2d(input, _output_size(output_size, input, 2))


def adaptive_max_pool1d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False):
    """The maximum over windows chosen so that the output has the given size.

    input (Tensor), output_size (int, or sequence of int and None), return_indices (bool). Raises AttributeError for
    other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.adaptive_max_pool1d(framejit.tensor([[1.0, 2.0, 3.0, 4.0]]), 2)
    tensor([[2., 4.]])
    """
    result = _t.adaptive_max_pool1d(input, _output_size(output_size, input, 1))
    return result if return_indices else result[0]


def adaptive_max_pool2d(input: Tensor, output_size: int | Sequence[int], return_indices: bool = False):
    """The maximum over windows chosen so that the output has the given size.

    input (Tensor), output_size (int, or sequence of int and None), return_indices (bool). Raises AttributeError for
    other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.adaptive_max_pool2d(framejit.rand(1, 3, 8, 6), 2).shape
    framejit.Size([1, 3, 2, 2])
    """
    result = _t.adaptive_max_pool2d(input, _output_size(output_size, input, 2))
    return result if return_indices else result[0]


def _p_norm(mean, count, norm_type):
    """The p-norm of `count` values from the mean of their powers."""
    return (_t.sign(mean) * _t.relu(_t.abs(mean))).mul(count).pow(1.0 / norm_type)


def lp_pool1d(
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
    >>> F.lp_pool1d(framejit.tensor([[3.0, 4.0, 6.0, 8.0]]), 2, 2)
    tensor([[ 5., 10.]])
    """
    mean = avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    return _p_norm(mean, _first(kernel_size), norm_type)


def lp_pool2d(
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
    >>> F.lp_pool2d(framejit.rand(1, 3, 9, 9), 2, 3).shape
    framejit.Size([1, 3, 3, 3])
    """
    mean = avg_pool2d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    height, width = kernel_size if isinstance(kernel_size, (tuple, list)) else (kernel_size, kernel_size)
    return _p_norm(mean, height * width, norm_type)


def _first(value):
    return value[0] if isinstance(value, (tuple, list)) else value
