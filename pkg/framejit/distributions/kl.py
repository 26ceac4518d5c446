"""Kullback-Leibler divergences, by a table of pairs of distributions; `register_kl` adds to it."""

import math
import warnings

from framejit import autograd, linalg
from framejit.nn.functional import softplus

from ._transform_base import sum_rightmost
from .bernoulli import Bernoulli
from .beta import Beta
from .binomial import Binomial
from .categorical import Categorical
from .cauchy import Cauchy
from .continuous_bernoulli import ContinuousBernoulli
from .dirichlet import Dirichlet
from .exp_family import ExponentialFamily
from .exponential import Exponential
from .gamma import Gamma
from .geometric import Geometric
from .gumbel import Gumbel
from .half_normal import HalfNormal
from .independent import Independent
from .laplace import Laplace
from .lowrank_multivariate_normal import LowRankMultivariateNormal, low_rank_log_det, low_rank_mahalanobis
from .multivariate_normal import MultivariateNormal, batch_mahalanobis, half_log_det
from .normal import Normal
from .one_hot_categorical import OneHotCategorical
from .pareto import Pareto
from .poisson import Poisson
from .transformed_distribution import TransformedDistribution
from .uniform import Uniform
from .utils import euler_constant

__all__ = ["kl_divergence", "register_kl"]

_KL_REGISTRY = {}
_CHOSEN = {}  # what was found for a pair of types


def register_kl(type_p, type_q):
    """A decorator that enters a function of (p, q) for two classes and their subclasses.

    type_p, type_q (type). Raises TypeError (Expected … to be a Distribution subclass).

    >>> import framejit
    >>> from framejit import distributions as D
    >>> class Mine(D.Normal):
    ...     pass
    >>> @D.register_kl(Mine, Mine)
    ... def kl(p, q):
    ...     return framejit.tensor(7.0)
    >>> D.kl_divergence(Mine(0.0, 1.0), Mine(0.0, 1.0))
    tensor(7.)
    """
    for type_, which in ((type_p, "type_p"), (type_q, "type_q")):
        if not isinstance(type_, type):  # packages register classes of their own beside Distribution's
            raise TypeError(f"Expected {which} to be a Distribution subclass but got {type_}")

    def decorator(function):
        _KL_REGISTRY[type_p, type_q] = function
        _CHOSEN.clear()
        return function

    return decorator


def _chosen(type_p, type_q):
    """The entry that fits two types best; a tie is told."""
    left = next(((p, q) for p in type_p.__mro__ for q in type_q.__mro__ if (p, q) in _KL_REGISTRY), None)
    if left is None:
        return None
    right = next((p, q) for q in type_q.__mro__ for p in type_p.__mro__ if (p, q) in _KL_REGISTRY)
    if _KL_REGISTRY[left] is not _KL_REGISTRY[right]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). Please register_kl({left[0].__name__}, "
            f"{right[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[left]


def kl_divergence(p, q):
    """The divergence of q from p, E_p[log p - log q], for each of the batch.

    p, q (Distribution). Raises NotImplementedError (No KL(p || q) is implemented for p type … and q type …).

    >>> import framejit.distributions as D
    >>> D.kl_divergence(D.Normal(0.0, 1.0), D.Normal(1.0, 1.0)).item()
    0.5
    """
    pair = type(p), type(q)
    if pair not in _CHOSEN:
        _CHOSEN[pair] = _chosen(*pair)
    function = _CHOSEN[pair]
    if function is None:
        raise NotImplementedError(f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}")  # fmt: skip
    return function(p, q)


# --- pairs of one family ---


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p, q):
    yes = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    no = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    yes = yes.masked_fill(q.probs == 0, math.inf).masked_fill(p.probs == 0, 0)
    no = no.masked_fill(q.probs == 1, math.inf).masked_fill(p.probs == 1, 0)
    return yes + no


@register_kl(Beta, Beta)
def _beta(p, q):
    total_p, total_q = p.concentration1 + p.concentration0, q.concentration1 + q.concentration0
    norm_q = q.concentration1.lgamma() + q.concentration0.lgamma() + total_p.lgamma()
    norm_p = p.concentration1.lgamma() + p.concentration0.lgamma() + total_q.lgamma()
    one = (p.concentration1 - q.concentration1) * p.concentration1.digamma()
    zero = (p.concentration0 - q.concentration0) * p.concentration0.digamma()
    return norm_q - norm_p + one + zero + (total_q - total_p) * total_p.digamma()


@register_kl(Binomial, Binomial)
def _binomial(p, q):
    if bool((q.total_count < p.total_count).any()):
        raise NotImplementedError("KL between Binomials where q.total_count < p.total_count is not implemented")
    kl = p.total_count * (p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p())
    more = (p.total_count > q.total_count).expand(kl.shape)
    return kl.masked_fill(more, math.inf)


@register_kl(Categorical, Categorical)
def _categorical(p, q):
    each = p.probs * (p.logits - q.logits)
    each = each.masked_fill((q.probs == 0).expand(each.shape), math.inf)
    return each.masked_fill((p.probs == 0).expand(each.shape), 0).sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p, q):
    return _categorical(p._categorical, q._categorical)


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p, q):
    miss = (-p.probs).log1p() - (-q.probs).log1p()
    return p.mean * (p.logits - q.logits) + p._cont_bern_log_norm() + miss - q._cont_bern_log_norm()


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p, q):
    a, b = p.concentration, q.concentration
    norms = a.sum(-1).lgamma() - b.sum(-1).lgamma() - (a.lgamma() - b.lgamma()).sum(-1)
    return norms + ((a - b) * (a.digamma() - a.sum(-1, True).digamma())).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p, q):
    ratio = q.rate / p.rate
    return ratio - ratio.log() - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p, q):
    """A Bregman divergence of the log-normaliser."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot be computed using Bregman divergences"
        )
    mine = [x.detach().requires_grad_() for x in p._natural_params]
    normalizer = p._log_normalizer(*mine)
    gradients = autograd.grad(normalizer.sum(), mine, create_graph=True)
    result = q._log_normalizer(*q._natural_params) - normalizer
    for x, y, gradient in zip(mine, q._natural_params, gradients):
        result = result - sum_rightmost((y - x) * gradient, len(q.event_shape))
    return result


@register_kl(Gamma, Gamma)
def _gamma(p, q):
    ratio = q.concentration * (p.rate / q.rate).log() + q.concentration.lgamma() - p.concentration.lgamma()
    shape = (p.concentration - q.concentration) * p.concentration.digamma()
    return ratio + shape + (q.rate - p.rate) * (p.concentration / p.rate)


@register_kl(Gumbel, Gumbel)
def _gumbel(p, q):
    ratio, moved_p, moved_q = p.scale / q.scale, p.loc / q.scale, q.loc / q.scale
    tail = (moved_q + (1 + ratio).lgamma() - moved_p).exp()
    return moved_p - moved_q - ratio.log() + euler_constant * (ratio - 1) + tail - 1


@register_kl(Geometric, Geometric)
def _geometric(p, q):
    return -p.entropy() - (-q.probs).log1p() / p.probs - q.logits


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p, q):
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p, q):
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + apart / q.scale + ratio * (-apart / p.scale).exp() - 1


@register_kl(Normal, Normal)
def _normal(p, q):
    ratio = (p.scale / q.scale).pow(2)
    return 0.5 * (ratio + ((p.loc - q.loc) / q.scale).pow(2) - 1 - ratio.log())


@register_kl(Pareto, Pareto)
def _pareto(p, q):
    ratio = q.alpha / p.alpha
    kl = q.alpha * (p.scale / q.scale).log() - ratio.log() + ratio - 1
    return kl.masked_fill(p.support.lower_bound < q.support.lower_bound, math.inf)


@register_kl(Poisson, Poisson)
def _poisson(p, q):
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p, q):
    kl = ((q.high - q.low) / (p.high - p.low)).log()
    return kl.masked_fill((q.low > p.low) | (q.high < p.high), math.inf)


@register_kl(Cauchy, Cauchy)
def _cauchy(p, q):
    above = ((p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)).log()
    return above - (4 * p.scale * q.scale).log()


@register_kl(Independent, Independent)
def _independent(p, q):
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p, q):
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    extra = len(p.event_shape) - len(p.base_dist.event_shape)
    return sum_rightmost(kl_divergence(p.base_dist, q.base_dist), extra)


# --- multivariate normal distributions ---


def _same_size(p, q):
    if p.event_shape != q.event_shape:
        raise ValueError(f"KL-divergence between two {type(p).__name__} and {type(q).__name__} distributions with different event shapes cannot be computed")  # fmt: skip


def _trace_of_solved(L, M):
    """|L⁻¹ M|², the trace of (L Lᵀ)⁻¹ M Mᵀ."""
    return linalg.solve_triangular(L, M, upper=False).pow(2).sum((-2, -1))


def _log_det(d):
    if isinstance(d, LowRankMultivariateNormal):
        return low_rank_log_det(d._unbroadcasted_cov_factor, d._unbroadcasted_cov_diag, d._capacitance_tril)
    return 2 * half_log_det(d._unbroadcasted_scale_tril)


def _distance(q, x):
    if isinstance(q, LowRankMultivariateNormal):
        W, D = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
        return low_rank_mahalanobis(W, D, x, q._capacitance_tril)
    return batch_mahalanobis(q._unbroadcasted_scale_tril, x)


def _trace(p, q):
    """The trace of Σ_q⁻¹ Σ_p, of the parts that each covariance is made of."""
    if isinstance(p, LowRankMultivariateNormal):
        parts = [p._unbroadcasted_cov_factor, p._unbroadcasted_cov_diag.sqrt().diag_embed()]
    else:
        parts = [p._unbroadcasted_scale_tril]
    if not isinstance(q, LowRankMultivariateNormal):
        return sum(_trace_of_solved(q._unbroadcasted_scale_tril, part) for part in parts)
    W, D = q._unbroadcasted_cov_factor, q._unbroadcasted_cov_diag
    total = 0
    for part in parts:  # Σ_q⁻¹ = D⁻¹ - D⁻¹ W C⁻¹ Wᵀ D⁻¹
        total = total + (part.pow(2) / D.unsqueeze(-1)).sum((-2, -1))
        total = total - _trace_of_solved(q._capacitance_tril, W.mT @ (part / D.unsqueeze(-1)))
    return total


@register_kl(MultivariateNormal, MultivariateNormal)
@register_kl(MultivariateNormal, LowRankMultivariateNormal)
@register_kl(LowRankMultivariateNormal, MultivariateNormal)
@register_kl(LowRankMultivariateNormal, LowRankMultivariateNormal)
def _multivariate_normal(p, q):
    _same_size(p, q)
    return 0.5 * (_log_det(q) - _log_det(p) + _trace(p, q) + _distance(q, q.loc - p.loc) - p.event_shape[0])


from . import _kl_cross as _kl_cross  # noqa: E402 -- enters the pairs of different families
