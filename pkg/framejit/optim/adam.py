"""Adam, and AdamW, which is Adam with the weight decay taken out of the gradient."""

from framejit import _ops as _t

from ._common import advance, check_moments, check_switches, decayed, descend_ratio, number, start
from .optimizer import Optimizer


class Adam(Optimizer):
    """Running means of gradient and squared gradient, corrected for their start at zero.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), betas (pair of
    float), eps (float or None), weight_decay (float), amsgrad (bool), foreach (bool or None), maximize, capturable,
    differentiable (bool), fused (bool or None), decoupled_weight_decay (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.Adam([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> [round(v, 4) for v in w.tolist()]
    [0.5, 0.5]
    """

    _traceable = True

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        amsgrad=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        fused=None,
        decoupled_weight_decay=False,
    ):
        check_moments(lr, betas, eps, weight_decay)
        check_switches(capturable, fused, foreach)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": betas,
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:  # checkpoints of before these options
            for name, default in (
                ("amsgrad", False),
                ("maximize", False),
                ("foreach", None),
                ("capturable", False),
                ("differentiable", False),
                ("fused", None),
                ("decoupled_weight_decay", False),
            ):
                group.setdefault(name, default)

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _refuse_sparse(self):
        raise RuntimeError("Adam does not support sparse gradients, please consider SparseAdam instead")

    def _update(self, group, param, grad):
        state = self.state[param]
        if not state:
            start(state, param, "exp_avg", "exp_avg_sq")
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = _t.zeros_like(param)
        step = advance(state)
        lr = number(group["lr"])
        beta1, beta2 = group["betas"]
        beta1, beta2 = number(beta1), number(beta2)
        grad = decayed(group, param, grad, lr)
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(grad, 1 - beta1)
        square.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
        if group["amsgrad"]:
            largest = state["max_exp_avg_sq"]
            largest.copy_(_t.maximum(largest, square))
            square = largest
        denominator = (square.sqrt() / (1 - beta2**step) ** 0.5).add_(group["eps"])
        descend_ratio(param, mean, denominator, lr / (1 - beta1**step))


class AdamW(Adam):
    """Adam whose weight decay shrinks the parameters directly.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), betas (pair of
    float), eps (float or None), weight_decay (float), amsgrad, maximize (bool), foreach (bool or None), capturable,
    differentiable (bool), fused (bool or None). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.AdamW([w], lr=0.5, weight_decay=0.1)
    >>> w.sum().backward(); opt.step()
    >>> [round(v, 4) for v in w.tolist()]
    [0.45, 0.45]
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=1e-2,
        amsgrad=False,
        *,
        maximize=False,
        foreach=None,
        capturable=False,
        differentiable=False,
        fused=None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True
