"""Dropout and its forms that drop whole channels."""

import warnings

from framejit import _ops as _t
from framejit._C import Tensor


def _check_probability(p):
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Zero each element with probability p and scale the others by 1 / (1 - p).

    input (Tensor), p (float), training, inplace (bool). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> sorted(set(F.dropout(framejit.ones(100), 0.5).tolist()))
    [0.0, 2.0]
    >>> F.dropout(framejit.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    _check_probability(p)
    if not training or p == 0.0:
        return input
    return _masked(input, input.shape, p, inplace)


def _masked(input, shape, p, inplace):
    """The input times a mask of the given shape that keeps its mean."""
    noise = _t.empty(shape, dtype=input.dtype, device=input.device)
    if p == 1.0:
        noise.zero_()
    else:
        noise.bernoulli_(1 - p).div_(1 - p)
    return input.mul_(noise) if inplace else input * noise


def _drop_features(input, p, training, inplace):
    """Zero whole channels: one draw per (sample, channel)."""
    if not training or p == 0.0 or input.numel() == 0:
        return input
    if input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return _masked(input, list(input.shape[:2]) + [1] * (input.dim() - 2), p, inplace)


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Zero whole channels of (N, C, L) or (C, L).

    input (Tensor), p (float), training, inplace (bool). Raises RuntimeError.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.dropout1d(framejit.ones(1, 2, 3), 0.5, training=False)
    tensor([[[1., 1., 1.],
             [1., 1., 1.]]])
    """
    _check_probability(p)
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.dim()}D input. Note that "
            "dropout1d exists to provide channel-wise dropout on inputs with 1 spatial dimension, a "
            "channel dimension, and an optional batch dimension (i.e. 2D or 3D inputs)."
        )
    if input.dim() == 3:
        return _drop_features(input, p, training, inplace)
    if inplace:
        _drop_features(input.unsqueeze(0), p, training, True)
        return input
    return _drop_features(input.unsqueeze(0), p, training, False).squeeze(0)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Zero whole channels of (N, C, H, W).

    input (Tensor), p (float), training, inplace (bool). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.dropout2d(framejit.ones(2, 3, 4, 4)).shape
    framejit.Size([2, 3, 4, 4])
    """
    _check_probability(p)
    if input.dim() not in (3, 4):
        warnings.warn(
            f"dropout2d: Received a {input.dim()}-D input to dropout2d, which is deprecated and will result "
            "in an error in a future release."
        )
    return _drop_features(input, p, training, inplace)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False):
    """Zero whole channels of (N, C, D, H, W).

    input (Tensor), p (float), training, inplace (bool). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.dropout3d(framejit.ones(2, 3, 4, 4, 4)).shape
    framejit.Size([2, 3, 4, 4, 4])
    """
    _check_probability(p)
    if input.dim() not in (4, 5):
        warnings.warn(
            f"dropout3d: Received a {input.dim()}-D input to dropout3d, which is deprecated and will result "
            "in an error in a future release."
        )
    if input.dim() == 5:
        return _drop_features(input, p, training, inplace)
    return _drop_features(input.unsqueeze(0), p, training, inplace).squeeze(0)


# mean and scale that keep SELU's fixed point
_SELU_ALPHA_PRIME = -1.7580993408473766


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False):
    """Dropout that keeps mean and variance of a self-normalising network.

    input (Tensor), p (float), training, inplace (bool). Raises nothing of its own.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.alpha_dropout(framejit.ones(3), 0.5, training=False)
    tensor([1., 1., 1.])
    """
    return _keep_moments(input, input.shape, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False):
    """Alpha dropout of whole channels: the second dimension.

    input (Tensor), p (float), training, inplace (bool). Raises RuntimeError for less than two dimensions.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> x = F.feature_alpha_dropout(framejit.ones(2, 3, 4), 0.5, training=True)
    >>> bool((x == x[:, :, :1]).all())
    True
    """
    if training and 0 < p < 1 and input.numel() and input.dim() < 2:
        raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
    return _keep_moments(input, list(input.shape[:2]) + [1] * (input.dim() - 2), p, training, inplace)


def _keep_moments(input, shape, p, training, inplace):
    _check_probability(p)
    if not training or p == 0.0:
        return input
    if p == 1.0:
        return input.mul_(0.0) if inplace else input * 0.0
    a = ((1 - p) * (1 + p * _SELU_ALPHA_PRIME**2)) ** -0.5
    keep = _t.empty(shape, dtype=input.dtype).bernoulli_(1 - p)
    result = (input * keep + (1 - keep) * _SELU_ALPHA_PRIME) * a - a * p * _SELU_ALPHA_PRIME
    return input.copy_(result) if inplace else result
