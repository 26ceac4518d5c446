"""Normalisations: argument order and checks of nn.functional around the ops."""

from framejit import _ops as _t
from framejit._C import Tensor

from .pooling import avg_pool2d
from .shape import pad


def _verify_batch_size(size):
    """One value per channel has no variance to speak of."""
    count = size[0]
    for extent in size[2:]:
        count *= extent
    if count == 1:
        raise ValueError(f"Expected more than 1 value per channel when training, got input size {size}")


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
):
    """Normalise each channel over the batch; with `training` the running statistics are updated in place.

    input (Tensor), running_mean, running_var, weight, bias (Tensor or None), training (bool), momentum, eps (float).
    Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.batch_norm(framejit.tensor([[1.0, 10.0], [3.0, 30.0]]), None, None, training=True)
    tensor([[-1.0000, -1.0000],
            [ 1.0000,  1.0000]])
    """
    if training:
        _verify_batch_size(input.size())
    return _t.batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps)


def layer_norm(
    input: Tensor, normalized_shape, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
):
    """Normalise over the last dimensions, those of `normalized_shape`.

    input (Tensor), normalized_shape (int, or tuple of int), weight, bias (Tensor or None), eps (float). Raises
    TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.layer_norm(framejit.tensor([[1.0, 3.0], [10.0, 30.0]]), (2,))
    tensor([[-1.0000,  1.0000],
            [-1.0000,  1.0000]])
    """
    return _t.layer_norm(input, normalized_shape, weight, bias, eps)


def rms_norm(input: Tensor, normalized_shape, weight: Tensor | None = None, eps: float = None):
    """Divide by the root mean square over the last dimensions.

    input (Tensor), normalized_shape (int, or tuple of int), weight (Tensor or None), eps (float or None). Raises
    TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.rms_norm(framejit.tensor([[3.0, 3.0]]), (2,))
    tensor([[1., 1.]])
    """
    return _t.rms_norm(input, normalized_shape, weight, eps)


def group_norm(
    input: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5
):
    """Normalise over groups of channels of each sample.

    input (Tensor), num_groups (int), weight, bias (Tensor or None), eps (float). Raises RuntimeError (Expected at
    least 2 dimensions for input tensor but received …).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.group_norm(framejit.tensor([[[1.0], [3.0]]]), 1).flatten()
    tensor([-1.0000,  1.0000])
    """
    if input.dim() < 2:
        raise RuntimeError(f"Expected at least 2 dimensions for input tensor but received {input.dim()}")
    return _t.group_norm(input, num_groups, weight, bias, eps)


def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
):
    """Normalise each channel of each sample: a batch norm with samples and channels folded together.

    input (Tensor), running_mean, running_var, weight, bias (Tensor or None), use_input_stats (bool), momentum, eps
    (float). Raises ValueError (Expected more than 1 spatial element when training).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.instance_norm(framejit.tensor([[[1.0, 3.0]]]))
    tensor([[[-1.0000,  1.0000]]])
    """
    size = input.size()
    if use_input_stats:
        spatial = 1
        for extent in size[2:]:
            spatial *= extent
        if spatial == 1:
            raise ValueError(f"Expected more than 1 spatial element when training, got input size {size}")
    batch, channels = size[0], size[1]

    def repeated(t):
        return None if t is None else t.repeat(batch)

    mean, var = repeated(running_mean), repeated(running_var)
    folded = input.contiguous().view(1, batch * channels, *size[2:])
    result = _t.batch_norm(folded, repeated(weight), repeated(bias), mean, var, use_input_stats, momentum, eps)
    if use_input_stats and running_mean is not None:
        running_mean.copy_(mean.view(batch, channels).mean(0))
        running_var.copy_(var.view(batch, channels).mean(0))
    return result.view(size)


def local_response_norm(input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0):
    """Divide by a power of the mean square over neighbouring channels.

    input (Tensor), size (int), alpha, beta, k (float). Raises ValueError (Expected 3D or higher dimensionality input
    (got … dimensions)).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.local_response_norm(framejit.rand(1, 4, 5, 5), 3).shape
    framejit.Size([1, 4, 5, 5])
    """
    if input.dim() < 3:
        raise ValueError(f"Expected 3D or higher dimensionality input (got {input.dim()} dimensions)")
    if input.numel() == 0:
        return input
    # channels become the rows of an image with one row of pixels per sample
    batch, channels = input.shape[0], input.shape[1]
    square = input.mul(input).reshape(batch, 1, channels, -1)
    mean = avg_pool2d(pad(square, (0, 0, size // 2, (size - 1) // 2)), (size, 1), stride=1)
    return input / mean.reshape(input.shape).mul(alpha).add(k).pow(beta)


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Tensor | None = None):
    """Divide by the p-norm along `dim`.

    input (Tensor), p (float), dim (int), eps (float), out (Tensor to write the result to or None). Raises
    AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.normalize(framejit.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    norm = input.norm(p, dim, keepdim=True).clamp_min(eps).expand_as(input)
    return input / norm if out is None else _t.div(input, norm, out=out)
