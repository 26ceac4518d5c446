"""What the distributions share: broadcasting of parameters, probabilities and log-odds, packed triangles."""

from numbers import Number

from framejit import _ops as _t
from framejit.autograd.grad_mode import enable_grad

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]

euler_constant = 0.57721566490153286060


def broadcast_all(*values):
    """Numbers and tensors as tensors of one shape; numbers take the dtype of the first tensor."""
    if not all(isinstance(v, (_t.Tensor, Number)) for v in values):
        raise ValueError(
            "Input arguments must all be instances of Number, torch.Tensor or objects implementing __torch_function__."
        )
    tensors = [v for v in values if isinstance(v, _t.Tensor)]
    dtype = tensors[0].dtype if tensors else _t.get_default_dtype()
    made = [v if isinstance(v, _t.Tensor) else _t.tensor(v, dtype=dtype) for v in values]
    shape = _t.broadcast_shapes(*(v.shape for v in made))
    return tuple(v.expand(shape) for v in made)


def standard_normal(shape, like):
    """Normal numbers of the dtype of a tensor."""
    return _t.randn(shape, dtype=like.dtype)


def logits_to_probs(logits, is_binary=False):
    """Probabilities from log-odds, or from unnormalised log-probabilities along the last dimension."""
    return _t.sigmoid(logits) if is_binary else _t.softmax(logits, -1)


def clamp_probs(probs):
    """Probabilities away from 0 and 1 by the precision of their dtype."""
    eps = _t.finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def probs_to_logits(probs, is_binary=False):
    """Log-odds, or log-probabilities, from probabilities."""
    clamped = clamp_probs(probs)
    return clamped.log() - (-clamped).log1p() if is_binary else clamped.log()


class lazy_property:
    """A property that is computed once and then an attribute of the instance."""

    def __init__(self, wrapped):
        self.wrapped = wrapped
        self.__doc__ = wrapped.__doc__
        self.__name__ = wrapped.__name__

    def __get__(self, instance, owner=None):
        if instance is None:
            return _LazyOfClass(self.wrapped)
        with enable_grad():
            value = self.wrapped(instance)
        setattr(instance, self.__name__, value)
        return value


class _LazyOfClass(lazy_property, property):
    """What the class shows of a lazy property: documentation tools see a property."""

    def __init__(self, wrapped):
        property.__init__(self, wrapped)


def tril_matrix_to_vec(mat, diag=0):
    """The lower triangles of matrices [..., n, n] as vectors, row by row, up to the diagonal `diag`."""
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"diag ({diag}) provided is outside [{-n}, {n - 1}].")
    rows, columns = _t.tril_indices(n, n, diag)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec, diag=0):
    """Matrices with a lower triangle filled row by row from vectors [..., size]."""
    size = vec.shape[-1]
    # The root n of size = n (n + 1) / 2 + n diag - (0 or what the first rows lack)
    n = (-(1 + 2 * diag) + ((1 + 2 * diag) ** 2 + 8 * size + 4 * abs(diag) * (diag + 1)) ** 0.5) / 2
    if not round(n) - n <= _t.finfo(vec.dtype).eps:
        raise ValueError(f"The size of last dimension is {size} which cannot be expressed as the lower triangular part of a square D x D matrix.")  # fmt: skip
    n = round(n)
    rows, columns = _t.tril_indices(n, n, diag)
    places = rows * n + columns
    flat = vec.new_zeros(*vec.shape[:-1], n * n)
    return flat.index_copy(-1, places, vec).reshape(*vec.shape[:-1], n, n)


def sum_rightmost(value, dims):
    """The sum over the last dimensions."""
    return value if dims == 0 else value.reshape(*value.shape[: value.dim() - dims], -1).sum(-1)


_sum_rightmost = sum_rightmost  # PyTorch's name, which packages of distributions import
