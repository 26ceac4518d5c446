"""Activations: PyTorch's `inplace` and `dim` conventions around the ops."""

import warnings

from framejit import _ops as _t


def _inplace_pair(name, doc):
    """A one-argument activation that has an in-place form."""

    def function(input, inplace=False):
        return getattr(_t, name + "_")(input) if inplace else getattr(_t, name)(input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = doc
    return function


def relu(input, inplace=False):
    """max(input, 0), element by element."""
    return _t.relu_(input) if inplace else _t.relu(input)


def relu6(input, inplace=False):
    """min(max(input, 0), 6)."""
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """The input clamped to [min_val, max_val]."""
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _t.hardtanh_(input, min_val, max_val) if inplace else _t.hardtanh(input, min_val, max_val)


def elu(input, alpha=1.0, inplace=False):
    """input where positive, alpha * (exp(input) - 1) elsewhere."""
    return _t.elu_(input, alpha) if inplace else _t.elu(input, alpha)


def selu(input, inplace=False):
    """The self-normalising exponential unit."""
    return _t.selu_(input) if inplace else _t.selu(input)


def celu(input, alpha=1.0, inplace=False):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""
    return _t.celu_(input, alpha) if inplace else _t.celu(input, alpha)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """input where positive, negative_slope * input elsewhere."""
    return _t.leaky_relu_(input, negative_slope) if inplace else _t.leaky_relu(input, negative_slope)


def rrelu(input, lower=1.0 / 8, upper=1.0 / 3, training=False, inplace=False):
    """leaky_relu with a slope drawn from [lower, upper] for each element while training."""
    if training:
        slope = _t.empty_like(input).uniform_(lower, upper)
    else:
        slope = (lower + upper) / 2
    result = _t.where(input >= 0, input, input * slope)
    return input.copy_(result) if inplace else result


def threshold(input, threshold, value, inplace=False):
    """input where it exceeds the threshold, `value` elsewhere."""
    return _t.threshold_(input, threshold, value) if inplace else _t.threshold(input, threshold, value)


silu = _inplace_pair("silu", "x * sigmoid(x), also known as swish.")
mish = _inplace_pair("mish", "x * tanh(softplus(x)).")
hardswish = _inplace_pair("hardswish", "x * relu6(x + 3) / 6.")
hardsigmoid = _inplace_pair("hardsigmoid", "relu6(x + 3) / 6.")


def glu(input, dim=-1):
    """a * sigmoid(b) for the two halves a, b of the input along `dim`."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    return _t.glu(input, dim)


def softsign(input):
    """x / (1 + |x|)."""
    return input / (input.abs() + 1)


def tanhshrink(input):
    """x - tanh(x)."""
    return input - input.tanh()


def tanh(input):
    """The hyperbolic tangent."""
    return input.tanh()


def sigmoid(input):
    """1 / (1 + exp(-x))."""
    return input.sigmoid()


def _softmax_dim(name, ndim, stacklevel):
    """PyTorch's historical choice where no dim was given."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(x) normalised to sum to one along `dim`."""
    if dim is None:
        dim = _softmax_dim("softmax", input.dim(), _stacklevel)
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax of the negated input."""
    if dim is None:
        dim = _softmax_dim("softmin", input.dim(), _stacklevel)
    return (-input).softmax(dim) if dtype is None else (-input).softmax(dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """The logarithm of softmax, computed stably."""
    if dim is None:
        dim = _softmax_dim("log_softmax", input.dim(), _stacklevel)
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample from the Gumbel-softmax distribution; with `hard` one-hot, differentiated as if soft."""
    gumbels = -_t.empty_like(logits).exponential_().log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = _t.zeros_like(logits).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft
