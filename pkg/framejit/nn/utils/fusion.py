"""Folding a batch norm in eval mode into the convolution or linear map before it."""

import copy

from framejit import _ops as _t
from framejit.nn.parameter import Parameter


def _folded(weight, bias, mean, var, eps, gamma, beta, shape):
    bias = _t.zeros_like(mean) if bias is None else bias
    gamma = _t.ones_like(mean) if gamma is None else gamma
    beta = _t.zeros_like(mean) if beta is None else beta
    scale = gamma * _t.rsqrt(var + eps)
    grads = weight.requires_grad, bias.requires_grad
    new_weight = (weight * scale.reshape(shape)).to(weight.dtype)
    new_bias = ((bias - mean) * scale + beta).to(bias.dtype)
    return Parameter(new_weight.detach(), grads[0]), Parameter(new_bias.detach(), grads[1])


def fuse_conv_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, transpose=False):
    """The weight and bias of one convolution equal to a convolution followed by a batch norm.

    conv_w, conv_b, bn_rm, bn_rv (Tensor), bn_eps (float), bn_w, bn_b (Tensor or None), transpose (bool). Raises
    AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> mean, var, gamma, beta = framejit.tensor([[1.0], [3.0], [2.0], [0.5]])
    >>> w, b = nn.utils.fuse_conv_bn_weights(framejit.ones(1, 1, 1), None, mean, var, 1.0, gamma, beta)
    >>> w.flatten(), b
    (tensor([1.]), Parameter containing:
    tensor([-0.5000]))
    """
    shape = [1, -1] if transpose else [-1, 1]
    return _folded(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, shape + [1] * (conv_w.dim() - 2))


def fuse_linear_bn_weights(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b):
    """The weight and bias of one linear map equal to a linear map followed by a batch norm.

    linear_w, linear_b, bn_rm, bn_rv (Tensor), bn_eps (float), bn_w, bn_b (Tensor or None). Raises TypeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> mean, var, gamma, beta = framejit.tensor([[1.0], [3.0], [2.0], [0.5]])
    >>> w, b = nn.utils.fuse_linear_bn_weights(framejit.ones(1, 1), None, mean, var, 1.0, gamma, beta)
    >>> w, b
    (Parameter containing:
    tensor([[1.]]), Parameter containing:
    tensor([-0.5000]))
    """
    return _folded(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, [-1, 1])


def _fuse(module, bn, fold, *args):
    if module.training or bn.training:
        raise AssertionError("Fusion only for eval!")
    if bn.running_mean is None or bn.running_var is None:
        raise AssertionError("Only support fusing with a batch norm that tracks running statistics")
    fused = copy.deepcopy(module)
    fused.weight, fused.bias = fold(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, *args
    )
    return fused


def fuse_conv_bn_eval(conv, bn, transpose=False):
    """A copy of the convolution with the batch norm folded in; both must be in eval mode.

    conv, bn (nn.Module), transpose (bool). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> conv, bn = nn.Conv2d(2, 3, 1).eval(), nn.BatchNorm2d(3).eval()
    >>> x = framejit.rand(1, 2, 4, 4)
    >>> framejit.allclose(nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)), atol=1e-5)
    True
    """
    return _fuse(conv, bn, fuse_conv_bn_weights, transpose)


def fuse_linear_bn_eval(linear, bn):
    """A copy of the linear map with the batch norm folded in; both must be in eval mode.

    linear, bn (nn.Module). Raises AssertionError (To fuse, linear.out_features == bn.num_features or bn.num_features
    == 1).

    >>> import framejit
    >>> from framejit import nn
    >>> linear, bn = nn.Linear(2, 3).eval(), nn.BatchNorm1d(3).eval()
    >>> x = framejit.rand(4, 2)
    >>> framejit.allclose(nn.utils.fuse_linear_bn_eval(linear, bn)(x), bn(linear(x)), atol=1e-5)
    True
    """
    if not (linear.out_features == bn.num_features or bn.num_features == 1):
        raise AssertionError("To fuse, linear.out_features == bn.num_features or bn.num_features == 1")
    return _fuse(linear, bn, fuse_linear_bn_weights)
