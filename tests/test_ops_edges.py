"""Scalars, tensors of no elements and singular matrices: what ops make of them, eager and compiled. What they refuse is in
tests/bad_input.py."""

import unittest
import warnings

import framejit
from framejit.nn import functional as F


class Edges(unittest.TestCase):
    def both(self, f, *args):
        """The result of `f`, which is the same compiled."""
        plain, compiled = f(*args), framejit.compile(f)(*args)
        self.assertEqual((plain.shape, plain.tolist()), (compiled.shape, compiled.tolist()))
        return plain

    def test_batch_norm_of_nothing(self):
        mean, var = framejit.ones(3), framejit.ones(3)
        for training in (True, False):
            w, b = framejit.ones(3, requires_grad=True), framejit.ones(3, requires_grad=True)
            result = F.batch_norm(framejit.ones(0, 3), mean, var, w, b, training)
            self.assertEqual(result.shape, (0, 3))
            result.sum().backward()
            self.assertEqual((w.grad.tolist(), b.grad.tolist()), ([0, 0, 0], [0, 0, 0]))
        self.assertEqual((mean.tolist(), var.tolist()), ([1, 1, 1], [1, 1, 1]))  # nothing moves them
        self.assertEqual(F.instance_norm(framejit.ones(0, 3, 2)).shape, (0, 3, 2))

    def test_product_of_nothing(self):
        for dtype in (framejit.float32, framejit.complex64):
            x = framejit.ones(0, 2, dtype=dtype, requires_grad=True)
            result = x.prod()
            self.assertEqual(result.item(), 1)
            self.assertEqual(framejit.autograd.grad(result.real, x)[0].shape, (0, 2))
            self.assertEqual(self.both(lambda t: t.prod(0), x.detach()).tolist(), [1, 1])

    def test_scalars(self):
        two = framejit.tensor(2.0)
        self.assertEqual(self.both(lambda t: t.mT, two).item(), 2)
        self.assertEqual(F.feature_alpha_dropout(two, 0.0, True).item(), 2)
        self.assertEqual(abs(F.feature_alpha_dropout(two, 1.0, True).item()), 0)
        self.assertRaises(RuntimeError, framejit._upsample_bilinear2d_aa, two, [2, 2], False)
        for index, value in (([], 2), ([0], 5), ([0, 0], 5)):
            index = framejit.tensor(index, dtype=framejit.int64)
            self.assertEqual(self.both(lambda t, i: t.index_fill(0, i, 5.0), two, index).item(), value)

    def test_copies_of_what_is_no_view(self):
        x = framejit.arange(6.0).reshape(2, 3).t()
        self.assertEqual(self.both(lambda t: framejit.view_copy(t, (6,)), x).tolist(), [0, 3, 1, 4, 2, 5])
        pairs = framejit.view_as_real_copy(framejit.tensor([1 + 2j]))
        self.assertEqual(pairs.tolist(), [[1, 2]])
        self.assertEqual(framejit.view_as_complex_copy(pairs).tolist(), [1 + 2j])
        self.assertEqual(framejit.view_copy(framejit.ones(2), framejit.int32).tolist(), [0x3F800000] * 2)

    def test_indices_of_nothing(self):  # of any dtype, and of any sizes
        x = framejit.ones(3, 2)
        for dtype in (framejit.float32, framejit.bool, framejit.int64):
            for sizes in ((0,), (0, 2)):
                index = framejit.empty(sizes, dtype=dtype)
                self.assertEqual(self.both(lambda i: framejit.gather(x, 0, i), index).shape, sizes)
                for put in (
                    lambda i: framejit.scatter(x, 0, i, 2.0),
                    lambda i: framejit.scatter(x, 0, i, x),
                    lambda i: framejit.scatter_add(x, 0, i, x),
                    lambda i: framejit.scatter_reduce(x, 0, i, x, "mean", include_self=False),
                ):
                    self.assertEqual(self.both(put, index).tolist(), x.tolist())
                y = framejit.ones(3, 2, requires_grad=True)
                framejit.gather(y, 0, index).sum().backward()
                self.assertEqual(y.grad.tolist(), framejit.zeros(3, 2).tolist())

    def test_truth_of_fractions(self):
        for number in (0.5, -0.5, 0.25, float("nan")):
            self.assertEqual(
                self.both(lambda v=number: framejit.full((2,), v, dtype=framejit.bool)).tolist(), [True] * 2
            )
            fill = lambda t, v=number: t.logical_not().fill_(v)  # noqa: E731
            self.assertEqual(self.both(fill, framejit.ones(2) > 0).tolist(), [True] * 2)

    def test_degrees_of_polynomials(self):  # are cut to integers, as PyTorch does
        degrees = framejit.tensor([-2.0, -1.0, -0.5, 0.0, 0.9, 1.0, 1.5, 2.9])
        for name, third in (
            ("chebyshev_polynomial_t", -0.5),
            ("hermite_polynomial_he", -0.75),
            ("legendre_polynomial_p", -0.125),
        ):
            values = self.both(getattr(framejit.special, name), framejit.full((8,), 0.5), degrees)
            self.assertEqual(values.tolist(), [0, 0, 1, 1, 1, 0.5, 0.5, third])
        nan = framejit.tensor(float("nan"))
        self.assertEqual(framejit.special.laguerre_polynomial_l(nan, framejit.tensor([-1.0, 0.0])).tolist(), [0, 1])

    def test_medians_of_nothing(self):
        for dtype, expected in ((framejit.int64, -(1 << 63)), (framejit.int32, -(1 << 31)), (framejit.uint8, 0)):
            x = framejit.ones(0, 5, dtype=dtype)
            for f in (framejit.median, framejit.nanmedian):
                self.assertEqual(self.both(f, x).item(), expected)
                self.assertEqual(f(x, 1).values.shape, (0,))
        self.assertTrue(framejit.ones(0).median().isnan())

    def test_ranks_and_bins_of_nothing(self):
        self.assertEqual(framejit.linalg.matrix_rank(framejit.ones(2, 0, 5), hermitian=True).tolist(), [0, 0])
        self.assertEqual(framejit.histogram(framejit.ones(0), 2).bin_edges.tolist(), [0, 0.5, 1])
        self.assertEqual(framejit.histogramdd(framejit.ones(0, 1), [2]).bin_edges[0].tolist(), [0, 0.5, 1])

    def test_gradients_of_solutions_that_are_not_checked(self):
        a = framejit.ones(2, 2, requires_grad=True)
        x, info = framejit.linalg.solve_ex(a, framejit.ones(2, 1))
        self.assertEqual(info.item(), 2)
        framejit.autograd.grad(x.sum(), a)  # which no longer raises

    def test_outputs_take_on_sizes(self):
        x = framejit.tensor([[2.0, 0.0], [0.0, 4.0]])
        for f in (framejit.linalg.pinv, framejit.norm, lambda t, out: framejit.column_stack([t, t], out=out)):
            for sizes in ((0,), (3,), ()):
                out = framejit.zeros(sizes)
                with warnings.catch_warnings(record=True) as said:
                    warnings.simplefilter("always")
                    self.assertIs(f(x, out=out), out)
                want = f(x, out=None)
                self.assertEqual((out.shape, out.tolist()), (want.shape, want.tolist()))
                self.assertEqual(len(said), int(sizes != (0,) and framejit.Size(sizes) != want.shape))


if __name__ == "__main__":
    unittest.main()
