"""The continuous Bernoulli distribution."""

import math

from framejit import Size
from framejit import _ops as _t
from framejit.nn.functional import logsigmoid

from . import constraints
from ._probs import ProbsOrLogits, only_one
from .exp_family import ExponentialFamily
from .utils import broadcast_all, clamp_probs

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(ProbsOrLogits, ExponentialFamily):
    """A number x in [0, 1] with a density like p**x (1 - p)**(1 - x) (Loaiza-Ganem and Cunningham 2019).

    Between the two `lims`, where the closed forms lose their digits, Taylor series stand for them.

    probs, logits (float or Tensor or None), lims (pair of float), validate_args (bool or None). Raises ValueError (The
    parameter probs has invalid values).

    >>> from framejit import distributions as D
    >>> round(D.ContinuousBernoulli(0.5).mean.item(), 4)
    0.5
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _mean_carrier_measure = 0
    _parameters = {"probs": 0, "logits": 0}

    def __init__(self, probs=None, logits=None, lims=(0.499, 0.501), validate_args=None):
        only_one(probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
            if validate_args is not None and not bool(self.arg_constraints["probs"].check(self.probs).all()):
                raise ValueError("The parameter probs has invalid values")
            self.probs = clamp_probs(self.probs)
        else:
            (self.logits,) = broadcast_all(logits)
        self._lims = lims
        super().__init__(self._param.size(), validate_args=validate_args)

    def _expand_rest(self, new, batch_shape):
        new._lims = self._lims

    def _stable(self):
        """Where the closed forms hold, and the probabilities with a harmless one elsewhere."""
        outside = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return outside, _t.where(outside, self.probs, self._lims[0])

    def _cont_bern_log_norm(self):
        """log C(p) of the density C(p) p**x (1 - p)**(1 - x)."""
        outside, p = self._stable()
        below, above = _t.where(p <= 0.5, p, 0.0), _t.where(p >= 0.5, p, 1.0)
        width = _t.where(p <= 0.5, (-2.0 * below).log1p(), (2.0 * above - 1.0).log())
        exact = ((-p).log1p() - p.log()).abs().log() - width
        x = (self.probs - 0.5).pow(2)
        return _t.where(outside, exact, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    @property
    def mean(self):
        outside, p = self._stable()
        exact = p / (2.0 * p - 1.0) + 1.0 / ((-p).log1p() - p.log())
        x = self.probs - 0.5
        return _t.where(outside, exact, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * x.pow(2)) * x)

    @property
    def stddev(self):
        return self.variance.sqrt()

    @property
    def variance(self):
        outside, p = self._stable()
        exact = p * (p - 1.0) / (1.0 - 2.0 * p).pow(2) + 1.0 / ((-p).log1p() - p.log()).pow(2)
        x = (self.probs - 0.5).pow(2)
        return _t.where(outside, exact, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    def rsample(self, sample_shape=Size()):
        u = _t.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype)
        return self.icdf(u)

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        likelihood = value * logits + logsigmoid(-logits)
        return likelihood + self._cont_bern_log_norm()

    def cdf(self, value):
        self._check(value)
        outside, p = self._stable()
        exact = (p.pow(value) * (1.0 - p).pow(1.0 - value) + p - 1.0) / (2.0 * p - 1.0)
        return _t.where(value <= 0.0, 0.0, _t.where(value >= 1.0, 1.0, _t.where(outside, exact, value)))

    def icdf(self, value):
        outside, p = self._stable()
        miss = (-p).log1p()
        exact = ((-p + value * (2.0 * p - 1.0)).log1p() - miss) / (p.log() - miss)
        return _t.where(outside, exact, value + 2 * (self.probs - 0.5) * value * (1 - value))

    def entropy(self):
        miss, hit = (-self.probs).log1p(), self.probs.log()
        return self.mean * (miss - hit) - self._cont_bern_log_norm() - miss

    @property
    def _natural_params(self):
        return (self.logits,)

    def _log_normalizer(self, x):
        """log((exp(x) - 1) / x)."""
        low, high = (math.log(limit / (1 - limit)) for limit in self._lims)
        outside = (x <= low) | (x > high)
        cut = _t.where(outside, x, low)
        series = 0.5 * x + x.pow(2) / 24.0 - x.pow(4) / 2880.0
        return _t.where(outside, cut.expm1().abs().log() - cut.abs().log(), series)
