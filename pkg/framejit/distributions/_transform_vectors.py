"""Maps of vectors and matrices, and maps of parts side by side."""

import math

from framejit import _ops as _t
from framejit import linalg
from framejit.nn.functional import logsigmoid, pad, softplus

from . import constraints
from ._transform_base import Transform, sum_rightmost
from .utils import tril_matrix_to_vec, vec_to_tril_matrix


class SoftmaxTransform(Transform):
    """Vectors to the simplex by softmax; the inverse is the logarithm, up to a constant.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.SoftmaxTransform()(framejit.zeros(2))
    tensor([0.5000, 0.5000])
    """

    domain, codomain = constraints.real_vector, constraints.simplex

    def __eq__(self, other):
        return isinstance(other, SoftmaxTransform)

    def _call(self, x):
        return _t.softmax(x, -1)

    def _inverse(self, y):
        return y.log()

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return shape

    inverse_shape = forward_shape


def _left(size, like):
    """How many parts of the stick are left before each break: size, size - 1, … 1, plus one."""
    return size + 1 - _t.arange(1, size + 1, dtype=like.dtype)


class StickBreakingTransform(Transform):
    """n numbers to the simplex of n + 1: each breaks a part off what is left of a stick (as Stan does).

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.StickBreakingTransform()(framejit.zeros(1))
    tensor([0.5000, 0.5000])
    """

    domain, codomain = constraints.real_vector, constraints.simplex
    bijective = True

    def __eq__(self, other):
        return isinstance(other, StickBreakingTransform)

    def _call(self, x):
        broken = _t.sigmoid(x - _left(x.shape[-1], x).log())
        rest = (1 - broken).cumprod(-1)
        return pad(broken, (0, 1), value=1) * pad(rest, (1, 0), value=1)

    def _inverse(self, y):
        head = y[..., :-1]
        rest = (1 - head.cumsum(-1)).clamp(min=_t.finfo(y.dtype).tiny)
        return head.log() - rest.log() + _left(head.shape[-1], y).log()

    def log_abs_det_jacobian(self, x, y):
        x = x - _left(x.shape[-1], x).log()
        return (-x + logsigmoid(x) + y[..., :-1].log()).sum(-1)

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return _t.Size((*shape[:-1], shape[-1] + 1))

    def inverse_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        return _t.Size((*shape[:-1], shape[-1] - 1))


class CorrCholeskyTransform(Transform):
    """n (n - 1) / 2 numbers to the Cholesky factor of a correlation matrix: partial correlations by tanh, then each
    row of the factor is broken off a stick of length one (Lewandowski, Kurowicka and Joe 2009).

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.CorrCholeskyTransform()(framejit.zeros(1))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain, codomain = constraints.real_vector, constraints.corr_cholesky
    bijective = True

    def _call(self, x):
        eps = _t.finfo(x.dtype).eps
        partial = vec_to_tril_matrix(x.tanh().clamp(min=-1 + eps, max=1 - eps), -1)
        rest = (1 - partial * partial).sqrt().cumprod(-1)
        partial = partial + _t.eye(partial.shape[-1], dtype=x.dtype)
        return partial * pad(rest[..., :-1], (1, 0), value=1)

    def _inverse(self, y):
        rest = pad(1 - (y * y).cumsum(-1)[..., :-1], (1, 0), value=1)
        partial = tril_matrix_to_vec(y, -1) / tril_matrix_to_vec(rest, -1).sqrt()
        return (partial.log1p() - (-partial).log1p()) / 2

    def log_abs_det_jacobian(self, x, y, intermediates=None):
        rest = tril_matrix_to_vec(1 - (y * y).cumsum(-1), -2)
        of_tanh = 2 * (x + softplus(-2 * x) - math.log(2.0)).sum(-1)
        return 0.5 * rest.log().sum(-1) - of_tanh

    def forward_shape(self, shape):
        if len(shape) < 1:
            raise ValueError("Too few dimensions on input")
        size = round((0.25 + 2 * shape[-1]) ** 0.5 + 0.5)
        if size * (size - 1) // 2 != shape[-1]:
            raise ValueError("Input is not a flattened lower-diagonal number")
        return _t.Size((*shape[:-1], size, size))

    def inverse_shape(self, shape):
        if len(shape) < 2:
            raise ValueError("Too few dimensions on input")
        if shape[-2] != shape[-1]:
            raise ValueError("Input is not square")
        return _t.Size((*shape[:-2], shape[-1] * (shape[-1] - 1) // 2))


class LowerCholeskyTransform(Transform):
    """Matrices to lower triangular ones with a positive diagonal, which is exp of theirs.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.LowerCholeskyTransform()(framejit.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain, codomain = constraints.independent(constraints.real, 2), constraints.lower_cholesky

    def __eq__(self, other):
        return isinstance(other, LowerCholeskyTransform)

    def _call(self, x):
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y):
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """Matrices to positive definite ones, by their Cholesky factor.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.PositiveDefiniteTransform()(framejit.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """

    domain, codomain = constraints.independent(constraints.real, 2), constraints.positive_definite

    def __eq__(self, other):
        return isinstance(other, PositiveDefiniteTransform)

    def _call(self, x):
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y):
        return LowerCholeskyTransform().inv(linalg.cholesky(y))


class CatTransform(Transform):
    """Maps of parts of given lengths along a dimension.

    tseq (sequence of Transform), dim (int), lengths (sequence of int or None), cache_size (int). Raises TypeError for
    other types.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> both = D.CatTransform([D.ExpTransform(), D.AffineTransform(0.0, 2.0)])
    >>> both(framejit.tensor([0.0, 3.0]))
    tensor([1., 6.])
    """

    def __init__(self, tseq, dim=0, lengths=None, cache_size=0):
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        self.dim = dim

    @property
    def event_dim(self):
        return max(t.event_dim for t in self.transforms)

    @property
    def length(self):
        return sum(self.lengths)

    def with_cache(self, cache_size=1):
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _parts(self, x):
        if not -x.dim() <= self.dim < x.dim() or x.size(self.dim) != self.length:
            raise ValueError(f"expected a size of {self.length} in dimension {self.dim}, but got {list(x.shape)}")
        return x.split(self.lengths, self.dim)

    def _call(self, x):
        return _t.cat([t(part) for t, part in zip(self.transforms, self._parts(x))], self.dim)

    def _inverse(self, y):
        return _t.cat([t.inv(part) for t, part in zip(self.transforms, self._parts(y))], self.dim)

    def log_abs_det_jacobian(self, x, y):
        terms = []
        for t, before, after in zip(self.transforms, self._parts(x), self._parts(y)):
            terms.append(sum_rightmost(t.log_abs_det_jacobian(before, after), self.event_dim - t.event_dim))
        dim = self.dim - x.dim() if self.dim >= 0 else self.dim
        dim += self.event_dim
        return _t.cat(terms, dim) if dim < 0 else sum(terms)

    @property
    def bijective(self):
        return all(t.bijective for t in self.transforms)

    @property
    def domain(self):
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self):
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)


class StackTransform(Transform):
    """Maps of the slices along a dimension.

    tseq (sequence of Transform), dim, cache_size (int). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.StackTransform([D.ExpTransform(), D.AffineTransform(0.0, 2.0)])(framejit.tensor([0.0, 3.0]))
    tensor([1., 6.])
    """

    def __init__(self, tseq, dim=0, cache_size=0):
        super().__init__(cache_size=cache_size)
        self.transforms = [t.with_cache(cache_size) for t in tseq] if cache_size else list(tseq)
        self.dim = dim

    def with_cache(self, cache_size=1):
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _slices(self, z):
        if not -z.dim() <= self.dim < z.dim() or z.size(self.dim) != len(self.transforms):
            raise ValueError(f"expected a size of {len(self.transforms)} in dimension {self.dim}, got {list(z.shape)}")
        return [z.select(self.dim, i) for i in range(z.size(self.dim))]

    def _call(self, x):
        return _t.stack([t(part) for t, part in zip(self.transforms, self._slices(x))], self.dim)

    def _inverse(self, y):
        return _t.stack([t.inv(part) for t, part in zip(self.transforms, self._slices(y))], self.dim)

    def log_abs_det_jacobian(self, x, y):
        rows = zip(self.transforms, self._slices(x), self._slices(y))
        return _t.stack([t.log_abs_det_jacobian(before, after) for t, before, after in rows], self.dim)

    @property
    def bijective(self):
        return all(t.bijective for t in self.transforms)

    @property
    def domain(self):
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self):
        return constraints.stack([t.codomain for t in self.transforms], self.dim)
