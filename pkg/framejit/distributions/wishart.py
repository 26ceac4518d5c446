"""The Wishart distribution."""

import math

from framejit import Size, linalg
from framejit import _ops as _t
from framejit._functions_numbers import mvlgamma
from framejit.autograd.grad_mode import no_grad

from . import constraints
from .chi2 import Chi2
from .distribution import as_size
from .exp_family import ExponentialFamily
from .multivariate_normal import _factor, half_log_det
from .utils import lazy_property

__all__ = ["Wishart"]


def _mvdigamma(x, p):
    """The derivative of the multivariate log-gamma function."""
    return (x.unsqueeze(-1) - _t.arange(p, dtype=x.dtype) / 2).digamma().sum(-1)


class Wishart(ExponentialFamily):
    """The sum of the outer products of `df` normal vectors, given one of covariance, precision or Cholesky factor.

    df (float, or Tensor), covariance_matrix, precision_matrix, scale_tril (Tensor or None), validate_args (bool or
    None). Raises AssertionError (Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified),
    ValueError (scale_tril must be at least two-dimensional, with optional leading batch dimensions; Value of df=…
    expected to be greater than ndim - 1 = …).

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.Wishart(framejit.tensor(3.0), framejit.eye(2)).mean
    tensor([[3., 0.],
            [0., 3.]])
    """

    support = constraints.positive_definite
    has_rsample = True
    _mean_carrier_measure = 0
    _parameters = {"df": 0, "covariance_matrix": 2, "precision_matrix": 2, "scale_tril": 2}

    def __init__(self, df, covariance_matrix=None, precision_matrix=None, scale_tril=None, validate_args=None):
        matrices = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        given = [(name, matrix) for name, matrix in matrices.items() if matrix is not None]
        if len(given) != 1:
            raise AssertionError("Exactly one of covariance_matrix or precision_matrix or scale_tril may be specified.")
        name, matrix = given[0]
        if matrix.dim() < 2:
            raise ValueError("scale_tril must be at least two-dimensional, with optional leading batch dimensions")
        df = df if isinstance(df, _t.Tensor) else _t.tensor(float(df), dtype=matrix.dtype)
        batch_shape = _t.broadcast_shapes(df.shape, matrix.shape[:-2])
        self.df = df.expand(batch_shape)
        if bool(self.df.le(matrix.shape[-1] - 1).any()):
            raise ValueError(f"Value of df={df} expected to be greater than ndim - 1 = {matrix.shape[-1] - 1}.")
        setattr(self, name, matrix.expand(*batch_shape, *matrix.shape[-2:]))
        super().__init__(batch_shape, matrix.shape[-2:], validate_args=validate_args)
        self._unbroadcasted_scale_tril = _factor(name, matrix)
        self._chi2 = self._diagonal_chi2()

    def _diagonal_chi2(self):
        return Chi2(self.df.unsqueeze(-1) - _t.arange(self._event_shape[-1], dtype=self.df.dtype))

    def _expand_rest(self, new, batch_shape):
        new._unbroadcasted_scale_tril = self._unbroadcasted_scale_tril
        new._event_shape = self._event_shape
        new._chi2 = new._diagonal_chi2()

    @property
    def arg_constraints(self):
        return {
            "covariance_matrix": constraints.positive_definite,
            "precision_matrix": constraints.positive_definite,
            "scale_tril": constraints.lower_cholesky,
            "df": constraints.greater_than(self.event_shape[-1] - 1),
        }

    def _whole(self, matrix):
        return matrix.expand(*self._batch_shape, *self._event_shape)

    @lazy_property
    def scale_tril(self):
        """The Cholesky factor of the covariance."""
        return self._whole(self._unbroadcasted_scale_tril)

    @lazy_property
    def covariance_matrix(self):
        """The covariance of the normal vectors."""
        return self._whole(self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT)

    @lazy_property
    def precision_matrix(self):
        """The inverse of the covariance."""
        return self._whole(_t.cholesky_inverse(self._unbroadcasted_scale_tril))

    def _per_matrix(self, x):
        return x.unsqueeze(-1).unsqueeze(-1)

    @property
    def mean(self):
        return self._per_matrix(self.df) * self.covariance_matrix

    @property
    def mode(self):
        factor = self.df - self.covariance_matrix.shape[-1] - 1
        factor = factor.masked_fill(factor <= 0, math.nan)
        return self._per_matrix(factor) * self.covariance_matrix

    @property
    def variance(self):
        V = self.covariance_matrix
        diagonal = V.diagonal(dim1=-2, dim2=-1)
        return self._per_matrix(self.df) * (V.pow(2) + diagonal.unsqueeze(-1) * diagonal.unsqueeze(-2))

    def rsample(self, sample_shape=Size(), max_try_correction=None):
        """By Bartlett's decomposition: a triangle of normal variables with roots of chi-squared ones on the diagonal."""
        sample_shape = as_size(sample_shape)
        roots = self._chi2.rsample(sample_shape).clamp(min=_t.finfo(self.df.dtype).tiny).sqrt()
        with no_grad():
            below = _t.randn(self._extended_shape(sample_shape), dtype=self.df.dtype).tril(-1)
        factor = self._unbroadcasted_scale_tril @ (below + roots.diag_embed())
        return factor @ factor.mT

    def _half_log_norm(self):
        p = self._event_shape[-1]
        return p * math.log(2) / 2 + half_log_det(self._unbroadcasted_scale_tril)

    def log_prob(self, value):
        self._check(value)
        nu, p = self.df, self._event_shape[-1]
        trace = _t.cholesky_solve(value, self._unbroadcasted_scale_tril.expand(value.shape)).diagonal(dim1=-2, dim2=-1)
        log_det = linalg.slogdet(value)[1]
        return -nu * self._half_log_norm() - mvlgamma(nu / 2, p) + (nu - p - 1) / 2 * log_det - trace.sum(-1) / 2

    def entropy(self):
        nu, p = self.df, self._event_shape[-1]
        return (
            (p + 1) * self._half_log_norm()
            + mvlgamma(nu / 2, p)
            - (nu - p - 1) / 2 * _mvdigamma(nu / 2, p)
            + nu * p / 2
        )

    @property
    def _natural_params(self):
        return -self.precision_matrix / 2, (self.df - self._event_shape[-1] - 1) / 2

    def _log_normalizer(self, x, y):
        p = self._event_shape[-1]
        half = y + (p + 1) / 2
        return half * (p * math.log(2) - linalg.slogdet(-2 * x)[1]) + mvlgamma(half, p)
