"""Universal functions and operators of framejit._numpy against NumPy."""

import itertools
import operator
import unittest

import numpy as np
from framejit import _numpy as ours
from framejit._numpy import ufuncs

from tests.numpy_cases import DTYPES, array, call, check, compare, layouts, strided

# Left to NumPy: an order of complex numbers, integers to the power of an array, integer reciprocals.
ORDERED = (np.maximum, np.minimum, np.fmax, np.fmin, np.less, np.less_equal, np.greater, np.greater_equal)
PAIRS = [(a, b) for a in DTYPES for b in DTYPES]


def maybe(ufunc, *dtypes):
    """Whether a call of these dtypes must be taken: None where it may be left to NumPy."""
    kinds = {np.dtype(d).kind for d in dtypes}
    if ufunc in ORDERED and "c" in kinds or ufunc in (np.power, np.reciprocal) and not kinds & set("fc"):
        return None
    # uint64 and float16 come of small integers.
    if not kinds & set("fc") and any(np.dtype(d).itemsize < 4 for d in dtypes):
        return None
    if "c" in kinds and ufunc in (
        np.sign,
        np.rint,
        np.exp2,
        np.log2,
        np.floor_divide,
        np.cbrt,
        np.expm1,
        np.log1p,
        np.isfinite,
    ):
        return None
    return True


class Ufuncs(unittest.TestCase):
    def test_unary(self):
        for ufunc in (*ufuncs.UNARY, np.modf):
            for dtype in DTYPES:
                cases = [(f"{ufunc.__name__} {dtype} {n}", ufunc, call(m)) for n, m in layouts(dtype)]
                check(self, cases, maybe(ufunc, dtype), 1e-3 if dtype in ("bool", "uint8") else None)

    def test_binary(self):
        for ufunc in (*ufuncs.BINARY, *ufuncs.OPERATORS, np.divmod):
            for a, b in PAIRS:
                if ufunc is np.ldexp and np.dtype(b).kind not in "iu":
                    continue
                if ufunc is np.divide and "complex128" in (a, b) and np.dtype(b).kind in "biu":
                    continue  # Complex numbers by zero: nan where NumPy has an infinity.
                if ufunc in (np.power, np.float_power) and b == "complex128" and np.dtype(a).kind in "biu":
                    continue  # Zero to a complex power: zero where NumPy has nan.
                cases = [
                    (
                        f"{ufunc.__name__} {a} {b}",
                        ufunc,
                        call(lambda: array(a, (3, 4), 1), lambda: array(b, (3, 4), 2)),
                    ),
                    ("strided, row", ufunc, call(lambda: strided(a, (3, 4), 1), lambda: array(b, (4,), 2))),
                    ("column, 0-d", ufunc, call(lambda: array(a, (3, 1), 1), lambda: array(b, (), 2))),
                    ("empty", ufunc, call(lambda: array(a, (0, 4), 1), lambda: array(b, (4,), 2))),
                    ("scalars", ufunc, call(lambda: array(a, (1,), 1)[0], lambda: array(b, (1,), 2)[0])),
                ]
                check(
                    self,
                    [(f"{ufunc.__name__} {a} {b} {n}", f, m) for n, f, m in cases],
                    maybe(ufunc, a, b),
                    1e-3 if "8" in a + b else None,
                )

    def test_python_numbers_are_weak(self):
        for ufunc in (*ufuncs.BINARY, *ufuncs.OPERATORS):
            for dtype, n in itertools.product(DTYPES, (True, 2, 300, -1, 2.5, 1j)):
                if ufunc is np.ldexp or ufunc in (np.divide, np.power, np.float_power) and n == 1j:
                    continue
                cases = [
                    (f"{ufunc.__name__} {dtype} {n}", ufunc, call(lambda: array(dtype, (3, 4)), n)),
                    (f"{ufunc.__name__} {n} {dtype}", ufunc, call(n, lambda: array(dtype, (3, 4)))),
                    (f"{ufunc.__name__} scalar {dtype} {n}", ufunc, call(lambda: array(dtype, (1,))[0], n)),
                ]
                known = maybe(ufunc, dtype, type(n))
                if n == 300 and dtype == "uint8" or ufunc is np.gcd or "logical" in ufunc.__name__ and n == 1j:
                    known = None
                check(self, cases, known, 1e-3 if dtype in ("bool", "uint8") else None)

    def test_special_values(self):
        values = [0.0, -0.0, 1.0, -1.0, 2.5, -2.5, np.inf, -np.inf, np.nan, 1e308, 5e-324, -7.0, 3.0]
        many = [np.repeat(values, len(values)), np.tile(values, len(values))]
        for ufunc in ufuncs.UNARY:
            if ufunc is not np.invert:
                check(self, [(ufunc.__name__, ufunc, call(lambda: np.array(values)))])
        for ufunc in (*ufuncs.BINARY, *ufuncs.OPERATORS):
            if (
                ufunc.types[0] == "??->?"
                and ufunc.nin == 2
                and not any("d" in t for t in ufunc.types)
                or ufunc in (np.gcd, np.ldexp)
            ):
                continue
            if not any(t.startswith("dd") for t in ufunc.types):
                continue
            check(self, [(ufunc.__name__, ufunc, call(*[lambda m=m: m.copy() for m in many]))])

    def test_integers(self):
        a = np.array([7, -7, 0, 5, -(2**63), 2**63 - 1, 1])
        for ufunc in (
            np.floor_divide,
            np.remainder,
            np.fmod,
            np.left_shift,
            np.right_shift,
            np.gcd,
            np.add,
            np.multiply,
        ):
            for n in (3, -3, 0, 1, 70, -1):
                check(self, [(f"{ufunc.__name__} {n}", ufunc, call(lambda: a.copy(), lambda: np.full(7, n)))])
                check(self, [(f"{ufunc.__name__} {n} number", ufunc, call(lambda: a.copy(), n))], None)

    def test_arguments(self):
        x, y = (lambda: array("float64", (3, 4), 1)), (lambda: array("float64", (4,), 2))
        mask = lambda: array("bool", (3, 4), 3)  # noqa: E731
        zeros = lambda dtype="float64", shape=(3, 4): lambda: np.zeros(shape, dtype)  # noqa: E731
        check(self, [
            ("out", np.add, call(x, y, out=zeros())),
            ("positional out", np.add, call(x, y, zeros())),
            ("tuple", np.add, call(x, y, out=lambda: (np.zeros((3, 4)),))),
            ("out float32", np.add, call(x, y, out=zeros("float32"))),
            ("out int", np.add, call(x, y, out=zeros("int64"))),
            ("out int unsafe", np.add, call(x, y, out=zeros("int64"), casting="unsafe")),
            ("out larger", np.add, call(y, y, out=zeros())),
            ("out smaller", np.add, call(x, y, out=zeros(shape=(4,)))),
            ("out complex", np.sin, call(x, out=zeros("complex128"))),
            ("where", np.add, call(x, y, out=zeros(), where=mask)),
            ("where row", np.sqrt, call(x, out=zeros(), where=lambda: array("bool", (4,), 3))),
            ("dtype", np.add, call(x, y, dtype=np.float32)),
            ("dtype int", np.add, call(x, y, dtype=int)),
            ("dtype int unsafe", np.add, call(x, y, dtype=int, casting="unsafe")),
            ("dtype of int", np.multiply, call(lambda: array("int32"), 3, dtype="int64")),
            ("comparison with out", np.less, call(x, y, out=zeros("bool"))),
            ("nested lists", np.add, call([[1, 2], [3, 4]], [0.5, 1])),
            ("lists", np.maximum, call([1, 2], x := [2, 1])),
            ("numbers", np.sqrt, call(2)),
            ("two numbers", np.add, call(2, 0.5)),
        ])  # fmt: skip

    def test_shapes_that_do_not_fit(self):
        for a, b in (((3,), (4,)), ((2, 3), (3, 2))):
            check(self, [("add", np.add, call(lambda: array("float64", a), lambda: array("float64", b)))])


class Methods(unittest.TestCase):
    def test_operators(self):
        names = [
            n
            for n in ours.METHODS
            if n.startswith("__") and n[2:-2] not in ("getitem", "setitem", "len", "iter", "copy")
        ]
        two = [n for n in names if n.strip("_") not in ("neg", "pos", "abs", "invert") and hasattr(np.ndarray, n)]
        self.assertGreater(len(two), 40)
        for name in two:
            for a, b in itertools.product(("int64", "float32", "float64", "bool"), repeat=2):
                if "matmul" in name and name != "__matmul__":
                    continue
                known = None if "bool" in (a, b) or "pow" in name and "int64" in (a, b) else True
                make = [lambda: array(a, (4, 4), 1, 1, 5), lambda: array(b, (4, 4), 2, 1, 5)]
                check(self, [(f"{name} {a} {b}", "." + name, call(*make))], known)
                check(self, [(f"{name} {a} number", "." + name, call(make[0], 2 if b == "int64" else 2.5))], None)

    def test_in_place_results_are_the_array(self):
        for function in (
            operator.iadd,
            operator.isub,
            operator.imul,
            operator.itruediv,
            operator.ifloordiv,
            operator.imod,
            operator.ipow,
        ):
            name = f"__{function.__name__}__"
            a, b = array("float64", (3, 4), 1), array("float64", (4,), 2)
            with np.errstate(all="ignore"):
                expected = function(a.copy(), b)
            self.assertIs(ours.METHODS[name](a, b), a)
            np.testing.assert_allclose(a, expected)

    def test_in_place_casting(self):
        cases = [
            ("int64", 2.5),
            ("float32", np.float64(2)),
            ("int32", np.int64(2)),
            ("uint8", 7),
            ("bool", True),
            ("int64", 1j),
        ]
        for (dtype, other), name in itertools.product(cases, ("__iadd__", "__imul__", "__itruediv__", "__iand__")):
            found = compare("." + name, call(lambda: array(dtype, (3,)), other), None)
            self.assertIsNone(found, (dtype, other, name))

    def test_read_only(self):
        a = np.zeros(3)
        a.flags.writeable = False
        with self.assertRaises(ours.NotTaken):
            ours.METHODS["__iadd__"](a, 1)
        with self.assertRaises(ours.NotTaken):
            ours.METHODS["__setitem__"](a, 0, 1)
        self.assertEqual(a[0], 0)
        self.assertEqual(ours.METHODS["sum"](a), 0)

    def test_other_objects_are_left_alone(self):
        class Other:
            def __radd__(self, other):
                return "mine"

        with self.assertRaises(ours.NotTaken):
            ours.METHODS["__add__"](np.zeros(3), Other())


if __name__ == "__main__":
    unittest.main()
