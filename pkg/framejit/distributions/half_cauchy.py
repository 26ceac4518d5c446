"""The half-Cauchy distribution."""

import math

from framejit import _ops as _t

from . import constraints
from .cauchy import Cauchy
from .transformed_distribution import TransformedDistribution
from .transforms import AbsTransform

__all__ = ["HalfCauchy"]


class HalfCauchy(TransformedDistribution):
    """|x| of a Cauchy variable of median 0 and half width `scale`.

    scale (float or Tensor), validate_args (bool or None). Raises ValueError for values that their constraints exclude,
    unless validate_args is False, and for other types.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.HalfCauchy(1.0).cdf(framejit.tensor(1.0))
    tensor(0.5000)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale, validate_args=None):
        super().__init__(Cauchy(0, scale, validate_args=False), AbsTransform(), validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return super().expand(batch_shape, _instance=self._get_checked_instance(HalfCauchy, _instance))

    @property
    def scale(self):
        """The half width of the Cauchy variable."""
        return self.base_dist.scale

    @property
    def mean(self):
        return _t.full_like(self.scale, math.inf)

    @property
    def mode(self):
        return _t.zeros_like(self.scale)

    @property
    def variance(self):
        return self.base_dist.variance

    def log_prob(self, value):
        value = _t.as_tensor(value, dtype=self.scale.dtype)
        self._check(value)
        log_prob = math.log(2) - math.log(math.pi) - self.scale.log() - (value / self.scale).pow(2).log1p()
        return _t.where(value >= 0, log_prob, -math.inf)

    def cdf(self, value):
        self._check(value)
        return 2 * self.base_dist.cdf(value) - 1

    def icdf(self, value):
        return self.base_dist.icdf((value + 1) / 2)

    def entropy(self):
        return self.base_dist.entropy() - math.log(2)
