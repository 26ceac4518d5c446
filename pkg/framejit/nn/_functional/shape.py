"""Padding, embeddings, distances and the rearranging functions."""

from framejit import _C
from framejit import _ops as _t
from framejit._autocast_lists import listed
from framejit._functions import broadcast_tensors

from .dropout import dropout


def pad(input, pad, mode="constant", value=None):
    """Pad the last dimensions by the pairs in `pad`, innermost first."""
    if mode == "constant":
        return _t.constant_pad_nd(input, pad, 0 if value is None else value)
    if value is not None and value != 0:
        raise ValueError(f'Padding mode "{mode}" doesn\'t take in value argument')
    if mode not in _PAD_OPS:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    spatial = len(pad) // 2
    if len(pad) % 2 or input.dim() not in (spatial + 1, spatial + 2):
        raise NotImplementedError("Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now")
    if _C.is_autocast_enabled("cpu"):
        (input,) = _C._autocast_args(f"{_PAD_OPS[mode]}{spatial}d", input)
    return getattr(_t, _PAD_OPS[mode])(input, pad)


_PAD_OPS = {"reflect": "reflection_pad", "replicate": "replication_pad", "circular": "circular_pad"}


def one_hot(tensor, num_classes=-1):
    """A new last dimension with a one at each value's place; -1 classes means as many as the largest value needs."""
    if num_classes == -1:
        if tensor.numel() == 0:
            raise RuntimeError("Can not infer total number of classes from empty tensor.")
        num_classes = int(tensor.max()) + 1
    return _t.one_hot(tensor, num_classes)


def embedding(input, weight, padding_idx=None, max_norm=None, norm_type=2.0, scale_grad_by_freq=False, sparse=False):
    """Rows of `weight` looked up by index; the row `padding_idx` gets no gradient."""
    if padding_idx is None:
        padding_idx = -1
    else:
        if not -weight.size(0) <= padding_idx < weight.size(0):
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= weight.size(0)
    if max_norm is not None:
        _renormalize_rows(weight, input, max_norm, norm_type)
    if sparse:
        raise RuntimeError("embedding: sparse gradients are not supported")
    return _t.embedding(weight, input, padding_idx, scale_grad_by_freq, False)


def _renormalize_rows(weight, index, max_norm, norm_type):
    """Shrink in place the rows looked up that are longer than `max_norm`."""
    from framejit.autograd.grad_mode import no_grad

    with no_grad():
        rows = _t.tensor(sorted(set(index.reshape(-1).tolist())), dtype=_t.int64)
        chosen = weight.index_select(0, rows)
        norm = chosen.norm(norm_type, 1, keepdim=True)
        weight[rows] = _t.where(norm > max_norm, chosen * (max_norm / (norm + 1e-7)), chosen)


def bilinear(input1, input2, weight, bias=None):
    """input1[..., i] * weight[o, i, j] * input2[..., j], summed over i and j."""
    result = _t.einsum("...i,oij,...j->...o", [input1, weight, input2])
    return result if bias is None else result + bias


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between x1 and x2 along `dim`."""
    x1, x2 = broadcast_tensors(x1, x2)
    n1 = x1.norm(2, dim, keepdim=True).clamp_min(eps)
    n2 = x2.norm(2, dim, keepdim=True).clamp_min(eps)
    return ((x1 / n1) * (x2 / n2)).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return (x1 - x2 + eps).norm(p, -1, keepdim)


def pixel_shuffle(input, upscale_factor):
    """(*, C r², H, W) to (*, C, H r, W r)."""
    *batch, channels, height, width = input.shape
    r = upscale_factor
    if channels % (r * r):
        raise RuntimeError(
            f"pixel_shuffle expects its input's 'channel' dimension to be divisible by the square of "
            f"upscale_factor, but input.size(-3)={channels} is not divisible by {r * r}"
        )
    split = input.reshape(*batch, channels // (r * r), r, r, height, width)
    n = len(batch)
    moved = split.permute(*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return moved.reshape(*batch, channels // (r * r), height * r, width * r)


def pixel_unshuffle(input, downscale_factor):
    """(*, C, H r, W r) to (*, C r², H, W)."""
    *batch, channels, height, width = input.shape
    r = downscale_factor
    if height % r or width % r:
        raise RuntimeError(
            f"pixel_unshuffle expects height and width to be divisible by downscale_factor, but got "
            f"{height} and {width} with downscale_factor={r}"
        )
    split = input.reshape(*batch, channels, height // r, r, width // r, r)
    n = len(batch)
    moved = split.permute(*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return moved.reshape(*batch, channels * r * r, height // r, width // r)


def channel_shuffle(input, groups):
    """Interleave the channels of `groups` groups."""
    batch, channels = input.shape[:2]
    if channels % groups:
        raise RuntimeError(
            f"Number of channels must be divisible by groups. Got {channels} channels and {groups} groups."
        )
    split = input.reshape(batch, groups, channels // groups, *input.shape[2:])
    return split.transpose(1, 2).reshape(input.shape)


@listed("query", "key", "value", "attn_mask")
def scaled_dot_product_attention(
    query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, enable_gqa=False
):
    """softmax(query @ keyᵀ * scale + mask) @ value."""
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    scale = query.size(-1) ** -0.5 if scale is None else scale
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
    return weights @ value
