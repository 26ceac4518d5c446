"""Multi-head attention as a module."""

import warnings

from framejit import _ops as _t
from framejit.nn import init
from framejit.nn._functional.attention import _canonical_mask, multi_head_attention_forward
from framejit.nn.parameter import Parameter

from .linear import Linear
from .module import Module


class NonDynamicallyQuantizableLinear(Linear):
    """The Linear of the output projection; a class of its own because checkpoints and tools look for its name."""


class MultiheadAttention(Module):
    """Attention with several heads: softmax(Q Kᵀ / sqrt(head_dim)) V per head, then a linear map.

    Inputs (L, N, E), or (N, L, E) with `batch_first`, or (L, E); returns the output and the weights, or None for them.

    embed_dim, num_heads (int), dropout (float), bias, add_bias_kv, add_zero_attn (bool), kdim, vdim (int or None),
    device (framejit.device or str or None), dtype (framejit.dtype or None). Raises ValueError (embed_dim and num_heads
    must be greater than 0), AssertionError (embed_dim must be divisible by num_heads).

    >>> import framejit
    >>> from framejit import nn
    >>> x = framejit.rand(2, 5, 8)
    >>> out, weights = nn.MultiheadAttention(8, 2, batch_first=True)(x, x, x)
    >>> out.shape, weights.shape
    (framejit.Size([2, 5, 8]), framejit.Size([2, 5, 5]))
    """

    __constants__ = ["batch_first"]

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device=None,
        dtype=None,
    ):
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        self.add_zero_attn = add_zero_attn
        new = lambda *shape: Parameter(_t.empty(shape, device=device, dtype=dtype))
        separate = (
            (None,) * 3
            if self._qkv_same_embed_dim
            else tuple(new(embed_dim, n) for n in (embed_dim, self.kdim, self.vdim))
        )
        for name, weight in zip(("q_proj_weight", "k_proj_weight", "v_proj_weight"), separate):
            self.register_parameter(name, weight)
        self.register_parameter("in_proj_weight", new(3 * embed_dim, embed_dim) if self._qkv_same_embed_dim else None)
        self.register_parameter("in_proj_bias", new(3 * embed_dim) if bias else None)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, device=device, dtype=dtype)
        self.bias_k = new(1, 1, embed_dim) if add_bias_kv else None
        self.bias_v = new(1, 1, embed_dim) if add_bias_kv else None
        self._reset_parameters()

    def _reset_parameters(self):
        for weight in (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight):
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def __setstate__(self, state):
        state.setdefault("_qkv_same_embed_dim", True)
        super().__setstate__(state)

    def forward(
        self,
        query,
        key,
        value,
        key_padding_mask=None,
        need_weights=True,
        attn_mask=None,
        average_attn_weights=True,
        is_causal=False,
    ):
        turned = self.batch_first and query.dim() == 3
        if turned:
            query, key, value = _transposed(query, key, value)
        if key_padding_mask is not None and attn_mask is not None and key_padding_mask.dtype != attn_mask.dtype:
            warnings.warn(
                "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for both instead.",
                stacklevel=2,
            )
        out, weights = multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (out.transpose(1, 0) if turned else out), weights

    def merge_masks(self, attn_mask, key_padding_mask, query):
        """Both masks as one of shape (N, heads, L, S) and its type code: 0 attention, 1 padding, 2 both, None none."""
        kind = None if key_padding_mask is None else 1
        merged = key_padding_mask
        if attn_mask is not None:
            batch, length, _ = query.shape
            attn_mask = (
                attn_mask.view(batch, -1, length, length)
                if attn_mask.dim() == 3
                else attn_mask.view(1, 1, length, length)
            )
            merged = attn_mask.expand(batch, self.num_heads, -1, -1)
            kind = 2
            if key_padding_mask is not None:
                rows = key_padding_mask.view(batch, 1, 1, length).expand(-1, self.num_heads, -1, -1)
                merged = merged + rows
        return merged, kind


def _transposed(query, key, value):
    """Batch and length exchanged; what was one object stays one, so that one product serves all three."""
    if key is value:
        if query is key:
            return (query.transpose(1, 0),) * 3
        key = key.transpose(1, 0)
        return query.transpose(1, 0), key, key
    return query.transpose(1, 0), key.transpose(1, 0), value.transpose(1, 0)


__all__ = ["MultiheadAttention", "NonDynamicallyQuantizableLinear", "_canonical_mask"]
