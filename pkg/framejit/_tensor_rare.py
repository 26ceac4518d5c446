"""Methods and attributes of Tensor that few programs use; each is a few calls of others."""

import warnings

from framejit import _C


def argwhere(self):
    """The indices of elements that are not 0, one a row: [count, dimensions].

    >>> import framejit
    >>> framejit.tensor([0, 3]).argwhere()
    tensor([[1]])
    """
    return self.nonzero()


def conj_physical_(self):
    """Conjugates each element.

    >>> import framejit
    >>> framejit.tensor([1 + 2j]).conj_physical_()
    tensor([1.-2.j])
    """
    return self.copy_(self.conj()) if self.is_complex() else self


def dequantize(self):
    """The tensor as float32; no tensor is quantised.

    >>> import framejit
    >>> framejit.ones(1).dequantize()
    tensor([1.])
    """
    return self.to(_C.float32)


def dim_order(self, *, ambiguity_check=False):
    """The dimensions from the one with the largest stride to the one with the smallest.

    ambiguity_check (bool or list of framejit.memory_format): raise RuntimeError where more than one order would do.

    >>> import framejit
    >>> framejit.ones(2, 3).t().dim_order()
    (1, 0)
    """
    order = tuple(sorted(range(self.dim()), key=lambda d: (-self.stride(d), d)))
    if ambiguity_check and (len(set(self.stride())) < self.dim() or 1 in self.shape):
        raise RuntimeError(
            "The tensor does not have unique dim order, or cannot map to exact one of the given memory formats."
        )
    return order


def is_distributed(self):
    """False: no tensor is spread over processes.

    >>> import framejit
    >>> framejit.ones(1).is_distributed()
    False
    """
    return False


def map2_(self, x, y, function):
    """Replaces each element a by function(a, b, c), where b and c are those of two other tensors.

    x, y (Tensor), function (callable of three numbers). Raises RuntimeError for tensors that require a gradient, or whose sizes do
    not fit.

    >>> import framejit
    >>> framejit.arange(3).map2_(framejit.ones(3), framejit.ones(3), lambda a, b, c: a + b + c).tolist()
    [2, 3, 4]
    """
    if self.requires_grad or x.requires_grad or y.requires_grad:
        raise RuntimeError("Can't call map2_() on Variable that requires grad. Use var.detach().map2_() instead.")
    parts = [t.expand(self.shape).reshape(-1).tolist() for t in (self, x, y)]
    values = [function(*each) for each in zip(*parts)]
    return self.copy_(_C.tensor(values, dtype=self.dtype).reshape(self.shape)) if values else self


def module_load(self, other, assign=False):
    """What a parameter becomes when `load_state_dict` finds `other` for it.

    other (Tensor), assign (bool): take it as it is; otherwise its elements are copied. Raises RuntimeError for sizes that do not fit.

    >>> import framejit
    >>> framejit.zeros(2).module_load(framejit.ones(2))
    tensor([1., 1.])
    """
    return other.detach() if assign else self.copy_(other).detach()


def narrow_copy(self, dim, start, length):
    """A copy of `narrow`.

    dim, start, length (int). Raises what narrow raises, and RuntimeError for larger dimensions (Expected dim < …).

    >>> import framejit
    >>> framejit.arange(4).narrow_copy(0, 1, 2)
    tensor([1, 2])
    """
    if dim >= max(self.dim(), 1):
        raise RuntimeError(f"Expected dim < {self.dim()} to be true, but got {dim}")
    return self.narrow(dim, start, length).clone()


def orgqr(self, tau):
    """`linalg.householder_product` with this tensor as its first argument.

    tau (Tensor). Raises what that raises.

    >>> import framejit
    >>> framejit.zeros(1, 1).orgqr(framejit.zeros(1))
    tensor([[1.]])
    """
    from framejit import _operators

    return _operators.orgqr(self, tau)


def reinforce(self, reward):
    """Removed.

    reward (object). Raises RuntimeError, which says what stands for it.

    >>> import framejit
    >>> framejit.ones(1).reinforce(1)
    Traceback (most recent call last):
    RuntimeError: ...
    """
    raise RuntimeError("reinforce() was removed. Use torch.distributions instead.")


def resize_as_(self, other, *, memory_format=None):
    """Takes the sizes of another tensor; new elements are unset.

    other (Tensor), memory_format (None). Raises RuntimeError for a tensor whose memory cannot grow.

    >>> import framejit
    >>> framejit.ones(2).resize_as_(framejit.ones(1)).shape
    framejit.Size([1])
    """
    return self.resize_(other.shape)


def storage_type(self):
    """The type of `storage()`.

    >>> import framejit
    >>> framejit.ones(1).storage_type().__name__
    'TypedStorage'
    """
    return type(self.storage())


def is_all_true(self):
    """Whether all elements are true, as a tensor.

    >>> import framejit
    >>> framejit.tensor([True, False])._is_all_true()
    tensor(False)
    """
    return self.all()


def is_any_true(self):
    """Whether an element is true, as a tensor.

    >>> import framejit
    >>> framejit.tensor([True, False])._is_any_true()
    tensor(True)
    """
    return self.any()


def _volatile(self):
    warnings.warn("volatile was removed (Variable.volatile is always False)", UserWarning, stacklevel=2)
    return False


_METHODS = (
    argwhere, conj_physical_, dequantize, dim_order, is_distributed, map2_, module_load, narrow_copy, orgqr, reinforce, resize_as_,
    storage_type,
)  # fmt: skip
_PRIVATE = {"_is_all_true": is_all_true, "_is_any_true": is_any_true}
_FALSE = ("is_ipu", "is_maia", "is_mtia", "is_vulkan", "is_xla", "is_xpu")


def attach():
    """Gives them to Tensor."""
    for method in _METHODS:
        if not hasattr(_C.Tensor, method.__name__):
            setattr(_C.Tensor, method.__name__, method)
    for name, method in _PRIVATE.items():
        setattr(_C.Tensor, name, method)
    for name in _FALSE:
        setattr(_C.Tensor, name, property(lambda self: False))
    _C.Tensor.volatile = property(_volatile)
    _C.Tensor.grad_dtype = property(lambda self: self.dtype)
    _C.Tensor.const_data_ptr = _C.Tensor.data_ptr
