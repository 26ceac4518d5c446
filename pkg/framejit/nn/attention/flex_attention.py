"""Attention with scores and masks that are functions of the places: `flex_attention` and the masks it takes.

`score_mod(score, batch, head, q_index, kv_index)` and `mask_mod(batch, head, q_index, kv_index)` are written for numbers and
are mapped over all places at once. Blocks say which parts of the score matrix a mask leaves empty; all of it is computed.
"""

import math
from typing import Any, NamedTuple

from framejit import _ops as _t
from framejit.func import vmap

__all__ = [
    "AuxOutput",
    "AuxRequest",
    "BlockMask",
    "FlexKernelOptions",
    "and_masks",
    "create_block_mask",
    "create_mask",
    "flex_attention",
    "noop_mask",
    "or_masks",
]

FlexKernelOptions = dict


class AuxRequest(NamedTuple):
    """What `flex_attention` is asked to give beside the output."""

    lse: bool = False
    max_scores: bool = False


class AuxOutput(NamedTuple):
    """What was asked for: the log-sum-exp and the largest of each row of scores."""

    lse: Any = None
    max_scores: Any = None


# --- masks ---


def noop_mask(batch, head, token_q, token_kv):
    """A mask that hides nothing."""
    return batch.new_ones(batch.shape, dtype=_t.bool)


def _combined(masks, start, join):
    if not all(callable(mask) for mask in masks):
        raise RuntimeError(f"All inputs should be callable mask_mods: {masks}")

    def mask(b, h, q_idx, kv_idx):
        result = b.new_full((), start, dtype=_t.bool)
        for each in masks:
            result = join(result, each(b, h, q_idx, kv_idx))
        return result

    return mask


def and_masks(*mask_mods):
    """The mask that shows what all of them show."""
    return _combined(mask_mods, True, lambda a, b: a & b)


def or_masks(*mask_mods):
    """The mask that shows what any of them shows."""
    return _combined(mask_mods, False, lambda a, b: a | b)


def _mapped(function, scores=()):
    """The function of numbers over [B, H, Q, KV]; `scores` is (0,) where it takes the score first."""
    lead = [[d for d in scores] for _ in range(4)]
    places = ((None, None, None, 0), (None, None, 0, None), (None, 0, None, None), (0, None, None, None))
    for first, dims in zip(lead, places):
        function = vmap(function, in_dims=(*first, *dims))
    return function


def _places(B, H, Q, KV):
    return _t.arange(B), _t.arange(H), _t.arange(Q), _t.arange(KV)


def create_mask(mod_fn, B, H, Q_LEN, KV_LEN, device=None):
    """The mask of a mask function, or what a score function adds to zero scores, as a tensor [B, H, Q_LEN, KV_LEN].

    >>> from framejit.nn.attention.flex_attention import create_mask
    >>> create_mask(lambda b, h, q, kv: q >= kv, 1, 1, 2, 2).tolist()
    [[[[True, False], [True, True]]]]
    """
    import inspect

    B, H = 1 if B is None else B, 1 if H is None else H
    places = _places(B, H, Q_LEN, KV_LEN)
    count = len(inspect.signature(mod_fn).parameters)
    if count == 5:
        return _mapped(mod_fn, (0,))(_t.zeros(B, H, Q_LEN, KV_LEN), *places)
    return _mapped(mod_fn)(*places).expand(B, H, Q_LEN, KV_LEN)


# --- blocks ---


def _ordered(dense):
    """For each row of blocks how many are used, and all of them, the used ones first."""
    dense = dense.to(_t.int32)
    return dense.sum(-1).to(_t.int32), dense.argsort(dim=-1, descending=True, stable=True).to(_t.int32)


def _dense(counts, indices):
    """The reverse of `_ordered`."""
    columns = indices.shape[-1]
    used = _t.arange(columns, dtype=_t.int32) < counts.unsqueeze(-1)
    return _t.zeros(indices.shape, dtype=_t.int32).scatter(-1, indices.to(_t.int64), used.to(_t.int32))


class BlockMask:
    """Which blocks of a score matrix a mask leaves something of, and which it leaves whole."""

    def __init__(
        self, seq_lengths, kv_num_blocks, kv_indices, full_kv_num_blocks, full_kv_indices, q_num_blocks, q_indices,
        full_q_num_blocks, full_q_indices, BLOCK_SIZE, mask_mod,
    ):  # fmt: skip
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if (full_kv_num_blocks is None) != (full_kv_indices is None):
            raise AssertionError("full_kv_num_blocks and full_kv_indices must be both provided or omitted")
        self.seq_lengths = seq_lengths
        self.kv_num_blocks = kv_num_blocks
        self.kv_indices = kv_indices
        self.full_kv_num_blocks = full_kv_num_blocks
        self.full_kv_indices = full_kv_indices
        self.q_num_blocks = q_num_blocks
        self.q_indices = q_indices
        self.full_q_num_blocks = full_q_num_blocks
        self.full_q_indices = full_q_indices
        self.BLOCK_SIZE = BLOCK_SIZE
        self.mask_mod = mask_mod

    @classmethod
    def from_kv_blocks(
        cls, kv_num_blocks, kv_indices, full_kv_num_blocks=None, full_kv_indices=None, BLOCK_SIZE=128, mask_mod=None,
        seq_lengths=None, compute_q_blocks=True,
    ):  # fmt: skip
        """From the blocks of keys that each block of queries looks at."""
        if kv_indices.dim() < 2:
            raise RuntimeError("BlockMask must have at least 2 dimensions")
        if isinstance(BLOCK_SIZE, int):
            BLOCK_SIZE = (BLOCK_SIZE, BLOCK_SIZE)
        by_query = lambda counts, indices: _ordered(_dense(counts, indices).mT)
        q = full_q = (None, None)
        if compute_q_blocks:
            q = by_query(kv_num_blocks, kv_indices)
            if full_kv_num_blocks is not None:
                full_q = by_query(full_kv_num_blocks, full_kv_indices)
        if seq_lengths is None:
            seq_lengths = (kv_indices.shape[-2] * BLOCK_SIZE[0], kv_indices.shape[-1] * BLOCK_SIZE[1])
        mask_mod = noop_mask if mask_mod is None else mask_mod
        return cls(
            seq_lengths,
            kv_num_blocks,
            kv_indices,
            full_kv_num_blocks,
            full_kv_indices,
            *q,
            *full_q,
            BLOCK_SIZE,
            mask_mod,
        )

    @property
    def shape(self):
        """(…, Q_LEN, KV_LEN)"""
        return (*self.kv_indices.shape[:-2], *self.seq_lengths)

    def numel(self):
        """The number of scores."""
        return math.prod(self.shape)

    def as_tuple(self, flatten=True):
        """All parts."""
        size = (*self.BLOCK_SIZE,) if flatten else (self.BLOCK_SIZE,)
        lengths = (*self.seq_lengths,) if flatten else (self.seq_lengths,)
        return (
            *lengths, self.kv_num_blocks, self.kv_indices, self.full_kv_num_blocks, self.full_kv_indices, self.q_num_blocks,
            self.q_indices, self.full_q_num_blocks, self.full_q_indices, *size, self.mask_mod,
        )  # fmt: skip

    def to_dense(self):
        """1 for each block that something is left of."""
        partial = _dense(self.kv_num_blocks, self.kv_indices)
        if self.full_kv_num_blocks is None:
            return partial
        return partial | _dense(self.full_kv_num_blocks, self.full_kv_indices)

    def sparsity(self):
        """The share of scores, in percent, in blocks that nothing is left of."""
        used = int(self.kv_num_blocks.sum())
        if self.full_kv_num_blocks is not None:
            used += int(self.full_kv_num_blocks.sum())
        return 100 * (1 - used * self.BLOCK_SIZE[0] * self.BLOCK_SIZE[1] / self.numel())

    def to(self, device):
        """The same: there is one device."""
        return self

    def __repr__(self):
        parts = [
            f"    {name}={getattr(self, name).shape}"
            for name in (
                "kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices",
                "full_q_num_blocks", "full_q_indices",
            )
            if getattr(self, name) is not None
        ]  # fmt: skip
        name = getattr(self.mask_mod, "__name__", self.mask_mod)
        parts += [
            f"    BLOCK_SIZE={self.BLOCK_SIZE}",
            f"    shape={self.shape}",
            f"    sparsity={self.sparsity():.2f}%",
        ]
        return "BlockMask(\n" + ",\n".join([*parts, f"    mask_mod={name}"]) + "\n)"


def create_block_mask(
    mask_mod, B, H, Q_LEN, KV_LEN, device=None, BLOCK_SIZE=128, _compile=False, separate_full_blocks=True
):
    """The blocks of a mask function."""
    import inspect

    if len(inspect.signature(mask_mod).parameters) != 4:
        raise AssertionError("create_block_mask requires a mask_mod function, which takes 4 arguments")
    size = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else tuple(BLOCK_SIZE)
    mask = create_mask(mask_mod, B, H, Q_LEN, KV_LEN)
    rows, columns = -(-Q_LEN // size[0]), -(-KV_LEN // size[1])
    padded = _t.zeros(*mask.shape[:2], rows * size[0], columns * size[1], dtype=_t.bool)
    padded[..., :Q_LEN, :KV_LEN] = mask
    left = padded.reshape(*mask.shape[:2], rows, size[0], columns, size[1]).sum((-3, -1))
    full = left == size[0] * size[1]
    if not separate_full_blocks:
        full = _t.zeros_like(full)
    partial = _ordered((left > 0) & ~full)
    whole = _ordered(full) if separate_full_blocks else (None, None)
    return BlockMask.from_kv_blocks(*partial, *whole, size, mask_mod, (Q_LEN, KV_LEN))


# --- attention ---


def _check_inputs(query, key, value, enable_gqa):
    if query.dim() != 4 or key.dim() != 4 or value.dim() != 4:
        raise NotImplementedError("NYI: query, key, and value must be 4D tensors")
    if query.dtype != key.dtype or query.dtype != value.dtype:
        raise ValueError(
            f"Expected query, key, and value to have the same dtype, but got query.dtype: {query.dtype}, "
            f"key.dtype: {key.dtype}, and value.dtype: {value.dtype} instead."
        )
    if query.size(-1) != key.size(-1):
        raise ValueError(f"Expect query and key/value to have the same embedding dimension but got E={query.size(-1)} and E={key.size(-1)}.")  # fmt: skip
    if not enable_gqa and query.size(1) != key.size(1):
        raise ValueError(
            f"Expect query and key/value to have the same number of heads but got Hq={query.size(1)} and Hkv={key.size(1)}. "
            "Try setting enable_gqa=True for GQA."
        )
    if query.size(1) % key.size(1):
        raise ValueError(f"Expect number of query heads to be a multiple of kv heads for GQA but got Hq={query.size(1)} and Hkv={key.size(1)}.")  # fmt: skip


def flex_attention(
    query, key, value, score_mod=None, block_mask=None, scale=None, enable_gqa=False, return_lse=False, kernel_options=None,
    *, return_aux=None,
):  # fmt: skip
    """softmax(score_mod(query keyᵀ scale), masked) value of [B, H, L, E] tensors.

    A row that the mask leaves nothing of gives zeros. `return_lse` gives the log-sum-exp of each row, too.

    >>> import framejit
    >>> from framejit.nn.attention.flex_attention import flex_attention
    >>> x = framejit.ones(1, 1, 2, 4)
    >>> flex_attention(x, x, x, lambda score, b, h, q, kv: score + q - kv).shape
    framejit.Size([1, 1, 2, 4])
    """
    _check_inputs(query, key, value, enable_gqa)
    groups = query.size(1) // key.size(1)
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scale = 1.0 / math.sqrt(query.size(-1)) if scale is None else scale
    scores = (query @ key.mT).to(_t.promote_types(query.dtype, _t.float32)) * scale
    places = _places(*scores.shape)
    if score_mod is not None:
        scores = _mapped(score_mod, (0,))(scores, *places)
    if block_mask is not None:
        scores = _masked(scores, block_mask, places)
    highest = scores.amax(-1, True)
    empty = highest == -math.inf
    weights = (scores - highest.masked_fill(empty, 0.0)).exp()
    total = weights.sum(-1, True)
    output = (weights / total.masked_fill(empty, 1.0)).to(query.dtype) @ value
    if not return_lse and return_aux is None:
        return output
    lse = (total.log() + highest).squeeze(-1)
    if return_aux is None:
        return output, lse
    return output, AuxOutput(lse if return_aux.lse else None, highest.squeeze(-1) if return_aux.max_scores else None)


def _masked(scores, block_mask, places):
    """-inf where the mask or its blocks hide a score."""
    B, H, Q, KV = scores.shape
    if Q > block_mask.seq_lengths[0] or KV > block_mask.seq_lengths[1]:
        raise ValueError(f"block_mask was created for block_mask.shape={block_mask.shape} but got q_len={Q} and kv_len={KV}.")  # fmt: skip
    shown = _mapped(block_mask.mask_mod)(*places).expand(B, H, Q, KV)
    blocks = block_mask.to_dense().bool()
    blocks = blocks.repeat_interleave(block_mask.BLOCK_SIZE[0], -2).repeat_interleave(block_mask.BLOCK_SIZE[1], -1)
    return scores.masked_fill(~(shown & blocks[..., :Q, :KV]), -math.inf)
