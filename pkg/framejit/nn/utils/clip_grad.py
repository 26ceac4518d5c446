"""Clipping of gradients by their joint norm or by value."""

import math
import warnings

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad


def _with_gradients(parameters):
    if isinstance(parameters, _t.Tensor):
        parameters = [parameters]
    return [p for p in parameters if p.grad is not None]


def get_total_norm(tensors, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The norm of all tensors together, as if they were one vector.

    tensors (iterable of Tensor), norm_type (float), error_if_nonfinite (bool), foreach (bool or None). Raises
    RuntimeError.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.utils.get_total_norm([framejit.tensor([3.0]), framejit.tensor([4.0])])
    tensor(5.)
    """
    tensors = [tensors] if isinstance(tensors, _t.Tensor) else list(tensors)
    norm_type = float(norm_type)
    if not tensors:
        return _t.tensor(0.0)
    norms = [_vector_norm(t, norm_type) for t in tensors]
    total = _vector_norm(_t.stack(norms), norm_type)
    if error_if_nonfinite and not math.isfinite(total.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm "
            "anyway, set `error_if_nonfinite=False`"
        )
    return total


def _vector_norm(t, norm_type):
    if norm_type == math.inf:
        return t.abs().max()
    if norm_type == 2.0:
        return (t * t).sum().sqrt()
    if norm_type == -math.inf:
        return t.abs().min()
    if norm_type == 0:
        return (t != 0).sum().to(t.dtype)
    return t.abs().pow(norm_type).sum().pow(1.0 / norm_type)


def clip_grads_with_norm_(parameters, max_norm, total_norm, foreach=None):
    """Scale the gradients so that a total norm above `max_norm` becomes it.

    parameters (iterable of Tensor), max_norm (float), total_norm (Tensor), foreach (bool or None). Raises TypeError
    for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.Parameter(framejit.ones(2))
    >>> w.grad = framejit.tensor([3.0, 4.0])
    >>> nn.utils.clip_grads_with_norm_([w], 1.0, framejit.tensor(5.0))
    >>> w.grad
    tensor([0.6000, 0.8000])
    """
    parameters = _with_gradients(parameters)
    if not parameters:
        return
    with no_grad():
        # no branch on the norm: a product with one leaves the gradients as they are
        coefficient = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for parameter in parameters:
            parameter.grad.mul_(coefficient)


def clip_grad_norm_(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """Clip the joint norm of the gradients in place; gives the norm before clipping.

    parameters (iterable of Tensor), max_norm, norm_type (float), error_if_nonfinite (bool), foreach (bool or None).
    Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.Parameter(framejit.ones(2))
    >>> w.grad = framejit.tensor([3.0, 4.0])
    >>> nn.utils.clip_grad_norm_([w], 1.0), w.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    parameters = _with_gradients(parameters)
    with no_grad():
        total_norm = get_total_norm([p.grad for p in parameters], norm_type, error_if_nonfinite, foreach)
    clip_grads_with_norm_(parameters, max_norm, total_norm, foreach)
    return total_norm


def clip_grad_norm(parameters, max_norm, norm_type=2.0, error_if_nonfinite=False, foreach=None):
    """The old name of `clip_grad_norm_`.

    parameters (iterable of Tensor), max_norm, norm_type (float), error_if_nonfinite (bool), foreach (bool or None).
    Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.Parameter(framejit.ones(2))
    >>> w.grad = framejit.tensor([3.0, 4.0])
    >>> nn.utils.clip_grad_norm([w], 1.0)
    tensor(5.)
    """
    warnings.warn(
        "`nn.utils.clip_grad_norm` is now deprecated in favor of `nn.utils.clip_grad_norm_`.",
        FutureWarning,
        stacklevel=2,
    )
    return clip_grad_norm_(parameters, max_norm, norm_type, error_if_nonfinite, foreach)


def clip_grad_value_(parameters, clip_value, foreach=None):
    """Clamp every gradient to ±clip_value in place.

    parameters (iterable of Tensor), clip_value (float), foreach (bool or None). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.Parameter(framejit.ones(2))
    >>> w.grad = framejit.tensor([3.0, -4.0])
    >>> nn.utils.clip_grad_value_([w], 1.0)
    >>> w.grad
    tensor([ 1., -1.])
    """
    clip_value = float(clip_value)
    with no_grad():
        for parameter in _with_gradients(parameters):
            parameter.grad.clamp_(min=-clip_value, max=clip_value)
