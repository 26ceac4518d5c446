"""Products, numpy.linalg, sorting, searching, signals of framejit._numpy against NumPy."""

import unittest

import numpy as np
from framejit import _numpy as ours

from tests.numpy_cases import DTYPES, Outcome, array, call, check, real, strided, substitute


def x(dtype="float64", shape=(3, 4), seed=1):
    return lambda: array(dtype, shape, seed)


def symmetric(n=4):
    def make():
        a = array("float64", (n, n), 3)
        return a + a.T

    return make


class Products(unittest.TestCase):
    def test_shapes(self):
        shapes = [((3,), (3,)), ((3, 4), (4,)), ((3,), (3, 4)), ((3, 4), (4, 2)), ((2, 3, 4), (4, 5)), ((2, 3, 4), (2, 4, 5)), ((3,), (4,)), ((), (3,)), ((2, 3, 4), (4,)), ((0, 3), (3, 2)), ((3, 4), (3, 4))]  # fmt: skip
        for a, b in shapes:
            for f in (
                np.matmul,
                np.dot,
                np.inner,
                np.vdot,
                np.outer,
                np.kron,
                np.multiply.outer,
                ".dot",
                ".__matmul__",
            ):
                check(self, [(f"{f} {a} {b}", f, call(x(shape=a), x(shape=b, seed=2)))])

    def test_dtypes(self):
        for a in DTYPES:
            for b in DTYPES:
                known = None if {a, b} <= {"bool", "uint8"} else True
                for f in (np.matmul, np.dot, np.inner, np.outer, np.vdot):
                    check(self, [(f"{f.__name__} {a} {b}", f, call(x(a, (4, 4)), x(b, (4, 4), 2)))], known, 1e-5)
        check(self, [
            ("out", np.matmul, call(x(), x(shape=(4, 2)), out=lambda: np.zeros((3, 2)))), ("out of dot", np.dot, call(x(), x(shape=(4, 2)), out=lambda: np.zeros((3, 2)))),
            ("strided", np.matmul, call(lambda: strided("float64", (3, 4)), lambda: strided("float64", (4, 3)))), ("lists", np.dot, call([1, 2], [3, 4.5])),
        ])  # fmt: skip

    def test_einsum(self):
        a, b = x(shape=(3, 4)), x(shape=(4, 5), seed=2)
        check(
            self,
            [
                (e, np.einsum, call(e, a, b))
                for e in ("ij,jk->ik", "ij,jk", "ij,jk->ki", "ij, jk -> i", "ij,jk->", "ij,kl->ik")
            ],
        )
        check(self, [(e, np.einsum, call(e, lambda: array("float64", (3, 3)))) for e in ("ii", "ij->j", "ij->")])
        check(self, [(e, np.einsum, call(e, lambda: array("float64", (3, 3)))) for e in ("ii->i", "ij->ji")], None)
        check(
            self,
            [
                ("ints", np.einsum, call("i,i->", x("int64", (4,)), x("int64", (4,)))),
                ("mixed", np.einsum, call("i,i->i", x("int64", (4,)), x(shape=(4,)))),
                ("wrong", np.einsum, call("ij,ij", a, b)),
            ],
        )

    def test_others(self):
        a, b = x(shape=(2, 3, 4)), x(shape=(4, 3, 2), seed=2)
        check(
            self,
            [
                (f"tensordot {r}", np.tensordot, call(a, b, r))
                for r in (1, 0, 2, ([1, 2], [1, 0]), ((0,), (2,)), (0, 2), ([0], [0]))
            ],
        )
        check(self, [(f"trace {r}", np.trace, call(x(), *r)) for r in ((), (1,), (-1,), (0, 1, 0), (9,))])
        check(
            self,
            [
                ("trace of ints", np.trace, call(x("int32"))),
                ("method", ".trace", call(x())),
                ("trace of 3", np.trace, call(a)),
            ],
        )
        check(
            self,
            [
                ("cross", np.cross, call(x(shape=(5, 3)), x(shape=(3,), seed=2))),
                ("axis", np.cross, call(x(shape=(3, 5)), x(shape=(3, 5), seed=2), axis=0)),
                ("wrong", np.cross, call(x(), x())),
                ("kron", np.kron, call(x("int64", (2, 2)), x())),
            ],
        )


class Linalg(unittest.TestCase):
    def test_norm(self):
        inf = float("inf")
        for dtype in DTYPES:
            known = None if dtype == "complex128" else True
            for r in (
                (),
                (None, 0),
                (None, (0, 1)),
                (2, 1),
                (1, 1),
                (inf, 0),
                (-inf, 1),
                (0, 0),
                (3, 0),
                ("fro",),
                (1,),
                (inf,),
                (2,),
                (-2,),
                (-1,),
                ("fro", (1, 0)),
            ):
                check(self, [(f"{dtype} {r}", np.linalg.norm, call(x(dtype), *r))], known, 1e-5)
        check(self, [("line", np.linalg.norm, call(x(shape=(5,)))), ("keepdims", np.linalg.norm, call(x(), axis=1, keepdims=True)), ("keepdims of all", np.linalg.norm, call(x(), keepdims=True)),
                     ("3-d", np.linalg.norm, call(x(shape=(2, 3, 4)))), ("3-d 1", np.linalg.norm, call(x(shape=(2, 3, 4)), 1)), ("0-d", np.linalg.norm, call(x(shape=())))])  # fmt: skip
        check(
            self,
            [
                ("vector_norm", np.linalg.vector_norm, call(x())),
                ("axis", np.linalg.vector_norm, call(x(), axis=0, ord=1)),
            ],
        )

    def test_values(self):
        square = x(shape=(4, 4))
        check(self, [("det", np.linalg.det, call(square)), ("many", np.linalg.det, call(x(shape=(2, 3, 3)))), ("ints", np.linalg.det, call(x("int64", (3, 3)))), ("wrong", np.linalg.det, call(x())),
                     ("slogdet", np.linalg.slogdet, call(square)), ("eigvalsh", np.linalg.eigvalsh, call(symmetric())), ("svdvals", np.linalg.svdvals, call(x())),
                     ("svd values", np.linalg.svd, call(x(), compute_uv=False)), ("power", np.linalg.matrix_power, call(square, 5)), ("power 1", np.linalg.matrix_power, call(square, 1)),
                     ("float32", np.linalg.det, call(x("float32", (4, 4))))], tolerance=1e-5)  # fmt: skip

    def test_factors(self):
        """The signs of columns are free: what counts is the product."""
        for function, make, build in (
            (np.linalg.qr, x(), lambda r: r[0] @ r[1]),
            (np.linalg.qr, x(shape=(4, 3)), lambda r: r[0] @ r[1]),
            (np.linalg.svd, x(shape=(4, 4)), lambda r: r[0] * r[1] @ r[2]),
            (np.linalg.eigh, symmetric(), lambda r: r[0] * r[1] @ r[1].T),
        ):
            mine, theirs = Outcome(substitute(function), call(make)), Outcome(real(function), call(make))
            self.assertIsNone(mine.error)
            self.assertIs(type(mine.value), type(theirs.value))
            self.assertEqual([v.shape for v in mine.value], [v.shape for v in theirs.value])
            np.testing.assert_allclose(build(mine.value), make(), atol=1e-10)

    def test_what_raises_by_values_is_left_to_numpy(self):
        for function in (
            np.linalg.inv,
            np.linalg.solve,
            np.linalg.cholesky,
            np.linalg.eig,
            np.unique,
            np.nonzero,
            np.bincount,
        ):
            self.assertNotIn(function, ours.FUNCTIONS)


class Sorting(unittest.TestCase):
    def test_sort(self):
        for f in (np.sort, np.argsort, ".argsort"):
            for dtype in ("bool", "int64", "float32", "float64"):
                make = (
                    (lambda: np.random.default_rng(3).permutation(12).reshape(3, 4).astype(dtype))
                    if dtype != "bool"
                    else x("bool")
                )
                known = None if dtype == "bool" and f is not np.sort else True
                for axis in (-1, 0, None, 1, 5):
                    if known:
                        check(self, [(f"{f} {dtype} {axis}", f, call(make, axis))], known)
        check(
            self,
            [
                ("nan", np.sort, call(lambda: np.array([3, np.nan, 1, np.inf]))),
                ("method", ".sort", call(x())),
                ("axis", ".sort", call(x(), 0)),
                ("list", np.sort, call([3, 1, 2])),
                ("empty", np.sort, call(x(shape=(0, 3)))),
            ],
        )

    def test_search(self):
        edges = lambda: np.array([-2.0, -1, 0, 1.5, 3])
        for side in ("left", "right"):
            check(
                self,
                [(f"{side} {d}", np.searchsorted, call(edges, x(d), side)) for d in ("int64", "float32", "float64")],
            )
            check(
                self,
                [
                    ("number", np.searchsorted, call(edges, 0.0, side)),
                    ("method", ".searchsorted", call(edges, 1, side)),
                    ("ints", np.searchsorted, call([1, 2, 2, 5], [2, 0, 9], side)),
                ],
            )
        for right in (False, True):
            check(
                self,
                [
                    ("rising", np.digitize, call(x(), edges, right)),
                    ("falling", np.digitize, call(x(), lambda: edges()[::-1].copy(), right)),
                    ("list", np.digitize, call(x(), [-1, 0, 2.5], right)),
                    ("number", np.digitize, call(0.5, edges, right)),
                ],
            )
            check(self, [("ints", np.digitize, call(x("int64"), [-1, 0, 1], right))])
        check(
            self,
            [("isin", np.isin, call(x("int64"), [1, 2])), ("invert", np.isin, call(x("int64"), [1, 2], invert=True))],
        )

    def test_take(self):
        index = lambda: np.array([[0, 2], [-1, 1]])
        check(self, [(f"{r}", np.take, call(x(), index, *r)) for r in ((), (0,), (1,), (-1,), (2,))])
        check(
            self,
            [
                ("number", np.take, call(x(), 3)),
                ("number of an axis", np.take, call(x(), 1, 0)),
                ("out of range", np.take, call(x(), [99])),
                ("method", ".take", call(x(), [0, 1], 1)),
                ("list", np.take, call([4, 5, 6], [2, 0])),
            ],
        )
        places = lambda: np.array([[0, 1, -1, 2]])
        check(
            self,
            [
                ("along", np.take_along_axis, call(x(), places, 0)),
                ("rows", np.take_along_axis, call(x(), lambda: np.array([[0], [1], [3]]), 1)),
                ("last", np.take_along_axis, call(x(), lambda: np.argsort(x()(), -1))),
            ],
        )
        check(
            self,
            [
                ("put", np.put_along_axis, call(x(), places, 7.5, 0)),
                ("put values", np.put_along_axis, call(x(), places, x(shape=(1, 4), seed=5), 0)),
                ("wrong", np.put_along_axis, call(x(), [0], 1, 0)),
            ],
        )

    def test_histogram(self):
        many = lambda: array("float64", (500,), 5)
        for make in (
            many,
            lambda: array("int64", (200,), 5, -10, 10),
            lambda: array("float32", (300,), 5),
            lambda: np.full(5, 2.0),
            lambda: np.arange(20.0),
        ):
            check(
                self,
                [
                    (f"{k}", np.histogram, call(make, **k))
                    for k in ({}, {"bins": 7}, {"range": (-1, 2)}, {"bins": 3, "density": True})
                ],
                tolerance=1e-6,
            )
        check(self, [("weights", np.histogram, call(many, weights=lambda: array("float64", (500,), 6)))])
        check(self, [("edges", np.histogram, call(many, bins=[0, 1, 2]))], None)


class Signals(unittest.TestCase):
    def test_transforms(self):
        for f in (np.fft.fft, np.fft.ifft, np.fft.rfft, np.fft.irfft):
            for dtype in ("bool", "int64", "float32", "float64", "complex128"):
                cases = [
                    (f"{f.__name__} {dtype} {r}", f, call(x(dtype), *r))
                    for r in ((), (6,), (3, 0), (None, 0, "ortho"), (0,), (None, 5))
                ]
                check(self, cases, tolerance=1e-5)
            check(
                self,
                [
                    ("0-d", f, call(x(shape=()))),
                    ("empty", f, call(x(shape=(0, 3)), axis=0)),
                    ("norm", f, call(x(), norm="other")),
                ],
            )
        for f in (np.fft.fft2, np.fft.ifft2, np.fft.rfft2, np.fft.fftn, np.fft.ifftn, np.fft.rfftn):
            for dtype in ("float32", "float64", "complex128"):
                check(
                    self,
                    [
                        (f"{f.__name__} {dtype} {k}", f, call(x(dtype, (2, 3, 4)), **k))
                        for k in ({}, {"axes": (0, 1)}, {"norm": "forward"})
                    ],
                    tolerance=1e-5,
                )
        check(
            self,
            [
                (f"{f.__name__} {r}", f, call(*r))
                for f in (np.fft.fftfreq, np.fft.rfftfreq)
                for r in ((8,), (7,), (8, 0.1), (1,), (0,))
            ],
        )
        check(
            self,
            [
                (f"{f.__name__} {r}", f, call(x(shape=(3, 4)), *r))
                for f in (np.fft.fftshift, np.fft.ifftshift)
                for r in ((), (0,), ((0, 1),), (5,))
            ],
        )

    def test_convolve(self):
        for f in (np.convolve, np.correlate):
            for mode in ("full", "same", "valid"):
                for n, k in ((9, 3), (9, 4), (9, 9), (9, 1), (3, 9), (4, 9), (100, 40), (100, 41)):
                    known = None if k > n and f is np.correlate else True
                    for dtype in ("int64", "float64"):
                        check(
                            self,
                            [
                                (
                                    f"{f.__name__} {mode} {n} {k} {dtype}",
                                    f,
                                    call(x(dtype, (n,)), x(dtype, (k,), 2), mode),
                                )
                            ],
                            known,
                        )
        check(
            self,
            [
                ("mixed", np.convolve, call(x("float32", (9,)), x("float64", (3,)))),
                ("complex", np.correlate, call(x("complex128", (9,)), x("complex128", (3,), 2))),
                ("list", np.convolve, call([1, 2, 3], [0, 1, 0.5])),
                ("empty", np.convolve, call([1, 2], [])),
            ],
        )

    def test_interp(self):
        places, values = lambda: np.array([-2.0, -1, 0.5, 2]), lambda: np.array([1.0, 3, -1, 0])
        special = lambda: np.array([-5, -2, -1.5, 0, 0.5, 2, 2.5, np.nan, np.inf])
        check(self, [
            ("plain", np.interp, call(x(), places, values)), ("special", np.interp, call(special, places, values)), ("ends", np.interp, call(special, places, values, -7, 9.5)),
            ("number", np.interp, call(0.3, places, values)), ("lists", np.interp, call([0, 1], [0, 2, 3], [1, 2, 3])), ("one", np.interp, call(special, [0.5], [3])), ("lengths", np.interp, call(special, places, [3])),
        ])  # fmt: skip


if __name__ == "__main__":
    unittest.main()
