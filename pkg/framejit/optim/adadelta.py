"""Adadelta."""

from ._common import advance, check_lr_tensor, check_not_negative, check_switches, decayed, descend, number, start
from .optimizer import Optimizer


class Adadelta(Optimizer):
    """Steps sized by the ratio of the running means of past steps and gradients.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), rho (float), eps
    (float or None), weight_decay (float), foreach (bool or None), capturable, maximize, differentiable (bool). Raises
    ValueError (Invalid rho value: …).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.Adadelta([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> bool((w < 1).all())
    True
    """

    _traceable = True

    def __init__(
        self,
        params,
        lr=1.0,
        rho=0.9,
        eps=1e-6,
        weight_decay=0,
        foreach=None,
        *,
        capturable=False,
        maximize=False,
        differentiable=False,
    ):
        check_lr_tensor(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        check_not_negative(lr=lr, eps=eps, weight_decay=weight_decay)
        check_switches(capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "rho": rho,
                "eps": eps,
                "weight_decay": weight_decay,
                "maximize": maximize,
                "capturable": capturable,
                "foreach": foreach,
                "differentiable": differentiable,
            },
        )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        state = self.state[param]
        if not state:
            start(state, param, "square_avg", "acc_delta")
        advance(state)
        grad = decayed(group, param, grad)
        rho, eps = group["rho"], group["eps"]
        square, steps = state["square_avg"], state["acc_delta"]
        square.mul_(rho).addcmul_(grad, grad, value=1 - rho)
        delta = steps.add(eps).sqrt_().div_(square.add(eps).sqrt_()).mul_(grad)
        steps.mul_(rho).addcmul_(delta, delta, value=1 - rho)
        descend(param, delta, number(group["lr"]))
