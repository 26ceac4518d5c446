"""Rows of a matrix by index, with a sparse gradient."""

from framejit import _C
from framejit.autograd import Function
from framejit.dynamo.control import disable
from framejit.sparse._tensor import COO, make


class _Lookup(Function):
    @staticmethod
    def forward(ctx, weight, index, padding_idx, scale_grad_by_freq):
        ctx.save_for_backward(index)
        ctx.sizes, ctx.padding_idx, ctx.scale = tuple(weight.shape), padding_idx, scale_grad_by_freq
        return _C.embedding(weight, index)

    @staticmethod
    def backward(ctx, grad):
        if ctx.scale:
            raise RuntimeError("embedding_backward: scale_grad_by_freq not supported with sparse gradients")
        index = ctx.saved_tensors[0].reshape(-1).to(_C.int64)
        rows = grad.reshape(-1, *ctx.sizes[1:])
        if ctx.padding_idx >= 0:
            kept = index != ctx.padding_idx
            index, rows = index[kept], rows[kept]
        return make(COO, ctx.sizes, (index.unsqueeze(0),), rows), None, None, None


@disable
def lookup(weight, index, padding_idx=-1, scale_grad_by_freq=False):
    """`embedding` whose gradient is a COO tensor of the rows looked up, one for each index.

    weight (Tensor of 2 dimensions), index (Tensor of int64 or int32), padding_idx (int): its row gets no gradient;
    scale_grad_by_freq (bool). Raises what `embedding` raises, and RuntimeError in the backward pass for
    scale_grad_by_freq.
    """
    return _Lookup.apply(weight, index, padding_idx, scale_grad_by_freq)
