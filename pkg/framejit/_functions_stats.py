"""Statistics and integration that arrange ops: quantiles, histograms, covariance, distances, trapezoids."""

import math
from collections import namedtuple

from framejit import _C
from framejit._autocast_lists import listed
from framejit._common import into as _into
from framejit._common import scalar_name as _scalar_name
from framejit._common import wrapped_dim


def _quantile(input, q, dim, keepdim, interpolation, ignore_nan):
    name = "nanquantile" if ignore_nan else "quantile"
    if not input.is_floating_point():
        raise RuntimeError(f"{name}() input tensor must be either float or double dtype")
    if interpolation not in ("linear", "lower", "higher", "nearest", "midpoint"):
        raise RuntimeError(
            f"{name}() interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}"
        )
    given = isinstance(q, _C.Tensor)
    if not given:
        outside = any(x < 0 or x > 1 for x in (q if isinstance(q, (list, tuple)) else (q,)))
        q = _C.tensor(q, dtype=input.dtype)
    if q.dim() > 1:
        raise RuntimeError(f"{name}() q must be a scalar or 1D tensor")
    if q.dtype != input.dtype:
        raise RuntimeError(f"{name}() q tensor must be same dtype as the input tensor")
    if input.numel() == 0:
        raise RuntimeError(f"{name}() input tensor must be non-empty")
    range_error = f"{name}() q values must be in the range [0, 1]"
    if given:
        q = _C._checked(q, ~((q < 0) | (q > 1)), range_error)
    elif outside:
        raise RuntimeError(range_error)
    kept = [1] * input.dim() if dim is None else None
    values = input.reshape(-1) if dim is None or input.dim() == 0 else input.movedim(dim, -1)
    ordered = values.sort(-1)[0]
    size = ordered.shape[-1]
    places = q.reshape(-1)
    if ignore_nan:
        count = size - _C.isnan(ordered).sum(-1, True)
        rank = (places * (count - 1).to(input.dtype)).clamp(min=0)
    else:
        rank = (places * (size - 1)).expand(*ordered.shape[:-1], places.shape[0])
        broken = _C.isnan(ordered[..., -1:])
    result = _at_rank(ordered, rank, interpolation)
    if not ignore_nan:
        result = result.masked_fill(broken, math.nan)
    result = result.movedim(-1, 0)
    if keepdim and input.dim():
        result = (
            result.reshape(result.shape[0], *kept)
            if dim is None
            else result.unsqueeze(1).movedim(1, _after(dim, input))
        )
    return result if q.dim() else result.squeeze(0)


def _after(dim, input):
    """Where the reduced dimension is put back, behind the dimension of the quantiles."""
    return dim % input.dim() + 1


def _at_rank(ordered, rank, interpolation):
    """Sorted values at fractional ranks along the last dimension."""
    if interpolation == "lower":
        return ordered.gather(-1, rank.floor().to(_C.int64))
    if interpolation == "higher":
        return ordered.gather(-1, rank.ceil().to(_C.int64))
    if interpolation == "nearest":
        return ordered.gather(-1, rank.round().to(_C.int64))
    below = rank.floor()
    low, high = ordered.gather(-1, below.to(_C.int64)), ordered.gather(-1, rank.ceil().to(_C.int64))
    weight = (
        _C.full_like(rank, 0.5).where(rank != below, _C.zeros_like(rank))
        if interpolation == "midpoint"
        else rank - below
    )
    return _C.lerp(low, high, weight)


@listed("input")
def quantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """The q-quantiles along `dim`, or of all elements; NaN where the line holds one.

    input (Tensor), q (float or Tensor), dim (int or None), keepdim (bool), interpolation (str), out (Tensor to write
    the result to or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.quantile(framejit.tensor([1.0, 2.0, 4.0]), 0.5)
    tensor(2.)
    """
    return _into(out, _quantile(input, q, dim, keepdim, interpolation, False))


@listed("input")
def nanquantile(input, q, dim=None, keepdim=False, *, interpolation="linear", out=None):
    """The q-quantiles of what is no NaN.

    input (Tensor), q (float or Tensor), dim (int or None), keepdim (bool), interpolation (str), out (Tensor to write
    the result to or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.nanquantile(framejit.tensor([1.0, float("nan"), 3.0]), 0.5)
    tensor(2.)
    """
    return _into(out, _quantile(input, q, dim, keepdim, interpolation, True))


_Median = namedtuple("nanmedian", ("values", "indices"))


def nanmedian(input, dim=None, keepdim=False):
    """The median of what is no NaN (the lower one of two), of all elements or along `dim` with its index.

    input (Tensor), dim (int or None), keepdim (bool). Raises IndexError for a dimension that is not there.

    >>> import framejit
    >>> framejit.nanmedian(framejit.tensor([1.0, float("nan"), 3.0, 2.0])).item()
    2.0
    """
    if dim is None:
        flat = input.reshape(-1)
        if flat.numel():
            return nanmedian(flat, 0)[0]
        return flat.median()
    dim = wrapped_dim(dim, input.dim())
    if input.dim() == 0:
        return _Median(input.clone(), _C.zeros((), dtype=_C.int64))
    if not input.shape[dim]:
        raise IndexError(f"median(): Expected reduction dim {dim} to have non-zero size.")
    ordered, order = input.sort(dim, stable=True)
    count = input.shape[dim] - (_C.isnan(ordered).sum(dim, True) if input.is_floating_point() else 0)
    place = (count - 1) // 2 if isinstance(count, int) else ((count - 1).clamp(min=0) // 2)
    if isinstance(place, int):
        place = _C.full_like(order.narrow(dim, 0, 1), place)
    values, indices = ordered.gather(dim, place), order.gather(dim, place)
    return _Median(values, indices) if keepdim else _Median(values.squeeze(dim), indices.squeeze(dim))


def histc(input, bins=100, min=0, max=0, *, out=None):
    """How many elements fall into each of `bins` equal cells from min to max (of the data where both are equal).

    input (Tensor), bins (int), min (float), out (Tensor to write the result to or None). Raises RuntimeError (bins
    must be > 0; range of […, …] is not finite; max must be larger than min), NotImplementedError ("histogram_cpu" not
    implemented for '…').

    >>> import framejit
    >>> framejit.histc(framejit.tensor([0.1, 0.2, 0.9]), bins=2, min=0, max=1)
    tensor([2., 1.])
    """
    if bins <= 0:
        raise RuntimeError("bins must be > 0")
    if not input.is_floating_point():
        raise NotImplementedError(f"\"histogram_cpu\" not implemented for '{_scalar_name(input.dtype)}'")
    low, high = float(min), float(max)
    flat = input.detach().reshape(-1)
    if low == high and flat.numel():
        low, high = float(flat.min()), float(flat.max())
    if low == high:
        low, high = low - 1, high + 1
    if not (math.isfinite(low) and math.isfinite(high)):
        raise RuntimeError(f"range of [{low}, {high}] is not finite")
    if low > high:
        raise RuntimeError("max must be larger than min")
    inside = flat[(flat >= low) & (flat <= high)]
    cells = ((inside - low) * bins / (high - low)).floor().to(_C.int64).clamp(max=bins - 1)
    return _into(out, _C.bincount(cells, minlength=bins).to(input.dtype))


def bucketize(input, boundaries, *, out_int32=False, right=False, out=None):
    """The bucket of each element between sorted boundaries: searchsorted with the operands exchanged.

    input, boundaries (Tensor), out_int32, right (bool), out (Tensor to write the result to or None). Raises
    RuntimeError (boundaries tensor must be 1 dimension).

    >>> import framejit
    >>> framejit.bucketize(framejit.tensor([1.5, 4.0]), framejit.tensor([1.0, 2.0, 3.0]))
    tensor([1, 3])
    """
    if boundaries.dim() != 1:
        raise RuntimeError(f"boundaries tensor must be 1 dimension, but got dim({boundaries.dim()})")
    index = _C.searchsorted(boundaries, input, right=right)
    return _into(out, index.to(_C.int32) if out_int32 else index)


def _check_weights(name, weights, x, right_type):
    if weights is None:
        return
    if weights.dim() > 1:
        raise RuntimeError(
            f"cov(): expected {name} to have one or fewer dimensions but got {name} with {weights.dim()} dimensions"
        )
    if not right_type:
        kind = "integral" if name == "fweights" else "floating point"
        raise RuntimeError(f"cov(): expected {name} to have {kind} dtype but got {name} with {weights.dtype} dtype")
    if weights.numel() != x.shape[1]:
        raise RuntimeError(
            f"cov(): expected {name} to have the same numel as there are observations in the input but got "
            f"{weights.numel()} != {x.shape[1]}"
        )


def cov(input, *, correction=1, fweights=None, aweights=None):
    """The covariance matrix of variables in rows and observations in columns, with optional weights.

    input (Tensor), correction (int), fweights, aweights (Tensor or None). Raises RuntimeError (expected input to have
    two or fewer dimensions).

    >>> import framejit
    >>> framejit.cov(framejit.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if input.dim() > 2:
        raise RuntimeError(
            f"cov(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    x = input.view(1, -1) if input.dim() < 2 else input
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(_C.get_default_dtype())
    _check_weights(
        "fweights", fweights, x, not (fweights is None or fweights.is_floating_point() or fweights.is_complex())
    )
    _check_weights("aweights", aweights, x, aweights is None or aweights.is_floating_point())
    if aweights is not None:
        aweights = _C._checked(aweights, ~(aweights < 0), "cov(): aweights cannot be negative")
    if fweights is not None:
        fweights = _C._checked(fweights, ~(fweights < 0), "cov(): fweights cannot be negative")
    weights = fweights
    if aweights is not None:
        weights = aweights if weights is None else weights * aweights
    count = x.shape[1]
    if weights is None:
        total, mean = count, x.mean(1, True)
        norm = max(count - correction, 0)
    else:
        total = weights.sum()
        mean = (x * weights).sum(1, True) / total
        used = (weights * aweights).sum() / total * correction if aweights is not None else correction
        norm = (total - used).clamp(min=0)
    x = x - mean
    result = (x * weights if weights is not None else x) @ x.mH / norm
    return result.squeeze()


def corrcoef(input):
    """Pearson's correlation coefficients of variables in rows.

    input (Tensor). Raises RuntimeError (expected input to have two or fewer dimensions).

    >>> import framejit
    >>> framejit.corrcoef(framejit.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if input.dim() > 2:
        raise RuntimeError(
            f"corrcoef(): expected input to have two or fewer dimensions but got an input with {input.dim()} dimensions"
        )
    c = cov(input)
    if c.dim() == 0:
        return c / c
    deviation = c.diagonal().sqrt()
    c = c / deviation.unsqueeze(1) / deviation.unsqueeze(0)
    return _C.complex(c.real.clamp(-1, 1), c.imag.clamp(-1, 1)) if c.is_complex() else c.clamp(-1, 1)


def dist(input, other, p=2):
    """The p-norm of the difference.

    input, other (Tensor), p (float). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.dist(framejit.tensor([0.0, 0.0]), framejit.tensor([3.0, 4.0]))
    tensor(5.)
    """
    return _C.norm((input - other).reshape(-1), p)


@listed("x1", "x2")
def cdist(x1, x2, p=2.0, compute_mode="use_mm_for_euclid_dist_if_necessary"):
    """The p-norm distances between the rows of [*, P, M] and [*, R, M], as [*, P, R].

    x1, x2 (Tensor), p (float), compute_mode (str). Raises RuntimeError (cdist only supports at least 2D tensors, …
    got: …D; X1 and X2 must have the same number of columns. X1: … X2: …; cdist only supports non-negative p values),
    ValueError (… is not a valid value for compute_mode).

    >>> import framejit
    >>> framejit.cdist(framejit.tensor([[0.0, 0.0]]), framejit.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[5., 1.]])
    """
    if x1.dim() < 2 or x2.dim() < 2:
        which, x = ("X1", x1) if x1.dim() < 2 else ("X2", x2)
        raise RuntimeError(f"cdist only supports at least 2D tensors, {which} got: {x.dim()}D")
    if x1.shape[-1] != x2.shape[-1]:
        raise RuntimeError(f"X1 and X2 must have the same number of columns. X1: {x1.shape[-1]} X2: {x2.shape[-1]}")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    large = x1.shape[-2] > 25 or x2.shape[-2] > 25
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in modes:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    if p == 2 and (compute_mode == modes[1] or (compute_mode == modes[0] and large)):
        return _euclidean(x1, x2)
    return pairwise(x1.unsqueeze(-2) - x2.unsqueeze(-3), p)


def _euclidean(x1, x2):
    """By ‖x‖² - 2 x·y + ‖y‖²: one product of matrices; small negative squares count as zero."""
    square = x1.square().sum(-1, True) + x2.square().sum(-1).unsqueeze(-2) - 2 * (x1 @ x2.mT)
    return square.clamp(min=1e-30).sqrt()


def pairwise(difference, p):
    """The p-norm over the last dimension, with a gradient of zero where the difference is zero."""
    if p == 0:
        return difference.abs().ceil().clamp(max=1).sum(-1)  # 1 where they differ; gradients of zero
    if difference.shape[-1] == 0:
        return difference.sum(-1)
    if p == 1:
        return difference.abs().sum(-1)
    if p == math.inf:
        return difference.abs().amax(-1)
    return _C.norm(difference, p, [-1])


def pdist(input, p=2.0):
    """The distances between every two rows of a matrix: the upper triangle of `cdist(input, input)`.

    input (Tensor), p (float). Raises RuntimeError (pdist only supports 2D tensors, got: …D).

    >>> import framejit
    >>> framejit.pdist(framejit.tensor([[0.0, 0.0], [3.0, 4.0]]))
    tensor([5.])
    """
    if input.dim() != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.dim()}D")
    rows, cols = _C.triu_indices(input.shape[0], input.shape[0], 1)
    return pairwise(input[rows] - input[cols], p)


def _steps(y, x, dx, dim):
    """Widths of the cells along `dim`, to multiply heights with."""
    if x is None:
        return 1.0 if dx is None else dx
    if x.dim() == 1:
        if x.shape[0] != y.shape[dim]:
            raise RuntimeError(
                f"trapezoid: There must be one `x` value for each sample point; got {x.shape[0]} and {y.shape[dim]}"
            )
        shape = [1] * y.dim()
        shape[dim] = x.shape[0] - 1
        return (x[1:] - x[:-1]).reshape(shape)
    return x.narrow(dim, 1, x.shape[dim] - 1) - x.narrow(dim, 0, x.shape[dim] - 1)


def _cells(y, x, dx, dim):
    size = y.shape[dim]
    inner = max(size - 1, 0)
    both = y.narrow(dim, min(1, size), inner) + y.narrow(dim, 0, inner)
    return both * _steps(y, x, dx, dim) / 2.0


def trapezoid(y, x=None, *, dx=None, dim=-1):
    """The integral of samples by the trapezoidal rule.

    y (Tensor), x (Tensor or None), dx (float or None), dim (int). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.trapezoid(framejit.tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    if y.shape[dim] == 0:
        return y.sum(dim) if y.is_floating_point() else y.sum(dim).to(_C.get_default_dtype())
    return _cells(y, x, dx, dim).sum(dim)


trapz = trapezoid


def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """The running integral of samples by the trapezoidal rule.

    y (Tensor), x (Tensor or None), dx (float or None), dim (int). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.cumulative_trapezoid(framejit.tensor([1.0, 2.0, 3.0]))
    tensor([1.5000, 4.0000])
    """
    return _cells(y, x, dx, dim).cumsum(dim)


def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """Estimated derivatives along each of `dim`: central differences inside, one-sided ones at the edges.

    input (Tensor), spacing (number, or Tensor), dim (int or None), edge_order (int). Raises RuntimeError
    (torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'dim'; torch.gradient
    only supports edge_order=1 and edge_order=2).

    >>> import framejit
    >>> framejit.gradient(framejit.tensor([1.0, 4.0, 9.0]))
    (tensor([3., 4., 5.]),)
    """
    dims = list(range(input.dim())) if dim is None else [dim] if isinstance(dim, int) else list(dim)
    for part in spacing if isinstance(spacing, (list, tuple)) else [spacing]:
        if isinstance(part, _C.Tensor) and part.device != input.device:
            raise RuntimeError(
                "torch.gradient expected each tensor to be on the same device, but got devices "
                f"{input.device} and {part.device}."
            )
    for i, d in enumerate(dims):
        if d in dims[:i]:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    spacing = 1 if spacing is None else spacing
    spacings = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if len(spacings) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'dim', but got {len(spacings)}"
        )
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    return tuple(_gradient(input, d, s, edge_order) for d, s in zip(dims, spacings))


def _gradient(x, dim, spacing, edge_order):
    size = x.shape[dim]
    if size < edge_order + 1:
        raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    part = lambda a, b: x.narrow(dim, a, b - a)
    if not isinstance(spacing, _C.Tensor):
        return _even_gradient(part, size, dim, spacing, edge_order)
    shape = [1] * x.dim()
    shape[dim] = size - 1
    h = (spacing[1:] - spacing[:-1]).reshape(shape)
    width = lambda a, b: h.narrow(dim, a, b - a)
    left, right = width(0, size - 2), width(1, size - 1)
    # the weights of the second-order formula on an uneven grid
    middle = (
        part(2, size) * (left / (right * (left + right)))
        + part(1, size - 1) * ((right - left) / (left * right))
        - part(0, size - 2) * (right / (left * (left + right)))
    )
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / width(0, 1)
        last = (part(size - 1, size) - part(size - 2, size - 1)) / width(size - 2, size - 1)
    else:
        a, b = width(0, 1), width(1, 2)
        first = (
            part(0, 1) * (-(2 * a + b) / (a * (a + b)))
            + part(1, 2) * ((a + b) / (a * b))
            - part(2, 3) * (a / (b * (a + b)))
        )
        a, b = width(size - 3, size - 2), width(size - 2, size - 1)
        last = (
            part(size - 3, size - 2) * (b / (a * (a + b)))
            - part(size - 2, size - 1) * ((a + b) / (a * b))
            + part(size - 1, size) * ((2 * b + a) / (b * (a + b)))
        )
    return _C.cat([first, middle, last], dim)


def _even_gradient(part, size, dim, step, edge_order):
    """Along `dim`, whose lines from a to b are part(a, b), with one step throughout."""
    middle = (part(2, size) - part(0, size - 2)) / (2 * step)
    if edge_order == 1:
        first = (part(1, 2) - part(0, 1)) / step
        last = (part(size - 1, size) - part(size - 2, size - 1)) / step
    else:
        first = (4 * part(1, 2) - 3 * part(0, 1) - part(2, 3)) / (2 * step)
        last = (3 * part(size - 1, size) - 4 * part(size - 2, size - 1) + part(size - 3, size - 2)) / (2 * step)
    return _C.cat([first, middle, last], dim)
