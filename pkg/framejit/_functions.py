"""Public functions that are Python around ops: shapes, types, comparisons that give one bool.

What computes per element belongs to the op table; a function may be here if it only arranges ops or asks about
metadata.
"""

import math

from framejit import _C
from framejit import _functions_forms as _forms

inf, nan, pi, e = math.inf, math.nan, math.pi, math.e


# ---- comparisons ------------------------------------------------------------------------------------------


def isclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """|input - other| <= atol + rtol * |other|, element by element: a bool tensor.

    input, other (Tensor): of one dtype, of sizes that broadcast. rtol, atol (float): how far they may be apart.
    equal_nan (bool): NaN equals NaN. Raises RuntimeError for different dtypes and for sizes that do not broadcast.

    >>> import framejit
    >>> framejit.isclose(framejit.tensor([1.0, 2.0]), framejit.tensor([1.0, 2.1]))
    tensor([ True, False])
    """
    for name, value in (("input", input), ("other", other)):
        if not isinstance(value, _C.Tensor):
            raise TypeError(f"isclose(): argument '{name}' must be Tensor, not {type(value).__name__}")
    if input.dtype != other.dtype:
        raise RuntimeError(f"{_plain_name(input.dtype)} did not match {_plain_name(other.dtype)}")
    if rtol < 0 or atol < 0:
        name, value = ("rtol", rtol) if rtol < 0 else ("atol", atol)
        raise RuntimeError(f"{name} must be greater than or equal to zero, but got {value}")
    close = input == other
    if input.dtype.is_floating_point or input.dtype.is_complex:
        if equal_nan:
            close = close | (_C.isnan(input) & _C.isnan(other))
        if rtol == 0 and atol == 0:
            return close
    elif rtol == 0 and atol == 0 or input.dtype == _C.bool:
        return close
    else:
        input, other = input.to(_C.float64), other.to(_C.float64)
    difference = (input - other).abs()
    return close | (_C.isfinite(difference) & (difference <= atol + rtol * other.abs()))


def _plain_name(dtype):
    return str(dtype).rpartition(".")[2]


def allclose(input, other, rtol=1e-05, atol=1e-08, equal_nan=False):
    """Whether `isclose` holds everywhere: a bool.

    input, other (Tensor), rtol, atol (float), equal_nan (bool): as for `isclose`. Raises what it raises.

    >>> import framejit
    >>> framejit.allclose(framejit.ones(2), framejit.ones(2) + 1e-6)
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


def equal(input, other):
    """Whether two tensors have the same shape and elements: a bool.

    input, other (Tensor): of one dtype. Raises RuntimeError for different dtypes.

    >>> import framejit
    >>> framejit.equal(framejit.ones(2), framejit.ones(2)), framejit.equal(framejit.ones(2), framejit.ones(3))
    (True, False)
    """
    if input.dtype != other.dtype:
        raise RuntimeError(
            f"Expected object of data type {input.dtype} but got data type {other.dtype} for argument "
            "'other' in call to equal"
        )
    return input.shape == other.shape and bool((input == other).all())


def isin(elements, test_elements, *, assume_unique=False, invert=False):
    """Whether each element is among `test_elements`.

    elements, test_elements (Tensor or number), assume_unique, invert (bool). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.isin(framejit.tensor([1, 2, 3]), framejit.tensor([2, 3]))
    tensor([False,  True,  True])
    """
    if not isinstance(elements, _C.Tensor):
        elements = _C.tensor(elements)
    if not isinstance(test_elements, _C.Tensor):
        test_elements = _C.tensor(test_elements)
    found = (elements.unsqueeze(-1) == test_elements.reshape(-1)).any(-1)
    return ~found if invert else found


# ---- shapes -----------------------------------------------------------------------------------------------


def broadcast_tensors(*tensors):
    """The tensors expanded to their common shape.

    >>> import framejit
    >>> [part.shape for part in framejit.broadcast_tensors(framejit.ones(3, 1), framejit.ones(2))]
    [framejit.Size([3, 2]), framejit.Size([3, 2])]
    """
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = _C.broadcast_shapes(*(t.shape for t in tensors))
    return tuple(t if t.shape == shape else t.expand(shape) for t in tensors)


def meshgrid(*tensors, indexing=None):
    """Grids of coordinates.

    indexing (str or None). Raises RuntimeError (indexing must be one of "xy" or "ij", but received: …).

    >>> import framejit
    >>> framejit.meshgrid(framejit.tensor([1, 2]), framejit.tensor([3, 4]), indexing="ij")
    (tensor([[1, 1],
            [2, 2]]), tensor([[3, 4],
            [3, 4]]))
    """
    tensors = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    if indexing not in (None, "ij", "xy"):
        raise RuntimeError(f'framejit.meshgrid: indexing must be one of "xy" or "ij", but received: {indexing}')
    tensors = [t.reshape(-1) for t in tensors]
    swap = indexing == "xy" and len(tensors) >= 2
    if swap:
        tensors[0], tensors[1] = tensors[1], tensors[0]
    shape = [t.numel() for t in tensors]
    grids = [t.view([-1 if i == k else 1 for k in range(len(tensors))]).expand(shape) for i, t in enumerate(tensors)]
    if swap:
        grids[0], grids[1] = grids[1], grids[0]
    return tuple(grids)


def cartesian_prod(*tensors):
    """All combinations of one element of each tensor.

    >>> import framejit
    >>> framejit.cartesian_prod(framejit.tensor([1, 2]), framejit.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    for t in tensors:
        if t.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    return _C.stack([g.reshape(-1) for g in meshgrid(*tensors, indexing="ij")], dim=-1)


_ATLEAST = """The tensors with at least {ndim} dimensions.

*tensors (Tensor, or one sequence of them): the tensors. Raises AttributeError for other types.

>>> import framejit
>>> framejit.atleast_{ndim}d(framejit.ones(2)).shape
framejit.Size({shape})
"""


def _atleast(ndim, place):
    """A function that adds dimensions until there are `ndim`."""

    def function(*tensors):
        if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
            tensors = tuple(tensors[0])
        results = tuple(place(t) for t in tensors)
        return results[0] if len(results) == 1 else results

    function.__name__ = function.__qualname__ = f"atleast_{ndim}d"
    function.__doc__ = _ATLEAST.format(ndim=ndim, shape=list(place(_C.ones(2)).shape))
    return function


atleast_1d = _atleast(1, lambda t: t.reshape(1) if t.dim() == 0 else t)
atleast_2d = _atleast(2, lambda t: t.reshape(1, 1) if t.dim() == 0 else t.unsqueeze(0) if t.dim() == 1 else t)
atleast_3d = _atleast(
    3,
    lambda t: (
        t.reshape(1, 1, 1)
        if t.dim() == 0
        else t.unsqueeze(0).unsqueeze(-1)
        if t.dim() == 1
        else t.unsqueeze(-1)
        if t.dim() == 2
        else t
    ),
)


def block_diag(*tensors):
    """The matrices along the diagonal of a larger one.

    >>> import framejit
    >>> framejit.block_diag(framejit.ones(1, 2), framejit.ones(1, 1))
    tensor([[1., 1., 0.],
            [0., 0., 1.]])
    """
    tensors = [atleast_2d(t) for t in tensors]
    rows = []
    width = sum(t.shape[1] for t in tensors)
    before = 0
    for t in tensors:
        rows.append(_C.constant_pad_nd(t, [before, width - before - t.shape[1]]))
        before += t.shape[1]
    return _C.cat(rows)


def diff(input, n=1, dim=-1, prepend=None, append=None):
    """Differences of neighbours along `dim`, n times.

    input (Tensor), n, dim (int), prepend, append (Tensor or None). Raises AttributeError for other types.

    >>> import framejit
    >>> framejit.diff(framejit.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    if input.dim() == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    parts = [p for p in (prepend, input, append) if p is not None]
    result = _C.cat(parts, dim=dim) if len(parts) > 1 else input
    if n == 0:
        return input.clone()  # without what is put around it, as in PyTorch
    for _ in range(n):
        size = result.shape[dim]
        later, earlier = result.narrow(dim, min(1, size), max(size - 1, 0)), result.narrow(dim, 0, max(size - 1, 0))
        result = later ^ earlier if result.dtype == _C.bool else later - earlier
    return result


def einsum(equation, *operands):
    """Sums of products written in Einstein's notation; operands as arguments or as one list.

    equation (str). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.einsum("ij,jk->ik", framejit.ones(2, 3), framejit.ones(3, 1))
    tensor([[3.],
            [3.]])
    """
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    return _C.einsum(equation, list(operands))


def argwhere(input):
    """The indices of what is not zero, one row each.

    input (Tensor). Raises TypeError for other types.

    >>> import framejit
    >>> framejit.argwhere(framejit.tensor([0, 3, 5]))
    tensor([[1],
            [2]])
    """
    return _C.nonzero(input)


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The distinct elements in order, optionally with where each element went and how often each occurs.

    input (Tensor), sorted, return_inverse, return_counts (bool), dim (int or None): of slices along it. Raises IndexError
    (Dimension out of range).

    >>> import framejit
    >>> framejit.unique(framejit.tensor([3, 1, 3]), return_counts=True)
    (tensor([1, 3]), tensor([1, 2]))
    """
    if dim is not None:
        return _chosen(_forms.unique_slices(input, dim, False), return_inverse, return_counts)
    return _chosen(_C._unique(input, sorted, return_inverse, return_counts), return_inverse, return_counts)


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The elements without repeats of the one before.

    input (Tensor), return_inverse, return_counts (bool), dim (int or None): of slices along it. Raises IndexError
    (Dimension out of range).

    >>> import framejit
    >>> framejit.unique_consecutive(framejit.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    if dim is not None:
        return _chosen(_forms.unique_slices(input, dim, True), return_inverse, return_counts)
    flat = input.reshape(-1)
    starts = _C.cat([_C.ones(min(1, flat.numel()), dtype=_C.bool), flat[1:] != flat[:-1]])
    group = starts.to(_C.int64).cumsum(0) - 1
    output = flat[starts]
    counts = _C.bincount(group, minlength=output.numel())
    return _chosen((output, group.reshape(input.shape), counts), return_inverse, return_counts)


def _chosen(found, return_inverse, return_counts):
    output, inverse, counts = found
    if not return_inverse and not return_counts:
        return output
    return tuple([output] + [inverse] * return_inverse + [counts] * return_counts)


# ---- methods of Tensor ------------------------------------------------------------------------------------


_IN_PLACE_VIEW = """`{name}`, changing this tensor's own shape; gives it back.

Its arguments are those of `{name}`. Raises what that raises.

>>> import framejit
>>> {example}
"""
_IN_PLACE_VIEWS = {
    "as_strided": "framejit.arange(4).as_strided_((2, 2), (1, 1))\ntensor([[0, 1],\n        [1, 2]])",
    "swapaxes": "framejit.ones(2, 3).swapaxes_(0, 1).shape\nframejit.Size([3, 2])",
    "swapdims": "framejit.ones(2, 3).swapdims_(0, 1).shape\nframejit.Size([3, 2])",
    "squeeze": "framejit.ones(2, 1).squeeze_().shape\nframejit.Size([2])",
    "unsqueeze": "framejit.ones(2).unsqueeze_(0).shape\nframejit.Size([1, 2])",
    "t": "framejit.ones(2, 3).t_().shape\nframejit.Size([3, 2])",
    "transpose": "framejit.ones(2, 3, 4).transpose_(0, 2).shape\nframejit.Size([4, 3, 2])",
}


def _in_place_view(name):
    """`t.unsqueeze_(0)`: the tensor itself takes the geometry of the view."""

    def method(self, *args, **kwargs):
        return self._become_view(getattr(self, name)(*args, **kwargs))

    method.__name__ = method.__qualname__ = name + "_"
    method.__doc__ = _IN_PLACE_VIEW.format(name=name, example=_IN_PLACE_VIEWS[name])
    return method


def _new_tensor(self, data, *, dtype=None, device=None, requires_grad=False):
    """A tensor of the data with this one's dtype and device.

    data (Tensor), dtype (framejit.dtype or None), device (framejit.device or str or None), requires_grad (bool).
    Raises TypeError for other types.

    >>> import framejit
    >>> framejit.ones(1, dtype=framejit.float64).new_tensor([1, 2])
    tensor([1., 2.], dtype=framejit.float64)
    """
    return _C.tensor(data, dtype=self.dtype if dtype is None else dtype, requires_grad=requires_grad)


METHODS = {
    "isclose": isclose,
    "allclose": allclose,
    "equal": equal,
    "diff": diff,
    "unique": unique,
    "unique_consecutive": unique_consecutive,
    "new_tensor": _new_tensor,
    **{name + "_": _in_place_view(name) for name in _IN_PLACE_VIEWS},
}
