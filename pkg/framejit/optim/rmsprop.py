"""RMSprop."""

from framejit import _ops as _t

from ._common import (
    advance,
    check_lr_tensor,
    check_not_negative,
    check_switches,
    decayed,
    descend,
    descend_ratio,
    number,
    start,
)
from .optimizer import Optimizer


class RMSprop(Optimizer):
    """The gradient divided by a running root mean square of itself.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), alpha (float), eps
    (float or None), weight_decay, momentum (float), centered, capturable (bool), foreach (bool or None), maximize,
    differentiable (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.RMSprop([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> bool((w < 1).all())
    True
    """

    _traceable = True

    def __init__(
        self,
        params,
        lr=1e-2,
        alpha=0.99,
        eps=1e-8,
        weight_decay=0,
        momentum=0,
        centered=False,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
    ):
        check_lr_tensor(lr)
        check_not_negative(lr=lr, eps=eps, momentum=momentum, weight_decay=weight_decay, alpha=alpha)
        check_switches(capturable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "alpha": alpha,
                "eps": eps,
                "centered": centered,
                "weight_decay": weight_decay,
                "capturable": capturable,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
            },
        )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        state = self.state[param]
        if not state:
            start(state, param, "square_avg")
            if group["momentum"] > 0:
                state["momentum_buffer"] = _t.zeros_like(param)
            if group["centered"]:
                state["grad_avg"] = _t.zeros_like(param)
        advance(state)
        grad = decayed(group, param, grad)
        alpha, square = group["alpha"], state["square_avg"]
        square.mul_(alpha).addcmul_(grad, grad, value=1 - alpha)
        if group["centered"]:
            mean = state["grad_avg"]
            mean.lerp_(grad, 1 - alpha)
            root = square.addcmul(mean, mean, value=-1).sqrt_()
        else:
            root = square.sqrt()
        root = root.add_(group["eps"])
        lr = number(group["lr"])
        if group["momentum"] > 0:
            buffer = state["momentum_buffer"]
            buffer.mul_(group["momentum"]).addcdiv_(grad, root)
            descend(param, buffer, lr)
        else:
            descend_ratio(param, grad, root, lr)
