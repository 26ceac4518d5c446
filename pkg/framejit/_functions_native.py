"""Functions that PyTorch's kernels and derivatives are called by: compiled graphs and its own code name them."""

import math

from framejit import _C
from framejit._common import HALVES, into
from framejit.autograd.grad_mode import no_grad

_group_norm = _C.native_group_norm
_layer_norm = _C.native_layer_norm


def _clamped(input, indices):
    if len(indices) > input.dim():
        raise IndexError(f"too many indices for tensor of dimension {input.dim()} (got {len(indices)})")
    return [
        None if i is None else i.clamp(-n, n - 1) for i, n in zip(indices, input.shape[: len(indices)], strict=True)
    ]


def _unsafe_masked_index(input, mask, indices, fill):
    """input[indices] where the mask is True and `fill` elsewhere; indices there may be out of range.

    input, mask (Tensor), indices (sequence of Tensor or None), fill (float). Raises IndexError as indexing does.

    >>> import framejit
    >>> x, at = framejit.arange(3.0), framejit.tensor([2, 9])
    >>> framejit._unsafe_masked_index(x, at < 3, [at], -1)
    tensor([ 2., -1.])
    """
    taken = input[tuple(slice(None) if i is None else i for i in _clamped(input, indices))]
    return taken.masked_fill(~mask, fill)


def _unsafe_masked_index_put_accumulate(input, mask, indices, values):
    """The input with `values` added at `indices` where the mask is True; indices elsewhere may be out of range.

    input, mask (Tensor), indices (sequence of Tensor or None), values (Tensor). Raises IndexError as indexing does.

    >>> import framejit
    >>> x, at = framejit.zeros(3), framejit.tensor([2, 9])
    >>> framejit._unsafe_masked_index_put_accumulate(x, at < 3, [at], framejit.ones(2))
    tensor([0., 0., 1.])
    """
    added = values.masked_fill(~mask, 0)
    return input.index_put(tuple(_clamped(input, indices)), added, accumulate=True)


def _softmax_backward_data(grad_output, output, dim, input_dtype):
    """The gradient of softmax's input from that of its result.

    grad_output, output (Tensor), dim (int), input_dtype (framejit.dtype). Raises IndexError (Dimension out of range).

    >>> import framejit
    >>> framejit._softmax_backward_data(framejit.ones(2), framejit.tensor([0.5, 0.5]), 0, framejit.float32)
    tensor([0., 0.])
    """
    if grad_output.dtype in HALVES:  # rounded once, as in PyTorch
        grad_output, output = grad_output.float(), output.float()
    products = grad_output * output
    return (products - output * products.sum(dim, True)).to(input_dtype)


def _safe_softmax(input, dim, dtype=None):
    """softmax, but 0 in lines that are -inf throughout.

    input (Tensor), dim (int), dtype (framejit.dtype or None). Raises IndexError (Dimension out of range).

    >>> import framejit
    >>> framejit._safe_softmax(framejit.tensor([float("-inf")]), 0)
    tensor([0.])
    """
    empty = (input == -math.inf).all(dim, True)
    return _C.softmax(input.masked_fill(empty, 0), dim, dtype=dtype).masked_fill(empty, 0)


def native_dropout_backward(grad_output, mask, scale):
    """The gradient of dropout's input.

    grad_output, mask (Tensor), scale (float). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.native_dropout_backward(framejit.ones(2), framejit.tensor([True, False]), 2.0)
    tensor([2., 0.])
    """
    return grad_output * mask.to(grad_output.dtype) * scale


def _statistics(x, training, running_mean, running_var, eps):
    dims = [0, *range(2, x.dim())]
    if not training:
        return running_mean, (running_var + eps).rsqrt(), None
    wide = x.to(_C.float32) if x.dtype in HALVES else x
    var, mean = _C.var_mean(wide, dims, correction=0)
    return mean, (var + eps).rsqrt(), var


def native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps):
    """(result, mean, 1 / standard deviation) of batch normalisation; the last two are empty unless training.

    input (Tensor), weight, bias, running_mean, running_var (Tensor or None), training (bool), momentum, eps (float).
    Raises RuntimeError (Expected more than 1 value per channel when training).

    >>> import framejit
    >>> framejit.native_batch_norm(framejit.tensor([[1.0], [3.0]]), None, None, None, None, True, 0.1, 0.0)[0]
    tensor([[-1.],
            [ 1.]])
    """
    training = training or running_mean is None
    if input.dim() == 0:
        raise RuntimeError("native_batch_norm: expected an input of at least 2 dimensions, but got a scalar")
    if training and input.numel() == 0 and input.dim() > 1:
        raise RuntimeError(f"input tensor must have at least one element, but got input_sizes = {list(input.shape)}")
    mean, scale, var = _statistics(input, training, running_mean, running_var, eps)
    lines = [1, -1] + [1] * (input.dim() - 2)
    result = (input - mean.reshape(lines)) * scale.reshape(lines)
    if weight is not None:
        result = result * weight.reshape(lines)
    if bias is not None:
        result = result + bias.reshape(lines)
    mean, scale = mean.detach(), scale.detach()  # as in PyTorch, only the first result has gradients
    if not training:
        return result.to(input.dtype), mean.new_empty(0), mean.new_empty(0)
    if running_mean is not None:
        count = input.numel() // max(input.shape[1], 1)
        with no_grad():
            running_mean.copy_(running_mean + momentum * (mean - running_mean))
            running_var.copy_(running_var + momentum * (var * count / max(count - 1, 1) - running_var))
    kept = input.dtype if weight is None else weight.dtype
    return result.to(input.dtype), mean.to(kept), scale.to(kept)


def _native_batch_norm_legit(input, weight, bias, *rest):
    """As `native_batch_norm`; running statistics may be left out.

    input (Tensor), weight, bias (Tensor or None). Raises RuntimeError (Expected more than 1 value per channel when
    training).

    >>> import framejit
    >>> framejit._native_batch_norm_legit(framejit.tensor([[1.0], [3.0]]), None, None, True, 0.1, 0.0)[1]
    tensor([2.])
    """
    if len(rest) == 3:
        return native_batch_norm(input, weight, bias, None, None, *rest)
    return native_batch_norm(input, weight, bias, *rest)


def _batch_norm_with_update(input, weight, bias, running_mean, running_var, momentum, eps):
    """`native_batch_norm` in training, with a fourth, empty result: the reserve of other back ends.

    input (Tensor), weight, bias, running_mean, running_var (Tensor or None), momentum, eps (float). Raises RuntimeError
    (Expected more than 1 value per channel when training).

    >>> import framejit
    >>> mean, var = framejit.zeros(1), framejit.ones(1)
    >>> framejit._batch_norm_with_update(framejit.tensor([[1.0], [3.0]]), None, None, mean, var, 0.1, 0.0)[1]
    tensor([2.])
    """
    results = native_batch_norm(input, weight, bias, running_mean, running_var, True, momentum, eps)
    return (*results, _C.empty(0, dtype=_C.uint8))


def _like_weights(statistics, input, weight, bias):
    """Statistics in the dtype of the weights or else of the input."""
    kind = next((t.dtype for t in (weight, bias) if t is not None), input.dtype)
    return [s.to(kind) for s in statistics]


def native_group_norm(input, weight, bias, N, C, HxW=None, group=None, eps=None):
    """(result, means, 1 / standard deviations) of group normalisation.

    input (Tensor), weight, bias (Tensor or None), N, C, HxW, group (int), eps (float): sizes of batch, channels, space,
    and the number of groups. Raises RuntimeError (Expected number of channels in input to be divisible by num_groups).

    >>> import framejit
    >>> framejit.native_group_norm(framejit.tensor([[[1.0], [3.0]]]), None, None, 1, 2, 1, 1, 0.0)[1]
    tensor([[2.]])
    """
    if group is None:  # as graphs write it: the number of groups and eps alone
        return _group_norm(input, weight, bias, N, C)
    result, *statistics = _group_norm(input, weight, bias, group, eps)
    mean, scale = (s.reshape(N, group) for s in _like_weights(statistics, input, weight, bias))
    return result, mean, scale


def native_layer_norm(input, normalized_shape, weight, bias, eps):
    """(result, means, 1 / standard deviations) of layer normalisation; only the first has gradients.

    input (Tensor), normalized_shape (sequence of int), weight, bias (Tensor or None), eps (float). The statistics have
    the dtype of the weights, or else of `input`. Raises RuntimeError (Given normalized_shape=…, expected input with shape …).

    >>> import framejit
    >>> framejit.native_layer_norm(framejit.tensor([[1.0, 3.0]]), [2], None, None, 0.0)[1]
    tensor([[2.]])
    """
    result, *statistics = _layer_norm(input, normalized_shape, weight, bias, eps)
    return result, *(s.detach() for s in _like_weights(statistics, input, weight, bias))


def max_pool2d_with_indices_backward(
    grad_output, input, kernel_size, stride, padding, dilation, ceil_mode, indices, *, out=None
):
    """The gradient of max_pool2d's input: each element goes where its maximum was.

    grad_output, input, indices (Tensor), kernel_size, stride, padding, dilation (sequence of int), ceil_mode (bool), out
    (Tensor to write the result to or None). Raises RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> x = framejit.tensor([[[1.0, 2.0]]])
    >>> at = framejit.tensor([[[1]]])
    >>> framejit.max_pool2d_with_indices_backward(framejit.ones(1, 1, 1), x, [1, 2], [1, 2], [0, 0], [1, 1], False, at)
    tensor([[[0., 1.]]])
    """
    flat = input.shape[:-2]
    zeros = _C.fill(input, 0).reshape(*flat, input.shape[-2] * input.shape[-1])  # whose gradient is zeros
    spread = zeros.scatter_add(-1, indices.flatten(-2), grad_output.flatten(-2))
    return into(out, spread.reshape(input.shape))


def zero_(input):
    """Sets every element to 0; gives the tensor back.

    input (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.zero_(framejit.ones(2))
    tensor([0., 0.])
    """
    return input.zero_()


def resize_as_(input, the_template, *, memory_format=None):
    """Gives the tensor the sizes of `the_template`; new elements are unset.

    input, the_template (Tensor), memory_format (framejit.memory_format or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.resize_as_(framejit.ones(2), framejit.ones(3)).shape
    framejit.Size([3])
    """
    return input.resize_(the_template.shape)
