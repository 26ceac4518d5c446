"""Tensors that become NumPy arrays inside compiled functions, and arrays that become tensors: one graph, NumPy's results."""

import collections
import unittest

import framejit
import numpy as np


def both(f, *make):
    """(plain, compiled as one graph): results for arguments that are made anew for each."""
    return f(*[m() for m in make]), framejit.compile(f, fullgraph=True)(*[m() for m in make])


def tensor():
    return framejit.arange(12.0).reshape(3, 4)


class Exchange(unittest.TestCase):
    def check(self, f, *make):
        plain, found = both(f, *(make or (tensor,)))
        for p, q in zip(plain, found, strict=True):
            self.assertIs(type(p), type(q))
            if isinstance(p, framejit.Tensor):
                p, q = p.numpy(), q.numpy()
            np.testing.assert_array_equal(p, q, strict=isinstance(p, np.ndarray))
        return found

    def test_numpy_and_back(self):
        def f(x):
            a = x.numpy()
            b = np.mean(a, 1) + a.sum(axis=1)
            return framejit.from_numpy(b) * 2, b, a.T, np.array(a.shape)

        self.check(f)

    def test_memory_is_shared(self):
        def f(x):
            a = x.numpy()
            t = framejit.from_numpy(a)
            t += 1
            a[0] = 7
            copy = framejit.tensor(a)
            copy.zero_()
            return a, t, copy, framejit.as_tensor(a, dtype=framejit.float64), framejit.asarray(a)

        x = tensor()
        a, t, *_ = self.check(f, lambda: x.clone())
        self.assertTrue(np.shares_memory(a, t.numpy()))
        array = framejit.compile(lambda x: x.numpy(), fullgraph=True)(x)
        self.assertTrue(np.shares_memory(array, x.numpy()))

    def test_array_argument(self):
        def f(a):
            t = framejit.from_numpy(a)
            t.mul_(2)
            return a, t

        self.check(f, lambda: np.arange(6, dtype=np.int64))

    def test_gradients(self):
        def refused(x):
            try:
                return x.numpy()
            except RuntimeError as e:
                return str(e)

        leaf = tensor().requires_grad_()
        plain, found = both(refused, lambda: leaf)
        self.assertEqual(plain, found)
        self.assertIn("requires grad", found)
        self.check(lambda x: (x.numpy(force=True) * 2, x.detach().numpy()), lambda: leaf)
        with self.assertRaisesRegex(TypeError, "BFloat16"):
            framejit.compile(lambda x: x.numpy())(framejit.ones(2, dtype=framejit.bfloat16))

    def test_other_forms(self):
        """What is not taken is left to Python."""

        def f(x):
            a = x.numpy()
            return framejit.tensor(a, requires_grad=True), framejit.as_tensor(a, device="cpu")

        plain, found = f(tensor()), framejit.compile(f)(tensor())
        for p, q in zip(plain, found):
            self.assertEqual(p.requires_grad, q.requires_grad)
            self.assertTrue(framejit.equal(p, q))


class Numbers(unittest.TestCase):
    def test_scalars_beside_tensors(self):
        """A NumPy scalar counts as a Python number, whatever its dtype."""

        def f(x, s):
            return x * s, s * x, x - s, x < s, s >= x

        for dtype in (framejit.float32, framejit.int64):
            compiled = framejit.compile(f, fullgraph=True)
            for s in (np.float32(2), np.float64(3.5), np.int64(4), np.int8(5), np.float32(3)):
                x = tensor().to(dtype)
                for p, q in zip(f(x, s), compiled(x, s), strict=True):
                    self.assertEqual(p.dtype, q.dtype)
                    self.assertTrue(framejit.equal(p, q), (dtype, s))

    def test_descriptions(self):
        def f(x):
            kind = np.dtype("float32")
            limits = np.finfo(kind)
            return x + limits.eps + np.iinfo(np.int8).max, np.zeros(2, dtype=kind), limits.bits

        plain, found = both(f, tensor)
        self.assertTrue(framejit.equal(plain[0], found[0]))
        np.testing.assert_array_equal(plain[1], found[1], strict=True)
        self.assertEqual(plain[2], found[2])

    def test_limits(self):
        def f(x):
            return x * framejit.finfo(x.dtype).eps + framejit.iinfo(framejit.int8).max, framejit.finfo().bits

        plain, found = both(f, tensor)
        self.assertTrue(framejit.equal(plain[0], found[0]))
        self.assertEqual(plain[1], found[1])


class Counting(dict):
    """A dict that notes what is set."""

    def __setitem__(self, key, value):
        super().__setitem__(key, value + 1)


class Keys(unittest.TestCase):
    def test_fromkeys_of_subclasses(self):
        def f(x):
            d = collections.defaultdict.fromkeys("ab", 1)
            c = Counting.fromkeys(["a"], 5)
            return x + d["a"] + c["a"], d, type(d), c, type(c)

        plain, found = both(f, tensor)
        self.assertTrue(framejit.equal(plain[0], found[0]))
        self.assertEqual(plain[1:], found[1:])

    def test_sizes(self):
        def f(x, known):
            if x.shape not in known:
                known[x.shape] = len(known)
            return x + known[x.shape], {x.shape: 1}

        known, same = {}, {}
        compiled = framejit.compile(f, fullgraph=True)
        for shape in ((2, 3), (3,), (2, 3)):
            x = framejit.ones(shape)
            plain, found = f(x, known), compiled(x, same)
            self.assertTrue(framejit.equal(plain[0], found[0]))
            self.assertEqual(plain[1], found[1])
            self.assertEqual(known, same)
            self.assertEqual([type(k) for k in known], [type(k) for k in same])


if __name__ == "__main__":
    unittest.main()
