"""Activations: PyTorch's `inplace` and `dim` conventions around the ops."""

import warnings

from framejit import _ops as _t
from framejit._C import Tensor, dtype

_PAIR = """{doc}

input (Tensor), inplace (bool). Raises TypeError for other types.

>>> import framejit
>>> from framejit.nn import functional as F
>>> F.{name}(framejit.tensor([-1.0, 2.0]))
tensor([{result}])
"""


def _inplace_pair(name, doc, result):
    """A one-argument activation that has an in-place form."""

    def function(input: Tensor, inplace: bool = False):
        return getattr(_t, name + "_")(input) if inplace else getattr(_t, name)(input)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = _PAIR.format(doc=doc, name=name, result=result)
    return function


def relu(input: Tensor, inplace: bool = False):
    """max(input, 0), element by element.

    input (Tensor), inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.relu(framejit.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return _t.relu_(input) if inplace else _t.relu(input)


def relu6(input: Tensor, inplace: bool = False):
    """min(max(input, 0), 6).

    input (Tensor), inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.relu6(framejit.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


def hardtanh(input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False):
    """The input clamped to [min_val, max_val].

    input (Tensor), min_val, max_val (float), inplace (bool). Raises ValueError (min_val cannot be greater than
    max_val).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.hardtanh(framejit.tensor([-4.0, 0.5, 4.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    return _t.hardtanh_(input, min_val, max_val) if inplace else _t.hardtanh(input, min_val, max_val)


def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False):
    """input where positive, alpha * (exp(input) - 1) elsewhere.

    input (Tensor), alpha (float), inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.elu(framejit.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _t.elu_(input, alpha) if inplace else _t.elu(input, alpha)


def selu(input: Tensor, inplace: bool = False):
    """The self-normalising exponential unit.

    input (Tensor), inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.selu(framejit.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """
    return _t.selu_(input) if inplace else _t.selu(input)


def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).

    input (Tensor), alpha (float), inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.celu(framejit.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _t.celu_(input, alpha) if inplace else _t.celu(input, alpha)


def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False):
    """input where positive, negative_slope * input elsewhere.

    input (Tensor), negative_slope (float), inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.leaky_relu(framejit.tensor([-1.0, 2.0]))
    tensor([-0.0100,  2.0000])
    """
    return _t.leaky_relu_(input, negative_slope) if inplace else _t.leaky_relu(input, negative_slope)


def rrelu(input: Tensor, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False):
    """leaky_relu with a slope drawn from [lower, upper] for each element while training.

    input (Tensor), lower, upper (float), training, inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.rrelu(framejit.tensor([-24.0, 2.0]))
    tensor([-5.5000,  2.0000])
    """
    if lower > upper:
        raise RuntimeError("Lower bound should be less than or equal to the upper bound")
    if training:
        slope = _t.empty_like(input).uniform_(lower, upper)
    else:
        slope = (lower + upper) / 2
    result = _t.where(input >= 0, input, input * slope)
    return input.copy_(result) if inplace else result


def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False):
    """input where it exceeds the threshold, `value` elsewhere.

    input (Tensor), threshold, value (float), inplace (bool). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.threshold(framejit.tensor([0.1, 0.9]), 0.5, 20.0)
    tensor([20.0000,  0.9000])
    """
    return _t.threshold_(input, threshold, value) if inplace else _t.threshold(input, threshold, value)


silu = _inplace_pair("silu", "x * sigmoid(x), also known as swish.", "-0.2689,  1.7616")
mish = _inplace_pair("mish", "x * tanh(softplus(x)).", "-0.3034,  1.9440")
hardswish = _inplace_pair("hardswish", "x * relu6(x + 3) / 6.", "-0.3333,  1.6667")
hardsigmoid = _inplace_pair("hardsigmoid", "relu6(x + 3) / 6.", "0.3333, 0.8333")


def glu(input: Tensor, dim: int = -1):
    """a * sigmoid(b) for the two halves a, b of the input along `dim`.

    input (Tensor), dim (int). Raises RuntimeError (glu does not support scalars because halving size must be even).

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.glu(framejit.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    return _t.glu(input, dim)


def softsign(input: Tensor):
    """x / (1 + |x|).

    input (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.softsign(framejit.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """
    return input / (input.abs() + 1)


def tanhshrink(input: Tensor):
    """x - tanh(x).

    input (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.tanhshrink(framejit.tensor([-1.0, 0.0]))
    tensor([-0.2384,  0.0000])
    """
    return input - input.tanh()


def tanh(input: Tensor):
    """The hyperbolic tangent.

    input (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.tanh(framejit.tensor([-1.0, 0.0]))
    tensor([-0.7616,  0.0000])
    """
    return input.tanh()


def sigmoid(input: Tensor):
    """1 / (1 + exp(-x)).

    input (Tensor). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.sigmoid(framejit.tensor([-1.0, 0.0]))
    tensor([0.2689, 0.5000])
    """
    return input.sigmoid()


def _softmax_dim(name, ndim, stacklevel):
    """PyTorch's historical choice where no dim was given."""
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None):
    """exp(x) normalised to sum to one along `dim`.

    input (Tensor), dim (int or None), dtype (framejit.dtype or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.softmax(framejit.tensor([0.0, 0.0]), 0)
    tensor([0.5000, 0.5000])
    """
    if dim is None:
        dim = _softmax_dim("softmax", input.dim(), _stacklevel)
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def softmin(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None):
    """softmax of the negated input.

    input (Tensor), dim (int or None), dtype (framejit.dtype or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.softmin(framejit.tensor([0.0, 1.0]), 0)
    tensor([0.7311, 0.2689])
    """
    if dim is None:
        dim = _softmax_dim("softmin", input.dim(), _stacklevel)
    return (-input).softmax(dim) if dtype is None else (-input).softmax(dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int | None = None, _stacklevel: int = 3, dtype: dtype | None = None):
    """The logarithm of softmax, computed stably.

    input (Tensor), dim (int or None), dtype (framejit.dtype or None). Raises AttributeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.log_softmax(framejit.tensor([0.0, 0.0]), 0)
    tensor([-0.6931, -0.6931])
    """
    if dim is None:
        dim = _softmax_dim("log_softmax", input.dim(), _stacklevel)
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


def gumbel_softmax(logits: Tensor, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1):
    """A sample from the Gumbel-softmax distribution; with `hard` one-hot, differentiated as if soft.

    logits (Tensor), tau (float), hard (bool), eps (float), dim (int). Raises TypeError for other types.

    >>> import framejit
    >>> from framejit.nn import functional as F
    >>> F.gumbel_softmax(framejit.zeros(2, 3), hard=True).sum(1)
    tensor([1., 1.])
    """
    gumbels = -_t.empty_like(logits).exponential_().log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = _t.zeros_like(logits).scatter_(dim, index, 1.0)
    return one_hot - soft.detach() + soft
