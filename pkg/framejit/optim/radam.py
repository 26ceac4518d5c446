"""RAdam."""

from framejit import _ops as _t
from framejit.dynamo.control import is_compiling

from ._common import advance, check_moments, check_switches, decayed, number, start
from .optimizer import Optimizer


class RAdam(Optimizer):
    """Adam whose adaptive rate is held back until its variance is tractable.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), betas (pair of
    float), eps (float or None), weight_decay (float), decoupled_weight_decay (bool), foreach (bool or None), maximize,
    capturable, differentiable (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.RAdam([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> bool((w < 1).all())
    True
    """

    _traceable = True

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        decoupled_weight_decay=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
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
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "decoupled_weight_decay": decoupled_weight_decay,
                "differentiable": differentiable,
            },
        )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        state = self.state[param]
        if not state:
            start(state, param, "exp_avg", "exp_avg_sq")
        step = advance(state)
        lr = number(group["lr"])
        beta1, beta2 = group["betas"]
        grad = decayed(group, param, grad, lr)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        correction1, correction2 = 1 - beta1**step, 1 - beta2**step
        corrected = mean / correction1
        longest = 2 / (1 - beta2) - 1
        length = longest - 2 * step * (beta2**step) / correction2  # of the simple average that approximates

        def rectified():
            factor = ((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length)) ** 0.5
            adaptive = correction2**0.5 / square.sqrt().add_(group["eps"])
            return corrected * lr * adaptive * factor

        if is_compiling():  # the length is a tensor: both sides are computed
            param.sub_(_t.where(length > 5.0, rectified(), corrected * lr))
        elif length > 5.0:
            param.add_(rectified(), alpha=-1.0)
        else:
            param.add_(corrected * lr, alpha=-1.0)
