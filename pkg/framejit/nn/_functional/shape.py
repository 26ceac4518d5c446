"""Padding, embeddings, distances and the rearranging functions."""

from framejit import _C
from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._C import Tensor
from framejit._common import HALVES, suggested_format

from .dropout import dropout


def pad(input: Tensor, pad, mode: str = "constant", value: float | None = None):
    """Pad the last dimensions by the pairs in `pad`, innermost first.

    input (Tensor), pad (sequence of int), mode (str), value (float or None). Raises ValueError (Padding mode "…"
    doesn't take in value argument), NotImplementedError (Unrecognised padding mode …; Only 2D, 3D, 4D, 5D padding with
    non-constant padding are supported for now).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.pad(framejit.tensor([1.0, 2.0]), (1, 2))
    tensor([0., 1., 2., 0., 0.])
    """
    if mode == "constant":
        return _t.constant_pad_nd(input, pad, 0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in _PAD_OPS:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    spatial = len(pad) // 2
    if len(pad) % 2 or input.dim() not in (spatial + 1, spatial + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    if mode != "circular" and 0 in input.shape[-spatial - 1 :]:
        raise RuntimeError(
            f"Expected {spatial + 1}D or {spatial + 2}D (batch mode) tensor with possibly 0 batch size and other non-zero "
            f"dimensions for input, but got: {list(input.shape)}"
        )
    if _C.is_autocast_enabled("cpu"):
        (input,) = _C._autocast_args(f"{_PAD_OPS[mode]}{spatial}d", input)
    result = getattr(_t, _PAD_OPS[mode])(input, pad)
    return result if mode == "circular" else result.contiguous(memory_format=suggested_format(input))


_PAD_OPS = {"reflect": "reflection_pad", "replicate": "replication_pad", "circular": "circular_pad"}


def one_hot(tensor: Tensor, num_classes: int = -1):
    """A new last dimension with a one at each value's place; -1 classes means as many as the largest value needs.

    tensor (Tensor of int64), num_classes (int). Raises RuntimeError (Can not infer total number of classes from empty
    tensor).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.one_hot(framejit.tensor([0, 2]), 3)
    tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    if num_classes == -1:
        if tensor.numel() == 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max()) + 1
    return _t.one_hot(tensor, num_classes)


def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
):
    """Rows of `weight` looked up by index; the row `padding_idx` gets no gradient.

    input (Tensor of int64), weight (Tensor), padding_idx (int or None), max_norm (float or None), norm_type (float),
    scale_grad_by_freq, sparse (bool): the gradient of `weight` is a sparse COO tensor. Raises AssertionError (Padding_idx
    must be within num_embeddings).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.embedding(framejit.tensor([2, 0]), framejit.tensor([[1.0], [2.0], [3.0]]))
    tensor([[3.],
            [1.]])
    """
    if padding_idx is None:
        padding_idx = -1
    else:
        if not -weight.size(0) <= padding_idx < weight.size(0):
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= weight.size(0)
    if max_norm is not None:
        _renormalize_rows(weight, input, max_norm, norm_type)
    if sparse and weight.requires_grad:
        return _sparse_lookup()(weight, input, padding_idx, scale_grad_by_freq)
    return _t.embedding(weight, input, padding_idx, scale_grad_by_freq, False)


def _sparse_lookup():
    from framejit.sparse._lookup import lookup

    return lookup


def _renormalize_rows(weight, index, max_norm, norm_type):
    """Shrink in place the rows looked up that are longer than `max_norm`."""
    from framejit.autograd.grad_mode import no_grad

    with no_grad():
        rows = index.reshape(-1).to(_t.int64)  # the same row gets the same values twice
        chosen = weight.index_select(0, rows)
        norm = chosen.norm(norm_type, 1, keepdim=True)
        weight.index_copy_(0, rows, _t.where(norm > max_norm, chosen * (max_norm / (norm + 1e-7)), chosen))


def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None):
    """input1[..., i] * weight[o, i, j] * input2[..., j], summed over i and j.

    input1, input2, weight (Tensor), bias (Tensor or None). Raises RuntimeError (bilinear(): input … do not match).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.bilinear(framejit.tensor([[1.0, 2.0]]), framejit.tensor([[3.0]]), framejit.ones(1, 2, 1))
    tensor([[9.]])
    """
    return _t.bilinear(input1, input2, weight, bias)


def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8):
    """The cosine of the angle between x1 and x2 along `dim`.

    x1, x2 (Tensor), dim (int), eps (float). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.cosine_similarity(framejit.tensor([[1.0, 0.0]]), framejit.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    return _t.cosine_similarity(x1, x2, dim, eps)


def pairwise_distance(x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
    """The p-norm of x1 - x2 + eps along the last dimension.

    x1, x2 (Tensor), p, eps (float), keepdim (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.pairwise_distance(framejit.tensor([[0.0, 0.0]]), framejit.tensor([[3.0, 4.0]]))
    tensor([5.0000])
    """
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def _planes(name, input):
    if input.dim() < 3:
        raise RuntimeError(
            f"{name} expects input to have at least 3 dimensions, but got input with {input.dim()} dimension(s)"
        )


def pixel_shuffle(input: Tensor, upscale_factor: int):
    """(*, C r², H, W) to (*, C, H r, W r).

    input (Tensor), upscale_factor (int). Raises RuntimeError.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.pixel_shuffle(framejit.rand(1, 4, 3, 3), 2).shape
    framejit.Size([1, 1, 6, 6])
    """
    _planes("pixel_shuffle", input)
    *batch, channels, height, width = input.shape
    r = upscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_shuffle expects a positive upscale_factor, but got {r}")
    if channels % (r * r):
        raise RuntimeError(
            f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    split = input.reshape(*batch, channels // (r * r), r, r, height, width)
    n = len(batch)
    moved = split.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    result = moved.reshape(*batch, channels // (r * r), height * r, width * r)
    return result.contiguous(memory_format=suggested_format(input))


def pixel_unshuffle(input: Tensor, downscale_factor: int):
    """(*, C, H r, W r) to (*, C r², H, W).

    input (Tensor), downscale_factor (int). Raises RuntimeError (pixel_unshuffle expects height and width to be
    divisible by downscale_factor).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.pixel_unshuffle(framejit.rand(1, 1, 6, 6), 2).shape
    framejit.Size([1, 4, 3, 3])
    """
    _planes("pixel_unshuffle", input)
    *batch, channels, height, width = input.shape
    r = downscale_factor
    if r <= 0:
        raise RuntimeError(f"pixel_unshuffle expects a positive downscale_factor, but got {r}")
    if height % r or width % r:
        raise RuntimeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but got "
            f"{height} and {width} with downscale_factor={r}"
        )
    split = input.reshape(*batch, channels, height // r, r, width // r, r)
    n = len(batch)
    moved = split.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    result = moved.reshape(*batch, channels * r * r, height // r, width // r)
    return result.contiguous(memory_format=suggested_format(input))


def channel_shuffle(input: Tensor, groups: int):
    """Interleave the channels of `groups` groups.

    input (Tensor), groups (int). Raises RuntimeError (Number of channels must be divisible by groups. Got … channels
    and … groups).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.channel_shuffle(framejit.arange(4.0).reshape(1, 4, 1, 1), 2).flatten()
    tensor([0., 2., 1., 3.])
    """
    if input.dim() <= 2:
        raise RuntimeError(f"channel_shuffle expects input with > 2 dims, but got input with sizes {list(input.shape)}")
    batch, channels = input.shape[:2]
    if groups <= 0:
        raise RuntimeError(f"Number of groups to divide channels in must be positive. Value of groups:{groups}")
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    split = input.reshape(batch, groups, channels // groups, *input.shape[2:])
    return split.transpose(1, 2).reshape(input.shape).contiguous(memory_format=suggested_format(input))


@listed("query", "key", "value", "attn_mask")
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
):
    """softmax(query @ keyᵀ * scale + mask) @ value.

    query, key, value (Tensor), attn_mask (Tensor or None), dropout_p (float), is_causal (bool), scale (float or None),
    enable_gqa (bool). Raises RuntimeError (Explicit attn_mask should not be set when is_causal=True).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> q = framejit.rand(2, 4, 5, 8)
    >>> F.scaled_dot_product_attention(q, q, q, is_causal=True).shape
    framejit.Size([2, 4, 5, 8])
    """
    if min(query.dim(), key.dim(), value.dim()) < 2:
        raise RuntimeError(
            "scaled_dot_product_attention: Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"query.dim: {query.dim()} key.dim: {key.dim()} and value.dim: {value.dim()} instead."
        )
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    scale = query.size(-1) ** -0.5 if scale is None else scale
    made = query.dtype
    half = made in HALVES and made == key.dtype == value.dtype
    if half:  # rounded once, as in PyTorch
        query, key, value = query.float(), key.float(), value.float()
    scores = (query * scale) @ key.transpose(-2, -1)
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError("scaled_dot_product_attention: Explicit attn_mask should not be set when is_causal=True")
        attn_mask = _t.ones(query.size(-2), key.size(-2), dtype=_t.bool, device=query.device).tril()
    if attn_mask is not None:
        if attn_mask.dtype == _t.bool:
            scores = scores.masked_fill(attn_mask.logical_not(), float("-inf"))
        else:
            scores = scores + attn_mask
    weights = scores.softmax(-1)
    if dropout_p > 0.0:
        weights = dropout(weights, dropout_p)
    return (weights @ value).to(made) if half else weights @ value
