"""Rearranging functions over views and ops: splits and stacks by axis name, scatters into views, copies of views."""

import math

from framejit import _C
from framejit._common import into as _into
from framejit._common import scalar_name


def column_stack(tensors, *, out=None):
    """Tensors side by side as columns; vectors count as columns.

    tensors (sequence of Tensor), out (Tensor to write the result to or None). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.column_stack([framejit.tensor([1, 2]), framejit.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    if not tensors:
        raise RuntimeError("column_stack expects a non-empty TensorList")
    return _into(out, _C.cat([t.reshape(t.numel(), 1) if t.dim() <= 1 else t for t in tensors], 1))


def dstack(tensors, *, out=None):
    """Tensors stacked along the third dimension.

    tensors (sequence of Tensor), out (Tensor to write the result to or None). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.dstack([framejit.tensor([1, 2]), framejit.tensor([3, 4])]).shape
    framejit.Size([1, 2, 2])
    """
    if not tensors:
        raise RuntimeError("dstack expects a non-empty TensorList")
    from framejit._functions import atleast_3d

    return _into(out, _C.cat([atleast_3d(t) for t in tensors], 2))


_AXIS_SPLIT = """Equal parts, or parts at the given indices, along dimension {axis}.

input (Tensor), indices_or_sections (int, or sequence of int). Raises RuntimeError for too few dimensions and for a number of
parts that does not divide the size.

>>> import framejit
>>> [part.shape for part in framejit.{name}(framejit.ones(2, 2, 2), 2)][0][{axis}]
1
"""


def _axis_split(name, least, axis):
    def split(input, indices_or_sections):
        if input.dim() < least:
            raise RuntimeError(
                f"torch.{name} requires a tensor with at least {least} dimension{'s' * (least > 1)}, but got a tensor with "
                f"{input.dim()} dimensions!"
            )
        dim = 0 if name == "hsplit" and input.dim() == 1 else axis
        if isinstance(indices_or_sections, int) and (
            indices_or_sections == 0 or input.shape[dim] % indices_or_sections
        ):
            raise RuntimeError(
                f"torch.{name} attempted to split along dimension {dim}, but the size of the dimension {input.shape[dim]} is "
                f"not divisible by the split_size {indices_or_sections}!"
            )
        return _C.tensor_split(input, indices_or_sections, dim)

    split.__name__ = split.__qualname__ = name
    split.__doc__ = _AXIS_SPLIT.format(name=name, axis=axis)
    return split


hsplit, vsplit, dsplit = _axis_split("hsplit", 1, 1), _axis_split("vsplit", 2, 0), _axis_split("dsplit", 3, 2)


def unsafe_split(input, split_size, dim=0):
    """As `split`.

    input (Tensor), split_size, dim (int). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.unsafe_split(framejit.tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    return input.split(split_size, dim)


def unsafe_split_with_sizes(input, split_sizes, dim=0):
    """As `split` with a list of sizes.

    input (Tensor), split_sizes (sequence of int), dim (int). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.unsafe_split_with_sizes(framejit.tensor([1, 2, 3]), [1, 2])
    (tensor([1]), tensor([2, 3]))
    """
    return input.split(list(split_sizes), dim)


def unsafe_chunk(input, chunks, dim=0):
    """As `chunk`.

    input (Tensor), chunks, dim (int). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.unsafe_chunk(framejit.tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    return input.chunk(chunks, dim)


def diagflat(input, offset=0):
    """A matrix with the flattened input on a diagonal.

    input (Tensor), offset (int). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.diagflat(framejit.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    return _C.diag(input.reshape(-1), offset)


def _written(input, src, view):
    """A copy of the input with `src` in the part that `view` picks."""
    result = input.clone()
    view(result).copy_(src)
    return result


def diagonal_scatter(input, src, offset=0, dim1=0, dim2=1):
    """The input with its diagonal replaced by `src`.

    input, src (Tensor), offset, dim1, dim2 (int). Raises RuntimeError (expected src to have a size equal to the slice
    of self. src size = …, slice size = …).

    >>> import framejit
    >>> framejit.diagonal_scatter(framejit.zeros(2, 2), framejit.tensor([5.0, 7.0]))
    tensor([[5., 0.],
            [0., 7.]])
    """
    if input.diagonal(offset, dim1, dim2).shape != src.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(input.diagonal(offset, dim1, dim2).shape)}"
        )
    return _written(input, src, lambda t: t.diagonal(offset, dim1, dim2))


def select_scatter(input, src, dim, index):
    """The input with one slice along `dim` replaced by `src`.

    input, src (Tensor), dim, index (int). Raises RuntimeError (expected src to have a size equal to the slice of self.
    src size = …, slice size = …).

    >>> import framejit
    >>> framejit.select_scatter(framejit.zeros(2, 2), framejit.tensor([5.0, 7.0]), 0, 1)
    tensor([[0., 0.],
            [5., 7.]])
    """
    if input.select(dim, index).shape != src.shape:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(input.select(dim, index).shape)}"
        )
    return _written(input, src, lambda t: t.select(dim, index))


def slice_scatter(input, src, dim=0, start=None, end=None, step=1):
    """The input with the slice start:end:step along `dim` replaced by `src`.

    input, src (Tensor), dim (int), start, end (int or None), step (int). Raises RuntimeError (expected src to have a
    size equal to the slice of self).

    >>> import framejit
    >>> framejit.slice_scatter(framejit.zeros(4), framejit.tensor([5.0, 7.0]), 0, 1, 3)
    tensor([0., 5., 7., 0.])
    """
    pick = (slice(None),) * (dim % max(input.dim(), 1)) + (slice(start, end, step),)
    want = input[pick].shape
    if src.shape != want:
        raise RuntimeError(
            f"expected src to have a size equal to the slice of self. src size = {list(src.shape)}, slice size = {list(want)}"
        )
    return _written(input, src, lambda t: t[pick])


def _copy_of(name):
    def copy(input, *args, **kwargs):
        result = getattr(input, name)(*args, **kwargs)
        return tuple(r.clone() for r in result) if isinstance(result, (tuple, list)) else result.clone()

    copy.__name__ = copy.__qualname__ = name + "_copy"
    copy.__doc__ = f"As `{name}`, in memory of its own."
    return copy


def _narrow_copy(input, dim, start, length):
    """As `narrow`, in memory of its own."""
    return input.narrow_copy(dim, start, length)


COPIES = {
    name + "_copy": _copy_of(name)
    for name in (
        "as_strided", "detach", "diagonal", "expand", "permute", "select", "split", "split_with_sizes", "squeeze", "t",
        "transpose", "unbind", "unfold", "unsqueeze", "view",
    )
}  # fmt: skip
COPIES["view_copy"] = lambda input, size=None, dtype=None: (  # which need not be a view
    input.view(dtype or size) if dtype or isinstance(size, _C.dtype) else input.reshape(size)
).clone()
for _name in ("view_as_real", "view_as_complex"):
    COPIES[_name + "_copy"] = lambda input, view=getattr(_C, _name): view(input).clone()
COPIES["narrow_copy"] = _narrow_copy
COPIES["alias_copy"] = lambda input: input.clone()
COPIES["split_with_sizes_copy"] = lambda input, split_sizes, dim=0: tuple(
    p.clone() for p in input.split(list(split_sizes), dim)
)


def kron(input, other):
    """Kronecker's product.

    input, other (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.kron(framejit.tensor([1, 10]), framejit.tensor([1, 2]))
    tensor([ 1,  2, 10, 20])
    """
    n = max(input.dim(), other.dim())
    a = input.reshape([1] * (n - input.dim()) + list(input.shape))
    b = other.reshape([1] * (n - other.dim()) + list(other.shape))
    spread = a.reshape([s for size in a.shape for s in (size, 1)]) * b.reshape(
        [s for size in b.shape for s in (1, size)]
    )
    return spread.reshape([x * y for x, y in zip(a.shape, b.shape)])


def combinations(input, r=2, with_replacement=False):
    """All r-subsets of a vector's elements, in order.

    input (Tensor), r (int), with_replacement (bool). Raises RuntimeError (Expect a 1D vector; Expect a non-negative
    number).

    >>> import framejit
    >>> framejit.combinations(framejit.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    import itertools

    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    if r == 0:
        return input.new_empty(0)
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(pick(range(input.shape[0]), r))
    return input[_C.tensor(rows, dtype=_C.int64).reshape(-1, r)]


def unravel_index(indices, shape):
    """Flat indices as one index per dimension of `shape`.

    indices (Tensor), shape (int, or tuple of int). Raises ValueError ('shape' cannot have negative values).

    >>> import framejit
    >>> framejit.unravel_index(framejit.tensor([5]), (2, 3))
    (tensor([1]), tensor([2]))
    """
    shape = [shape] if isinstance(shape, int) else list(shape)
    if any(size < 0 for size in shape):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(shape)}")
    parts = []
    for size in reversed(shape):
        parts.append(indices % size)
        indices = indices.div(size, rounding_mode="floor")
    return tuple(reversed(parts))


def vander(x, N=None, increasing=False):
    """Rows of powers of x, falling unless `increasing`.

    x (Tensor), N (int or None), increasing (bool). Raises RuntimeError (x must be a one-dimensional tensor; N must be
    non-negative).

    >>> import framejit
    >>> framejit.vander(framejit.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if x.dim() != 1:
        raise RuntimeError("x must be a one-dimensional tensor.")
    N = x.shape[0] if N is None else N
    if N < 0:
        raise RuntimeError("N must be non-negative.")
    parts = [_C.ones_like(x).unsqueeze(1)] if N else []
    if N > 1:
        parts.append(x.unsqueeze(1).expand(x.shape[0], N - 1).cumprod(1))
    rows = _C.cat(parts, 1) if parts else x.new_empty(x.shape[0], 0)
    return rows if increasing else rows.flip(1)


def sum_to_size(self, *size):
    """Summed over the dimensions that broadcasting from `size` would add.

    >>> import framejit
    >>> framejit.ones(2, 3).sum_to_size(1, 3)
    tensor([[2., 2., 2.]])
    """
    size = list(size[0]) if len(size) == 1 and not isinstance(size[0], int) else list(size)
    lead = self.dim() - len(size)
    fits = lead >= 0 and all(want in (1, have) for want, have in zip(size, self.shape[lead:]))
    if not fits:
        raise RuntimeError(f"size {{{size}}} is not expandable to size {{{list(self.shape)}}}.")
    if not size:
        return self.sum()  # of bool, too, as integers
    dims = list(range(lead)) + [lead + i for i, want in enumerate(size) if want == 1 and self.shape[lead + i] != 1]
    return self.sum(dims, True).reshape(size) if dims else self.reshape(size)


def fill_diagonal_(self, fill_value, wrap=False):
    """Writes a number on the main diagonal; `wrap` begins again below the last column of a tall matrix.

    fill_value (int or float or bool), wrap (bool). Raises RuntimeError for vectors, and for unequal sizes of more than two
    dimensions.

    >>> import framejit
    >>> framejit.zeros(2, 2).fill_diagonal_(3).tolist()
    [[3.0, 0.0], [0.0, 3.0]]
    """
    if self.dim() < 2:
        raise RuntimeError("dimensions must larger than 1")
    if self.dim() > 2 and len(set(self.shape)) != 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    least = min(self.shape)
    step = sum(self.stride())
    self.as_strided((least,), (step,), self.storage_offset()).fill_(fill_value)
    rows, columns = self.shape[0], self.shape[1]
    if wrap and self.dim() == 2 and rows > columns + 1:
        for start in range(columns + 1, rows, columns + 1):
            count = min(columns, rows - start)
            self[start:].as_strided((count,), (step,), self[start:].storage_offset()).fill_(fill_value)
    return self


def apply_(self, function):
    """Replaces each element x by function(x).

    function (callable of a number). Raises RuntimeError for a tensor that requires a gradient.

    >>> import framejit
    >>> framejit.arange(3).apply_(lambda x: x * x).tolist()
    [0, 1, 4]
    """
    if self.requires_grad:
        raise RuntimeError("Can't call apply_() on Variable that requires grad. Use var.detach().apply_() instead.")
    values = [function(x) for x in self.reshape(-1).tolist()]
    return self.copy_(_C.tensor(values, dtype=self.dtype).reshape(self.shape)) if values else self


def map_(self, other, function):
    """Replaces each element x by function(x, y), where y is that of another tensor.

    other (Tensor), function (callable of two numbers). Raises RuntimeError for tensors that require a gradient, or whose
    sizes do not fit.

    >>> import framejit
    >>> framejit.arange(3).map_(framejit.ones(3), lambda x, y: x - y).tolist()
    [-1, 0, 1]
    """
    if self.requires_grad or other.requires_grad:
        raise RuntimeError("Can't call map_() on Variable that requires grad. Use var.detach().map_() instead.")
    other = other.expand(self.shape)
    values = [function(x, y) for x, y in zip(self.reshape(-1).tolist(), other.reshape(-1).tolist())]
    return self.copy_(_C.tensor(values, dtype=self.dtype).reshape(self.shape)) if values else self


def resize(self, *sizes):
    """The same elements in another shape; deprecated in favour of `reshape`.

    *sizes (int). Raises RuntimeError where the numbers of elements differ.

    >>> import framejit
    >>> framejit.arange(4).resize(2, 2).tolist()
    [[0, 1], [2, 3]]
    """
    import warnings

    sizes = sizes[0] if len(sizes) == 1 and not isinstance(sizes[0], int) else sizes
    warnings.warn("non-inplace resize is deprecated", stacklevel=2)
    if math.prod(sizes) != self.numel():
        raise RuntimeError(
            f"requested resize to {'x'.join(map(str, sizes))} ({math.prod(sizes)} elements in total), but the given tensor has "
            f"a size of {'x'.join(map(str, self.shape))} ({self.numel()} elements). autograd's resize can only change the "
            "shape of a given tensor, while preserving the number of elements"
        )
    return self.reshape(*sizes)


def resize_as(self, tensor):
    """The same elements in the shape of another tensor; deprecated.

    tensor (Tensor). Raises RuntimeError where the numbers of elements differ.

    >>> import framejit
    >>> framejit.arange(4).resize_as(framejit.ones(2, 2)).shape
    framejit.Size([2, 2])
    """
    return resize(self, tensor.size())


def new(self, *args, device=None):
    """A tensor of this one's dtype: of given sizes, uninitialised, or of given data.

    *args: sizes (int), a Size, a sequence or a Tensor; device (framejit.device or None). Raises TypeError for other data.

    >>> import framejit
    >>> framejit.ones(1).new([1, 2])
    tensor([1., 2.])
    """
    if not args:
        return _C.empty(0, dtype=self.dtype)
    first = args[0]
    if isinstance(first, _C.Tensor):
        return first.to(self.dtype).detach()
    if isinstance(first, _C.Size) or all(isinstance(size, int) for size in args):
        return _C.empty(*args, dtype=self.dtype)
    if not isinstance(first, (list, tuple)) or len(args) > 1:
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    return _C.tensor(first).to(self.dtype)


def put(input, index, source, accumulate=False):
    """The input with elements at flat indices replaced by (or added to) those of `source`.

    input (Tensor), index (Tensor of int64), source (Tensor), accumulate (bool). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.put(framejit.zeros(3), framejit.tensor([2]), framejit.tensor([5.0]))
    tensor([0., 0., 5.])
    """
    return put_(input.clone(), index, source, accumulate)


def put_(self, index, source, accumulate=False):
    """Writes (or adds) the elements of `source` at flat indices.

    index (Tensor of int64), source (Tensor), accumulate (bool). Raises RuntimeError (Expected a long tensor for index;
    Expected source and index to have the same number of elements).

    >>> import framejit
    >>> framejit.zeros(3).put_(framejit.tensor([2]), framejit.tensor([5.0]))
    tensor([0., 0., 5.])
    """
    if index.dtype != _C.int64:
        raise RuntimeError(f"put_(): Expected a long tensor for index, but got {scalar_name(index.dtype)}")
    if index.numel() != source.numel():
        raise RuntimeError(
            f"put_(): Expected source and index to have the same number of elements, but got source.numel() = {source.numel()}, index.numel() = {index.numel()}"
        )
    flat = self.reshape(-1) if self.is_contiguous() else self.contiguous().view(-1)
    flat = flat.index_put((index.reshape(-1),), source.reshape(-1), accumulate)
    return self.copy_(flat.view(self.shape))
