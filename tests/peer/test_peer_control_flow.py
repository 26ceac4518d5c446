"""Control flow as functions against torch: cond, while_loop, scan, associative_scan."""

import unittest
import warnings

import framejit
import numpy as np
from framejit import _control_flow

try:
    import torch
    from torch._higher_order_ops import associative_scan, scan, while_loop
except ImportError:
    torch = None

RNG = np.random.default_rng(2)
X = RNG.standard_normal((3, 5)).tolist()


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [plain(v) for v in value]
    return np.round(np.array(value.tolist()), 5).tolist() if hasattr(value, "tolist") else value


def outcome(call, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return plain(call(*args))
        except Exception as error:
            return type(error).__name__


# f has cond, while_loop, scan and associative_scan of one library
CALLS = (
    lambda t, f, x: f.cond(True, lambda x: x + 1, lambda x: x - 1, (x,)),
    lambda t, f, x: f.cond(t.tensor([False]), lambda x: x + 1, lambda x: x - 1, (x,)),
    lambda t, f, x: f.cond(x, lambda x: x, lambda x: x, (x,)),
    lambda t, f, x: f.cond("a", lambda x: x, lambda x: x, (x,)),
    lambda t, f, x: f.cond(True, 3, lambda x: x, (x,)),
    lambda t, f, x: f.cond(True, lambda: 3, lambda: 4),
    lambda t, f, x: f.cond(0, lambda x: (x, {"a": x}), lambda x: (x, {"a": x + 1}), [x]),
    lambda t, f, x: f.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * 2), (t.tensor(0), x)),
    lambda t, f, x: f.while_loop(lambda i, y: i < 0, lambda i, y: (i + 1, y * 2), (t.tensor(0), x)),
    lambda t, f, x: f.while_loop(3, lambda i: i, (x,)),
    lambda t, f, x: f.scan(lambda c, x: (c + x, c * x), t.zeros(5), x),
    lambda t, f, x: f.scan(lambda c, x: (c + x, c * x), t.zeros(5), x, reverse=True),
    lambda t, f, x: f.scan(lambda c, x: (c + x, c * x), t.zeros(3), x, dim=1),
    lambda t, f, x: f.scan(lambda c, x: (c + x, [c * x, x.sum()]), t.zeros(5), x),
    lambda t, f, x: f.scan(lambda c, x: (c + x["a"], x["b"] * c), t.zeros(5), {"a": x, "b": x + 1}),
    lambda t, f, x: f.scan(3, x, x),
    lambda t, f, x: f.scan(lambda c, x: (c, x), t.zeros(5), x[:0]),
    lambda t, f, x: f.scan(lambda c, x: (c, x), t.zeros(5), x, dim=5),
    lambda t, f, x: f.scan(lambda c, x: (c, x), t.zeros(5), []),
    *(
        (lambda t, f, x, n=n, r=r: f.associative_scan(lambda a, b: a + b, x[:, :n], 1, r, "generic"))
        for n in range(1, 6)
        for r in (False, True)
    ),
    lambda t, f, x: f.associative_scan(
        lambda a, b: (a[0] * b[0], a[1] * b[0] + b[1]), (x, x + 1), 0, combine_mode="generic"
    ),
    lambda t, f, x: f.associative_scan(lambda a, b: {"i": a["i"] * b["i"]}, {"i": x}, -1, combine_mode="generic"),
    lambda t, f, x: f.associative_scan(
        lambda a, b: (a[0] @ b[0],), (x[:, :4].reshape(3, 2, 2),), 0, combine_mode="generic"
    ),
    lambda t, f, x: f.associative_scan(lambda a, b: a + b, x, 7, combine_mode="generic"),
    lambda t, f, x: f.associative_scan(lambda a, b: a + b, x[:0], 0, combine_mode="generic"),
    lambda t, f, x: f.associative_scan(3, x, 0),
    lambda t, f, x: f.associative_scan(lambda a, b: a + b, x, 0, combine_mode="other"),
)

# functions of tensors, whose nodes are compared with their derivatives
NODES = (
    lambda t, f, x: f.cond(x.sum() > 0, lambda x: x.sin() * x, lambda x: x.exp(), (x,)),
    lambda t, f, x: f.cond(x[0, 0] > 0, lambda: (x * 2, x.sum()), lambda: (x / 3, x[0, 1])),
    lambda t, f, x: f.cond(
        x[0, 0] > 0, lambda a: f.cond(a[0, 1] > 0, lambda: a * x, lambda: a + 1), lambda a: a.cos(), (x * 2,)
    ),
    lambda t, f, x: f.scan(lambda c, x: (c * x + 1, c.sin() * x), t.ones(5), x),
    lambda t, f, x: f.scan(lambda c, x: (c * x, c + x), t.ones(3), x, dim=1, reverse=True),
)


@unittest.skipIf(torch is None, "torch is not installed")
class ControlFlowTest(unittest.TestCase):
    def test_calls(self):
        class Theirs:
            cond, while_loop, scan, associative_scan = map(
                staticmethod, (torch.cond, while_loop, scan, associative_scan)
            )

        for i, call in enumerate(CALLS):
            with self.subTest(i):
                ours = outcome(call, framejit, _control_flow, framejit.tensor(X))
                self.assertEqual(ours, outcome(call, torch, Theirs, torch.tensor(X)))

    def test_gradients(self):
        x = framejit.tensor(X, dtype=framejit.float64, requires_grad=True)
        y = _control_flow.associative_scan(lambda a, b: a * b, x, 0)
        (found,) = framejit.autograd.grad(y.sum(), x)
        (wanted,) = framejit.autograd.grad(x.cumprod(0).sum(), x)
        self.assertTrue(framejit.allclose(found, wanted))

    def test_compiled(self):
        def f(x):
            x = framejit.cond(x.sum() > 0, lambda x: x.sin(), lambda x: x.cos(), (x,))
            _, x = framejit.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, x * 2), (0, x))
            return x

        compiled = framejit.compile(f)
        for sign in (1, -1, 1):
            x = sign * framejit.ones(3)
            self.assertTrue(framejit.allclose(compiled(x), f(x)))

    def test_nodes_and_their_gradients(self):
        class Theirs:
            pass

        if torch:
            Theirs.cond, Theirs.scan = staticmethod(_python_cond), staticmethod(_python_scan)

        def derivatives(t, f, call, sign):
            x = t.tensor(X) * sign
            x.requires_grad_()
            out = call(t, f, x)
            parts = out if isinstance(out, tuple) else (out,)
            sum((part * part).sum() for part in parts).backward()
            return plain([*parts, x.grad])

        for i, call in enumerate(NODES):
            for sign in (1, -1):
                framejit.reset()
                compiled = framejit.compile(lambda t, f, x: call(t, f, x), fullgraph=True)
                with self.subTest(call=i, sign=sign):
                    ours = derivatives(framejit, _control_flow, compiled, sign)
                    theirs = derivatives(torch, Theirs, call, sign)
                    np.testing.assert_allclose(_numbers(ours), _numbers(theirs), rtol=1e-4, atol=1e-5)

    def test_vmap(self):
        calls = [
            lambda t, x: t.func.vmap(lambda a: t.cond(a.sum() > 0, lambda b: b.sin() * 2, lambda b: b.exp(), (a,)))(x),
            lambda t, x: t.func.vmap(lambda a: t.cond(a[0] > 0, lambda: a * 2, lambda: a - 3), in_dims=1, out_dims=1)(
                x
            ),
            lambda t, x: t.func.vmap(t.func.vmap(lambda a: t.cond(a > 0, lambda b: b * 2, lambda b: b.cos(), (a,))))(x),
            lambda t, x: t.func.vmap(
                lambda a, p: t.cond(p, lambda b: b * 2, lambda b: b.cos(), (a,)), in_dims=(0, None)
            )(x, t.tensor(False)),
        ]
        for i, call in enumerate(calls):
            x = torch.tensor(X, requires_grad=True)
            expected = call(torch, x)
            (gradient,) = torch.autograd.grad((expected * expected).sum(), x)
            for fullgraph in (None, False, True):
                f = lambda x, call=call: call(framejit, x)  # noqa: E731
                framejit.reset()
                f = f if fullgraph is None else framejit.compile(f, fullgraph=fullgraph)
                with self.subTest(call=i, fullgraph=fullgraph):
                    y = framejit.tensor(X, requires_grad=True)
                    ours = f(y)
                    (found,) = framejit.autograd.grad((ours * ours).sum(), y)
                    for a, b in ((ours, expected), (found, gradient)):
                        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-4, atol=1e-5)

    def test_gradients_of_while_loop(self):
        def f(loop, n, x, w):
            return loop(lambda i, a: i < n, lambda i, a: (i + 1, a.sin() * w), (n * 0, x))[1]

        for n in (1, 4):  # torch 2.13 differentiates the body once where there is no round
            x, w = (torch.tensor(row, requires_grad=True) for row in X[:2])
            expected = f(while_loop, torch.tensor(n), x, w)
            wanted = torch.autograd.grad(expected.sum(), (x, w), allow_unused=True, materialize_grads=True)
            framejit.reset()
            y, v = (framejit.tensor(row, requires_grad=True) for row in X[:2])
            compiled = framejit.compile(lambda n, x, w: f(_control_flow.while_loop, n, x, w), fullgraph=True)
            ours = compiled(framejit.tensor(n), y, v)
            found = framejit.autograd.grad(ours.sum(), (y, v), allow_unused=True)
            for a, b in zip((ours, *found), (expected, *wanted)):
                np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-4, atol=1e-5)


def _numbers(value):
    """All numbers of what `plain` gives, in order."""
    if isinstance(value, (list, tuple)):
        return [number for part in value for number in _numbers(part)]
    return [] if isinstance(value, str) else [value]


def _python_cond(pred, yes, no, operands=()):
    return yes(*operands) if pred else no(*operands)


def _python_scan(combine, carry, xs, dim=0, reverse=False):
    rows = list(xs.unbind(dim))
    outs = []
    for x in rows[::-1] if reverse else rows:
        carry, out = combine(carry, x)
        outs.append(out)
    return carry, torch.stack(outs[::-1] if reverse else outs, dim)


if __name__ == "__main__":
    unittest.main()
