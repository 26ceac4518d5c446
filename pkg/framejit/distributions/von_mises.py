"""The von Mises distribution."""

import math

from framejit import Size
from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad
from framejit.special import i0e, i1e

from . import constraints
from ._sampling import _until_accepted
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["VonMises"]


class VonMises(Distribution):
    """Angles around `loc`, the tighter the larger `concentration`: the normal distribution of the circle.

    loc, concentration (float or Tensor), validate_args (bool or None). Raises ValueError for values that their
    constraints exclude, unless validate_args is False, and for other types.

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.VonMises(framejit.tensor(0.0), framejit.tensor(1.0)).mean
    tensor(0.)
    """

    arg_constraints = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    _parameters = {"loc": 0, "concentration": 0}

    def __init__(self, loc, concentration, validate_args=None):
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, Size(), validate_args)

    def log_prob(self, value):
        self._check(value)
        k = self.concentration
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - i0e(k).log()

    def sample(self, sample_shape=Size()):
        """By rejection from a wrapped Cauchy distribution (Best and Fisher 1979); computed in double precision."""
        shape = self._extended_shape(sample_shape)
        with no_grad():
            k = self.concentration.to(_t.float64).expand(shape)
            tau = 1 + (1 + 4 * k.pow(2)).sqrt()
            rho = (tau - (2 * tau).sqrt()) / (2 * k)
            exact = (1 + rho.pow(2)) / (2 * rho)
            r = _t.where(k < 1e-5, 1 / k + k, exact)  # the series where rho loses its digits

            def draw():
                z, u, side = (_t.rand(shape, dtype=_t.float64) for _ in range(3))
                cosine = (math.pi * z).cos()
                f = (1 + r * cosine) / (r + cosine)
                c = k * (r - f)
                accepted = (c * (2 - c) - u > 0) | ((c / u).log() + 1 - c >= 0)
                return (side - 0.5).sign() * f.clamp(min=-1, max=1).acos(), accepted

            angle = _until_accepted(k, draw)
            return ((angle + math.pi + self.loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    @property
    def mean(self):
        return self.loc

    @property
    def mode(self):
        return self.loc

    @property
    def variance(self):
        """The circular variance."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)
