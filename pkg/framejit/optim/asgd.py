"""Averaged stochastic gradient descent."""

from framejit import _ops as _t

from ._common import advance, check_lr_tensor, check_not_negative, check_switches, decayed, number, start
from .optimizer import Optimizer


class ASGD(Optimizer):
    """Gradient descent whose average over time, `ax` of the state, is the answer (Polyak and Juditsky 1992).

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), lambd, alpha, t0,
    weight_decay (float), foreach (bool or None), maximize, differentiable, capturable (bool). Raises TypeError for
    other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.ASGD([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> bool((w < 1).all())
    True
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        lambd=1e-4,
        alpha=0.75,
        t0=1e6,
        weight_decay=0,
        foreach=None,
        maximize=False,
        differentiable=False,
        capturable=False,
    ):
        check_lr_tensor(lr)
        check_not_negative(lr=lr, weight_decay=weight_decay)
        check_switches(capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "lambd": lambd,
                "alpha": alpha,
                "t0": t0,
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
        lr = number(group["lr"])
        if not state:
            start(state, param)
            state["eta"] = _t.tensor(lr, dtype=_t.float32)
            state["mu"] = _t.ones((), dtype=_t.float32)
            state["ax"] = _t.zeros_like(param)
        step, eta, mu = advance(state), number(state["eta"]), number(state["mu"])
        grad = decayed(group, param, grad)
        param.mul_(1 - group["lambd"] * eta)
        param.add_(grad, alpha=-eta)
        average = state["ax"]
        if mu != 1:
            average.add_(param.sub(average).mul_(mu))
        else:
            average.copy_(param)
        state["eta"].fill_(lr / (1 + group["lambd"] * lr * step) ** group["alpha"])
        state["mu"].fill_(1 / max(1, step - group["t0"]))
