"""Activation modules: settings, repr and one call of the function of the same name."""

from framejit import _ops as _t
from framejit.nn import functional as F
from framejit.nn.parameter import Parameter

from .module import Module


class _Plain(Module):
    """An activation without settings."""

    _function = None

    def forward(self, input):
        return self._function(input)


class Sigmoid(_Plain):
    """1 / (1 + exp(-x)).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Sigmoid()(framejit.tensor([-1.0, 0.0]))
    tensor([0.2689, 0.5000])
    """

    _function = staticmethod(F.sigmoid)


class Tanh(_Plain):
    """The hyperbolic tangent.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Tanh()(framejit.tensor([-1.0, 0.0]))
    tensor([-0.7616,  0.0000])
    """

    _function = staticmethod(F.tanh)


class LogSigmoid(_Plain):
    """log(sigmoid(x)), computed stably.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LogSigmoid()(framejit.tensor([-1.0, 2.0]))
    tensor([-1.3133, -0.1269])
    """

    def forward(self, input):
        return F.logsigmoid(input)


class Softsign(_Plain):
    """x / (1 + |x|).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Softsign()(framejit.tensor([-1.0, 3.0]))
    tensor([-0.5000,  0.7500])
    """

    _function = staticmethod(F.softsign)


class Tanhshrink(_Plain):
    """x - tanh(x).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Tanhshrink()(framejit.tensor([-1.0, 0.0]))
    tensor([-0.2384,  0.0000])
    """

    _function = staticmethod(F.tanhshrink)


class _InPlace(Module):
    """An activation whose only setting is `inplace`."""

    __constants__ = ["inplace"]
    _function = None

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def forward(self, input):
        return self._function(input, self.inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class ReLU(_InPlace):
    """max(x, 0).

    inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.ReLU()(framejit.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input):
        return F.relu(input, self.inplace)


class SELU(_InPlace):
    """The self-normalising exponential unit.

    inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.SELU()(framejit.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    _function = staticmethod(F.selu)


class SiLU(_InPlace):
    """x * sigmoid(x).

    inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.SiLU()(framejit.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    _function = staticmethod(F.silu)


class Mish(_InPlace):
    """x * tanh(softplus(x)).

    inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Mish()(framejit.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    _function = staticmethod(F.mish)


class Hardsigmoid(_InPlace):
    """relu6(x + 3) / 6.

    inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Hardsigmoid()(framejit.tensor([-4.0, 0.0, 1.0]))
    tensor([0.0000, 0.5000, 0.6667])
    """

    _function = staticmethod(F.hardsigmoid)

    def extra_repr(self):
        return ""


class Hardswish(_InPlace):
    """x * relu6(x + 3) / 6.

    inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Hardswish()(framejit.tensor([-4.0, 1.0, 4.0]))
    tensor([-0.0000, 0.6667, 4.0000])
    """

    _function = staticmethod(F.hardswish)

    def extra_repr(self):
        return ""


class Hardtanh(Module):
    """x clamped to [min_val, max_val].

    min_val, max_val (float), inplace (bool), min_value, max_value (float or None). Raises AssertionError (max_val must
    be larger than min_val).

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Hardtanh()(framejit.tensor([-4.0, 0.5, 4.0]))
    tensor([-1.0000,  0.5000,  1.0000])
    """

    __constants__ = ["min_val", "max_val", "inplace"]

    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None):
        super().__init__()
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        self.inplace = inplace
        if self.max_val <= self.min_val:
            raise AssertionError("max_val must be larger than min_val")

    def forward(self, input):
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        return f"min_val={self.min_val}, max_val={self.max_val}" + (", inplace=True" if self.inplace else "")


class ReLU6(Hardtanh):
    """min(max(x, 0), 6).

    inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.ReLU6()(framejit.tensor([-1.0, 2.0, 9.0]))
    tensor([0., 2., 6.])
    """

    def __init__(self, inplace=False):
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class Threshold(Module):
    """x above the threshold, a fixed value below.

    threshold, value (float), inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Threshold(0.5, 20.0)(framejit.tensor([0.1, 0.9]))
    tensor([20.0000,  0.9000])
    """

    __constants__ = ["threshold", "value", "inplace"]

    def __init__(self, threshold, value, inplace=False):
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input):
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self):
        return f"threshold={self.threshold}, value={self.value}" + (", inplace=True" if self.inplace else "")


class _AlphaUnit(Module):
    __constants__ = ["alpha", "inplace"]
    _function = None

    def __init__(self, alpha=1.0, inplace=False):
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input):
        return self._function(input, self.alpha, self.inplace)

    def extra_repr(self):
        return f"alpha={self.alpha}" + (", inplace=True" if self.inplace else "")


class ELU(_AlphaUnit):
    """x where positive, alpha * (exp(x) - 1) elsewhere.

    alpha (float), inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.ELU()(framejit.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    _function = staticmethod(F.elu)


class CELU(_AlphaUnit):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1)).

    alpha (float), inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.CELU()(framejit.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    _function = staticmethod(F.celu)


class LeakyReLU(Module):
    """x where positive, a fraction of it elsewhere.

    negative_slope (float), inplace (bool). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LeakyReLU()(framejit.tensor([-1.0, 2.0]))
    tensor([-0.0100,  2.0000])
    """

    __constants__ = ["inplace", "negative_slope"]

    def __init__(self, negative_slope=0.01, inplace=False):
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input):
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        return f"negative_slope={self.negative_slope}" + (", inplace=True" if self.inplace else "")


class RReLU(Module):
    """LeakyReLU with random slopes while training.

    lower, upper (float), inplace (bool). Raises nothing of its own.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.RReLU().eval()(framejit.tensor([-24.0, 2.0]))
    tensor([-5.5000,  2.0000])
    """

    __constants__ = ["lower", "upper", "inplace"]

    def __init__(self, lower=1.0 / 8, upper=1.0 / 3, inplace=False):
        super().__init__()
        self.lower = lower
        self.upper = upper
        self.inplace = inplace

    def forward(self, input):
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self):
        return f"lower={self.lower}, upper={self.upper}" + (", inplace=True" if self.inplace else "")


class PReLU(Module):
    """LeakyReLU with a learned slope.

    num_parameters (int), init (float), device (framejit.device or str or None), dtype (framejit.dtype or None). Calls
    raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.PReLU()(framejit.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    __constants__ = ["num_parameters"]

    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(_t.empty(num_parameters, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self):
        from framejit.nn import init

        init.constant_(self.weight, self.init)

    def forward(self, input):
        return F.prelu(input, self.weight)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}"


class GELU(Module):
    """x times the normal distribution function of x.

    approximate (str). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.GELU()(framejit.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    __constants__ = ["approximate"]

    def __init__(self, approximate="none"):
        super().__init__()
        self.approximate = approximate

    def forward(self, input):
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self):
        return f"approximate={self.approximate!r}"


class GLU(Module):
    """a * sigmoid(b) for the halves a, b of the input.

    dim (int). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.GLU()(framejit.tensor([1.0, 2.0, 0.0, 0.0]))
    tensor([0.5000, 1.0000])
    """

    __constants__ = ["dim"]

    def __init__(self, dim=-1):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return F.glu(input, self.dim)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softplus(Module):
    """log(1 + exp(beta x)) / beta.

    beta, threshold (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Softplus()(framejit.tensor([-1.0, 30.0]))
    tensor([ 0.3133, 30.0000])
    """

    __constants__ = ["beta", "threshold"]

    def __init__(self, beta=1.0, threshold=20.0):
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input):
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return f"beta={self.beta}, threshold={self.threshold}"


class _Shrink(Module):
    __constants__ = ["lambd"]

    def __init__(self, lambd=0.5):
        super().__init__()
        self.lambd = lambd

    def extra_repr(self):
        return f"{self.lambd}"


class Hardshrink(_Shrink):
    """x outside ±lambd, 0 inside.

    lambd (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Hardshrink()(framejit.tensor([-1.0, 0.3, 2.0]))
    tensor([-1.,  0.,  2.])
    """

    def forward(self, input):
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """x moved by lambd towards 0.

    lambd (float). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Softshrink()(framejit.tensor([-1.0, 0.3, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """

    def forward(self, input):
        return F.softshrink(input, self.lambd)


class _SoftmaxBase(Module):
    __constants__ = ["dim"]
    _function = None

    def __init__(self, dim=None):
        super().__init__()
        self.dim = dim

    def __setstate__(self, state):
        super().__setstate__(state)
        self.__dict__.setdefault("dim", None)

    def forward(self, input):
        return self._function(input, self.dim, _stacklevel=5)

    def extra_repr(self):
        return f"dim={self.dim}"


class Softmax(_SoftmaxBase):
    """exp(x) normalised to sum to one along `dim`.

    dim (int or None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Softmax(0)(framejit.tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """

    _function = staticmethod(F.softmax)


class Softmin(_SoftmaxBase):
    """Softmax of -x.

    dim (int or None). Calls raise TypeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Softmin(0)(framejit.tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])
    """

    _function = staticmethod(F.softmin)


class LogSoftmax(_SoftmaxBase):
    """The logarithm of Softmax.

    dim (int or None). Calls raise AttributeError for other types.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.LogSoftmax(0)(framejit.tensor([0.0, 0.0]))
    tensor([-0.6931, -0.6931])
    """

    _function = staticmethod(F.log_softmax)


class Softmax2d(Module):
    """Softmax over the channels of an image.

    >>> import framejit
    >>> from framejit import nn
    >>> nn.Softmax2d()(framejit.zeros(1, 4, 1, 1)).flatten()
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input):
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.dim()}D instead")
        return F.softmax(input, -3, _stacklevel=5)
