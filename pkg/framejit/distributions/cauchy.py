"""The Cauchy distribution."""

import math

from framejit import Size
from framejit import _ops as _t

from . import constraints
from ._sampling import cauchy
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["Cauchy"]


class Cauchy(Distribution):
    """The ratio of two normal variables, moved to the median `loc` and with the half width `scale`.

    loc, scale (float or Tensor), validate_args (bool or None). Raises ValueError for values that their constraints
    exclude, unless validate_args is False, and for other types.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.Cauchy(0.0, 1.0).cdf(framejit.tensor(0.0))
    tensor(0.5000)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True
    _parameters = {"loc": 0, "scale": 0}

    def __init__(self, loc, scale, validate_args=None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(self.loc.size(), validate_args=validate_args)

    @property
    def mean(self):
        return _t.full_like(self.loc, math.nan)

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        return _t.full_like(self.loc, math.inf)

    def rsample(self, sample_shape=Size()):
        return self.loc + cauchy(self.loc.new_empty(self._extended_shape(sample_shape))) * self.scale

    def log_prob(self, value):
        self._check(value)
        return -math.log(math.pi) - self.scale.log() - ((value - self.loc) / self.scale).pow(2).log1p()

    def cdf(self, value):
        self._check(value)
        return ((value - self.loc) / self.scale).atan() / math.pi + 0.5

    def icdf(self, value):
        return (math.pi * (value - 0.5)).tan() * self.scale + self.loc

    def entropy(self):
        return math.log(4 * math.pi) + self.scale.log()
