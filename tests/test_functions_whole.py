"""Functions written in Python that are captured whole, and what they refuse eager and compiled."""

import subprocess
import sys
import unittest

import framejit as fj
from framejit.nn import functional as F


class Whole(unittest.TestCase):
    def test_same_results_and_errors(self):
        x = fj.arange(4.0)
        cases = {
            "out of bounds": (lambda v: F.max_unpool1d(x[None], v, 1), fj.arange(4)[None], fj.arange(4)[None] + 1),
            "has to be 0": (lambda v: F.embedding_bag(fj.tensor([0, 1]), x.view(2, 2), v), fj.tensor([0, 1]), fj.tensor([1, 1])),
            "must be in the range": (lambda q: fj.quantile(x, q), 0.25, 1.5),
        }  # fmt: skip
        for message, (f, good, bad) in cases.items():
            with self.subTest(message):
                compiled = fj.compile(f, fullgraph=True)
                self.assertTrue(fj.equal(compiled(good), f(good)))
                for function in (f, compiled):
                    self.assertRaisesRegex(RuntimeError, message, function, bad)
                self.assertTrue(fj.equal(compiled(good), f(good)))

    def test_bags_with_padding(self):
        weight = fj.arange(12.0).reshape(4, 3).requires_grad_()
        places, bags = fj.tensor([0, 2, 1, 2, 2]), fj.tensor([0, 3, 5])
        for mode, first in (("sum", [3, 5, 7]), ("mean", [1.5, 2.5, 3.5]), ("max", [3, 4, 5])):
            for run in (F.embedding_bag, fj.compile(F.embedding_bag, fullgraph=True)):
                out = run(places, weight, bags, mode=mode, padding_idx=2)
                self.assertEqual(out.tolist(), [first, [0, 0, 0], [0, 0, 0]])
                (grad,) = fj.autograd.grad(out.sum(), weight)
                self.assertEqual(grad[2].tolist(), [0, 0, 0])

    def test_rows_of_a_norm(self):
        for run in (F.embedding, fj.compile(F.embedding, fullgraph=True)):
            weight = fj.tensor([[3.0, 4.0], [0.0, 0.5], [6.0, 8.0]])
            run(fj.tensor([0, 0, 1]), weight, max_norm=1.0)
            self.assertTrue(fj.allclose(weight, fj.tensor([[0.6, 0.8], [0.0, 0.5], [6.0, 8.0]])))

    def test_names_that_are_imported_late(self):
        code = (
            "import framejit as fj\n"
            "f = fj.compile(lambda x, g: fj.grid_sampler_2d(x, g, 0, 0, False), fullgraph=True)\n"
            "assert f(fj.ones(1, 1, 2, 2), fj.zeros(1, 1, 1, 2)).tolist() == [[[[1.0]]]]\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)


class Refused(unittest.TestCase):
    def test_sizes_and_bounds(self):
        x = fj.ones(2, 2, 2)
        self.assertRaises(ValueError, F.adaptive_avg_pool2d, x[0], (1, 1))
        self.assertRaises(ValueError, F.adaptive_max_pool3d, x, (1, 1, 1))
        self.assertRaises(RuntimeError, F.adaptive_avg_pool2d, x, (-1, 1))
        self.assertRaises(RuntimeError, F.adaptive_max_pool1d, x, -1)
        self.assertRaises(RuntimeError, F.rrelu, x, 2.0, 1.0)
        self.assertRaises(TypeError, fj.isclose, 1, x)
        self.assertRaises(ValueError, F.multi_margin_loss, x[0], fj.tensor([0, 1]), reduction="abc")
        self.assertRaises(ValueError, F.multilabel_margin_loss, x[0], fj.zeros(2, 2), reduction="abc")
        self.assertRaises(RuntimeError, fj.trace, x)
        self.assertRaises(RuntimeError, fj.flipud, fj.tensor(1.0))
        self.assertRaises(RuntimeError, fj.fliplr, fj.ones(2))
        self.assertRaises(IndexError, fj.roll, fj.tensor(1.0), 1, 0)
        self.assertRaises(IndexError, fj.unbind, fj.tensor(1.0))
        self.assertRaises(IndexError, fj.logcumsumexp, fj.ones(2, 2), 3)
        self.assertRaises(RuntimeError, fj.aminmax, fj.ones(0))
        self.assertRaises(IndexError, lambda: fj.aminmax(fj.ones(2, 0), dim=1))
        self.assertRaises(RuntimeError, fj.amax, fj.ones(0))
        self.assertRaises(RuntimeError, F.softshrink, x, -0.5)


class Gradients(unittest.TestCase):
    def test_of_factors(self):
        def solve(m, b):
            return fj.cholesky_solve(b, fj.linalg.cholesky(m @ m.mT + 2 * fj.eye(3, dtype=m.dtype)))

        def inverse(m):
            return fj.cholesky_inverse(
                fj.linalg.cholesky(m @ m.mT + 2 * fj.eye(3, dtype=m.dtype), upper=True), upper=True
            )

        m = fj.randn(2, 3, 3, dtype=fj.float64, requires_grad=True)
        b = fj.randn(3, 2, dtype=fj.float64, requires_grad=True)
        self.assertTrue(fj.autograd.gradcheck(solve, (m, b)))
        self.assertTrue(fj.autograd.gradcheck(inverse, (m,)))
        # All elements of a factor take part, as in PyTorch.
        factor = fj.eye(3, requires_grad=True)
        (grad,) = fj.autograd.grad(fj.cholesky_solve(fj.ones(3, 1), factor).sum(), factor)
        self.assertEqual(grad.tolist(), [[-2] * 3] * 3)

    def test_of_strides_over_strides(self):
        base = fj.arange(24.0, dtype=fj.float64).requires_grad_()
        for view, *geometry in (
            (lambda x: x.view(4, 6).t(), (2, 3), (1, 4), 2),
            (lambda x: x.view(4, 6)[1:, ::2], (2, 2), (6, 2), 8),
            (lambda x: x[3:], (2, 3), (2, 1), None),
        ):
            f = lambda x: view(x).as_strided(*geometry).sin()  # noqa: B023, E731
            self.assertTrue(fj.autograd.gradcheck(f, (base,)))

    def test_an_index_twice(self):
        x, value = fj.zeros(3, requires_grad=True), fj.tensor(2.0, requires_grad=True)
        out = fj.index_fill(x, 0, fj.tensor([1, 1]), value)
        self.assertEqual(out.tolist(), [0, 2, 0])
        self.assertEqual([g.tolist() for g in fj.autograd.grad(out.sum(), (x, value))], [[1, 0, 1], 1])


if __name__ == "__main__":
    unittest.main()
