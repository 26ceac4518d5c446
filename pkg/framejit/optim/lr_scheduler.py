"""Learning-rate schedules.

A schedule changes `group["lr"]` of its optimizer each time `step` is called; `get_lr` computes the next rates
from the present ones, so that schedules compose. `state_dict` is everything but the optimizer.
"""

import bisect
import math
import warnings
from collections import Counter

from ._schedulers_base import LRScheduler, _LRScheduler, current_rates, set_rate  # noqa: F401
from ._schedulers_cyclic import CyclicLR, OneCycleLR
from ._schedulers_plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class _WithLambdas(LRScheduler):
    """A schedule given by one function, or one per group; plain functions are not saved, callable objects are."""

    def __init__(self, optimizer, lr_lambda, last_epoch=-1):
        self.optimizer = optimizer
        if isinstance(lr_lambda, (list, tuple)):
            if len(lr_lambda) != len(optimizer.param_groups):
                raise ValueError(f"Expected {len(optimizer.param_groups)} lr_lambdas, but got {len(lr_lambda)}")
            self.lr_lambdas = list(lr_lambda)
        else:
            self.lr_lambdas = [lr_lambda] * len(optimizer.param_groups)
        super().__init__(optimizer, last_epoch)

    def state_dict(self):
        state = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "lr_lambdas")}
        state["lr_lambdas"] = [None if _is_function(f) else f.__dict__.copy() for f in self.lr_lambdas]
        return state

    def load_state_dict(self, state_dict):
        state_dict = dict(state_dict)
        saved = state_dict.pop("lr_lambdas")
        self.__dict__.update(state_dict)
        for function, attributes in zip(self.lr_lambdas, saved):
            if attributes is not None:
                function.__dict__.update(attributes)


def _is_function(f):
    return type(f).__name__ == "function"


class LambdaLR(_WithLambdas):
    """The initial rate times a function of the epoch.

    optimizer (optim.Optimizer), lr_lambda (callable, or list of them), last_epoch (int). Raises ValueError (Expected …
    lr_lambdas).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.LambdaLR(opt, lambda epoch: 1 / (1 + epoch))
    >>> opt.step(); sched.step()
    >>> sched.get_last_lr()
    [0.5]
    """

    def get_lr(self):
        self._warn_if_called_outside_step()
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs)]


class MultiplicativeLR(_WithLambdas):
    """The last rate times a function of the epoch.

    optimizer (optim.Optimizer), lr_lambda (callable, or list of them), last_epoch (int). Raises ValueError (Expected …
    lr_lambdas).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.MultiplicativeLR(opt, lambda epoch: 0.5)
    >>> opt.step(); sched.step()
    >>> sched.get_last_lr()
    [0.5]
    """

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        if self._is_initial:
            return rates
        return [rate * f(self.last_epoch) for f, rate in zip(self.lr_lambdas, rates)]


class StepLR(LRScheduler):
    """Times gamma every step_size epochs.

    optimizer (optim.Optimizer), step_size (int), gamma (float), last_epoch (int). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.StepLR(opt, step_size=2, gamma=0.5)
    >>> for _ in range(3):
    ...     print(opt.param_groups[0]["lr"])
    ...     opt.step(); sched.step()
    1.0
    1.0
    0.5
    """

    def __init__(self, optimizer, step_size, gamma=0.1, last_epoch=-1):
        self.step_size = step_size
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        if self.last_epoch == 0 or self.last_epoch % self.step_size != 0:
            return rates
        return [rate * self.gamma for rate in rates]

    def _get_closed_form_lr(self):
        return [base * self.gamma ** (self.last_epoch // self.step_size) for base in self.base_lrs]


class MultiStepLR(LRScheduler):
    """Times gamma at each milestone.

    optimizer (optim.Optimizer), milestones (sequence of int), gamma (float), last_epoch (int). Raises TypeError for
    other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.MultiStepLR(opt, milestones=[1], gamma=0.5)
    >>> opt.step(); sched.step()
    >>> sched.get_last_lr()
    [0.5]
    """

    def __init__(self, optimizer, milestones, gamma=0.1, last_epoch=-1):
        self.milestones = Counter(milestones)
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        if self.last_epoch not in self.milestones:
            return rates
        return [rate * self.gamma ** self.milestones[self.last_epoch] for rate in rates]

    def _get_closed_form_lr(self):
        passed = bisect.bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return [base * self.gamma**passed for base in self.base_lrs]


class ConstantLR(LRScheduler):
    """The initial rate times a factor for the first epochs.

    optimizer (optim.Optimizer), factor (float), total_iters, last_epoch (int). Raises ValueError (Constant
    multiplicative factor expected to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.ConstantLR(opt, factor=0.5, total_iters=2)
    >>> for _ in range(3):
    ...     print(opt.param_groups[0]["lr"])
    ...     opt.step(); sched.step()
    0.5
    0.5
    1.0
    """

    def __init__(self, optimizer, factor=1.0 / 3, total_iters=5, last_epoch=-1):
        if factor > 1.0 or factor < 0:
            raise ValueError("Constant multiplicative factor expected to be between 0 and 1.")
        self.factor = factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        if self.last_epoch == 0:
            return [rate * self.factor for rate in rates]
        if self.last_epoch != self.total_iters:
            return rates
        return [rate * (1.0 / self.factor) for rate in rates]

    def _get_closed_form_lr(self):
        over = self.last_epoch >= self.total_iters
        return [base * (self.factor + over * (1 - self.factor)) for base in self.base_lrs]


class LinearLR(LRScheduler):
    """A factor that moves linearly from start_factor to end_factor.

    optimizer (optim.Optimizer), start_factor, end_factor (float), total_iters, last_epoch (int). Raises ValueError
    (Starting multiplicative factor expected to be greater than 0 and less or equal to 1; Ending multiplicative factor
    expected to be between 0 and 1).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.LinearLR(opt, start_factor=0.5, total_iters=2)
    >>> for _ in range(3):
    ...     print(opt.param_groups[0]["lr"])
    ...     opt.step(); sched.step()
    0.5
    0.75
    1.0
    """

    def __init__(self, optimizer, start_factor=1.0 / 3, end_factor=1.0, total_iters=5, last_epoch=-1):
        if start_factor > 1.0 or start_factor <= 0:
            raise ValueError("Starting multiplicative factor expected to be greater than 0 and less or equal to 1.")
        if end_factor > 1.0 or end_factor < 0:
            raise ValueError("Ending multiplicative factor expected to be between 0 and 1.")
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.total_iters = total_iters
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        if self.last_epoch == 0:
            return [rate * self.start_factor for rate in rates]
        if self._is_initial or self.last_epoch > self.total_iters:
            return rates
        rise = self.end_factor - self.start_factor
        before = self.total_iters * self.start_factor + (self.last_epoch - 1) * rise
        return [rate * (1.0 + rise / before) for rate in rates]

    def _get_closed_form_lr(self):
        done = min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * (self.start_factor + (self.end_factor - self.start_factor) * done) for base in self.base_lrs]


class ExponentialLR(LRScheduler):
    """Times gamma every epoch.

    optimizer (optim.Optimizer), gamma (float), last_epoch (int). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.ExponentialLR(opt, gamma=0.5)
    >>> for _ in range(3):
    ...     print(opt.param_groups[0]["lr"])
    ...     opt.step(); sched.step()
    1.0
    0.5
    0.25
    """

    def __init__(self, optimizer, gamma, last_epoch=-1):
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        return rates if self._is_initial else [rate * self.gamma for rate in rates]

    def _get_closed_form_lr(self):
        return [base * self.gamma**self.last_epoch for base in self.base_lrs]


class PolynomialLR(LRScheduler):
    """The initial rate times (1 - epoch / total_iters) ** power.

    optimizer (optim.Optimizer), total_iters (int), power (float), last_epoch (int). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.PolynomialLR(opt, total_iters=2)
    >>> for _ in range(3):
    ...     print(opt.param_groups[0]["lr"])
    ...     opt.step(); sched.step()
    1.0
    0.5
    0.0
    """

    def __init__(self, optimizer, total_iters=5, power=1.0, last_epoch=-1):
        self.total_iters = total_iters
        self.power = power
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        if self._is_initial or self.last_epoch > self.total_iters:
            return rates
        left = 1.0 - self.last_epoch / self.total_iters
        left_before = 1.0 - (self.last_epoch - 1) / self.total_iters
        decay = (left / left_before) ** self.power
        return [rate * decay for rate in rates]

    def _get_closed_form_lr(self):
        left = 1.0 - min(self.total_iters, self.last_epoch) / self.total_iters
        return [base * left**self.power for base in self.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the initial rate down to eta_min.

    optimizer (optim.Optimizer), T_max (int), eta_min (float), last_epoch (int). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.CosineAnnealingLR(opt, T_max=2)
    >>> for _ in range(3):
    ...     print(round(opt.param_groups[0]["lr"], 4))
    ...     opt.step(); sched.step()
    1.0
    0.5
    0.0
    """

    def __init__(self, optimizer, T_max, eta_min=0.0, last_epoch=-1):
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        rates = current_rates(self.optimizer)
        low, span, epoch = self.eta_min, self.T_max, self.last_epoch
        if self._is_initial:
            return rates
        if self._step_count == 1 and epoch > 0:
            return [low + (base - low) * (1 + math.cos(epoch * math.pi / span)) / 2 for base in self.base_lrs]
        if (epoch - 1 - span) % (2 * span) == 0:
            return [
                rate + (base - low) * (1 - math.cos(math.pi / span)) / 2 for base, rate in zip(self.base_lrs, rates)
            ]
        ratio = (1 + math.cos(math.pi * epoch / span)) / (1 + math.cos(math.pi * (epoch - 1) / span))
        return [ratio * (rate - low) + low for rate in rates]

    def _get_closed_form_lr(self):
        return [
            self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
            for base in self.base_lrs
        ]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half cosines that start again, each T_mult times as long as the one before.

    optimizer (optim.Optimizer), T_0, T_mult (int), eta_min (float), last_epoch (int). Raises ValueError (Expected
    positive integer T_0; Expected integer T_mult >= 1; Expected float or int eta_min).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> sched = optim.lr_scheduler.CosineAnnealingWarmRestarts(opt, T_0=2)
    >>> for _ in range(3):
    ...     print(round(opt.param_groups[0]["lr"], 4))
    ...     opt.step(); sched.step()
    1.0
    0.5
    1.0
    """

    def __init__(self, optimizer, T_0, T_mult=1, eta_min=0.0, last_epoch=-1):
        if T_0 <= 0 or not isinstance(T_0, int):
            raise ValueError(f"Expected positive integer T_0, but got {T_0}")
        if T_mult < 1 or not isinstance(T_mult, int):
            raise ValueError(f"Expected integer T_mult >= 1, but got {T_mult}")
        if not isinstance(eta_min, (float, int)):
            raise ValueError(f"Expected float or int eta_min, but got {eta_min} of type {type(eta_min)}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        self._warn_if_called_outside_step()
        return [
            self.eta_min + (base - self.eta_min) * (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
            for base in self.base_lrs
        ]

    def step(self, epoch=None):
        """Advance; a fractional epoch sets the place directly."""
        if epoch is None and self.last_epoch < 0:
            epoch = 0
        if epoch is None:
            epoch = self.last_epoch + 1
            self.T_cur += 1
            if self.T_cur >= self.T_i:
                self.T_cur -= self.T_i
                self.T_i *= self.T_mult
        else:
            self._place(epoch)
        self.last_epoch = math.floor(epoch)
        self._step_count += 1
        self._set_rates(self._rates_within_step())

    def _place(self, epoch):
        if epoch < 0:
            raise ValueError(f"Expected non-negative epoch, but got {epoch}")
        if epoch < self.T_0:
            self.T_i, self.T_cur = self.T_0, epoch
        elif self.T_mult == 1:
            self.T_cur = epoch % self.T_0
        else:
            n = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
            self.T_cur = epoch - self.T_0 * (self.T_mult**n - 1) / (self.T_mult - 1)
            self.T_i = self.T_0 * self.T_mult**n


class _Composite(LRScheduler):
    """A schedule made of schedules, which are saved inside it."""

    def state_dict(self):
        state = {k: v for k, v in self.__dict__.items() if k not in ("optimizer", "_schedulers")}
        state["_schedulers"] = [schedule.state_dict() for schedule in self._schedulers]
        return state

    def load_state_dict(self, state_dict):
        state_dict = dict(state_dict)
        saved = state_dict.pop("_schedulers")
        self.__dict__.update(state_dict)
        for schedule, state in zip(self._schedulers, saved):
            schedule.load_state_dict(state)

    def recursive_undo(self, schedule=None):
        for inner in self._schedulers:
            if hasattr(inner, "recursive_undo"):
                inner.recursive_undo()
            elif hasattr(inner, "last_epoch"):
                inner.last_epoch -= 1


class ChainedScheduler(_Composite):
    """Several schedules, each applied at every step.

    schedulers (sequence of LRScheduler), optimizer (optim.Optimizer or None). Raises ValueError (… expects at least
    one scheduler to be chained; … expects all schedulers to belong to the same optimizer).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> one, two = optim.lr_scheduler.ExponentialLR(opt, 0.5), optim.lr_scheduler.ConstantLR(opt, 0.5, 1)
    >>> sched = optim.lr_scheduler.ChainedScheduler([one, two])
    >>> for _ in range(2):
    ...     print(opt.param_groups[0]["lr"])
    ...     opt.step(); sched.step()
    0.5
    0.5
    """

    def __init__(self, schedulers, optimizer=None):
        if len(schedulers) < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least one scheduler to be chained, but got no scheduler."
            )
        optimizer = optimizer or schedulers[0].optimizer
        for i, schedule in enumerate(schedulers):
            if schedule.optimizer is not optimizer:
                raise ValueError(
                    f"{type(self).__name__} expects all schedulers to belong to the same optimizer, but "
                    f"got scheduler {type(schedule).__name__} at index {i} is different from the rest"
                )
        self._schedulers = schedulers
        self.optimizer = optimizer
        self._last_lr = current_rates(optimizer)

    def step(self):
        """Advance every schedule."""
        for schedule in self._schedulers:
            schedule.step()
        self._last_lr = current_rates(self.optimizer)


class SequentialLR(_Composite):
    """Several schedules, one after the other.

    optimizer (optim.Optimizer), schedulers (sequence of LRScheduler), milestones (sequence of int), last_epoch (int).
    Raises ValueError (… expects at least one scheduler to be chained; … expects all schedulers to belong to the same
    optimizer; Sequential Schedulers expects number of schedulers provided to be one more than the number of milestone
    points).

    >>> import framejit
    >>> from framejit import nn
    >>> from framejit import optim
    >>> opt = optim.SGD([nn.Parameter(framejit.ones(2))], lr=1.0)
    >>> parts = [optim.lr_scheduler.ConstantLR(opt, 0.5), optim.lr_scheduler.ExponentialLR(opt, 0.5)]
    >>> sched = optim.lr_scheduler.SequentialLR(opt, parts, milestones=[1])
    >>> opt.step(); sched.step()
    >>> opt.param_groups[0]["lr"]
    1.0
    """

    def __init__(self, optimizer, schedulers, milestones, last_epoch=-1):
        if len(schedulers) < 1:
            raise ValueError(
                f"{type(self).__name__} expects at least one scheduler to be chained, but got no scheduler."
            )
        if any(schedule.optimizer is not optimizer for schedule in schedulers):
            raise ValueError(f"{type(self).__name__} expects all schedulers to belong to the same optimizer")
        if len(milestones) != len(schedulers) - 1:
            raise ValueError(
                "Sequential Schedulers expects number of schedulers provided to be one more than the "
                f"number of milestone points, but got number of schedulers {len(schedulers)} and the "
                f"number of milestones to be equal to {len(milestones)}"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = optimizer
        # each schedule made its first step when it was constructed: undo that, and start the first one again
        for group in optimizer.param_groups:
            set_rate(group, group["initial_lr"])
        for schedule in schedulers:
            if hasattr(schedule, "recursive_undo"):
                schedule.recursive_undo()
            else:
                schedule.last_epoch -= 1
        self._start(schedulers[0])
        self._last_lr = schedulers[0].get_last_lr()

    @staticmethod
    def _start(schedule):
        if hasattr(schedule, "_initial_step"):
            schedule._initial_step()
        else:
            schedule.step()

    def step(self):
        """Advance the schedule whose turn it is."""
        self.last_epoch += 1
        turn = bisect.bisect_right(self._milestones, self.last_epoch)
        schedule = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                schedule.step(0)
        else:
            schedule.step()
        self._last_lr = schedule.get_last_lr()
