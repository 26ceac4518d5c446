"""Sparse gradients: the same numbers as the dense ones, from eager and from compiled functions, without leaks."""

import unittest

import framejit

from tests import sparse_gradients


def numbers(x):
    """The result with what tells sparse from dense taken out."""
    return [numbers(v) for v in x if not isinstance(v, bool)] if isinstance(x, (list, tuple)) else x


class SparseGradients(unittest.TestCase):
    def test_as_dense(self):
        for name, program in sparse_gradients.BOTH.items():
            with self.subTest(name):
                self.assertEqual(numbers(program(framejit)), numbers(program(framejit, sparse=False)))

    def test_layout(self):
        self.assertTrue(sparse_gradients.rows(framejit)[0])
        self.assertFalse(sparse_gradients.beside_dense(framejit)[0])

    def test_compiled(self):
        layer, at = framejit.nn.Embedding(5, 3, sparse=True), framejit.tensor([0, 4, 4])
        loss = framejit.compile(lambda at: (layer(at).sin() * 2).sum())
        loss(at).backward()
        compiled, layer.weight.grad = layer.weight.grad, None
        (layer(at).sin() * 2).sum().backward()
        self.assertTrue(compiled.is_sparse)
        framejit.testing.assert_close(compiled.to_dense(), layer.weight.grad.to_dense())

    def test_compiled_without_gradient(self):
        layer, at = framejit.nn.Embedding(5, 3, sparse=True).requires_grad_(False), framejit.tensor([0, 4])
        whole = framejit.compile(lambda at: layer(at) * 2, fullgraph=True)
        self.assertEqual(whole(at).tolist(), (layer.weight[at] * 2).tolist())

    def test_gradients_are_apart(self):
        """Two parameters that got the same sparse tensor do not share it."""

        class Both(framejit.autograd.Function):
            @staticmethod
            def forward(ctx, a, b):
                return a.sum() + b.sum()

            @staticmethod
            def backward(ctx, grad):
                g = framejit.eye(2).to_sparse() * grad
                return g, g

        a, b = (framejit.ones(2, 2, requires_grad=True) for _ in range(2))
        Both.apply(a, b).backward()
        a.grad.mul_(3)
        self.assertEqual(b.grad.to_dense().tolist(), [[1, 0], [0, 1]])

    def test_shape_is_checked(self):
        class Wrong(framejit.autograd.Function):
            @staticmethod
            def forward(ctx, a):
                return a.sum()

            @staticmethod
            def backward(ctx, grad):
                return framejit.eye(3).to_sparse()

        wide = framejit.ones(1, 3, requires_grad=True)
        Wrong.apply(wide).backward()
        self.assertEqual(wide.grad.tolist(), [[1, 1, 1]])
        a = framejit.ones(2, 2, requires_grad=True)
        with self.assertRaisesRegex(RuntimeError, "invalid gradient at index 0"):
            Wrong.apply(a).backward()
        self.assertIsNone(a.grad)


if __name__ == "__main__":
    unittest.main()
