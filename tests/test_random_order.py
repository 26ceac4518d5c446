"""Random numbers in compiled graphs are drawn in the program's order, whatever is fused around them; eager says what is right."""

import unittest

import framejit


def around(x):
    """What the first draw reads would be fused with what reads the second."""
    b = framejit.bernoulli(x.sum().sigmoid().expand(3))
    return b, x * framejit.rand(2)


def between(x):
    y = x.exp()
    a = framejit.bernoulli(y / 10)
    b = framejit.rand(2)
    c = framejit.bernoulli((y + 1) / 20)
    return y * b + a, c, framejit.randn(2) * y


def seldom_used(x):
    s = (x * 2).sum()
    framejit.normal(s.expand(2), 1.0)
    return (x * 2) * framejit.rand(2) + framejit.normal(s, 2.0)


class Order(unittest.TestCase):
    def test_order(self):
        for f in (around, between, seldom_used):
            for gradients in (False, True):
                framejit.reset()
                results = []
                for function in (f, framejit.compile(f, fullgraph=True)):
                    framejit.manual_seed(7)
                    x = framejit.tensor([0.25, 1.0], requires_grad=gradients)
                    out = framejit.utils._pytree.tree_leaves(function(x))
                    results.append([*out, framejit.rand(2)])
                with self.subTest(f=f.__name__, gradients=gradients):
                    for a, b in zip(*results):
                        framejit.testing.assert_close(b, a)


if __name__ == "__main__":
    unittest.main()
