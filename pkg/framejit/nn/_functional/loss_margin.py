"""Losses of margins: hinges, rankings, triplets; see loss.py."""

from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._C import Tensor
from framejit._common import scalar_name

from .loss import legacy_reduction, reduce_loss
from .shape import pairwise_distance


@listed("input", "target")
def soft_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
):
    """log(1 + exp(-target * input)).

    input, target (Tensor), size_average, reduce (bool or None), reduction (str). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.soft_margin_loss(framejit.tensor([0.0, 0.0]), framejit.tensor([1.0, -1.0]))
    tensor(0.6931)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    return reduce_loss(_t.softplus(-target * input), reduction)


@listed("input", "target")
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """input where target is 1, max(0, margin - input) where it is -1.

    input, target (Tensor), margin (float), size_average, reduce (bool or None), reduction (str). Raises TypeError for
    other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.hinge_embedding_loss(framejit.tensor([0.2, 0.3]), framejit.tensor([1.0, -1.0]))
    tensor(0.4500)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    zeros = _t.zeros_like(input)
    loss = _t.where(target != 1, (margin - input).clamp_min(0), zeros) + _t.where(target != -1, input, zeros)
    return reduce_loss(loss, reduction)


@listed("input1", "input2", "target")
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """max(0, -target * (input1 - input2) + margin).

    input1, input2, target (Tensor), margin (float), size_average, reduce (bool or None), reduction (str). Raises
    RuntimeError (margin_ranking_loss : All input tensors should have same dimension).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.margin_ranking_loss(framejit.tensor([1.0]), framejit.tensor([2.0]), framejit.tensor([1.0]), 0.5)
    tensor(1.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if not input1.dim() == input2.dim() == target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return reduce_loss((-target * (input1 - input2) + margin).clamp_min(0), reduction)


@listed("input1", "input2", "target")
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """1 - cos where target is 1, max(0, cos - margin) where it is -1.

    input1, input2, target (Tensor), margin (float), size_average, reduce (bool or None), reduction (str). Raises
    RuntimeError (0D or 1D target tensor expected; 1D target tensor expects 2D input tensors).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.cosine_embedding_loss(framejit.tensor([[1.0, 0.0]]), framejit.tensor([[1.0, 1.0]]), framejit.tensor([1]))
    tensor(0.2929)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    rank = target.dim()
    if rank > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if input1.dim() != rank + 1 or input2.dim() != rank + 1:
        raise RuntimeError(
            f"{rank}D target tensor expects {rank + 1}D input tensors, but found inputs with sizes {list(input1.shape)} "
            f"and {list(input2.shape)}."
        )
    epsilon = 1e-12
    product = (input1 * input2).sum(-1)
    cosine = product / (((input1 * input1).sum(-1) + epsilon) * ((input2 * input2).sum(-1) + epsilon)).sqrt()
    zeros = _t.zeros_like(cosine)
    loss = _t.where(target == 1, 1 - cosine, zeros) + _t.where(target == -1, (cosine - margin).clamp_min(0), zeros)
    return reduce_loss(loss, reduction)


@listed("anchor", "positive", "negative")
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """max(0, d(anchor, positive) - d(anchor, negative) + margin).

    anchor, positive, negative (Tensor), margin, p, eps (float), swap (bool), size_average, reduce (bool or None),
    reduction (str). Raises ValueError (margin must be greater than 0).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.triplet_margin_loss(framejit.tensor([[0.0]]), framejit.tensor([[1.0]]), framejit.tensor([[1.5]]))
    tensor(0.5000)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    a, b, c = (t.dim() for t in (anchor, positive, negative))
    if not a == b == c:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of dimensions, but got: "
            f"anchor {a}D, positive {b}D, and negative {c}D inputs"
        )
    near = pairwise_distance(anchor, positive, p, eps)
    far = pairwise_distance(anchor, negative, p, eps)
    if swap:
        far = _t.minimum(far, pairwise_distance(positive, negative, p, eps))
    return reduce_loss((margin + near - far).clamp_min(0), reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function=None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
):
    """triplet_margin_loss with any distance.

    anchor, positive, negative (Tensor), distance_function (callable or None), margin (float), swap (bool), reduction
    (str). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.triplet_margin_with_distance_loss(framejit.tensor([[0.0]]), framejit.tensor([[1.0]]), framejit.tensor([[1.5]]))
    tensor(0.5000)
    """
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    distance = pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = _t.minimum(far, distance(positive, negative))
    return reduce_loss((margin + near - far).clamp_min(0), reduction)


def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """The mean over classes of the binary cross entropy with logits.

    input, target (Tensor), weight (Tensor or None), size_average, reduce (bool or None), reduction (str). Raises
    TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.multilabel_soft_margin_loss(framejit.tensor([[0.0, 1.0]]), framejit.tensor([[1.0, 0.0]]))
    tensor(1.0032)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if input.dim() == 0:
        raise IndexError("Dimension specified as -1 but tensor has no dimensions")
    loss = -(target * _t.logsigmoid(input) + (1 - target) * _t.logsigmoid(-input))
    if weight is not None:
        loss = loss * weight
    return reduce_loss(loss.mean(-1), reduction)


def check_classes(input):
    """RuntimeError unless `input` is a row of at least one class, or rows of them."""
    if input.dim() > 2 or (input.dim() and input.size(-1) == 0):
        raise RuntimeError(
            f"Expected non-empty vector or matrix with optional 0-dim batch size, but got: {list(input.shape)}"
        )


@listed("input", "weight")
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: float = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
):
    """The mean over the wrong classes j of max(0, margin - input[target] + input[j]) ** p.

    input, target (Tensor), p, margin (float), weight (Tensor or None), size_average, reduce (bool or None), reduction
    (str). Raises ValueError (only p == 1 and p == 2 supported) and RuntimeError for other sizes and dtypes.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.multi_margin_loss(framejit.tensor([[0.1, 0.2, 0.4, 0.8]]), framejit.tensor([3]))
    tensor(0.3250)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    check_classes(input)
    scores = input if input.dim() > 1 else input.reshape(1, -1)
    if target.dim() > 1 or target.numel() != scores.size(0):
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input samples (batch size). "
            f"Expected target size [{scores.size(0)}], but got {list(target.shape)}."
        )
    if target.dtype != _t.int64:
        raise RuntimeError(f"expected scalar type Long but found {scalar_name(target.dtype)}")
    index = target.reshape(-1, 1)
    violation = (margin - scores.gather(1, index) + scores).clamp_min(0).pow(p)
    if weight is not None:
        violation = violation * weight[index]
    wrong = _t.ones_like(scores).scatter(1, index, 0.0)
    loss = (violation * wrong).sum(1) / scores.size(1)
    return reduce_loss(loss.reshape(target.shape), reduction)


@listed("input")
def multilabel_margin_loss(
    input: Tensor, target: Tensor, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
):
    """Hinge loss of several labels: targets list the labels, ended by -1.

    input, target (Tensor), size_average, reduce (bool or None), reduction (str). Raises RuntimeError (inconsistent
    target size: … for input of size: …).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.multilabel_margin_loss(framejit.tensor([[0.1, 0.2, 0.4, 0.8]]), framejit.tensor([[3, 0, -1, 1]]))
    tensor(0.8500)
    """
    reduction = legacy_reduction(size_average, reduce, reduction)
    check_classes(input)
    if input.shape != target.shape and (input.dim() > 1 or target.dim() > 1 or input.numel() != target.numel()):
        raise RuntimeError(f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}")
    x, y = (t if t.dim() == 2 else t.reshape(1, -1) for t in (input, target))
    ended = (y < 0).to(_t.int64).cumsum(1) > 0
    labels = y.masked_fill(ended, 0)
    member = _t.zeros(x.shape, dtype=x.dtype).scatter_add(1, labels, (~ended).to(x.dtype)) > 0
    margins = (1 - x.gather(1, labels).unsqueeze(2) + x.unsqueeze(1)).clamp(min=0)
    counted = (~ended).unsqueeze(2) & (~member).unsqueeze(1)
    loss = margins.masked_fill(~counted, 0).sum((1, 2)) / max(x.shape[1], 1)
    loss = loss if input.dim() == 2 else loss.squeeze(0)
    return loss.mean() if reduction == "mean" else loss.sum() if reduction == "sum" else loss
