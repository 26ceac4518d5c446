"""Samples of losses."""

from __future__ import annotations

import numpy as np

from tests.samples.core import Spec, array, round_to, spec

# -- losses ------------------------------------------------------------------------------------------------------------

REDUCTIONS = ("none", "mean", "sum")


def loss(target01=False, target_sign=False, batchmean=False, **options) -> Spec:
    def make(dtype, rng):
        out = []
        for s in ((5,), (3, 4), ()):
            target = array(rng, dtype, s)
            if target01:
                target = array(rng, dtype, s, 0.05, 0.95)
            if target_sign:
                target = np.asarray(round_to(np.where(rng.random(s) < 0.5, -1.0, 1.0), dtype))
            out += [([array(rng, dtype, s), target], {"reduction": r}) for r in REDUCTIONS]
        for name, values in options.items():
            out += [([array(rng, dtype, (3, 4)), array(rng, dtype, (3, 4))], {name: v}) for v in values]
        return out

    return spec(make, float_only=True)


def bce() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([array(rng, dtype, s, 0.1, 0.9), array(rng, dtype, s, 0.1, 0.9)], {"reduction": r})
            for s in ((5,), (3, 4))
            for r in REDUCTIONS
        ],
        float_only=True,
    )


def nll(smooth=False) -> Spec:
    def make(dtype, rng):
        out = []
        for s, t in (((4, 3), (4,)), ((3,), ()), ((2, 3, 5), (2, 5))):
            for r in REDUCTIONS:
                target = rng.integers(0, 3, t)
                kw = {"reduction": r}
                out.append(([array(rng, dtype, s), np.asarray(target)], kw))
                out.append(([array(rng, dtype, s), np.asarray(target), array(rng, dtype, (3,), 0.2, 2)], kw))
                out.append(([array(rng, dtype, s), np.asarray(target)], {**kw, "ignore_index": 1}))
                if smooth:
                    out.append(([array(rng, dtype, s), np.asarray(target)], {**kw, "label_smoothing": 0.1}))
        return out

    return Spec(make, ("float32", "float64"))


def ranking() -> Spec:
    return spec(
        lambda dtype, rng: [
            (
                [
                    array(rng, dtype, (5,)),
                    array(rng, dtype, (5,)),
                    round_to(np.where(rng.random(5) < 0.5, -1.0, 1.0), dtype),
                ],
                {"margin": m, "reduction": r},
            )
            for m in (0.0, 0.5)
            for r in REDUCTIONS
        ],
        float_only=True,
    )


def cosine() -> Spec:
    return spec(
        lambda dtype, rng: (
            [([array(rng, dtype, (3, 4)), array(rng, dtype, (3, 4)), d], {}) for d in (0, 1)]
            + [([array(rng, dtype, (2, 3, 4)), array(rng, dtype, (2, 3, 4)), -1], {})]
        ),
        float_only=True,
    )


def cosine_loss() -> Spec:
    return spec(
        lambda dtype, rng: [
            ([array(rng, dtype, (3, 4)), array(rng, dtype, (3, 4)), np.array([1, -1, 1])], {"reduction": r})
            for r in REDUCTIONS
        ],
        float_only=True,
    )


def pair() -> Spec:
    return spec(
        lambda dtype, rng: [([array(rng, dtype, (3, 4)), array(rng, dtype, (3, 4)), p], {}) for p in (1.0, 2.0, 3.0)],
        float_only=True,
    )
