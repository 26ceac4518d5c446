"""Long lines, which are sorted by the bits of their elements, against NumPy's stable sort."""

import unittest

import framejit
import numpy as np


def values(dtype, n, seed):
    rng = np.random.default_rng(seed)
    if dtype == "bool":
        return rng.random(n) < 0.5
    if np.dtype(dtype).kind in "iu":
        info = np.iinfo(dtype)
        return rng.integers(info.min, info.max, n, dtype, endpoint=True)
    a = (rng.standard_normal(n) * 10.0 ** rng.integers(-3, 4, n)).astype(dtype)
    a[rng.integers(0, n, n // 8)] = 0.0
    a[rng.integers(0, n, n // 8)] = -0.0
    a[rng.integers(0, n, 9)] = np.nan
    a[rng.integers(0, n, 9)] = -np.nan
    a[rng.integers(0, n, 9)] = np.inf
    a[rng.integers(0, n, 9)] = -np.inf
    return a


class LongLines(unittest.TestCase):
    def check(self, a, **options):
        ordered, order = framejit.from_numpy(a).sort(stable=True, **options)
        axis = options.get("dim", -1)
        if options.get("descending"):
            # Reversed twice, so that ties keep their order.
            n = a.shape[axis]
            places = n - 1 - np.flip(np.argsort(np.flip(a, axis), axis, kind="stable"), axis)
        else:
            places = np.argsort(a, axis, kind="stable")
        np.testing.assert_array_equal(order.numpy(), places)
        expected = np.take_along_axis(a, places, axis)
        np.testing.assert_array_equal(ordered.numpy(), expected)
        if a.dtype.kind == "f":
            np.testing.assert_array_equal(np.signbit(ordered.numpy()), np.signbit(expected))

    def test_dtypes(self):
        for dtype in ("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"):
            for n in (1023, 1024, 5000):
                for descending in (False, True):
                    with self.subTest(dtype=dtype, n=n, descending=descending):
                        self.check(values(dtype, n, n), descending=descending)

    def test_lines_of_more_dimensions(self):
        a = values("float32", 3 * 2000, 1).reshape(3, 2000)
        self.check(a)
        self.check(a.T.copy(), dim=0)
        self.check(values("int64", 4 * 1500, 2).reshape(2, 1500, 2), dim=1)

    def test_few_different_elements(self):
        for dtype in ("int64", "float64"):
            self.check(np.zeros(3000, dtype))
            self.check((np.arange(3000) % 3).astype(dtype), descending=True)


if __name__ == "__main__":
    unittest.main()
