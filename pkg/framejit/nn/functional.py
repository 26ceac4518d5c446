"""nn.functional: PyTorch's functions, taken from the op table as they are or from nn/_functional."""

# ruff: noqa: F401
from framejit import _ops as _t
from framejit._functions_stats import pdist

from ._functional.activation import (
    celu,
    elu,
    glu,
    gumbel_softmax,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    log_softmax,
    mish,
    relu,
    relu6,
    rrelu,
    selu,
    sigmoid,
    silu,
    softmax,
    softmin,
    softsign,
    tanh,
    tanhshrink,
    threshold,
)
from ._functional.attention import multi_head_attention_forward
from ._functional.dropout import alpha_dropout, dropout, dropout1d, dropout2d, dropout3d, feature_alpha_dropout
from ._functional.loss import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    gaussian_nll_loss,
    huber_loss,
    kl_div,
    l1_loss,
    linear_cross_entropy,
    mse_loss,
    nll_loss,
    poisson_nll_loss,
    smooth_l1_loss,
)
from ._functional.loss_margin import (
    cosine_embedding_loss,
    hinge_embedding_loss,
    margin_ranking_loss,
    multi_margin_loss,
    multilabel_margin_loss,
    multilabel_soft_margin_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from ._functional.normalization import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    normalize,
    rms_norm,
)
from ._functional.pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
)
from ._functional.resample import interpolate, upsample
from ._functional.sampling import affine_grid, grid_sample
from ._functional.sequences import ctc_loss, embedding_bag
from ._functional.shape import (
    bilinear,
    channel_shuffle,
    cosine_similarity,
    embedding,
    one_hot,
    pad,
    pairwise_distance,
    pixel_shuffle,
    pixel_unshuffle,
    scaled_dot_product_attention,
)
from ._functional.windows import (
    adaptive_avg_pool3d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d_with_indices,
    adaptive_max_pool3d,
    adaptive_max_pool3d_with_indices,
    avg_pool3d,
    conv_tbc,
    fold,
    fractional_max_pool2d,
    fractional_max_pool2d_with_indices,
    fractional_max_pool3d,
    fractional_max_pool3d_with_indices,
    lp_pool3d,
    max_pool3d,
    max_pool3d_with_indices,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
    unfold,
)

# ops whose signature is already that of nn.functional
_OPS = (
    "linear",
    "conv1d",
    "conv2d",
    "conv3d",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose3d",
    "gelu",
    "softplus",
    "softshrink",
    "hardshrink",
    "logsigmoid",
    "prelu",
    "relu_",
    "elu_",
    "celu_",
    "selu_",
    "hardtanh_",
    "leaky_relu_",
    "threshold_",
)

globals().update({name: getattr(_t, name) for name in _OPS if hasattr(_t, name)})


def upsample_nearest(input, size=None, scale_factor=None):
    """`interpolate` with the mode "nearest".

    input (Tensor), size (int, sequence of int, or None), scale_factor (float, sequence of float, or None). Raises
    AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.upsample_nearest(framejit.rand(1, 1, 2, 2), (3, 4)).shape
    framejit.Size([1, 1, 3, 4])
    """
    return interpolate(input, size, scale_factor, mode="nearest")


def upsample_bilinear(input, size=None, scale_factor=None):
    """`interpolate` with the mode "bilinear" and aligned corners.

    input (Tensor), size (int, sequence of int, or None), scale_factor (float, sequence of float, or None). Raises
    AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.upsample_bilinear(framejit.rand(1, 1, 3, 3), scale_factor=2).shape
    framejit.Size([1, 1, 6, 6])
    """
    return interpolate(input, size, scale_factor, mode="bilinear", align_corners=True)
