"""Averages of a model's weights over training: AveragedModel, update_bn, SWALR."""

import math

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad
from framejit.nn.modules.module import Module

from .lr_scheduler import LRScheduler


def get_ema_multi_avg_fn(decay=0.999):
    """Exponential averages of lists of tensors, in place.

    decay (float). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import optim
    >>> means = [framejit.tensor(1.0)]
    >>> optim.swa_utils.get_ema_multi_avg_fn(0.5)(means, [framejit.tensor(2.0)], 1)
    >>> means
    [tensor(1.5000)]
    """
    _check_decay(decay)

    @no_grad()
    def update(averaged, current, count):
        for mine, theirs in zip(averaged, current):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(mine * decay + theirs * (1 - decay))

    return update


def get_swa_multi_avg_fn():
    """Equal averages of lists of tensors, in place.

    >>> import framejit
    >>> from framejit import optim
    >>> means = [framejit.tensor(1.0)]
    >>> optim.swa_utils.get_swa_multi_avg_fn()(means, [framejit.tensor(4.0)], 2)
    >>> means
    [tensor(2.)]
    """

    @no_grad()
    def update(averaged, current, count):
        for mine, theirs in zip(averaged, current):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 / (float(count) + 1))
            else:
                mine.add_((theirs - mine) / (count + 1))

    return update


def get_ema_avg_fn(decay=0.999):
    """The exponential average of one tensor.

    decay (float). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import optim
    >>> round(optim.swa_utils.get_ema_avg_fn(0.9)(framejit.tensor(1.0), framejit.tensor(2.0), 1).item(), 4)
    1.1
    """
    _check_decay(decay)

    @no_grad()
    def update(averaged, current, count):
        return decay * averaged + (1 - decay) * current

    return update


def get_swa_avg_fn():
    """The equal average of one tensor.

    >>> import framejit
    >>> from framejit import optim
    >>> optim.swa_utils.get_swa_avg_fn()(framejit.tensor(1.0), framejit.tensor(4.0), 2)
    tensor(2.)
    """

    @no_grad()
    def update(averaged, current, count):
        return averaged + (current - averaged) / (count + 1)

    return update


def _check_decay(decay):
    if decay < 0.0 or decay > 1.0:
        raise ValueError(f"Invalid decay value {decay} provided. Please provide a value in [0,1] range.")


class AveragedModel(Module):
    """A copy of a model that holds the average of its weights; `update_parameters(model)` takes in the present ones.

    model (nn.Module), device (framejit.device or str or None), avg_fn, multi_avg_fn (callable or None), use_buffers
    (bool). Raises AssertionError (Only one of avg_fn and multi_avg_fn should be provided).

    >>> import framejit
    >>> from framejit import nn
    >>> model = nn.Linear(1, 1, bias=False)
    >>> mean = framejit.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     model.weight.data.fill_(value)
    ...     mean.update_parameters(model)
    tensor([[1.]])
    tensor([[3.]])
    >>> mean.module.weight.item()
    2.0
    """

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        import copy

        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = copy.deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", _t.tensor(0, dtype=_t.int64, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)

    def _tensors(self, model):
        tensors = list(model.parameters())
        return tensors + list(model.buffers()) if self.use_buffers else tensors

    def update_parameters(self, model):
        """Average in the model's present weights; buffers are copied unless they are averaged, too."""
        mine, theirs = self._tensors(self.module), [t.detach() for t in self._tensors(model)]
        mine = [t.detach() for t in mine]
        if int(self.n_averaged) == 0:
            for a, b in zip(mine, theirs):
                a.copy_(b)
        elif self.avg_fn is not None:
            for a, b in zip(mine, theirs):
                a.copy_(self.avg_fn(a, b, self.n_averaged))
        else:
            (self.multi_avg_fn or get_swa_multi_avg_fn())(mine, theirs, self.n_averaged)
        if not self.use_buffers:
            for a, b in zip(self.module.buffers(), model.buffers()):
                a.detach().copy_(b.detach())
        self.n_averaged += 1


@no_grad()
def update_bn(loader, model, device=None):
    """Recompute the running statistics of batch norms by one pass over the data.

    loader (iterable), model (nn.Module), device (framejit.device or str or None). Raises AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> model = nn.Sequential(nn.BatchNorm1d(1))
    >>> optim.swa_utils.update_bn([framejit.tensor([[1.0], [3.0]])], model)
    >>> model[0].running_mean
    tensor([2.])
    """
    from framejit.nn.modules.batchnorm import _BatchNorm

    momenta = {}
    for module in model.modules():
        if isinstance(module, _BatchNorm):
            module.reset_running_stats()
            momenta[module] = module.momentum
    if not momenta:
        return
    training = model.training
    model.train()
    for module in momenta:
        module.momentum = None
    for input in loader:
        if isinstance(input, (list, tuple)):
            input = input[0]
        model(input if device is None else input.to(device))
    for module, momentum in momenta.items():
        module.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """Anneals the learning rate to `swa_lr` over `anneal_epochs`, by a cosine or linearly, and keeps it there.

    optimizer (optim.Optimizer), swa_lr (int or float, or lists of them), anneal_epochs (int), anneal_strategy (str),
    last_epoch (int). Raises ValueError (swa_lr must have the same length as optimizer.param_groups: swa_lr has …,
    optimizer.param_groups has …; anneal_strategy must by one of 'cos' or 'linear', instead; anneal_epochs must be
    equal or greater than 0).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.swa_utils.SWALR(opt, swa_lr=0.1, anneal_epochs=1)
    >>> opt.step(); sched.step()
    >>> opt.param_groups[0]["lr"]
    0.1
    """

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        rates = list(swa_lr) if isinstance(swa_lr, (list, tuple)) else [swa_lr] * len(optimizer.param_groups)
        if len(rates) != len(optimizer.param_groups):
            raise ValueError(
                f"swa_lr must have the same length as optimizer.param_groups: swa_lr has {len(rates)}, optimizer.param_groups has {len(optimizer.param_groups)}"
            )
        for rate, group in zip(rates, optimizer.param_groups):
            group["swa_lr"] = rate
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must by one of 'cos' or 'linear', instead got {anneal_strategy}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, t):
        return (1 - math.cos(math.pi * t)) / 2 if self._anneal_strategy == "cos" else t

    def get_lr(self):
        """The rates of the present step."""
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before = self._share(max(0, min(1, (step - 1) / max(1, self.anneal_epochs))))
        now = self._share(max(0, min(1, step / max(1, self.anneal_epochs))))
        rates = []
        for group in self.optimizer.param_groups:
            target, rate = group["swa_lr"], group["lr"]
            start = target if before == 1 else (rate - before * target) / (1 - before)
            rates.append(target * now + start * (1 - now))
        return rates
