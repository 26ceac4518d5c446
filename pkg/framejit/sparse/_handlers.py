"""What attributes and methods of tensors give for sparse ones."""

import math
import re

from framejit import _C
from framejit._common import wrapped_dim
from framejit._functions_forms import repeat_interleave
from framejit.sparse import _make
from framejit.sparse._tensor import (
    COO,
    CSC,
    CSR,
    SparseTensor,
    as_layout,
    become,
    coalesced,
    compress,
    expect,
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

# --- attributes ---

for _name, _read in {
    "layout": lambda x: x._layout,
    "is_sparse": lambda x: x._layout is COO,
    "is_sparse_csr": lambda x: x._layout is CSR,
    "requires_grad": lambda x: x._v.requires_grad,
    "is_leaf": lambda x: x._v.is_leaf,
    "grad_fn": lambda x: x._v.grad_fn,
    "_base": lambda x: None,
    "retains_grad": lambda x: x._v.retains_grad,
    "data": lambda x: like(x, x._v.data),
    "nbytes": lambda x: sum(p.nbytes for p in x._parts) + x._v.nbytes,
    "T": lambda x: transpose(x, 0, 1) if len(x._sizes) > 1 else x,
    "mT": lambda x: transpose(x, -2, -1),
    "grad": lambda x: None if x._v.grad is None else like(x, x._v.grad),
}.items():
    handles("get:" + _name)(_read)


@handles("set:requires_grad")
def _set_requires_grad(x, value):
    requires_grad_(x, value)


@handles("set:grad")
def _set_grad(x, value):
    if value is not None and not (is_sparse(value) and value._v.shape == x._v.shape):
        raise RuntimeError("assigned grad must be a sparse tensor with as many values, or None")
    x._v.grad = None if value is None else value._v


@handles("requires_grad_")
def requires_grad_(x, requires_grad=True):
    if not requires_grad or not x._v.requires_grad:
        x._v = x._v.detach().requires_grad_(requires_grad) if x._v.is_leaf else x._v.requires_grad_(requires_grad)
    return x


@handles("retain_grad")
def _retain_grad(x):
    x._v.retain_grad()


@handles("detach")
def _detach(x):
    return like(x, x._v.detach())


@handles("detach_")
def _detach_(x):
    x._v = x._v.detach()
    return x


@handles("register_hook")
def _register_hook(x, hook):
    return x._v.register_hook(lambda grad: getattr(hook(like(x, grad)), "_v", None))


# --- parts: these are methods of the class, so that nobody is asked ---


def _indices(x):
    expect(x, (COO,), "_indices", "coordinate ")
    return x._parts[0]


def _nnz(x):
    return x._v.size(0)


def _part(name, layouts, what, number):
    def read(x):
        expect(x, layouts, name, what)
        return x._parts[number]

    return read


def _indices_of_coalesced(x):
    expect(x, (COO,), "indices", "coordinate ")
    _check_coalesced(x, "indices")
    return x._parts[0]


def _values_of_coalesced(x):
    _check_coalesced(x, "values")
    return x._v


def _check_coalesced(x, what):
    if x._layout is COO and not x._coalesced:
        raise RuntimeError(f"Cannot get {what} on an uncoalesced tensor, please call .coalesce() first")


def _is_coalesced(x):
    expect(x, (COO,), "is_coalesced", "coordinate ")
    return x._coalesced


def _coalesce(x):
    expect(x, (COO,), "coalesce", "coordinate ")
    return coalesced(x)


def _coalesced_(x, value):
    x._coalesced = bool(value)
    return x


def to_dense(x, dtype=None, *, masked_grad=True):
    """All elements."""
    x = to_coo(x)
    k = sparse_dims(x)
    values = x._v if dtype is None else x._v.to(dtype)
    flat = sum_into(math.prod(x._sizes[:k]), flat_indices(x._parts[0], x._sizes[:k]), values)
    return flat.reshape(x._sizes)


METHODS = {
    "_indices": _indices,
    "_values": lambda x: x._v,
    "_nnz": _nnz,
    "indices": _indices_of_coalesced,
    "values": _values_of_coalesced,
    "crow_indices": _part("crow_indices", (CSR,), "row compressed ", 0),
    "col_indices": _part("col_indices", (CSR,), "row compressed ", 1),
    "ccol_indices": _part("ccol_indices", (CSC,), "column compressed ", 0),
    "row_indices": _part("row_indices", (CSC,), "column compressed ", 1),
    "is_coalesced": _is_coalesced,
    "coalesce": _coalesce,
    "_coalesced_": _coalesced_,
    "sparse_dim": sparse_dims,
    "dense_dim": lambda x: x._v.dim() - 1,
    "to_dense": to_dense,
    "to_sparse": _make.to_sparse,
    "to_sparse_coo": _make.to_sparse_coo,
    "to_sparse_csr": _make.to_sparse_csr,
    "to_sparse_csc": _make.to_sparse_csc,
}
for _name, _method in METHODS.items():
    setattr(SparseTensor, _name, _method)
    handles(_name)(_method)
handles("sparse_mask")(_make.sparse_mask)


# --- copies and conversions ---


@handles("clone")
def _clone(x, *, memory_format=None):
    return make(x._layout, x._sizes, tuple(p.clone() for p in x._parts), x._v.clone(), x._coalesced)


@handles("contiguous")
def _contiguous(x, memory_format=None):
    raise RuntimeError("unsupported memory format option Contiguous")


def _convert(name):
    def convert(x, *args, **kwargs):
        values = getattr(x._v, name)(*args, **kwargs)
        return x if values is x._v else like(x, values)

    return convert


for _name in "to double float half bfloat16 int long short char byte bool cfloat cdouble cpu".split():
    handles(_name)(_convert(_name))


@handles("type")
def _type(x, dtype=None, non_blocking=False):
    if dtype is None:
        return x._v.type().replace("framejit.", "framejit.sparse.")
    return like(x, x._v.type(dtype))


@handles("zeros_like", "empty_like", "new_zeros_like")
def _zeros_like(x, *, dtype=None, layout=None, device=None, requires_grad=False, pin_memory=False, memory_format=None):
    dtype = x._v.dtype if dtype is None else dtype
    if layout is _C.strided:
        return _C.zeros(x._sizes, dtype=dtype, requires_grad=requires_grad)
    k = sparse_dims(x)
    values = _C.zeros((0, *x._sizes[k:]), dtype=dtype, requires_grad=requires_grad)
    return as_layout(make(COO, x._sizes, (_C.empty((k, 0), dtype=_C.int64),), values, True), layout or x._layout)


@handles("zero_")
def _zero_(x):
    return become(x, _zeros_like(x))


@handles("copy_")
def _copy_(x, source, non_blocking=False):
    if not is_sparse(source):
        raise RuntimeError("copy_() between dense and sparse Tensors is not implemented!")
    if not is_sparse(x):
        raise RuntimeError("copy_() between dense and sparse Tensors is not implemented!")
    if x._sizes != source._sizes:
        raise RuntimeError(f"the sizes {list(x._sizes)} and {list(source._sizes)} differ")
    return become(x, as_layout(source, x._layout))


# --- elements ---


@handles("item", "__bool__", "__int__", "__float__", "__complex__", "__index__", "is_nonzero")
def _item(x):
    if math.prod(x._sizes) != 1:
        raise RuntimeError(f"a Tensor with {math.prod(x._sizes)} elements cannot be converted to Scalar")
    return to_dense(x).item()


def _bool(x):
    if math.prod(x._sizes) != 1:
        raise RuntimeError("Boolean value of Tensor with more than one value is ambiguous")
    return bool(_item(x))


handles("__bool__")(_bool)


def _number(kind):
    def convert(x):
        if math.prod(x._sizes) != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return kind(_item(x))

    return convert


handles("__int__")(_number(int))
handles("__float__")(_number(float))


@handles("numpy", "__array__")
def _numpy(x, *args, **kwargs):
    name = {COO: "Sparse", CSR: "SparseCsr", CSC: "SparseCsc"}[x._layout]
    raise TypeError(f"can't convert {name} layout tensor to numpy. Use Tensor.to_dense() first.")


@handles("tolist", "data_ptr")
def _no_memory(x):
    raise RuntimeError("Cannot access data pointer of Tensor that doesn't have storage")


@handles("storage", "_typed_storage", "untyped_storage")
def _no_storage(x):
    raise NotImplementedError("Cannot access storage of a sparse tensor")


@handles("__repr__")
def _repr(x, *, tensor_contents=None):
    indent = " " * len("tensor(")
    names = {COO: ("indices",), CSR: ("crow_indices", "col_indices"), CSC: ("ccol_indices", "row_indices")}[x._layout]
    shown = []
    for name, part in (*zip(names, x._parts), ("values", x._v.detach())):
        pad = " " * (len(indent) + len(name) + 1)
        text = (
            re.sub(r",\s+dtype=[\w.]+\)$", ")", repr(part)) if part.numel() else f"tensor([], size={tuple(part.shape)})"
        )
        shown.append(f"{name}={text}".replace("\n", "\n" + pad))
    tail = f"size={x._sizes}, nnz={_nnz(x)}"
    if x._v.dtype not in (_C.get_default_dtype(), _C.int64, _C.bool, _C.get_default_dtype().to_complex()):
        tail += f", dtype={x._v.dtype}"
    layout = f"layout={x._layout!r}"
    grad_fn = x._v.grad_fn
    grad = (
        f", grad_fn=<{grad_fn.name()}>" if grad_fn is not None else ", requires_grad=True" if x._v.requires_grad else ""
    )
    if x._layout is COO:
        return "tensor(" + f",\n{indent}".join([*shown, f"{tail}, {layout}{grad})"])
    return "tensor(" + f",\n{indent}".join(shown) + f", {tail},\n{indent}{layout}{grad})"


# --- shapes ---


def _dim(x, dim):
    return wrapped_dim(dim, len(x._sizes))


@handles("transpose", "swapaxes", "swapdims")
def transpose(x, dim0, dim1):
    """With two dimensions exchanged: both sparse or both dense."""
    a, b = _dim(x, dim0), _dim(x, dim1)
    if a == b:
        return x
    if x._layout is not COO:
        return make(CSC if x._layout is CSR else CSR, x._sizes[::-1], x._parts, x._v)
    sizes, k = list(x._sizes), sparse_dims(x)
    sizes[a], sizes[b] = sizes[b], sizes[a]
    if (a < k) != (b < k):
        raise RuntimeError("transpose: can not transpose a sparse dimension with a dense one")
    if a >= k:
        return make(COO, sizes, x._parts, x._v.transpose(a - k + 1, b - k + 1), x._coalesced)
    order = list(range(k))
    order[a], order[b] = order[b], order[a]
    return make(COO, sizes, (x._parts[0][order],), x._v, _nnz(x) < 2)


@handles("t", "adjoint", "get:H", "get:mH")
def _t(x):
    if len(x._sizes) > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 sparse and 0 dense dimensions, but got {len(x._sizes)}")
    return transpose(x, 0, 1) if len(x._sizes) == 2 else x


@handles("permute")
def _permute(x, *dims):
    dims = dims[0] if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else dims
    order, k = [_dim(x, d) for d in dims], sparse_dims(x)
    if sorted(order) != list(range(len(x._sizes))):
        raise RuntimeError(
            f"permute(sparse_coo): number of dimensions in the tensor input does not match: {list(dims)}"
        )
    if x._layout is not COO:
        return x if order == [0, 1] else transpose(x, 0, 1)
    if any(d >= k for d in order[:k]):
        raise RuntimeError("permute: dimensions of sparse and dense kind cannot change places")
    values = x._v.permute(0, *(d - k + 1 for d in order[k:]))
    return make(
        COO,
        [x._sizes[d] for d in order],
        (x._parts[0][order[:k]],),
        values,
        x._coalesced and order[:k] == sorted(order[:k]),
    )


@handles("unsqueeze")
def unsqueeze(x, dim):
    """With a dimension of size one."""
    x, n = to_coo(x), len(x._sizes) + 1
    dim, k = wrapped_dim(dim, n), sparse_dims(x)
    sizes = (*x._sizes[:dim], 1, *x._sizes[dim:])
    if dim > k:
        return make(COO, sizes, x._parts, x._v.unsqueeze(dim - k + 1), x._coalesced)
    rows = list(x._parts[0].unbind(0))
    rows.insert(dim, _C.zeros(_nnz(x), dtype=_C.int64))
    return make(COO, sizes, (_C.stack(rows),), x._v, x._coalesced)


@handles("reshape")
def _reshape(x, *shape):
    raise RuntimeError("reshape is not implemented for sparse tensors")


@handles("select")
def select(x, dim, index):
    """What lies at one index of a dimension; dense where no sparse dimension is left."""
    x = to_coo(x)
    dim, k = _dim(x, dim), sparse_dims(x)
    extent, index = x._sizes[dim], int(index)
    if not -extent <= index < extent:
        raise IndexError(f"select(): index {index} out of range for tensor of size {list(x._sizes)} at dimension {dim}")
    sizes = (*x._sizes[:dim], *x._sizes[dim + 1 :])
    index %= extent
    if dim >= k:
        return make(COO, sizes, x._parts, x._v.select(dim - k + 1, index), x._coalesced)
    places = (x._parts[0][dim] == index).nonzero().flatten()
    values = x._v[places]
    if k == 1:
        return values.sum(0).to(values.dtype)
    rows = [row[places] for d, row in enumerate(x._parts[0].unbind(0)) if d != dim]
    return make(COO, sizes, (_C.stack(rows),), values, x._coalesced)


@handles("__getitem__")
def _getitem(x, key):
    if not is_sparse(x):
        not_run("index")
    keys = list(key) if isinstance(key, tuple) else [key]
    if Ellipsis in [k for k in keys if not isinstance(k, _C.Tensor)]:
        at = next(i for i, k in enumerate(keys) if k is Ellipsis)
        keys[at : at + 1] = [slice(None)] * (len(x._sizes) - sum(k is not None for k in keys) + 1)
    dim = 0
    for k in keys:
        if k is None:
            x = unsqueeze(x, dim) if is_sparse(x) else x.unsqueeze(dim)
            dim += 1
        elif k == slice(None):
            dim += 1
        elif isinstance(k, int) and not isinstance(k, bool):
            x = select(x, dim, k) if is_sparse(x) else x.select(dim, k)
        elif isinstance(k, _C.Tensor) and k.dim() == 1 and k.dtype == _C.int64:
            x = index_select(x, dim, k)
            dim += 1
        else:
            not_run("as_strided")
    return x


@handles("index_select")
def index_select(x, dim, index):
    """The elements at several indices of a dimension."""
    x = to_coo(x)
    dim, k = _dim(x, dim), sparse_dims(x)
    index = index.to(_C.int64).flatten()
    extent = x._sizes[dim]
    sizes = (*x._sizes[:dim], index.numel(), *x._sizes[dim + 1 :])
    if index.numel() and (int(index.min()) < -extent or int(index.max()) >= extent):
        raise IndexError(f"index_select(): index contains elements out of range [{-extent}, {extent})")
    index = _C.where(index < 0, index + extent, index)
    if dim >= k:
        return make(COO, sizes, x._parts, x._v.index_select(dim - k + 1, index), x._coalesced)
    # The wanted indices in order, then the range of them that each element is wanted by.
    order = index.argsort(stable=True)
    wanted = index[order]
    row = x._parts[0][dim].contiguous()
    first, last = _C.searchsorted(wanted, row), _C.searchsorted(wanted, row, right=True)
    times = last - first
    places = repeat_interleave(_C.arange(_nnz(x)), times)
    begins = repeat_interleave(first - (times.cumsum(0) - times), times)
    rows = [r[places] for r in x._parts[0].unbind(0)]
    rows[dim] = order[begins + _C.arange(places.numel())]
    return make(COO, sizes, (_C.stack(rows),), x._v[places], False)


@handles("unbind")
def _unbind(x, dim=0):
    return tuple(select(x, dim, i) for i in range(x._sizes[_dim(x, dim)]))


@handles("cat", "concat", "concatenate")
def cat(tensors, dim=0):
    """One after another along a sparse dimension."""
    if not all(is_sparse(t) for t in tensors):
        raise RuntimeError("Concatenating sparse tensors, but a dense tensor was found")
    layout = tensors[0]._layout
    parts = [to_coo(t) for t in tensors]
    dim, k = _dim(parts[0], dim), sparse_dims(parts[0])
    for t in parts:
        others = [s for d, s in enumerate(t._sizes) if d != dim]
        if others != [s for d, s in enumerate(parts[0]._sizes) if d != dim] or sparse_dims(t) != k:
            raise RuntimeError(
                f"All tensors must have the same shape: {list(parts[0]._sizes)} (except in the concatenating dimension), but "
                f"found shape: {list(t._sizes)}"
            )
    if dim >= k:
        not_run("cat along a dense dimension")
    indices, offset = [], 0
    for t in parts:
        rows = list(t._parts[0].unbind(0))
        rows[dim] = rows[dim] + offset
        indices.append(_C.stack(rows))
        offset += t._sizes[dim]
    sizes = list(parts[0]._sizes)
    sizes[dim] = offset
    result = make(COO, sizes, (_C.cat(indices, 1),), _C.cat([t._v for t in parts]), False)
    return result if layout is COO else compress(result, layout)


handles("vstack", "row_stack")(lambda tensors: cat(tensors, 0))
handles("hstack")(lambda tensors: cat(tensors, 1 if len(tensors[0]._sizes) > 1 else 0))


@handles("stack")
def _stack(tensors, dim=0):
    if not all(is_sparse(t) for t in tensors):
        raise RuntimeError("stack(): sparse and dense tensors cannot be stacked")
    return cat([unsqueeze(t, dim) for t in tensors], dim)
