"""gradcheck: real and complex functions, inputs of any strides, and derivatives that are wrong."""

import unittest

import framejit
from framejit.autograd import gradcheck, gradgradcheck


class Scaled(framejit.autograd.Function):
    """z * c, with a gradient that is not right for every c: c where the conjugate of c belongs."""

    @staticmethod
    def forward(ctx, z, c):
        ctx.c = c
        return z * c

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.c, None


class GradCheck(unittest.TestCase):
    def setUp(self):
        framejit.manual_seed(0)
        self.x = framejit.randn(3, 2, dtype=framejit.float64, requires_grad=True)
        self.z = framejit.randn(3, dtype=framejit.complex128, requires_grad=True)

    def test_real(self):
        self.assertTrue(gradcheck(lambda x: (x.sin(), x.sum(0)), (self.x,)))
        self.assertTrue(gradcheck(lambda x: x.t() * 2, (self.x.detach().t().requires_grad_(),)))
        self.assertTrue(gradgradcheck(lambda x: x.sin(), (self.x,)))

    def test_complex_input(self):
        for f in (lambda z: z.abs(), lambda z: (z * z).real, lambda z: framejit.view_as_real(z).sum(1)):
            self.assertTrue(gradcheck(f, (self.z,)))

    def test_complex_output(self):
        for f in (lambda z: z * z, lambda z: z.exp() + z.conj(), lambda z: 1 / z):
            self.assertTrue(gradcheck(f, (self.z,)))
        self.assertTrue(gradcheck(lambda x: framejit.complex(x, x * x), (self.x,)))
        self.assertTrue(gradgradcheck(lambda z: z * z * z, (self.z,)))

    def test_wrong(self):
        self.assertTrue(gradcheck(lambda z: Scaled.apply(z, 2.0), (self.z,)))
        with self.assertRaisesRegex(RuntimeError, "Jacobian mismatch"):
            gradcheck(lambda z: Scaled.apply(z, 2j), (self.z,))
        self.assertFalse(gradcheck(lambda z: Scaled.apply(z, 2j), (self.z,), raise_exception=False))

    def test_inputs_are_as_before(self):
        before = self.z.detach().clone()
        gradcheck(lambda z: z * z, (self.z,))
        self.assertTrue(bool((self.z == before).all()))
        with self.assertRaisesRegex(ValueError, "at least one input"):
            gradcheck(lambda z: z, (before,))


class AtZero(unittest.TestCase):
    """Losses whose formula has a corner at zero, where the loss has none."""

    def test_binary_cross_entropy_with_logits(self):
        for options in ({}, {"pos_weight": framejit.tensor([1.0, 1.0])}):
            x = framejit.zeros(3, 2, requires_grad=True)
            loss = framejit.nn.functional.binary_cross_entropy_with_logits
            loss(x, framejit.zeros(3, 2), reduction="sum", **options).backward()
            self.assertEqual(x.grad.tolist(), [[0.5, 0.5]] * 3)


if __name__ == "__main__":
    unittest.main()
