"""Dtypes: what NumPy itself says about them. All functions here are of dtypes alone, and capture calls them (`PURE`)."""

import numpy as np

from framejit import _C

from ._bridge import DTYPES, NUMPY_DTYPES, NotTaken

_NUMPY_KINDS = {**NUMPY_DTYPES, int: int, float: float, complex: complex, bool: np.dtype(bool)}
_loops = {}


def _resolve(ufunc, kinds, dtype, casting, reduction):
    given = [_NUMPY_KINDS[k] for k in kinds]
    options = {"casting": "unsafe" if reduction else casting}
    if dtype is not None:
        wanted = NUMPY_DTYPES[dtype]
        options["signature"] = (wanted, None, None) if reduction else (*[None] * ufunc.nin, *[wanted] * ufunc.nout)
    if reduction:
        found = ufunc.resolve_dtypes((None, *given, None), reduction=True, **options)
    else:
        found = ufunc.resolve_dtypes((*given, *[None] * ufunc.nout), **options)
    return tuple([DTYPES[d] for d in found])


def loop(ufunc, kinds, dtype=None, casting="same_kind", reduction=False):
    """The dtypes of a ufunc's operands and results. `kinds` has a dtype for each operand, or the type of a Python number."""
    key = (ufunc, kinds, dtype, casting, reduction)
    if key not in _loops:
        try:
            _loops[key] = _resolve(ufunc, kinds, dtype, casting, reduction)
        except (TypeError, ValueError, KeyError):
            _loops[key] = None
    if _loops[key] is None:
        raise NotTaken
    return _loops[key]


def dtype_of(spec):
    """The dtype that a `dtype=` argument means."""
    try:
        return DTYPES[np.dtype(spec)]
    except (TypeError, KeyError):
        raise NotTaken from None


def castable(source, target, casting="same_kind"):
    return np.can_cast(NUMPY_DTYPES[source], NUMPY_DTYPES[target], casting)


def common(kinds):
    """The dtype of an array made of operands of these kinds, as concatenate and where have it."""
    try:
        return DTYPES[np.result_type(*[_NUMPY_KINDS[k] if isinstance(k, _C.dtype) else _SAMPLES[k] for k in kinds])]
    except KeyError:
        raise NotTaken from None


_SAMPLES = {int: 0, float: 0.0, complex: 0j, bool: np.False_}
_NUMBERS = {int: _C.int64, float: _C.float64, complex: _C.complex128, bool: _C.bool}


def default_dtype(kind):
    """The dtype of an array of one operand of this kind."""
    return _NUMBERS.get(kind, kind)


def numpy_dtype(dtype):
    return NUMPY_DTYPES[dtype]


def is_integral(dtype):
    return NUMPY_DTYPES[dtype].kind in "iu"


def is_inexact(dtype):
    return NUMPY_DTYPES[dtype].kind in "fc"


def is_real(dtype):
    return NUMPY_DTYPES[dtype].kind == "f"


def is_complex(dtype):
    return NUMPY_DTYPES[dtype].kind == "c"


def bounds(dtype):
    """The least and the greatest integer of an integral dtype."""
    info = np.iinfo(NUMPY_DTYPES[dtype])
    return int(info.min), int(info.max)


def largest(dtype):
    """The greatest number that is not infinite."""
    return float(np.finfo(NUMPY_DTYPES[dtype]).max)


def bits(dtype):
    return NUMPY_DTYPES[dtype].itemsize * 8


def real_part(dtype):
    """The dtype of the parts of a complex one; any other is its own."""
    return {_C.complex64: _C.float32, _C.complex128: _C.float64}.get(dtype, dtype)


def mean_dtype(dtype):
    """What a mean is computed in: float64 for integers."""
    return dtype if NUMPY_DTYPES[dtype].kind in "fc" else _C.float64


def float_dtype(dtype):
    """What linear algebra computes in."""
    if dtype == _C.float16:
        raise NotTaken
    return dtype if NUMPY_DTYPES[dtype].kind in "fc" else _C.float64


PURE = [
    f.__code__
    for f in (
        loop, dtype_of, castable, common, default_dtype, numpy_dtype, is_integral, is_inexact, is_real, is_complex, bounds,
        largest, bits, real_part, mean_dtype, float_dtype,
    )
]  # fmt: skip
