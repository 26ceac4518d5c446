"""linspace and logspace between bounds that are tensors."""

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

    def test_errors(self):
        self.assertRaisesRegex(RuntimeError, "0-dimensional", fj.linspace, fj.ones(2), 1, 3)
        self.assertRaisesRegex(RuntimeError, "non-negative", fj.linspace, fj.tensor(0.0), 1, -3)


if __name__ == "__main__":
    unittest.main()
