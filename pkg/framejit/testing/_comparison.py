"""assert_close: equality up to the tolerances of the dtype, with PyTorch's messages."""

import cmath
from collections import abc

from framejit import _ops as _t
from framejit._functions import isclose

# dtype -> (relative, absolute) tolerance; everything else is compared exactly
_TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
_TOLERANCES |= {"complex64": _TOLERANCES["float32"], "complex128": _TOLERANCES["float64"]}


def default_tolerances(*values):
    """The widest tolerances among the dtypes of the values."""
    found = [(0.0, 0.0)]
    for value in values:
        dtype = value.dtype if isinstance(value, _t.Tensor) else value
        found.append(_TOLERANCES.get(str(dtype).rpartition(".")[2], (0.0, 0.0)))
    return max(r for r, _ in found), max(a for _, a in found)


class _Settings:
    def __init__(
        self, allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, msg
    ):
        if (rtol is None) != (atol is None):
            raise ValueError(
                "rtol and atol must both be specified or both be unspecified, but got no "
                f"{'rtol' if rtol is None else 'atol'}."
            )
        self.allow_subclasses, self.rtol, self.atol, self.equal_nan = allow_subclasses, rtol, atol, equal_nan
        self.check_device, self.check_dtype = check_device, check_dtype
        self.check_layout, self.check_stride = check_layout, check_stride
        self.msg = msg

    def fail(self, message, path, kind=AssertionError):
        if path:
            message += "\n\nThe failure occurred for item " + "".join(f"[{part!r}]" for part in path)
        if self.msg is not None:
            message = self.msg(message) if callable(self.msg) else self.msg
        raise kind(message)


def assert_close(
    actual,
    expected,
    *,
    allow_subclasses=True,
    rtol=None,
    atol=None,
    equal_nan=False,
    check_device=True,
    check_dtype=True,
    check_layout=True,
    check_stride=False,
    msg=None,
):
    """Raise AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere.

    actual, expected (Tensor, number or array, or sequences and mappings of them): compared part by part.
    rtol, atol (float): both or neither; by default those of the wider dtype, 1.3e-6 and 1e-5 for float32, 0 for
    integers.
    equal_nan (bool): NaN equals NaN. check_device, check_dtype, check_layout, check_stride (bool): compare these, too.
    allow_subclasses (bool): accept different types of tensors. msg (str, or callable of the message): what the error
    says.

    Raises ValueError if one of rtol and atol is missing, TypeError for what cannot be compared.

    >>> import framejit
    >>> assert_close(framejit.ones(2), framejit.ones(2) + 1e-6)
    >>> assert_close([1, 2], [1, 3])
    Traceback (most recent call last):
        ...
    AssertionError: Scalars are not equal!...
    """
    settings = _Settings(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, msg
    )
    _compare(actual, expected, settings, ())


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg=""):
    """The old form of assert_close, which ignores dtype and device.

    actual, expected (Tensor, or what `tensor` takes), rtol, atol (float), equal_nan (bool), msg (str): as for
    `assert_close`. Raises AssertionError as it does.

    >>> assert_allclose([1.0, 2.0], [1, 2])
    """
    actual = actual if isinstance(actual, _t.Tensor) else _t.tensor(actual)
    expected = expected if isinstance(expected, _t.Tensor) else _t.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        rtol, atol = default_tolerances(actual, expected)
    assert_close(
        actual,
        expected,
        rtol=rtol,
        atol=atol,
        equal_nan=equal_nan,
        check_device=False,
        check_dtype=False,
        msg=msg or None,
    )


def _is_array(value):
    return type(value).__module__ == "numpy" and hasattr(value, "dtype")


def _compare(actual, expected, settings, path):
    if isinstance(actual, str) or isinstance(expected, str):
        if actual != expected:
            settings.fail(f"String comparison failed: {actual!r} != {expected!r}", path)
    elif isinstance(actual, abc.Sequence) and isinstance(expected, abc.Sequence):
        if len(actual) != len(expected):
            settings.fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
        for i, (a, e) in enumerate(zip(actual, expected)):
            _compare(a, e, settings, (*path, i))
    elif isinstance(actual, abc.Mapping) and isinstance(expected, abc.Mapping):
        missing, extra = set(expected) - set(actual), set(actual) - set(expected)
        if missing or extra:
            settings.fail(
                "The keys of the mappings do not match:\nMissing keys in the actual mapping: "
                f"{sorted(missing)}\nAdditional keys in the actual mapping: {sorted(extra)}",
                path,
            )
        for key in actual:
            _compare(actual[key], expected[key], settings, (*path, key))
    elif actual is None or expected is None or isinstance(actual, bool) and isinstance(expected, bool):
        if actual is not expected:
            settings.fail(
                f"{'None' if None in (actual, expected) else 'Boolean'} mismatch: {actual!r} is not {expected!r}", path
            )
    elif isinstance(actual, (int, float, complex)) and isinstance(expected, (int, float, complex)):
        _compare_numbers(actual, expected, settings, path)
    else:
        _compare_tensors(_as_tensor(actual, settings, path), _as_tensor(expected, settings, path), settings, path)


def _as_tensor(value, settings, path):
    if isinstance(value, _t.Tensor):
        return value
    if _is_array(value) or isinstance(value, (bool, int, float)):
        return _t.as_tensor(value)
    settings.fail(f"No comparison pair was able to handle inputs of type {type(value)}", path, TypeError)


def _compare_numbers(actual, expected, settings, path):
    if settings.check_dtype and type(actual) is not type(expected):
        settings.fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", path)
    rtol, atol = settings.rtol, settings.atol
    if rtol is None:
        rtol, atol = (1e-7, 1e-7) if not (isinstance(actual, int) and isinstance(expected, int)) else (0, 0)
    if actual == expected or settings.equal_nan and actual != actual and expected != expected:
        return
    difference = abs(actual - expected)
    if cmath.isfinite(actual) and cmath.isfinite(expected) and difference <= atol + rtol * abs(expected):
        return
    kind = "equal" if rtol == 0 and atol == 0 else "close"
    settings.fail(
        f"Scalars are not {kind}!\n\nExpected {expected} but got {actual}.\nAbsolute difference: "
        f"{difference} (up to {atol} allowed)\nRelative difference: "
        f"{difference / abs(expected) if expected else float('inf')} (up to {rtol} allowed)",
        path,
    )


def _compare_tensors(actual, expected, settings, path):
    if actual.shape != expected.shape:
        settings.fail(f"The values for attribute 'shape' do not match: {actual.shape} != {expected.shape}.", path)
    if settings.check_device and actual.device != expected.device:
        settings.fail(f"The values for attribute 'device' do not match: {actual.device} != {expected.device}.", path)
    if settings.check_dtype and actual.dtype != expected.dtype:
        settings.fail(f"The values for attribute 'dtype' do not match: {actual.dtype} != {expected.dtype}.", path)
    if settings.check_stride and actual.stride() != expected.stride():
        settings.fail(
            f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}.", path
        )
    if settings.check_layout and actual.layout != expected.layout:
        settings.fail(f"The values for attribute 'layout' do not match: {actual.layout} != {expected.layout}.", path)
    actual, expected = (x.detach() if x.layout is _t.strided else x.detach().to_dense() for x in (actual, expected))
    rtol, atol = settings.rtol, settings.atol
    if rtol is None:
        rtol, atol = default_tolerances(actual, expected)
    if actual.dtype != expected.dtype:
        dtype = _t.promote_types(actual.dtype, expected.dtype)
        actual, expected = actual.to(dtype), expected.to(dtype)
    close = isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=settings.equal_nan)
    if not bool(close.all()):
        settings.fail(_difference_message(actual, expected, close, rtol, atol), path)


def _difference_message(actual, expected, close, rtol, atol):
    kind = "equal" if rtol == 0 and atol == 0 else "close"
    if actual.dim() == 0:
        a, e = actual.item(), expected.item()
        difference = abs(a - e)
        return (
            f"Scalars are not {kind}!\n\nExpected {e} but got {a}.\nAbsolute difference: {difference} (up to "
            f"{atol} allowed)\nRelative difference: {difference / abs(e) if e else float('inf')} (up to {rtol} "
            "allowed)"
        )
    total, wrong = close.numel(), int((~close).sum())
    wide = _t.complex128 if actual.is_complex() else _t.float64
    a, e = actual.to(wide), expected.to(wide)
    difference = (a - e).abs()
    difference = _t.where(close, _t.zeros_like(difference), difference)
    relative = difference / e.abs()
    relative = _t.where(close, _t.zeros_like(relative), relative)
    return (
        f"Tensor-likes are not {kind}!\n\nMismatched elements: {wrong} / {total} ({wrong / total:.1%})\n"
        f"Greatest absolute difference: {_greatest(difference)} (up to {atol} allowed)\n"
        f"Greatest relative difference: {_greatest(relative)} (up to {rtol} allowed)"
    )


def _greatest(values):
    flat = values.reshape(-1)
    place = int(flat.argmax())
    index = []
    rest = place
    for size in reversed(values.shape):
        rest, position = divmod(rest, size)
        index.append(position)
    return f"{flat[place].item()} at index {tuple(reversed(index))}"
