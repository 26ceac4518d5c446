"""The multinomial distribution."""

from framejit import Size
from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad

from . import constraints
from .binomial import Binomial
from .categorical import Categorical
from .distribution import Distribution, as_size
from .utils import broadcast_all

__all__ = ["Multinomial"]


class Multinomial(Distribution):
    """How often each category comes in `total_count` draws.

    total_count (int or Tensor), probs, logits (float or Tensor or None), validate_args (bool or None). Raises
    NotImplementedError (inhomogeneous total_count is not supported).

    >>> import framejit
    >>> from framejit import distributions as D
    >>> D.Multinomial(4, framejit.tensor([1.0, 3.0])).mean
    tensor([1., 3.])
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _parameters = {}

    def __init__(self, total_count=1, probs=None, logits=None, validate_args=None):
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits)
        self._binomial = Binomial(total_count, probs=self.probs)
        super().__init__(self._categorical.batch_shape, self._categorical.param_shape[-1:], validate_args=validate_args)

    def _expand_rest(self, new, batch_shape):
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        new._binomial = Binomial(self.total_count, probs=new._categorical.probs)

    def _new(self, *args, **kwargs):
        return self._categorical._new(*args, **kwargs)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self):
        return constraints.multinomial(self.total_count)

    @property
    def probs(self):
        """Probabilities."""
        return self._categorical.probs

    @property
    def logits(self):
        """Log-probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self):
        """The shape of the probabilities."""
        return self._categorical.param_shape

    @property
    def mean(self):
        return self.probs * self.total_count

    @property
    def variance(self):
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape=Size()):
        sample_shape = as_size(sample_shape)
        with no_grad():
            draws = self._categorical.sample(Size((self.total_count, *sample_shape)))
            order = (*range(1, draws.dim()), 0)
            draws = draws.permute(order)  # the draws last
            counts = self._categorical._new(self._extended_shape(sample_shape)).zero_()
            return counts.scatter_add_(-1, draws, _t.ones(draws.shape, dtype=counts.dtype))

    def entropy(self):
        n = _t.tensor(float(self.total_count), dtype=self.probs.dtype)
        support = self._binomial.enumerate_support(False)[1:]
        binomial = self._binomial.log_prob(support).exp()
        weights = (support + 1).lgamma()
        return n * self._categorical.entropy() - (n + 1).lgamma() + (binomial * weights).sum((0, -1))

    def log_prob(self, value):
        self._check(value)
        logits, value = broadcast_all(self.logits, value)
        logits = logits.masked_fill((value == 0) & (logits == -float("inf")), 0)
        return (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1) + (logits * value).sum(-1)
