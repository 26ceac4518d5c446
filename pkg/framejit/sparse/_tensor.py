"""The class of sparse tensors: what they hold, and how they find what a function does with them.

The memory of the object itself is one zero, expanded to the sizes: dtype, sizes and device are read from it, elements never.
"""

import math

from framejit import _C
from framejit._functions import unique
from framejit._functions_forms import repeat_interleave

COO, CSR, CSC = _C.sparse_coo, _C.sparse_csr, _C.sparse_csc
LAYOUT_NAMES = {_C.strided: "Strided", COO: "Sparse", CSR: "SparseCsr", CSC: "SparseCsc"}

# name of a function -> what it does with sparse tensors; filled by the modules beside this one
HANDLERS = {}
# What the object itself can tell.
_OWN = frozenset(
    "get:shape get:dtype get:device get:ndim get:is_cpu get:is_cuda get:is_mps get:is_meta get:is_quantized get:is_nested "
    "get:itemsize get:name get:_backward_hooks get:output_nr get:__array_priority__ get:_version get:is_mkldnn size dim "
    "numel ndimension nelement is_floating_point is_complex is_signed element_size get_device is_pinned is_same_size stride "
    "is_contiguous __len__ type_as _is_view is_inference is_shared share_memory_ is_conj is_neg resolve_conj resolve_neg "
    "__format__".split()
)


def handles(*names):
    """A decorator: the function is what these do with sparse tensors."""

    def decorate(function):
        for name in names:
            HANDLERS[name] = function
        return function

    return decorate


def _key(function):
    name = getattr(function, "__name__", "")
    if name in ("__get__", "__set__"):
        return f"{name[2:5]}:{function.__self__.__name__}"
    return name


def not_run(name):
    """The error of an operation without a sparse meaning."""
    raise NotImplementedError(
        f"Could not run 'aten::{name}' with arguments from the 'SparseCPU' backend: framejit has no such operation on sparse "
        "tensors. Use Tensor.to_dense() first."
    )


class SparseTensor(_C.Tensor):
    """A sparse tensor; `sparse_coo_tensor`, `sparse_csr_tensor` and `Tensor.to_sparse` make them.

    Not to be called: RuntimeError says so.

    >>> import framejit
    >>> isinstance(framejit.eye(2).to_sparse(), framejit.sparse.SparseTensor)
    True
    """

    _layout = COO
    _parts = ()  # indices of COO; compressed and plain indices of the others
    _v = None
    _sizes = ()
    _coalesced = False

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("a sparse tensor is made by sparse_coo_tensor, sparse_csr_tensor or Tensor.to_sparse")

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        key = _key(func)
        if key in _OWN:
            return _C._disabled_torch_function_impl(func, types, args, kwargs)
        handler = HANDLERS.get(key)
        if handler is None:
            not_run(key)
        return handler(*args, **(kwargs or {}))

    def __reduce_ex__(self, protocol):
        if self._v.grad_fn is not None:
            raise RuntimeError(
                "a tensor that was computed from others with gradients cannot be pickled; detach() it first"
            )
        return _rebuild, (repr(self._layout), self._sizes, self._parts, self._v, self._coalesced)

    def __deepcopy__(self, memo):
        if id(self) not in memo:
            if not self._v.is_leaf:
                raise RuntimeError(
                    "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
                )
            values = self._v.detach().clone().requires_grad_(self._v.requires_grad)
            memo[id(self)] = make(
                self._layout, self._sizes, tuple(p.clone() for p in self._parts), values, self._coalesced
            )
        return memo[id(self)]


_C._set_sparse_type(SparseTensor)


def make(layout, sizes, parts, values, coalesced=False):
    """A sparse tensor of these parts, as they are."""
    sizes = tuple(int(s) for s in sizes)
    base = _C.zeros((), dtype=values.dtype).expand(sizes)
    result = _C.Tensor._make_subclass(SparseTensor, base)
    result._layout, result._sizes, result._parts, result._v = layout, sizes, tuple(parts), values
    result._coalesced = coalesced
    return result


def become(target, source):
    """The sparse tensor `target` gets what `source` has: an in-place operation."""
    if target._v.requires_grad and target._v.is_leaf and _C.is_grad_enabled():
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if source._v.dtype != target._v.dtype:
        source = like(source, source._v.to(target._v.dtype))
    target._parts, target._v, target._coalesced = source._parts, source._v, source._coalesced
    return target


def like(x, values, **changes):
    """`x` with other values."""
    return make(x._layout, changes.get("sizes", x._sizes), x._parts, values, x._coalesced)


def _rebuild(layout, sizes, parts, values, coalesced):
    return make(getattr(_C, layout.rpartition(".")[2]), sizes, parts, values, coalesced)


def is_sparse(x):
    """Whether `x` is a sparse tensor."""
    return isinstance(x, SparseTensor)


def expect(x, layouts, name, what):
    """Raises RuntimeError for another layout."""
    layout = x._layout if is_sparse(x) else _C.strided
    if layout not in layouts:
        raise RuntimeError(f"{name} expected sparse {what}tensor layout but got {LAYOUT_NAMES[layout]}")


def sparse_dims(x):
    """How many of the sizes the indices are of."""
    return x._parts[0].size(0) if x._layout is COO else 2


def flat_indices(indices, sizes):
    """One number for each column of indices: its place in row-major order."""
    flat = _C.zeros(indices.size(1), dtype=_C.int64)
    for row, extent in zip(indices.unbind(0), sizes):
        flat = flat * extent + row
    return flat


def unflatten(flat, sizes):
    """The indices behind the numbers of `flat_indices`."""
    rows = []
    for extent in reversed(sizes):
        rows.append(flat % max(extent, 1))
        flat = flat // max(extent, 1)
    return _C.stack(rows[::-1]) if rows else _C.empty((0, flat.numel()), dtype=_C.int64)


def sum_into(n, index, values):
    """A tensor of `n` rows: the sums of the values with the same index."""
    out = _C.zeros((n, *values.shape[1:]), dtype=values.dtype)
    if values.dtype == _C.bool:
        return out.to(_C.uint8).index_add(0, index, values.to(_C.uint8)) > 0
    return out.index_add(0, index, values)


def coalesced(x):
    """COO without repeated indices, in row-major order."""
    if x._coalesced:
        return x
    indices, k = x._parts[0], sparse_dims(x)
    sizes = x._sizes[:k]
    if indices.size(1) < 2 or not math.prod(sizes):
        return make(COO, x._sizes, x._parts, x._v, True)
    places, inverse = unique(flat_indices(indices, sizes), sorted=True, return_inverse=True)
    values = sum_into(places.numel(), inverse, x._v)
    return make(COO, x._sizes, (unflatten(places, sizes),), values, True)


def to_coo(x):
    """The tensor as COO; what is compressed is coalesced."""
    if x._layout is COO:
        return x
    compressed, plain = x._parts
    n = compressed.numel() - 1
    counts = compressed[1:] - compressed[:-1]
    outer = repeat_interleave(_C.arange(n), counts) if n > 0 else _C.empty(0, dtype=_C.int64)
    rows = (outer, plain.to(_C.int64)) if x._layout is CSR else (plain.to(_C.int64), outer)
    return make(COO, x._sizes, (_C.stack(rows),), x._v, x._layout is CSR)


def compress(x, layout):
    """A matrix as CSR or CSC."""
    if is_sparse(x) and x._layout is layout:
        return x
    x = to_coo(x)
    if len(x._sizes) != 2 or sparse_dims(x) != 2:
        raise RuntimeError(
            f"only matrices are compressed, not tensors of {len(x._sizes)} dimensions: they have no batches here"
        )
    if layout is CSC:
        flipped = coalesced(make(COO, x._sizes[::-1], (x._parts[0].flip(0),), x._v))
        outer, plain = flipped._parts[0].unbind(0)
        values, n = flipped._v, x._sizes[1]
    else:
        x = coalesced(x)
        outer, plain = x._parts[0].unbind(0)
        values, n = x._v, x._sizes[0]
    counts = sum_into(n, outer, _C.ones(outer.numel(), dtype=_C.int64))
    compressed = _C.cat([_C.zeros(1, dtype=_C.int64), counts.cumsum(0)])
    return make(layout, x._sizes, (compressed, plain), values)


def as_layout(x, layout):
    """A sparse tensor in one of the three layouts."""
    return to_coo(x) if layout is COO else compress(x, layout)
