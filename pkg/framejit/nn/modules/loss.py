"""Loss modules: settings and one call of the function of the same name."""

import warnings

from framejit.nn import functional as F
from framejit.nn._functional.loss import legacy_reduction

from .distance import PairwiseDistance
from .module import Module


class _Loss(Module):
    def __init__(self, size_average=None, reduce=None, reduction="mean"):
        super().__init__()
        self.reduction = legacy_reduction(size_average, reduce, reduction)


class _WeightedLoss(_Loss):
    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)


class L1Loss(_Loss):
    """|input - target|.

    size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.L1Loss()(framejit.tensor([1.0, 2.0]), framejit.tensor([2.0, 4.0]))
    tensor(1.5000)
    """

    __constants__ = ["reduction"]

    def forward(self, input, target):
        return F.l1_loss(input, target, reduction=self.reduction)


class MSELoss(_Loss):
    """(input - target)².

    size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MSELoss()(framejit.tensor([1.0, 2.0]), framejit.tensor([2.0, 4.0]))
    tensor(2.5000)
    """

    __constants__ = ["reduction"]

    def forward(self, input, target):
        return F.mse_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Quadratic below beta, linear above.

    size_average, reduce (bool or None), reduction (str), beta (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.SmoothL1Loss()(framejit.tensor([0.0, 0.0]), framejit.tensor([0.5, 3.0]))
    tensor(1.3125)
    """

    __constants__ = ["reduction"]

    def __init__(self, size_average=None, reduce=None, reduction="mean", beta=1.0):
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input, target):
        return F.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Quadratic below delta, linear above.

    reduction (str), delta (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.HuberLoss()(framejit.tensor([0.0, 0.0]), framejit.tensor([0.5, 3.0]))
    tensor(1.3125)
    """

    __constants__ = ["reduction", "delta"]

    def __init__(self, reduction="mean", delta=1.0):
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input, target):
        return F.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class NLLLoss(_WeightedLoss):
    """Minus the log probability of the target class.

    weight (Tensor or None), size_average (bool or None), ignore_index (int), reduce (bool or None), reduction (str).
    Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.NLLLoss()(framejit.tensor([[-0.5, -1.0]]), framejit.tensor([1]))
    tensor(1.)
    """

    __constants__ = ["ignore_index", "reduction"]

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input, target):
        return F.nll_loss(input, target, weight=self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class NLLLoss2d(NLLLoss):
    """The old name of NLLLoss for images, which takes any number of dimensions.

    weight (Tensor or None), size_average (bool or None), ignore_index (int), reduce (bool or None), reduction (str). Warns that it is
    deprecated. Calls raise TypeError for other types.

    >>> import framejit
    >>> framejit.nn.NLLLoss2d()(framejit.zeros(1, 2, 3, 3), framejit.zeros(1, 3, 3, dtype=framejit.int64)).abs()
    tensor(0.)
    """

    def __init__(self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean"):
        warnings.warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in replacement.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(weight, size_average, ignore_index, reduce, reduction)


class CrossEntropyLoss(_WeightedLoss):
    """Log softmax followed by NLLLoss.

    weight (Tensor or None), size_average (bool or None), ignore_index (int), reduce (bool or None), reduction (str),
    label_smoothing (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.CrossEntropyLoss()(framejit.tensor([[2.0, 0.0, 1.0]]), framejit.tensor([0]))
    tensor(0.4076)
    """

    __constants__ = ["ignore_index", "reduction", "label_smoothing"]

    def __init__(
        self, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean", label_smoothing=0.0
    ):
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input, target):
        return F.cross_entropy(
            input,
            target,
            weight=self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class BCELoss(_WeightedLoss):
    """Binary cross entropy of probabilities.

    weight (Tensor or None), size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.BCELoss()(framejit.tensor([0.9, 0.2]), framejit.tensor([1.0, 0.0]))
    tensor(0.1643)
    """

    __constants__ = ["reduction"]

    def forward(self, input, target):
        return F.binary_cross_entropy(input, target, weight=self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Sigmoid followed by BCELoss.

    weight (Tensor or None), size_average, reduce (bool or None), reduction (str), pos_weight (Tensor or None). Calls
    raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.BCEWithLogitsLoss()(framejit.tensor([2.0, -1.0]), framejit.tensor([1.0, 0.0]))
    tensor(0.2201)
    """

    def __init__(self, weight=None, size_average=None, reduce=None, reduction="mean", pos_weight=None):
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input, target):
        return F.binary_cross_entropy_with_logits(
            input, target, self.weight, pos_weight=self.pos_weight, reduction=self.reduction
        )


class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence; the input is in log space.

    size_average, reduce (bool or None), reduction (str), log_target (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.KLDivLoss(reduction="batchmean")(framejit.tensor([[0.5, 0.5]]).log(), framejit.tensor([[0.9, 0.1]]))
    tensor(0.3681)
    """

    __constants__ = ["reduction"]

    def __init__(self, size_average=None, reduce=None, reduction="mean", log_target=False):
        super().__init__(size_average, reduce, reduction)
        self.log_target = log_target

    def forward(self, input, target):
        return F.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class SoftMarginLoss(_Loss):
    """log(1 + exp(-target * input)).

    size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.SoftMarginLoss()(framejit.tensor([0.0, 0.0]), framejit.tensor([1.0, -1.0]))
    tensor(0.6931)
    """

    __constants__ = ["reduction"]

    def forward(self, input, target):
        return F.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(_Loss):
    """input for similar pairs, a hinge for dissimilar ones.

    margin (float), size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.HingeEmbeddingLoss()(framejit.tensor([0.2, 0.3]), framejit.tensor([1.0, -1.0]))
    tensor(0.4500)
    """

    __constants__ = ["margin", "reduction"]

    def __init__(self, margin=1.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input, target):
        return F.hinge_embedding_loss(input, target, margin=self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(_Loss):
    """1 - cos for similar pairs, a hinge on cos for dissimilar ones.

    margin (float), size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.CosineEmbeddingLoss()(framejit.tensor([[1.0, 0.0]]), framejit.tensor([[1.0, 1.0]]), framejit.tensor([1]))
    tensor(0.2929)
    """

    __constants__ = ["margin", "reduction"]

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return F.cosine_embedding_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MarginRankingLoss(_Loss):
    """A hinge on the difference of two scores.

    margin (float), size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MarginRankingLoss(0.5)(framejit.tensor([1.0]), framejit.tensor([2.0]), framejit.tensor([1.0]))
    tensor(1.5000)
    """

    __constants__ = ["margin", "reduction"]

    def __init__(self, margin=0.0, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1, input2, target):
        return F.margin_ranking_loss(input1, input2, target, margin=self.margin, reduction=self.reduction)


class MultiLabelSoftMarginLoss(_WeightedLoss):
    """The mean over classes of the binary cross entropy with logits.

    weight (Tensor or None), size_average, reduce (bool or None), reduction (str). Calls raise TypeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MultiLabelSoftMarginLoss()(framejit.tensor([[0.0, 1.0]]), framejit.tensor([[1.0, 0.0]]))
    tensor(1.0032)
    """

    __constants__ = ["reduction"]

    def forward(self, input, target):
        return F.multilabel_soft_margin_loss(input, target, weight=self.weight, reduction=self.reduction)


class MultiMarginLoss(_WeightedLoss):
    """A hinge on the target's score against each other class's.

    p, margin (float), weight (Tensor or None), size_average, reduce (bool or None), reduction (str). Raises ValueError
    (only p == 1 and p == 2 supported).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.MultiMarginLoss()(framejit.tensor([[0.1, 0.2, 0.4, 0.8]]), framejit.tensor([3]))
    tensor(0.3250)
    """

    __constants__ = ["p", "margin", "reduction"]

    def __init__(self, p=1, margin=1.0, weight=None, size_average=None, reduce=None, reduction="mean"):
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise ValueError("only p == 1 and p == 2 supported")
        self.p = p
        self.margin = margin

    def forward(self, input, target):
        return F.multi_margin_loss(
            input, target, p=self.p, margin=self.margin, weight=self.weight, reduction=self.reduction
        )


class PoissonNLLLoss(_Loss):
    """Negative log likelihood of Poisson counts.

    log_input, full (bool), size_average (bool or None), eps (float), reduce (bool or None), reduction (str). Calls
    raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.PoissonNLLLoss()(framejit.tensor([0.0]), framejit.tensor([2.0]))
    tensor(1.)
    """

    __constants__ = ["log_input", "full", "eps", "reduction"]

    def __init__(self, log_input=True, full=False, size_average=None, eps=1e-8, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input, target):
        return F.poisson_nll_loss(
            log_input, target, log_input=self.log_input, full=self.full, eps=self.eps, reduction=self.reduction
        )


class GaussianNLLLoss(_Loss):
    """Negative log likelihood under a normal distribution.

    full (bool), eps (float), reduction (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.GaussianNLLLoss()(framejit.tensor([1.0]), framejit.tensor([3.0]), framejit.tensor([4.0]))
    tensor(1.1931)
    """

    __constants__ = ["full", "eps", "reduction"]

    def __init__(self, *, full=False, eps=1e-6, reduction="mean"):
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input, target, var):
        return F.gaussian_nll_loss(input, target, var, full=self.full, eps=self.eps, reduction=self.reduction)


class TripletMarginLoss(_Loss):
    """A hinge on the distances to a positive and a negative example.

    margin, p, eps (float), swap (bool), size_average, reduce (bool or None), reduction (str). Raises ValueError
    (expected margin to be greater than 0).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.TripletMarginLoss()(framejit.tensor([[0.0]]), framejit.tensor([[1.0]]), framejit.tensor([[1.5]]))
    tensor(0.5000)
    """

    __constants__ = ["margin", "p", "eps", "swap", "reduction"]

    def __init__(self, margin=1.0, p=2.0, eps=1e-6, swap=False, size_average=None, reduce=None, reduction="mean"):
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise ValueError(f"TripletMarginLoss: expected margin to be greater than 0, got {margin} instead")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor, positive, negative):
        return F.triplet_margin_loss(
            anchor,
            positive,
            negative,
            margin=self.margin,
            p=self.p,
            eps=self.eps,
            swap=self.swap,
            reduction=self.reduction,
        )


class TripletMarginWithDistanceLoss(_Loss):
    """TripletMarginLoss with any distance.

    distance_function (callable or None), margin (float), swap (bool), reduction (str). Raises ValueError (expected
    margin to be greater than 0).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.TripletMarginWithDistanceLoss()(framejit.tensor([[0.0]]), framejit.tensor([[1.0]]), framejit.tensor([[1.5]]))
    tensor(0.5000)
    """

    __constants__ = ["margin", "swap", "reduction"]

    def __init__(self, *, distance_function=None, margin=1.0, swap=False, reduction="mean"):
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise ValueError(
                f"TripletMarginWithDistanceLoss: expected margin to be greater than 0, got {margin} instead"
            )
        self.distance_function = PairwiseDistance() if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor, positive, negative):
        return F.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )
