"""Adagrad."""

from framejit import _ops as _t

from ._common import advance, check_lr_tensor, check_not_negative, decayed, descend_ratio, elements, new_step, number
from .optimizer import Optimizer


class Adagrad(Optimizer):
    """The gradient divided by the root of the sum of its squares so far.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), lr_decay,
    weight_decay, initial_accumulator_value (float), eps (float or None), foreach (bool or None), maximize,
    differentiable (bool), fused (bool or None). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2))
    >>> opt = optim.Adagrad([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> w.tolist()
    [0.5, 0.5]
    """

    _traceable = True
    _takes_sparse = True

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay=0,
        weight_decay=0,
        initial_accumulator_value=0,
        eps=1e-10,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        fused=None,
    ):
        check_lr_tensor(lr)
        check_not_negative(
            lr=lr,
            lr_decay=lr_decay,
            weight_decay=weight_decay,
            initial_accumulator_value=initial_accumulator_value,
            eps=eps,
        )
        super().__init__(
            params,
            {
                "lr": lr,
                "lr_decay": lr_decay,
                "eps": eps,
                "weight_decay": weight_decay,
                "initial_accumulator_value": initial_accumulator_value,
                "foreach": foreach,
                "maximize": maximize,
                "differentiable": differentiable,
                "fused": fused,
            },
        )
        for group in self.param_groups:
            for param in group["params"]:
                self.state[param] = {"step": new_step(), "sum": _t.full_like(param, group["initial_accumulator_value"])}

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        state = self.state[param]
        step = advance(state)
        rate = number(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
        total = state["sum"]
        if grad.is_sparse:
            return _update_elements(group, param, total, grad, rate)
        grad = decayed(group, param, grad)
        total.addcmul_(grad, grad, value=1)
        descend_ratio(param, grad, total.sqrt().add_(group["eps"]), rate)


def _update_elements(group, param, total, grad, rate):
    """The update where a sparse gradient has elements; others have a gradient of zero."""
    if group["weight_decay"] != 0:
        raise RuntimeError("weight_decay option is not compatible with sparse gradients")
    at, values = elements(grad)
    total.index_put_(at, values * values, accumulate=True)
    param.index_put_(at, values / total[at].sqrt_().add_(group["eps"]) * -rate, accumulate=True)
