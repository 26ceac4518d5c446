"""Sample inputs for the rows of the op table.

A row's `samples` column is a call of one of the functions below, `binary(nonzero=True)` say. It gives a Spec: which
dtypes the op takes, and a function from (dtype, random generator) to a list of samples. A sample is (args, kwargs) in
schema order; tensors are NumPy arrays. Sizes cover 0-d, empty, broadcast and several dimensions; the caller makes
strided copies of them.
"""

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


# -- views and shapes --------------------------------------------------------------------------------------------------


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


# -- indices -----------------------------------------------------------------------------------------------------------


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
