"""Functions of numbers that are made of others, element by element or along a dimension; methods are put on Tensor by _tensor.py."""

import math
from collections import namedtuple

from framejit import _C
from framejit._common import into as _into

_Mode = namedtuple("mode", ("values", "indices"))


def ldexp(input, other, *, out=None):
    """input * 2**other.

    input, other (Tensor), out (Tensor to write the result to or None). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.ldexp(framejit.tensor([1.0, 3.0]), framejit.tensor([2, 3]))
    tensor([ 4., 24.])
    """
    if isinstance(input, (int, float, complex)):
        raise TypeError(f"ldexp(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    return _into(out, input * _C.pow(2.0, other))


def float_power(input, exponent, *, out=None):
    """Powers in double precision.

    input (Tensor), exponent (Tensor or number), out (Tensor to write the result to or None). Raises TypeError for
    other types.

    >>> import framejit
    >>> framejit.float_power(framejit.tensor([2, 3]), 2)
    tensor([4., 9.], dtype=framejit.float64)
    """
    is_complex = lambda x: x.is_complex() if isinstance(x, _C.Tensor) else isinstance(x, complex)
    wide = _C.complex128 if is_complex(input) or is_complex(exponent) else _C.float64
    double = lambda x: x.to(wide) if isinstance(x, _C.Tensor) else x if isinstance(x, complex) else float(x)
    return _into(out, _C.pow(double(input), double(exponent)))


def lcm(input, other, *, out=None):
    """The least common multiple, not negative.

    input, other (Tensor), out (Tensor to write the result to or None). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.lcm(framejit.tensor([4, 6]), framejit.tensor([6, 8]))
    tensor([12, 24])
    """
    common = _C.gcd(input, other)
    zero = common == 0
    return _into(
        out, (input.div(common.masked_fill(zero, 1), rounding_mode="trunc") * other).abs().masked_fill(zero, 0)
    )


def renorm(input, p, dim, maxnorm):
    """Slices along `dim` whose p-norm exceeds `maxnorm`, scaled down to it.

    input (Tensor), p (float), dim (int), maxnorm (float). Raises RuntimeError (non-positive-norm not supported;
    expected maxnorm to be >= 0; input needs at least 2 dimensions).

    >>> import framejit
    >>> framejit.renorm(framejit.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    if p <= 0:
        raise RuntimeError("renorm: non-positive-norm not supported")
    if maxnorm < 0:
        raise RuntimeError(f"renorm: expected maxnorm to be >= 0 but got {maxnorm}")
    if input.dim() < 2:
        raise RuntimeError(f"renorm: input needs at least 2 dimensions, got {input.dim()} dimensions")
    dim %= input.dim()
    norms = _C.norm(input, p, [d for d in range(input.dim()) if d != dim], True)
    return input * (maxnorm / (norms + 1e-7)).where(norms > maxnorm, _C.ones_like(norms))


def is_nonzero(self):
    """The truth of a tensor of one element: a bool. Raises RuntimeError for another number of elements.

    >>> import framejit
    >>> framejit.tensor([2]).is_nonzero()
    True
    """
    return bool(self)


def mode(input, dim=-1, keepdim=False):
    """The most frequent value along `dim` (the smallest of several) and the last index that holds it.

    input (Tensor), keepdim (bool). Raises IndexError (Expected reduction dim … to have non-zero size).

    >>> import framejit
    >>> framejit.mode(framejit.tensor([1, 2, 2])).values
    tensor(2)
    """
    if input.dim() == 0:
        return _Mode(input.clone(), _C.zeros((), dtype=_C.int64))
    ordered, order = input.sort(dim, stable=True)
    size = input.shape[dim]
    if size == 0:
        raise IndexError(f"mode(): Expected reduction dim {dim} to have non-zero size.")
    moved, place = ordered.movedim(dim, -1), order.movedim(dim, -1)
    new = _C.cat([_C.ones_like(moved[..., :1], dtype=_C.bool), moved[..., 1:] != moved[..., :-1]], -1)
    starts = _C.arange(size).expand(moved.shape).masked_fill(~new, 0).cummax(-1)[0]
    run = _C.arange(size) - starts + 1
    end = run.argmax(-1, True)  # the first of the longest runs
    index = place.gather(-1, end)
    values = moved.gather(-1, end)
    if keepdim:
        return _Mode(values.movedim(-1, dim), index.movedim(-1, dim))
    return _Mode(values.squeeze(-1), index.squeeze(-1))


def mvlgamma(input, p):
    """The multivariate log-gamma function of dimension p.

    input (Tensor), p (int). Raises RuntimeError (p has to be greater than or equal to 1).

    >>> import framejit
    >>> framejit.mvlgamma(framejit.tensor([3.0]), 2)
    tensor([1.5502])
    """
    if p < 1:
        raise RuntimeError("p has to be greater than or equal to 1")
    if not input.is_floating_point():
        input = input.to(_C.get_default_dtype())
    steps = _C.arange(p, dtype=input.dtype) * -0.5
    return (input.unsqueeze(-1) + steps).lgamma().sum(-1) + p * (p - 1) / 4.0 * math.log(math.pi)
