"""The Kumaraswamy distribution."""

from framejit import _ops as _t

from . import constraints
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform
from .uniform import Uniform
from .utils import broadcast_all, euler_constant

__all__ = ["Kumaraswamy"]


def _moment(a, b, n):
    """E[x**n] = b B(1 + n / a, b)."""
    x = 1 + n / a
    return (b.log() + x.lgamma() + b.lgamma() - (x + b).lgamma()).exp()


class Kumaraswamy(TransformedDistribution):
    """A probability, much like `Beta`, with a distribution function in closed form.

    concentration1, concentration0 (float, or Tensor), validate_args (bool or None). Raises ValueError for values that
    their constraints exclude, unless validate_args is False, and for other types.

    >>> from framejit import distributions as D
    >>> D.Kumaraswamy(1.0, 1.0).mean
    tensor(0.5000)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, concentration1, concentration0, validate_args=None):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        base = Uniform(
            _t.zeros_like(self.concentration0), _t.ones_like(self.concentration0), validate_args=validate_args
        )
        transforms = [
            PowerTransform(exponent=self.concentration0.reciprocal()),
            AffineTransform(loc=1.0, scale=-1.0),
            PowerTransform(exponent=self.concentration1.reciprocal()),
        ]
        super().__init__(base, transforms, validate_args=validate_args)

    def expand(self, batch_shape, _instance=None):
        new = self._get_checked_instance(Kumaraswamy, _instance)
        new.concentration1 = self.concentration1.expand(batch_shape)
        new.concentration0 = self.concentration0.expand(batch_shape)
        return super().expand(batch_shape, _instance=new)

    @property
    def mean(self):
        return _moment(self.concentration1, self.concentration0, 1)

    @property
    def mode(self):
        a, b = self.concentration1, self.concentration0
        inner = (a >= 1) & (b >= 1) & ~((a == 1) & (b == 1))
        log_mode = a.reciprocal() * ((a - 1) / (a * b - 1)).log()
        return log_mode.exp().masked_fill(~inner, float("nan"))

    @property
    def variance(self):
        return _moment(self.concentration1, self.concentration0, 2) - self.mean.pow(2)

    def entropy(self):
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + euler_constant
        return 1 - b.reciprocal() + (1 - a.reciprocal()) * harmonic - a.log() - b.log()
