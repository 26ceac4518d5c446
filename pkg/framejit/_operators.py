"""Operators of layers under PyTorch's top-level names, whose arguments are the operators' own: all of them, in order."""

import builtins
import math
import warnings

from framejit import _C
from framejit._autocast_lists import listed
from framejit._common import into
from framejit.nn import functional as F
from framejit.nn._functional import recurrent

_REDUCTIONS = ("none", "mean", "sum")


def _dropping(name, function, dims):
    def operator(input, p, train):
        return function(input, p, train)

    def in_place(input, p, train):
        return input.copy_(function(input, p, train))

    for made, word in ((operator, name), (in_place, name + "_")):
        where = "in place" if made is in_place else "as a new tensor"
        made.__name__ = made.__qualname__ = word
        made.__doc__ = f"""nn.functional's `{name}`, {where}.

        input (Tensor), p (float), train (bool). Raises ValueError for p outside 0 and 1.

        >>> import framejit
        >>> framejit.{word}(framejit.ones({dims}), 0.0, True).sum().item() == framejit.ones({dims}).sum().item()
        True
        """
    return operator, in_place


def _feature(input, p, train):
    return F.dropout2d(input, p, train) if input.dim() != 5 else F.dropout3d(input, p, train)


dropout, dropout_ = _dropping("dropout", F.dropout, "2")
alpha_dropout, alpha_dropout_ = _dropping("alpha_dropout", F.alpha_dropout, "2")
feature_dropout, feature_dropout_ = _dropping("feature_dropout", _feature, "2, 3, 4, 4")
feature_alpha_dropout, feature_alpha_dropout_ = _dropping("feature_alpha_dropout", F.feature_alpha_dropout, "2, 3")


def rrelu(input, lower=0.125, upper=1 / 3, training=False, generator=None):
    """nn.functional's `rrelu`.

    input (Tensor), lower, upper (float), training (bool), generator (Generator or None). Raises RuntimeError for lower > upper.

    >>> import framejit
    >>> framejit.rrelu(framejit.tensor([-1.0, 1.0]))
    tensor([-0.2292,  1.0000])
    """
    return F.rrelu(input, lower, upper, training)


def rrelu_(input, lower=0.125, upper=1 / 3, training=False, generator=None):
    """nn.functional's `rrelu`, in place.

    input (Tensor), lower, upper (float), training (bool), generator (Generator or None). Raises RuntimeError for lower > upper.

    >>> import framejit
    >>> framejit.rrelu_(framejit.tensor([-1.0, 1.0]))
    tensor([-0.2292,  1.0000])
    """
    return input.copy_(F.rrelu(input, lower, upper, training))


def embedding_bag(
    weight, indices, offsets, scale_grad_by_freq=False, mode=0, sparse=False, per_sample_weights=None,
    include_last_offset=False, padding_idx=-1,
):  # fmt: skip
    """(sums, means or maxima of bags of rows, and three empty tensors, which are for other back ends)

    weight (Tensor [rows, size]), indices, offsets (Tensor of integers), mode (int): 0 sum, 1 mean, 2 max; per_sample_weights
    (Tensor or None), include_last_offset, scale_grad_by_freq, sparse (bool), padding_idx (int): a row that counts for nothing,
    none if negative. Raises ValueError and RuntimeError as nn.functional.embedding_bag.

    >>> import framejit
    >>> framejit.embedding_bag(framejit.eye(2), framejit.tensor([0, 1, 1]), framejit.tensor([0, 1]))[0]
    tensor([[1., 0.],
            [0., 2.]])
    """
    at = None if padding_idx is None or padding_idx < 0 else padding_idx
    out = F.embedding_bag(indices, weight, offsets, mode=("sum", "mean", "max")[mode], per_sample_weights=per_sample_weights,
                          include_last_offset=include_last_offset, padding_idx=at)  # fmt: skip
    none = _C.empty(0, dtype=indices.dtype)
    return out, none, none, none


def ctc_loss(log_probs, targets, input_lengths, target_lengths, blank=0, reduction=1, zero_infinity=False):
    """nn.functional's `ctc_loss` with a number for the reduction.

    log_probs, targets, input_lengths, target_lengths (Tensor), blank (int), reduction (int): 0 none, 1 mean, 2 sum; zero_infinity
    (bool). Raises what that raises.

    >>> import framejit
    >>> loss = framejit.ctc_loss(framejit.zeros(2, 1, 2), framejit.tensor([[1]]), framejit.tensor([2]), framejit.tensor([1]))
    >>> loss
    tensor(-1.0986)
    """
    return F.ctc_loss(log_probs, targets, input_lengths, target_lengths, blank, _REDUCTIONS[reduction], zero_infinity)


def poisson_nll_loss(input, target, log_input, full, eps, reduction):
    """nn.functional's `poisson_nll_loss` with a number for the reduction.

    input, target (Tensor), log_input, full (bool), eps (float), reduction (int): 0 none, 1 mean, 2 sum. Raises what that raises.

    >>> import framejit
    >>> framejit.poisson_nll_loss(framejit.zeros(2), framejit.ones(2), True, False, 1e-8, 2)
    tensor(2.)
    """
    return F.poisson_nll_loss(input, target, log_input, full, None, eps, None, _REDUCTIONS[reduction])


def triplet_margin_loss(anchor, positive, negative, margin=1.0, p=2.0, eps=1e-6, swap=False, reduction=1):
    """nn.functional's `triplet_margin_loss` with a number for the reduction.

    anchor, positive, negative (Tensor), margin, p, eps (float), swap (bool), reduction (int): 0 none, 1 mean, 2 sum. Raises what
    that raises.

    >>> import framejit
    >>> framejit.triplet_margin_loss(framejit.zeros(1, 2), framejit.zeros(1, 2), framejit.ones(1, 2) * 9)
    tensor(0.)
    """
    return F.triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction=_REDUCTIONS[reduction])


def native_channel_shuffle(input, groups):
    """nn.functional's `channel_shuffle`. input (Tensor [N, C, *]), groups (int). Raises what that raises.

    >>> import framejit
    >>> framejit.native_channel_shuffle(framejit.arange(4.0).reshape(1, 4, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    return F.channel_shuffle(input, groups)


def norm_except_dim(v, pow=2, dim=0):
    """The norms over all dimensions but one, kept; of everything for dim = -1.

    v (Tensor), pow (int), dim (int). Raises IndexError (Dimension out of range).

    >>> import framejit
    >>> framejit.norm_except_dim(framejit.tensor([[3.0, 4.0], [6.0, 8.0]]))
    tensor([[ 5.],
            [10.]])
    """
    if dim == -1:
        return v.norm(pow)
    dim = builtins.range(v.dim())[dim]
    return v.norm(pow, [d for d in builtins.range(v.dim()) if d != dim], True)


def nuclear_norm(input, dim=None, keepdim=False):
    """The sum of singular values; `linalg.matrix_norm` stands for it now.

    input (Tensor), dim (pair of int or None), keepdim (bool). Raises RuntimeError for what is no matrix.

    >>> import framejit
    >>> framejit.nuclear_norm(framejit.eye(3))
    tensor(3.)
    """
    from framejit import linalg

    return linalg.matrix_norm(input, "nuc", (-2, -1) if dim is None else dim, keepdim)


def frobenius_norm(input, dim, keepdim=False):
    """The root of the sum of squares; `linalg.vector_norm` stands for it now.

    input (Tensor), dim (sequence of int), keepdim (bool). Raises IndexError (Dimension out of range).

    >>> import framejit
    >>> framejit.frobenius_norm(framejit.tensor([[3.0, 4.0]]), [1])
    tensor([5.])
    """
    return input.norm(2, list(dim) or None, keepdim)


def range(start, end=None, step=1, **options):
    """arange with the end included; deprecated, and it warns.

    start, end, step (number), dtype, device, requires_grad, out. Raises RuntimeError (step must be nonzero; bounds
    inconsistent).

    >>> import framejit
    >>> framejit.range(0, 3)
    tensor([0., 1., 2., 3.])
    """
    warnings.warn(
        "torch.range is deprecated and will be removed in a future release because its behavior is inconsistent with Python's "
        "range builtin. Instead, use torch.arange, which produces values in [start, end).",
        UserWarning,
        stacklevel=2,
    )
    start, end = (0, start) if end is None else (start, end)
    if step == 0:
        raise RuntimeError("step must be nonzero")
    if (end - start) / step < 0:
        raise RuntimeError("upper bound and lower bound inconsistent with step sign")
    if not (math.isfinite(start) and math.isfinite(end)):
        raise RuntimeError(f"unsupported range: {start} -> {end}")
    out = options.pop("out", None)
    dtype = options.setdefault("dtype", _C.get_default_dtype() if out is None else out.dtype)
    if not dtype.is_floating_point:
        start, end, step = int(start), int(end), int(step)
    count = math.floor((end - start) / step) + 1
    line = _C.arange(count, **options)
    return into(out, line * step + start if start or step != 1 else line)


lstm, gru, rnn_tanh, rnn_relu = recurrent.lstm, recurrent.gru, recurrent.rnn_tanh, recurrent.rnn_relu
lstm_cell, gru_cell = recurrent.lstm_cell, recurrent.gru_cell
rnn_tanh_cell, rnn_relu_cell = recurrent.rnn_tanh_cell, recurrent.rnn_relu_cell


def _of_method(name, example):
    def function(input, *args, **kwargs):
        return getattr(input, name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""`Tensor.{name}` as a function.

    input (Tensor), and the arguments of the method. Raises what the method raises.

    >>> import framejit
    >>> {example}
    """
    return function


_METHODS = {
    "as_strided_": "framejit.as_strided_(framejit.arange(4), (2,), (2,)).tolist()\n    [0, 2]",
    "conj_physical_": "framejit.conj_physical_(framejit.tensor([1j])).tolist()\n    [-1j]",
    "dequantize": "framejit.dequantize(framejit.ones(1))\n    tensor([1.])",
    "detach_": "framejit.detach_(framejit.ones(1))\n    tensor([1.])",
    "get_device": "framejit.get_device(framejit.ones(1))\n    -1",
    "is_conj": "framejit.is_conj(framejit.ones(1))\n    False",
    "is_distributed": "framejit.is_distributed(framejit.ones(1))\n    False",
    "is_inference": "framejit.is_inference(framejit.ones(1))\n    False",
    "is_neg": "framejit.is_neg(framejit.ones(1))\n    False",
    "is_same_size": "framejit.is_same_size(framejit.ones(1), framejit.ones(2))\n    False",
    "is_signed": "framejit.is_signed(framejit.ones(1))\n    True",
    "lcm_": "framejit.lcm_(framejit.tensor([4]), framejit.tensor([6]))\n    tensor([12])",
    "ldexp_": "framejit.ldexp_(framejit.tensor([3.0]), framejit.tensor([2]))\n    tensor([12.])",
}
globals().update({name: _of_method(name, example) for name, example in _METHODS.items()})


@listed("input", "tau", name="orgqr")
def orgqr(input, tau):
    """`linalg.householder_product` under its older name.

    input, tau (Tensor). Raises what that raises.

    >>> import framejit
    >>> framejit.orgqr(framejit.zeros(1, 1), framejit.zeros(1))
    tensor([[1.]])
    """
    from framejit import linalg

    return linalg.householder_product(input, tau)
