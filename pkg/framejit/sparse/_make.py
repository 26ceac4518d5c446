"""How sparse tensors are made: from indices and values, and from dense tensors; and their methods on dense ones."""

from framejit import _C
from framejit.sparse._tensor import COO, CSC, CSR, as_layout, expect, is_sparse, make, sparse_dims, to_coo


class check_sparse_tensor_invariants:
    """Whether indices are looked at when a sparse tensor is made; also a context and a decorator.

    enable (bool). Raises nothing of its own.

    >>> import framejit
    >>> with framejit.sparse.check_sparse_tensor_invariants():
    ...     framejit.sparse_coo_tensor([[5]], [1.0], (2,))
    Traceback (most recent call last):
    RuntimeError: size is inconsistent with indices: for dim 0, size is 2 but found index 5
    """

    _on = False

    def __init__(self, enable=True):
        self._wanted, self._before = enable, []

    @staticmethod
    def is_enabled():
        """Whether they are."""
        return check_sparse_tensor_invariants._on

    @staticmethod
    def enable():
        """From now on."""
        check_sparse_tensor_invariants._on = True

    @staticmethod
    def disable():
        """No longer."""
        check_sparse_tensor_invariants._on = False

    def __enter__(self):
        self._before.append(check_sparse_tensor_invariants._on)
        check_sparse_tensor_invariants._on = self._wanted
        return self

    def __exit__(self, *error):
        check_sparse_tensor_invariants._on = self._before.pop()

    def __call__(self, function):
        import functools

        @functools.wraps(function)
        def checked(*args, **kwargs):
            with type(self)(self._wanted):
                return function(*args, **kwargs)

        return checked


def _integers(indices):
    return _C.as_tensor(indices).to(_C.int64)


def _values(values, dtype, requires_grad):
    values = _C.as_tensor(values)
    if dtype is not None:
        values = values.to(dtype)
    if requires_grad:
        return values.detach().requires_grad_()
    return values.view(values.shape) if values.requires_grad and values.is_leaf else values  # the tensor is no leaf


def _check_device(device):
    if device is not None and _C.device(device).type != "cpu":
        raise RuntimeError("sparse tensors live on the CPU")


def _check_coo(indices, sizes):
    if not indices.numel():
        return
    for d, (low, high) in enumerate(zip(indices.amin(1).tolist(), indices.amax(1).tolist())):
        if low < 0:
            raise RuntimeError(f"found negative index {low} for dim {d}")
        if high >= sizes[d]:
            raise RuntimeError(
                f"size is inconsistent with indices: for dim {d}, size is {sizes[d]} but found index {high}"
            )


def sparse_coo_tensor(
    indices=None,
    values=None,
    size=None,
    *,
    dtype=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    check_invariants=None,
    is_coalesced=None,
):
    """A sparse tensor of coordinates: `values[k]` lies at `indices[:, k]`; values of the same place are added.

    indices, values (Tensor or sequence; neither: no elements), size (sequence of int or None: as small as holds them), dtype
    (framejit.dtype or None), device (framejit.device or None), pin_memory, requires_grad, check_invariants, is_coalesced (bool). Raises
    RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.sparse_coo_tensor([[0, 1], [2, 0]], [3.0, 4.0], (2, 3)).to_dense()
    tensor([[0., 0., 3.],
            [4., 0., 0.]])
    """
    _check_device(device)
    if values is None:
        sizes = tuple(size if size is not None else indices)
        empty = _C.empty(0, dtype=dtype)
        return make(COO, sizes, (_C.empty((len(sizes), 0), dtype=_C.int64),), _values(empty, None, requires_grad), True)
    indices, values = _integers(indices), _values(values, dtype, requires_grad)
    if indices.dim() != 2:
        raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(indices.shape)}")
    if values.dim() == 0 or indices.size(1) != values.size(0):
        raise RuntimeError(
            f"indices and values must have same nnz, but got nnz from indices: {indices.size(1)}, nnz from values: "
            f"{values.size(0) if values.dim() else 1}"
        )
    k, dense = indices.size(0), values.dim() - 1
    if size is None:
        extents = (indices.amax(1) + 1).tolist() if indices.size(1) else [0] * k
        size = (*extents, *values.shape[1:])
    sizes = tuple(int(s) for s in size)
    if len(sizes) != k + dense:
        raise RuntimeError(
            f"'len(size) == sparse_dim + dense_dim' is not satisfied: len(size) = {len(sizes)}, sparse_dim = {k}, "
            f"dense_dim = {dense}"
        )
    if sizes[k:] != tuple(values.shape[1:]):
        raise RuntimeError(
            f"values has incorrect size, expected {[values.size(0), *sizes[k:]]}, got {list(values.shape)}"
        )
    if check_sparse_tensor_invariants._on if check_invariants is None else check_invariants:
        _check_coo(indices, sizes)
    return make(COO, sizes, (indices,), values, bool(is_coalesced) or indices.size(1) < 2 and is_coalesced is None)


def sparse_compressed_tensor(
    compressed_indices,
    plain_indices,
    values,
    size=None,
    *,
    dtype=None,
    layout=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    check_invariants=None,
):
    """A sparse matrix of compressed rows (layout framejit.sparse_csr) or columns (framejit.sparse_csc).

    compressed_indices, plain_indices, values (Tensor or sequence), size (sequence of int or None), dtype (framejit.dtype or
    None), layout (framejit.layout), device (framejit.device or None), pin_memory, requires_grad, check_invariants (bool). Raises
    RuntimeError for sizes that do not fit, NotImplementedError for batches and blocks.

    >>> import framejit
    >>> x = framejit.sparse_compressed_tensor([0, 1, 2], [1, 0], [3.0, 4.0], (2, 2), layout=framejit.sparse_csr)
    >>> x.to_dense()
    tensor([[0., 3.],
            [4., 0.]])
    """
    _check_device(device)
    if layout not in (CSR, CSC):
        raise NotImplementedError(
            f"compressed tensors are of framejit.sparse_csr or framejit.sparse_csc here, not {layout}"
        )
    compressed, plain = _integers(compressed_indices), _integers(plain_indices)
    values = _values(values, dtype, requires_grad)
    if compressed.dim() != 1 or plain.dim() != 1:
        raise NotImplementedError("compressed tensors have no batches here")
    if values.dim() != 1 or plain.numel() != values.size(0):
        raise RuntimeError(
            f"the number of plain indices and values must be equal, but got {plain.numel()} and {list(values.shape)}"
        )
    n = compressed.numel() - 1
    if n < 0:
        raise RuntimeError("compressed indices must not be empty")
    if size is None:
        other = int(plain.max()) + 1 if plain.numel() else 0
        size = (n, other) if layout is CSR else (other, n)
    sizes = tuple(int(s) for s in size)
    if len(sizes) != 2 or sizes[0 if layout is CSR else 1] != n:
        raise RuntimeError(f"{n} compressed dimensions do not fit size {list(sizes)}")
    if check_sparse_tensor_invariants._on if check_invariants is None else check_invariants:
        _check_compressed(compressed, plain, sizes[1 if layout is CSR else 0])
    return make(layout, sizes, (compressed, plain), values)


def _check_compressed(compressed, plain, extent):
    steps = compressed[1:] - compressed[:-1]
    if int(compressed[0]) != 0:
        raise RuntimeError("`compressed_indices[..., 0] == 0` is not satisfied.")
    if int(compressed[-1]) != plain.numel():
        raise RuntimeError("`compressed_indices[..., -1] == nnz` is not satisfied.")
    if bool((steps < 0).any()) or bool((steps > extent).any()):
        raise RuntimeError(
            "`0 <= compressed_indices[..., 1:] - compressed_indices[..., :-1] <= plain_dim` is not satisfied."
        )
    if plain.numel() and (int(plain.min()) < 0 or int(plain.max()) >= extent):
        raise RuntimeError("`0 <= plain_indices < plain_dim` is not satisfied.")


def sparse_csr_tensor(crow_indices, col_indices, values, size=None, **options):
    """A sparse matrix of compressed rows: row r has the columns and values from `crow_indices[r]` to `crow_indices[r + 1]`.

    crow_indices, col_indices, values (Tensor or sequence), size (sequence of int or None); options (object): those of
    `sparse_compressed_tensor`. Raises what that raises.

    >>> import framejit
    >>> framejit.sparse_csr_tensor([0, 1, 2], [1, 0], [3.0, 4.0]).to_dense()
    tensor([[0., 3.],
            [4., 0.]])
    """
    return sparse_compressed_tensor(crow_indices, col_indices, values, size, layout=CSR, **options)


def sparse_csc_tensor(ccol_indices, row_indices, values, size=None, **options):
    """A sparse matrix of compressed columns, as `sparse_csr_tensor` is one of rows.

    ccol_indices, row_indices, values (Tensor or sequence), size (sequence of int or None); options (object): those of
    `sparse_compressed_tensor`. Raises what that raises.

    >>> import framejit
    >>> framejit.sparse_csc_tensor([0, 1, 2], [1, 0], [3.0, 4.0]).to_dense()
    tensor([[0., 4.],
            [3., 0.]])
    """
    return sparse_compressed_tensor(ccol_indices, row_indices, values, size, layout=CSC, **options)


# --- from dense tensors ---


def _coo_of_dense(x, sparse_dim):
    dims = x.dim() if sparse_dim is None else int(sparse_dim)
    if not 0 <= dims <= x.dim():
        raise RuntimeError(f"dense_to_sparse: sparse_dim argument must be in [0,{x.dim()}] range, but {dims} is given")
    if x.dim() == 0 or dims == 0:
        present = bool((x != 0).any())
        values = x.unsqueeze(0)[: int(present)]
        return make(COO, x.shape, (_C.empty((0, int(present)), dtype=_C.int64),), values, True)
    mask = x.detach() != 0
    if dims < x.dim():
        mask = mask.flatten(dims).any(-1) if x.numel() else mask.new_zeros(x.shape[:dims])
    indices = mask.nonzero().t().contiguous()
    return make(COO, x.shape, (indices,), x[tuple(indices.unbind(0))], True)


def to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    """This tensor as a sparse one.

    sparse_dim (int or None: all dimensions): how many dimensions are sparse, layout (framejit.layout): COO, CSR or CSC. Raises
    RuntimeError for numbers that do not fit, NotImplementedError for blocks.

    >>> import framejit
    >>> framejit.tensor([0.0, 2.0]).to_sparse()
    tensor(indices=tensor([[1]]),
           values=tensor([2.]),
           size=(2,), nnz=1, layout=framejit.sparse_coo)
    """
    if isinstance(sparse_dim, _C.layout):
        layout, sparse_dim = sparse_dim, None
    layout = COO if layout is None else layout
    if layout not in (COO, CSR, CSC) or blocksize is not None or dense_dim:
        raise NotImplementedError(
            f"to_sparse() makes COO, CSR and CSC tensors, not {layout} with blocks or dense dimensions"
        )
    if is_sparse(self):
        return as_layout(self, layout)
    return as_layout(_coo_of_dense(self, sparse_dim), layout)


def to_sparse_csr(self, dense_dim=None):
    """This matrix as one of compressed rows.

    dense_dim (None). Raises RuntimeError for tensors of other dimensions.

    >>> import framejit
    >>> framejit.eye(2).to_sparse_csr().crow_indices()
    tensor([0, 1, 2])
    """
    return to_sparse(self, layout=CSR, dense_dim=dense_dim)


def to_sparse_csc(self, dense_dim=None):
    """This matrix as one of compressed columns.

    dense_dim (None). Raises RuntimeError for tensors of other dimensions.

    >>> import framejit
    >>> framejit.eye(2).to_sparse_csc().ccol_indices()
    tensor([0, 1, 2])
    """
    return to_sparse(self, layout=CSC, dense_dim=dense_dim)


def to_sparse_coo(self):
    """This tensor as a sparse one of coordinates.

    >>> import framejit
    >>> framejit.eye(2).to_sparse_coo().indices()
    tensor([[0, 1],
            [0, 1]])
    """
    return to_sparse(self)


def to_dense(self, dtype=None, *, masked_grad=True):
    """This tensor with all its elements; a dense tensor itself.

    dtype (framejit.dtype or None), masked_grad (bool): accepted; gradients of sparse tensors are those of their values. Raises
    nothing of its own.

    >>> import framejit
    >>> framejit.eye(2).to_sparse().to_dense()
    tensor([[1., 0.],
            [0., 1.]])
    """
    return self if dtype is None else self.to(dtype)


def sparse_mask(self, mask):
    """The elements of this tensor at the places of a sparse one.

    mask (sparse Tensor). Raises TypeError for others.

    >>> import framejit
    >>> framejit.tensor([3.0, 4.0]).sparse_mask(framejit.tensor([0.0, 1.0]).to_sparse()).values()
    tensor([4.])
    """
    if not is_sparse(mask):
        raise TypeError("sparse_mask(): the mask must be a sparse tensor")
    if tuple(self.shape) != mask._sizes:
        raise RuntimeError(
            f"sparse_mask(): operands have incompatible sizes; self has size {list(self.shape)} but mask has size {list(mask._sizes)}"
        )
    places = to_coo(mask)
    dense = self.to_dense() if is_sparse(self) else self
    values = dense[tuple(places._parts[0].unbind(0))] if sparse_dims(places) else dense.unsqueeze(0)
    return make(mask._layout, mask._sizes, mask._parts, values, mask._coalesced)


def _only_sparse(name, layouts, what=""):
    def method(self):
        expect(self, layouts, name, what)

    method.__name__, method.__qualname__ = name, "Tensor." + name
    method.__doc__ = f"""Of a sparse tensor only.

    Raises RuntimeError for others.

    >>> import framejit
    >>> framejit.ones(1).{name}()
    Traceback (most recent call last):
    RuntimeError: ...
    """
    return method


def _no_sparse_dim(self):
    """How many dimensions are sparse: none of a dense tensor.

    >>> import framejit
    >>> framejit.ones(2).sparse_dim(), framejit.eye(2).to_sparse().sparse_dim()
    (0, 2)
    """
    return 0


def _all_dense_dims(self):
    """How many dimensions are dense.

    >>> import framejit
    >>> framejit.ones(2).dense_dim(), framejit.eye(2).to_sparse().dense_dim()
    (1, 0)
    """
    return self.dim()


_no_sparse_dim.__name__, _all_dense_dims.__name__ = "sparse_dim", "dense_dim"
_COORDINATE, _ROWS, _COLUMNS = "coordinate ", "row compressed ", "column compressed "
ON_DENSE = {
    "to_sparse": to_sparse,
    "to_sparse_coo": to_sparse_coo,
    "to_sparse_csr": to_sparse_csr,
    "to_sparse_csc": to_sparse_csc,
    "to_dense": to_dense,
    "sparse_mask": sparse_mask,
    "coalesce": _only_sparse("coalesce", (COO,), _COORDINATE),
    "is_coalesced": _only_sparse("is_coalesced", (COO,), _COORDINATE),
    "indices": _only_sparse("indices", (COO,), _COORDINATE),
    "_indices": _only_sparse("_indices", (COO,), _COORDINATE),
    "values": _only_sparse("values", (COO, CSR, CSC)),
    "_values": _only_sparse("_values", (COO, CSR, CSC)),
    "_nnz": _only_sparse("_nnz", (COO, CSR, CSC)),
    "sparse_dim": _no_sparse_dim,
    "dense_dim": _all_dense_dims,
    "crow_indices": _only_sparse("crow_indices", (CSR,), _ROWS),
    "col_indices": _only_sparse("col_indices", (CSR,), _ROWS),
    "ccol_indices": _only_sparse("ccol_indices", (CSC,), _COLUMNS),
    "row_indices": _only_sparse("row_indices", (CSC,), _COLUMNS),
}
