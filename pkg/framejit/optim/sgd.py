"""Stochastic gradient descent with momentum."""

from ._common import check_lr_tensor, check_not_negative, decayed, descend, number
from .optimizer import Optimizer


class SGD(Optimizer):
    """param -= lr * (momentum * buffer + gradient), PyTorch's form of momentum.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), momentum, dampening,
    weight_decay (float), nesterov, maximize (bool), foreach (bool or None), differentiable (bool), fused (bool or
    None). Raises ValueError (Nesterov momentum requires a momentum and zero dampening).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.SGD([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> w.tolist()
    [0.5, 0.5]
    """

    _traceable = True
    _takes_sparse = True

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        foreach=None,
        differentiable=False,
        fused=None,
    ):
        check_lr_tensor(lr)
        check_not_negative(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        grad = decayed(group, param, grad)
        momentum = group["momentum"]
        if momentum != 0:
            state = self.state[param]
            buffer = state.get("momentum_buffer")
            if buffer is None:
                buffer = state["momentum_buffer"] = grad.detach().clone()
            else:
                buffer.mul_(momentum).add_(grad, alpha=1 - group["dampening"])
            grad = grad.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        descend(param, grad, number(group["lr"]))
