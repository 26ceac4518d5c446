"""Shapes, creation and joining of framejit._numpy against NumPy."""

import unittest

import numpy as np
from framejit import _numpy as ours

from tests.numpy_cases import DTYPES, array, call, check, compare, layouts, strided

S = np.s_


def x(dtype="float64", shape=(3, 4), seed=1):
    return lambda: array(dtype, shape, seed)


class Shapes(unittest.TestCase):
    def test_views(self):
        three = x(shape=(2, 3, 4))
        check(self, [(f"{f} {a}", f, call(three, *a)) for f, a in [
            (np.reshape, ((6, 4),)), (np.reshape, (-1,)), (np.reshape, ((4, -1),)), (np.reshape, ((5, -1),)), (np.reshape, ((-1, -1),)),
            (np.reshape, (24,)), (np.reshape, (25,)), (".reshape", (6, 4)), (".reshape", ((6, 4),)), (".reshape", (-1, 2)), (".reshape", (24,)),
            (np.ravel, ()), (".ravel", ()), (".flatten", ()), (np.transpose, ()), (np.transpose, ((1, 0, 2),)), (np.transpose, ((0, -1, 1),)),
            (np.transpose, ((0, 1),)), (".transpose", ()), (".transpose", (2, 0, 1)), (".transpose", ((2, 0, 1),)), (np.swapaxes, (0, -1)),
            (".swapaxes", (0, 1)), (np.swapaxes, (0, 3)), (np.moveaxis, (0, -1)), (np.moveaxis, ((0, 1), (1, 2))), (np.moveaxis, (0, 3)),
            (np.rollaxis, (2,)), (np.rollaxis, (0, 2)), (np.expand_dims, (0,)), (np.expand_dims, (-1,)), (np.expand_dims, ((0, 2),)),
            (np.expand_dims, (5,)), (np.atleast_1d, ()), (np.atleast_2d, ()), (np.atleast_3d, ()), (np.broadcast_to, ((5, 2, 3, 4),)),
            (np.broadcast_to, ((2, 3),)), (np.flip, ()), (np.flip, (1,)), (np.flip, ((0, 2),)), (np.fliplr, ()), (np.flipud, ()),
            (np.rot90, ()), (np.rot90, (2,)), (np.rot90, (3,)), (np.rot90, (-1, (1, 2))), (np.diagonal, ()), (np.diagonal, (1, 0, 2)),
            (np.squeeze, ()), (np.squeeze, (0,)), (".squeeze", ()), (np.copy, ()), (".copy", ()), (np.ndim, ()), (np.shape, ()), (np.size, ()),
            (np.size, (1,)), (".__len__", ()), (":T", ()), (":shape", ()), (":ndim", ()), (":size", ()), (":dtype", ()), (":itemsize", ()),
            (":nbytes", ()), (":strides", ()), (":real", ()), (":imag", ()), (np.matrix_transpose, ()),
        ]])  # fmt: skip

    def test_layouts(self):
        functions = (
            (np.reshape, -1), (np.ravel,), (".flatten",), (np.transpose,), (np.squeeze,), (np.expand_dims, 0), (np.atleast_1d,), (np.atleast_2d,),
            (np.atleast_3d,), (np.copy,), (".copy",), (":T",), (":shape",), (":real",), (":imag",), (":size",), (".squeeze",), (".__len__",),
        )  # fmt: skip
        for function, *rest in functions:
            for dtype in DTYPES:
                for n, make in layouts(dtype):
                    known = None if n == "scalar" and "atleast" in str(function) else True
                    check(self, [(f"{function} {dtype} {n}", function, call(make, *rest))], known)

    def test_ones_squeezed(self):
        make = x(shape=(1, 3, 1))
        check(self, [(f"{a}", np.squeeze, call(make, *a)) for a in ((), (0,), (-1,), ((0, 2),), (1,))])
        check(self, [("all", np.squeeze, call(x(shape=(1, 1))))])

    def test_reshape_of_strides_copies_as_numpy_does(self):
        make = lambda: strided("float64", (3, 4))
        check(self, [(f"{s}", np.reshape, call(make, s)) for s in (-1, (12,), (3, 2, 2), (3, 4, 1), (1, 3, 4), (4, 3))])
        make = lambda: array("float64", (4, 6))[:, ::2]
        check(self, [(f"{s}", np.reshape, call(make, s)) for s in (-1, (2, 2, 3), (4, 3), (2, 6))])

    def test_astype(self):
        for dtype in DTYPES:
            for wanted in DTYPES:
                known = None if dtype == "complex128" else True
                make = lambda: array(dtype, (3, 4), 1, 0, 100)
                check(self, [(f"{dtype} {wanted}", ".astype", call(make, wanted))], known)
                check(self, [(f"{dtype} {wanted} scalar", ".astype", call(lambda: make()[0, 0], wanted))], known)
        check(self, [
            ("no copy", ".astype", call(x(), float, copy=False)),
            ("safe", ".astype", call(x(), "float32", casting="safe")),
            ("type", ".astype", call(x(), int)),
            ("function", np.astype, call(x(), np.float32)),
        ])  # fmt: skip

    def test_iteration(self):
        for make in (x(), x(shape=(3,)), x("int64", (2, 2, 2))):
            mine, theirs = list(ours.METHODS["__iter__"](make())), list(make())
            self.assertEqual([type(v) for v in mine], [type(v) for v in theirs])
            np.testing.assert_array_equal(mine, theirs)

    def test_fill(self):
        check(self, [(f"{v}", ".fill", call(x(), v)) for v in (2.5, 1, True)])


class Creation(unittest.TestCase):
    def test_filled(self):
        for f in (np.zeros, np.ones):
            check(self, [(f"{f.__name__} {a}", f, call(*a)) for a in [
                (3,), ((2, 3),), ([2, 3],), ((),), (0,), ((2, 0),), (3, int), (3, "float32"), (3, np.bool_), (3, np.complex128), (-1,), (2.5,),
            ]])  # fmt: skip
        check(self, [(f"full {a}", np.full, call(*a)) for a in [
            (3, 2), (3, 2.5), ((2, 3), True), (3, 1j), (3, 2, float), (3, 300, "uint8"), ((2, 2), [1, 2]), ((2, 3), np.float32(2)), (3, np.array([1, 2])),
        ]])  # fmt: skip
        for f in (np.zeros_like, np.ones_like):
            for dtype in DTYPES:
                check(self, [(f"{f.__name__} {dtype} {n}", f, call(m)) for n, m in layouts(dtype)])
            check(
                self,
                [("dtype", f, call(x(), np.int32)), ("shape", f, call(x(), shape=(2, 2))), ("list", f, call([1, 2.5]))],
            )
        check(self, [(f"full_like {v}", np.full_like, call(x(), v)) for v in (1, 2.5, True)])
        check(self, [(f"full_like of ints {v}", np.full_like, call(x("int64"), v)) for v in (1, 2.5, True)])

    def test_array(self):
        given = [
            [1, 2, 3], [1.5, 2], [[1, 2], [3, 4]], [True, False], [True, 2], [1, 2.5, 1j], 3, 2.5, True, (), [], [[]], (1, (2, 3)), [np.float32(1), 2],
            [np.float32(1), np.int64(2)], np.float64(2), [np.arange(3), np.arange(3)], [[1, 2], [3]], ((1, 2), [3, 4]), "text", [None], [2**40, 1], [2**70],
        ]  # fmt: skip
        for f in (np.array, np.asarray):
            check(
                self, [(f"{f.__name__} {v!r}", f, call(v)) for v in given if v not in ("text", [None], [2**70])], None
            )
            check(self, [(f"{f.__name__} {v!r}", f, call(v)) for v in given[:11]])
            check(
                self,
                [("an array", f, call(x())), ("dtype", f, call(x(), np.float32)), ("same dtype", f, call(x(), float))],
            )
            check(self, [(f"list {d}", f, call([1, 2, 3], dtype=d)) for d in ("float64", "float32", "int64", complex)])
        check(self, [("ndmin", np.array, call(x(), ndmin=3)), ("no copy", np.array, call(x(), copy=False))])
        check(
            self,
            [
                ("contiguous", np.ascontiguousarray, call(lambda: strided("int32", (3, 4)))),
                ("the same", np.ascontiguousarray, call(x())),
            ],
        )

    def test_scalar_types(self):
        for dtype in DTYPES:
            kind = np.dtype(dtype).type
            check(self, [(f"{dtype} {v!r}", kind, call(v)) for v in (1, True, 0, 300, -1)])
            check(
                self, [(f"{dtype} {v!r}", kind, call(v)) for v in (2.5, 1j, np.float32(2), np.int64(3), [1, 2])], None
            )
            check(self, [(f"{dtype} of an array {d}", kind, call(x(d))) for d in ("bool", "int64", dtype)])

    def test_ranges(self):
        check(self, [(f"arange {a}", np.arange, call(*a)) for a in [
            (5,), (5.0,), (2, 7), (2, 7, 2), (7, 2, -2), (0, 1, 0.1), (0.5, 3), (1, 0), (0, 3, None, float), (3, None, None, "float32"), (10, 0, -3), (0, 7, 3),
            (2, 2), (-1.5, 1.5, 0.25),
        ]])  # fmt: skip
        check(self, [(f"linspace {a}", np.linspace, call(*a)) for a in [
            (0, 1), (0, 1, 5), (2.5, -1, 7), (0, 1, 1), (0, 1, 0), (3, 3, 4), (0, 1, 5, False), (np.float32(0), np.float32(1), 5), (0, 1, 5, True, False, "float32"),
            (lambda: np.arange(3.0), 1, 4), (0, 10, 11),
        ]])  # fmt: skip
        check(
            self,
            [
                ("logspace", np.logspace, call(0, 3, 7)),
                ("base", np.logspace, call(0, 3, 7, base=2)),
                ("geomspace", np.geomspace, call(1, 1000, 7)),
            ],
        )

    def test_matrices(self):
        check(
            self,
            [(f"eye {a}", np.eye, call(*a)) for a in [(3,), (3, 4), (3, None, 1), (3, 4, -1), (2, 2, 0, int), (0,)]],
        )
        check(
            self,
            [
                ("identity", np.identity, call(3)),
                ("identity int", np.identity, call(3, int)),
                ("tri", np.tri, call(3, 4, 1)),
                ("tri int", np.tri, call(3, dtype=int)),
            ],
        )
        for k in (0, 1, -1):
            for dtype in ("int64", "float32", "complex128", "bool"):
                check(self, [(f"{f.__name__} {k} {dtype}", f, call(x(dtype), k)) for f in (np.tril, np.triu, np.diag)])
                check(
                    self,
                    [
                        (f"diag {k} {dtype}", np.diag, call(x(dtype, (3,)), k)),
                        ("diagflat", np.diagflat, call(x(dtype), k)),
                    ],
                )
        check(self, [("vander", np.vander, call(x(shape=(4,)))), ("vander", np.vander, call(x(shape=(4,)), 3, True))])
        check(
            self,
            [
                (f"meshgrid {k}", np.meshgrid, call(x(shape=(3,)), x("int64", (4,)), **k))
                for k in ({}, {"indexing": "ij"}, {"sparse": True})
            ],
        )
        check(
            self,
            [
                ("meshgrid 3", np.meshgrid, call([1, 2], [3, 4, 5], x(shape=(2,)))),
                ("meshgrid 1", np.meshgrid, call(x(shape=(3,)))),
            ],
        )
        check(self, [("indices", np.indices, call((2, 3))), ("indices float", np.indices, call((2, 3), float))])

    def test_windows_and_grids(self):
        check(
            self,
            [
                (f"{f.__name__} {n}", f, call(n))
                for f in (np.hanning, np.hamming, np.blackman, np.bartlett)
                for n in (2, 7, 8)
            ],
        )
        check(
            self,
            [
                (f"{f.__name__} {r}", f, call(*r))
                for f in (np.tril_indices, np.triu_indices)
                for r in ((3,), (3, 1), (4, -1, 3), (0,))
            ],
        )
        check(self, [("ix_", np.ix_, call([0, 2], [1, 3, 0])), ("ix_ arrays", np.ix_, call(lambda: np.arange(3), [1]))])
        check(
            self,
            [
                (f"polyval {p}", np.polyval, call(p, m))
                for p in ([2, 0, -1], [1.5, 2.0], [3])
                for m in (x(), x("int64"), x("float32"))
            ],
        )
        check(self, [(f"delete {r}", np.delete, call(x(), *r)) for r in ((1, 0), (-1, 1), (5,), (0, -2), (9, 0))])
        check(
            self,
            [
                (f"insert {r}", np.insert, call(x(d, (5,)), *r))
                for d in ("float64", "int64")
                for r in ((2, 7), (-1, 2.5), (5, [1, 2]), (9, 1))
            ],
        )


class Joining(unittest.TestCase):
    def test_joined(self):
        a, b, c = x(), x("int64"), x("float32", (2, 4), 3)
        pair, mixed = (lambda: [a(), b()]), (lambda: (a(), c()))
        check(self, [(f"{f.__name__} {r}", f, call(m, *r)) for f, m, r in [
            (np.concatenate, pair, ()), (np.concatenate, pair, (1,)), (np.concatenate, pair, (None,)), (np.concatenate, mixed, ()), (np.concatenate, mixed, (1,)),
            (np.concatenate, pair, (2,)), (np.concatenate, a, ()), (np.concatenate, lambda: [a()], ()), (np.stack, pair, ()), (np.stack, pair, (-1,)),
            (np.stack, mixed, ()), (np.stack, a, (1,)), (np.hstack, pair, ()), (np.vstack, pair, ()), (np.dstack, pair, ()), (np.column_stack, pair, ()),
            (np.vstack, mixed, ()), (np.hstack, mixed, ()), (np.concatenate, lambda: [], ()),
        ]])  # fmt: skip
        rows = lambda: [array("float64", (3,)), array("bool", (3,))]
        check(
            self,
            [
                (f.__name__, f, call(rows))
                for f in (np.concatenate, np.stack, np.hstack, np.vstack, np.dstack, np.column_stack)
            ],
        )
        check(
            self,
            [
                (f"numbers {f.__name__}", f, call([1, 2.5, np.float32(3)]))
                for f in (np.stack, np.hstack, np.vstack, np.column_stack)
            ],
        )
        check(self, [
            ("dtype", np.concatenate, call(pair, dtype="float32")),
            ("out", np.concatenate, call(pair, out=lambda: np.zeros((6, 4)))),
            ("wrong out", np.concatenate, call(pair, out=lambda: np.zeros((5, 4)))),
            ("small integers", np.concatenate, call(lambda: [array("uint8"), array("int32")])),
            ("append", np.append, call(a, b)), ("append number", np.append, call(a, 3)), ("append rows", np.append, call(a, b, 0)),
            ("lists", np.concatenate, call([[1, 2], [3.5]])),
        ])  # fmt: skip

    def test_cut(self):
        a = x(shape=(7, 6))
        check(self, [(f"{f.__name__} {r}", f, call(a, *r)) for f in (np.split, np.array_split) for r in [
            (7,), (3,), ([2, 4],), ([2, 9],), (3, 1), ([1], -1), (0,), ([-2],), ([3, 1],),
        ]])  # fmt: skip
        check(
            self,
            [
                ("hsplit", np.hsplit, call(a, 2)),
                ("vsplit", np.vsplit, call(a, 7)),
                ("unstack", np.unstack, call(a)),
                ("unstack", np.unstack, call(a, axis=1)),
            ],
        )

    def test_repeated(self):
        a, one = x(), x("int64", (3,))
        check(
            self, [(f"tile {r}", np.tile, call(m, r)) for m in (a, one, 3) for r in (2, (2,), (2, 1), (2, 1, 3), 0, 1)]
        )
        check(
            self,
            [(f"repeat {r}", np.repeat, call(m, *r)) for m in (a, one) for r in ((2,), (2, 0), (0,), (1,), (3, -1))],
        )
        check(
            self,
            [
                (f"roll {r}", np.roll, call(m, *r))
                for m in (a, one)
                for r in ((1,), (-2,), (1, 0), (7, -1), (0,), ((1, 2), (0, 1)), (1, (0, 1)), ((1, 2), 0), (1, 5))
            ],
        )
        check(self, [("method", ".repeat", call(a, 2, 1))])

    def test_pad(self):
        for make in (x(), x("int64", (5,)), x("float32", (2, 3, 4)), x(shape=(1, 4))):
            for mode in ("constant", "edge", "reflect", "wrap", "symmetric"):
                for width in (1, (1, 2), ((1, 2),), 0, 9, ((0, 0),)):
                    check(self, [(f"{mode} {width} {make().shape}", np.pad, call(make, width, mode))])
        check(
            self,
            [
                ("pairs", np.pad, call(x(), ((1, 0), (2, 3)))),
                ("value", np.pad, call(x(), 1, constant_values=2.5)),
                ("value of ints", np.pad, call(x("int64"), 1, constant_values=7)),
            ],
        )
        self.assertIsNone(compare(np.pad, call(x(), 1, "mean"), None))


if __name__ == "__main__":
    unittest.main()
