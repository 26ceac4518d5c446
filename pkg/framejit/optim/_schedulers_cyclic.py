"""Schedules that also move the momentum: OneCycleLR and CyclicLR."""

import math

from ._schedulers_base import LRScheduler, set_rate


def _per_group(name, optimizer, value):
    if isinstance(value, (list, tuple)):
        if len(value) != len(optimizer.param_groups):
            raise ValueError(f"{name} must have the same length as optimizer.param_groups")
        return list(value)
    return [value] * len(optimizer.param_groups)


def _momentum_kind(optimizer):
    """Whether the optimizer's momentum is its first beta; None where it has no momentum at all."""
    if "betas" in optimizer.defaults:
        return "betas"
    return "momentum" if "momentum" in optimizer.defaults else None


def _set_momentum(group, kind, value):
    if kind == "betas":
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value


def _get_momentum(group, kind):
    return group["betas"][0] if kind == "betas" else group["momentum"]


def _cosine(start, end, done):
    return end + (start - end) / 2.0 * (math.cos(math.pi * done) + 1)


def _linear(start, end, done):
    return (end - start) * done + start


class OneCycleLR(LRScheduler):
    """Up to a maximal rate and down to a very small one, with the momentum moving the other way.

    optimizer (optim.Optimizer), max_lr (int or float, or lists of them), total_steps, epochs, steps_per_epoch (int or
    None), pct_start (float), anneal_strategy (str), cycle_momentum (bool), base_momentum, max_momentum (int or float,
    or lists of them), div_factor, final_div_factor (float), three_phase (bool), last_epoch (int). Raises ValueError
    (Expected float between 0 and 1 pct_start; anneal_strategy must be one of 'cos' or 'linear', instead; optimizer
    must support momentum or beta1 with `cycle_momentum` option enabled).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0, momentum=0.9)
    >>> sched = optim.lr_scheduler.OneCycleLR(opt, max_lr=1.0, total_steps=4)
    >>> for _ in range(3):
    ...     print(round(opt.param_groups[0]["lr"], 4))
    ...     opt.step(); sched.step()
    0.04
    0.8117
    0.2831
    """

    def __init__(
        self,
        optimizer,
        max_lr,
        total_steps=None,
        epochs=None,
        steps_per_epoch=None,
        pct_start=0.3,
        anneal_strategy="cos",
        cycle_momentum=True,
        base_momentum=0.85,
        max_momentum=0.95,
        div_factor=25.0,
        final_div_factor=1e4,
        three_phase=False,
        last_epoch=-1,
    ):
        self.optimizer = optimizer
        self.total_steps = self._total(total_steps, epochs, steps_per_epoch)
        if pct_start < 0 or pct_start > 1 or not isinstance(pct_start, float):
            raise ValueError(f"Expected float between 0 and 1 pct_start, but got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}")
        self._anneal_func_type = anneal_strategy
        self._schedule_phases = self._phases(pct_start, three_phase)
        max_lrs = _per_group("max_lr", optimizer, max_lr)
        self.cycle_momentum = cycle_momentum
        kind = _momentum_kind(optimizer)
        if cycle_momentum and kind is None:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = kind == "betas"
        if last_epoch == -1:
            self._prepare_groups(max_lrs, kind, div_factor, final_div_factor, base_momentum, max_momentum)
        super().__init__(optimizer, last_epoch)

    @staticmethod
    def _total(total_steps, epochs, steps_per_epoch):
        if total_steps is not None:
            if total_steps <= 0 or not isinstance(total_steps, int):
                raise ValueError(f"Expected positive integer total_steps, but got {total_steps}")
            return total_steps
        if epochs is None or steps_per_epoch is None:
            raise ValueError("You must define either total_steps OR (epochs AND steps_per_epoch)")
        for name, value in (("epochs", epochs), ("steps_per_epoch", steps_per_epoch)):
            if not isinstance(value, int) or value <= 0:
                raise ValueError(f"Expected positive integer {name}, but got {value}")
        return epochs * steps_per_epoch

    def _phases(self, pct_start, three_phase):
        """(last step, rate at start, rate at end, momentum at start, momentum at end) of each phase."""
        rows = [(float(pct_start * self.total_steps) - 1, "initial_lr", "max_lr", "max_momentum", "base_momentum")]
        if three_phase:
            rows.append(
                (float(2 * pct_start * self.total_steps) - 2, "max_lr", "initial_lr", "base_momentum", "max_momentum")
            )
            rows.append((self.total_steps - 1, "initial_lr", "min_lr", "max_momentum", "max_momentum"))
        else:
            rows.append((self.total_steps - 1, "max_lr", "min_lr", "base_momentum", "max_momentum"))
        keys = ("end_step", "start_lr", "end_lr", "start_momentum", "end_momentum")
        return [dict(zip(keys, row)) for row in rows]

    def _prepare_groups(self, max_lrs, kind, div_factor, final_div_factor, base_momentum, max_momentum):
        groups = self.optimizer.param_groups
        for group, high in zip(groups, max_lrs):
            group["initial_lr"] = high / div_factor
            group["max_lr"] = high
            group["min_lr"] = group["initial_lr"] / final_div_factor
        if self.cycle_momentum:
            bases = _per_group("base_momentum", self.optimizer, base_momentum)
            tops = _per_group("max_momentum", self.optimizer, max_momentum)
            for group, base, top in zip(groups, bases, tops):
                _set_momentum(group, kind, top)
                group["max_momentum"] = top
                group["base_momentum"] = base

    def get_lr(self):
        self._warn_if_called_outside_step()
        step = self.last_epoch
        if step > self.total_steps:
            raise ValueError(f"Tried to step {step} times. The total number of steps is {self.total_steps}")
        anneal = _cosine if self._anneal_func_type == "cos" else _linear
        rates = []
        for group in self.optimizer.param_groups:
            start = 0.0
            for i, phase in enumerate(self._schedule_phases):
                end = phase["end_step"]
                if step <= end or i == len(self._schedule_phases) - 1:
                    done = (step - start) / (end - start)
                    rates.append(anneal(group[phase["start_lr"]], group[phase["end_lr"]], done))
                    if self.cycle_momentum:
                        momentum = anneal(group[phase["start_momentum"]], group[phase["end_momentum"]], done)
                        _set_momentum(group, "betas" if self.use_beta1 else "momentum", momentum)
                    break
                start = end
        return rates


class CyclicLR(LRScheduler):
    """A triangle wave between two rates, whose height may shrink.

    optimizer (optim.Optimizer), base_lr, max_lr (int or float, or lists of them), step_size_up (int), step_size_down
    (int or None), mode (str), gamma (float), scale_fn (callable or None), scale_mode (str), cycle_momentum (bool),
    base_momentum, max_momentum (int or float, or lists of them), last_epoch (int). Raises ValueError (mode is invalid
    and scale_fn is None).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0, momentum=0.9)
    >>> sched = optim.lr_scheduler.CyclicLR(opt, base_lr=0.1, max_lr=0.5, step_size_up=2)
    >>> for _ in range(3):
    ...     print(round(opt.param_groups[0]["lr"], 4))
    ...     opt.step(); sched.step()
    0.1
    0.3
    0.5
    """

    def __init__(
        self,
        optimizer,
        base_lr,
        max_lr,
        step_size_up=2000,
        step_size_down=None,
        mode="triangular",
        gamma=1.0,
        scale_fn=None,
        scale_mode="cycle",
        cycle_momentum=True,
        base_momentum=0.8,
        max_momentum=0.9,
        last_epoch=-1,
    ):
        self.optimizer = optimizer
        base_lrs = _per_group("base_lr", optimizer, base_lr)
        if last_epoch == -1:
            for group, rate in zip(optimizer.param_groups, base_lrs):
                set_rate(group, rate)
        self.max_lrs = _per_group("max_lr", optimizer, max_lr)
        down = step_size_up if step_size_down is None else step_size_down
        self.total_size = float(step_size_up) + float(down)
        self.step_ratio = float(step_size_up) / self.total_size
        if mode not in ("triangular", "triangular2", "exp_range") and scale_fn is None:
            raise ValueError("mode is invalid and scale_fn is None")
        self.mode = mode
        self.gamma = gamma
        self._scale_fn_custom = scale_fn
        self.scale_mode = scale_mode if scale_fn is not None else "iterations" if mode == "exp_range" else "cycle"
        self.cycle_momentum = cycle_momentum
        self._prepare_momentum(base_momentum, max_momentum, last_epoch)
        super().__init__(optimizer, last_epoch)
        self.base_lrs = base_lrs

    def _prepare_momentum(self, base_momentum, max_momentum, last_epoch):
        if not self.cycle_momentum:
            return
        kind = _momentum_kind(self.optimizer)
        if kind is None:
            raise ValueError("optimizer must support momentum or beta1 with `cycle_momentum` option enabled")
        self.use_beta1 = kind == "betas"
        self.base_momentums = _per_group("base_momentum", self.optimizer, base_momentum)
        self.max_momentums = _per_group("max_momentum", self.optimizer, max_momentum)
        if last_epoch == -1:
            for group, top, base in zip(self.optimizer.param_groups, self.max_momentums, self.base_momentums):
                _set_momentum(group, kind, top)
                group["max_momentum"] = top
                group["base_momentum"] = base

    def scale_fn(self, x):
        """How high the wave is, as a fraction."""
        if self._scale_fn_custom is not None:
            return self._scale_fn_custom(x)
        return {
            "triangular": lambda: 1.0,
            "triangular2": lambda: 1 / (2.0 ** (x - 1)),
            "exp_range": lambda: self.gamma**x,
        }[self.mode]()

    def get_lr(self):
        self._warn_if_called_outside_step()
        cycle = math.floor(1 + self.last_epoch / self.total_size)
        x = 1.0 + self.last_epoch / self.total_size - cycle
        height = x / self.step_ratio if x <= self.step_ratio else (x - 1) / (self.step_ratio - 1)
        scale = self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        rates = [base + (top - base) * height * scale for base, top in zip(self.base_lrs, self.max_lrs)]
        if self.cycle_momentum:
            kind = "betas" if self.use_beta1 else "momentum"
            for group, base, top in zip(self.optimizer.param_groups, self.base_momentums, self.max_momentums):
                _set_momentum(group, kind, top - (top - base) * height * scale)
        return rates
