"""Exponential families, whose entropies follow from the log-normaliser."""

from framejit import autograd

from .distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """Densities exp(<t(x), θ> - F(θ) + k(x)): θ are the natural parameters, F the log-normaliser, k the carrier
    measure.

    >>> from framejit import distributions as D
    >>> isinstance(D.Normal(0.0, 1.0), D.ExponentialFamily)
    True
    """

    @property
    def _natural_params(self):
        raise NotImplementedError

    def _log_normalizer(self, *natural_params):
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self):
        raise NotImplementedError

    def entropy(self):
        """F(θ) - <θ, ∇F(θ)> - E[k(x)], by differentiation of the log-normaliser (a Bregman divergence)."""
        natural = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*natural)
        gradients = autograd.grad(normalizer.sum(), natural, create_graph=True)
        result = -self._mean_carrier_measure + normalizer
        for parameter, gradient in zip(natural, gradients):
            term = parameter * gradient
            result = result - term.reshape(*self._batch_shape, -1).sum(-1)
        return result
