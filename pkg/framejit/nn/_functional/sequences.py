"""embedding_bag and the connectionist temporal classification loss."""

import math
from collections.abc import Sequence

from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._C import Tensor

from .loss import legacy_reduction
from .shape import _renormalize_rows, _sparse_lookup


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
):
    """Sums, means or maxima of bags of embedding rows: input (B, N), or (N,) cut into bags by `offsets`.

    weight (Tensor), offsets (Tensor or None), max_norm (float or None), norm_type (float), scale_grad_by_freq (bool),
    mode (str), sparse (bool), per_sample_weights (Tensor or None), include_last_offset (bool), padding_idx (int or
    None). Raises ValueError (mode has to be one of sum or mean; If per_sample_weights (…) is not None, then it must
    have the same shape as the input (…); input has to be 1D or 2D Tensor), NotImplementedError, RuntimeError.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.embedding_bag(framejit.tensor([2, 0]), framejit.tensor([[1.0], [2.0], [3.0]]), framejit.tensor([0]), mode="sum")
    tensor([[4.]])
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError("mode has to be one of sum or mean")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for mode='sum' "
            f"(got mode='{mode}'). Please open a feature request on GitHub."
        )
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({tuple(per_sample_weights.shape)}) is not None, then it must have the same "
            f"shape as the input ({tuple(input.shape)})"
        )
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length sequences."
            )
        bags, length = input.shape
        bag = _t.arange(bags).unsqueeze(1).expand(bags, length).reshape(-1)
        input = input.reshape(-1)
        per_sample_weights = None if per_sample_weights is None else per_sample_weights.reshape(-1)
    elif input.dim() == 1:
        if offsets is None:
            raise ValueError("offsets has to be a 1D Tensor but got None")
        if offsets.dim() != 1:
            raise ValueError("offsets has to be a 1D Tensor")
        if not _t._is_tracing() and offsets.numel() and int(offsets[0]) != 0:
            raise RuntimeError(
                f"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. However, got {int(offsets[0])}"
            )
        bags = offsets.shape[0] - bool(include_last_offset)
        bag = _t.searchsorted(offsets[:bags].contiguous(), _t.arange(input.shape[0]).to(offsets.dtype), right=True) - 1
    else:
        raise ValueError(f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.dim()}")
    if max_norm is not None:
        _renormalize_rows(weight, input, max_norm, norm_type)
    skipped = None if padding_idx is None else input == padding_idx % weight.shape[0]
    if sparse and weight.requires_grad:
        if mode == "max":
            raise ValueError("max mode does not support sparse weights")
        rows = _sparse_lookup()(
            weight, input, -1 if skipped is None else padding_idx % weight.shape[0], scale_grad_by_freq
        )
    else:
        rows = _t.embedding(weight, input, -1, scale_grad_by_freq, False)
    return _pooled(rows, bag, bags, mode, per_sample_weights, skipped)


def _pooled(rows, bag, bags, mode, weights, skipped):
    """The rows of each bag as one; those that are skipped count for nothing."""
    if weights is not None:
        rows = rows * weights.unsqueeze(1)
    if skipped is not None:
        rows = rows.masked_fill(skipped.unsqueeze(1), float("-inf") if mode == "max" else 0)
    zeros = rows.new_zeros(bags, rows.shape[1])
    place = bag.unsqueeze(1).expand(rows.shape)
    if mode == "sum":
        return _summed(zeros, bag, place, rows)
    present = _t.ones(bag.shape, dtype=rows.dtype)
    present = present if skipped is None else present.masked_fill(skipped, 0)
    counts = _t.zeros(bags, dtype=rows.dtype).index_add(0, bag, present).unsqueeze(1)
    if mode == "max":
        return zeros.scatter_reduce(0, place, rows, "amax", include_self=False).masked_fill(counts == 0, 0)
    return _summed(zeros, bag, place, rows) / counts.clamp(min=1)


def _summed(zeros, bag, place, rows):
    # In a graph nobody has looked at the offsets: scatter_add raises what wrong ones raise.
    return zeros.scatter_add(0, place, rows) if _t._is_tracing() else zeros.index_add(0, bag, rows)


@listed("log_probs")
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Tensor | Sequence[int],
    target_lengths: Tensor | Sequence[int],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
):
    """-log of the probability of all alignments of `targets` with `log_probs` (T, N, C) (Graves et al. 2006).

    targets: (N, S) padded, or all targets one after another; lengths: per sample. Means are over targets' lengths.
    The gradient is PyTorch's: the one of scores before log_softmax.

    targets (Tensor), input_lengths, target_lengths (Tensor, or sequence of int), blank (int), reduction (str),
    zero_infinity (bool). Raises RuntimeError (blank must be in label range; input_lengths and target_lengths must be
    of size batch_size; Expected input_lengths to have value at most …).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> scores = framejit.zeros(6, 1, 4).log_softmax(2)
    >>> F.ctc_loss(scores, framejit.tensor([[1, 2]]), framejit.tensor([6]), framejit.tensor([2]))
    tensor(2.0346)
    """
    legacy_reduction(None, None, reduction)
    if log_probs.dim() == 0:
        raise IndexError("Dimension out of range (expected to be in range of [-1, 0], but got 1)")
    unbatched = log_probs.dim() == 2
    if unbatched:
        log_probs = log_probs.unsqueeze(1)
    steps, batch, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError("blank must be in label range")
    as_tensor = lambda x: x if isinstance(x, _t.Tensor) else _t.tensor(x, dtype=_t.int64)
    lengths, goals = as_tensor(input_lengths).reshape(-1), as_tensor(target_lengths).reshape(-1)
    for name, given in (("input_lengths", lengths), ("target_lengths", goals)):
        if given.is_floating_point() or given.is_complex() or given.dtype == _t.bool:
            raise RuntimeError(f"{name} must be integral")
    if lengths.shape[0] != batch or goals.shape[0] != batch:
        raise RuntimeError("input_lengths and target_lengths must be of size batch_size")
    if batch and int(lengths.max()) > steps:
        raise RuntimeError(f"Expected input_lengths to have value at most {steps}, but got value {int(lengths.max())}")
    loss = -_alignments(log_probs, _padded(targets, goals, batch, blank), lengths, goals, blank)
    none = lengths == 0  # no step: only no goal is reached
    loss = loss.masked_fill(none, 0).masked_fill(none & (goals > 0), math.inf)
    if log_probs.requires_grad:
        loss = loss + _of_softmax(log_probs, lengths)
    if zero_infinity:
        loss = loss.masked_fill(loss == math.inf, 0)
    if reduction == "mean":
        return (loss / goals.clamp(min=1).to(loss.dtype)).mean()
    if reduction == "sum":
        return loss.sum()
    return loss.squeeze(0) if unbatched else loss


def _of_softmax(log_probs, lengths):
    """Zeros whose gradients are the probabilities of the steps that count: PyTorch's gradient is the one of scores before
    log_softmax, which takes these away again."""
    used = _t.arange(log_probs.shape[0]).unsqueeze(1) < lengths
    mass = log_probs.exp().masked_fill(used.logical_not().unsqueeze(2), 0).sum((0, 2))
    return mass - mass.detach()


def _padded(targets, goals, batch, blank):
    """The targets as (N, S)."""
    longest = int(goals.max()) if batch else 0
    if targets.dim() == 2:
        return targets[:, :longest]
    rows = []
    for part in targets.split(goals.tolist(), 0):
        rows.append(_t.cat([part, part.new_full((longest - part.shape[0],), blank)]))
    return _t.stack(rows) if rows else targets.reshape(0, 0)


def _alignments(log_probs, targets, lengths, goals, blank):
    """The forward variables in log space; the lowest finite number stands for log 0, so that gradients stay finite."""
    steps, batch, _ = log_probs.shape
    longest = targets.shape[1]
    low = -1e30 if log_probs.dtype != _t.float16 else -3e4
    states = _t.full((batch, 2 * longest + 1), blank, dtype=_t.int64)
    states[:, 1::2] = targets.to(_t.int64)
    emitted = log_probs.gather(2, states.unsqueeze(0).expand(steps, -1, -1))
    skip = _t.zeros(states.shape, dtype=_t.bool)
    if longest > 1:
        skip[:, 3::2] = states[:, 3::2] != states[:, 1:-2:2]
    start = _t.arange(2 * longest + 1) < min(2, 2 * longest + 1)
    alpha = _t.where(start, emitted[0], _t.full_like(emitted[0], low))
    shifted = lambda a, by: _t.cat([_t.full_like(a[:, :by], low), a[:, : a.shape[1] - by]], 1)
    for step in range(1, steps):
        options = [alpha, shifted(alpha, 1)]
        if alpha.shape[1] > 2:
            options.append(shifted(alpha, 2).masked_fill(~skip, low))
        new = _t.logsumexp(_t.stack(options), 0) + emitted[step]
        alpha = _t.where((step < lengths).unsqueeze(1), new, alpha)
    last = (2 * goals).unsqueeze(1)
    ends = _t.stack([alpha.gather(1, last), alpha.gather(1, (last - 1).clamp(min=0)).masked_fill(last == 0, low)])
    total = _t.logsumexp(ends, 0).squeeze(1)
    return total.masked_fill(total < low / 2, -math.inf)
