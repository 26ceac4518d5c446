"""NAdam."""

from framejit import _ops as _t

from ._common import (
    advance,
    check_moments,
    check_not_negative,
    check_switches,
    decayed,
    descend_ratio,
    number,
    running,
    start,
)
from .optimizer import Optimizer


class NAdam(Optimizer):
    """Adam with Nesterov momentum.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), betas (pair of
    float), eps (float or None), weight_decay, momentum_decay (float), decoupled_weight_decay (bool), foreach (bool or
    None), maximize, capturable, differentiable (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.NAdam([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> bool((w < 1).all())
    True
    """

    _traceable = True

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        momentum_decay=4e-3,
        decoupled_weight_decay=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
    ):
        check_moments(lr, betas, eps, weight_decay)
        check_not_negative(momentum_decay=momentum_decay)
        check_switches(capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "momentum_decay": momentum_decay,
                "decoupled_weight_decay": decoupled_weight_decay,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
            },
        )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        state = self.state[param]
        if not state:
            start(state, param)
            state["mu_product"] = _t.ones((), dtype=_t.float32)
            state["exp_avg"] = _t.zeros_like(param)
            state["exp_avg_sq"] = _t.zeros_like(param)
        step = advance(state)
        lr = number(group["lr"])
        beta1, beta2 = group["betas"]
        grad = decayed(group, param, grad, lr)
        decay = group["momentum_decay"]
        mu = beta1 * (1.0 - 0.5 * 0.96 ** (step * decay))
        mu_next = beta1 * (1.0 - 0.5 * 0.96 ** ((step + 1) * decay))
        state["mu_product"] *= mu
        product = running(state["mu_product"])
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        denominator = square.div(1 - beta2**step).sqrt()
        denominator.add_(group["eps"])
        descend_ratio(param, grad, denominator, lr * (1.0 - mu) / (1.0 - product))
        descend_ratio(param, mean, denominator, lr * mu_next / (1.0 - product * mu_next))
