"""init: fill a tensor in place with values that suit the start of training; nothing is recorded for gradients."""

import math
import warnings

from framejit import _ops as _t
from framejit.autograd.grad_mode import no_grad

_GAINS = {
    "linear": 1,
    "conv1d": 1,
    "conv2d": 1,
    "conv3d": 1,
    "conv_transpose1d": 1,
    "conv_transpose2d": 1,
    "conv_transpose3d": 1,
    "sigmoid": 1,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity, param=None):
    """How much a nonlinearity shrinks the standard deviation, inverted.

    nonlinearity (str), param (float or None). Raises ValueError (Unsupported nonlinearity …; negative_slope … not a
    valid number).

    >>> from framejit import nn
    >>> nn.init.calculate_gain("relu") ** 2
    2.0000000000000004
    """
    if nonlinearity == "leaky_relu":
        if param is None:
            slope = 0.01
        elif isinstance(param, (int, float)) and not isinstance(param, bool):
            slope = param
        else:
            raise ValueError(f"negative_slope {param} not a valid number")
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity in _GAINS:
        return _GAINS[nonlinearity]
    raise ValueError(f"Unsupported nonlinearity {nonlinearity}")


def uniform_(tensor, a=0.0, b=1.0, generator=None):
    """Values uniform in [a, b).

    tensor (Tensor), a, b (float), generator (framejit.Generator or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> bool(nn.init.uniform_(framejit.empty(100), 2.0, 3.0).min() >= 2)
    True
    """
    with no_grad():
        return tensor.uniform_(a, b, generator=generator) if generator is not None else tensor.uniform_(a, b)


def normal_(tensor, mean=0.0, std=1.0, generator=None):
    """Normally distributed values.

    tensor (Tensor), mean, std (float), generator (framejit.Generator or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.normal_(framejit.empty(2), mean=5.0, std=0.0)
    tensor([5., 5.])
    """
    with no_grad():
        return tensor.normal_(mean, std, generator=generator) if generator is not None else tensor.normal_(mean, std)


def constant_(tensor, val):
    """One value everywhere.

    tensor (Tensor), val (float). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.constant_(framejit.empty(2), 3.0)
    tensor([3., 3.])
    """
    with no_grad():
        return tensor.fill_(val)


def ones_(tensor):
    """Ones.

    tensor (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.ones_(framejit.empty(2))
    tensor([1., 1.])
    """
    return constant_(tensor, 1.0)


def zeros_(tensor):
    """Zeros.

    tensor (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.zeros_(framejit.ones(2))
    tensor([0., 0.])
    """
    with no_grad():
        return tensor.zero_()


def eye_(tensor):
    """The identity matrix.

    tensor (Tensor). Raises ValueError (Only tensors with 2 dimensions are supported).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.eye_(framejit.empty(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    with no_grad():
        tensor.copy_(_t.eye(*tensor.shape, dtype=tensor.dtype))
    return tensor


def dirac_(tensor, groups=1):
    """The convolution weight that passes channels through.

    tensor (Tensor), groups (int). Raises ValueError (Only tensors with 3, 4, or 5 dimensions are supported; dim 0 must
    be divisible by groups).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.dirac_(framejit.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if tensor.dim() not in (3, 4, 5):
        raise ValueError("Only tensors with 3, 4, or 5 dimensions are supported")
    sizes = tensor.size()
    if sizes[0] % groups != 0:
        raise ValueError("dim 0 must be divisible by groups")
    per_group = sizes[0] // groups
    centre = [size // 2 for size in sizes[2:]]
    with no_grad():
        tensor.zero_()
        for group in range(groups):
            for channel in range(min(per_group, sizes[1])):
                tensor[(group * per_group + channel, channel, *centre)] = 1
    return tensor


def trunc_normal_(tensor, mean=0.0, std=1.0, a=-2.0, b=2.0, generator=None):
    """Normally distributed values, redrawn until they lie in [a, b].

    tensor (Tensor), mean, std, a, b (float), generator (framejit.Generator or None). Raises AttributeError for other
    types.

    >>> import framejit
    >>> from framejit import nn
    >>> bool(nn.init.trunc_normal_(framejit.empty(100), a=-1.0, b=1.0).abs().max() <= 1)
    True
    """

    def cdf(x):
        return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0

    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "mean is more than 2 std from [a, b] in nn.init.trunc_normal_. The distribution of values may "
            "be incorrect.",
            stacklevel=2,
        )
    if tensor.is_meta:
        return tensor
    inside = cdf((b - mean) / std) - cdf((a - mean) / std)
    with no_grad():
        if inside > 0.3:
            return _redrawn_normal(tensor, mean, std, a, b, generator)
        return _accepted_uniform(tensor, mean, std, a, b, generator)


def _redrawn_normal(tensor, mean, std, a, b, generator):
    """Normal values, drawn anew where they lie outside: for bounds that leave much inside."""
    low, high = (tensor.new_tensor(bound).item() for bound in (a, b))  # as the dtype has them
    result = tensor.normal_(mean, std, generator=generator)
    while (outside := (result < low) | (result > high)).any():
        result = _t.where(outside, _t.empty_like(result).normal_(mean, std, generator=generator), result)
    return tensor if result is tensor else tensor.copy_(result)


def _accepted_uniform(tensor, mean, std, a, b, generator):
    """Uniform values, accepted with the probability that their density has relative to the highest: for tails."""
    highest = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
    pending, result = None, tensor
    while pending is None or pending.any():
        drawn = (tensor if pending is None else _t.empty_like(tensor)).uniform_(a, b, generator=generator)
        log_density = ((drawn - mean) / std).pow(2) * -0.5 - highest
        refused = _t.empty_like(tensor).uniform_(generator=generator).log() > log_density
        result = drawn if pending is None else _t.where(pending, drawn, result)
        pending = refused if pending is None else pending & refused
    return tensor if result is tensor else tensor.copy_(result)


def _calculate_fan_in_and_fan_out(tensor):
    """How many values feed one output, and how many outputs one value feeds."""
    if tensor.dim() < 2:
        raise ValueError("Fan in and fan out can not be computed for tensor with fewer than 2 dimensions")
    receptive = 1
    for size in tensor.shape[2:]:
        receptive *= size
    return tensor.size(1) * receptive, tensor.size(0) * receptive


def _calculate_correct_fan(tensor, mode):
    mode = mode.lower()
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return fan_in if mode == "fan_in" else fan_out


def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Glorot's uniform initialisation.

    tensor (Tensor), gain (float), generator (framejit.Generator or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> bool(nn.init.xavier_uniform_(framejit.empty(2, 4)).abs().max() <= 1)
    True
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Glorot's normal initialisation.

    tensor (Tensor), gain (float), generator (framejit.Generator or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.xavier_normal_(framejit.empty(3, 4)).shape
    framejit.Size([3, 4])
    """
    fan_in, fan_out = _calculate_fan_in_and_fan_out(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator)


def kaiming_uniform_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """He's uniform initialisation.

    tensor (Tensor), a (float), mode, nonlinearity (str), generator (framejit.Generator or None). Raises AttributeError
    for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> bool(nn.init.kaiming_uniform_(framejit.empty(3, 6)).abs().max() <= 1)
    True
    """
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op")
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(tensor, a=0, mode="fan_in", nonlinearity="leaky_relu", generator=None):
    """He's normal initialisation.

    tensor (Tensor), a (float), mode, nonlinearity (str), generator (framejit.Generator or None). Raises AttributeError
    for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.init.kaiming_normal_(framejit.empty(3, 4)).shape
    framejit.Size([3, 4])
    """
    if 0 in tensor.shape:
        warnings.warn("Initializing zero-element tensors is a no-op")
        return tensor
    return normal_(
        tensor, 0, calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode)), generator
    )


def orthogonal_(tensor, gain=1, generator=None):
    """A matrix with orthonormal rows or columns, by Gram-Schmidt on normal values.

    tensor (Tensor), gain (float), generator (framejit.Generator or None). Raises ValueError (Only tensors with 2 or
    more dimensions are supported).

    >>> import framejit
    >>> from framejit import nn
    >>> w = nn.init.orthogonal_(framejit.empty(3, 3))
    >>> framejit.allclose(w @ w.T, framejit.eye(3), atol=1e-5)
    True
    """
    if tensor.dim() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    if tensor.numel() == 0:
        return tensor
    rows, columns = tensor.size(0), tensor.numel() // tensor.size(0)
    wide = rows < columns
    count, length = (rows, columns) if wide else (columns, rows)
    with no_grad():
        vectors = normal_(_t.empty(count, length, dtype=_t.float64), generator=generator)
        for i in range(count):
            for _ in range(2):  # the second round removes what rounding left
                if i:
                    earlier = vectors[:i]
                    vectors[i] -= (earlier @ vectors[i]) @ earlier
            vectors[i] /= (vectors[i] * vectors[i]).sum().sqrt()
        matrix = vectors if wide else vectors.t()
        tensor.copy_(matrix.reshape(tensor.shape)).mul_(gain)
    return tensor


def sparse_(tensor, sparsity, std=0.01, generator=None):
    """Normal values with a fraction of zeros in each column.

    tensor (Tensor), sparsity, std (float), generator (framejit.Generator or None). Raises ValueError (Only tensors
    with 2 dimensions are supported).

    >>> import framejit
    >>> from framejit import nn
    >>> int((nn.init.sparse_(framejit.empty(10, 3), sparsity=0.2) == 0).sum())
    6
    """
    if tensor.dim() != 2:
        raise ValueError("Only tensors with 2 dimensions are supported")
    rows, columns = tensor.shape
    zeros = int(math.ceil(sparsity * rows))
    normal_(tensor, 0, std, generator)
    with no_grad():
        for column in range(columns):
            tensor[_t.randperm(rows)[:zeros], column] = 0
    return tensor


def _old_name(function):
    """The name that a function had before those that write in place ended in `_`."""
    name = function.__name__.removesuffix("_")

    def old(*args, **kwargs):
        warnings.warn(f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`.", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    old.__name__ = old.__qualname__ = name
    old.__doc__ = f"""`{name}_`, under its old name, with a FutureWarning. Raises what that raises.

    >>> from framejit import nn
    >>> nn.init.{name} is not nn.init.{name}_
    True
    """
    return old


uniform, normal, constant, eye, dirac = map(_old_name, (uniform_, normal_, constant_, eye_, dirac_))
xavier_uniform, xavier_normal = map(_old_name, (xavier_uniform_, xavier_normal_))
kaiming_uniform, kaiming_normal = map(_old_name, (kaiming_uniform_, kaiming_normal_))
orthogonal, sparse = map(_old_name, (orthogonal_, sparse_))
