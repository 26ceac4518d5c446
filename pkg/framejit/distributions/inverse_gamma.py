"""The inverse gamma distribution."""

from framejit import _ops as _t

from . import constraints
from .gamma import Gamma
from .transformed_distribution import TransformedDistribution
from .transforms import PowerTransform

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """1 / x of a gamma variable of shape `concentration` and rate `rate`.

    concentration (float or Tensor), rate (float, or Tensor), validate_args (bool or None). Raises ValueError for
    values that their constraints exclude, unless validate_args is False, and for other types.

    >>> from framejit import distributions as D
    >>> D.InverseGamma(3.0, 4.0).mean
    tensor(2.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, concentration, rate, validate_args=None):
        base = Gamma(concentration, rate, validate_args=validate_args)
        power = PowerTransform(exponent=-_t.ones_like(base.rate))
        super().__init__(base, power, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        return super().expand(batch_shape, _instance=self._get_checked_instance(InverseGamma, _instance))

    @property
    def concentration(self):
        """The shape of the gamma variable."""
        return self.base_dist.concentration

    @property
    def rate(self):
        """The rate of the gamma variable."""
        return self.base_dist.rate

    @property
    def mean(self):
        a = self.concentration
        return _t.where(a > 1, self.rate / (a - 1), float("inf"))

    @property
    def mode(self):
        return self.rate / (self.concentration + 1)

    @property
    def variance(self):
        a = self.concentration
        return _t.where(a > 2, self.rate.square() / ((a - 1).square() * (a - 2)), float("inf"))

    def entropy(self):
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
