"""The generalized Pareto distribution."""

import math

from framejit import Size
from framejit import _ops as _t

from . import constraints
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """What exceeds a high bound `loc`: exponential for a `concentration` of 0, with a heavier or lighter tail else.

    loc, scale, concentration (float or Tensor), validate_args (bool or None). Raises ValueError for values that their
    constraints exclude, unless validate_args is False, and for other types.

    >>> from framejit import distributions as D
    >>> D.GeneralizedPareto(0.0, 1.0, 0.5).mean
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive, "concentration": constraints.real}
    has_rsample = True
    _parameters = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc, scale, concentration, validate_args=None):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self):
        end = _t.where(self.concentration < 0, self.loc - self.scale / self.concentration, math.inf)
        return constraints.interval(self.loc, end)

    def _near_zero(self):
        """Where the tail counts as exponential, and the concentration with a harmless one there."""
        near = self.concentration.abs() <= 10 * _t.finfo(self.concentration.dtype).eps
        return near, _t.where(near, 1.0, self.concentration)

    def _z(self, x):
        return (x - self.loc) / self.scale

    def rsample(self, sample_shape=Size()):
        return self.icdf(_t.rand(self._extended_shape(sample_shape), dtype=self.loc.dtype))

    def log_prob(self, value):
        self._check(value)
        near, k = self._near_zero()
        z = self._z(value)
        return -self.scale.log() - _t.where(near, z, (1 / k + 1) * (k * z).log1p())

    def log_survival_function(self, value):
        """The logarithm of the probability of more than a value."""
        self._check(value)
        near, k = self._near_zero()
        z = self._z(value)
        return -_t.where(near, z, (k * z).log1p() / k)

    def log_cdf(self, value):
        """The logarithm of `cdf`."""
        return (-self.log_survival_function(value).exp()).log1p()

    def cdf(self, value):
        return self.log_cdf(value).exp()

    def icdf(self, value):
        near, k = self._near_zero()
        exceeded = (-value).log1p()
        return self.loc + self.scale * _t.where(
            near, -exceeded * (1 - self.concentration * exceeded / 2), (-k * exceeded).expm1() / k
        )

    @property
    def mean(self):
        k = self.concentration
        return _t.where(k < 1, self.loc + self.scale / (1 - k), math.inf)

    @property
    def variance(self):
        k = self.concentration
        return _t.where(k < 0.5, self.scale.pow(2) / ((1 - k).pow(2) * (1 - 2 * k)), math.inf)

    def entropy(self):
        return self.scale.log() + self.concentration + 1

    @property
    def mode(self):
        return self.loc
