"""Lazy tensors against the same program on the CPU."""

import gc
import io
import unittest

import framejit
from framejit import _lazy
from framejit._lazy import config, metrics
from framejit._lazy.extract_compiled_graph import extract_compiled_graph

from tests.flat import ROUNDS, FlatCase


class LazyCase(unittest.TestCase):
    def setUp(self):
        _lazy.mark_step()
        metrics.reset()

    def same(self, function, *args):
        """The function gives the same on lazy copies, for results and for what it has done to its arguments."""
        plain = [a.clone() for a in args]
        lazy = [a.to("lazy") for a in args]
        expected, found = function(*plain), function(*lazy)
        self.assertEqual([t.tolist() for t in found], [t.tolist() for t in expected])
        self.assertEqual([t.device.type for t in found], ["lazy"] * len(found))
        self.assertEqual([t.tolist() for t in lazy], [t.tolist() for t in plain])


class Recording(LazyCase):
    def test_nothing_is_computed_before_a_sync(self):
        x = framejit.ones(3, device="lazy")
        y = (x + 1) * 2
        self.assertEqual(metrics.counter_names(), [])
        self.assertIn("mul(", _lazy.debug.dump_ir([y], "text"))
        self.assertEqual((y.shape, y.dtype, str(y.device)), ((3,), framejit.float32, "lazy:0"))
        _lazy.mark_step()
        self.assertEqual(metrics.counter_value("UncachedCompile"), 1)
        self.assertEqual(y.tolist(), [4.0, 4.0, 4.0])
        self.assertNotIn("mul(", _lazy.debug.dump_ir([y], "text"))

    def test_a_graph_is_compiled_once(self):
        for _ in range(4):
            x = framejit.arange(6.0).to("lazy")
            (x.sin() + x).sum().item()
        self.assertEqual(metrics.counter_value("UncachedCompile"), 1)
        self.assertEqual(metrics.counter_value("CachedCompile"), 3)
        framejit.arange(6.0).reshape(2, 3).t().to("lazy").sin().sum().item()
        self.assertEqual(metrics.counter_value("UncachedCompile"), 2)

    def test_what_shows_elements(self):
        x = framejit.tensor([1.5, -2.0]).to("lazy")
        self.assertEqual(repr(x + 1), "tensor([ 2.5000, -1.0000], device='lazy:0')")
        self.assertEqual((x * 2).tolist(), [3.0, -4.0])
        self.assertEqual(float((x * 2).sum()), -1.0)
        self.assertTrue((x < 2).all())
        self.assertEqual((x + 1).cpu().device.type, "cpu")
        with self.assertRaisesRegex(TypeError, "can't convert lazy:0"):
            x.numpy()

    def test_factories(self):
        for make in (
            lambda d: framejit.zeros(2, 3, device=d),
            lambda d: framejit.full((2,), 7, device=d),
            lambda d: framejit.arange(4, device=d),
            lambda d: framejit.tensor([[1.0, 2.0]], device=d),
            lambda d: framejit.zeros_like(framejit.ones(2, device=d)),
            lambda d: framejit.ones(2, device=d).new_full((3,), 2.0),
        ):
            found = make("lazy")
            self.assertEqual(found.device.type, "lazy")
            self.assertEqual(found.tolist(), make("cpu").tolist())

    def test_random_numbers(self):
        framejit.manual_seed(3)
        expected = framejit.randn(5).tolist()
        framejit.manual_seed(3)
        self.assertEqual(framejit.randn(5, device="lazy").tolist(), expected)


class Writes(LazyCase):
    def test_in_place(self):
        self.same(lambda a, b: [a.sub_(b), b - 1], framejit.arange(3.0), framejit.ones(3))

    def test_views(self):
        def f(a):
            row, rest = a[0], a[1:]
            row += 5
            rest.mul_(2)
            flat = a.view(-1)
            flat[3] = -1
            return [row, rest, flat, a.t()]

        self.same(f, framejit.arange(6.0).reshape(2, 3))

    def test_views_across_syncs(self):
        def f(a):
            part = a[1:]
            a.add_(1)
            _lazy.mark_step()
            part.mul_(3)
            a[0] = 9
            _lazy.mark_step()
            b = part.detach()
            b.add_(1)
            return [a, part, b, a.data]

        self.same(f, framejit.arange(4.0))

    def test_an_alias_that_does_not_wait(self):
        x = framejit.arange(4.0).to("lazy")
        alias = x[1:]
        _lazy.mark_step()
        x.add_(1)
        self.assertEqual(alias.tolist(), [2.0, 3.0, 4.0])

    def test_copies_between_devices(self):
        x = framejit.zeros(3, device="lazy")
        x.copy_(framejit.tensor([1.0, 2.0, 3.0]))
        y = framejit.zeros(3)
        y.copy_(x * 2)
        self.assertEqual(y.tolist(), [2.0, 4.0, 6.0])
        self.assertEqual(y.device.type, "cpu")

    def test_out(self):
        x, out = framejit.ones(3, device="lazy"), framejit.zeros(3, device="lazy")
        self.assertIs(framejit.add(x, 2, out=out), out)
        self.assertEqual(out.tolist(), [3.0, 3.0, 3.0])


class Fallback(LazyCase):
    def test_shapes_that_depend_on_data(self):
        x = framejit.tensor([0.0, 1.0, 2.0]).to("lazy") + 0
        self.assertEqual(x.nonzero().tolist(), [[1], [2]])
        self.assertEqual(x[x > 0].tolist(), [1.0, 2.0])
        self.assertGreater(metrics.counter_value("aten::nonzero"), 0)

    def test_forced(self):
        config.set_force_fallback("aten::sub")
        try:
            x = framejit.ones(2, device="lazy")
            self.assertEqual((x - 3).tolist(), [-2.0, -2.0])
        finally:
            config.set_force_fallback("")
        self.assertEqual(metrics.counter_value("aten::sub"), 1)
        self.assertIn("aten::sub", metrics.metrics_report())

    def test_errors_come_at_the_call(self):
        x = framejit.ones(2, 3, device="lazy")
        with self.assertRaises(RuntimeError):
            x @ x
        with self.assertRaisesRegex(RuntimeError, "same device"):
            x + framejit.ones(3)
        with self.assertRaises(RuntimeError):
            x.add_(framejit.ones(4, 2, 3, device="lazy"))
        self.assertEqual((x + framejit.tensor(1.0)).tolist(), [[2.0] * 3] * 2)


class Training(LazyCase):
    def steps(self, device):
        framejit.manual_seed(0)
        model = framejit.nn.Sequential(
            framejit.nn.Linear(4, 8), framejit.nn.ReLU(), framejit.nn.BatchNorm1d(8), framejit.nn.Linear(8, 2)
        )
        x, y = framejit.randn(16, 4), framejit.randint(0, 2, (16,))
        model, x, y = model.to(device), x.to(device), y.to(device)
        optimizer = framejit.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(4):
            optimizer.zero_grad()
            loss = framejit.nn.functional.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            _lazy.mark_step()
            losses.append(loss.item())
        return losses, [p.cpu().detach() for p in model.state_dict().values()]

    def test_the_same_losses(self):
        (plain, weights), (lazy, found) = self.steps("cpu"), self.steps("lazy")
        for a, b in zip(plain, lazy):
            self.assertAlmostEqual(a, b, places=5)
        for a, b in zip(weights, found):
            framejit.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)

    def test_gradients_cross_devices(self):
        w = framejit.tensor([1.0, 2.0], requires_grad=True)
        (w.to("lazy") ** 2).sum().cpu().backward()
        self.assertEqual(w.grad.device.type, "cpu")
        self.assertEqual(w.grad.tolist(), [2.0, 4.0])

    def test_saved_and_loaded(self):
        file = io.BytesIO()
        _lazy.save({"w": framejit.ones(2, device="lazy") * 3}, file)
        file.seek(0)
        self.assertEqual(framejit.load(file)["w"].tolist(), [3.0, 3.0])

    def test_closures(self):
        seen = []
        x = framejit.ones(1, device="lazy") + 1
        _lazy.add_step_closure(lambda t: seen.append(t.item()), (x,))
        self.assertEqual(seen, [])
        _lazy.mark_step()
        _lazy.mark_step()
        self.assertEqual(seen, [2.0])


class Extracted(LazyCase):
    def check(self, forward, *args):
        class Model(framejit.nn.Module):
            def __init__(self):
                super().__init__()
                self.w = framejit.nn.Parameter(framejit.tensor([2.0, -1.0, 0.5]))

        Model.forward = forward
        model = Model()
        run = extract_compiled_graph(framejit.fx.symbolic_trace(model), list(args))
        for k in range(3):
            ours, plain = [a + k for a in args], [a + k for a in args]
            expected = model(*plain)
            expected = expected if isinstance(expected, tuple) else (expected,)
            found = run(*ours)
            self.assertEqual([t.tolist() for t in found], [t.tolist() for t in expected])
            self.assertEqual([t.device.type for t in found], ["cpu"] * len(found))
            self.assertEqual([t.tolist() for t in ours], [t.tolist() for t in plain])
        self.assertLessEqual(metrics.counter_value("UncachedCompile"), 2)

    def test_results(self):
        a, b = framejit.arange(3.0), framejit.ones(3)
        self.check(lambda self, a: a * self.w, a)
        self.check(lambda self, a, b: (a - b, b + 1, a - b), a, b)

    def test_writes(self):
        def forward(self, a, b):
            a.sub_(b)
            return b - 1, b + 1

        self.check(forward, framejit.arange(3.0), framejit.ones(3))

    def test_the_same_tensor_twice(self):
        def forward(self, a):
            c = a + 1
            return c, a * 2, c, a

        self.check(forward, framejit.arange(3.0))

    def test_unknown_hash(self):
        with self.assertRaises(RuntimeError):
            _lazy.computation.run_cached_graph("no such graph", [])


class Lifetime(FlatCase):
    def test_flat(self):
        def step(probe):
            x = framejit.ones(1000, device="lazy")
            y = x * 2 + 1
            y.add_(x[0])
            _lazy.mark_step()
            return y

        self.flat(step, min(ROUNDS, 3000))

    def test_dropped_before_the_sync(self):
        x = framejit.ones(3, device="lazy")
        y = x + 1
        view = y[1:]
        del x, y
        gc.collect()
        self.assertEqual(view.tolist(), [2.0, 2.0])


if __name__ == "__main__":
    unittest.main()
