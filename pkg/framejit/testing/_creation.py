"""make_tensor: random tensors for tests."""

from framejit import _ops as _t

_INTEGER_RANGE = {"uint8": (0, 10), "int8": (-9, 10), "int16": (-9, 10), "int32": (-9, 10), "int64": (-9, 10)}


def make_tensor(
    *shape,
    dtype,
    device="cpu",
    low=None,
    high=None,
    requires_grad=False,
    noncontiguous=False,
    exclude_zero=False,
    memory_format=None,
):
    """A tensor of values uniform in [low, high), by default [-9, 9), and [0, 10) for uint8.

    *shape (int, or one sequence of int), dtype (framejit.dtype), device (str), low, high (number): what to make.
    requires_grad (bool): as for a leaf. noncontiguous (bool): it is every second element of a larger one.
    exclude_zero (bool): has 1 in the place of 0. memory_format (framejit.memory_format): only contiguous.

    Raises ValueError for low >= high, and for noncontiguous with a memory format.

    >>> import framejit
    >>> x = make_tensor(2, 3, dtype=framejit.float32, low=0, noncontiguous=True)
    >>> x.shape, x.stride(), bool((x >= 0).all())
    (framejit.Size([2, 3]), (6, 2), True)
    """
    if len(shape) == 1 and isinstance(shape[0], (list, tuple)):
        shape = shape[0]
    shape = tuple(shape)
    if noncontiguous and memory_format is not None:
        raise ValueError("The parameters `noncontiguous` and `memory_format` are mutually exclusive")
    if low is not None and high is not None and low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    total = 1
    for size in shape:
        total *= size
    wide = noncontiguous and total > 1 and bool(shape)
    made = (*shape[:-1], 2 * shape[-1]) if wide else shape
    result = _values(made, dtype, device, low, high)
    if wide:
        result = result[..., ::2]
    if exclude_zero:
        one = _t.ones((), dtype=dtype)
        result.copy_(_t.where(result == 0, one, result))
    return result.requires_grad_(True) if requires_grad else result


def _values(shape, dtype, device, low, high):
    name = str(dtype).rpartition(".")[2]
    if name == "bool":
        return _t.randint(0, 2, shape, device=device).to(dtype)
    if name in _INTEGER_RANGE:
        default_low, default_high = _INTEGER_RANGE[name]
        low = default_low if low is None else int(low)
        high = default_high if high is None else int(high)
        return _t.randint(low, high, shape, device=device, dtype=_t.int64).to(dtype)
    if dtype.is_complex:
        part = dtype.to_real()
        return _t.complex(_values(shape, part, device, low, high), _values(shape, part, device, low, high))
    low = -9.0 if low is None else float(low)
    high = 9.0 if high is None else float(high)
    wide = dtype if name in ("float32", "float64") else _t.float32
    return _t.rand(shape, dtype=wide, device=device).mul(high - low).add(low).to(dtype)
