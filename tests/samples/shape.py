"""Samples of views and of ops that move elements."""

from __future__ import annotations

from tests.samples.core import Spec, array, spec


def simple(*cases, **flags) -> Spec:
    """Cases (shape, *other arguments)."""
    return spec(lambda dtype, rng: [([array(rng, dtype, c[0]), *c[1:]], {}) for c in cases], **flags)


def expand() -> Spec:
    return simple(((3, 1), (3, 4)), ((3, 1), (2, -1, 5)), ((), (2, 3)), ((1,), (0,)), ((2, 1, 3), (2, 4, 3)))


def reshape() -> Spec:
    return simple(
        ((3, 4), (4, 3)), ((3, 4), (-1,)), ((2, 3, 4), (6, -1)), ((), (1, 1)), ((0, 3), (3, 0)), ((1, 5), (5,))
    )


def permute() -> Spec:
    return simple(((3, 4), (1, 0)), ((2, 3, 4), (2, 0, 1)), ((2, 3, 4), (-1, 0, 1)), ((), ()), ((5,), (0,)))


def transpose() -> Spec:
    return simple(((3, 4), 0, 1), ((2, 3, 4), -1, 0), ((5,), 0, 0), ((0, 3), 0, 1))


def t() -> Spec:
    return simple(((3, 4),), ((5,),), ((),))


def select() -> Spec:
    return simple(((3, 4), 0, 1), ((3, 4), 1, -1), ((2, 3, 4), -2, 2), ((5,), 0, 0))


def slice() -> Spec:
    return simple(((5, 4), 0, 1, 4, 2), ((5, 4), 1, None, -1, 1), ((5, 4), 0, 3, 1, 1), ((5, 4), 1, -3, None, 3))


def narrow() -> Spec:
    return simple(((5, 4), 0, 1, 3), ((5, 4), -1, 0, 2), ((5, 4), 1, -2, 2), ((5, 4), 0, 2, 0))


def squeeze() -> Spec:
    return simple(((3, 1, 4, 1),), ((1, 1),), ((3,),), ((),))


def squeeze_dim() -> Spec:
    return simple(((3, 1, 4, 1), 1), ((3, 1, 4, 1), (1, -1)), ((3, 1), 0), ((3, 1), -1))


def unsqueeze() -> Spec:
    return simple(((3, 4), 0), ((3, 4), -1), ((3, 4), 1), ((), 0))


def diagonal() -> Spec:
    return simple(((3, 4),), ((3, 4), 1), ((3, 4), -1), ((2, 3, 4), 0, 1, 2), ((2, 3, 4), 1, 0, -1), ((3, 4), 9))


def unfold() -> Spec:
    return simple(((7,), 0, 3, 2), ((3, 6), 1, 2, 1), ((4, 3), 0, 2, 2))


def flatten() -> Spec:
    return simple(((2, 3, 4),), ((2, 3, 4), 1), ((2, 3, 4), 0, 1), ((),), ((5,),))


def unflatten() -> Spec:
    return simple(((2, 12), 1, (3, 4)), ((12,), 0, (3, -1)), ((6, 2), -2, (2, 3)))


def movedim() -> Spec:
    return simple(((2, 3, 4), 0, 2), ((2, 3, 4), (0, 1), (-1, 0)), ((3, 4), 1, 0))


def split() -> Spec:
    return simple(((5, 4), 2), ((5, 4), 3, 1), ((5, 4), 10))


def split_sizes() -> Spec:
    return simple(((5, 4), (2, 3)), ((5, 4), (1, 0, 3), 1))


def chunk() -> Spec:
    return simple(((5, 4), 2), ((5, 4), 3, 1), ((5, 4), 7))


def tensor_split_indices() -> Spec:
    return simple(((5, 4), (1, 3)), ((5, 4), (2,), 1))


def cat() -> Spec:
    def make(dtype, rng):
        sets = [(((3, 4), (2, 4)), 0), (((3, 4), (3, 1), (3, 2)), 1), (((5,),), 0), (((2, 3, 4), (2, 0, 4)), -2)]
        return [([[array(rng, dtype, s) for s in shapes], d], {}) for shapes, d in sets]

    return spec(make)


def stack(no_dim=False) -> Spec:
    def make(dtype, rng):
        sets = [((3, 4), 2), ((5,), 3), ((2, 3), 1)]
        return [
            ([[array(rng, dtype, s) for _ in range(n)], *([] if no_dim else [d])], {})
            for s, n in sets
            for d in ((0,) if no_dim else (0, 1, -1))
        ]

    return spec(make)


def pad() -> Spec:
    return simple(((3, 4), (1, 2)), ((3, 4), (1, 0, 2, 1), 7), ((2, 3, 4), (0, 1, 1, 1)), ((3, 4), (-1, 1)))


def pad_mode() -> Spec:
    return simple(((2, 3, 5), (1, 2)), ((2, 3, 4, 5), (1, 2, 2, 1)), float_only=True)


def flip() -> Spec:
    return simple(((3, 4), (0,)), ((3, 4), (0, 1)), ((2, 3, 4), (-1,)), ((0, 3), (0,)))


def matrix(**flags) -> Spec:
    return simple(((3, 4),), ((4, 4),), ((2, 5),), **flags)


def roll() -> Spec:
    return simple(((3, 4), 1), ((3, 4), 2, 0), ((3, 4), (1, -1), (0, 1)), ((5,), -7, 0))


def rot90() -> Spec:
    return simple(((3, 4), 1), ((3, 4), 2), ((3, 4), -1), ((2, 3, 4), 1, (1, 2)))


def repeat() -> Spec:
    return simple(((3, 4), (2, 1)), ((3,), (2, 2)), ((2, 3), (1, 2, 2)), ((), (3,)))


def diag() -> Spec:
    return simple(((3, 4),), ((3, 4), 1), ((4,),), ((4,), -1))


def diag_embed() -> Spec:
    return simple(((4,),), ((2, 3), 1), ((2, 3), -1))


def repeat_interleave() -> Spec:
    return simple(((3, 4), 2), ((3, 4), 2, 0), ((3, 4), 3, -1), ((5,), 0))
