"""Operators of layers, with PyTorch's arguments, in terms of nn.functional."""

import framejit as _f
from framejit._operators import (  # noqa: F401 (implementations, too)
    ctc_loss,
    embedding_bag,
    feature_alpha_dropout,
    feature_dropout,
    poisson_nll_loss,
    rrelu_,
    triplet_margin_loss,
)
from framejit.nn import functional as F
from framejit.nn._functional import windows


def _stride(stride):
    return stride if stride else None


def embedding(weight, indices, padding_idx=-1, scale_grad_by_freq=False, sparse=False):
    return F.embedding(indices, weight, None if padding_idx < 0 else padding_idx)


def batch_norm(x, weight, bias, mean, var, training, momentum, eps, cudnn_enabled=True):
    return F.batch_norm(x, mean, var, weight, bias, training, momentum, eps)


def instance_norm(x, weight, bias, mean, var, use_input_stats, momentum, eps, cudnn_enabled=True):
    return F.instance_norm(x, mean, var, weight, bias, use_input_stats, momentum, eps)


def native_layer_norm(x, normalized_shape, weight, bias, eps):
    dims = list(range(-len(normalized_shape), 0))
    mean = x.mean(dims, keepdim=True)
    rstd = (x.var(dims, unbiased=False, keepdim=True) + eps).rsqrt()
    return F.layer_norm(x, normalized_shape, weight, bias, eps), mean, rstd


_REDUCTIONS = ("none", "mean", "sum")


def cross_entropy_loss(x, target, weight=None, reduction=1, ignore_index=-100, label_smoothing=0.0):
    return F.cross_entropy(
        x, target, weight, ignore_index=ignore_index, reduction=_REDUCTIONS[reduction], label_smoothing=label_smoothing
    )


def nll_loss(x, target, weight=None, reduction=1, ignore_index=-100):
    return F.nll_loss(x, target, weight, ignore_index=ignore_index, reduction=_REDUCTIONS[reduction])


def binary_cross_entropy(x, target, weight=None, reduction=1):
    return F.binary_cross_entropy(x, target, weight, reduction=_REDUCTIONS[reduction])


def kl_div(x, target, reduction=1, log_target=False):
    return F.kl_div(x, target, reduction=_REDUCTIONS[reduction], log_target=log_target)


def multilabel_margin_loss(x, target, reduction=1):
    return F.multilabel_margin_loss(x, target, reduction=_REDUCTIONS[reduction])


def log_sigmoid(x):
    return F.logsigmoid(x)


def dropout_(x, p, train):
    return F.dropout(x, p, train, inplace=True)


def alpha_dropout_(x, p, train):
    return F.alpha_dropout(x, p, train, inplace=True)


def threshold_(x, threshold, value):
    return F.threshold(x, threshold, value, inplace=True)


def gelu_(x, approximate="none"):
    return x.copy_(F.gelu(x, approximate=approximate))


def convolution(x, weight, bias, stride, padding, dilation, transposed, output_padding, groups, *rest):
    """aten::_convolution, which traced archives have for every kind of convolution."""
    dims = len(stride)
    if transposed:
        function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[dims - 1]
        return function(x, weight, bias, stride, padding, output_padding, groups, dilation)
    return (F.conv1d, F.conv2d, F.conv3d)[dims - 1](x, weight, bias, stride, padding, dilation, groups)


def convolution_mode(x, weight, bias, stride, padding, dilation, groups):
    return (F.conv1d, F.conv2d, F.conv3d)[len(stride) - 1](x, weight, bias, stride, padding, dilation, groups)


def pad(x, pad, mode="constant", value=None):
    return F.pad(x, pad, mode) if value is None or mode != "constant" else F.pad(x, pad, mode, value)


def pad_constant(x, pad, value=0):
    return F.pad(x, pad, "constant", value)


def pad_reflect(x, padding):
    return F.pad(x, padding, "reflect")


def pad_replicate(x, padding):
    return F.pad(x, padding, "replicate")


def pad_sequence(sequences, batch_first=False, padding_value=0.0, padding_side="right"):
    from framejit.nn.utils import rnn

    return rnn.pad_sequence(sequences, batch_first, padding_value)


def _max_pool(dims, name):
    def pool(x, kernel_size, stride=(), padding=0, dilation=1, ceil_mode=False):
        return getattr(F, f"max_pool{dims}d{name}")(x, kernel_size, _stride(stride), padding, dilation, ceil_mode)

    return pool


max_pool1d, max_pool2d, max_pool3d = (_max_pool(d, "") for d in (1, 2, 3))
max_pool1d_with_indices, max_pool2d_with_indices, max_pool3d_with_indices = (
    _max_pool(d, "_with_indices") for d in (1, 2, 3)
)


def avg_pool1d(x, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True):
    return F.avg_pool1d(x, kernel_size, _stride(stride), padding, ceil_mode, count_include_pad)


def avg_pool2d(x, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    return F.avg_pool2d(x, kernel_size, _stride(stride), padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(x, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True, divisor_override=None):
    return F.avg_pool3d(x, kernel_size, _stride(stride), padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_avg_pool2d(x, output_size):
    return F.adaptive_avg_pool2d(x, output_size)


def adaptive_avg_pool3d(x, output_size):
    return F.adaptive_avg_pool3d(x, output_size)


def adaptive_max_pool1d(x, output_size):
    return F.adaptive_max_pool1d_with_indices(x, output_size)


def adaptive_max_pool2d(x, output_size):
    return F.adaptive_max_pool2d_with_indices(x, output_size)


def adaptive_max_pool3d(x, output_size):
    return F.adaptive_max_pool3d_with_indices(x, output_size)


def _upsampled(mode, corners):
    def upsample(x, output_size=None, *rest):
        align = {"align_corners": bool(rest[0])} if corners else {}
        factors = rest[1:] if corners else rest
        if output_size is None and factors and isinstance(factors[0], (list, tuple)):
            return F.interpolate(x, scale_factor=list(factors[0]), mode=mode, **align)
        return F.interpolate(x, size=list(output_size), mode=mode, **align)

    return upsample


upsample_nearest, upsample_nearest_exact = _upsampled("nearest", False), _upsampled("nearest-exact", False)
upsample_linear1d, upsample_bilinear2d = _upsampled("linear", True), _upsampled("bilinear", True)
upsample_bicubic2d, upsample_trilinear3d = _upsampled("bicubic", True), _upsampled("trilinear", True)


def interpolate(
    x, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None, antialias=False
):
    return F.interpolate(x, size, scale_factor, mode, align_corners, recompute_scale_factor)


_GRID_MODES, _GRID_PADDINGS = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")


def grid_sampler(x, grid, interpolation_mode, padding_mode, align_corners):
    return F.grid_sample(x, grid, _GRID_MODES[interpolation_mode], _GRID_PADDINGS[padding_mode], align_corners)


def affine_grid(theta, size, align_corners):
    return F.affine_grid(theta, size, align_corners)


def im2col(x, kernel_size, dilation, padding, stride):
    return F.unfold(x, kernel_size, dilation, padding, stride)


def col2im(x, output_size, kernel_size, dilation, padding, stride):
    return F.fold(x, output_size, kernel_size, dilation, padding, stride)


def unique_consecutive(x, return_inverse=False, return_counts=False, dim=None):
    return _f.unique_consecutive(x, True, True, dim)


def _check_indices(x, indices):
    if x.shape != indices.shape:
        raise RuntimeError(f"Expected shape of indices to be {list(x.shape)}, but got {list(indices.shape)}")


def max_unpool2d(x, indices, output_size):
    _check_indices(x, indices)
    return windows._spread(2, x, indices, list(output_size))


def max_unpool3d(x, indices, output_size, stride, padding):
    _check_indices(x, indices)
    return windows._spread(3, x, indices, list(output_size))


def fractional_max_pool2d(x, kernel_size, output_size, samples):
    return F.fractional_max_pool2d(x, kernel_size, output_size, None, True, samples)


def fractional_max_pool3d(x, kernel_size, output_size, samples):
    return F.fractional_max_pool3d(x, kernel_size, output_size, None, True, samples)


def unique_dim(x, dim, sorted=True, return_inverse=False, return_counts=False):
    return _f.unique(x, sorted=sorted, return_inverse=True, return_counts=True, dim=dim)


def unique2(x, sorted=True, return_inverse=False, return_counts=False):
    return _f.unique(x, sorted=sorted, return_inverse=True, return_counts=True)


def weight_norm(v, g, dim=0):
    if dim == -1:
        return v * (g / v.norm())
    dims = [d for d in range(v.dim()) if d != dim]
    return v * (g / v.pow(2).sum(dims, keepdim=True).sqrt())


def frobenius_norm(x, dim, keepdim=False):
    return x.pow(2).sum(dim, keepdim=keepdim).sqrt()


def sdpa(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False):
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
    )


def mse_loss(x, target, reduction=1):
    return F.mse_loss(x, target, reduction=_REDUCTIONS[reduction])


def l1_loss(x, target, reduction=1):
    return F.l1_loss(x, target, reduction=_REDUCTIONS[reduction])


def smooth_l1_loss(x, target, reduction=1, beta=1.0):
    return F.smooth_l1_loss(x, target, reduction=_REDUCTIONS[reduction], beta=beta)


def huber_loss(x, target, reduction=1, delta=1.0):
    return F.huber_loss(x, target, reduction=_REDUCTIONS[reduction], delta=delta)


def binary_cross_entropy_with_logits(x, target, weight=None, pos_weight=None, reduction=1):
    return F.binary_cross_entropy_with_logits(
        x, target, weight, reduction=_REDUCTIONS[reduction], pos_weight=pos_weight
    )


def cosine_embedding_loss(x1, x2, target, margin=0.0, reduction=1):
    return F.cosine_embedding_loss(x1, x2, target, margin, reduction=_REDUCTIONS[reduction])


def margin_ranking_loss(x1, x2, target, margin=0.0, reduction=1):
    return F.margin_ranking_loss(x1, x2, target, margin, reduction=_REDUCTIONS[reduction])


def hinge_embedding_loss(x, target, margin=1.0, reduction=1):
    return F.hinge_embedding_loss(x, target, margin, reduction=_REDUCTIONS[reduction])


def soft_margin_loss(x, target, reduction=1):
    return F.soft_margin_loss(x, target, reduction=_REDUCTIONS[reduction])


def multi_margin_loss(x, target, p=1, margin=1, weight=None, reduction=1):
    return F.multi_margin_loss(x, target, p, margin, weight, reduction=_REDUCTIONS[reduction])


def rrelu_with_noise(x, noise, lower=0.125, upper=1 / 3, training=False, generator=None):
    return F.rrelu(x, lower, upper, training)


def one_hot(x, num_classes=-1):
    return F.one_hot(x, num_classes)
