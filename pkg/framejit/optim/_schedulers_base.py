"""LRScheduler: counting epochs, writing the rates, saving."""

import warnings

from framejit import _ops as _t


def current_rates(optimizer):
    """The rate of each group, as numbers (a rate kept in a tensor is copied)."""
    return [g["lr"].clone() if isinstance(g["lr"], _t.Tensor) else g["lr"] for g in optimizer.param_groups]


def set_rate(group, rate, key="lr"):
    """Write a group's rate; one kept in a tensor is changed in place, so that holders see it."""
    if isinstance(group[key], _t.Tensor):
        group[key].fill_(rate.item() if isinstance(rate, _t.Tensor) else rate)
    else:
        group[key] = rate


class LRScheduler:
    """Base class: subclasses define `get_lr`.

    optimizer (optim.Optimizer), last_epoch (int). Raises TypeError (… is not an Optimizer), KeyError (param
    'initial_lr' is not specified in param_groups[…] when resuming scheduler with last_epoch >= 0).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.StepLR(opt, 1, gamma=0.5)
    >>> opt.step(); sched.step()
    >>> sched.get_last_lr(), sched.last_epoch
    ([0.5], 1)
    """

    _get_lr_called_within_step = False
    _is_initial = False

    def __init__(self, optimizer, last_epoch=-1):
        from .optimizer import Optimizer

        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(optimizer).__name__} is not an Optimizer")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                rate = group["lr"]
                group.setdefault("initial_lr", rate.clone() if isinstance(rate, _t.Tensor) else rate)
            elif "initial_lr" not in group:
                raise KeyError(
                    f"param 'initial_lr' is not specified in param_groups[{i}] when resuming scheduler with"
                    " last_epoch >= 0"
                )
        self.base_lrs = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._count_optimizer_steps()
        self._initial_step()

    def _count_optimizer_steps(self):
        """Remember whether the optimizer has stepped, to warn of the wrong order of the two calls."""

        def remember(optimizer, args, kwargs):
            optimizer._opt_called = True

        if not hasattr(self.optimizer, "_opt_called"):
            self.optimizer._opt_called = False
            self.optimizer.register_step_post_hook(remember)

    def _initial_step(self):
        self._step_count = 0
        self._is_initial = True
        try:
            self.step()
        finally:
            self._is_initial = False

    def state_dict(self):
        """Everything but the optimizer."""
        return {k: v for k, v in self.__dict__.items() if k != "optimizer"}

    def load_state_dict(self, state_dict):
        """Take over a state_dict."""
        self.__dict__.update(state_dict)

    def get_last_lr(self):
        """The rates that the last step wrote."""
        return self._last_lr

    def get_lr(self):
        """The next rates, computed from the present ones."""
        raise NotImplementedError

    def step(self, epoch=None):
        """Advance by one epoch and write the rates."""
        if self._step_count == 1 and not self.optimizer._opt_called:
            warnings.warn(
                "Detected call of `lr_scheduler.step()` before `optimizer.step()`. In PyTorch's order you "
                "should call them the other way round: `optimizer.step()` before `lr_scheduler.step()`. "
                "Otherwise the first value of the learning rate schedule is skipped.",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        if epoch is None:
            self.last_epoch += 1
            rates = self._rates_within_step()
        else:
            warnings.warn(
                "The epoch parameter in `scheduler.step()` was not necessary and is being deprecated where "
                "possible. Please use `scheduler.step()` to step the scheduler.",
                UserWarning,
                stacklevel=2,
            )
            self.last_epoch = epoch
            closed = getattr(self, "_get_closed_form_lr", None)
            rates = self._rates_within_step() if closed is None else closed()
        self._set_rates(rates)

    def _rates_within_step(self):
        self._get_lr_called_within_step = True
        try:
            return self.get_lr()
        finally:
            self._get_lr_called_within_step = False

    def _set_rates(self, rates):
        for group, rate in zip(self.optimizer.param_groups, rates):
            set_rate(group, rate)
        self._last_lr = current_rates(self.optimizer)

    def _warn_if_called_outside_step(self):
        if not self._get_lr_called_within_step:
            warnings.warn(
                "To get the last learning rate computed by the scheduler, please use `get_last_lr()`.",
                UserWarning,
                stacklevel=3,
            )


class _LRScheduler(LRScheduler):
    """The old name of LRScheduler."""
