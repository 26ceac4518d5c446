"""Elementwise choices, order statistics, averages and running functions of framejit._numpy against NumPy."""

import unittest

import numpy as np

from tests.numpy_cases import DTYPES, array, call, check, layouts

NAN = float("nan")


def x(dtype="float64", shape=(3, 4), seed=1):
    return lambda: array(dtype, shape, seed)


def holes(shape=(3, 4), dtype="float64"):
    def make():
        a = array(dtype, shape, 2)
        a[array("bool", shape, 3)] = NAN
        return a

    return make


class Selection(unittest.TestCase):
    def test_where(self):
        mask = x("bool", seed=4)
        for a in DTYPES:
            for b in DTYPES:
                known = None if {a, b} == {"uint8", "float32"} else True
                check(self, [(f"{a} {b}", np.where, call(mask, x(a), x(b, (4,), 2)))], known)
            for n in (True, 2, 2.5, 1j, np.float32(1)):
                check(self, [(f"{a} {n}", np.where, call(mask, x(a), n)), (f"{n} {a}", np.where, call(mask, n, x(a)))])
        check(self, [
            ("numbers", np.where, call(mask, 1, 0)), ("floats", np.where, call(mask, 1.5, 0)), ("condition of ints", np.where, call(x("int64"), 1.0, x())),
            ("0-d", np.where, call(True, 1.0, 2)), ("wrong shapes", np.where, call(mask, x(shape=(5,)), 1)),
        ])  # fmt: skip

    def test_select(self):
        masks = lambda: [array("bool", (4,), 1), array("bool", (4,), 2)]
        check(self, [
            ("arrays", np.select, call(masks, lambda: [array("float64"), array("int64")])),
            ("default", np.select, call(masks, lambda: [array("float32"), 2], 7)),
            ("lengths", np.select, call(masks, lambda: [array("float32")])),
        ])  # fmt: skip

    def test_clip(self):
        for dtype in ("int64", "float32", "float64", "uint8", "int32"):
            for low, high in ((0, 1), (None, 1), (-1, None), (0.5, 1.5), (2, 0), (np.float64(0), 1), (None, None)):
                check(
                    self,
                    [(f"{dtype} {low} {high}", f, call(x(dtype), low, high)) for f in (np.clip, ".clip")],
                    None if dtype == "uint8" else True,
                )
        check(self, [
            ("arrays", np.clip, call(x(), x(shape=(4,)), 2.0)), ("out", np.clip, call(x(), 0, 1, out=lambda: np.zeros((3, 4)))),
            ("names", np.clip, call(x(), min=0, max=1)), ("scalar", np.clip, call(2.5, 0, 1)), ("nan", np.clip, call(holes(), -1, 1)),
        ])  # fmt: skip

    def test_others(self):
        special = lambda: np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, NAN, 2.5, 3.7])
        check(self, [(f"round {d}", f, call(special, d)) for d in (0, 1, 2, -1) for f in (np.round, ".round")])
        check(
            self,
            [
                ("round ints", np.round, call(x("int64"))),
                ("round float32", np.round, call(x("float32"), 2)),
                ("scalar", np.round, call(2.567, 1)),
            ],
        )
        check(
            self,
            [
                ("nan_to_num", np.nan_to_num, call(special)),
                ("values", np.nan_to_num, call(special, nan=1.5, posinf=2, neginf=-2)),
                ("ints", np.nan_to_num, call(x("int64"))),
            ],
        )
        for dtype in DTYPES:
            known = None if dtype == "complex128" else True
            check(
                self,
                [
                    (f"{f.__name__} {dtype}", f, call(x(dtype)))
                    for f in (np.sinc, np.angle, np.isreal, np.iscomplex, np.conj)
                ],
                known,
            )
            check(self, [(f"{f.__name__} {dtype}", f, call(x(dtype))) for f in (np.real,)])
            check(self, [(f"isclose {dtype}", np.isclose, call(x(dtype), x(dtype, seed=2)))], known)
        check(
            self,
            [
                ("angle", np.angle, call(x("complex128"), True)),
                ("imag", np.imag, call(x("complex128"))),
                ("i0", np.i0, call(x())),
            ],
        )
        check(
            self,
            [
                ("unwrap", np.unwrap, call(lambda: np.cumsum(array("float64", (3, 9), 5, 0, 4), -1) % 6.28)),
                ("unwrap 0", np.unwrap, call(lambda: array("float64", (9, 2), 5, 0, 9), axis=0)),
            ],
        )
        check(
            self,
            [
                ("isclose", np.isclose, call(special, lambda: special() + 1e-9)),
                ("nan", np.isclose, call(special, special, equal_nan=True)),
                ("number", np.isclose, call(special, 1.5)),
            ],
        )
        check(self, [(f.__name__, f, call(special)) for f in (np.isposinf, np.isneginf, np.fix)])


class Statistics(unittest.TestCase):
    def test_median(self):
        for dtype in ("bool", "int64", "float32", "float64"):
            for n, make in layouts(dtype):
                if n != "empty":
                    check(self, [(f"{dtype} {n}", np.median, call(make))], None if dtype == "bool" else True)
            for axis in (0, 1, -1, (0, 1), 2):
                for k in (False, True):
                    check(
                        self,
                        [(f"{dtype} {axis}", np.median, call(x(dtype, (5, 4)), axis, keepdims=k))],
                        None if dtype == "bool" else True,
                    )
        check(self, [("nan", np.median, call(holes(), 0)), ("list", np.median, call([3, 1, 2]))])

    def test_quantiles(self):
        for f, scale in ((np.percentile, 100), (np.quantile, 1), (np.nanpercentile, 100), (np.nanquantile, 1)):
            for q in (0.0, 0.5, 0.25, 0.9, 1.0, [0.1, 0.9], 7, -1):
                q = q * scale if not isinstance(q, list) else (np.array(q) * scale).tolist()
                for axis in (None, 0, 1, (0, 1)):
                    check(
                        self,
                        [
                            (f"{f.__name__} {q} {axis}", f, call(x(), q, axis)),
                            (f"{f.__name__} {q} {axis} kept", f, call(x("int64"), q, axis, keepdims=True)),
                        ],
                    )
                check(self, [(f"{f.__name__} {q} holes", f, call(holes((7, 4)), q, 0))])
        check(
            self,
            [
                ("float32", np.percentile, call(x("float32"), 30)),
                ("method", np.quantile, call(x(), 0.5, method="nearest")),
            ],
            None,
            1e-6,
        )

    def test_average(self):
        check(self, [
            ("plain", np.average, call(x())), ("axis", np.average, call(x(), 0)), ("weights", np.average, call(x(), weights=x(seed=3))),
            ("weights of an axis", np.average, call(x(), 1, weights=x(shape=(4,), seed=3))), ("list", np.average, call([1, 2, 3], weights=[3, 2, 1])),
            ("wrong", np.average, call(x(), weights=[1, 2])), ("ints", np.average, call(x("int64"), 0)),
        ])  # fmt: skip

    def test_without_nan(self):
        functions = (np.nansum, np.nanprod, np.nanmax, np.nanmin, np.nanmean, np.nanvar, np.nanstd, np.nanmedian)
        gone = lambda: np.array([[NAN, NAN], [1.0, NAN]])
        for f in functions:
            for axis in (None, 0, 1, -1):
                for make in (holes(), x(), x("int64"), gone):
                    check(
                        self,
                        [
                            (f"{f.__name__} {axis}", f, call(make, axis=axis)),
                            (f"{f.__name__} {axis} kept", f, call(make, axis=axis, keepdims=True)),
                        ],
                    )
        check(
            self,
            [("ddof", np.nanstd, call(holes(), 0, ddof=1)), ("float32", np.nansum, call(holes(dtype="float32")))],
            tolerance=1e-6,
        )

    def test_moments(self):
        check(self, [
            ("cov", np.cov, call(x())), ("cov of columns", np.cov, call(x(), rowvar=False)), ("cov of two", np.cov, call(x(shape=(5,)), x(shape=(5,), seed=2))),
            ("bias", np.cov, call(x(), bias=True)), ("ddof", np.cov, call(x(), ddof=0)), ("one", np.cov, call(x(shape=(5,)))), ("corr", np.corrcoef, call(x())),
            ("corr of two", np.corrcoef, call(x(shape=(5,)), x(shape=(5,), seed=2))), ("one", np.corrcoef, call(x(shape=(5,)))), ("ints", np.cov, call(x("int64"))),
        ])  # fmt: skip


class Running(unittest.TestCase):
    def test_running(self):
        functions = (
            np.cumsum,
            np.cumprod,
            np.nancumsum,
            np.nancumprod,
            np.add.accumulate,
            np.multiply.accumulate,
            np.maximum.accumulate,
            np.minimum.accumulate,
            ".cumsum",
            ".cumprod",
        )
        for f in functions:
            for dtype in DTYPES:
                known = (
                    None
                    if dtype in ("uint8", "bool") or dtype == "complex128" and "imum" in str(getattr(f, "__self__", f))
                    else True
                )
                for n, make in layouts(dtype):
                    check(
                        self,
                        [(f"{f} {dtype} {n}", f, call(make, axis=0))],
                        None if n in ("0-d", "scalar") else known,
                        1e-5 if dtype == "float32" else None,
                    )
                check(
                    self,
                    [(f"{f} {dtype} 1", f, call(x(dtype), axis=1)), (f"{f} {dtype} 2", f, call(x(dtype), axis=2))],
                    known,
                    1e-5 if dtype == "float32" else None,
                )
        check(self, [("flat", np.cumsum, call(x())), ("dtype", np.cumsum, call(x("int64"), dtype=float)), ("out", np.cumsum, call(x(), 0, out=lambda: np.zeros((3, 4)))), ("holes", np.nancumsum, call(holes(), 0)),
                     ("running maximum with holes", np.maximum.accumulate, call(holes((6,))))])  # fmt: skip

    def test_outer(self):
        for f in (np.add, np.subtract, np.multiply, np.maximum, np.power, np.less, np.hypot):
            check(
                self,
                [
                    (f.__name__, f.outer, call(x(shape=(3,)), x(shape=(4,), seed=2))),
                    ("2", f.outer, call(x(), x(shape=(2,)))),
                    ("number", f.outer, call(x(), 2.0)),
                    ("list", f.outer, call([1.0, 2], [3, 4, 5])),
                ],
            )

    def test_add_at(self):
        index = [0, 2, 2, 0, -1]
        check(self, [
            ("number", np.add.at, call(x(shape=(4,)), index, 1.5)), ("values", np.add.at, call(x(shape=(4,)), lambda: np.array(index), x(shape=(5,)))),
            ("rows", np.add.at, call(x(), index, x(shape=(5, 4)))), ("row", np.add.at, call(x(), index, x(shape=(4,)))), ("ints", np.add.at, call(x("int64", (4,)), index, 2)),
            ("out of range", np.add.at, call(x(shape=(4,)), [9], 2.5)),
        ])  # fmt: skip

    def test_differences(self):
        for dtype in DTYPES:
            known = None if dtype == "uint8" else True
            check(
                self,
                [(f"{dtype} {r}", np.diff, call(x(dtype), *r)) for r in ((), (2,), (1, 0), (0,), (9,), (-1,), (1, 5))],
                known,
            )
        check(
            self,
            [
                ("prepend", np.diff, call(x(shape=(5,)), prepend=0)),
                ("append", np.diff, call(x(), axis=0, append=x(shape=(1, 4)))),
                ("list", np.diff, call([1, 4, 9])),
                ("ediff1d", np.ediff1d, call(x())),
            ],
        )
        grid = lambda: np.array([0.0, 1, 3, 4])
        check(self, [(f"{r}", np.gradient, call(x(), *r)) for r in ((), (2.0,), (2.0, 0.5), (grid,), (1, grid))])
        check(
            self,
            [
                (f"{k}", np.gradient, call(x(), **k))
                for k in ({"axis": 0}, {"axis": -1}, {"axis": 3}, {"edge_order": 1})
            ],
        )
        check(self, [("line", np.gradient, call(x(shape=(4,)))), ("at places", np.gradient, call(x(shape=(4,)), grid)), ("ints", np.gradient, call(x("int64", (4,)))), ("float32", np.gradient, call(x("float32", (4,)))),
                     ("short", np.gradient, call(x(shape=(1,)))), ("two", np.gradient, call(x(shape=(2,))))])  # fmt: skip

    def test_integral(self):
        check(
            self,
            [(f"{dtype}", np.trapezoid, call(x(dtype))) for dtype in ("int64", "float32", "float64", "complex128")],
        )
        check(self, [("dx", np.trapezoid, call(x(), dx=0.1)), ("x", np.trapezoid, call(x(), x(shape=(4,), seed=3))), ("axis", np.trapezoid, call(x(), axis=0)),
                     ("x of an axis", np.trapezoid, call(x(), x(shape=(3,)), axis=0)), ("x of a shape", np.trapezoid, call(x(), x(seed=4))), ("line", np.trapezoid, call([1, 2, 3]))])  # fmt: skip


if __name__ == "__main__":
    unittest.main()
