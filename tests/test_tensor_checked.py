"""What depends on the values of tensors is refused in eager and compiled code alike (`_checked`)."""

import unittest

import framejit as fj
from framejit import _C
from framejit.nn import functional as F


class Checked(unittest.TestCase):
    def test_op(self):
        x = fj.arange(6.0).reshape(2, 3).requires_grad_()
        for good in (fj.ones(2, 3, dtype=fj.bool), fj.tensor(True), fj.ones(0, dtype=fj.bool), x.detach().t() >= 0):
            y = _C._checked(x, good, "never")
            self.assertEqual(y.tolist(), x.tolist())
            (grad,) = fj.autograd.grad((y * 2).sum(), x)
            self.assertEqual(grad.tolist(), [[2] * 3] * 2)
        for bad in (x.detach() < 5, fj.tensor(False), (x.detach() < 5).t(), (x.detach() < 5)[:, ::2]):
            with self.assertRaisesRegex(RuntimeError, "too large"):
                _C._checked(x, bad, "too large")
        self.assertRaises(TypeError, _C._checked, x, x, "no bool")
        self.assertEqual(fj.vmap(lambda v: _C._checked(v, v >= 0, "negative"))(x.detach()).tolist(), x.tolist())

    def test_compiled(self):
        x = fj.arange(4.0)
        cases = {
            "range": (lambda v: fj.quantile(x, v), fj.tensor(0.5), fj.tensor(1.5)),
            "aweights": (lambda v: fj.cov(x, aweights=v), fj.ones(4), -fj.ones(4)),
            "sorter": (lambda v: fj.searchsorted(x, x, sorter=v), fj.arange(4), fj.arange(1, 5)),
            "sum to data.size": (lambda v: fj.segment_reduce(x, "sum", lengths=v), fj.tensor([1, 3]), fj.tensor([1, 1])),
        }  # fmt: skip
        for message, (f, good, bad) in cases.items():
            with self.subTest(message):
                compiled = fj.compile(f, fullgraph=True)
                self.assertTrue(fj.allclose(compiled(good), f(good)))
                for function in (f, compiled):
                    with self.assertRaisesRegex(RuntimeError, message):
                        function(bad)
                self.assertTrue(fj.allclose(compiled(good), f(good)))

    def test_bags_with_padding(self):
        weight = fj.arange(12.0).reshape(4, 3).requires_grad_()
        places, bags = fj.tensor([0, 2, 1, 2, 2]), fj.tensor([0, 3, 5])
        for mode, expected in (
            ("sum", [[3, 5, 7], [0, 0, 0], [0, 0, 0]]),
            ("mean", [[1.5, 2.5, 3.5], [0, 0, 0], [0, 0, 0]]),
            ("max", [[3, 4, 5], [0, 0, 0], [0, 0, 0]]),
        ):
            for run in (F.embedding_bag, fj.compile(F.embedding_bag, fullgraph=True)):
                out = run(places, weight, bags, mode=mode, padding_idx=2)
                self.assertEqual(out.tolist(), expected)
                (grad,) = fj.autograd.grad(out.sum(), weight)
                self.assertEqual(grad[2].tolist(), [0, 0, 0])


if __name__ == "__main__":
    unittest.main()
