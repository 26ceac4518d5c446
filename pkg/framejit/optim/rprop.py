"""Resilient backpropagation."""

from framejit import _ops as _t

from ._common import advance, check_lr_tensor, check_not_negative, check_switches, number, start
from .optimizer import Optimizer


class Rprop(Optimizer):
    """Steps by the sign of the gradient, each with a size of its own (Riedmiller and Braun 1993).

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), etas, step_sizes
    (pair of float), capturable (bool), foreach (bool or None), maximize, differentiable (bool). Raises ValueError
    (Invalid eta values: …, …).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.Rprop([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> w.tolist()
    [0.5, 0.5]
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        etas=(0.5, 1.2),
        step_sizes=(1e-6, 50),
        *,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
    ):
        check_lr_tensor(lr)
        check_not_negative(lr=lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        check_switches(capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "etas": etas,
                "step_sizes": step_sizes,
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
            start(state, param, "prev")
            state["step_size"] = _t.full_like(grad, number(group["lr"]))
        advance(state)
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        previous, size = state["prev"], state["step_size"]
        agreement = grad.mul(previous).sign()
        factor = _t.where(agreement > 0, grow, _t.where(agreement < 0, shrink, _t.ones_like(agreement)))
        size.mul_(factor).clamp_(least, most)
        grad = grad.masked_fill(agreement < 0, 0)
        param.sub_(grad.sign() * size)
        previous.copy_(grad)
