"""Samples of pointwise ops."""

from __future__ import annotations

import numpy as np

from tests.samples.core import FLOATS, SHAPES, Spec, array, np_dtype, round_to, spec


def unary(low=-3.0, high=3.0, nonzero=False, special=False, sparse=False, **flags) -> Spec:
    def make(dtype, rng):
        out = [([array(rng, dtype, s, low, high, nonzero)], {}) for s in SHAPES]
        if special and dtype in FLOATS:
            out.append(([round_to(np.array([0.0, -0.0, 1.5, np.nan, np.inf, -np.inf]), dtype)], {}))
        if sparse:
            out.append(([np.where(rng.random((4, 5)) < 0.6, 0, array(rng, dtype, (4, 5))).astype(np_dtype(dtype))], {}))
        return out

    return spec(make, **flags)


PAIRS = (((), ()), ((5,), (5,)), ((3, 4), (4,)), ((2, 1, 3), (4, 1)), ((0, 3), (1, 3)), ((2, 33), ()), ((1,), (3, 1)))


def binary(low=-3.0, high=3.0, nonzero=False, numbers=True, **flags) -> Spec:
    def make(dtype, rng):
        return [([array(rng, dtype, a, low, high), array(rng, dtype, b, low, high, nonzero)], {}) for a, b in PAIRS]

    return spec(make, **flags)


def shift() -> Spec:
    def make(dtype, rng):
        return [([array(rng, dtype, a, 0, 9), array(rng, dtype, b, 0, 4)], {}) for a, b in PAIRS]

    return spec(make, int_only=True)


def div_mode() -> Spec:
    def make(dtype, rng):
        return [
            ([array(rng, dtype, a), array(rng, dtype, b, nonzero=True)], {"rounding_mode": m})
            for a, b in PAIRS[:4]
            for m in (None, "floor", "trunc")
        ]

    return spec(make, bool=False)


def pow() -> Spec:
    def make(dtype, rng):
        out = [([array(rng, dtype, a, 0.2, 3), array(rng, dtype, b, 0, 3)], {}) for a, b in PAIRS]
        out += [([array(rng, dtype, (3, 4), 0.2, 3), e], {}) for e in (0, 1, 2, 3, 4)]
        if dtype in FLOATS:
            out += [([array(rng, dtype, (5,), 0.2, 3), e], {}) for e in (0.5, -1.0, -0.5, 2.5)]
            out += [([2.5, array(rng, dtype, (5,))], {})]
        return out

    return spec(make, bool=False)


def lerp() -> Spec:
    def make(dtype, rng):
        return [
            ([array(rng, dtype, a), array(rng, dtype, b), w], {})
            for a, b in PAIRS[:5]
            for w in (0.25, array(rng, dtype, b))
        ]

    return spec(make, float_only=True)


def addc(nonzero=False) -> Spec:
    def make(dtype, rng):
        return [
            ([array(rng, dtype, a), array(rng, dtype, b), array(rng, dtype, b, nonzero=True)], {"value": v})
            for a, b in PAIRS
            for v in (1, 0.5)
        ]

    return spec(make, float_only=True)


def clamp() -> Spec:
    def make(dtype, rng):
        out = []
        for s in SHAPES:
            out += [
                ([array(rng, dtype, s), -1, 1], {}),
                ([array(rng, dtype, s), None, 1], {}),
                ([array(rng, dtype, s), 1, None], {}),
            ]
        return out

    return Spec(make, (*FLOATS, "int8", "int16", "int32", "int64"))


def clamp_one() -> Spec:
    def make(dtype, rng):
        return [([array(rng, dtype, s), 1], {}) for s in SHAPES]

    return Spec(make, (*FLOATS, "int32", "int64"))


def where() -> Spec:
    def make(dtype, rng):
        return [([array(rng, "bool", b), array(rng, dtype, a), array(rng, dtype, b)], {}) for a, b in PAIRS]

    return spec(make)


def masked_fill() -> Spec:
    def make(dtype, rng):
        return [([array(rng, dtype, a), array(rng, "bool", b), 1], {}) for a, b in PAIRS]

    return spec(make)


def gelu() -> Spec:
    def make(dtype, rng):
        return [([array(rng, dtype, s)], {"approximate": a}) for s in SHAPES for a in ("none", "tanh")]

    return spec(make, float_only=True)


def threshold() -> Spec:
    return Spec(lambda dtype, rng: [([array(rng, dtype, s), 1, 2], {}) for s in SHAPES], (*FLOATS, "int32", "int64"))


def prelu() -> Spec:
    def make(dtype, rng):
        return [
            ([array(rng, dtype, (2, 3, 4)), array(rng, dtype, (3,))], {}),
            ([array(rng, dtype, (5,)), array(rng, dtype, (1,))], {}),
        ]

    return spec(make, float_only=True)


def glu() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([array(rng, dtype, (3, 4)), 1], {}),
            ([array(rng, dtype, (6, 2)), 0], {}),
            ([array(rng, dtype, (2, 3, 8))], {"dim": -1}),
        ],
        float_only=True,
    )
