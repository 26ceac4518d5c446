"""torch.testing._internal.common_dtype: groups of dtypes, as far as framejit has the dtypes."""

import framejit


def _group(*names):
    return tuple(getattr(framejit, name) for name in names if hasattr(framejit, name))


_FLOATING = _group("float32", "float64")
_HALVES = _group("float16", "bfloat16")
_INTEGRAL = _group("uint8", "int8", "int16", "int32", "int64")
_COMPLEX = _group("complex64", "complex128")


def _makers(base):
    return (lambda: base), (lambda *more: base + tuple(d for d in more if d not in base))


floating_types, floating_types_and = _makers(_FLOATING)
integral_types, integral_types_and = _makers(_INTEGRAL)
complex_types, complex_types_and = _makers(_COMPLEX)
floating_and_complex_types, floating_and_complex_types_and = _makers(_FLOATING + _COMPLEX)
all_types, all_types_and = _makers(_FLOATING + _INTEGRAL)
all_types_and_complex, all_types_and_complex_and = _makers(_FLOATING + _INTEGRAL + _COMPLEX)
double_types, _ = _makers(_group("float64", "complex128"))
floating_types_and_half, _ = _makers(_FLOATING + _group("float16"))
all_types_and_half, _ = _makers(_FLOATING + _INTEGRAL + _group("float16"))


def get_all_dtypes(include_half=True, include_bfloat16=True, include_bool=True, include_complex=True, **ignored):
    """All of them."""
    found = _INTEGRAL + _FLOATING + (_group("bool") if include_bool else ()) + (_COMPLEX if include_complex else ())
    return list(found + (_group("float16") if include_half else ()) + (_group("bfloat16") if include_bfloat16 else ()))


def get_all_math_dtypes(device):
    """Those that arithmetic is tested with."""
    return get_all_dtypes(include_half=False, include_bfloat16=False, include_bool=False)


def get_all_int_dtypes():
    """Integers."""
    return list(_INTEGRAL)


def get_all_fp_dtypes(include_half=True, include_bfloat16=True):
    """Floating point."""
    return list(_FLOATING + _HALVES)


def get_all_complex_dtypes(include_complex32=False):
    """Complex."""
    return list(_COMPLEX)
