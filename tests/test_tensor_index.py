"""Indexing and assignment against NumPy, on random indices of every kind."""

import random
import unittest

import framejit
import numpy as np


def random_index(rng, sizes):
    """(framejit index, NumPy index): ints, slices, None, Ellipsis, masks, index arrays and lists, mixed."""
    mine, theirs = [], []
    dim, broadcast = 0, rng.choice([(3,), (1,), (2, 3), ()])
    # With arrays NumPy counts ints as arrays too; PyTorch takes them first, so the two kinds are not mixed here.
    ellipsis = False
    while dim < len(sizes):
        n = sizes[dim]
        kind = rng.choice(["int", "slice", "slice", "none", "ellipsis", "array", "list", "mask", "stop"])
        if kind == "stop":
            break
        if kind == "int" and n and not broadcast:
            i = rng.randrange(-n, n)
            mine.append(i), theirs.append(i)
        elif kind == "slice":
            s = slice(
                rng.choice([None, rng.randrange(-n - 1, n + 2)]),
                rng.choice([None, rng.randrange(-n - 1, n + 2)]),
                rng.choice([None, 1, 2, 3]),
            )
            mine.append(s), theirs.append(s)
        elif kind == "none":
            mine.append(None), theirs.append(None)
            continue
        elif kind == "ellipsis" and not ellipsis:
            ellipsis = True
            mine.append(...), theirs.append(...)
            dim += rng.randrange(1, len(sizes) - dim + 1)  # an empty one would separate arrays in NumPy only
            continue
        elif kind in ("array", "list") and n and broadcast:
            a = np.array([rng.randrange(-n, n) for _ in range(int(np.prod(broadcast)))], dtype=np.int64).reshape(
                broadcast
            )
            if kind == "list":
                mine.append(a.tolist()), theirs.append(a.tolist())
            else:
                mine.append(framejit.tensor(a)), theirs.append(a)
        elif kind == "mask" and broadcast == (3,):
            m = np.zeros(n, dtype=bool)
            m[: min(3, n)] = True
            if n < 3:
                continue
            rng.shuffle(m)
            mine.append(framejit.tensor(m)), theirs.append(m)
        else:
            continue
        dim += 1
    return tuple(mine), tuple(theirs)


class Indexing(unittest.TestCase):
    def arrays(self, rng):
        sizes = tuple(rng.randrange(1, 5) for _ in range(rng.randrange(1, 5)))
        a = np.arange(int(np.prod(sizes)), dtype=np.float32).reshape(sizes)
        t = framejit.tensor(a)
        if rng.random() < 0.3 and a.ndim > 1:
            a, t = a.swapaxes(0, -1), t.transpose(0, -1)
        return a, t

    def test_reads_like_numpy(self):
        rng = random.Random(1)
        for _ in range(1500):
            a, t = self.arrays(rng)
            mine, theirs = random_index(rng, a.shape)
            want = error = None
            try:
                want = a[theirs]
            except IndexError as e:
                error = e
            if error is not None:
                with self.assertRaises(IndexError, msg=f"{a.shape} {theirs}"):
                    t[mine]
                continue
            got = t[mine]
            self.assertEqual(tuple(got.shape), want.shape, f"{a.shape} {theirs}")
            np.testing.assert_array_equal(got.numpy(), want)

    def test_writes_like_numpy(self):
        rng = random.Random(2)
        for i in range(1500):
            a, t = self.arrays(rng)
            a, t = a.copy(), t.clone()
            mine, theirs = random_index(rng, a.shape)
            try:
                shape = a[theirs].shape
            except IndexError:
                continue
            if i % 3 == 0:
                a[theirs] = -1
                t[mine] = -1
            else:
                kept = shape if i % 3 == 1 else shape[1:]
                if i % 3 == 2 and shape and shape[0] == 0:
                    continue
                value = np.full(kept, -5, dtype=np.float32)
                a[theirs] = value
                t[mine] = framejit.tensor(value)
            np.testing.assert_array_equal(t.numpy(), a, f"{a.shape} {theirs}")

    def test_basic_indices_are_views(self):
        t = framejit.zeros(3, 4)
        t[1][2] = 5
        t[:, 0].fill_(1)
        t[..., -1] += 2
        self.assertEqual(t.tolist(), [[1, 0, 0, 2], [1, 0, 5, 2], [1, 0, 0, 2]])
        self.assertEqual(t[1:].storage_offset(), 4)
        self.assertIsNot(t[...], t)

    def test_masks(self):
        a = np.arange(12, dtype=np.int64).reshape(3, 4)
        t = framejit.tensor(a)
        mask = a % 3 == 0
        self.assertEqual(t[framejit.tensor(mask)].tolist(), a[mask].tolist())
        self.assertEqual(t[t > 5].tolist(), a[a > 5].tolist())
        t[t > 5] = 0
        a[a > 5] = 0
        self.assertEqual(t.tolist(), a.tolist())
        rows = framejit.tensor([True, False, True])
        t[rows] = framejit.tensor([[9, 9, 9, 9]])
        self.assertEqual(t[rows, 1].tolist(), [9, 9])
        self.assertEqual(t[True].shape, (1, 3, 4))
        self.assertEqual(t[False].shape, (0, 3, 4))
        self.assertEqual(framejit.tensor(7)[framejit.tensor(True)].tolist(), [7])

    def test_zero_dim_indices(self):
        t = framejit.arange(5)
        self.assertEqual(t[framejit.tensor(3)].item(), 3)
        self.assertEqual(t[np.int64(2)].item(), 2)
        self.assertEqual(framejit.tensor(3.0)[None].shape, (1,))

    def test_index_put(self):
        t = framejit.zeros(4)
        i = framejit.tensor([0, 1, 0])
        t.index_put_((i,), framejit.tensor([1.0, 2.0, 3.0]), accumulate=True)
        self.assertEqual(t.tolist(), [4, 2, 0, 0])

    def test_gradient_past_whole_dimensions(self):
        x = framejit.zeros(2, 3).requires_grad_()
        (x[:, framejit.tensor([0, 0, 2])] * framejit.tensor([1.0, 2.0, 4.0])).sum().backward()
        np.testing.assert_array_equal(x.grad.numpy(), [[3, 0, 4]] * 2)

    def test_mistakes(self):
        t = framejit.zeros(3, 4)
        for key, kind, words in [
            (5, IndexError, "index 5 is out of bounds for dimension 0 with size 3"),
            ((0, 0, 0), IndexError, "too many indices for tensor of dimension 2"),
            ("a", TypeError, ""),
            (1.5, IndexError, "only integers, slices"),
            (framejit.tensor([1.5]), IndexError, "tensors used as indices must be"),
            (framejit.tensor([7]), IndexError, "index 7 is out of bounds for dimension 0 with size 3"),
            (slice(None, None, -1), ValueError, "step must be greater than zero"),
            (framejit.tensor([True, False]), IndexError, "The shape of the mask [2] at index 0"),
            ((framejit.tensor([0, 1]), framejit.tensor([0, 1, 2])), IndexError, "shape mismatch"),
        ]:
            with self.assertRaises(kind, msg=repr(key)) as caught:
                t[key]
            self.assertIn(words, str(caught.exception))
        with self.assertRaises(RuntimeError):
            t[0] = framejit.zeros(3)
        with self.assertRaises(TypeError):
            t[0] = "x"
        with self.assertRaises(TypeError):
            del t[0]
        self.assertEqual(t.sum().item(), 0)

    def test_sequence_protocol(self):
        t = framejit.arange(6).reshape(3, 2)
        self.assertEqual(len(t), 3)
        self.assertEqual([r.tolist() for r in t], [[0, 1], [2, 3], [4, 5]])
        self.assertIn(3, t)
        self.assertNotIn(9, t)
        a, b, c = t
        self.assertEqual(c.tolist(), [4, 5])
        with self.assertRaises(TypeError):
            len(framejit.tensor(1))
        with self.assertRaises(TypeError):
            iter(framejit.tensor(1))


if __name__ == "__main__":
    unittest.main()
