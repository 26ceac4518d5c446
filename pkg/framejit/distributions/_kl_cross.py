"""Divergences between different families: -H(p) - E_p[log q], where E_p[log q] follows from a few moments of p.

A pair whose q gives no density to a part of p's support has an infinite divergence.
"""

import math

from framejit import _ops as _t

from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .continuous_bernoulli import ContinuousBernoulli
from .exponential import Exponential
from .gamma import Gamma
from .gumbel import Gumbel
from .kl import register_kl
from .laplace import Laplace
from .normal import Normal
from .pareto import Pareto
from .poisson import Poisson
from .uniform import Uniform
from .utils import euler_constant

# --- moments of p ---


def _mean_log(p):
    """E[log x]."""
    if isinstance(p, Beta):
        return p.concentration1.digamma() - (p.concentration1 + p.concentration0).digamma()
    if isinstance(p, Exponential):
        return -euler_constant - p.rate.log()
    if isinstance(p, Gamma):
        return p.concentration.digamma() - p.rate.log()
    if isinstance(p, Pareto):
        return p.scale.log() + p.alpha.reciprocal()
    return (_t.xlogy(p.high, p.high) - _t.xlogy(p.low, p.low)) / (p.high - p.low) - 1


def _mean_log_rest(p):
    """E[log(1 - x)]."""
    if isinstance(p, Beta):
        return p.concentration0.digamma() - (p.concentration1 + p.concentration0).digamma()
    high, low = 1 - p.high, 1 - p.low
    return (_t.xlogy(low, low) - _t.xlogy(high, high)) / (p.high - p.low) - 1


def _mean_exp(p, t):
    """E[exp(t x)]."""
    if isinstance(p, Exponential):
        return p.rate / (p.rate - t)
    if isinstance(p, Gamma):
        return (1 - t / p.rate).pow(-p.concentration)
    if isinstance(p, Normal):
        return (t * p.loc + 0.5 * (t * p.scale).pow(2)).exp()
    return ((t * p.high).exp() - (t * p.low).exp()) / (t * (p.high - p.low))


# --- E_p[-log q] ---


def _to_beta(p, q):
    total = q.concentration1 + q.concentration0
    norm = q.concentration1.lgamma() + q.concentration0.lgamma() - total.lgamma()
    return norm - (q.concentration1 - 1) * _mean_log(p) - (q.concentration0 - 1) * _mean_log_rest(p)


def _to_continuous_bernoulli(p, q):
    return -p.mean * q.logits - (-q.probs).log1p() - q._cont_bern_log_norm()


def _to_exponential(p, q):
    return -q.rate.log() + q.rate * p.mean


def _to_gamma(p, q):
    norm = q.concentration.lgamma() - q.concentration * q.rate.log()
    return norm - (q.concentration - 1) * _mean_log(p) + q.rate * p.mean


def _to_gumbel(p, q):
    tail = (q.loc / q.scale).exp() * _mean_exp(p, -1 / q.scale)
    return q.scale.log() + (p.mean - q.loc) / q.scale + tail


def _to_laplace(p, q):
    apart = p.loc - q.loc
    spread = math.sqrt(2 / math.pi) * p.scale * (-0.5 * (apart / p.scale).pow(2)).exp()
    distance = spread + apart * (apart / (math.sqrt(2) * p.scale)).erf()
    return (2 * q.scale).log() + distance / q.scale


def _to_normal(p, q):
    away = (p.mean - q.loc).pow(2) + p.variance
    return q.scale.log() + 0.5 * math.log(2 * math.pi) + 0.5 * away / q.scale.pow(2)


def _to_pareto(p, q):
    return (q.alpha + 1) * _mean_log(p) - q.alpha.log() - q.alpha * q.scale.log()


def _to_uniform(p, q):
    return (q.high - q.low).log()


_CROSS_ENTROPY = {
    Beta: _to_beta,
    ContinuousBernoulli: _to_continuous_bernoulli,
    Exponential: _to_exponential,
    Gamma: _to_gamma,
    Gumbel: _to_gumbel,
    Laplace: _to_laplace,
    Normal: _to_normal,
    Pareto: _to_pareto,
    Uniform: _to_uniform,
}

# p -> the families whose support holds p's, whatever the parameters
_WITHIN = {
    Beta: (ContinuousBernoulli, Exponential, Gamma, Normal),
    ContinuousBernoulli: (Exponential, Normal),
    Exponential: (Gamma, Gumbel, Normal),
    Gamma: (Exponential, Gumbel, Normal),
    Gumbel: (Normal,),
    Laplace: (Normal,),
    Normal: (Gumbel, Laplace),
    Pareto: (Exponential, Gamma, Normal),
    Uniform: (Gumbel, Normal),
}

# p -> the families whose support never holds p's
_OUTSIDE = {
    Beta: (Pareto,),
    ContinuousBernoulli: (Pareto,),
    Exponential: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gamma: (Beta, ContinuousBernoulli, Pareto, Uniform),
    Gumbel: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Laplace: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Normal: (Beta, ContinuousBernoulli, Exponential, Gamma, Pareto, Uniform),
    Pareto: (Beta, ContinuousBernoulli, Uniform),
    Poisson: (Bernoulli, Binomial),
}

# (p, q) -> where p's support leaves q's
_SOMETIMES = {
    (Beta, Uniform): lambda p, q: (q.low > 0) | (q.high < 1),
    (ContinuousBernoulli, Uniform): lambda p, q: (q.low > 0) | (q.high < 1),
    (Uniform, Beta): lambda p, q: (p.low < 0) | (p.high > 1),
    (Uniform, ContinuousBernoulli): lambda p, q: (p.low < 0) | (p.high > 1),
    (Uniform, Exponential): lambda p, q: p.low < 0,
    (Uniform, Gamma): lambda p, q: p.low < 0,
    (Uniform, Pareto): lambda p, q: p.low < q.scale,
}


def _divergence(cross_entropy, outside=None):
    def kl(p, q):
        result = -p.entropy() + cross_entropy(p, q)
        return result if outside is None else result.masked_fill(outside(p, q), math.inf)

    return kl


def _infinite(p, q):
    return _t.full(p.batch_shape, math.inf, dtype=p.mean.dtype)


@register_kl(Bernoulli, Poisson)
def _bernoulli_to_poisson(p, q):
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _register():
    for p, families in _WITHIN.items():
        for q in families:
            register_kl(p, q)(_divergence(_CROSS_ENTROPY[q]))
    for p, families in _OUTSIDE.items():
        for q in families:
            register_kl(p, q)(_infinite)
    for (p, q), outside in _SOMETIMES.items():
        register_kl(p, q)(_divergence(_CROSS_ENTROPY[q], outside))


_register()
