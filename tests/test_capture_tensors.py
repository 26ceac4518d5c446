"""Tensor programs: plain and compiled calls agree, and the number of segments and the reasons of breaks are as stated."""

import contextlib
import io
import math
import unittest

import framejit
import framejit.nn.functional as F
from framejit import _C, nn


def t(*sizes):
    return framejit.arange(1.0, 1.0 + math.prod(sizes)).reshape(*sizes) / 10


def plain_data(x):
    if isinstance(x, framejit.Tensor):
        return ["tensor", str(x.dtype), x.requires_grad, list(x.shape), x.detach().tolist()]
    if isinstance(x, (tuple, list)):
        return [type(x).__name__] + [plain_data(i) for i in x]
    if isinstance(x, dict):
        return {k: plain_data(v) for k, v in x.items()}
    return x


def close(a, b):
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(close(x, y) for x, y in zip(a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(close(a[k], b[k]) for k in a)
    if isinstance(a, float) and isinstance(b, float):
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-5 * (1 + abs(a))
    return a == b


def outcome(function, args):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result = ["returned", plain_data(function(*args))]
        except Exception as error:
            result = ["raised", type(error).__name__, str(error)]
    return [result, plain_data([a for a in args if isinstance(a, (framejit.Tensor, list, dict))]), out.getvalue()]


class TensorTest(unittest.TestCase):
    def check(self, function, make_args, segments=1, breaks=(), calls=3):
        expected = outcome(function, make_args())
        compiled = _C.CompiledFunction(function)
        for _ in range(calls):
            got = outcome(compiled, make_args())
            self.assertTrue(close(expected, got), f"\nplain    {expected}\ncompiled {got}")
        entries = compiled._entries()
        self.assertEqual(sorted({e["reason"] for e in entries if e["reason"]}), sorted(breaks), entries)
        if segments is not None:
            self.assertEqual(len(entries), segments, entries)
        return compiled

    def test_data_without_a_history(self):
        def read(x):
            return x.data * 2, x.data is x, x.data.requires_grad

        def written(x, y):
            x.data.add_(y)
            view = x[0].data
            view.mul_(3)
            return x + 1, view

        self.check(read, lambda: (t(3),))
        self.check(written, lambda: (t(2, 3), t(3)))
        self.check(lambda x: x.data * 2, lambda: (t(3).requires_grad_(),), None, ("unsupported_op",))

    def test_pointwise(self):
        self.check(lambda x, y: (x + y * 2 - 1).sin().sum(), lambda: (t(3), t(3)))

    def test_branch_on_shape(self):
        self.check(lambda x: x * 2 if x.shape[0] > 2 and x.dtype == framejit.float32 else x, lambda: (t(3),))

    def test_branch_on_tensor(self):
        def f(x):
            if x.sum() > 0:
                y = x * 2
            else:
                y = x - 1
            return y + 1

        self.check(f, lambda: (t(3),), None, ["data_branch"])
        self.check(f, lambda: (-t(3),), None, ["data_branch"])

    def test_while_on_tensor(self):
        def f(x):
            while x.sum() < 10:
                x = x * 2
            return x

        self.check(f, lambda: (t(2),), None, ["data_branch"])

    def test_item(self):
        def f(x):
            v = x.sum().item()
            return x * v

        self.check(f, lambda: (t(3),), 2, ["data_dependent"])

    def test_in_place(self):
        def f(x):
            x.add_(1)
            y = x.view(-1)
            y.mul_(2)
            x[0] = 5
            x[1] += 1
            return y

        self.check(f, lambda: (t(2, 2),))

    def test_unpack_and_index(self):
        def f(x):
            a, b = x
            q, *r = x.unbind(0)
            return a * b, [i for i in x], x[0], x[..., 1], x[None], x[:, None, :1], q, r

        self.check(f, lambda: (t(2, 2),))

    def test_no_grad(self):
        def f(x):
            with framejit.no_grad():
                y = x * 2
            return y, x * 3, framejit.is_grad_enabled()

        self.check(f, lambda: (t(3).requires_grad_(),))

    def test_grad_mode_over_a_break(self):
        def f(x):
            try:
                with framejit.no_grad():
                    y = x * 2
                    print("inside")
                    y = y + x
            finally:
                z = x * 3
            return y, z

        self.check(f, lambda: (t(3).requires_grad_(),), None, ["native_call"])

    def test_breaks_in_for_and_with(self):
        def f(x):
            for i in range(4):
                x = x + i
                if i % 2:
                    print(i)
            return x * 2

        self.check(f, lambda: (t(2),), None, ["native_call"])

    def test_break_in_a_called_function(self):
        def inner(y):
            z = y * 2
            print("deep")
            return z + 1

        self.check(lambda x: inner(x) * 3, lambda: (t(2),), None, ["native_call"])

    def test_break_in_a_handler(self):
        def f(x):
            y = x * 2
            try:
                [][1]
            except IndexError as e:
                print(e)
                y = y + 1
            return y * 3

        self.check(f, lambda: (t(2),), None, ["in_handler"])

    def test_errors(self):
        self.check(lambda x: x @ x, lambda: (t(2, 3),), 1, ["raises"])

        def f(x):
            try:
                return x @ x
            except RuntimeError as e:
                return x + len(str(e))

        self.check(f, lambda: (t(2, 3),))

    def test_factories_and_constants(self):
        self.check(
            lambda x: (
                x + framejit.zeros(3) + framejit.ones_like(x) + framejit.tensor([1.0, 2.0, 3.0]) + framejit.arange(3)
            ),
            lambda: (t(3),),
        )

    def test_containers(self):
        def f(x, l, d):
            l.append(x * 2)
            d["new"] = {k: v * 2 for k, v in d.items()}
            return l[0] + l[-1], [len(l)]

        self.check(f, lambda: (t(3), [t(3)], {"a": t(2), "b": t(3)}))

    def test_queries(self):
        self.check(
            lambda x: (
                isinstance(x, framejit.Tensor),
                x.ndim,
                x.size(0),
                tuple(x.size()),
                x.numel(),
                len(x),
                x.is_floating_point(),
                str(x.dtype),
                tuple(x.shape[-1:] + (1,)),
                x.dim(),
                x.device.type,
                x.shape == (3, 2),
            ),
            lambda: (t(3, 2),),
        )

    def test_functional(self):
        self.check(
            lambda x: F.relu(F.layer_norm(x, (3,))) + F.gelu(x) + F.dropout(x, 0.5, training=False), lambda: (t(2, 3),)
        )
        self.check(lambda x: framejit.cat([x, x], dim=0).softmax(dim=-1).mean(dim=0, keepdim=True), lambda: (t(2, 3),))
        self.check(lambda x, w: framejit.einsum("ij,jk->ik", x, w), lambda: (t(2, 3), t(3, 2)))
        self.check(lambda x: framejit.where(x > 0.2, x, -x).clamp(min=0).masked_fill(x > 0.3, 0), lambda: (t(2, 3),))

    def test_modules(self):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b, self.act = nn.Linear(4, 8), nn.Linear(8, 2), nn.ReLU()
                self.layers = nn.ModuleList([nn.Linear(2, 2) for _ in range(2)])
                self.seq = nn.Sequential(nn.Linear(2, 2), nn.Tanh())
                self.register_buffer("shift", framejit.ones(2))
                self.calls = 0

            def forward(self, x):
                self.calls += 1
                x = self.b(self.act(self.a(x)))
                for layer in self.layers:
                    x = layer(x)
                return self.seq(x) + self.shift * self.calls

        net = Net()
        compiled = _C.CompiledFunction(lambda x: net(x))
        for _ in range(4):
            expected = plain_data(net(t(3, 4)))
            net.calls -= 1
            self.assertTrue(close(expected, plain_data(compiled(t(3, 4)))))
        self.assertEqual(net.calls, 4)

    def test_batch_norm_buffers(self):
        def run(f, net):
            outs = [plain_data(f(t(4, 3))) for _ in range(3)]
            return [
                outs,
                plain_data(net.running_mean),
                plain_data(net.running_var),
                plain_data(net.num_batches_tracked),
            ]

        a, b = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
        self.assertTrue(close(run(a, a), run(_C.CompiledFunction(lambda x: b(x)), b)))

    def test_backward_through_compiled(self):
        def grads(wrap):
            framejit.manual_seed(0)
            net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
            loss = wrap(lambda x: (net(x) ** 2).mean())(t(5, 3))
            loss.backward()
            return [plain_data(loss)] + [plain_data(p.grad) for p in net.parameters()]

        self.assertTrue(close(grads(lambda f: f), grads(_C.CompiledFunction)))

    def test_compiled_functions_inside(self):
        class Scaler:
            k = 2

            @framejit.compile
            def scale(self, x):
                return x * self.k

        @framejit.compile
        def sine(x):
            return x.sin()

        s = Scaler()
        self.check(lambda x: s.scale(x) + sine(x), lambda: (t(2),))
        Scaler.k = 5
        self.check(lambda x: s.scale(x) + sine(x), lambda: (t(2),))

    def test_back_end_that_raises(self):
        def backend(module, examples):
            raise RuntimeError("no such luck")

        compiled = framejit.compile(lambda x: x + 1, backend=backend)
        for _ in range(2):
            with self.assertRaisesRegex(Exception, "no such luck"):
                compiled(t(2))

    def test_back_end_in_python(self):
        seen = []

        def backend(module, examples):
            seen.append((type(module).__name__, len(examples)))
            return module.forward

        compiled = framejit.compile(lambda x, y: (x + y).sin() * 2, backend=backend)
        self.assertTrue(close(plain_data((t(2) + t(2)).sin() * 2), plain_data(compiled(t(2), t(2)))))
        self.assertEqual(seen, [("GraphModule", 2)])

    def test_varying_number(self):
        compiled = _C.CompiledFunction(lambda x, s: x * s + s)
        for i in range(20):
            s = i * 0.5
            self.assertTrue(close(plain_data(t(2) * s + s), plain_data(compiled(t(2), s))))


if __name__ == "__main__":
    unittest.main()
