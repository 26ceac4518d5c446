"""The methods of Tensor that are written in Python: copying, pickling, comparisons. Attached when framejit is imported.

A copied or unpickled tensor has the strides of the original; deepcopy keeps what shared memory sharing memory.
"""

import importlib

from framejit import _C, _tensor_rare


def typename(obj):
    """The type of `obj` with its module, as it appears in messages.

    obj (object). Raises nothing of its own.

    >>> import framejit
    >>> framejit.typename(framejit.ones(1)), framejit.typename(3)
    ('framejit.FloatTensor', 'int')
    """
    if isinstance(obj, _C.Tensor):
        return obj.type()
    named = isinstance(obj, type) or callable(obj) and hasattr(obj, "__qualname__") and getattr(obj, "__module__", None)
    kind = obj if named else type(obj)
    if kind.__module__ in (None, "builtins", "__builtin__"):
        return kind.__qualname__
    return f"{kind.__module__}.{kind.__qualname__}"


def is_storage(obj):
    """Whether `obj` is a storage object.

    obj (object). Raises nothing of its own.

    >>> import framejit
    >>> framejit.is_storage(framejit.ones(1).untyped_storage()), framejit.is_storage(3)
    (True, False)
    """
    return type(obj).__name__ in ("UntypedStorage", "TypedStorage")


def _flat(tensor):
    """All elements of the tensor's storage, as a flat tensor over the same memory."""
    count = tensor.untyped_storage().nbytes() // tensor.dtype.itemsize
    return tensor.detach().as_strided((count,), (1,), 0)


def _deepcopy(self, memo):
    if id(self) in memo:
        return memo[id(self)]
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment."
        )
    if self.is_meta:
        result = self.detach().clone()
        if type(self) is not _C.Tensor:
            result = _C.Tensor._make_subclass(type(self), result, self.requires_grad)
        memo[id(self)] = result.requires_grad_(self.requires_grad)
        return result
    shared = ("framejit storage", self.untyped_storage().data_ptr(), self.dtype)
    if shared not in memo or self.numel() == 0:
        memo[shared] = _flat(self).clone()
    flat = memo[shared]
    result = flat.as_strided(self.size(), self.stride(), self.storage_offset()).detach()
    if type(self) is not _C.Tensor:
        result = _C.Tensor._make_subclass(type(self), result, self.requires_grad)
    elif self.requires_grad:
        result.requires_grad_()
    memo[id(self)] = result
    if self.grad is not None:
        result.grad = _deepcopy(self.grad, memo)
    return result


def _rebuild(kind, data, dtype, size, stride, requires_grad):
    flat = _C.frombuffer(bytearray(data), dtype=dtype) if data else _C.empty(0, dtype=dtype)
    result = flat.as_strided(size, stride, 0)
    if kind is not _C.Tensor:
        return _C.Tensor._make_subclass(kind, result, requires_grad)
    return result.requires_grad_() if requires_grad else result


def _rebuild_meta(kind, dtype, size, stride, requires_grad):
    result = _C.empty_strided(size, stride, dtype=dtype, device="meta")
    if kind is not _C.Tensor:
        return _C.Tensor._make_subclass(kind, result, requires_grad)
    return result.requires_grad_(requires_grad)


def _reduce_ex(self, protocol):
    if self.grad_fn is not None:
        raise RuntimeError("a tensor that was computed from others with gradients cannot be pickled; detach() it first")
    if self.is_meta:
        return _rebuild_meta, (type(self), self.dtype, tuple(self.size()), tuple(self.stride()), self.requires_grad)
    size, stride, item = tuple(self.size()), tuple(self.stride()), self.dtype.itemsize
    span = 1 + sum((extent - 1) * step for extent, step in zip(size, stride)) if self.numel() else 0
    start = self.storage_offset() * item
    data = bytes(memoryview(self.untyped_storage()).cast("B")[start : start + span * item]) if span else b""
    return _rebuild, (type(self), data, self.dtype, size, stride, self.requires_grad)


def _attach():
    from framejit import _functions

    _C.Tensor.__deepcopy__ = _deepcopy
    _C.Tensor.__reduce_ex__ = _reduce_ex
    for name in (
        "isclose",
        "allclose",
        "equal",
        "diff",
        "as_strided_",
        "swapaxes_",
        "swapdims_",
        "unsqueeze_",
        "squeeze_",
        "t_",
        "transpose_",
        "unique",
        "unique_consecutive",
        "new_tensor",
    ):
        if not hasattr(_C.Tensor, name):
            setattr(_C.Tensor, name, _functions.METHODS[name])


# methods that are functions of these modules, under the same names
_FUNCTION_METHODS = {
    "_functions_stats": ("bucketize", "corrcoef", "cov", "dist", "histc", "nanmedian", "nanquantile", "quantile"),
    "_functions_shape": (
        "apply_", "diagflat", "diagonal_scatter", "dsplit", "fill_diagonal_", "hsplit", "kron", "map_", "new", "put", "put_",
        "resize", "resize_as", "select_scatter", "slice_scatter", "sum_to_size", "unsafe_chunk", "unsafe_split",
        "unsafe_split_with_sizes", "vsplit",
    ),
    "_functions_numbers": ("float_power", "is_nonzero", "lcm", "ldexp", "mode", "mvlgamma", "renorm"),
}  # fmt: skip
_LINALG_METHODS = (
    "cross", "eig", "ger", "lstsq", "lu", "lu_solve", "ormqr", "pinverse", "qr", "solve", "svd", "symeig", "triangular_solve",
)  # fmt: skip
_REMOVED_METHODS = ("eig", "lstsq", "solve", "symeig")  # they say what stands for them


_LINALG = """`framejit.{name}` with this tensor as its first argument, whose other arguments it takes. Raises what that raises.

>>> import framejit
>>> {example}
"""
_LINALG_EXAMPLES = {
    "cross": "framejit.tensor([1.0, 0.0, 0.0]).cross(framejit.tensor([0.0, 1.0, 0.0]))\ntensor([0., 0., 1.])",
    "ger": "framejit.ones(2).ger(framejit.ones(3)).shape\nframejit.Size([2, 3])",
    "lu": "framejit.tensor([[0.0, 1.0], [2.0, 4.0]]).lu()[1]\ntensor([2, 2], dtype=framejit.int32)",
    "lu_solve": "framejit.ones(2, 1).lu_solve(*framejit.eye(2).lu())\ntensor([[1.],\n        [1.]])",
    "ormqr": "framejit.zeros(1, 1).ormqr(framejit.zeros(1), framejit.ones(1, 1))\ntensor([[1.]])",
    "pinverse": "framejit.tensor([[2.0]]).pinverse()\ntensor([[0.5000]])",
    "qr": "framejit.eye(2).qr()[1].abs()\ntensor([[1., 0.],\n        [0., 1.]])",
    "svd": "framejit.tensor([[2.0, 0.0], [0.0, 1.0]]).svd()[1]\ntensor([2., 1.])",
    "triangular_solve": "framejit.ones(1, 1).triangular_solve(2 * framejit.eye(1)).solution\ntensor([[0.5000]])",
}


def _linalg_method(name):
    """Linear algebra is imported when one of its methods is called first."""

    def method(self, *args, **kwargs):
        from framejit import _functions_linalg

        return getattr(_functions_linalg, name)(self, *args, **kwargs)

    method.__name__ = method.__qualname__ = name
    if name in _REMOVED_METHODS:
        method.__doc__ = f"""Removed: it raises RuntimeError, which says what stands for it.

        >>> import framejit
        >>> framejit.eye(2).{name}()
        Traceback (most recent call last):
        RuntimeError: ...
        """
    else:
        method.__doc__ = _LINALG.format(name=name, example=_LINALG_EXAMPLES[name])
    return method


_IN_PLACE = """Writes to this tensor what `{name}` gives, and gives it back.

Its arguments are those of `{name}`. Raises what that raises.

>>> import framejit
>>> {example}
"""
_EXAMPLES = {
    "index_reduce": "x = framejit.ones(2)\n>>> x.index_reduce_(0, framejit.tensor([0]), x[:1] * 3, 'prod')\ntensor([3., 1.])",
    "float_power": "framejit.ones(2, dtype=framejit.float64).float_power_(2)\ntensor([1., 1.], dtype=framejit.float64)",
    "lcm": "framejit.tensor([4]).lcm_(framejit.tensor([6]))\ntensor([12])",
    "ldexp": "framejit.tensor([3.0]).ldexp_(framejit.tensor([2]))\ntensor([12.])",
    "mvlgamma": "framejit.tensor([1.0]).mvlgamma_(1)\ntensor([0.])",
    "polygamma": "framejit.tensor([1.0]).polygamma_(1)\ntensor([1.6449])",
    "renorm": "framejit.tensor([[3.0, 4.0]]).renorm_(1, 0, 7.0)\ntensor([[3., 4.]])",
}


def _in_place(function):
    """The in-place form of a function that returns a tensor of the same shape."""

    def method(self, *args, **kwargs):
        return self.copy_(function(self, *args, **kwargs))

    name = function.__name__.strip("_")
    method.__name__, method.__qualname__ = name + "_", f"Tensor.{name}_"
    method.__doc__ = _IN_PLACE.format(name=name, example=_EXAMPLES[name])
    return method


def _where(self, condition, other):
    """This tensor where the condition holds, `other` elsewhere.

    condition, other (Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.tensor([1.0, 2.0]).where(framejit.tensor([True, False]), 0.0)
    tensor([1., 0.])
    """
    return _C.where(condition, self, other)


def _typed_storage(self):
    """The memory of this tensor as a flat sequence of numbers.

    >>> import framejit
    >>> framejit.ones(2).storage().tolist()
    [1.0, 1.0]
    """
    from framejit.storage import TypedStorage

    return TypedStorage._of(self)


def _polygamma(self, n):
    """The n-th derivative of digamma, element by element.

    n (int): at least 0. Raises RuntimeError for a negative one.

    >>> import framejit
    >>> framejit.tensor([1.0]).polygamma(1)
    tensor([1.6449])
    """
    return _C.polygamma(n, self)


def _rdiv(self, other):
    """`other / self`.

    other (Tensor or number). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.tensor([2.0]).__rdiv__(1)
    tensor([0.5000])
    """
    return self.reciprocal() * other


def _rare_method(name):
    """Functions that few call are imported when one of their methods is called first."""

    def method(self, *args, **kwargs):
        return getattr(importlib.import_module("framejit"), name)(self, *args, **kwargs)

    method.__name__, method.__qualname__ = name, "Tensor." + name
    method.__doc__ = _LINALG.format(name=name, example=_RARE_METHODS[name])
    return method


_RARE_METHODS = {
    "frexp": "framejit.tensor([3.0]).frexp().exponent\ntensor([2], dtype=framejit.int32)",
    "histogram": "framejit.tensor([1.0, 2.0]).histogram(2).hist\ntensor([1., 1.])",
    "index_reduce": "x = framejit.ones(2)\n>>> x.index_reduce(0, framejit.tensor([0]), x[:1] * 3, 'prod')\ntensor([3., 1.])",
    "istft": "x = framejit.ones(8).stft(4, window=framejit.ones(4), return_complex=True)\n>>> x.istft(4, window=framejit.ones(4)).shape\nframejit.Size([8])",
    "nonzero_static": "framejit.tensor([0, 3]).nonzero_static(size=1)\ntensor([[1]])",
    "stft": "framejit.ones(8).stft(4, window=framejit.ones(4), return_complex=True).shape\nframejit.Size([3, 9])",
}


def _sparse_method(name):
    """Sparse tensors are imported when one of these methods is called first."""

    def method(self, *args, **kwargs):
        from framejit.sparse._make import ON_DENSE

        return ON_DENSE[name](self, *args, **kwargs)

    method.__name__, method.__qualname__ = name, "Tensor." + name
    what, arguments, example = _SPARSE_METHODS[name]
    method.__doc__ = _SPARSE.format(what=what, arguments=arguments, example=example)
    return method


_SPARSE = """{what} (framejit.sparse). Raises RuntimeError for a tensor of another layout.

{arguments}>>> import framejit
>>> framejit.eye(2).{example}
"""
_SPARSE_METHODS = {
    "_indices": ("The indices as they are", "", "to_sparse()._indices()\ntensor([[0, 1],\n        [0, 1]])"),
    "_nnz": ("How many values are held", "", "to_sparse()._nnz()\n2"),
    "_values": ("The values as they are", "", "to_sparse()._values()\ntensor([1., 1.])"),
    "ccol_indices": ("Where each column begins", "", "to_sparse_csc().ccol_indices()\ntensor([0, 1, 2])"),
    "coalesce": ("Sorted, without repeated indices", "", "to_sparse().coalesce().is_coalesced()\nTrue"),
    "col_indices": ("The columns of the values", "", "to_sparse_csr().col_indices()\ntensor([0, 1])"),
    "crow_indices": ("Where each row begins", "", "to_sparse_csr().crow_indices()\ntensor([0, 1, 2])"),
    "dense_dim": ("How many dimensions are dense", "", "to_sparse(1).dense_dim()\n1"),
    "indices": ("The indices of a coalesced tensor", "", "to_sparse().indices()\ntensor([[0, 1],\n        [0, 1]])"),
    "is_coalesced": ("Whether no index is repeated", "", "to_sparse().is_coalesced()\nTrue"),
    "row_indices": ("The rows of the values", "", "to_sparse_csc().row_indices()\ntensor([0, 1])"),
    "sparse_dim": ("How many dimensions are sparse", "", "to_sparse().sparse_dim()\n2"),
    "sparse_mask": (
        "The elements at the places of a sparse tensor",
        "mask (sparse Tensor).\n\n",
        "sparse_mask(framejit.eye(2).to_sparse()).values()\ntensor([1., 1.])",
    ),
    "to_dense": (
        "All elements",
        "dtype (framejit.dtype or None), masked_grad (bool).\n\n",
        "to_sparse().to_dense()\ntensor([[1., 0.],\n        [0., 1.]])",
    ),
    "to_sparse": (
        "As a sparse tensor",
        "sparse_dim (int or None), layout (framejit.layout), blocksize, dense_dim (None).\n\n",
        "to_sparse().values()\ntensor([1., 1.])",
    ),
    "to_sparse_coo": ("As a sparse tensor of coordinates", "", "to_sparse_coo().layout\nframejit.sparse_coo"),
    "to_sparse_csc": (
        "As a matrix of compressed columns",
        "dense_dim (None).\n\n",
        "to_sparse_csc().layout\nframejit.sparse_csc",
    ),
    "to_sparse_csr": (
        "As a matrix of compressed rows",
        "dense_dim (None).\n\n",
        "to_sparse_csr().layout\nframejit.sparse_csr",
    ),
    "values": ("The values", "", "to_sparse().values()\ntensor([1., 1.])"),
}


def _reversed(self):
    """The tensor with its first dimension in reverse order.

    >>> import framejit
    >>> reversed(framejit.arange(3))
    tensor([2, 1, 0])
    """
    return self.flip(0) if self.dim() else self


def _attach_functions():
    from framejit import _functions_forms, _functions_numbers, _functions_rare, _functions_shape, _functions_stats

    for name in _functions_forms.METHODS:
        setattr(_C.Tensor, name, getattr(_functions_forms, name))
    _rdiv.__name__, _rdiv.__qualname__ = "__rdiv__", "Tensor.__rdiv__"
    _C.Tensor.__rdiv__ = _rdiv
    _reversed.__name__, _reversed.__qualname__ = "__reversed__", "Tensor.__reversed__"
    _C.Tensor.__reversed__ = _reversed
    for name in ("cauchy_", "geometric_", "log_normal_"):
        setattr(_C.Tensor, name, getattr(_functions_rare, name))
    for name in _RARE_METHODS:
        setattr(_C.Tensor, name, _rare_method(name))
    _C.Tensor.index_reduce_ = _in_place(_C.Tensor.index_reduce)

    for module in (_functions_stats, _functions_shape, _functions_numbers):
        for name in _FUNCTION_METHODS[module.__name__.rpartition(".")[2]]:
            setattr(_C.Tensor, name, getattr(module, name))
    for name in ("float_power", "lcm", "ldexp", "mvlgamma", "renorm"):
        setattr(_C.Tensor, name + "_", _in_place(getattr(_functions_numbers, name)))
    for name in _LINALG_METHODS:
        setattr(_C.Tensor, name, _linalg_method(name))
    for name in _SPARSE_METHODS:
        setattr(_C.Tensor, name, _sparse_method(name))
    _C.Tensor.where = _where
    _C.Tensor.storage = _typed_storage
    _C.Tensor.polygamma = _polygamma
    _C.Tensor.polygamma_ = _in_place(_polygamma)


_attach()
_attach_functions()
_tensor_rare.attach()
