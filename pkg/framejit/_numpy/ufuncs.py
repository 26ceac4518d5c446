"""Universal functions: NumPy says which dtypes an operation is computed in, the tables here what the operation is.

`UNARY` and `BINARY` hold, for a ufunc, a function of tensors that are in the loop's dtypes already; in `OPERATORS` one of two
may be a Python number. The results are new tensors, never one of the operands.
"""

import numpy as np

from framejit import _C

from . import _types
from ._args import cast, given, kind, number, operand, refuse, selected, single, write_where
from ._bridge import NotTaken

WARM = "same_kind"


def unary(ufunc, compute):
    """The Python function of a ufunc of one operand."""

    def call(x, out=None, /, *, where=True, casting=WARM, order="K", dtype=None, subok=True, signature=None, **kw):
        if "out" in kw:
            out = kw.pop("out")
        refuse(kw or signature is not None or order != "K")
        x = operand(x)
        wanted = None if dtype is None else _types.dtype_of(dtype)
        types = _types.loop(ufunc, (kind(x),), wanted, casting)
        x = cast(x, types[0]) if isinstance(x, _C.Tensor) else number(x, types[0])
        return finish(compute(x), out, where, casting)

    return call


def binary(ufunc, compute, numbers=False):
    """The Python function of a ufunc of two operands; `numbers` says that `compute` takes a Python number for one of them."""

    def call(x, y, out=None, /, *, where=True, casting=WARM, order="K", dtype=None, subok=True, signature=None, **kw):
        if "out" in kw:
            out = kw.pop("out")
        refuse(kw or signature is not None or order != "K")
        wanted = None if dtype is None else _types.dtype_of(dtype)
        return finish(apply(ufunc, compute, numbers, operand(x), operand(y), wanted, casting), out, where, casting)

    return call


def apply(ufunc, compute, numbers, x, y, dtype=None, casting=WARM):
    types = _types.loop(ufunc, (kind(x), kind(y)), dtype, casting)
    bare = numbers and types[0] != _C.float16
    if type(x) is bool or not isinstance(x, _C.Tensor) and not (bare and isinstance(y, _C.Tensor)):
        x = number(x, types[0])
    if type(y) is bool or not isinstance(y, _C.Tensor) and not (bare and isinstance(x, _C.Tensor)):
        y = number(y, types[1])
    return compute(cast(x, types[0]), cast(y, types[1]))


def finish(t, out, where, casting):
    out = single(out)
    if where is True:
        return given(t, out, casting)
    if out is None:
        return given(selected(where, t))
    return write_where(out, t, where, casting)


# -- what needs more than one op ------------------------------------------------------------------------------------


def _ordered(compute):
    """Complex numbers have an order in NumPy, which tensors do not know."""

    def call(a, b):
        refuse(a.is_complex() if isinstance(a, _C.Tensor) else b.is_complex())
        return compute(a, b)

    return call


def _heaviside(x, y):
    return _C.where(_C.isnan(x), x, _C.heaviside(x, y))


def _cbrt(x):
    root = _C.copysign(_C.exp(_C.log(x.abs()) / 3), x)
    better = root - (root * root * root - x) / (3 * root * root)
    return _C.where((root == 0) | ~_C.isfinite(root), root, better)


def _reciprocal(x):
    refuse(not _types.is_inexact(x.dtype))
    return _C.reciprocal(x)


def _conjugate(x):
    return _C.conj_physical(x) if x.is_complex() else x.clone()


def _sign(x):
    if x.dtype == _C.bool:
        raise NotTaken
    if x.is_complex():
        return _C.sgn(x)
    return _C.where(_C.isnan(x), x, _C.sign(x)) if x.is_floating_point() else _C.sign(x)


def _rint(x):
    refuse(x.is_complex())
    return _C.round(x)


def _rounding(compute):
    def call(x):
        return compute(x) if x.is_floating_point() else x.clone()

    return call


def _absolute(x):
    return x.clone() if x.dtype == _C.bool else _C.abs(x)


def _add(a, b):
    return a + b


def _subtract(a, b):
    return a - b


def _multiply(a, b):
    return a * b


def _divide(a, b):
    return a / b


def _nonzero(b):
    """A divisor without zeros: NumPy's integer division by zero gives 0."""
    if isinstance(b, _C.Tensor):
        return _C.where(b == 0, _C.ones_like(b), b)
    raise NotTaken


def _floor_divide(a, b):
    if isinstance(a, _C.Tensor) and a.is_floating_point() or isinstance(b, _C.Tensor) and b.is_floating_point():
        return a // b
    if not isinstance(b, _C.Tensor):
        refuse(b == 0)
        return a // b
    return _C.where(b == 0, _C.zeros_like(b), a // _nonzero(b))


def _remainder(a, b):
    if isinstance(a, _C.Tensor) and a.is_floating_point() or isinstance(b, _C.Tensor) and b.is_floating_point():
        return a % b
    if not isinstance(b, _C.Tensor):
        refuse(b == 0)
        return a % b
    return _C.where(b == 0, _C.zeros_like(b), a % _nonzero(b))


def _fmod(a, b):
    if a.is_floating_point():
        return _C.fmod(a, b)
    return _C.where(b == 0, _C.zeros_like(b), _C.fmod(a, _nonzero(b)))


def _power(a, b):
    if not isinstance(b, _C.Tensor):
        # An integer to a negative power is an error in NumPy.
        refuse(type(b) is int and not _types.is_inexact(a.dtype) and b < 0)
        return a * a if type(b) is int and b == 2 else a**b
    refuse(not _types.is_inexact(b.dtype) and b.dtype != _C.uint8)
    return a**b


def _shift(compute, rest):
    """Shifts by as many bits as there are, or more, leave nothing but the sign."""

    def call(a, b):
        wide = _types.bits(a.dtype)
        inside = (b >= 0) & (b < wide)
        return _C.where(inside, compute(a, _C.where(inside, b, _C.zeros_like(b))), rest(a, wide))

    return call


def _ldexp(a, b):
    return a * _C.exp2(b.to(a.dtype))


UNARY = {
    np.sin: _C.sin,
    np.cos: _C.cos,
    np.tan: _C.tan,
    np.arcsin: _C.asin,
    np.arccos: _C.acos,
    np.arctan: _C.atan,
    np.sinh: _C.sinh,
    np.cosh: _C.cosh,
    np.tanh: _C.tanh,
    np.arcsinh: _C.asinh,
    np.arccosh: _C.acosh,
    np.arctanh: _C.atanh,
    np.exp: _C.exp,
    np.exp2: _C.exp2,
    np.expm1: _C.expm1,
    np.log: _C.log,
    np.log2: _C.log2,
    np.log10: _C.log10,
    np.log1p: _C.log1p,
    np.sqrt: _C.sqrt,
    np.cbrt: _cbrt,
    np.square: lambda x: x * x,
    np.reciprocal: _reciprocal,
    np.negative: _C.neg,
    np.positive: lambda x: x.clone(),
    np.absolute: _absolute,
    np.fabs: _C.abs,
    np.sign: _sign,
    np.conjugate: _conjugate,
    np.floor: _rounding(_C.floor),
    np.ceil: _rounding(_C.ceil),
    np.trunc: _rounding(_C.trunc),
    np.rint: _rint,
    np.deg2rad: _C.deg2rad,
    np.radians: _C.deg2rad,
    np.rad2deg: _C.rad2deg,
    np.degrees: _C.rad2deg,
    np.isnan: _C.isnan,
    np.isinf: _C.isinf,
    np.isfinite: _C.isfinite,
    np.signbit: _C.signbit,
    np.logical_not: _C.logical_not,
    np.invert: _C.bitwise_not,
}

BINARY = {
    np.fmod: _fmod,
    np.arctan2: _C.atan2,
    np.hypot: _C.hypot,
    np.copysign: _C.copysign,
    np.nextafter: _C.nextafter,
    np.heaviside: _heaviside,
    np.maximum: _ordered(_C.maximum),
    np.minimum: _ordered(_C.minimum),
    np.fmax: _ordered(_C.fmax),
    np.fmin: _ordered(_C.fmin),
    np.logaddexp: _C.logaddexp,
    np.logaddexp2: _C.logaddexp2,
    np.gcd: _C.gcd,
    np.bitwise_and: _C.bitwise_and,
    np.bitwise_or: _C.bitwise_or,
    np.bitwise_xor: _C.bitwise_xor,
    np.left_shift: _shift(_C.bitwise_left_shift, lambda a, wide: _C.zeros_like(a)),
    np.right_shift: _shift(_C.bitwise_right_shift, lambda a, wide: _C.bitwise_right_shift(a, wide - 1)),
    np.logical_and: _C.logical_and,
    np.logical_or: _C.logical_or,
    np.logical_xor: _C.logical_xor,
    np.ldexp: _ldexp,
}

OPERATORS = {
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.floor_divide: _floor_divide,
    np.remainder: _remainder,
    np.power: _power,
    np.float_power: _power,
    np.equal: lambda a, b: a == b,
    np.not_equal: lambda a, b: a != b,
    np.less: _ordered(lambda a, b: a < b),
    np.less_equal: _ordered(lambda a, b: a <= b),
    np.greater: _ordered(lambda a, b: a > b),
    np.greater_equal: _ordered(lambda a, b: a >= b),
}

FUNCTIONS = {
    **{u: unary(u, f) for u, f in UNARY.items()},
    **{u: binary(u, f) for u, f in BINARY.items()},
    **{u: binary(u, f, True) for u, f in OPERATORS.items()},
}


def divmod_(x, y, /):
    return FUNCTIONS[np.floor_divide](x, y), FUNCTIONS[np.remainder](x, y)


def modf(x, /):
    x = operand(x)
    types = _types.loop(np.modf, (kind(x),))
    x = cast(x, types[0]) if isinstance(x, _C.Tensor) else number(x, types[0])
    whole = _C.trunc(x)
    part = _C.where(_C.isinf(x), _C.zeros_like(x), x - whole)
    return given(_C.copysign(part, x)), given(whole)


FUNCTIONS[np.divmod] = divmod_
FUNCTIONS[np.modf] = modf
