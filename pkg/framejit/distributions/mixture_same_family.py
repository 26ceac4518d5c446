"""Mixtures of distributions of one family."""

from framejit import Size
from framejit.autograd.grad_mode import no_grad

from . import constraints
from .categorical import Categorical
from .distribution import Distribution, as_size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """One of several components, which are the last batch dimension of one distribution, chosen by a `Categorical`.

    mixture_distribution, component_distribution (Distribution), validate_args (bool or None). Raises ValueError (The
    Mixture distribution needs to be an  instance of torch.distributions.Categorical; The Component distribution need
    to be an instance of torch.distributions.Distribution; `mixture_distribution component` (…) does not equal
    `component_distribution.batch_shape[-1]` (…)).

    >>> import framejit
    >>> from framejit import distributions as D
    >>> parts = D.Normal(framejit.tensor([0.0, 10.0]), framejit.ones(2))
    >>> D.MixtureSameFamily(D.Categorical(framejit.ones(2)), parts).mean
    tensor(5.)
    """

    arg_constraints = {}
    _parameters = {}

    def __init__(self, mixture_distribution, component_distribution, validate_args=None):
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution need to be an instance of torch.distributions.Distribution")
        batch, parts = mixture_distribution.batch_shape, component_distribution.batch_shape[:-1]
        for have, want in zip(reversed(batch), reversed(parts)):
            if have != 1 and want != 1 and have != want:
                raise ValueError(f"`mixture_distribution.batch_shape` ({batch}) is not compatible with `component_distribution.batch_shape`({parts})")  # fmt: skip
        count = mixture_distribution.logits.shape[-1]
        if count != component_distribution.batch_shape[-1]:
            raise ValueError(f"`mixture_distribution component` ({count}) does not equal `component_distribution.batch_shape[-1]` ({component_distribution.batch_shape[-1]})")  # fmt: skip
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        self._num_component = count
        event_shape = component_distribution.event_shape
        self._event_ndims = len(event_shape)
        super().__init__(parts, event_shape, validate_args=validate_args)

    def _expand_rest(self, new, batch_shape):
        new._component_distribution = self._component_distribution.expand((*batch_shape, self._num_component))
        new._mixture_distribution = self._mixture_distribution.expand(batch_shape)
        new._num_component = self._num_component
        new._event_ndims = self._event_ndims

    @constraints.dependent_property
    def support(self):
        return constraints.MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self):
        """The distribution of the choice."""
        return self._mixture_distribution

    @property
    def component_distribution(self):
        """The distribution of the components."""
        return self._component_distribution

    def _mixed(self, values):
        """The mean of per-component values by the weights of the mixture."""
        weights = self._mixture_distribution.probs
        weights = weights.reshape(*weights.shape, *[1] * self._event_ndims)
        return (weights * values).sum(-1 - self._event_ndims)

    @property
    def mean(self):
        return self._mixed(self._component_distribution.mean)

    @property
    def variance(self):
        apart = self._component_distribution.mean - self.mean.unsqueeze(-1 - self._event_ndims)
        return self._mixed(self._component_distribution.variance) + self._mixed(apart.pow(2))

    def _pad(self, x):
        return x.unsqueeze(-1 - self._event_ndims)

    def cdf(self, x):
        return (self._component_distribution.cdf(self._pad(x)) * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, x):
        self._check(x)
        each = self._component_distribution.log_prob(self._pad(x))
        weights = self._mixture_distribution.logits.log_softmax(-1)
        return (each + weights).logsumexp(-1)

    def sample(self, sample_shape=Size()):
        sample_shape = as_size(sample_shape)
        with no_grad():
            dim = len(sample_shape) + len(self._batch_shape)
            choice = self._mixture_distribution.expand(self._batch_shape).sample(sample_shape)
            each = self._component_distribution.sample(sample_shape)
            choice = choice.reshape(*choice.shape, *[1] * (self._event_ndims + 1))
            picked = each.gather(dim, choice.expand(*choice.shape[: dim + 1], *self._event_shape))
            return picked.squeeze(dim)

    def __repr__(self):
        return f"MixtureSameFamily(\n  {self._mixture_distribution},\n  {self._component_distribution})"
