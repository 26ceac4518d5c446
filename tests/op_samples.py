"""Sample inputs for the rows of the op table.

A row's `samples` column is a call of one of the functions here or in tests/samples/, `binary(nonzero=True)` say. It
gives a Spec: which dtypes the op takes, and a function from (dtype, random generator) to a list of samples. A sample is
(args, kwargs) in schema order; tensors are NumPy arrays. Sizes cover 0-d, empty, broadcast and several dimensions; the
caller makes strided copies of them.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from tests.samples.core import *
from tests.samples.index import *
from tests.samples.loss import *
from tests.samples.pointwise import *
from tests.samples.reduce import *
from tests.samples.shape import *

# -- written-out calls -------------------------------------------------------------------------------------------------


class Fresh:
    """A tensor argument of `calls`, made when samples are drawn. T(2, 3).t() is strided, like its NumPy twin."""

    def __init__(self, make):
        self.make = make

    def t(self):
        return Fresh(lambda dtype, rng: self.make(dtype, rng).T)

    def transpose(self, a, b):
        return Fresh(lambda dtype, rng: np.swapaxes(self.make(dtype, rng), a, b))


def T(*shape):
    return Fresh(lambda dtype, rng: array(rng, dtype, shape))


def Pos(*shape):
    return Fresh(lambda dtype, rng: array(rng, dtype, shape, 0.3, 2.0))


def Between(low, high, *shape):
    return Fresh(lambda dtype, rng: array(rng, dtype, shape, low, high))


def Above(*shape):
    return Fresh(lambda dtype, rng: array(rng, dtype, shape, 1.5, 4.0))


def SPD(*shape):
    """Stacks of symmetric positive definite matrices, well conditioned."""

    def make(dtype, rng):
        a = rng.uniform(-1, 1, shape)
        return (a @ a.swapaxes(-1, -2) + shape[-1] * np.eye(shape[-1])).astype(np_dtype(dtype))

    return Fresh(make)


def Tri(*shape):
    """Stacks of matrices whose triangles are both well conditioned."""
    return Fresh(lambda dtype, rng: (rng.uniform(-1, 1, shape) + 3 * np.eye(shape[-1])).astype(np_dtype(dtype)))


def I(high, *shape):  # noqa: E743 (reads as "indices below high")
    return Fresh(lambda dtype, rng: np.asarray(rng.integers(0, high, shape)))


def Distinct(*shape):
    return Fresh(lambda dtype, rng: distinct(rng, dtype, shape))


def calls(*cases, dtypes=("float32", "float64")) -> Spec:
    """Cases are argument lists; a dict at the end holds keywords."""

    def fresh(value, dtype, rng):
        if isinstance(value, Fresh):
            return value.make(dtype, rng)
        return [fresh(v, dtype, rng) for v in value] if isinstance(value, list) else value

    def make(dtype, rng):
        out = []
        for case in cases:
            args, kwargs = (case[:-1], case[-1]) if isinstance(case[-1], dict) else (case, {})
            out.append(([fresh(a, dtype, rng) for a in args], {k: fresh(v, dtype, rng) for k, v in kwargs.items()}))
        return out

    return Spec(make, dtypes)


# -- factories: the dtype travels as a keyword -------------------------------------------------------------------------


def made(*cases, dtypes=(*FLOATS, *INTS)) -> Spec:
    return Spec(lambda dtype, rng: [(list(c), {"dtype": Dtype(dtype)}) for c in cases], dtypes)


@dataclasses.dataclass
class Dtype:
    """A dtype argument, by name."""

    name: str


def factory() -> Spec:
    return made(((),), ((3, 4),), ((0, 2),), ((5,),))


def full() -> Spec:
    return made(((), 2), ((3, 4), 1), ((0, 2), 3))


def arange(start=False, step=False) -> Spec:
    return made((1, 9, 2), (0, 7, 3)) if step else made((2, 7), (0, 0)) if start else made((5,), (0,))


def linspace() -> Spec:
    return made((0, 3, 5), (1, -2, 4), (1, 2, 1), dtypes=("float32", "float64"))


def eye(m=False) -> Spec:
    return made((3, 4), (4, 2)) if m else made((3,), (0,))


def triangle_indices() -> Spec:
    return Spec(lambda dtype, rng: [([3, 4], {}), ([4, 3, 1], {}), ([3, 3, -1], {})], ("int64",))


def new() -> Spec:
    return simple(((3, 4), (2, 5)), ((), (3,)))


def new_full() -> Spec:
    return simple(((3, 4), (2, 5), 1), ((), (3,), 1))


def evaluate(text: str) -> Spec | None:
    """The Spec that a row's `samples` column names, or None for none("why")."""
    if text.startswith("none("):
        return None
    return eval(text, globals())  # rows are the project's own files
