"""Multi-head attention as a function, after "Attention Is All You Need" (Vaswani et al. 2017) in PyTorch's terms."""

import math

from framejit import _ops as _t
from framejit._C import Tensor

from .dropout import dropout as _dropout
from .shape import pad as _pad
from .shape import scaled_dot_product_attention


def _canonical_mask(mask, name, target, other=None, check_other=True):
    """A boolean mask as an additive one of the query's dtype; a float one as it is."""
    if mask is None:
        return None
    if mask.dtype != _t.bool and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if mask.dtype != _t.bool:
        return mask
    return _t.zeros(mask.shape, dtype=target, device=mask.device).masked_fill_(mask, float("-inf"))


def _projected(query, key, value, embed_dim, use_separate, in_w, in_b, q_w, k_w, v_w):
    """The three inputs through their weights."""
    if use_separate:
        biases = (None,) * 3 if in_b is None else in_b.chunk(3)
        return tuple(_t.linear(x, w, b) for x, w, b in zip((query, key, value), (q_w, k_w, v_w), biases))
    if key is value and query is key:
        return _t.linear(query, in_w, in_b).split([embed_dim] * 3, -1)
    biases = (None,) * 3 if in_b is None else in_b.chunk(3)
    return tuple(_t.linear(x, w, b) for x, w, b in zip((query, key, value), in_w.chunk(3), biases))


def _check_inputs(query, key, value, key_padding_mask, attn_mask, num_heads):
    """True where the query is batched; the dimensions must fit one another."""
    kind = {3: "batched", 2: "unbatched"}.get(query.dim())
    if kind is None:
        raise AssertionError(
            f"query should be unbatched 2D or batched 3D tensor but received {query.dim()}-D query tensor"
        )
    if key.dim() != query.dim() or value.dim() != query.dim():
        raise AssertionError(
            f"For {kind} ({query.dim()}-D) `query`, expected `key` and `value` to be {query.dim()}-D but found {key.dim()}-D and "
            f"{value.dim()}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.dim() != query.dim() - 1:
        raise AssertionError(
            f"For {kind} ({query.dim()}-D) `query`, expected `key_padding_mask` to be `None` or {query.dim() - 1}-D but found "
            f"{key_padding_mask.dim()}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.dim() not in (2, 3):
        raise AssertionError(
            f"For {kind} ({query.dim()}-D) `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found "
            f"{attn_mask.dim()}-D tensor instead"
        )
    if query.dim() == 2 and attn_mask is not None and attn_mask.dim() == 3:
        expected = (num_heads, query.shape[0], key.shape[0])
        if tuple(attn_mask.shape) != expected:
            raise AssertionError(f"Expected `attn_mask` shape to be {expected} but got {tuple(attn_mask.shape)}")
    return query.dim() == 3


def _three_dimensional(attn_mask, rows, tgt, src):
    if attn_mask is None:
        return None
    expected = (tgt, src) if attn_mask.dim() == 2 else (rows, tgt, src)
    if tuple(attn_mask.shape) != expected:
        raise RuntimeError(
            f"The shape of the {attn_mask.dim()}D attn_mask is {tuple(attn_mask.shape)}, but should be {expected}."
        )
    return attn_mask.unsqueeze(0) if attn_mask.dim() == 2 else attn_mask


def _longer_mask(mask, by=1):
    """The mask with `by` more source positions, which nothing hides."""
    return mask if mask is None else _pad(mask, (0, by))


def _extended(k, v, attn_mask, padding_mask, bias_k, bias_v):
    """Keys and values (S, N, E) with the learned extra position."""
    if bias_k is None or bias_v is None:
        return k, v, attn_mask, padding_mask
    k = _t.cat([k, bias_k.repeat(1, k.size(1), 1)])
    v = _t.cat([v, bias_v.repeat(1, v.size(1), 1)])
    return k, v, _longer_mask(attn_mask), _longer_mask(padding_mask)


def _heads(x, given, rows, head_dim):
    """(S, N, E) as (N * heads, S, head_dim); a `given` one is taken as it is."""
    if given is not None:
        return given
    return x.reshape(x.size(0), rows, head_dim).transpose(0, 1)


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
):
    """Attention of `query` (L, N, E) over `key` and `value` (S, N, E); all 2-D where there is no batch.

    Boolean masks are True where a position is hidden; float masks are added to the scores. Returns the output (L, N,
    E) and the weights (N, L, S), averaged over heads or not, or None.

    key (Tensor), embed_dim_to_check, num_heads (int), in_proj_weight, in_proj_bias, bias_k, bias_v (Tensor or None),
    add_zero_attn (bool), dropout_p (float), out_proj_weight (Tensor), out_proj_bias (Tensor or None), training (bool),
    key_padding_mask (Tensor or None), need_weights (bool), attn_mask (Tensor or None), use_separate_proj_weight
    (bool), q_proj_weight, k_proj_weight, v_proj_weight, static_k, static_v (Tensor or None), average_attn_weights,
    is_causal (bool). Raises RuntimeError (Need attn_mask if specifying the is_causal hint), AssertionError (was
    expecting embedding dimension of …; embed_dim … not divisible by num_heads …; expecting key_padding_mask shape of
    …).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> x, w = framejit.rand(5, 2, 8), framejit.rand(24, 8)
    >>> out, weights = F.multi_head_attention_forward(
    ...     x, x, x, 8, 2, w, None, None, None, False, 0.0, framejit.eye(8), None)
    >>> out.shape, weights.shape
    (framejit.Size([5, 2, 8]), framejit.Size([2, 5, 5]))
    """
    batched = _check_inputs(query, key, value, key_padding_mask, attn_mask, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError("Need attn_mask if specifying the is_causal hint.")
    if not batched:
        same = key is query, value is key
        query = query.unsqueeze(1)
        key = query if same[0] else key.unsqueeze(1)
        value = key if same[1] else value.unsqueeze(1)
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    tgt, batch, embed_dim = query.shape
    if embed_dim != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {embed_dim}")
    head_dim = embed_dim // num_heads
    if head_dim * num_heads != embed_dim:
        raise AssertionError(f"embed_dim {embed_dim} not divisible by num_heads {num_heads}")
    src = key.size(0)
    # a causal hint with a mask that nobody else needs lets the kernel make the mask itself
    use_hint = is_causal and key_padding_mask is None and not need_weights
    padding_mask = _canonical_mask(key_padding_mask, "key_padding_mask", query.dtype)
    attn_mask = (
        None
        if use_hint
        else _three_dimensional(_canonical_mask(attn_mask, "attn_mask", query.dtype), batch * num_heads, tgt, src)
    )

    q, k, v = _projected(
        query, key, value, embed_dim, use_separate_proj_weight, in_proj_weight, in_proj_bias, q_proj_weight, k_proj_weight, v_proj_weight
    )  # fmt: skip
    k, v, attn_mask, padding_mask = _extended(k, v, attn_mask, padding_mask, bias_k, bias_v)
    rows = batch * num_heads
    q = _heads(q, None, rows, head_dim)
    k, v = _heads(k, static_k, rows, head_dim), _heads(v, static_v, rows, head_dim)
    if add_zero_attn:
        k = _t.cat([k, k.new_zeros(rows, 1, head_dim)], 1)
        v = _t.cat([v, v.new_zeros(rows, 1, head_dim)], 1)
        attn_mask, padding_mask = _longer_mask(attn_mask), _longer_mask(padding_mask)
    src = k.size(1)
    if padding_mask is not None:
        if tuple(padding_mask.shape) != (batch, src):
            raise AssertionError(
                f"expecting key_padding_mask shape of {(batch, src)}, but got {tuple(padding_mask.shape)}"
            )
        spread = padding_mask.view(batch, 1, 1, src).expand(-1, num_heads, -1, -1).reshape(rows, 1, src)
        attn_mask = spread if attn_mask is None else attn_mask + spread
    drop = dropout_p if training else 0.0
    return _attend(
        q,
        k,
        v,
        attn_mask,
        drop,
        use_hint,
        batched,
        need_weights,
        average_attn_weights,
        num_heads,
        out_proj_weight,
        out_proj_bias,
    )


def _attend(q, k, v, mask, drop, causal, batched, need_weights, average, num_heads, out_w, out_b):
    """The attention itself over (N * heads, L, D), the output's projection, and the weights if wanted."""
    rows, tgt, head_dim = q.shape
    src, batch = k.size(1), rows // num_heads
    weights = None
    if need_weights:
        scores = (q * math.sqrt(1.0 / head_dim)) @ k.transpose(-2, -1)
        weights = (scores if mask is None else scores + mask).softmax(-1)
        if drop > 0.0:
            weights = _dropout(weights, drop)
        out = weights @ v
    else:
        if mask is not None and mask.size(0) == 1:
            mask = mask.unsqueeze(0)
        elif mask is not None:
            mask = mask.view(batch, num_heads, -1, src)
        split = lambda x, length: x.reshape(batch, num_heads, length, head_dim)
        out = scaled_dot_product_attention(split(q, tgt), split(k, src), split(v, src), mask, drop, causal)
        out = out.reshape(rows, tgt, head_dim)
    out = out.transpose(0, 1).reshape(tgt * batch, num_heads * head_dim)
    out = _t.linear(out, out_w, out_b)
    out = out.reshape(tgt, batch, out.size(1))
    if weights is not None:
        weights = weights.view(batch, num_heads, tgt, src)
        weights = weights.mean(1) if average else weights
    if not batched:
        return out.squeeze(1), None if weights is None else weights.squeeze(0)
    return out, weights
