"""Checks and small helpers that the optimizers share."""

from framejit import _ops as _t
from framejit.dynamo.control import is_compiling


def check_not_negative(**values):
    """Raise ValueError naming the first option that is below zero; the words are PyTorch's."""
    labels = {
        "lr": "learning rate",
        "eps": "epsilon value",
        "weight_decay": "weight_decay value",
        "momentum": "momentum value",
        "rho": "rho value",
        "alpha": "alpha value",
        "lr_decay": "lr_decay value",
        "momentum_decay": "momentum_decay value",
        "initial_accumulator_value": "initial_accumulator_value value",
    }
    for name, value in values.items():
        if not 0.0 <= value:
            raise ValueError(f"Invalid {labels[name]}: {value}")


def check_betas(betas):
    """Raise ValueError unless both betas are in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")


def check_moments(lr, betas, eps, weight_decay):
    """The options of Adam and its kin."""
    check_lr_tensor(lr)
    check_not_negative(lr=lr, eps=eps)
    check_betas(betas)
    check_not_negative(weight_decay=weight_decay)


def check_lr_tensor(lr):
    """A learning rate given as a tensor holds one value."""
    if isinstance(lr, _t.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")


def check_switches(capturable, fused=None, foreach=None):
    """Options that ask for an implementation that the CPU does not have."""
    if capturable:
        raise RuntimeError("capturable=True is for parameters on a CUDA device")
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def elements(grad):
    """Where a sparse gradient has elements, as an index, and what they are; each place once."""
    grad = grad.coalesce()
    return tuple(grad.indices().unbind(0)), grad.values()


def number(value):
    """The value of a number or of a one-element tensor."""
    return value.item() if isinstance(value, _t.Tensor) else value


def new_step():
    """A step counter as checkpoints hold it: a float32 scalar tensor."""
    return _t.tensor(0.0, dtype=_t.float32)


def start(state, param, *names):
    """Fill a fresh state: a step counter, and zeros like the parameter under each name."""
    state["step"] = new_step()
    for name in names:
        state[name] = _t.zeros_like(param)


def advance(state):
    """Count one step and give the new count: as a Python number, or inside a capture as a float64 tensor."""
    state["step"] += 1
    return running(state["step"])


# While `step` is captured, a rate meets tensors by operators: so a rate that a scheduler changes becomes an input of the
# graph instead of a constant to compile for.


def descend(param, direction, rate):
    """param -= rate * direction."""
    if is_compiling():
        param.sub_(direction * rate)
    else:
        param.add_(direction, alpha=-rate)


def descend_ratio(param, above, below, rate):
    """param -= rate * above / below."""
    if is_compiling():
        param.sub_(above / below * rate)
    else:
        param.addcdiv_(above, below, value=-rate)


def shrink(param, rate, weight_decay):
    """param *= 1 - rate * weight_decay."""
    if is_compiling():
        param.sub_(param * rate * weight_decay)
    else:
        param.mul_(1 - rate * weight_decay)


def decayed(group, param, grad, lr=None):
    """The gradient with the weight decay in it; a decoupled decay shrinks the parameter by `lr` instead."""
    weight_decay = group["weight_decay"]
    if weight_decay == 0:
        return grad
    if group.get("decoupled_weight_decay"):
        shrink(param, lr, weight_decay)
        return grad
    return grad.add(param, alpha=number(weight_decay))


def running(tensor):
    """The value of a scalar tensor of the state: as a Python number, or inside a capture as a float64 tensor."""
    return tensor.double() if is_compiling() else number(tensor)
