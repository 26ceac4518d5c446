"""Samples of reductions, scans along a dimension, and sorting."""

from __future__ import annotations

import numpy as np

from tests.samples.core import FLOATS, SHAPES, Spec, array, np_dtype, spec


def reduction(one_dim=False, need_dim=False, nonempty=False, no_keepdim=False, nan=False, **flags) -> Spec:
    def make(dtype, rng):
        shapes = [s for s in (*SHAPES, (3, 2, 4)) if not (nonempty and 0 in s) and not (nan and 1 in s)]
        out = []
        for s in shapes:
            a = array(rng, dtype, s, -2, 2)
            if nan and dtype in FLOATS and a.size > 2:
                a.flat[1] = np.nan
            dims = ([] if need_dim else [None]) + list(range(-len(s), len(s)))
            if len(s) > 1 and not one_dim:
                dims += [(0, 1), (-1, 0)]
            for d in dims:
                for keep in (False,) if no_keepdim else (False, True):
                    kw = {} if d is None else {"dim": d}
                    if keep and d is None:
                        continue
                    out.append(([a], {**kw, "keepdim": True} if keep else kw))
        return out

    return spec(make, **flags)


def variance() -> Spec:
    def make(dtype, rng):
        out = []
        for s in ((5,), (3, 4), (2, 3, 4)):
            for kw in (
                {},
                {"dim": 0},
                {"dim": (-1,), "keepdim": True},
                {"dim": 0, "correction": 0},
                {"dim": -1, "correction": 1},
            ):
                out.append(([array(rng, dtype, s)], kw))
        return out

    return spec(make, float_only=True)


def unbiased() -> Spec:
    return spec(
        lambda dtype, rng: [([array(rng, dtype, s), u], {}) for s in ((5,), (3, 4)) for u in (True, False)],
        float_only=True,
    )


def dim_unbiased() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([array(rng, dtype, (3, 4)), d, u, k], {})
            for d in (0, (0, 1), -1)
            for u in (True, False)
            for k in (True, False)
        ],
        float_only=True,
    )


def softmax() -> Spec:
    def make(dtype, rng):
        out = [([array(rng, dtype, s), d], {}) for s in ((5,), (3, 4), (2, 3, 4), (2, 33)) for d in range(-1, len(s))]
        return out + [([array(rng, dtype, (0, 3)), 1], {}), ([array(rng, dtype, ()), 0], {})]

    return spec(make, float_only=True)


def full_reduction(**flags) -> Spec:
    return spec(lambda dtype, rng: [([array(rng, dtype, s)], {}) for s in ((5,), (3, 4), (2, 1, 3), (1,))], **flags)


def aminmax() -> Spec:
    return spec(
        lambda dtype, rng: [([array(rng, dtype, (3, 4))], kw) for kw in ({}, {"dim": 1}, {"dim": 0, "keepdim": True})]
    )


def norm() -> Spec:
    def make(dtype, rng):
        out = [([array(rng, dtype, (3, 4), nonzero=True), p], {}) for p in (1, 2, 3.0, np.inf, -np.inf, 0)]
        return out + [
            ([array(rng, dtype, (3, 4), nonzero=True), p, d, k], {})
            for p in (1, 2, 3.0)
            for d in (0, -1)
            for k in (False, True)
        ]

    return spec(make, float_only=True)


def along_dim(nonempty=False, **flags) -> Spec:
    def make(dtype, rng):
        shapes = [(5,), (3, 4), (2, 1, 3)] + ([] if nonempty else [(0, 3)])
        return [([array(rng, dtype, s, -2, 2), d], {}) for s in shapes for d in range(-1, len(s))]

    return spec(make, **flags)


def sort() -> Spec:
    def make(dtype, rng):
        out = []
        for s in ((5,), (3, 4), (0, 3), (2, 3, 4)):
            for d in range(-1, len(s)):
                out += [
                    ([array(rng, dtype, s, -9, 9)], {"dim": d, "descending": desc, "stable": True})
                    for desc in (False, True)
                ]
        return out

    return spec(make)


def argsort() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([array(rng, dtype, s, -9, 9)], {"dim": d, "stable": True}) for s in ((5,), (3, 4)) for d in (0, -1)
        ]
    )


def distinct(rng, dtype, shape) -> np.ndarray:
    n = int(np.prod(shape))
    return rng.permutation(n).reshape(shape).astype(np_dtype(dtype))


def topk() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([distinct(rng, dtype, s), k, d, big], {})
            for s in ((5,), (3, 4), (4, 3, 5))
            for d in (0, -1)
            for k in (1, 2)
            for big in (True, False)
        ],
        bool=False,
    )


def kthvalue() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([distinct(rng, dtype, s), k, d], {}) for s in ((5,), (3, 4)) for d in (0, -1) for k in (1, 3)
        ],
        bool=False,
    )
