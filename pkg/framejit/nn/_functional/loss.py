"""Losses: PyTorch's arguments (with the two old ones, size_average and reduce) around the ops."""

import warnings

from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._C import Tensor
from framejit._functions import broadcast_tensors


def legacy_reduction(size_average: bool | None, reduce: bool | None, reduction: str = "mean"):
    """The `reduction` that the old arguments size_average and reduce ask for."""
    if size_average is None and reduce is None:
        if reduction not in ("mean", "sum", "none", "batchmean"):
            raise ValueError(f"{reduction} is not a valid value for reduction")
        return reduction
    average = True if size_average is None else size_average
    reduce = True if reduce is None else reduce
    result = "none" if not reduce else "mean" if average else "sum"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{result}' instead.", stacklevel=4
    )
    return result


def reduce_loss(loss, reduction):
    """The elementwise loss as it is, its mean, or its sum."""
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"{reduction} is not a valid value for reduction")


def _broadcast_with_warning(name, input, target):
    if target.size() != input.size():
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size ({input.size()}). "
            "This will likely lead to incorrect results due to broadcasting. Please ensure they have the "
            "same size.",
            stacklevel=3,
        )
    return broadcast_tensors(input, target)


def _weighted(loss, weight, reduction):
    """The weighted mean divides by the sum of the weights."""
    if weight.size() != loss.size():
        raise ValueError("Weights and input must have the same size.")
    loss = loss * weight
    if reduction == "mean":
        return loss.sum() / weight.sum()
    return reduce_loss(loss, reduction)


def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
):
    """(input - target)².

    input, target (Tensor), size_average, reduce (bool or None), reduction (str), weight (Tensor or None). Raises
    AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.mse_loss(framejit.tensor([1.0, 2.0]), framejit.tensor([2.0, 4.0]))
    tensor(2.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    input, target = _broadcast_with_warning("mse_loss", input, target)
    if weight is not None:
        return _weighted(_t.mse_loss(input, target, reduction="none"), weight, reduction)
    return _t.mse_loss(input, target, reduction=reduction)


def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
):
    """|input - target|.

    input, target (Tensor), size_average, reduce (bool or None), reduction (str), weight (Tensor or None). Raises
    AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.l1_loss(framejit.tensor([1.0, 2.0]), framejit.tensor([2.0, 4.0]))
    tensor(1.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    input, target = _broadcast_with_warning("l1_loss", input, target)
    if weight is not None:
        return _weighted(_t.l1_loss(input, target, reduction="none"), weight, reduction)
    return _t.l1_loss(input, target, reduction=reduction)


def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
):
    """Quadratic below `beta`, linear above.

    input, target (Tensor), size_average, reduce (bool or None), reduction (str), beta (float). Raises AttributeError
    for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.smooth_l1_loss(framejit.tensor([0.0, 0.0]), framejit.tensor([0.5, 3.0]))
    tensor(1.3125)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    input, target = _broadcast_with_warning("smooth_l1_loss", input, target)
    if beta == 0.0:
        return _t.l1_loss(input, target, reduction=reduction)
    return _t.smooth_l1_loss(input, target, reduction=reduction, beta=beta)


def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0, weight: Tensor | None = None
):
    """Quadratic below `delta`, linear above, continuous in slope.

    input, target (Tensor), reduction (str), delta (float), weight (Tensor or None). Raises AttributeError for other
    types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.huber_loss(framejit.tensor([0.0, 0.0]), framejit.tensor([0.5, 3.0]))
    tensor(1.3125)
    """
    input, target = _broadcast_with_warning("huber_loss", input, target)
    if weight is not None:
        return _weighted(_t.huber_loss(input, target, reduction="none", delta=delta), weight, reduction)
    return _t.huber_loss(input, target, reduction=reduction, delta=delta)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
):
    """log_softmax followed by nll_loss; the target is class indices or class probabilities.

    input, target (Tensor), weight (Tensor or None), size_average (bool or None), ignore_index (int), reduce (bool or
    None), reduction (str), label_smoothing (float). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.cross_entropy(framejit.tensor([[2.0, 0.0, 1.0]]), framejit.tensor([0]))
    tensor(0.4076)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return _t.cross_entropy(
        input, target, weight=weight, reduction=reduction, ignore_index=ignore_index, label_smoothing=label_smoothing
    )


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """Minus the input at the target's class.

    input, target (Tensor), weight (Tensor or None), size_average (bool or None), ignore_index (int), reduce (bool or
    None), reduction (str). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.nll_loss(framejit.tensor([[-0.5, -1.0]]), framejit.tensor([1]))
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return _t.nll_loss(input, target, weight=weight, reduction=reduction, ignore_index=ignore_index)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """Cross entropy of probabilities in [0, 1].

    input, target (Tensor), weight (Tensor or None), size_average, reduce (bool or None), reduction (str). Raises
    ValueError.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.binary_cross_entropy(framejit.tensor([0.9, 0.2]), framejit.tensor([1.0, 0.0]))
    tensor(0.1643)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}) is deprecated. Please ensure they have the same size."
        )
    return _t.binary_cross_entropy(input, target, weight=weight, reduction=reduction)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
):
    """sigmoid followed by binary_cross_entropy, computed stably.

    input, target (Tensor), weight (Tensor or None), size_average, reduce (bool or None), reduction (str), pos_weight
    (Tensor or None). Raises ValueError (Target size (…) must be the same as input size (…)).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.binary_cross_entropy_with_logits(framejit.tensor([2.0, -1.0]), framejit.tensor([1.0, 0.0]))
    tensor(0.2201)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if target.size() != input.size():
        raise ValueError(f"Target size ({target.size()}) must be the same as input size ({input.size()})")
    return _t.binary_cross_entropy_with_logits(input, target, weight=weight, pos_weight=pos_weight, reduction=reduction)


def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
):
    """target * (log target - input); `batchmean` is the mathematical definition.

    input, target (Tensor), size_average, reduce (bool or None), reduction (str), log_target (bool). Raises TypeError
    for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.kl_div(framejit.tensor([[0.5, 0.5]]).log(), framejit.tensor([[0.9, 0.1]]), reduction="batchmean")
    tensor(0.3681)
    """
    if size_average is not None or reduce is not None:
        reduction = legacy_reduction(size_average, reduce)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math definition."
            "'mean' will be changed to behave the same as 'batchmean' in the next major release."
        )
    if reduction == "batchmean":
        total = _t.kl_div(input, target, reduction="sum", log_target=log_target)
        return total / input.size(0) if input.dim() else total
    return _t.kl_div(input, target, reduction=reduction, log_target=log_target)


def linear_cross_entropy(
    input: Tensor,
    linear_weight,
    target: Tensor,
    *,
    linear_bias=None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int = None,
    label_smoothing: float = 0.0,
    options=None,
):
    """cross_entropy of linear(input, linear_weight): for weights [C, *, features] the loss has positions *.

    input, linear_weight, target (Tensor), linear_bias, weight (Tensor or None), reduction (str), ignore_index (int or
    None), label_smoothing (float), options (object): how PyTorch saves memory, without effect here. Raises RuntimeError
    (expected input with dimensionality 1 or 2; expected equal input and linear_weight last dimensions).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.linear_cross_entropy(framejit.zeros(2, 3), framejit.ones(4, 3), framejit.tensor([0, 1]))
    tensor(1.3863)
    """
    if input.dim() not in (1, 2):
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {input.dim()}")
    if linear_weight.dim() < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {linear_weight.dim()}")
    if input.shape[-1] != linear_weight.shape[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), got "
            f"{input.shape[-1]} and {linear_weight.shape[-1]}, respectively"
        )
    outer = linear_weight.shape[:-1]
    if linear_bias is not None and linear_bias.shape != outer:
        raise RuntimeError(f"expected linear_bias shape {tuple(outer)}, got {tuple(linear_bias.shape)}")
    if len(outer) > 1 and input.dim() == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {tuple(linear_weight.shape)} requires batched input, "
            f"(N, {input.shape[-1]}), got unbatched input with shape {tuple(input.shape)}"
        )
    logits = (input @ linear_weight.reshape(-1, input.shape[-1]).mT).reshape(*input.shape[:-1], *outer)
    if linear_bias is not None:
        logits = logits + linear_bias
    if target.shape == logits.shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignored = -100 if ignore_index is None else ignore_index
    return cross_entropy(logits, target, weight, None, ignored, None, reduction, label_smoothing)


@listed("input", "target")
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """The negative log likelihood of counts under a Poisson distribution.

    input, target (Tensor), log_input, full (bool), size_average (bool or None), eps (float), reduce (bool or None),
    reduction (str). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.poisson_nll_loss(framejit.tensor([0.0]), framejit.tensor([2.0]))
    tensor(1.)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    loss = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:  # Stirling's approximation of log(target!)
        stirling = target * target.log() - target + 0.5 * (2 * 3.141592653589793 * target).log()
        loss = loss + _t.where(target > 1, stirling, _t.zeros_like(stirling))
    return reduce_loss(loss, reduction)


def gaussian_nll_loss(
    input: Tensor, target: Tensor, var: Tensor, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
):
    """The negative log likelihood of the target under a normal distribution.

    input, target (Tensor), var (Tensor or number), full (bool), eps (float), reduction (str). Raises ValueError (var
    has negative entry/entries; var is of incorrect size).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.gaussian_nll_loss(framejit.tensor([1.0]), framejit.tensor([3.0]), framejit.tensor([4.0]))
    tensor(1.1931)
    """
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * _t.ones_like(input)
    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)
        elif not (input.size()[:-1] == var.size()[:-1] and var.size(-1) == 1):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    var = var.detach().clamp_min(eps) + (var - var.detach())  # clamped without losing the gradient
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.9189385332046727
    return reduce_loss(loss, reduction)
