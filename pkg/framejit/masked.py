"""Reductions and normalisations over those elements that a mask has True for: `torch.masked`'s functions, for dense tensors.

Each takes `mask`, a bool tensor that broadcasts to the input (None: all elements), and `dtype` for the result. Elements
that are masked out stand for the reduction's identity: 0 for sums, -inf for maxima.
"""

import math as _math

from framejit import _ops as _t
from framejit._common import wrapped_dim as _wrapped_dim
from framejit.linalg import vector_norm as _vector_norm
from framejit.nn.functional import softmin as _softmin

__all__ = [
    "amax", "amin", "argmax", "argmin", "cumprod", "cumsum", "log_softmax", "logaddexp", "logsumexp", "mean", "median", "norm",
    "normalize", "prod", "softmax", "softmin", "std", "sum", "var",
]  # fmt: skip

_SMALL = (_t.uint8, _t.bool, _t.int8, _t.int16, _t.int32)


def _lowest(dtype, sign):
    """The identity of maxima (sign -1) and minima (sign 1)."""
    if dtype.is_floating_point:
        return sign * _math.inf
    if dtype == _t.bool or dtype.is_complex:
        raise NotImplementedError(f"identity of {'amax' if sign < 0 else 'amin'} on {dtype} input")
    return _t.iinfo(dtype).min if sign < 0 else _t.iinfo(dtype).max


def _dims(dim, ndim):
    """Dimensions as a tuple of different ones in range; None and () are all."""
    if dim is None or dim == ():
        return tuple(range(max(ndim, 1)))
    out = []
    for d in (dim,) if isinstance(dim, int) else dim:
        if d % max(ndim, 1) in out:
            raise RuntimeError(f"dim={d % max(ndim, 1)} appears multiple times in the list of dims")
        out.append(_wrapped_dim(d, ndim))
    return tuple(sorted(out))


def _mask_of(input, mask):
    if mask.dim() > input.dim():
        raise IndexError("_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)")
    return _t.broadcast_to(mask, input.shape).to(_t.bool)


def _filled(input, mask, identity):
    """The input with `identity` where the mask is False."""
    if mask is None:
        return input
    return _t.where(_mask_of(input, mask), input, _t.tensor(identity, dtype=input.dtype))


def sum(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The sums of unmasked elements.

    input (Tensor), dim (int, tuple of int, or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or
    None). Raises IndexError (Dimension out of range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.sum(framejit.tensor([1.0, 2.0]), mask=framejit.tensor([True, False]))
    tensor(1.)
    """
    dtype = (_t.int64 if input.dtype in _SMALL else input.dtype) if dtype is None else dtype
    return _t.sum(_filled(input, mask, 0), _dims(dim, input.dim()), bool(keepdim), dtype=dtype)


def prod(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The products of unmasked elements.

    input (Tensor), dim (int, tuple of int, or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or
    None). Raises IndexError (Dimension out of range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.prod(framejit.tensor([3.0, 2.0]), mask=framejit.tensor([True, False]))
    tensor(3.)
    """
    dtype = (_t.int64 if input.dtype in _SMALL else input.dtype) if dtype is None else dtype
    result = _filled(input, mask, 1).to(dtype)
    for d in reversed(_dims(dim, input.dim())):
        result = result.prod(d, bool(keepdim))
    return result


def cumsum(input, dim, *, dtype=None, mask=None):
    """Running sums of unmasked elements.

    input (Tensor), dim (int), dtype (framejit.dtype or None), mask (Tensor or None). Raises IndexError (Dimension out of
    range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.cumsum(framejit.tensor([1.0, 2.0, 3.0]), 0, mask=framejit.tensor([True, False, True]))
    tensor([1., 1., 4.])
    """
    dtype = input.dtype if dtype is None else dtype
    return _t.cumsum(_filled(input, mask, 0), _dims(dim, input.dim())[0], dtype=dtype).to(dtype)


def cumprod(input, dim, *, dtype=None, mask=None):
    """Running products of unmasked elements.

    input (Tensor), dim (int), dtype (framejit.dtype or None), mask (Tensor or None). Raises IndexError (Dimension out of
    range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.cumprod(framejit.tensor([2.0, 5.0, 3.0]), 0, mask=framejit.tensor([True, False, True]))
    tensor([2., 2., 6.])
    """
    dtype = input.dtype if dtype is None else dtype
    return _t.cumprod(_filled(input, mask, 1), _dims(dim, input.dim())[0], dtype=dtype).to(dtype)


def amax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The largest of unmasked elements.

    input (Tensor), dim (int, tuple of int, or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or
    None). Raises IndexError (Dimension out of range), NotImplementedError (identity of amax on … input).

    >>> import framejit
    >>> framejit.masked.amax(framejit.tensor([1.0, 2.0]), mask=framejit.tensor([True, False]))
    tensor(1.)
    """
    filled = input if mask is None else _filled(input, mask, _lowest(input.dtype, -1))
    return _t.amax(filled, _dims(dim, input.dim()), bool(keepdim)).to(input.dtype if dtype is None else dtype)


def amin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The smallest of unmasked elements.

    input (Tensor), dim (int, tuple of int, or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or
    None). Raises IndexError (Dimension out of range), NotImplementedError (identity of amin on … input).

    >>> import framejit
    >>> framejit.masked.amin(framejit.tensor([1.0, 2.0]), mask=framejit.tensor([False, True]))
    tensor(2.)
    """
    filled = input if mask is None else _filled(input, mask, _lowest(input.dtype, 1))
    return _t.amin(filled, _dims(dim, input.dim()), bool(keepdim)).to(input.dtype if dtype is None else dtype)


def argmax(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the largest unmasked element is; in the input's dtype, as in PyTorch.

    input (Tensor), dim (int or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or None). Raises
    IndexError (Dimension out of range), NotImplementedError (identity of amax on … input).

    >>> import framejit
    >>> framejit.masked.argmax(framejit.tensor([1, 2]), mask=framejit.tensor([True, False]))
    tensor(0)
    """
    filled = input if mask is None else _filled(input, mask, _lowest(input.dtype, -1))
    return _t.argmax(filled, dim, bool(keepdim)).to(input.dtype if dtype is None else dtype)


def argmin(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Where the smallest unmasked element is; in the input's dtype, as in PyTorch.

    input (Tensor), dim (int or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or None). Raises
    IndexError (Dimension out of range), NotImplementedError (identity of amin on … input).

    >>> import framejit
    >>> framejit.masked.argmin(framejit.tensor([1, 2]), mask=framejit.tensor([False, True]))
    tensor(1)
    """
    filled = input if mask is None else _filled(input, mask, _lowest(input.dtype, 1))
    return _t.argmin(filled, dim, bool(keepdim)).to(input.dtype if dtype is None else dtype)


def _count(input, dim, keepdim, mask):
    counted = _t.ones(input.shape, dtype=_t.int64) if mask is None else _mask_of(input, mask)
    return _t.sum(counted, _dims(dim, input.dim()), bool(keepdim))


def mean(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """The means of unmasked elements, NaN where all are masked.

    input (Tensor), dim (int, tuple of int, or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or
    None). Raises ValueError (mean(): Could not infer output dtype).

    >>> import framejit
    >>> framejit.masked.mean(framejit.tensor([1.0, 2.0, 6.0]), mask=framejit.tensor([True, False, True]))
    tensor(3.5000)
    """
    source = "Input" if dtype is None else "Optional"
    dtype = input.dtype if dtype is None else dtype
    if not (dtype.is_floating_point or dtype.is_complex):
        raise ValueError(
            f"mean(): Could not infer output dtype. {source} dtype must be either a floating point or complex dtype. Got: "
            f"{dtype}"
        )
    return sum(input, dim, keepdim=keepdim, dtype=dtype, mask=mask) / _count(input, dim, keepdim, mask)


def median(input, dim=-1, *, keepdim=False, dtype=None, mask=None):
    """The medians of unmasked elements, NaN where all are masked.

    input (Tensor), dim (int), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or None). Raises ValueError
    (masked median expects no fully masked out rows if dtype is not floating point).

    >>> import framejit
    >>> framejit.masked.median(framejit.tensor([1.0, 2.0, 6.0]), mask=framejit.tensor([True, False, True]))
    tensor(1.)
    """
    dtype = input.dtype if dtype is None else dtype
    floating = input.dtype.is_floating_point
    x = input if floating else input.to(_t.float32)
    result = _filled(x, mask, _math.nan).nanmedian(_dims(dim, input.dim())[0], keepdim).values
    if floating:
        return result
    if result.isnan().any():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return result.to(dtype)


def logsumexp(input, dim=None, *, keepdim=False, dtype=None, mask=None):
    """log(sum(exp(x))) of unmasked elements.

    input (Tensor), dim (int, tuple of int, or None), keepdim (bool), dtype (framejit.dtype or None), mask (Tensor or
    None). Raises IndexError (Dimension out of range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.logsumexp(framejit.tensor([1.0, 2.0]), mask=framejit.tensor([True, False]))
    tensor(1.)
    """
    lowest = 0 if mask is None else -_math.inf if input.dtype.is_complex else _lowest(input.dtype, -1)
    filled = _filled(input, mask, lowest)
    return _t.logsumexp(filled, _dims(dim, input.dim()), keepdim).to(input.dtype if dtype is None else dtype)


def logaddexp(input, other, *, dtype=None, input_mask=None, other_mask=None):
    """log(exp(input) + exp(other)), masked elements as -inf.

    input, other (Tensor), dtype (framejit.dtype or None), input_mask, other_mask (Tensor or None). Raises IndexError
    (expected broadcastable mask).

    >>> import framejit
    >>> x = framejit.tensor([1.0, 2.0])
    >>> framejit.masked.logaddexp(x, x - 1, other_mask=framejit.tensor([False, False]))
    tensor([1., 2.])
    """
    a = input if input_mask is None else _filled(input, input_mask, _lowest(input.dtype, -1))
    b = other if other_mask is None else _filled(other, other_mask, _lowest(other.dtype, -1))
    return _t.logaddexp(a, b).to(input.dtype if dtype is None else dtype)


def norm(input, ord=2.0, dim=None, *, keepdim=False, dtype=None, mask=None):
    """Vector norms of unmasked elements.

    input (Tensor), ord (float), dim (int, tuple of int, or None), keepdim (bool), dtype (framejit.dtype or None), mask
    (Tensor or None). Raises RuntimeError (linalg.vector_norm: Expected a floating point or complex tensor).

    >>> import framejit
    >>> framejit.masked.norm(framejit.tensor([3.0, 4.0]), mask=framejit.tensor([True, False]))
    tensor(3.)
    """
    filled = _filled(input, mask, _math.inf if ord == -_math.inf else 0)
    dtype = input.dtype if dtype is None else dtype
    return _vector_norm(filled, ord, _dims(dim, input.dim()), bool(keepdim), dtype=dtype)


def var(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The variances of unmasked elements.

    input (Tensor), dim (int, tuple of int, or None), unbiased (bool or None), correction (float or None), keepdim (bool),
    dtype (framejit.dtype or None), mask (Tensor or None). Raises AssertionError where both unbiased and correction are
    given.

    >>> import framejit
    >>> framejit.masked.var(framejit.tensor([1.0, 9.0, 3.0]), mask=framejit.tensor([True, False, True]))
    tensor(2.)
    """
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    by = 1.0 if unbiased is None else float(unbiased)
    by = by if correction is None else float(correction)
    if dtype is None:
        dtype = input.dtype if input.dtype.is_floating_point or input.dtype.is_complex else _t.float32
    compute = dtype if dtype.is_floating_point or dtype.is_complex else _t.float32
    count = _count(input, dim, True, mask)
    x = input - sum(input, dim, keepdim=True, dtype=dtype, mask=mask) / count
    squares = x * x.conj() if x.is_complex() else x * x
    total = sum(squares.to(compute), dim, keepdim=keepdim, dtype=compute, mask=mask)
    if not keepdim:
        count = count.reshape(total.shape)
    if by != 0:
        count = _t.maximum(count.to(_t.float32 if compute.is_complex else compute) - by, count.new_zeros(()))
    return (total / count).to(dtype)


def std(input, dim=None, unbiased=None, *, correction=None, keepdim=False, dtype=None, mask=None):
    """The standard deviations of unmasked elements.

    input (Tensor), dim (int, tuple of int, or None), unbiased (bool or None), correction (float or None), keepdim (bool),
    dtype (framejit.dtype or None), mask (Tensor or None). Raises AssertionError where both unbiased and correction are
    given.

    >>> import framejit
    >>> framejit.masked.std(framejit.tensor([1.0, 9.0, 5.0]), correction=0, mask=framejit.tensor([True, False, True]))
    tensor(2.)
    """
    result = var(input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask)
    exact = result if result.is_floating_point() or result.is_complex() else result.to(_t.float32)
    return exact.sqrt().to(result.dtype)


def _normalised(function, input, dim, dtype, mask, identity):
    dtype = input.dtype if dtype is None else dtype
    filled = input if mask is None else _filled(input, mask, identity(input.dtype))
    return function(filled, _dims(dim, input.dim())[0], dtype=dtype)


def softmax(input, dim, *, dtype=None, mask=None):
    """softmax over unmasked elements, 0 for the others.

    input (Tensor), dim (int), dtype (framejit.dtype or None), mask (Tensor or None). Raises IndexError (Dimension out of
    range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.softmax(framejit.tensor([1.0, 1.0, 5.0]), 0, mask=framejit.tensor([True, True, False]))
    tensor([0.5000, 0.5000, 0.0000])
    """
    return _normalised(_t.softmax, input, dim, dtype, mask, lambda t: _lowest(t, -1))


def log_softmax(input, dim, *, dtype=None, mask=None):
    """log_softmax over unmasked elements.

    input (Tensor), dim (int), dtype (framejit.dtype or None), mask (Tensor or None). Raises IndexError (Dimension out of
    range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.log_softmax(framejit.tensor([1.0, 5.0]), 0, mask=framejit.tensor([True, False]))
    tensor([0., -inf])
    """
    return _normalised(_t.log_softmax, input, dim, dtype, mask, lambda t: _lowest(t, -1))


def softmin(input, dim, *, dtype=None, mask=None):
    """softmin over unmasked elements, 0 for the others.

    input (Tensor), dim (int), dtype (framejit.dtype or None), mask (Tensor or None). Raises IndexError (Dimension out of
    range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.softmin(framejit.tensor([1.0, 1.0, 5.0]), 0, mask=framejit.tensor([True, True, False]))
    tensor([0.5000, 0.5000, 0.0000])
    """
    return _normalised(_softmin, input, dim, dtype, mask, lambda t: _lowest(t, 1))


def normalize(input, ord, dim, *, eps=1e-12, dtype=None, mask=None):
    """Unmasked elements divided by their norm along `dim`, at least `eps`; 0 for the others.

    input (Tensor), ord (float), dim (int), eps (float), dtype (framejit.dtype or None), mask (Tensor or None). Raises
    IndexError (Dimension out of range; expected broadcastable mask).

    >>> import framejit
    >>> framejit.masked.normalize(framejit.tensor([3.0, 4.0]), 2.0, 0)
    tensor([0.6000, 0.8000])
    """
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask)
    return _t.divide(_filled(input, mask, 0), _t.maximum(size, size.new_full([], eps)))
