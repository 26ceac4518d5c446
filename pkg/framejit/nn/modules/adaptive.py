"""Losses of a linear layer with many classes: adaptive softmax, and the layer together with its cross entropy."""

import math
from collections import namedtuple
from dataclasses import dataclass

from framejit import _ops as _t
from framejit.nn import functional as F

from .container import ModuleList, Sequential
from .linear import Linear
from .loss import _WeightedLoss
from .module import Module

_ASMoutput = namedtuple("_ASMoutput", ("output", "loss"))


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-softmax over many classes, of which frequent ones are found fast (Grave et al. 2017).

    Classes are sorted by frequency. Those below the first cutoff have scores of their own in the head; each further range is a
    cluster, with one score in the head and a smaller two-layer tail for its classes.

    in_features, n_classes (int), cutoffs (sequence of int): where ranges end; div_value (float): each tail's hidden layer is smaller
    by this factor; head_bias (bool), device (framejit.device or None), dtype (framejit.dtype or None). Called with input [N, in_features] and target [N] it gives (output [N], the log
    probability of each target, loss, the mean of -output). Raises ValueError (cutoffs should be a sequence of unique, positive
    integers sorted in an increasing order); calls raise RuntimeError for targets that are no class and for other shapes.

    >>> import framejit
    >>> from framejit import nn
    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(8, 20, [4, 10])
    >>> output, loss = layer(framejit.randn(5, 8), framejit.tensor([0, 3, 5, 12, 19]))
    >>> output.shape, layer.log_prob(framejit.randn(5, 8)).exp().sum(1).round().tolist()
    (framejit.Size([5]), [1.0, 1.0, 1.0, 1.0, 1.0])
    """

    def __init__(self, in_features, n_classes, cutoffs, div_value=4.0, head_bias=False, device=None, dtype=None):
        super().__init__()
        cutoffs = list(cutoffs)
        if not cutoffs:
            raise ValueError("cutoffs should be a sequence of length larger than 0")
        whole = all(int(c) == c for c in cutoffs)
        if not whole or cutoffs != sorted(set(cutoffs)) or min(cutoffs) <= 0 or max(cutoffs) > n_classes - 1:
            raise ValueError(
                "cutoffs should be a sequence of unique, positive integers sorted in an increasing order, "
                "where each value is between 1 and n_classes-1"
            )
        self.in_features, self.n_classes, self.div_value, self.head_bias = in_features, n_classes, div_value, head_bias
        self.cutoffs = cutoffs + [n_classes]
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        made = {"device": device, "dtype": dtype}
        self.head = Linear(in_features, self.head_size, bias=head_bias, **made)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden, size = int(in_features // div_value ** (i + 1)), self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(Linear(in_features, hidden, bias=False, **made), Linear(hidden, size, bias=False, **made))
            )

    def reset_parameters(self):
        """New random weights."""
        self.head.reset_parameters()
        for first, second in self.tail:
            first.reset_parameters()
            second.reset_parameters()

    def forward(self, input_, target_):
        _check_target(input_, target_)
        batched = target_.dim() > 0
        input, target = (input_, target_) if batched else (input_.unsqueeze(0), target_.unsqueeze(0))
        output, in_head = input.new_zeros(target.shape[0]), target.clone()
        known = (target >= 0) & (target < self.n_classes)
        if not known.all():
            raise RuntimeError(
                f"Target values should be in [0, {self.n_classes - 1}], but values in range "
                f"[{target.min().item()}, {target.max().item()}] were found. "
            )
        for i, tail in enumerate(self.tail):
            low, high = self.cutoffs[i], self.cutoffs[i + 1]
            rows = ((target >= low) & (target < high)).nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            in_head = in_head.index_fill(0, rows, self.shortlist_size + i)
            inside = F.log_softmax(tail(input.index_select(0, rows)), dim=1)
            places = (target.index_select(0, rows) - low).unsqueeze(1)
            output = output.index_copy(0, rows, inside.gather(1, places).squeeze(1))
        head = F.log_softmax(self.head(input), dim=1)
        output = output + head.gather(1, in_head.unsqueeze(1)).squeeze(1)
        return _ASMoutput(output if batched else output.squeeze(0), (-output).mean())

    def log_prob(self, input):
        """The log probability of every class: [N, n_classes] for an input [N, in_features]."""
        return self._all(input, self.head(input))

    def _all(self, input, scores):
        head = F.log_softmax(scores, dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            parts.append(F.log_softmax(tail(input), dim=1) + head[:, self.shortlist_size + i].unsqueeze(1))
        return _t.cat(parts, 1)

    def predict(self, input):
        """The likeliest class of each row, [N]: tails are computed for rows whose head names a cluster."""
        scores = self.head(input)
        output = scores.argmax(1)
        rows = (output >= self.shortlist_size).nonzero().squeeze(1)
        if rows.numel() == 0:
            return output
        best = self._all(input.index_select(0, rows), scores.index_select(0, rows)).argmax(1)
        return output.index_copy(0, rows, best)


def _check_target(input, target):
    if target.dim() == 1:
        if input.shape[0] != target.shape[0]:
            raise RuntimeError("Input and target should have the same size in the batch dimension.")
        if input.dim() != 2:
            raise RuntimeError(f"1D target tensor expects 2D input tensors, but found inputs with size {input.size()}")
    elif target.dim() == 0:
        if input.dim() != 1:
            raise RuntimeError(f"0D target tensor expects 1D input tensors, but found inputs with size {input.size()}")
    else:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How PyTorch splits the work of LinearCrossEntropyLoss to save memory; accepted, without effect.

    allow_retain_graph (bool), batch_chunk_size (int or None), chunking_method (str or None), acc_policy (str), acc_dtype
    (framejit.dtype or None). Raises nothing of its own.

    >>> from framejit import nn
    >>> nn.LinearCrossEntropyOptions().chunking_method
    'auto'
    """

    allow_retain_graph: bool = False
    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"
    acc_policy: str = "auto"
    acc_dtype: object = None


class LinearCrossEntropyLoss(_WeightedLoss):
    """Cross entropy of a linear layer's results.

    in_features, num_classes (int), out_features (tuple of int): sizes of a loss at several places; bias (bool), device (framejit.device or None), dtype (framejit.dtype or None),
    reduction (str), weight (Tensor [num_classes] or None), ignore_index (int or None), label_smoothing (float), options
    (LinearCrossEntropyOptions or None). Called with input [N, in_features] and target [N, *out_features] (or probabilities
    [N, num_classes, *out_features]). Raises RuntimeError (expected weight shape to be …; expected label_smoothing to be in range …).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LinearCrossEntropyLoss(5, 10, out_features=(4,))(framejit.randn(2, 5), framejit.zeros(2, 4, dtype=framejit.int64)).shape
    framejit.Size([])
    """

    __constants__ = ["num_classes", "out_features", "reduction", "ignore_index", "label_smoothing"]

    def __init__(self, in_features, num_classes, *, out_features=(), bias=False, device=None, dtype=None, reduction="mean",
                 weight=None, ignore_index=None, label_smoothing=0.0, options=None):  # fmt: skip
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise RuntimeError(f"expected weight shape to be {(num_classes,)}, got {tuple(weight.shape)}")
        if label_smoothing < 0 or label_smoothing > 1.0:
            raise RuntimeError(f"expected label_smoothing to be in range [0, 1], got {label_smoothing}")
        super().__init__(weight, None, None, reduction)
        self.num_classes, self.out_features, self.ignore_index = num_classes, out_features, ignore_index
        self.label_smoothing, self.options = label_smoothing, options
        count = math.prod(out_features, start=num_classes)
        self.linear = Linear(in_features, count, bias=bias, device=device, dtype=dtype)

    def extra_repr(self):
        settings = "num_classes", "out_features", "bias", "reduction", "ignore_index", "label_smoothing", "options"
        values = {"bias": self.linear.bias is not None}
        text = ", ".join(f"{name}={values.get(name, getattr(self, name, None))}" for name in settings)
        return f"in_features={self.linear.in_features}, {text}"

    def forward(self, input, target):
        shape, bias = (self.num_classes, *self.out_features), self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )
