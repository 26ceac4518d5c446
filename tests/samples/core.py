"""What all sample functions are made of: a Spec, the dtypes of families, arrays of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

FLOATS = ("float32", "float64", "float16", "bfloat16")
INTS = ("uint8", "int8", "int16", "int32", "int64")
SHAPES = ((), (5,), (3, 4), (2, 1, 3), (0, 3), (1,), (2, 33))


@dataclasses.dataclass
class Spec:
    make: Callable
    dtypes: tuple[str, ...]

    def samples(self, dtype: str, seed: int = 0) -> list[tuple[list, dict]]:
        return self.make(dtype, np.random.default_rng(seed))


def np_dtype(name: str):
    """NumPy's type for a dtype; bfloat16 travels as float32 and is converted by the caller."""
    return np.dtype("float32" if name == "bfloat16" else name)


def array(rng, dtype: str, shape, low=-3.0, high=3.0, nonzero=False) -> np.ndarray:
    kind = np_dtype(dtype)
    if dtype == "bool":
        return rng.random(shape) < 0.5 if shape != () else np.array(rng.random() < 0.5)
    if kind.kind in "iu":
        lo, hi = (0 if kind.kind == "u" else int(np.ceil(low))), max(int(high), 1) + 1
        lo = min(lo, hi - 1)
        a = np.asarray(rng.integers(max(lo, int(np.ceil(low))) if low > 0 else lo, hi, shape))
        a = np.where(a == 0, 1, a) if nonzero else a
        return np.asarray(a).astype(kind)
    a = np.asarray(rng.uniform(low, high, shape))
    if nonzero:
        a = np.where(np.abs(a) < 0.3, np.sign(a) * 0.3 + a, a)
    return np.asarray(round_to(np.asarray(a), dtype))


def round_to(a: np.ndarray, dtype: str) -> np.ndarray:
    """`a` in the values that `dtype` can hold."""
    if dtype != "bfloat16":
        return np.asarray(a).astype(np_dtype(dtype))
    bits = np.asarray(a, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return np.asarray(rounded.astype(np.uint32).view(np.float32)).reshape(np.shape(a))


def kinds(float_only=False, bool=True, integral=False, int_only=False, signed=False) -> tuple[str, ...]:
    if float_only:
        return FLOATS
    if int_only:
        return INTS
    if signed:
        return (*FLOATS, *INTS[1:])
    if integral:
        return (*INTS, "bool")
    return (*FLOATS, *INTS, "bool") if bool else (*FLOATS, *INTS)


def spec(make, **flags) -> Spec:
    return Spec(make, kinds(**flags))
