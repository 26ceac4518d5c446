"""The tape as an object: saved-tensor hooks, anomaly mode, checkpoint, multi-gradient hooks, edges, autograd.functional,
custom functions under vmap."""

import unittest
import warnings

import framejit
from framejit import nn
from framejit.autograd import Function, functional, graph
from framejit.utils.checkpoint import checkpoint, checkpoint_sequential


def leaf(*values):
    return framejit.tensor(values, dtype=framejit.float64, requires_grad=True)


class SavedTensorHooks(unittest.TestCase):
    def test_pack_and_unpack(self):
        seen = []

        def pack(t):
            seen.append(("pack", t.tolist()))
            return t.tolist()

        def unpack(values):
            seen.append(("unpack", values))
            return framejit.tensor(values, dtype=framejit.float64)

        x = leaf(1.0, 2.0)
        with graph.saved_tensors_hooks(pack, unpack):
            y = x * x
        self.assertEqual([kind for kind, _ in seen], ["pack", "pack"])
        z = y * y  # outside: not packed
        z.sum().backward()
        self.assertEqual([kind for kind, _ in seen], ["pack", "pack", "unpack", "unpack"])
        self.assertEqual(x.grad.tolist(), [4.0, 32.0])

    def test_second_derivative_through_hooks(self):
        x = leaf(0.5, 2.0)
        with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
            y = x.exp() * x**3
        (g,) = framejit.autograd.grad(y.sum(), x, create_graph=True)
        (h,) = framejit.autograd.grad(g.sum(), x)
        z = x.exp() * x**3
        (want,) = framejit.autograd.grad(z.sum(), x, create_graph=True)
        (second,) = framejit.autograd.grad(want.sum(), x)
        self.assertTrue(framejit.allclose(h, second))

    def test_the_innermost_pair_counts(self):
        seen = []
        x = leaf(1.0)
        with graph.saved_tensors_hooks(lambda t: seen.append("outer") or t, lambda t: t):
            with graph.saved_tensors_hooks(lambda t: seen.append("inner") or t, lambda t: t):
                x.exp()
            x.exp()
        self.assertEqual(seen, ["inner", "outer"])

    def test_before_an_in_place_write(self):
        x = leaf(2.0, 3.0)
        y = x * 1
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            y.mul_(y.detach().clone() + x)
        y.sum().backward()
        want = [2 * 2.0 + 2.0, 2 * 3.0 + 3.0]
        self.assertEqual(x.grad.tolist(), want)

    def test_disabled(self):
        with graph.disable_saved_tensors_hooks("not now"):
            with self.assertRaisesRegex(RuntimeError, "not now"):
                with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
                    pass

    def test_save_on_cpu(self):
        x = leaf(1.0, 2.0)
        with graph.save_on_cpu():
            y = (x * x).exp()
        y.sum().backward()
        self.assertTrue(framejit.allclose(x.grad, (2 * x * (x * x).exp()).detach()))

    def test_unpack_must_give_a_tensor(self):
        x = leaf(1.0)
        with graph.saved_tensors_hooks(lambda t: 3, lambda n: n):
            y = x.exp()
        with self.assertRaisesRegex(TypeError, "expected to be a Tensor"):
            y.backward()

    def test_compiled_functions_save_through_hooks(self):
        seen = []
        compiled = framejit.compile(lambda x: (x.exp() * x).sum())
        x = leaf(1.0, 2.0)
        with graph.saved_tensors_hooks(lambda t: seen.append(1) or t, lambda t: t):
            y = compiled(x)
        self.assertTrue(seen)
        y.backward()
        self.assertTrue(framejit.allclose(x.grad, ((x + 1) * x.exp()).detach()))


class AnomalyMode(unittest.TestCase):
    def failing(self, x):
        return framejit.sqrt(x - 1) * 0

    def test_nan_is_told_with_its_call(self):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with framejit.autograd.detect_anomaly():
                y = self.failing(leaf(1.0))
                with self.assertRaisesRegex(RuntimeError, "'SqrtBackward0' returned nan values in its 0th output"):
                    y.sum().backward()
        text = "".join(str(w.message) for w in caught)
        self.assertIn("Error detected in SqrtBackward0", text)
        self.assertIn("self.failing(leaf(1.0))", text)

    def test_switches(self):
        self.assertFalse(framejit.is_anomaly_enabled())
        with framejit.autograd.set_detect_anomaly(True, check_nan=False):
            self.assertTrue(framejit.is_anomaly_enabled())
            self.assertFalse(framejit.is_anomaly_check_nan_enabled())
            self.failing(leaf(1.0)).sum().backward()
        self.assertFalse(framejit.is_anomaly_enabled())


class Checkpoint(unittest.TestCase):
    def modules(self):
        framejit.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh())

    def gradients(self, run):
        m = self.modules()
        framejit.manual_seed(1)
        x = framejit.rand(4, 3, requires_grad=True)
        run(m, x).sum().backward()
        return [x.grad.tolist()] + [p.grad.tolist() for p in m.parameters()]

    def test_both_forms_give_the_plain_gradients(self):
        want = self.gradients(lambda m, x: m(x))
        for reentrant in (False, True):
            self.assertEqual(self.gradients(lambda m, x: checkpoint(m, x, use_reentrant=reentrant)), want)
            run = lambda m, x: checkpoint_sequential(m, 2, x, use_reentrant=reentrant)  # noqa: E731
            self.assertEqual(self.gradients(run), want)

    def test_the_part_runs_again(self):
        calls = []

        def f(x):
            calls.append(framejit.is_grad_enabled())
            return (x * x).exp()

        x = leaf(0.5)
        for reentrant, forward in ((False, True), (True, False)):
            calls.clear()
            y = checkpoint(f, x, use_reentrant=reentrant)
            self.assertEqual(calls, [forward])
            y.backward()
            self.assertEqual(calls, [forward, True])

    def test_random_numbers_are_drawn_again(self):
        def f(x):
            return nn.functional.dropout(x, 0.5, True) * x

        for reentrant in (False, True):
            x = framejit.ones(100, requires_grad=True)
            y = checkpoint(f, x, use_reentrant=reentrant)
            y.sum().backward()
            self.assertEqual(x.grad.tolist(), (2 * y).tolist())

    def test_nested_and_second_derivative(self):
        def inner(x):
            return x.sin() * x

        def outer(x):
            return checkpoint(inner, x, use_reentrant=False).exp()

        x = leaf(0.3, 0.7)
        y = checkpoint(outer, x, use_reentrant=False)
        (g,) = framejit.autograd.grad(y.sum(), x, create_graph=True)
        (h,) = framejit.autograd.grad(g.sum(), x)
        z = inner(x).exp()
        (g2,) = framejit.autograd.grad(z.sum(), x, create_graph=True)
        (h2,) = framejit.autograd.grad(g2.sum(), x)
        self.assertTrue(framejit.allclose(g, g2))
        self.assertTrue(framejit.allclose(h, h2))

    def test_inside_a_compiled_function(self):
        def f(x):
            return checkpoint(lambda v: (v * v).exp(), x, use_reentrant=False).sum()

        grads = []
        for g in (f, framejit.compile(f, fullgraph=True)):
            x = leaf(0.5, 1.0)
            g(x).backward()
            grads.append(x.grad)
        self.assertTrue(framejit.allclose(*grads))


class Edges(unittest.TestCase):
    def test_gradient_edge(self):
        x = leaf(1.0)
        node, number = graph.get_gradient_edge(x)
        self.assertIs(node.variable, x)
        y = x * 2
        self.assertEqual(graph.get_gradient_edge(y), (y.grad_fn, 0))
        with self.assertRaises(RuntimeError):
            graph.get_gradient_edge(framejit.ones(1))

    def test_increment_version(self):
        x = framejit.ones(2)
        before = x._version
        graph.increment_version(x)
        self.assertEqual(x._version, before + 1)
        graph.increment_version([x, x])
        self.assertEqual(x._version, before + 3)

    def test_multi_grad_hook(self):
        x, y = leaf(1.0), leaf(2.0)
        a, b = x * y, x + y
        seen = []
        handle = graph.register_multi_grad_hook([a, b, x], lambda grads: seen.append([g and g.item() for g in grads]))
        (a * 3 + b).sum().backward()
        self.assertEqual(seen, [[3.0, 1.0, 7.0]])
        handle.remove()

    def test_multi_grad_hook_counts_what_runs(self):
        x, y = leaf(1.0), leaf(2.0)
        a, b = x * 2, y * 3
        seen = []
        graph.register_multi_grad_hook([a, b], lambda grads: seen.append([g is None for g in grads]))
        a.sum().backward()
        self.assertEqual(seen, [[False, True]])

    def test_any_hook(self):
        x = leaf(1.0)
        a, b = x * 2, x * 3
        seen = []
        graph.register_multi_grad_hook([a, b], seen.append, mode="any")
        (a + b).sum().backward()
        self.assertEqual(len(seen), 1)

    def test_only_wanted_gradients_are_computed(self):
        class Asked(Function):
            @staticmethod
            def forward(ctx, a, b):
                return a * b

            @staticmethod
            def backward(ctx, g):
                seen.append("both")
                return g, g

        seen = []
        x, w = leaf(1.0, 2.0), leaf(3.0, 4.0)
        y = Asked.apply(x * 1, w) * w
        framejit.autograd.grad(y.sum(), [w])
        self.assertEqual(seen, ["both"])
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            z = (x.exp() @ w) + x.sum()
        (g,) = framejit.autograd.grad(z, [w])
        self.assertTrue(framejit.allclose(g, x.exp().detach()))


class Functional(unittest.TestCase):
    def setUp(self):
        framejit.manual_seed(0)
        self.x = framejit.rand(3, dtype=framejit.float64)
        self.w = framejit.rand(3, 3, dtype=framejit.float64)

    def f(self, x, w):
        return (w @ x).tanh() * x.sum()

    def g(self, x, w):
        return self.f(x, w).pow(2).sum()

    def numerical(self, f, args, at, eps=1e-6):
        columns = []
        for i in range(args[at].numel()):

            def moved(by):
                change = [a.clone() for a in args]
                change[at].view(-1)[i] += by
                return f(*change).reshape(-1)

            columns.append((moved(eps) - moved(-eps)) / (2 * eps))
        return framejit.stack(columns, -1)

    def test_jacobian(self):
        a, b = functional.jacobian(self.f, (self.x, self.w))
        self.assertEqual((tuple(a.shape), tuple(b.shape)), ((3, 3), (3, 3, 3)))
        self.assertTrue(framejit.allclose(a, self.numerical(self.f, (self.x, self.w), 0), atol=1e-6))
        self.assertTrue(framejit.allclose(b.reshape(3, 9), self.numerical(self.f, (self.x, self.w), 1), atol=1e-6))

    def test_products(self):
        jacobian = functional.jacobian(lambda x: self.f(x, self.w), self.x)
        v = framejit.rand(3, dtype=framejit.float64)
        f = lambda x: self.f(x, self.w)  # noqa: E731
        self.assertTrue(framejit.allclose(functional.vjp(f, self.x, v)[1], v @ jacobian))
        self.assertTrue(framejit.allclose(functional.jvp(f, self.x, v)[1], jacobian @ v))

    def test_hessian_and_products(self):
        g = lambda x: self.g(x, self.w)  # noqa: E731
        h = functional.hessian(g, self.x)
        gradient = lambda x: functional.jacobian(g, x)  # noqa: E731
        self.assertTrue(framejit.allclose(h, self.numerical(gradient, (self.x,), 0), atol=1e-5))
        v = framejit.rand(3, dtype=framejit.float64)
        self.assertTrue(framejit.allclose(functional.hvp(g, self.x, v)[1], h @ v))
        self.assertTrue(framejit.allclose(functional.vhp(g, self.x, v)[1], v @ h))

    def test_strict_and_bad_arguments(self):
        with self.assertRaisesRegex(RuntimeError, "independent of input 1"):
            functional.jacobian(lambda a, b: a * 2, (self.x, self.x), strict=True)
        with self.assertRaisesRegex(TypeError, "must be either a Tensor or a tuple"):
            functional.jacobian(lambda a: a, [self.x])
        with self.assertRaisesRegex(RuntimeError, "v has invalid size"):
            functional.vjp(lambda a: a, self.x, framejit.ones(4))
        with self.assertRaisesRegex(RuntimeError, "single element"):
            functional.hessian(lambda a: a, self.x)


class Cube(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        return grad * 3 * ctx.saved_tensors[0] ** 2


class Scaled(Function):
    @staticmethod
    def forward(x, w):
        return x * w

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        x, w = ctx.saved_tensors
        return grad * w, (grad * x).sum_to_size(w.shape)

    @staticmethod
    def vmap(info, in_dims, x, w):
        assert info.batch_size == 4 and in_dims == (0, None), (info, in_dims)
        return Scaled.apply(x, w), 0


class FunctionUnderVmap(unittest.TestCase):
    def test_generated_rule(self):
        x = framejit.rand(4, 3, dtype=framejit.float64)
        self.assertTrue(framejit.allclose(framejit.func.vmap(Cube.apply)(x), x**3))
        per_sample = framejit.func.vmap(framejit.func.grad(lambda v: Cube.apply(v).sum()))
        self.assertTrue(framejit.allclose(per_sample(x), 3 * x**2))
        x.requires_grad_()
        framejit.func.vmap(Cube.apply, in_dims=1)(x).sum().backward()
        self.assertTrue(framejit.allclose(x.grad, 3 * x.detach() ** 2))

    def test_own_rule(self):
        x, w = framejit.rand(4, 3), framejit.rand(3)
        self.assertTrue(framejit.allclose(framejit.func.vmap(Scaled.apply, in_dims=(0, None))(x, w), x * w))

    def test_no_rule(self):
        class Plain(Function):
            @staticmethod
            def forward(x):
                return x

            @staticmethod
            def setup_context(ctx, inputs, output):
                pass

        with self.assertRaisesRegex(RuntimeError, "does not have vmap support"):
            framejit.func.vmap(Plain.apply)(framejit.ones(2, 2))


if __name__ == "__main__":
    unittest.main()
