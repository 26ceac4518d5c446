"""Arguments that make no sense raise, whichever op gets them: none ends the process, hangs or trips a check of ours."""

import unittest

import framejit

from tests import op_nonsense


class Nonsense(unittest.TestCase):
    def test_every_row(self):
        self.assertEqual(op_nonsense.fuzz(rounds=8, seed=3), [])

    def test_a_crash_is_noticed(self):
        bad = op_nonsense.fuzz(rounds=1, seed=0, names=["sin"], trap=True)
        self.assertIn("ended the process with -9", bad[0])


class PrivateOps(unittest.TestCase):
    """Those whose routines trust sizes refuse what would make them read or write past the end."""

    def refuses(self, name, *args):
        with self.assertRaises(RuntimeError):
            getattr(framejit._C, name)(*args)

    def test_gradients_of_convolutions(self):
        g, w = framejit.ones(1, 2, 3), framejit.ones(2, 1, 2)
        ok = framejit._C._convolution_input_grad(g, w, [1, 1, 4], [1], [0], [1], 1)
        self.assertEqual(ok.tolist(), [[[2.0, 4.0, 4.0, 2.0]]])
        self.refuses("_convolution_input_grad", g, w, [1, 1, 3], [1], [0], [1], 1)
        self.refuses("_convolution_input_grad", g, w, [1, 1], [1], [0], [1], 1)
        self.refuses("_convolution_input_grad", g, w, [1, 1, 4], [0], [0], [1], 1)
        self.refuses("_convolution_weight_grad", g, framejit.ones(1, 1, 4), [2, 1, 3], [1], [0], [1], 1)
        self.refuses("_convolution_weight_grad", g, framejit.ones(4), [2, 1, 2], [1], [0], [1], 1)

    def test_pools(self):
        x, at = framejit.ones(1, 4), framejit.zeros(1, 2, dtype=framejit.int64)
        self.refuses("_max_pool", x, [2, 2], [2, 2], [0, 0], [1, 1], False)
        self.refuses("_max_pool", x, [2], [0], [0], [1], False)
        self.refuses("_max_pool_grad", framejit.ones(1, 3), at, [1, 4], 1)
        self.refuses("_max_pool_grad", framejit.ones(1, 2), at.to(framejit.int32), [1, 4], 1)
        self.refuses("_max_pool_pick", x, at, 2)
        self.refuses("_avg_pool_grad", framejit.ones(1, 3), [1, 4], [2], [2], [0], False, True, None)
        self.refuses("_adaptive_avg_pool", framejit.ones(1, 0), [2])
        self.refuses("_adaptive_avg_pool_grad", framejit.ones(1, 2), [2, 4])

    def test_gradients_of_embeddings(self):
        at = framejit.tensor([0, 2])
        self.refuses("embedding_dense_backward", framejit.ones(1, 2), at, 3, -1, False)
        self.refuses("embedding_dense_backward", framejit.ones(()), at, 3, -1, False)
        self.refuses("embedding_dense_backward", framejit.ones(2, 2), at, -3, -1, False)

    def test_windows_outside_the_plane(self):
        """Dilation steps over the whole of a plane of one element: the maximum of nothing, which has no gradient."""
        x = framejit.ones(1, 1, requires_grad=True)
        out = framejit.nn.functional.max_pool1d(x, 2, stride=1, padding=3, dilation=5)
        self.assertEqual(out.tolist(), [[float("-inf"), float("-inf")]])
        out.sum().backward()
        self.assertEqual(x.grad.tolist(), [[0.0]])

    def test_views_written_back(self):
        self.refuses("_as_strided_add", framejit.ones(3), [2], [3], [1], 0)
        self.refuses("_as_strided_add", framejit.ones(3), [3], [3], [1], -1)
        self.refuses("_as_strided_add", framejit.ones(3), [3], [3], [2**62], 0)
        self.refuses("_unfold_backward", framejit.ones(2, 2), [3], 0, 2, 2)
        self.refuses("_cumprod_backward", framejit.ones(3), framejit.ones(2), 0)
        self.refuses("_zeros", [-1], framejit.float32)
        with self.assertRaises(RuntimeError):
            framejit.as_strided_scatter(framejit.ones(3), framejit.ones(2), [2], [1], -1)


class EntriesOfABatch(unittest.TestCase):
    """What an entry may not do alone, a batch of entries may not do in vmap."""

    def test_rank(self):
        with self.assertRaises(RuntimeError):
            framejit.func.vmap(framejit._C._nn.linalg_lu_factor_ex)(framejit.ones(3, 2))

    def test_scalars(self):
        values, indices = framejit.func.vmap(lambda x: tuple(framejit.kthvalue(x, 1)))(framejit.tensor([3.0, 1.0]))
        self.assertEqual((values.tolist(), indices.tolist()), ([3.0, 1.0], [0, 0]))

    def test_numbers_of_elements_past_64_bits(self):
        for make in (
            lambda: framejit.empty(2**62, 4, 0),
            lambda: framejit.empty(0, 2**62, 4),
            lambda: framejit.ones(1).expand(2**62, 4),
            lambda: framejit.ones(3, 2).repeat(2**62, 2),
        ):
            self.assertRaises(RuntimeError, make)
        self.assertEqual(framejit.empty(2**62, 0).numel(), 0)

    def test_slices_past_the_end(self):
        self.assertEqual(framejit.arange(6).reshape(3, 2)[1 :: 2**62].tolist(), [[2, 3]])
        self.assertEqual(framejit._C._nn.slice(framejit.ones(3, 1, 4), -1, 2, None, 2**63 - 1).shape, (3, 1, 1))


class NotFinite(unittest.TestCase):
    """LAPACK's iterations would not end."""

    def setUp(self):
        self.x = framejit.tensor([[1.0, float("inf")], [0.5, float("nan")]])

    def test_spectra(self):
        for name in ("svd", "svdvals", "eigvalsh", "cond"):
            with self.subTest(name), self.assertRaises(framejit.linalg.LinAlgError):
                getattr(framejit.linalg, name)(self.x)

    def test_the_other_triangle_is_not_read(self):
        upper = framejit.tensor([[1.0, float("nan")], [2.0, 1.0]])
        self.assertEqual(framejit.linalg.eigvalsh(upper).tolist(), [-1.0, 3.0])

    def test_least_squares(self):
        self.assertTrue(framejit.linalg.lstsq(self.x, framejit.ones(2, 1)).solution.isnan().all())


if __name__ == "__main__":
    unittest.main()
