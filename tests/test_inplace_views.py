"""In-place views (`t_`, `unsqueeze_`, `as_strided_` ...): the tensor's own shape changes, and gradients follow."""

import unittest

import framejit as fj


def leaf():
    return fj.arange(4.0).reshape(2, 2).requires_grad_()


class InPlaceViews(unittest.TestCase):
    def test_shapes(self):
        x = fj.arange(6.0).reshape(2, 3)
        for name, args, shape in (
            ("t_", (), (3, 2)), ("transpose_", (0, 1), (2, 3)), ("unsqueeze_", (1,), (2, 1, 3)), ("squeeze_", (1,), (2, 3)),
            ("swapaxes_", (0, 1), (3, 2)), ("swapdims_", (0, 1), (2, 3)), ("as_strided_", ((2, 2), (1, 2), 1), (2, 2)),
        ):  # fmt: skip
            before = x._version
            self.assertIs(getattr(x, name)(*args), x)
            self.assertEqual((tuple(x.shape), x._version), (shape, before + 1), name)
        self.assertEqual(x.tolist(), [[1, 3], [2, 4]])

    def test_gradients_take_the_new_shape(self):
        w = fj.tensor([[0.0, 1.0], [2.0, 3.0]])
        x = leaf()
        r = x * 2
        r.t_()
        (r * w).sum().backward()
        self.assertEqual(x.grad.tolist(), [[0, 4], [2, 6]])  # a square matrix: nothing but the values tells
        x = fj.ones(2, 3, requires_grad=True)
        r = x * 1
        r.t_()
        (r * fj.arange(6.0).reshape(3, 2)).sum().backward()
        self.assertEqual(x.grad.tolist(), [[0, 2, 4], [1, 3, 5]])

    def test_views(self):
        x = leaf()
        r = x * 2
        v = r[0]
        v.unsqueeze_(1)
        v.mul_(3)
        self.assertEqual(r.tolist(), [[0, 6], [4, 6]])
        r.sum().backward()
        self.assertEqual(x.grad.tolist(), [[6, 6], [2, 2]])
        x = leaf()
        r = x * 2
        v = r[0]
        v.unsqueeze_(1)
        r.mul_(3)
        v.sum().backward()
        self.assertEqual(x.grad.tolist(), [[6, 6], [0, 0]])

    def test_leaves_are_refused(self):
        x = leaf()
        for change in (lambda: x.unsqueeze_(0), lambda: x[0].unsqueeze_(0)):
            with self.assertRaisesRegex(RuntimeError, "leaf Variable that requires grad"):
                change()
        self.assertEqual(x.shape, (2, 2))
        with fj.no_grad():
            x.unsqueeze_(0)
        self.assertEqual((x.shape, x.requires_grad), ((1, 2, 2), True))

    def test_retained_gradients(self):
        r = leaf() * 2
        r.retain_grad()
        r.t_()
        (r * fj.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
        self.assertEqual(r.grad.tolist(), [[1, 2], [3, 4]])

    def test_transformed_and_compiled(self):
        self.assertEqual(fj.vmap(lambda x: x.clone().unsqueeze_(0) * 2)(fj.ones(3, 2)).shape, (3, 1, 2))
        weight = fj.tensor([[1.0, 2.0], [3.0, 4.0]])

        def f(x):
            r = x * 2
            r.t_()
            return (r * weight).sum()

        self.assertEqual(fj.func.grad(f)(fj.ones(2, 2)).tolist(), [[2, 6], [4, 8]])
        x = leaf()
        fj.compile(f)(x).backward()
        self.assertEqual(x.grad.tolist(), [[2, 6], [4, 8]])

    def test_refuses_other_memory(self):
        self.assertRaises(RuntimeError, fj.ones(2)._become_view, fj.ones(2))
        self.assertRaises(TypeError, fj.ones(2)._become_view, 3)


if __name__ == "__main__":
    unittest.main()
