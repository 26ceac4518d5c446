"""Functions whose arguments have more forms than a row of the op table says: the rarer ones are turned into the row's."""

import math

from framejit import _C
from framejit._common import into

_norm, _nonzero, _repeat, _split = _C.norm, _C.nonzero, _C.repeat_interleave, _C.tensor_split
_index_put, _index_put_in_place = _C.index_put, _C.Tensor.index_put_
_empty_strided = _C.empty_strided
_search, _tensordot = _C.searchsorted, _C.tensordot


def norm(input, p="fro", dim=None, keepdim=False, out=None, dtype=None):
    """The vector norm over `dim`, or over all elements; 'nuc' and 'fro' are the matrix norms of two dimensions.

    input (Tensor), p (float or str), dim (int, tuple of int, or None), keepdim (bool), out (Tensor to write the result to
    or None), dtype (framejit.dtype or None). Raises RuntimeError for an unknown norm.

    >>> import framejit
    >>> framejit.norm(framejit.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if isinstance(p, str):
        if p == "fro":
            p = 2
            if dim is not None and not isinstance(dim, int) and len(dim) > 2:
                raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dim))}")
        elif p == "nuc":
            return into(out, _nuclear(input, (-2, -1) if dim is None else dim, keepdim, dtype))
        else:
            raise RuntimeError(f"only valid string values are 'fro' and 'nuc', found {p}")
    result = _norm(input, 2 if p is None else p, dim, keepdim, dtype=dtype)
    return into(out, result)


def _nuclear(x, dim, keepdim, dtype):
    if x.dim() < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    x = x if dtype is None else x.to(dtype)
    rows, cols = (d % max(x.dim(), 1) for d in dim)
    needs_vectors = _C.is_grad_enabled() and x.requires_grad
    result = _C._nn._linalg_svd_stack(x.movedim((rows, cols), (-2, -1)), False, needs_vectors)[1].sum(-1)
    for d in sorted((rows, cols)) if keepdim else ():
        result = result.unsqueeze(d)
    return result


def nonzero(input, *, out=None, as_tuple=False):
    """The places of the elements that are not zero: as rows, or (`as_tuple`) a tensor for each dimension.

    input (Tensor), out (Tensor to write the result to or None), as_tuple (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.nonzero(framejit.tensor([0, 3, 0, 1]), as_tuple=True)
    (tensor([1, 3]),)
    """
    if not as_tuple or not isinstance(input, _C.Tensor):  # which raises
        return into(out, _nonzero(input))
    return (_nonzero(input.reshape(1)) if input.dim() == 0 else _nonzero(input)).unbind(1)


def tensordot(a, b, dims=2, out=None):
    """The sum of products over pairs of dimensions: the last `dims` of `a` with the first of `b`, or two lists of them.

    a, b (Tensor), dims (int, or pair of sequences of int, or Tensor), out (Tensor to write the result to or None). Raises
    RuntimeError (tensordot expects dims >= 0; contracted dimensions need to match).

    >>> import framejit
    >>> framejit.tensordot(framejit.ones(2, 3), framejit.ones(3, 4), dims=1).shape
    framejit.Size([2, 4])
    """
    if isinstance(out, (list, tuple)):  # as graphs write it: two lists
        dims, out = (dims, out), None
    if isinstance(dims, _C.Tensor):
        dims = dims.tolist()
    if isinstance(dims, (list, tuple)):
        if len(dims) != 2:
            raise RuntimeError("tensordot expects dims to be int or tuple[list[int], list[int]]")
        first, second = (list(d) if isinstance(d, (list, tuple)) else [d] for d in dims)
    else:
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.dim(), b.dim()):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        first, second = list(range(-dims, 0)), list(range(dims))
    for i, k in zip(first, second):  # a size of 1 stretches: what stands against it is summed
        if -a.dim() <= i < a.dim() and -b.dim() <= k < b.dim() and a.shape[i] != b.shape[k]:
            if a.shape[i] == 1:
                b = b.sum(k, True)
            elif b.shape[k] == 1:
                a = a.sum(i, True)
    return into(out, _tensordot(a, b, first, second))


def repeat_interleave(input, repeats=None, dim=None, *, output_size=None):
    """Each element (of the flattened tensor, or along `dim`) repeated: as often as a number or a tensor says.

    input (Tensor), repeats (int or Tensor; alone, the input says how often each index is repeated), dim (int or None),
    output_size (int or None). Raises RuntimeError (repeats must have the same size as input along dim).

    >>> import framejit
    >>> framejit.repeat_interleave(framejit.tensor([7, 8]), framejit.tensor([1, 2]))
    tensor([7, 8, 8])
    """
    if repeats is None:
        return _spread(input)
    if not isinstance(repeats, _C.Tensor):
        return _repeat(input, repeats, dim)
    if dim is None:
        input, dim = input.reshape(-1), 0
    if repeats.numel() == 1 and repeats.dim() <= 1:
        repeats = repeats.reshape(1).expand(input.shape[dim])
    if repeats.dim() != 1:
        raise RuntimeError("repeats must be 0-dim or 1-dim tensor")
    if repeats.shape[0] != input.shape[dim]:
        raise RuntimeError(
            f"repeats must have the same size as input along dim, but got repeats.size(0) = {repeats.shape[0]} and "
            f"input.size({dim}) = {input.shape[dim]}"
        )
    return input.index_select(dim, _spread(repeats))


def _spread(repeats):
    """Index i as often as repeats[i] says."""
    if repeats.dim() != 1:
        raise RuntimeError("repeat_interleave only accept 1D vector as repeat")
    if repeats.dtype not in (_C.int64, _C.int32):
        raise RuntimeError("repeats has to be Long or Int tensor")
    if repeats.numel() == 0:
        return repeats.clone()
    if bool((repeats < 0).any()):
        raise RuntimeError("repeats can not be negative")
    ends = repeats.cumsum(0)
    total = int(ends[-1])
    return _search(ends, _C.arange(total, dtype=ends.dtype), right=True).to(repeats.dtype)


def tensor_split(input, indices_or_sections=None, dim=0, *, indices=None, sections=None):
    """Views of pieces along `dim`: so many of nearly equal size, or cut at indices.

    input (Tensor), indices_or_sections (int, sequence of int, or Tensor), dim, sections (int), indices (sequence of int). Raises RuntimeError (tensor_split
    expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor).

    >>> import framejit
    >>> [t.tolist() for t in framejit.tensor_split(framejit.arange(4), framejit.tensor([1, 3]))]
    [[0], [1, 2], [3]]
    """
    if indices_or_sections is None:
        indices_or_sections = sections if indices is None else indices
    if isinstance(indices_or_sections, _C.Tensor):
        where = indices_or_sections
        if where.dtype != _C.int64:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to have dtype of long, but got " + str(where.dtype)
            )
        if where.dim() > 1:
            raise RuntimeError(
                "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional tensor, but "
                f"got a tensor with {where.dim()} dims"
            )
        indices_or_sections = where.tolist()
    return _split(input, indices_or_sections, dim)


def empty_strided(size, stride, **options):
    """A tensor of unset memory with these sizes and strides, which may leave gaps or overlap.

    size, stride (sequence of int). Raises RuntimeError (dimensionality of sizes must match dimensionality of strides;
    negative strides).

    >>> import framejit
    >>> framejit.empty_strided((2, 3), (1, 4)).stride()
    (1, 4)
    """
    dense, expected = True, 1
    for n, step in sorted(zip(size, stride), key=lambda pair: pair[1]):
        dense = dense and (n == 1 or step == expected)
        expected *= n
    if dense or len(size) != len(stride) or 0 in size or min(stride) < 0:
        return _empty_strided(size, stride, **options)
    extent = 1 + sum((n - 1) * step for n, step in zip(size, stride))
    grad = options.pop("requires_grad", False)
    return _C.empty(extent, **options).as_strided(size, stride).requires_grad_(grad)


def new_empty_strided(self, size, stride, dtype=None, device=None, requires_grad=False, **options):
    """`empty_strided` of this tensor's dtype, or another.

    size, stride (sequence of int), dtype (framejit.dtype or None), device (framejit.device or None), requires_grad (bool).
    Raises what `empty_strided` raises.

    >>> import framejit
    >>> framejit.ones(1, dtype=framejit.int8).new_empty_strided((2, 3), (1, 2)).dtype
    framejit.int8
    """
    dtype = self.dtype if dtype is None else dtype
    return empty_strided(size, stride, dtype=dtype, requires_grad=requires_grad)


def _places(indices):
    """Masks among indices as the places of their True elements; indices without a mask as they are."""
    masks = [isinstance(i, _C.Tensor) and i.dtype in (_C.bool, _C.uint8) for i in indices]
    if not any(masks):
        return indices
    out = []
    for i, is_mask in zip(indices, masks):
        if is_mask:
            out.extend(nonzero(i, as_tuple=True))
        else:
            out.append(i)
    return out


def index_put(input, indices, values, accumulate=False):
    """The input with `values` written, or added (`accumulate`), where the indices say; masks are indices, too.

    input (Tensor), indices (sequence of Tensor or None), values (Tensor), accumulate (bool). Raises IndexError (index … is
    out of bounds).

    >>> import framejit
    >>> framejit.index_put(framejit.zeros(3), [framejit.tensor([True, False, True])], framejit.tensor(2.0))
    tensor([2., 0., 2.])
    """
    return _index_put(input, _places(indices), values, accumulate)


def index_put_(self, indices, values, accumulate=False):
    """Writes `values`, or adds them (`accumulate`), where the indices say; masks are indices, too. Gives this tensor back.

    indices (sequence of Tensor or None), values (Tensor), accumulate (bool). Raises IndexError (index … is out of bounds).

    >>> import framejit
    >>> framejit.zeros(3).index_put_([framejit.tensor([0, 0])], framejit.tensor([1.0, 2.0]), accumulate=True)
    tensor([3., 0., 0.])
    """
    return _index_put_in_place(self, _places(indices), values, accumulate)


def searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None, out=None):
    """Where each value belongs in sorted rows, so that they stay sorted: before equal ones, or (`right`) after them.

    sorted_sequence (Tensor), input (Tensor or float), out_int32, right (bool), side (str or None): "left" or "right",
    sorter (Tensor or None): an order that sorts the sequence, out (Tensor to write the result to or None). Raises
    RuntimeError (side can only be 'left' or 'right'; side and right can't be set to opposites).

    >>> import framejit
    >>> framejit.searchsorted(framejit.tensor([1.0, 2.0]), framejit.tensor([2.0]), side="right")
    tensor([2])
    """
    if side is not None:
        if side not in ("left", "right"):
            raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
        if right and side == "left":
            raise RuntimeError("torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True")  # fmt: skip
        right = side == "right"
    if out is not None and (out.dtype == _C.int32) != out_int32:
        raise RuntimeError("torch.searchsorted(): output tensor's dtype is wrong, it can only be Int(int32) or Long(int64)")  # fmt: skip
    if sorter is not None:
        if sorter.shape != sorted_sequence.shape:
            raise RuntimeError(
                "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor "
                f"{list(sorted_sequence.shape)}and got sorter tensor {list(sorter.shape)}"
            )
        if sorter.dtype != _C.int64:
            raise RuntimeError(
                "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype " + str(sorter.dtype)
            )
        count = sorted_sequence.shape[-1]
        inside = (sorter >= 0) & (sorter < count)
        sorter = _C._checked(sorter, inside, "torch.searchsorted(): sorter index out of range")
        sorted_sequence = sorted_sequence.gather(-1, sorter)
    at = _search(sorted_sequence, input, right=right)
    return into(out, at.to(_C.int32) if out_int32 else at)


def sorted_rows(input, dim, consecutive):
    """`input` with `dim` in front, its slices in lexicographic order (unless consecutive), and that order."""
    front = input.movedim(dim, 0)
    rows = front.reshape(front.shape[0], math.prod(front.shape[1:]))
    order = _C.arange(rows.shape[0])
    if not consecutive:
        for column in reversed(range(rows.shape[1])):
            order = order[rows[:, column][order].argsort(stable=True)]
    return front, rows[order], order


def unique_slices(input, dim, consecutive):
    """(slices, inverse, counts) of the distinct slices along `dim`."""
    front, rows, order = sorted_rows(input, dim, consecutive)
    count = rows.shape[0]
    starts = _C.ones(count, dtype=_C.bool)
    if count > 1:
        starts[1:] = (rows[1:] != rows[:-1]).any(1)
    group = starts.to(_C.int64).cumsum(0) - 1
    slices = front[order[starts]].movedim(0, dim)
    inverse = _C.empty_like(group)
    inverse[order] = group
    return slices, inverse, _C.bincount(group, minlength=slices.shape[dim])


METHODS = ("new_empty_strided", "index_put", "index_put_", "norm", "nonzero", "repeat_interleave", "tensor_split")
