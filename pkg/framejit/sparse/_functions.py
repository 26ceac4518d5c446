"""Arithmetic of sparse tensors: element by element, products of matrices, sums."""

import math

from framejit import _C
from framejit._functions_forms import norm as dense_norm
from framejit._functions_forms import repeat_interleave
from framejit.sparse import _handlers
from framejit.sparse._handlers import to_dense, transpose
from framejit.sparse._tensor import (
    COO,
    CSR,
    as_layout,
    become,
    coalesced,
    compress,
    flat_indices,
    handles,
    is_sparse,
    like,
    make,
    not_run,
    sparse_dims,
    sum_into,
    to_coo,
)

# --- element by element ---

# Functions that take zero to zero; the first need not know which values are of the same element.
_LINEAR = ("neg", "negative", "real", "imag", "conj", "conj_physical", "positive", "resolve_conj")
_OF_ELEMENTS = (
    "abs absolute sqrt sin tan asin arcsin atan arctan sinh tanh asinh arcsinh atanh arctanh ceil floor trunc fix round sign sgn "
    "expm1 log1p relu deg2rad rad2deg erf erfinv isnan isinf isposinf isneginf signbit frac nan_to_num square angle"
).split()


def _on_values(name, linear):
    function = getattr(_C, name, None)
    if function is None:
        import framejit

        function = getattr(framejit, name)

    def handler(x, *args, **kwargs):
        kwargs.pop("inplace", None)
        x = x if linear or x._layout is not COO else coalesced(x)
        return like(x, function(x._v, *args, **kwargs))

    return handler


for _names, _linear in ((_LINEAR, True), (_OF_ELEMENTS, False)):
    for _name in _names:
        handles(_name)(_on_values(_name, _linear))
        if not _linear or _name == "neg":
            handles(_name + "_")(lambda x, *args, _f=_on_values(_name, _linear): become(x, _f(x, *args)))


@handles("pow", "__pow__", "float_power")
def _pow(x, exponent):
    if isinstance(exponent, _C.Tensor) or isinstance(exponent, (int, float)) and exponent <= 0:
        not_run("pow with an exponent that is no positive number")
    x = x if x._layout is not COO else coalesced(x)
    return like(x, x._v**exponent)


def _check_sizes(a, b, name):
    if a._sizes != b._sizes:
        raise RuntimeError(
            f"{name}: expected 'self' and 'other' to have same size, but self has size {list(a._sizes)} while other has size "
            f"{list(b._sizes)}"
        )


def _is_number(x):
    return not isinstance(x, _C.Tensor) or not is_sparse(x) and x.dim() == 0


def _add_sparse(a, b, alpha):
    _check_sizes(a, b, "add")
    layout = a._layout
    a, b = to_coo(a), to_coo(b)
    if sparse_dims(a) != sparse_dims(b):
        raise RuntimeError(f"sparse dimensions differ: {sparse_dims(a)} and {sparse_dims(b)}")
    added = b._v if alpha == 1 else b._v * alpha
    same = a._parts[0] is b._parts[0] or (
        a._parts[0].shape == b._parts[0].shape and bool((a._parts[0] == b._parts[0]).all())
    )
    if same:
        dtype = _C.result_type(a._v, added)
        return as_layout(make(COO, a._sizes, a._parts, a._v.to(dtype) + added, a._coalesced and b._coalesced), layout)
    dtype = _C.result_type(a._v, added)
    indices = _C.cat([a._parts[0], b._parts[0]], 1)
    both = make(COO, a._sizes, (indices,), _C.cat([a._v.to(dtype), added.to(dtype)]), False)
    return as_layout(coalesced(both) if a._coalesced and b._coalesced else both, layout)


@handles("add", "__add__", "__radd__")
def add(a, b, *, alpha=1):
    """a + alpha * b; dense where one is dense."""
    if is_sparse(a) and is_sparse(b):
        return _add_sparse(a, b, alpha)
    if is_sparse(a):
        if a._layout is COO or not isinstance(b, _C.Tensor):
            raise RuntimeError("add(sparse, dense) is not supported. Use add(dense, sparse) instead.")
        return to_dense(a) + b * alpha
    return _C.add(a, to_dense(b), alpha=alpha)


def _add_elements(dense, coo, alpha):
    """dense += alpha * coo, in time of the elements that it has."""
    if tuple(dense.shape) != coo._sizes:
        return dense.copy_(_C.add(dense, to_dense(coo), alpha=alpha))
    values = coo._v if alpha == 1 else coo._v * alpha
    if not sparse_dims(coo):
        return dense.add_(values.sum(0))
    return dense.index_put_(tuple(coo._parts[0].unbind(0)), values.to(dense.dtype), accumulate=True)


@handles("sub", "subtract", "__sub__")
def sub(a, b, *, alpha=1):
    """a - alpha * b."""
    if is_sparse(a) and not is_sparse(b):
        raise RuntimeError("sub(sparse, dense) is not supported. Use sub(dense, sparse) instead.")
    return add(a, b, alpha=-alpha)


@handles("rsub", "__rsub__")
def _rsub(a, b, *, alpha=1):
    return sub(b, a, alpha=alpha)


def _mul_sparse(a, b):
    _check_sizes(a, b, "mul")
    layout = a._layout
    a, b = coalesced(to_coo(a)), coalesced(to_coo(b))
    sizes = a._sizes[: sparse_dims(a)]
    mine, other = flat_indices(a._parts[0], sizes), flat_indices(b._parts[0], sizes)
    if not other.numel():
        return like(b, b._v * a._v.new_zeros(()))
    at = _C.searchsorted(other, mine).clamp(max=other.numel() - 1)
    places = (other[at] == mine).nonzero().flatten()
    values = a._v[places] * b._v[at[places]]
    return as_layout(make(COO, a._sizes, (a._parts[0][:, places],), values, True), layout)


@handles("mul", "multiply", "__mul__", "__rmul__")
def mul(a, b):
    """Element by element; sparse."""
    if is_sparse(a) and is_sparse(b):
        return _mul_sparse(a, b)
    if not is_sparse(a):
        a, b = b, a
    if _is_number(b):
        return like(a, a._v * b)
    coo = to_coo(a)
    dense = b.expand(_C.broadcast_shapes(coo._sizes, tuple(b.shape)))
    if tuple(dense.shape) != coo._sizes:
        raise RuntimeError(f"mul: a sparse tensor of size {list(a._sizes)} cannot be expanded to {list(dense.shape)}")
    return like(a, coo._v * dense[tuple(coo._parts[0].unbind(0))])


@handles("div", "divide", "true_divide", "__truediv__")
def div(a, b, *, rounding_mode=None):
    """A sparse tensor by a number."""
    if not is_sparse(a) or not _is_number(b):
        raise RuntimeError(
            "Sparse division requires a scalar or zero-dim dense tensor divisor (got shape "
            f"{list(b.shape)} for divisor)"
            if isinstance(b, _C.Tensor)
            else "a dense tensor cannot be divided by a sparse one"
        )
    a = a if rounding_mode is None or a._layout is not COO else coalesced(a)
    return like(a, _C.div(a._v, b, rounding_mode=rounding_mode))


@handles("floor_divide", "__floordiv__")
def _floor_divide(a, b):
    return div(a, b, rounding_mode="floor")


for _name, _function in (("add", add), ("sub", sub), ("mul", mul), ("div", div)):

    def _in_place(a, b, *, _function=_function, **options):
        if is_sparse(a):
            return become(a, _function(a, b, **options))
        if _function in (add, sub) and b._layout is COO:
            alpha = options.get("alpha", 1)
            return _add_elements(a, b, alpha if _function is add else -alpha)
        return a.copy_(_function(a, b, **options))

    handles(_name + "_")(_in_place)


# --- products ---


_REDUCTIONS = ("mean", "amax", "amin", "prod")


def _mm_dense(s, dense, reduce="sum"):
    """A sparse matrix times a dense one; the products of an element are added, or reduced in another way."""
    rows, columns = to_coo(s)._parts[0].unbind(0)
    dtype = _C.promote_types(s._v.dtype, dense.dtype)
    if s._v.dtype != dense.dtype:
        raise RuntimeError(f"expected mat1 and mat2 to have the same dtype, but got: {s._v.dtype} != {dense.dtype}")
    parts = to_coo(s)._v.unsqueeze(1).to(dtype) * dense.index_select(0, columns)
    if reduce == "sum":
        return sum_into(s._sizes[0], rows, parts)
    out = _C.zeros((s._sizes[0], dense.shape[1]), dtype=dtype)
    places = rows.unsqueeze(1).expand(parts.shape)
    return out.scatter_reduce(0, places, parts, reduce, include_self=False)


def _mm_sparse(a, b):
    """A sparse matrix times a sparse one: each element of `a` meets the row of `b` that its column says."""
    layout = a._layout
    a, b = coalesced(to_coo(a)), compress(b, CSR)
    starts, columns = b._parts
    rows, inner = a._parts[0].unbind(0)
    first = starts[inner]
    times = starts[inner + 1] - first
    mine = repeat_interleave(_C.arange(rows.numel()), times)
    begins = repeat_interleave(first - (times.cumsum(0) - times), times)
    theirs = begins + _C.arange(mine.numel())
    indices = _C.stack([rows[mine], columns[theirs]])
    return as_layout(coalesced(make(COO, (a._sizes[0], b._sizes[1]), (indices,), a._v[mine] * b._v[theirs])), layout)


def _check_matrices(a, b):
    for which, x in (("mat1", a), ("mat2", b)):
        if x.dim() != 2:
            raise RuntimeError(f"Matrices expected, got {which} of {x.dim()}D tensor")
        if is_sparse(x) and sparse_dims(x) != 2:
            raise RuntimeError(f"{which} must have two sparse dimensions")
    if a.shape[1] != b.shape[0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({a.shape[0]}x{a.shape[1]} and {b.shape[0]}x{b.shape[1]})"
        )


@handles("mm", "smm", "spmm", "hspmm")
def mm(mat1, mat2, reduce=None):
    """The product of two matrices of which one or both are sparse; sparse if both are.

    mat1, mat2 (Tensor): one at least sparse, reduce (str or None): how the products of an element become one, "sum" without
    it. Raises RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.sparse.mm(framejit.eye(2).to_sparse(), framejit.ones(2, 2))
    tensor([[1., 1.],
            [1., 1.]])
    """
    if reduce not in (None, "sum", *_REDUCTIONS):
        raise RuntimeError(f"reduce argument must be either sum, prod, mean, amax or amin, got {reduce}.")
    _check_matrices(mat1, mat2)
    if reduce is not None:
        if not is_sparse(mat1) or is_sparse(mat2):
            raise RuntimeError("sparse.mm with reduce takes a sparse matrix and a dense one")
        return _mm_dense(mat1, mat2, reduce)
    if is_sparse(mat1) and is_sparse(mat2):
        return _mm_sparse(mat1, mat2)
    if is_sparse(mat1):
        return _mm_dense(mat1, mat2)
    if is_sparse(mat2):
        return _mm_dense(transpose(mat2, 0, 1), mat1.t()).t()
    return _C.mm(mat1, mat2)


@handles("mv")
def _mv(a, vec):
    if is_sparse(vec):
        not_run("mv with a sparse vector")
    if a.dim() != 2 or vec.dim() != 1 or a.shape[1] != vec.shape[0]:
        raise RuntimeError(f"size mismatch, got input {list(a.shape)}, vec {list(vec.shape)}")
    return mm(a, vec.unsqueeze(1)).squeeze(1)


@handles("matmul", "__matmul__")
def _matmul(a, b):
    if a.dim() == 2 and b.dim() == 1:
        return _mv(a, b)
    if a.dim() == 1 and b.dim() == 2:
        return _mv(b.t(), a)
    if a.dim() != 2 or b.dim() != 2:
        not_run("matmul of other than matrices and vectors")
    return mm(a, b)


handles("__rmatmul__")(lambda a, b: _matmul(b, a))


@handles("addmm", "sspaddmm")
def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta * input + alpha * (mat1 @ mat2), where mat1 or mat2 is sparse.

    input, mat1, mat2 (Tensor), beta, alpha (number). Raises RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.sparse.addmm(framejit.ones(2, 2), framejit.eye(2).to_sparse(), framejit.ones(2, 2))
    tensor([[2., 2.],
            [2., 2.]])
    """
    product = mm(mat1, mat2)
    scaled = product * alpha if alpha != 1 else product
    return scaled if beta == 0 else (input if beta == 1 else input * beta) + scaled


@handles("addmm_")
def _addmm_(input, mat1, mat2, *, beta=1, alpha=1):
    return input.copy_(addmm(input, mat1, mat2, beta=beta, alpha=alpha))


@handles("addmv")
def _addmv(input, mat, vec, *, beta=1, alpha=1):
    return beta * input + alpha * _mv(mat, vec)


@handles("linear")
def _linear(input, weight, bias=None):
    out = mm(input, weight.t()) if input.dim() == 2 else _mv(weight, input)
    return out if bias is None else out + bias


@handles("sampled_addmm")
def sampled_addmm(input, mat1, mat2, *, beta=1.0, alpha=1.0):
    """beta * input + alpha * (mat1 @ mat2) at the places of the sparse matrix `input` only.

    input (sparse Tensor of compressed rows), mat1, mat2 (Tensor), beta, alpha (number). Raises RuntimeError for others.

    >>> import framejit
    >>> framejit.sparse.sampled_addmm(framejit.eye(2).to_sparse_csr(), framejit.ones(2, 3), framejit.ones(3, 2)).values()
    tensor([4., 4.])
    """
    if not is_sparse(input) or input._layout is not CSR:
        raise RuntimeError("Expected self to have sparse csr layout.")
    if mat1.shape[1] != mat2.shape[0] or (mat1.shape[0], mat2.shape[1]) != input._sizes:
        raise RuntimeError(f"sampled_addmm: {list(mat1.shape)} and {list(mat2.shape)} do not give {list(input._sizes)}")
    rows, columns = to_coo(input)._parts[0].unbind(0)
    product = (mat1.index_select(0, rows) * mat2.t().index_select(0, columns)).sum(1)
    return like(input, input._v * beta + product * alpha)


# --- sums ---


@handles("sum")
def sum(input, dim=None, keepdim=False, dtype=None):
    """The sum of all elements, or over some dimensions: sparse while a sparse dimension is left.

    input (sparse Tensor), dim (int, sequence of int or None), keepdim (bool), dtype (framejit.dtype or None). Raises
    RuntimeError for compressed tensors with dimensions.

    >>> import framejit
    >>> framejit.sparse.sum(framejit.eye(3).to_sparse()), framejit.sparse.sum(framejit.eye(3).to_sparse(), 0).values()
    (tensor(3.), tensor([1., 1., 1.]))
    """
    if isinstance(dim, _C.dtype):
        dim, dtype = None, dim
    values = input._v if dtype is None else input._v.to(dtype)
    if dim is None or dim == ():
        return values.sum()
    if input._layout is not COO:
        raise RuntimeError("reduction operations on CSR tensors with keepdim=False is unsupported")
    dims = sorted({_handlers._dim(input, d) for d in ((dim,) if isinstance(dim, int) else dim)})
    k = sparse_dims(input)
    over_dense = [d - k + 1 for d in dims if d >= k]
    values = values.sum(over_dense) if over_dense else values
    left = [d for d in range(k) if d not in dims]
    rest = [s for d, s in enumerate(input._sizes) if d >= k and d not in dims]
    if not left:
        result = values.sum(0)
    else:
        values = values if values.dtype != _C.bool else values.to(_C.int64)
        sizes = [input._sizes[d] for d in left]
        result = coalesced(
            make(COO, (*sizes, *rest), (input._parts[0][left],), values, len(left) == k and input._coalesced)
        )
    for d in dims if keepdim else ():
        result = result.unsqueeze(d)
    return result


@handles("any")
def _any(x, *args):
    if args:
        not_run("any over dimensions")
    return coalesced(to_coo(x))._v.any()


@handles("norm", "vector_norm", "matrix_norm")
def _norm(x, p="fro", dim=None, keepdim=False, dtype=None):
    if dim is not None or keepdim:
        raise RuntimeError("only full reductions are supported by norm_sparse")
    return dense_norm(coalesced(to_coo(x))._v.flatten(), 2 if p in ("fro", None) else p, dtype=dtype)


def _softmax(x, dim, dtype, log):
    x = coalesced(to_coo(x))
    values = x._v if dtype is None else x._v.to(dtype)
    dim, k = _handlers._dim(x, dim), sparse_dims(x)
    function = _C.log_softmax if log else _C.softmax
    if dim >= k:
        return like(x, function(values, dim - k + 1))
    left = [d for d in range(k) if d != dim]
    groups = flat_indices(x._parts[0][left], [x._sizes[d] for d in left])
    n = math.prod([x._sizes[d] for d in left])
    index = groups.reshape(-1, *[1] * (values.dim() - 1)).expand(values.shape)
    top = _C.full((n, *values.shape[1:]), float("-inf"), dtype=values.dtype)
    top = top.scatter_reduce(0, index, values.detach(), "amax", include_self=True)
    shifted = values - top[groups]
    total = sum_into(n, groups, shifted.exp())
    return like(x, shifted - total[groups].log() if log else shifted.exp() / total[groups])


@handles("softmax")
def softmax(input, dim, *, dtype=None):
    """The softmax of the elements that are there, along a dimension.

    input (sparse Tensor), dim (int), dtype (framejit.dtype or None). Raises IndexError for a dimension that is not there.

    >>> import framejit
    >>> framejit.sparse.softmax(framejit.eye(2).to_sparse(), 1).values()
    tensor([1., 1.])
    """
    return _softmax(input, dim, dtype, False)


@handles("log_softmax")
def log_softmax(input, dim, *, dtype=None):
    """The logarithm of `softmax`.

    input (sparse Tensor), dim (int), dtype (framejit.dtype or None). Raises IndexError for a dimension that is not there.

    >>> import framejit
    >>> framejit.sparse.log_softmax(framejit.eye(2).to_sparse(), 1).values()
    tensor([0., 0.])
    """
    return _softmax(input, dim, dtype, True)


def spdiags(diagonals, offsets, shape, layout=None):
    """A sparse matrix whose diagonals are the rows of a dense one.

    diagonals (Tensor): element j of a row lies in column j, offsets (Tensor of int64): which diagonal each row is, shape
    (sequence of two int), layout (framejit.layout or None). Raises RuntimeError for numbers that do not fit.

    >>> import framejit
    >>> framejit.sparse.spdiags(framejit.ones(1, 2), framejit.tensor([0]), (2, 2)).to_dense()
    tensor([[1., 0.],
            [0., 1.]])
    """
    diagonals = diagonals.unsqueeze(0) if diagonals.dim() == 1 else diagonals
    offsets = offsets.reshape(-1)
    if diagonals.size(0) != offsets.numel():
        raise RuntimeError(
            f"Number of diagonals ({diagonals.size(0)}) does not match the number of offsets ({offsets.numel()})"
        )
    if len(set(offsets.tolist())) != offsets.numel():
        raise RuntimeError("Offset tensor contains duplicate values")
    n = min(diagonals.size(1), shape[1])
    columns = _C.arange(n).expand(offsets.numel(), n)
    rows = columns - offsets.unsqueeze(1)
    inside = ((rows >= 0) & (rows < shape[0])).nonzero()
    places = tuple(inside.unbind(1))
    indices = _C.stack([rows[places], columns[places]])
    return as_layout(coalesced(make(COO, shape, (indices,), diagonals[:, :n][places])), layout or COO)
