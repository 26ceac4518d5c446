"""Random numbers that no row of the op table draws: gamma, Poisson, binomial, Dirichlet, Cauchy, in double precision.

Rejection draws for all elements at once until each has been accepted.
"""

import math

from framejit import _ops as _t
from framejit._functions import broadcast_tensors
from framejit.autograd import Function
from framejit.autograd.grad_mode import no_grad

_INVERSION = 10.0  # means up to here are counted through, larger ones by rejection


def _rand(like, generator):
    return _t.rand(like.shape, dtype=_t.float64, generator=generator)


def _until_accepted(like, draw):
    """Rounds of draw() -> (candidates, accepted) until every element has its first accepted candidate."""
    result = _t.zeros(like.shape, dtype=_t.float64)
    open_ = _t.ones(like.shape, dtype=_t.bool)
    while bool(open_.any()):
        candidate, accepted = draw()
        result = _t.where(open_ & accepted, candidate, result)
        open_ = open_ & ~accepted
    return result


# --- gamma ---


def _gamma(alpha, generator=None):
    """Marsaglia and Tsang (2000); shapes below one by the power of a uniform number."""
    a = alpha.to(_t.float64)
    broken = ~(a > 0)
    a = a.masked_fill(broken, 1.0)
    d = _t.where(a < 1, a + 1, a) - 1.0 / 3.0
    c = 1.0 / (9.0 * d).sqrt()

    def draw():
        x = _t.randn(a.shape, dtype=_t.float64, generator=generator)
        v = (1.0 + c * x) ** 3
        bound = 0.5 * x * x + d - d * v + d * v.clamp(min=1e-300).log()
        return d * v, (v > 0) & (_rand(a, generator).log() < bound)

    result = _until_accepted(a, draw)
    result = _t.where(a < 1, result * _rand(a, generator) ** (1.0 / a), result)
    return result.masked_fill(broken, math.nan)


def _gamma_slope(alpha, z):
    """dz/dα of a gamma variate at a fixed level of its distribution function F: -(∂F/∂α) / density.

    ∂F/∂α is a difference quotient of fourth order of the incomplete gamma function, of its upper tail where that is
    smaller. Near zero F is z^α / Γ(α + 1).
    """
    step = 0.01 * _t.minimum(alpha, alpha.sqrt())
    upper = z > alpha

    def tail(a):
        return _t.where(upper, -_t.igammac(a, z), _t.igamma(a, z))

    change = (8 * (tail(alpha + step) - tail(alpha - step)) - (tail(alpha + 2 * step) - tail(alpha - 2 * step))) / 12
    log_density = (alpha - 1) * z.log() - z - alpha.lgamma()
    slope = -change / step * (-log_density).exp()
    near_zero = z * ((alpha + 1).digamma() - z.log()) / alpha
    return _t.where(z < 1e-8, near_zero, slope)


class _StandardGamma(Function):
    """Gamma variates of scale one with the gradient by the implicit function theorem (Figurnov et al. 2018)."""

    @staticmethod
    def forward(ctx, alpha, generator):
        sample = _gamma(alpha, generator).clamp(min=_t.finfo(alpha.dtype).tiny).to(alpha.dtype)
        ctx.save_for_backward(alpha, sample)
        return sample

    @staticmethod
    def backward(ctx, grad):
        alpha, sample = ctx.saved_tensors
        return grad * _gamma_slope(alpha.double(), sample.double()).to(grad.dtype), None


def _standard_gamma(self, generator=None):
    """Gamma variates of shape `self` and scale one; gradients reach the shape."""
    if not self.is_floating_point():
        raise NotImplementedError(f"\"gamma_cpu\" not implemented for '{self.dtype}'")
    return _StandardGamma.apply(self, generator)


def _sample_dirichlet(self, generator=None):
    """Points of the simplex from gamma variates along the last dimension."""
    draws = _standard_gamma(self, generator)
    return draws / draws.sum(-1, True)


# --- counts ---


def poisson(input, generator=None):
    """Poisson counts of the rates `input`, in its dtype; without gradients.

    input (Tensor), generator (framejit.Generator or None). Raises NotImplementedError ("poisson_cpu" not implemented
    for '…'), RuntimeError (invalid Poisson rate, expected rate to be non-negative).

    >>> import framejit
    >>> framejit.poisson(framejit.zeros(2)).tolist()
    [0.0, 0.0]
    """
    if not input.is_floating_point():
        raise NotImplementedError(f"\"poisson_cpu\" not implemented for '{input.dtype}'")
    with no_grad():
        rate = input.to(_t.float64)
        if not bool((rate >= 0).all()):
            raise RuntimeError("invalid Poisson rate, expected rate to be non-negative")
        result = _poisson_counted(rate.clamp(max=_INVERSION), generator)
        if bool((rate > _INVERSION).any()):
            result = _t.where(rate > _INVERSION, _poisson_rejected(rate.clamp(min=_INVERSION), generator), result)
        return result.to(input.dtype)


def _poisson_counted(rate, generator):
    """The number of steps of the distribution function below a uniform number."""
    u, mass = _rand(rate, generator), (-rate).exp()
    total, count = mass.clone(), _t.zeros_like(rate)
    for k in range(1, 200):
        below = u > total
        if not bool(below.any()):
            break
        count += below
        mass = mass * rate / k
        total = total + mass
    return count


def _poisson_rejected(rate, generator):
    """Transformed rejection with squeeze, PTRS of Hörmann (1993)."""
    b = 0.931 + 2.53 * rate.sqrt()
    a = -0.059 + 0.02483 * b
    scale = 1.1239 + 1.1328 / (b - 3.4)
    top = 0.9277 - 3.6224 / (b - 2)

    def draw():
        u, v = _rand(rate, generator) - 0.5, _rand(rate, generator)
        us = 0.5 - u.abs()
        k = ((2 * a / us + b) * u + rate + 0.43).floor()
        quick = (us >= 0.07) & (v <= top)
        refused = (k < 0) | ((us < 0.013) & (v > us))
        left = (v * scale / (a / (us * us) + b)).log()
        exact = left <= k * rate.log() - rate - (k + 1).lgamma()
        return k, quick | (~refused & exact)

    return _until_accepted(rate, draw)


def binomial(count, prob, generator=None):
    """Successes among `count` trials of probability `prob`, in the dtype of `count`; without gradients.

    count, prob (Tensor), generator (framejit.Generator or None). Raises RuntimeError (count must not be negative and
    prob must be in [0, 1]).

    >>> import framejit
    >>> framejit.binomial(framejit.tensor([3.0]), framejit.tensor([1.0])).tolist()
    [3.0]
    """
    with no_grad():
        n, p = broadcast_tensors(count.to(_t.float64), prob.to(_t.float64))
        if not bool(((p >= 0) & (p <= 1) & (n >= 0)).all()):
            raise RuntimeError("binomial: count must not be negative and prob must be in [0, 1]")
        rare = _t.minimum(p, 1 - p)
        few = n * rare < _INVERSION
        result = _binomial_counted(_t.where(few, n, 0.0), rare, generator)
        if not bool(few.all()):
            large = _binomial_rejected(_t.where(few, 4 * _INVERSION, n), _t.where(few, 0.5, rare), generator)
            result = _t.where(few, result, large)
        return _t.where(p > 0.5, n - result, result).to(count.dtype)


def _binomial_counted(n, p, generator):
    """Adds up geometric waiting times: each is the distance to the next success."""
    log_miss = (-p).log1p()
    count, trials = _t.zeros_like(n), _t.zeros_like(n)
    going = p > 0
    while bool(going.any()):
        waited = (_rand(n, generator).log() / log_miss).ceil().clamp(min=1)
        trials = _t.where(going, trials + waited, trials)
        going = going & (trials <= n)
        count += going
    return count


def _binomial_rejected(n, p, generator):
    """Transformed rejection with squeeze, BTRS of Hörmann (1993)."""
    spread = (n * p * (1 - p)).sqrt()
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * p
    c = n * p + 0.5
    top = 0.92 - 4.2 / b
    scale = (2.83 + 5.1 / b) * spread
    mode = ((n + 1) * p).floor()
    log_odds = (p / (1 - p)).log()
    at_mode = (mode + 1).lgamma() + (n - mode + 1).lgamma()

    def draw():
        u, v = _rand(n, generator) - 0.5, _rand(n, generator)
        us = 0.5 - u.abs()
        k = ((2 * a / us + b) * u + c).floor()
        quick = (us >= 0.07) & (v <= top)
        inside = (k >= 0) & (k <= n)
        safe = _t.where(inside, k, mode)
        bound = at_mode - (safe + 1).lgamma() - (n - safe + 1).lgamma() + (safe - mode) * log_odds
        return k, inside & (quick | ((v * scale / (a / (us * us) + b)).log() <= bound))

    return _until_accepted(n, draw)


def cauchy(like):
    """Cauchy numbers of the shape and dtype of a tensor."""
    u = _t.rand(like.shape, dtype=_t.float64)
    return (math.pi * (u - 0.5)).tan().to(like.dtype)
