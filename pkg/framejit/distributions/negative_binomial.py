"""The negative binomial distribution."""

from framejit import Size
from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad
from framejit.nn.functional import logsigmoid

from . import constraints
from ._probs import ProbsOrLogits, only_one
from ._sampling import poisson
from .distribution import Distribution
from .gamma import Gamma
from .utils import broadcast_all, lazy_property

__all__ = ["NegativeBinomial"]


class NegativeBinomial(ProbsOrLogits, Distribution):
    """The number of successes of probability `probs` before `total_count` failures.

    total_count (int or Tensor), probs, logits (float or Tensor or None), validate_args (bool or None). Raises
    ValueError for values that their constraints exclude, unless validate_args is False, and for other types.

    >>> from framejit import distributions as D
    >>> D.NegativeBinomial(4.0, 0.5).mean
    tensor(4.)
    """

    arg_constraints = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _parameters = {"total_count": 0, "probs": 0, "logits": 0}

    def __init__(self, total_count, probs=None, logits=None, validate_args=None):
        only_one(probs, logits)
        if probs is not None:
            self.total_count, self.probs = broadcast_all(total_count, probs)
        else:
            self.total_count, self.logits = broadcast_all(total_count, logits)
        self.total_count = self.total_count.to(self._param.dtype)
        super().__init__(self._param.size(), validate_args=validate_args)

    @property
    def mean(self):
        return self.total_count * self.logits.exp()

    @property
    def mode(self):
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self):
        return self.mean / _t.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self):
        return Gamma(self.total_count, (-self.logits).exp(), validate_args=False)

    def sample(self, sample_shape=Size()):
        with no_grad():
            return poisson(self._gamma.sample(sample_shape))

    def log_prob(self, value):
        self._check(value)
        n = self.total_count
        likelihood = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        log_choices = -(n + value).lgamma() + (1.0 + value).lgamma() + n.lgamma()
        return likelihood - log_choices.masked_fill(n + value == 0.0, 0.0)
