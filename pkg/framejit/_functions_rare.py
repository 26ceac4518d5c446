"""Functions that graphs and PyTorch's own code name, and people seldom: each a few calls of ops."""

import math
from collections import namedtuple

from framejit import _C
from framejit._common import into, wrapped_dim
from framejit.autograd.grad_mode import no_grad

_Frexp = namedtuple("frexp", ("mantissa", "exponent"))


def resolve_conj(input):
    """The tensor itself: conj() computes at once.

    input (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.resolve_conj(framejit.tensor([1 + 2j]).conj())
    tensor([1.-2.j])
    """
    return input.view_as(input)


def resolve_neg(input):
    """The tensor itself: no tensor is lazily negated.

    input (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.resolve_neg(framejit.tensor([1.0]))
    tensor([1.])
    """
    return input.view_as(input)


# dtype of the bits, width of the mantissa, bias of the exponent
_LAYOUT = {"float32": ("int32", 23, 127), "float64": ("int64", 52, 1023)}


def frexp(input, *, out=None):
    """(mantissa, exponent) with input = mantissa * 2**exponent and 0.5 <= |mantissa| < 1.

    input (Tensor), out (pair of Tensor or None). Raises NotImplementedError for integers.

    >>> import framejit
    >>> framejit.frexp(framejit.tensor([3.0, 0.0]))
    frexp(mantissa=tensor([0.7500, 0.0000]), exponent=tensor([2, 0], dtype=framejit.int32))
    """
    if not input.is_floating_point():
        raise NotImplementedError("torch.frexp() only supports floating-point dtypes")
    x = input if str(input.dtype).rpartition(".")[2] in _LAYOUT else input.to(_C.float32)
    bits, width, bias = _LAYOUT[str(x.dtype).rpartition(".")[2]]
    bits = getattr(_C, bits)
    field = 2 * bias + 1
    plain = x.detach()
    tiny = plain.abs() < 2.0 ** (1 - bias)
    raised = _C.where(tiny, plain * 2.0**width * 4.0, plain)
    exponent = ((raised.view(bits) >> width) & field) - (bias - 1) - tiny.to(bits) * (width + 2)
    exponent = exponent.masked_fill((plain == 0) | ~plain.isfinite(), 0)
    half = exponent >> 1  # a power may be out of range, its halves are not
    power = lambda e: ((bias - e) << width).view(x.dtype)
    mantissa = (x * power(half) * power(exponent - half)).to(input.dtype)
    exponent = exponent.to(_C.int32)
    if out is not None:
        return _Frexp(into(out[0], mantissa), into(out[1], exponent))
    return _Frexp(mantissa, exponent)


_REDUCTIONS = {"prod": "prod", "mean": "mean", "amax": "amax", "amin": "amin"}


def index_reduce(input, dim, index, source, reduce, *, include_self=True, out=None):
    """Slices of `source` reduced into those slices of the input that `index` names: by 'prod', 'mean', 'amax' or 'amin'.

    input (Tensor), dim (int), index, source (Tensor), reduce (str), include_self (bool), out (Tensor to write the result
    to or None). Raises RuntimeError (index_reduce(): Expected reduce to be one of prod, mean, amax or amin; the number of
    indices).

    >>> import framejit
    >>> framejit.index_reduce(framejit.ones(3), 0, framejit.tensor([0, 0]), framejit.tensor([2.0, 5.0]), "prod")
    tensor([10.,  1.,  1.])
    """
    if reduce not in _REDUCTIONS:
        raise RuntimeError(f"index_reduce(): Expected reduce to be one of prod, mean, amax or amin but got {reduce}.")
    if index.dim() > 1:
        raise IndexError("index_reduce_(): Index is supposed to be a vector, but got dim: " + str(index.dim()))
    if input.dtype != source.dtype:
        raise RuntimeError("index_reduce_(): self and source expected to have the same scalar type")
    dim = wrapped_dim(dim, input.dim())
    if dim and dim >= source.dim():
        raise RuntimeError(
            f"index_reduce_(): Indexing dim {dim} is out of bounds of the source tensor with dim {source.dim()}"
        )
    slices = source.shape[dim] if source.dim() else 1
    if slices != index.numel() and not source.dim():
        raise IndexError("Dimension specified as 0 but tensor has no dimensions")
    if slices != index.numel():
        raise RuntimeError(
            f"index_reduce_(): Number of indices ({index.numel()}) should be equal to source.size(dim): ({slices}), for dim: {dim}"
        )
    around = [[*t.shape[:dim], *t.shape[dim + 1 :]] for t in (input, source)]
    if input.dim() != source.dim() or around[0] != around[1]:
        raise RuntimeError(
            "source tensor shape must match self tensor shape, excluding the specified dimension. "
            f"Got self.shape = {list(input.shape)} source.shape = {list(source.shape)}"
        )
    flat = input.dim() == 0
    x, s = (input.reshape(1), source.reshape(1)) if flat else (input, source)
    at = index.to(_C.int64).reshape([-1 if d == dim else 1 for d in range(x.dim())]).expand(s.shape)
    result = x.scatter_reduce(dim, at, s, reduce, include_self=include_self)
    return into(out, result.reshape(input.shape) if flat else result)


def nonzero_static(input, *, size, fill_value=-1, out=None):
    """The places of the first `size` nonzero elements as rows; rows of `fill_value` where there are fewer.

    input (Tensor), size, fill_value (int), out (Tensor to write the result to or None). Raises RuntimeError for a
    negative size.

    >>> import framejit
    >>> framejit.nonzero_static(framejit.tensor([0, 3, 0, 1]), size=3)
    tensor([[ 1],
            [ 3],
            [-1]])
    """
    if size < 0:
        raise RuntimeError("nonzero_static: 'size' must be an non-negative integer")
    mask = (input != 0).reshape(-1)
    count = mask.numel()
    slot = mask.to(_C.int64).cumsum(0) - 1
    slot = _C.where(mask & (slot < size), slot, size)
    rest = _C.full((size + 1,), -1, dtype=_C.int64).scatter(0, slot, _C.arange(count))[:size]
    columns, step = [], count
    for n in input.shape:
        step = step // max(n, 1)
        columns.append((rest // max(step, 1)) % max(n, 1))
    if not columns:
        return into(out, _C.zeros((size, 0), dtype=_C.int64))
    result = _C.stack(columns, 1)
    return into(out, result.masked_fill((rest < 0).unsqueeze(1), fill_value))


def empty_permuted(size, physical_layout, **options):
    """A tensor of unset memory whose dimensions lie in memory in the order of `physical_layout`.

    size, physical_layout (sequence of int). Raises RuntimeError (Duplicate dim not allowed; Number of dimensions in size
    does not match the length of the physical_layout).

    >>> import framejit
    >>> framejit.empty_permuted((2, 3, 4), (0, 2, 1)).stride()
    (12, 1, 3)
    """
    order = list(physical_layout)
    if len(order) != len(size):
        raise RuntimeError(
            f"Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = {len(size)} is "
            f"not equal to len(physical_layout) = {len(order)}"
        )
    for i, d in enumerate(order):
        if not 0 <= d < len(order):
            raise RuntimeError(
                f"Dimension out of range (expected to be between 0 and {len(order) - 1}, but got {d} at index {i}).  NB: "
                "negative dims not currently supported; file an issue if you want it."
            )
        if d in order[:i]:
            raise RuntimeError("Duplicate dim not allowed")
    return _C.empty([size[d] for d in order], **options).permute([order.index(d) for d in range(len(order))])


def _chunk_cat(tensors, dim, num_chunks, *, out=None):
    """Each tensor padded to `num_chunks` equal pieces along `dim`, flattened from there, pieces side by side.

    tensors (sequence of Tensor), dim, num_chunks (int), out (Tensor to write the result to or None). Raises RuntimeError
    (_chunk_cat expects a non-empty input tensor list; positive num_chunks).

    >>> import framejit
    >>> framejit._chunk_cat([framejit.ones(2), framejit.zeros(3)], 0, 2)
    tensor([[1., 0., 0.],
            [1., 0., 0.]])
    """
    if not len(tensors):
        raise RuntimeError("_chunk_cat expects a non-empty input tensor list")
    if num_chunks < 1:
        raise RuntimeError("_chunk_cat expects positive num_chunks")
    if any(t.numel() == 0 for t in tensors):
        raise RuntimeError("_chunk_cat expects non-empty tensor")
    first = tensors[0]
    for t in tensors:
        if t.dtype != first.dtype:
            raise RuntimeError("_chunk_cat expects all input tensors with the same dtype")
    if any(t.dim() != first.dim() for t in tensors):
        if dim < 0:
            raise RuntimeError("_chunk_cat expects non-negative dim when input tensors have different ndims")
        if any(dim >= t.dim() for t in tensors):
            raise RuntimeError("_chunk_cat expects dim < ndim for all input tensors")
    dim = wrapped_dim(dim, first.dim())
    pieces = []
    for t in tensors:
        if t.shape[:dim] != first.shape[:dim]:
            raise RuntimeError("_chunk_cat expects same sizes of 0,...,dim-1 dimensions for all tensors")
        short = -t.shape[dim] % num_chunks
        if short:
            t = _C.constant_pad_nd(t, [0, 0] * (t.dim() - 1 - dim) + [0, short])
        pieces.append(t.reshape(*t.shape[:dim], num_chunks, -1))
    return into(out, _C.cat(pieces, dim + 1))


_SEGMENT = {
    "sum": ("sum", 0.0),
    "mean": ("sum", 0.0),
    "prod": ("prod", 1.0),
    "max": ("amax", -math.inf),
    "min": ("amin", math.inf),
}


def _segment_reduce(data, reduce, *, lengths=None, indices=None, offsets=None, axis=0, unsafe=False, initial=None):
    """Runs of elements along `axis` reduced to one each; runs are given by their lengths or offsets.

    data (Tensor), reduce (str), lengths, indices, offsets (Tensor or None), axis (int), unsafe (bool), initial (float or
    None). Raises RuntimeError (Either lengths or offsets must be defined; lengths contains negative value; Expected all
    rows of lengths along axis to sum to data.size).

    >>> import framejit
    >>> framejit._segment_reduce(framejit.arange(4.0), "sum", lengths=framejit.tensor([1, 3]))
    tensor([0., 6.])
    """
    if reduce not in _SEGMENT:
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    if lengths is None and offsets is None:
        raise RuntimeError("segment_reduce(): Either lengths or offsets must be defined.")
    if data.numel() == 0:
        raise RuntimeError("Expected data.numel() > 0 to be true, but got false.")
    if axis != (lengths if offsets is None else offsets).dim() - 1:
        raise RuntimeError(
            "segment_reduce(): Expected axis to be the last dimension of lengths but got " + str(axis) + "."
        )
    n = data.shape[axis]
    if offsets is None:
        if not unsafe:
            lengths = _C._checked(lengths, lengths >= 0, "lengths contains negative value!")
            lengths = _C._checked(
                lengths,
                lengths.sum(-1) == n,
                "segment_reduce(): Expected all rows of lengths along axis to sum to data.size(lengths.dim()-1) when !unsafe.",
            )
        ends = lengths.cumsum(-1)
        starts = ends - lengths
    else:
        starts, ends = offsets[..., :-1], offsets[..., 1:]
    counts = ends - starts
    count = counts.shape[-1]
    at = _C.searchsorted(
        ends.contiguous(), _C.arange(n, dtype=ends.dtype).expand(*ends.shape[:-1], n).contiguous(), right=True
    )
    tail = [1] * (data.dim() - axis - 1)
    at = at.reshape(*at.shape, *tail).expand(data.shape)
    how, identity = _SEGMENT[reduce]
    shape = [*data.shape[:axis], count + 1, *data.shape[axis + 1 :]]
    start = data.new_full(shape, identity if initial is None else initial)
    result = start.scatter_reduce(axis, at, data, how, include_self=True).narrow(axis, 0, count)
    if reduce != "mean":
        return result
    sizes = counts.reshape(*counts.shape, *tail)
    means = result / sizes.clamp(min=1).to(result.dtype)
    return means.masked_fill(sizes == 0, math.nan) if initial is None else means


def hash_tensor(input, dim=(), *, keepdim=False, mode=0, out=None):
    """The exclusive or of the elements' bits (floating ones as float64) over all or some dimensions, as uint64.

    input (Tensor), dim (int or tuple of int): none means all, keepdim (bool), mode (int): 0, out (Tensor or None). Raises
    NotImplementedError for complex tensors, RuntimeError where nothing is left to reduce and for other modes.

    >>> import framejit
    >>> framejit.hash_tensor(framejit.tensor([1, 2, 4]))
    tensor(7, dtype=framejit.uint64)
    """
    if mode != 0:
        raise RuntimeError(f"hash_tensor: Unknown hash mode {mode}")
    if input.is_complex():
        raise NotImplementedError("\"xor_sum_cpu\" not implemented for 'ComplexFloat'")
    bits = input.to(_C.float64).view(_C.int64) if input.is_floating_point() else input.to(_C.int64)
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    dims = sorted(d % max(input.dim(), 1) for d in dims) if input.dim() else []
    dims = dims or list(range(input.dim()))
    if any(input.shape[d] == 0 for d in dims):
        raise RuntimeError(
            "hash_tensor: Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with "
            "the 'dim' argument."
        )
    kept = [1 if d in dims else size for d, size in enumerate(input.shape)]
    rest = [size for d, size in enumerate(input.shape) if d not in dims]
    bits = bits.permute([d for d in range(input.dim()) if d not in dims] + dims)
    bits = bits.flatten(len(rest)) if dims else bits.reshape(1)
    while bits.shape[-1] > 1:  # halves of a line
        half, odd = divmod(bits.shape[-1], 2)
        folded = bits[..., :half] ^ bits[..., half : 2 * half]
        bits = _C.cat([folded, bits[..., -1:]], -1) if odd else folded
    return into(out, bits.reshape(kept if keepdim else rest).view(_C.uint64))


def _noise(self, generator):
    return _C.rand(self.shape, dtype=_C.float64, generator=generator)


def cauchy_(self, median=0, sigma=1, *, generator=None):
    """Fills this tensor with numbers of the Cauchy distribution.

    median, sigma (float), generator (Generator or None). Raises RuntimeError (cauchy_ expects sigma > 0.0; Cauchy
    distribution is a continuous probability distribution).

    >>> import framejit
    >>> framejit.empty(3).cauchy_().shape
    framejit.Size([3])
    """
    if not self.is_floating_point():
        raise RuntimeError(f"Cauchy distribution is a continuous probability distribution. dtype must be a floating point but you specified {self.dtype}")  # fmt: skip
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma}")
    with no_grad():
        return self.copy_(median + sigma * _C.tan(math.pi * (_noise(self, generator) - 0.5)))


def geometric_(self, p, *, generator=None):
    """Fills this tensor with numbers of trials up to the first success, of probability p each.

    p (float), generator (Generator or None). Raises RuntimeError (geometric_ expects p to be in (0, 1)).

    >>> import framejit
    >>> bool((framejit.empty(3).geometric_(0.5) >= 1).all())
    True
    """
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
    with no_grad():
        return self.copy_(_C.ceil(_C.log1p(-_noise(self, generator)) / math.log1p(-p)).clamp(min=1))


def log_normal_(self, mean=1, std=2, *, generator=None):
    """Fills this tensor with numbers whose logarithms are normal.

    mean, std (float), generator (Generator or None). Raises RuntimeError (log_normal_ expects std > 0.0).

    >>> import framejit
    >>> bool((framejit.empty(3).log_normal_() > 0).all())
    True
    """
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std}")
    with no_grad():
        return self.copy_((mean + std * _C.randn(self.shape, dtype=_C.float64, generator=generator)).exp())


segment_reduce = _segment_reduce
