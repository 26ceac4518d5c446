"""Adafactor."""

from framejit import _ops as _t

from ._common import advance, check_lr_tensor, check_not_negative, number
from .optimizer import Optimizer


class Adafactor(Optimizer):
    """Adam with the mean square kept as row and column means (Shazeer and Stern 2018), PyTorch's variant.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), beta2_decay (float),
    eps (pair of float or None), d, weight_decay (float), foreach (bool or None), maximize (bool). Raises ValueError
    (Learning rate should be >= 0 but is: …; beta2_decay should be <= 0 but is: …; epsilon1 should be >= 0 but is: …).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> w = nn.Parameter(framejit.ones(2, 2))
    >>> opt = optim.Adafactor([w], lr=0.5)
    >>> w.sum().backward(); opt.step()
    >>> bool((w < 1).all())
    True
    """

    def __init__(
        self,
        params,
        lr=1e-2,
        beta2_decay=-0.8,
        eps=(None, 1e-3),
        d=1.0,
        weight_decay=0.0,
        *,
        foreach=None,
        maximize=False,
    ):
        check_lr_tensor(lr)
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        check_not_negative(weight_decay=weight_decay)
        super().__init__(
            params,
            {
                "lr": lr,
                "beta2_decay": beta2_decay,
                "eps": eps,
                "d": d,
                "weight_decay": weight_decay,
                "foreach": foreach,
                "maximize": maximize,
            },
        )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        state = self.state[param]
        if not state:
            state["step"] = _t.tensor(0.0, dtype=_t.float32)
            if grad.dim() > 1:
                state["row_var"] = grad.new_zeros(*grad.shape[:-1], 1)
                state["col_var"] = grad.new_zeros(*grad.shape[:-2], 1, grad.shape[-1])
            else:
                state["variance"] = _t.zeros_like(grad)
        step = advance(state)
        eps1, eps2 = group["eps"]
        eps1 = _t.finfo(param.dtype).eps if eps1 is None else eps1
        keep = step ** group["beta2_decay"]
        rho = min(number(group["lr"]), 1 / step**0.5)
        alpha = max(eps2, (param.norm(2) / param.numel() ** 0.5).item()) * rho
        if group["weight_decay"] != 0:
            param.mul_(1 - number(group["lr"]) * group["weight_decay"])
        if grad.dim() > 1:
            rows, cols = state["row_var"], state["col_var"]
            rows.lerp_(_t.norm(grad, 2, [-1], True).square().div(grad.shape[-1]), keep)
            cols.lerp_(_t.norm(grad, 2, [-2], True).square().div(grad.shape[-2]), keep)
            estimate = (rows @ cols) / rows.mean(-2, True).clamp(min=eps1)
        else:
            state["variance"].lerp_(grad.square(), keep)
            estimate = state["variance"].clone()
        update = estimate.clamp(min=eps1 * eps1).rsqrt() * grad
        scale = max(1.0, update.norm(2).item() / (update.numel() ** 0.5 * group["d"]))
        param.add_(update, alpha=-alpha / scale)
