"""Adamax."""

from framejit import _ops as _t

from ._common import (
    advance,
    check_betas,
    check_lr_tensor,
    check_not_negative,
    check_switches,
    descend_ratio,
    new_step,
    number,
)
from .optimizer import Optimizer


class Adamax(Optimizer):
    """Adam with the infinity norm in place of the mean square."""

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
        check_lr_tensor(lr)
        check_not_negative(lr=lr, eps=eps)
        check_betas(betas)
        check_not_negative(weight_decay=weight_decay)
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
            state["step"] = new_step()
            state["exp_avg"] = _t.zeros_like(param)
            state["exp_inf"] = _t.zeros_like(param)
        step = advance(state)
        if group["weight_decay"] != 0:
            grad = grad.add(param, alpha=group["weight_decay"])
        beta1, beta2 = group["betas"]
        mean, largest = state["exp_avg"], state["exp_inf"]
        mean.lerp_(grad, 1 - beta1)
        largest.copy_(_t.maximum(largest.mul_(beta2), grad.abs().add_(group["eps"])))
        descend_ratio(param, mean, largest, number(group["lr"]) / (1 - beta1**step))
