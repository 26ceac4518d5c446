"""autograd.Function and gradcheck."""

import gc
import unittest
import weakref

import framejit as fj
from framejit.autograd import Function, gradcheck, gradgradcheck, once_differentiable


class Exp(Function):
    @staticmethod
    def forward(ctx, x):
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * y


class Scale(Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x * factor

    @staticmethod
    def backward(ctx, g):
        return g * ctx.factor, None


class Functions(unittest.TestCase):
    def test_saved_output_and_second_derivative(self):
        x = fj.tensor([0.5, 1.0], requires_grad=True)
        y = Exp.apply(x)
        self.assertEqual(type(y.grad_fn).__name__, "ExpBackward")
        (g,) = fj.autograd.grad(y.sum(), x, create_graph=True)
        (h,) = fj.autograd.grad(g.sum(), x)
        for a, b in zip(h.tolist(), x.exp().tolist()):
            self.assertAlmostEqual(a, b, places=5)

    def test_number_arguments(self):
        x = fj.tensor([1.0], requires_grad=True)
        Scale.apply(x, 3.0).sum().backward()
        self.assertEqual(x.grad.tolist(), [3.0])
        self.assertFalse(Scale.apply(fj.ones(1), 2.0).requires_grad)

    def test_needs_input_grad_and_none(self):
        seen = []

        class F(Function):
            @staticmethod
            def forward(ctx, a, b):
                return a + b

            @staticmethod
            def backward(ctx, g):
                seen.append(ctx.needs_input_grad)
                return g, None

        x = fj.ones(1, requires_grad=True)
        F.apply(x, fj.ones(1)).sum().backward()
        self.assertEqual(seen, [(True, False)])

    def test_setup_context(self):
        class F(Function):
            @staticmethod
            def forward(x, k):
                return x * k

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.k = inputs[1]

            @staticmethod
            def backward(ctx, g):
                return g * ctx.k, None

        x = fj.ones(1, requires_grad=True)
        F.apply(x, 4).sum().backward()
        self.assertEqual(x.grad.tolist(), [4.0])

    def test_several_outputs_and_materialized_zeros(self):
        got = []

        class F(Function):
            @staticmethod
            def forward(ctx, x):
                i = fj.zeros(1, dtype=fj.int64)
                ctx.mark_non_differentiable(i)
                return x * 2, x * 3, i

            @staticmethod
            def backward(ctx, a, b, i):
                got.append((a.tolist(), b.tolist()))
                return a * 2 + b * 3

        x = fj.ones(1, requires_grad=True)
        a, b, i = F.apply(x)
        self.assertFalse(i.requires_grad)
        b.sum().backward()
        self.assertEqual(got, [([0.0], [1.0])])
        self.assertEqual(x.grad.tolist(), [3.0])

    def test_mark_dirty(self):
        class AddOne(Function):
            @staticmethod
            def forward(ctx, x):
                x.add_(1)
                ctx.mark_dirty(x)
                return x

            @staticmethod
            def backward(ctx, g):
                return g * 5

        x = fj.ones(1, requires_grad=True)
        y = x * 1
        z = AddOne.apply(y)
        self.assertIs(z, y)
        z.sum().backward()
        self.assertEqual(x.grad.tolist(), [5.0])
        with self.assertRaisesRegex(RuntimeError, "a leaf Variable that requires grad"):
            AddOne.apply(fj.ones(1, requires_grad=True))

    def test_input_returned(self):
        class Id(Function):
            @staticmethod
            def forward(ctx, x):
                return x

            @staticmethod
            def backward(ctx, g):
                return g * 7

        x = fj.ones(1, requires_grad=True)
        y = Id.apply(x)
        self.assertIsNot(y, x)
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [7.0])

    def test_wrong_results(self):
        class Many(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 1

            @staticmethod
            def backward(ctx, g):
                return g, g

        with self.assertRaisesRegex(
            RuntimeError, r"function ManyBackward returned an incorrect number of gradients \(expected 1, got 2\)"
        ):
            Many.apply(fj.ones(1, requires_grad=True)).sum().backward()

        class Shape(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 1

            @staticmethod
            def backward(ctx, g):
                return fj.ones(3)

        with self.assertRaisesRegex(
            RuntimeError,
            r"Function ShapeBackward returned an invalid gradient at index 0 - got \[3\] but expected "
            r"shape compatible with \[2\]",
        ):
            Shape.apply(fj.ones(2, requires_grad=True)).sum().backward()

    def test_exception_in_backward(self):
        class Bad(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 1

            @staticmethod
            def backward(ctx, g):
                raise KeyError("inside")

        with self.assertRaisesRegex(KeyError, "inside"):
            Bad.apply(fj.ones(1, requires_grad=True)).sum().backward()

    def test_once_differentiable(self):
        class F(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            @once_differentiable
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                return g * 2 * x

        x = fj.tensor([3.0], requires_grad=True)
        F.apply(x).sum().backward()
        self.assertEqual(x.grad.tolist(), [6.0])
        y = F.apply(x) * x
        (g,) = fj.autograd.grad(y.sum(), x, create_graph=True)
        with self.assertRaisesRegex(RuntimeError, "marked with @once_differentiable"):
            g.sum().backward()

    def test_no_leak(self):
        x = fj.ones(2, requires_grad=True)
        y = Exp.apply(x)
        ref = weakref.ref(y.grad_fn)
        del y
        gc.collect()
        self.assertIsNone(ref())

    def test_instances_are_refused(self):
        with self.assertRaisesRegex(RuntimeError, "should not be instantiated"):
            Exp()


class Checks(unittest.TestCase):
    def test_gradcheck(self):
        x = fj.tensor([[0.3, -0.5], [1.0, 2.0]], dtype=fj.float64, requires_grad=True)
        w = fj.tensor([[1.0, 2.0], [0.5, -1.0]], dtype=fj.float64, requires_grad=True)
        self.assertTrue(gradcheck(lambda a, b: (a @ b).tanh(), (x, w)))
        self.assertTrue(gradgradcheck(lambda a, b: (a @ b).tanh(), (x, w)))

    def test_gradcheck_finds_mistakes(self):
        class Wrong(Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g * 3

        x = fj.tensor([1.0], dtype=fj.float64, requires_grad=True)
        with self.assertRaisesRegex(RuntimeError, "Jacobian mismatch"):
            gradcheck(Wrong.apply, (x,))
        self.assertFalse(gradcheck(Wrong.apply, (x,), raise_exception=False))


if __name__ == "__main__":
    unittest.main()
