"""Adamax."""

from framejit import _ops as _t

from ._common import advance, check_moments, check_switches, decayed, descend_ratio, number, start
from .optimizer import Optimizer


class Adamax(Optimizer):
    """Adam with the infinity norm in place of the mean square.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), betas (pair of
    float), eps (float or None), weight_decay (float), foreach (bool or None), maximize, differentiable, capturable
    (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.Adamax([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> [round(v, 4) for v in w.tolist()]
    [0.5, 0.5]
    """

    _traceable = True

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        capturable=False,
    ):
        check_moments(lr, betas, eps, weight_decay)
        check_switches(capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "capturable": capturable,
            },
        )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        state = self.state[param]
        if not state:
            start(state, param, "exp_avg", "exp_inf")
        step = advance(state)
        grad = decayed(group, param, grad)
        beta1, beta2 = group["betas"]
        mean, largest = state["exp_avg"], state["exp_inf"]
        mean.lerp_(grad, 1 - beta1)
        largest.copy_(_t.maximum(largest.mul_(beta2), grad.abs().add_(group["eps"])))
        descend_ratio(param, mean, largest, number(group["lr"]) / (1 - beta1**step))
