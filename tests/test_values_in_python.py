"""What Python does with tensors' values in a whole graph: min() and max(), membership, cached functions."""

import functools
import unittest

import framejit


class WholeGraphs(unittest.TestCase):
    def setUp(self):
        framejit.reset()

    def check(self, f, inputs):
        for backend in ("inductor", "eager"):
            framejit.reset()
            compiled = framejit.compile(f, fullgraph=True, backend=backend)
            for values in inputs:
                a, b = f(*values), compiled(*values)
                if isinstance(a, framejit.Tensor):
                    framejit.testing.assert_close(b, a, check_dtype=False, equal_nan=True)
                else:
                    self.assertIs(type(b), type(a))
                    self.assertEqual(b, a)

    pairs = [tuple(map(framejit.tensor, pair)) for pair in ((3.0, 5.0), (-3.0, 0.5), (0.25, -7.0), (float("nan"), 1.0), (2.0, float("nan")))]  # fmt: skip

    def test_min_and_max(self):
        self.check(lambda a, b: max(a, b) * 2, self.pairs)
        self.check(lambda a, b: min(a, b, a * b) * 2, self.pairs)
        self.check(
            lambda a, b: framejit.as_tensor(min(max(a, 0.0), 1.0)) + max(map(lambda t: t * 3, [a, b])), self.pairs
        )

    def test_one_graph_for_all_values(self):
        f = framejit.compile(lambda a, b: max(a, b) * 2, fullgraph=True)
        for pair in self.pairs:
            f(*pair)
        self.assertEqual(framejit.dynamo.statistics(f)["graphs"], 1)

    def test_gradients_of_max(self):
        f = framejit.compile(lambda a, b: max(a * 2, b) * b, fullgraph=True)
        for a, b in self.pairs[:3]:
            ours, theirs = [[t.clone().requires_grad_() for t in (a, b)] for _ in range(2)]
            f(*ours).backward()
            (max(theirs[0] * 2, theirs[1]) * theirs[1]).backward()
            for x, y in zip(ours, theirs):
                self.assertEqual(
                    x.grad is not None and x.grad.tolist() or 0.0, y.grad is not None and y.grad.tolist() or 0.0
                )

    def test_sizes_are_kept(self):
        """Of tensors of different sizes the one that Python gives is not known."""
        with self.assertRaises(framejit.dynamo.exc.Unsupported):
            framejit.compile(lambda a, b: max(a, b), fullgraph=True)(framejit.ones(1), framejit.ones(()))

    def test_membership(self):
        inputs = [(framejit.tensor([v]),) for v in (1.0, 4.0, 7.0)]
        self.check(lambda x: 4.0 in [x * 2, x], inputs)
        self.check(lambda x: [9.0, x, 4.0].index(4.0), inputs)

    def test_cached_function(self):
        calls = []

        @functools.lru_cache
        def cached(x, n, other=None):
            calls.append(n)
            return x.sin() * n

        f = framejit.compile(lambda x: cached(x, 3) + 1, fullgraph=True)
        x = framejit.ones(2)
        for _ in range(2):
            self.assertEqual(f(x).tolist(), (x.sin() * 3 + 1).tolist())

    def test_numpy_scalars_are_inputs(self):
        import numpy

        for dtype in (framejit.float32, framejit.float64):
            f = framejit.compile(lambda x, y: (x * y + y, y / x, x > y, x**y), fullgraph=True)
            x = framejit.tensor([0.5, 0.1, 3.0], dtype=dtype)
            for y in (numpy.float32(0.1), numpy.float32(2), numpy.float64(0.1), numpy.float64(2.5), numpy.int64(3)):
                for ours, plain in zip(f(x, y), (x * y + y, y / x, x > y, x**y)):
                    self.assertIs(ours.dtype, plain.dtype)
                    framejit.testing.assert_close(ours, plain)
        g = framejit.compile(lambda x, y: x * y, fullgraph=True)
        for value in (0.5, 0.25, 3.0):
            self.assertEqual(g(x, numpy.float32(value)).tolist(), (x * value).tolist())
        self.assertEqual(framejit.dynamo.statistics(g)["graphs"], 1)


if __name__ == "__main__":
    unittest.main()
