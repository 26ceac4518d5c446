"""The categorical distribution."""

import math

from framejit import Size
from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad

from . import constraints
from ._probs import ProbsOrLogits, only_one
from .distribution import Distribution, as_size

__all__ = ["Categorical"]


class Categorical(ProbsOrLogits, Distribution):
    """One of the numbers 0 … K - 1, by weights `probs` or log-weights `logits` along the last dimension.

    probs, logits (float or Tensor or None), validate_args (bool or None). Raises ValueError (`…` parameter must be at
    least one-dimensional).

    >>> import framejit
    >>> framejit.distributions.Categorical(framejit.tensor([1.0, 3.0])).probs.tolist()
    [0.25, 0.75]
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True
    _binary = False
    _parameters = {"probs": 1, "logits": 1}

    def __init__(self, probs=None, logits=None, validate_args=None):
        only_one(probs, logits)
        given, name = (probs, "probs") if probs is not None else (logits, "logits")
        if given.dim() < 1:
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if probs is not None:
            self.probs = probs / probs.sum(-1, True)
        else:
            self.logits = logits - logits.logsumexp(-1, True)
        super().__init__(given.size()[:-1], validate_args=validate_args)

    @property
    def _num_events(self):
        return self._param.size(-1)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self):
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self):
        return _t.full(self._batch_shape, math.nan, dtype=self.probs.dtype)

    @property
    def mode(self):
        return self.probs.argmax(-1)

    @property
    def variance(self):
        return _t.full(self._batch_shape, math.nan, dtype=self.probs.dtype)

    def sample(self, sample_shape=Size()):
        sample_shape = as_size(sample_shape)
        with no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            draws = _t.multinomial(rows, math.prod(sample_shape), True).t()
            return draws.reshape(self._extended_shape(sample_shape))

    def log_prob(self, value):
        self._check(value)
        value = value.to(_t.int64).unsqueeze(-1)
        shape = _t.broadcast_shapes(value.shape[:-1], self.logits.shape[:-1])
        logits = self.logits.expand(*shape, self._num_events)
        return logits.gather(-1, value.expand(*shape, 1)).squeeze(-1)

    def entropy(self):
        logits = self.logits.clamp(min=_t.finfo(self.logits.dtype).min)  # 0 * -inf would be NaN
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand=True):
        values = _t.arange(self._num_events).view(-1, *[1] * len(self._batch_shape))
        return values.expand(-1, *self._batch_shape) if expand else values
