"""Adam for sparse gradients."""

import math

from framejit import _ops as _t

from ._common import check_betas, check_lr_tensor, elements, number
from .optimizer import Optimizer


class SparseAdam(Optimizer):
    """Adam on the elements that a sparse gradient has; the running means of the others stay as they are.

    params (iterable of Parameter, or of dicts that hold them as `params`), lr (float or Tensor), betas (pair of float),
    eps (float), maximize (bool). Raises ValueError for options out of range and for sparse or complex parameters; `step`
    raises RuntimeError (SparseAdam does not support dense gradients, please consider Adam instead).

    >>> import framejit
    >>> from framejit import nn, optim
    >>> table = nn.Embedding(3, 2, sparse=True)
    >>> before = table.weight.detach().clone()
    >>> opt = optim.SparseAdam(table.parameters(), lr=0.5)
    >>> table(framejit.tensor([1])).sum().backward(); opt.step()
    >>> (before - table.weight).detach().round(decimals=4)
    tensor([[0.0000, 0.0000],
            [0.5000, 0.5000],
            [0.0000, 0.0000]])
    """

    _takes_sparse = True

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        check_lr_tensor(lr)
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        placed = [(g, i, p) for g, group in enumerate(self.param_groups) for i, p in enumerate(group["params"])]
        sparse = [[g, i] for g, i, p in placed if p.is_sparse]
        if sparse:
            raise ValueError(f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors")
        complex_ones = [[g, i] for g, i, p in placed if p.is_complex()]
        if complex_ones:
            raise ValueError(
                f"Complex params at indices {complex_ones}: SparseAdam does not support complex parameters"
            )

    def step(self, closure=None):
        """One update of all parameters."""
        return self._run_updates(closure)

    def _update(self, group, param, grad):
        if not grad.is_sparse:
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        state = self.state[param]
        if not state:
            state.update(step=0, exp_avg=_t.zeros_like(param), exp_avg_sq=_t.zeros_like(param))
        state["step"] += 1
        at, values = elements(grad)
        if not values.numel():
            return
        means = []
        for name, new, beta in zip(("exp_avg", "exp_avg_sq"), (values, values * values), group["betas"]):
            old = state[name][at]
            means.append(old + (new - old) * (1 - beta))
            state[name].index_put_(at, means[-1])
        bias1, bias2 = (1 - beta ** state["step"] for beta in group["betas"])
        rate = number(group["lr"]) * math.sqrt(bias2) / bias1
        param.index_put_(at, means[0] / (means[1].sqrt() + group["eps"]) * -rate, accumulate=True)
