"""The public functions written in Python: comparisons, shapes, unique; copies and pickles of tensors."""

import copy
import pickle
import unittest

import framejit
import numpy as np


class FunctionTest(unittest.TestCase):
    def test_isclose(self):
        a = np.array([1.0, 1.0, np.inf, np.nan, -np.inf], dtype=np.float32)
        b = np.array([1.0 + 1e-6, 1.1, np.inf, np.nan, np.inf], dtype=np.float32)
        for equal_nan in (False, True):
            got = framejit.isclose(framejit.from_numpy(a), framejit.from_numpy(b), equal_nan=equal_nan)
            self.assertEqual(got.tolist(), np.isclose(a, b, equal_nan=equal_nan).tolist())
        self.assertTrue(framejit.allclose(framejit.tensor([1, 2]), framejit.tensor([1, 2])))
        self.assertFalse(framejit.allclose(framejit.tensor([1.0]), framejit.tensor([2.0])))
        with self.assertRaises(RuntimeError):
            framejit.isclose(framejit.ones(1), framejit.ones(1, dtype=framejit.float64))

    def test_equal(self):
        a = framejit.arange(6).reshape(2, 3)
        self.assertTrue(framejit.equal(a, a.clone()))
        self.assertFalse(a.equal(a.reshape(3, 2)))
        self.assertFalse(a.equal(a + 1))

    def test_shapes(self):
        a, b = framejit.broadcast_tensors(framejit.ones(2, 1), framejit.ones(3))
        self.assertEqual((tuple(a.shape), tuple(b.shape)), ((2, 3), (2, 3)))
        for indexing in ("ij", "xy"):
            got = framejit.meshgrid(framejit.arange(2), framejit.arange(3), framejit.arange(4), indexing=indexing)
            want = np.meshgrid(np.arange(2), np.arange(3), np.arange(4), indexing=indexing)
            for g, w in zip(got, want):
                np.testing.assert_array_equal(g.numpy(), w)
        self.assertEqual(
            [tuple(framejit.atleast_3d(framejit.ones(s)).shape) for s in ((), (2,), (2, 3))],
            [(1, 1, 1), (1, 2, 1), (2, 3, 1)],
        )
        self.assertEqual(
            framejit.cartesian_prod(framejit.arange(2), framejit.arange(2)).tolist(), [[0, 0], [0, 1], [1, 0], [1, 1]]
        )
        self.assertEqual(
            framejit.block_diag(framejit.tensor([[1]]), framejit.tensor([[2, 3]])).tolist(), [[1, 0, 0], [0, 2, 3]]
        )
        x = framejit.arange(3).unsqueeze_(0)
        self.assertEqual(tuple(x.shape), (1, 3))
        self.assertEqual(tuple(x.t_().shape), (3, 1))

    def test_diff_isin_einsum(self):
        x = np.array([[1, 4, 9, 16], [2, 3, 5, 8]])
        t = framejit.from_numpy(x)
        np.testing.assert_array_equal(t.diff(n=2).numpy(), np.diff(x, n=2))
        np.testing.assert_array_equal(framejit.diff(t, dim=0).numpy(), np.diff(x, axis=0))
        np.testing.assert_array_equal(framejit.isin(t, framejit.tensor([4, 5])).numpy(), np.isin(x, [4, 5]))
        np.testing.assert_array_equal(framejit.einsum("ij,kj->ik", t, t).numpy(), x @ x.T)

    def test_unique(self):
        x = np.array([[3, 1, 3], [2, 1, 3]])
        want = np.unique(x, return_inverse=True, return_counts=True)
        got = framejit.from_numpy(x).unique(return_inverse=True, return_counts=True)
        for g, w in zip(got, want):
            np.testing.assert_array_equal(g.numpy().reshape(-1), w.reshape(-1))
        out, inverse, counts = framejit.unique_consecutive(framejit.tensor([1, 1, 2, 2, 1]), True, True)
        self.assertEqual((out.tolist(), inverse.tolist(), counts.tolist()), ([1, 2, 1], [0, 0, 1, 1, 2], [2, 2, 1]))


class CopyTest(unittest.TestCase):
    def test_pickle_and_deepcopy(self):
        base = framejit.arange(12.0).reshape(3, 4)
        for t in (base.t(), base[1:, ::2], base[:0], framejit.tensor(3), framejit.ones(2, requires_grad=True)):
            for other in (pickle.loads(pickle.dumps(t)), copy.deepcopy(t)):
                self.assertEqual(
                    (other.tolist(), other.stride(), other.dtype, other.requires_grad),
                    (t.tolist(), t.stride(), t.dtype, t.requires_grad),
                )
                self.assertFalse(t.numel() and other.data_ptr() == t.data_ptr())

    def test_deepcopy_keeps_sharing_and_gradients(self):
        base = framejit.arange(4.0)
        first, second = copy.deepcopy([base, base[1:]])
        first[2] = 9
        self.assertEqual(second.tolist(), [1, 9, 3])
        leaf = framejit.ones(2, requires_grad=True)
        (leaf * 3).sum().backward()
        self.assertEqual(copy.deepcopy(leaf).grad.tolist(), [3, 3])
        with self.assertRaises(RuntimeError):
            copy.deepcopy(leaf * 2)


if __name__ == "__main__":
    unittest.main()
