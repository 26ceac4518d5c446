"""Reductions of framejit._numpy against NumPy."""

import unittest

import numpy as np

from tests.numpy_cases import DTYPES, array, call, check, layouts

FUNCTIONS = (
    np.sum, np.prod, np.mean, np.std, np.var, np.max, np.min, np.ptp, np.argmax, np.argmin, np.any, np.all,
    np.amax, np.amin, np.add.reduce, np.multiply.reduce, np.maximum.reduce, np.minimum.reduce, np.logical_or.reduce,
)  # fmt: skip
METHODS = (".sum", ".prod", ".mean", ".std", ".var", ".max", ".min", ".argmax", ".argmin", ".any", ".all")


def name_of(f):
    return f if isinstance(f, str) else getattr(f, "__qualname__", f.__name__)


def maybe(function, dtype):
    """None where a call may be left to NumPy: an order or a spread of complex numbers, uint64, an argument of no axis."""
    name = name_of(function).strip(".")
    if dtype == "complex128" and any(part in name for part in ("max", "min", "ptp", "std", "var", "reduce")):
        return None
    if (
        dtype == "uint8"
        and any(part in name for part in ("sum", "prod", "reduce"))
        or dtype == "bool"
        and name == "ptp"
    ):
        return None
    return True


class Reductions(unittest.TestCase):
    def test_dtypes_and_layouts(self):
        for function in FUNCTIONS + METHODS:
            for dtype in DTYPES:
                cases = [(f"{name_of(function)} {dtype} {n}", function, call(m)) for n, m in layouts(dtype)]
                # Over no axis nothing is spread, and a product of few numbers is exact.
                known = maybe(function, dtype)
                none = [c for c in cases if c[0].endswith(("0-d", "scalar"))]
                check(self, [c for c in cases if c not in none], known, 1e-4 if dtype == "float32" else None)
                check(self, none, None)

    def test_axes(self):
        shape = (2, 3, 4)
        for function in FUNCTIONS + METHODS:
            for dtype in ("bool", "int32", "float32", "float64"):
                make = lambda: array(dtype, shape, 3)
                axes = (0, 1, -1, -3, 3, -4, None) + (
                    () if "arg" in name_of(function) else ((0, 2), (-1, 0), (0, 0), (1, 7))
                )
                cases = [(f"{name_of(function)} {dtype} {a}", function, call(make, axis=a)) for a in axes]
                cases += [
                    (f"{name_of(function)} {dtype} {a} kept", function, call(make, axis=a, keepdims=True)) for a in axes
                ]
                check(self, cases, maybe(function, dtype), 1e-4 if dtype == "float32" else None)

    def test_arguments(self):
        x = lambda: array("float64", (3, 4), 1)
        n = lambda: array("int64", (3, 4), 1)
        mask = lambda: array("bool", (3, 4), 2)
        check(self, [
            ("dtype", np.sum, call(x, dtype=np.float32)),
            ("dtype of ints", np.sum, call(n, dtype=float)),
            ("dtype of mean", np.mean, call(n, 0, np.float32)),
            ("small sum", np.sum, call(n, dtype="int32")),
            ("out", np.sum, call(x, 0, out=lambda: np.zeros(4))),
            ("out of another dtype", np.sum, call(x, 0, out=lambda: np.zeros(4, "float32"))),
            ("out of a wrong shape", np.sum, call(x, 0, out=lambda: np.zeros(3))),
            ("out for argmax", np.argmax, call(x, 0, out=lambda: np.zeros(4, "int64"))),
            ("initial", np.sum, call(x, 0, initial=2.5)),
            ("initial of max", np.max, call(x, 0, initial=1.0)),
            ("initial of min", np.min, call(x, initial=-100)),
            ("initial and where", np.max, call(x, 1, initial=-1.0, where=mask)),
            ("where", np.sum, call(x, 1, where=mask)),
            ("where of a row", np.prod, call(x, 1, where=lambda: np.array([True, False, True, True]))),
            ("where of any", np.any, call(lambda: array("bool", (3, 4)), 0, where=mask)),
            ("ddof", np.std, call(x, 0, ddof=1)),
            ("ddof of all", np.var, call(x, ddof=2)),
            ("correction", np.var, call(x, correction=1)),
            ("method ddof", ".std", call(x, ddof=1)),
            ("method axis", ".std", call(x, 1, None, None, 1)),
            ("std of ints", np.std, call(n, axis=1)),
            ("two axes of std", np.std, call(lambda: array("float32", (2, 3, 4)), axis=(0, 1)), ),
            ("list", np.sum, call([[1, 2], [3, 4]], 0)),
            ("list of floats", np.mean, call([1, 2.5])),
            ("empty list", np.sum, call([])),
            ("empty tuple of axes", np.sum, call(n, axis=())),
            ("count along", np.count_nonzero, call(n, 0)),
            ("reduce", np.add.reduce, call(x)),
            ("reduce all", np.maximum.reduce, call(x, axis=None)),
            ("keepdims of argmax", np.argmax, call(x, keepdims=True)),
        ], tolerance=1e-6)  # fmt: skip

    def test_counts(self):
        known = True if type(np.count_nonzero([1])) is np.int64 else False
        check(self, [(f"{d}", np.count_nonzero, call(lambda: array(d, (3, 4)))) for d in DTYPES], known)

    def test_nan_and_ties(self):
        x = lambda: np.array([[1.0, np.nan, 3], [4, 4, -1], [np.inf, 2, np.inf]])
        for function in FUNCTIONS:
            check(self, [(f"{name_of(function)} {a}", function, call(x, axis=a)) for a in (0, 1)])
        check(
            self,
            [(f"{f.__name__} bool", f, call(lambda: np.array([False, True, True]))) for f in (np.argmax, np.argmin)],
        )

    def test_empty(self):
        for function in FUNCTIONS:
            for axis in (0, 1):
                check(
                    self, [(f"{name_of(function)} {axis}", function, call(lambda: np.zeros((0, 3)), axis=axis))], None
                )


if __name__ == "__main__":
    unittest.main()
