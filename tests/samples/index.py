"""Samples of ops that read or write at indices, masks or bins."""

from __future__ import annotations

import numpy as np

from tests.samples.core import SHAPES, Spec, array, spec


def gather(name="index") -> Spec:
    def make(dtype, rng):
        cases = [
            ((3, 4), 0, (2, 4)),
            ((3, 4), 1, (3, 6)),
            ((5,), 0, (7,)),
            ((2, 3, 4), -1, (2, 3, 2)),
            ((3, 4), 1, (3, 0)),
        ]
        if name != "index":
            cases = cases[1:4]
        return [
            (
                [array(rng, dtype, s), rng.integers(0, s[d], i), d]
                if name != "index"
                else [array(rng, dtype, s), d, rng.integers(0, s[d], i)],
                {},
            )
            for s, d, i in cases
        ]

    return spec(make)


def scatter() -> Spec:
    def make(dtype, rng):
        out = []
        for s, d in (((3, 4), 0), ((3, 4), 1), ((5,), 0), ((2, 3, 4), -1)):
            index = np.argsort(rng.random(s), axis=d)  # without repeats, so that the result is defined
            out.append(([array(rng, dtype, s), d, index, array(rng, dtype, s)], {}))
        return out

    return spec(make)


def scatter_reduce() -> Spec:
    def make(dtype, rng):
        return [
            (
                [array(rng, dtype, (3, 4)), 1, rng.integers(0, 4, (3, 6)), array(rng, dtype, (3, 6)), how],
                {"include_self": inc},
            )
            for how in ("sum", "prod", "amax", "amin", "mean")
            for inc in (True, False)
        ]

    return Spec(make, ("float32", "float64"))


def index_select() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([array(rng, dtype, s), d, rng.integers(0, s[d], n)], {})
            for s, d, n in (((3, 4), 0, 5), ((3, 4), 1, 2), ((2, 3, 4), -1, 6), ((5,), 0, 0))
        ]
    )


def index_add() -> Spec:
    def make(dtype, rng):
        out = []
        for s, d, n in (((3, 4), 0, 2), ((5, 4), 1, 3), ((6,), 0, 4)):
            src = list(s)
            src[d] = n
            out.append(([array(rng, dtype, s), d, rng.permutation(s[d])[:n], array(rng, dtype, tuple(src))], {}))
        return out

    return spec(make, bool=False)


def index_fill() -> Spec:
    return spec(lambda dtype, rng: [([array(rng, dtype, (3, 4)), d, np.array([0, 2]), 1], {}) for d in (0, 1)])


def take() -> Spec:
    return spec(
        lambda dtype, rng: [([array(rng, dtype, (3, 4)), rng.integers(-12, 12, s)], {}) for s in ((5,), (2, 3), ())]
    )


def masked_select() -> Spec:
    return spec(
        lambda dtype, rng: [([array(rng, dtype, s), array(rng, "bool", s)], {}) for s in ((5,), (3, 4), (0, 3))]
    )


def masked_scatter() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([array(rng, dtype, s), array(rng, "bool", s), array(rng, dtype, s)], {}) for s in ((5,), (3, 4))
        ]
    )


def bincount() -> Spec:
    return Spec(
        lambda dtype, rng: [([rng.integers(0, 6, n).astype(dtype)], {"minlength": m}) for n in (10, 0) for m in (0, 9)],
        ("int64", "int32", "uint8"),
    )


def searchsorted() -> Spec:
    def make(dtype, rng):
        seq = np.sort(array(rng, dtype, (7,), -9, 9))
        return [([seq, array(rng, dtype, s, -9, 9)], {"right": r}) for s in ((5,), (3, 4)) for r in (False, True)]

    return Spec(make, ("float32", "float64", "int32", "int64"))


def one_hot() -> Spec:
    return Spec(lambda dtype, rng: [([rng.integers(0, 5, s), 5], {}) for s in ((3,), (2, 3), ())], ("int64",))


def full_like() -> Spec:
    return spec(lambda dtype, rng: [([array(rng, dtype, s), 1], {}) for s in SHAPES])
