"""Muon: momentum whose matrices are made nearly orthogonal before each step (Jordan et al. 2024)."""

import math

from framejit import _ops as _t

from ._common import check_lr_tensor, check_not_negative, number
from .optimizer import Optimizer

_RATES = {  # how the learning rate depends on a matrix's sizes
    None: lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "original": lambda rows, columns: math.sqrt(max(1, rows / columns)),
    "match_rms_adamw": lambda rows, columns: 0.2 * math.sqrt(max(rows, columns)),
}


def _orthogonalised(matrix, coefficients, steps, eps):
    """The matrix with singular values near 1, by the quintic Newton-Schulz iteration, in bfloat16."""
    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.bfloat16()
    x = x.T if tall else x
    x = x / x.norm().clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.T
        x = _t.addmm(x, _t.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(Optimizer):
    """For the matrices of hidden layers: param -= lr * factor * orthogonalised(momentum), with decoupled weight decay.

    params (iterable of matrices, or of dicts that hold them as `params`), lr (float or Tensor), weight_decay, momentum (float),
    nesterov (bool), ns_coefficients (three floats), eps (float), ns_steps (int), adjust_lr_fn (str or None): "original", the
    factor sqrt(max(1, rows / columns)), or "match_rms_adamw", 0.2 * sqrt(max(rows, columns)). Raises ValueError (Muon only
    supports 2D parameters).

    >>> import framejit
    >>> from framejit import nn, optim
    >>> w = nn.Parameter(framejit.eye(2))
    >>> opt = optim.Muon([w], lr=0.5, weight_decay=0.0)
    >>> (w * framejit.eye(2)).sum().backward(); opt.step()
    >>> w[0, 1].item(), 0.4 < w[0, 0].item() < 0.8
    (0.0, True)
    """

    def __init__(self, params, lr=1e-3, weight_decay=0.1, momentum=0.95, nesterov=True, ns_coefficients=(3.4445, -4.7750, 2.0315),
                 eps=1e-7, ns_steps=5, adjust_lr_fn=None):  # fmt: skip
        check_lr_tensor(lr)
        check_not_negative(lr=lr, momentum=momentum, weight_decay=weight_decay)
        if adjust_lr_fn not in _RATES:
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        super().__init__(
            params,
            {
                "lr": lr,
                "weight_decay": weight_decay,
                "momentum": momentum,
                "nesterov": nesterov,
                "ns_coefficients": ns_coefficients,
                "eps": eps,
                "ns_steps": ns_steps,
                "adjust_lr_fn": adjust_lr_fn,
            },
        )
        for group in self.param_groups:
            for param in group["params"]:
                if param.dim() != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {param.size()}"
                    )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        if param.is_complex():
            raise ValueError("Complex parameters are not supported")
        state, momentum, lr = self.state[param], group["momentum"], number(group["lr"])
        buffer = state.get("momentum_buffer")
        if buffer is None:
            buffer = state["momentum_buffer"] = _t.zeros_like(grad)
        buffer.lerp_(grad, 1 - momentum)
        update = grad.lerp(buffer, momentum) if group["nesterov"] else buffer
        update = _orthogonalised(update, group["ns_coefficients"], group["ns_steps"], group["eps"])
        param.mul_(1 - lr * group["weight_decay"])
        param.add_(update, alpha=-lr * _RATES[group["adjust_lr_fn"]](*param.shape))
