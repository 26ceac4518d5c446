"""linspace and logspace between bounds that are tensors; lines of integers, also arange's, as PyTorch counts them."""

import unittest

import framejit as fj
import numpy as np


class Lines(unittest.TestCase):
    def test_values(self):
        for f, reference in ((fj.linspace, np.linspace), (fj.logspace, np.logspace)):
            for bounds in ((0.5, 3.0), (-2.0, 2.0), (3.0, 3.0)):
                for steps in (0, 1, 2, 5, 50):
                    expected = reference(*bounds, steps)
                    for dtype in (fj.float32, fj.float64):
                        for which in ((True, True), (True, False), (False, True)):
                            given = [fj.tensor(v, dtype=dtype) if t else v for v, t in zip(bounds, which)]
                            whole = fj.compile(lambda *b: f(*b, steps, dtype=dtype), fullgraph=True)
                            for out in (f(*given, steps, dtype=dtype), whole(*given)):
                                self.assertEqual(out.dtype, dtype)
                                np.testing.assert_allclose(out.numpy(), expected, rtol=2e-6, atol=1e-6)

    def test_types(self):
        self.assertEqual(fj.linspace(fj.tensor(0), fj.tensor(10), 6, dtype=fj.int64).tolist(), [0, 2, 4, 6, 8, 10])
        self.assertEqual(fj.linspace(fj.tensor(0), 10, 6).dtype, fj.float32)
        self.assertEqual(fj.linspace(fj.tensor(0j), 2 + 2j, 3).tolist(), [0, 1 + 1j, 2 + 2j])
        self.assertFalse(fj.linspace(fj.tensor(0.0, requires_grad=True), 1, 3).requires_grad)
        out = fj.empty(3)
        self.assertIs(fj.linspace(fj.tensor(0.0), 1, 3, out=out), out)
        self.assertEqual(out.tolist(), [0, 0.5, 1])

    def test_integers_between_floats(self):
        lines = {  # the bounds are cut to integers first, but for a single step
            (fj.linspace, 1.9, 7.9, 5): [1, 2, 4, 5, 7],
            (fj.linspace, -2.7, 3.2, 4): [-2, 0, 1, 3],
            (fj.linspace, 1.9, 4, 1): [1],
            (fj.logspace, 1.9, 7.9, 5): [10, 316, 10000, 316227, 10000000],
            (fj.logspace, -2.7, 3.2, 4): [0, 0, 21, 1000],
            (fj.logspace, 1.9, 4, 1): [79],
        }
        for (f, a, b, n), expected in lines.items():
            for dtype in (fj.int32, fj.int64):
                whole = fj.compile(lambda a, f=f, b=b, n=n, t=dtype: f(a, b, n, dtype=t), fullgraph=True)
                for given in (a, fj.tensor(a, dtype=fj.float64)):
                    self.assertEqual(f(given, b, n, dtype=dtype).tolist(), expected)
                    self.assertEqual(whole(given).tolist(), expected)
                self.assertEqual(f(a, b, n, out=fj.empty(0, dtype=dtype)).tolist(), expected)

    def test_ranges_of_integers(self):
        ranges = {  # int64 counts between integers, narrower ones between the numbers that were given
            (1.5, 4.5, 1.9): ([1, 2, 3], [1, 2]),
            (-3.7, 0, 1): ([-3, -2, -1], [-3, -2, -1, 0]),
            (5, 1, -1.5): ([5, 4, 3, 2], [5, 4, 3]),
            (0.1, -7.9, -4.0): ([0, -4], [0, -4]),
            (2.5, 2.9, 1): ([], [2]),
        }
        for bounds, (wide, narrow) in ranges.items():
            for dtype, expected in ((fj.int64, wide), (fj.int32, narrow)):
                whole = fj.compile(lambda a, t=dtype, rest=bounds[1:]: fj.arange(a, *rest, dtype=t), fullgraph=True)
                self.assertEqual(fj.arange(*bounds, dtype=dtype).tolist(), expected)
                self.assertEqual(whole(bounds[0]).tolist(), expected)
                self.assertEqual(fj.arange(*bounds, out=fj.empty(0, dtype=dtype)).tolist(), expected)
        self.assertEqual(fj.arange(0, 3, 0.5, dtype=fj.int32).tolist(), [0] * 6)
        with self.assertWarns(UserWarning):
            self.assertEqual(fj.range(0.5, 3, out=fj.empty(0, dtype=fj.int64)).tolist(), [0, 1, 2, 3])

    def test_errors(self):
        self.assertRaisesRegex(RuntimeError, "0-dimensional", fj.linspace, fj.ones(2), 1, 3)
        self.assertRaisesRegex(RuntimeError, "non-negative", fj.linspace, fj.tensor(0.0), 1, -3)


if __name__ == "__main__":
    unittest.main()
