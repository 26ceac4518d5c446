"""Compiled autograd: a backward pass as one graph gives what the engine gives, is recorded once for each form of the tape, calls
hooks at their place, and leaves to the engine what it cannot record."""

import contextlib
import functools
import gc
import unittest
import warnings
import weakref

import framejit
from framejit import nn
from framejit.autograd import Function, graph
from framejit.dynamo import compiled_autograd, config
from framejit.dynamo.testing import CompileCounter

compile_whole = functools.partial(framejit.compile, fullgraph=True)


class Recorder:
    """A compiler that keeps the graphs and runs them as they are, or compiled."""

    def __init__(self, compiler=None):
        self.graphs, self.calls, self.compiler = [], 0, compiler

    def __call__(self, gm):
        self.graphs.append(gm)
        inner = gm if self.compiler is None else self.compiler(gm)

        def run(*args):
            self.calls += 1
            return inner(*args)

        return run

    def names(self):
        return [getattr(n.target, "__name__", "") for n in self.graphs[-1].graph.nodes if n.op == "call_function"]


def leaf(*values):
    return framejit.tensor(values, dtype=framejit.float64, requires_grad=True)


class Base(unittest.TestCase):
    def setUp(self):
        framejit.dynamo.reset()

    tearDown = setUp

    def same(self, step, passes=2, compiler=None, recorded=True):
        """step() builds leaves, runs backward and gives tensors to compare; alike under the engine and recorded."""
        want = [step() for _ in range(passes)]
        for inner in (compiler,) if compiler else (None, compile_whole):
            framejit.dynamo.reset()
            recorder = Recorder(inner)
            with compiled_autograd._enable(recorder):
                got = [step() for _ in range(passes)]
            for w, g in zip(want, got):
                for a, b in zip(w, g, strict=True):
                    self.assertIs(type(a), type(b))
                    if isinstance(a, framejit.Tensor):
                        self.assertEqual(a.dtype, b.dtype)
                        self.assertTrue(framejit.allclose(a, b), (a, b))
                    else:
                        self.assertEqual(a, b)
            self.assertEqual(recorder.calls > 0, recorded)
        return recorder


class Passes(Base):
    def test_a_module_with_a_loss(self):
        def step():
            framejit.manual_seed(0)
            model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4))
            x = framejit.randn(5, 2, 6, 6, requires_grad=True)
            loss = nn.functional.cross_entropy(model(x), framejit.tensor([0, 1, 2, 3, 0]))
            loss.backward()
            return [x.grad, *[p.grad for p in model.parameters()]]

        recorder = self.same(step)
        self.assertEqual(len(recorder.graphs), 1)

    def test_leaves_that_have_gradients_keep_their_object(self):
        def step():
            x = leaf(1.0, 2.0)
            (x * x).sum().backward()
            before = x.grad
            (x * 3).sum().backward()
            return [x.grad, before is x.grad]

        self.same(step)

    def test_recorded_once_for_a_form(self):
        recorder = Recorder()
        x = leaf(1.0, 2.0)
        with compiled_autograd._enable(recorder):
            for k in range(4):
                x.grad = None
                y = framejit.full((2,), float(k), dtype=framejit.float64)
                (x * y).sum().backward()
                self.assertEqual(x.grad.tolist(), [k, k])
            self.assertEqual(len(recorder.graphs), 1)
            framejit.ones(3, requires_grad=True).mul(framejit.ones(3)).sum().backward()
        self.assertEqual((len(recorder.graphs), recorder.calls), (2, 5))

    def test_two_tensors_are_not_one_twice(self):
        recorder = Recorder()
        with compiled_autograd._enable(recorder):
            x, y = leaf(2.0), leaf(5.0)
            for _ in range(2):
                (x * x).backward()
                (x * y).backward()
        self.assertEqual((x.grad.tolist(), y.grad.tolist()), ([2 * (4.0 + 5.0)], [4.0]))
        self.assertEqual((len(recorder.graphs), recorder.calls), (2, 4))

    def test_constants_are_part_of_the_form(self):
        recorder = Recorder()
        x = leaf(1.0)
        with compiled_autograd._enable(recorder):
            for k in (2.0, 3.0, 2.0):
                x.grad = None
                (x * k).backward()
                self.assertEqual(x.grad.tolist(), [k])
        self.assertEqual(len(recorder.graphs), 2)

    def test_graphs_keep_no_tensors(self):
        recorder = Recorder()
        x = leaf(1.0, 2.0)
        with compiled_autograd._enable(recorder):
            (x.exp() * x).sum().backward()
        values = [node.meta["val"] for node in recorder.graphs[0].graph.nodes if "val" in node.meta]
        self.assertGreater(len(values), 5)
        self.assertTrue(all(value.is_meta for value in values))
        self.assertEqual(values[0].shape, x.shape)
        watch = weakref.ref(x)
        del x
        gc.collect()
        self.assertIsNone(watch())

    def test_given_gradients_and_several_roots(self):
        def step():
            x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
            a, b = x * y, (x + y).exp()
            framejit.autograd.backward([a, b], [leaf(1.0, 2.0).detach(), leaf(0.5, 0.25).detach()])
            return [x.grad, y.grad]

        self.same(step)

    def test_grad_of_inputs(self):
        def step():
            x, y, z = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf(1.0, 1.0)
            h = x * y
            out = h.sin().sum()
            return [*framejit.autograd.grad(out, [h, x, z], allow_unused=True), x.grad, y.grad]

        self.same(step)

    def test_unused_inputs_are_an_error(self):
        x, y = leaf(1.0), leaf(1.0)
        with compiled_autograd._enable(Recorder()):
            with self.assertRaisesRegex(RuntimeError, "appears to not have been used"):
                framejit.autograd.grad(x * 2, [x, y])

    def test_inputs_of_backward(self):
        def step():
            x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
            (x * y).sum().backward(inputs=[y])
            return [x.grad, y.grad]

        self.same(step)

    def test_in_place_and_views(self):
        def step():
            x = leaf(1.0, 2.0, 3.0, 4.0)
            y = x * 2
            y[1:3].mul_(5)
            y.view(2, 2)[0].add_(y[2])
            y.exp().sum().backward()
            return [x.grad]

        self.same(step)

    def test_the_root_is_a_leaf(self):
        def step():
            x, g = leaf(1.0, 2.0), framejit.tensor([5.0, 6.0], dtype=framejit.float64)
            x.backward(g)
            x.grad.add_(1)
            return [x.grad, g]

        self.same(step)

    def test_kept_and_gone_graphs(self):
        with compiled_autograd._enable(Recorder()):
            x = leaf(1.0, 2.0)
            y = (x * x).sum()
            y.backward(retain_graph=True)
            y.backward()
            self.assertEqual(x.grad.tolist(), [4.0, 8.0])
            with self.assertRaisesRegex(RuntimeError, "backward through the graph a second time"):
                y.backward()
            w = x * 1
            z = w.exp() * w
            w.mul_(2)
            with self.assertRaisesRegex(RuntimeError, "modified by an inplace operation"):
                z.sum().backward()


class CompiledForward(Base):
    def test_the_derivative_of_a_compiled_function_is_taken_apart(self):
        f = framejit.compile(lambda x, y: ((x * y).sin() + x, x.exp()), fullgraph=True)

        def step():
            x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
            a, b = f(x, y)
            (a * b.detach()).sum().backward()
            return [x.grad, y.grad]

        recorder = self.same(step)
        self.assertIn("cos.default", recorder.names())

    def test_training_steps(self):
        def step():
            framejit.manual_seed(3)
            model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
            compiled = framejit.compile(model)
            optimizer = framejit.optim.SGD(model.parameters(), lr=0.1)
            for k in range(5):
                optimizer.zero_grad()
                (compiled(framejit.ones(3, 4) * k) ** 2).mean().backward()
                optimizer.step()
            return list(model.parameters())

        self.assertEqual(len(self.same(step, passes=1).graphs), 1)


class Hooks(Base):
    def test_all_kinds_at_their_place(self):
        def step():
            seen = []
            x = leaf(1.0, 2.0)
            y = x * 3
            z = y.exp()
            x.register_hook(lambda g: seen.append("leaf") or g + 1)
            y.register_hook(lambda g: seen.append("y"))
            y.register_hook(lambda g: g * 2)
            z.grad_fn.register_prehook(lambda grads: seen.append("pre") or (grads[0] * 5,))
            y.grad_fn.register_hook(lambda ins, outs: seen.append(len(ins)) or (ins[0] + outs[0].mean(), *ins[1:]))
            x.register_post_accumulate_grad_hook(lambda p: seen.append("after") or setattr(p, "grad", p.grad * 7))
            z.sum().backward()
            return [x.grad, *seen]

        self.same(step, compiler=lambda gm: gm)  # what they append is the program's
        self.same(step, compiler=framejit.compile)

    def test_hooks_are_arguments_of_the_graph(self):
        recorder = Recorder(compile_whole)
        with compiled_autograd._enable(recorder):
            for k in (2.0, 3.0, 4.0):
                x = leaf(1.0, 2.0)
                y = x * 2
                y.register_hook(lambda g, k=k: g * k)
                y.sum().backward()
                self.assertEqual(x.grad.tolist(), [2 * k, 2 * k])
        self.assertEqual(len(recorder.graphs), 1)

    def test_wrong_results_of_hooks(self):
        for hook, message in ((lambda g: g[:1], "has changed the size"), (lambda g: g.float(), "has changed the type")):
            for enabled in (False, True):
                x = leaf(1.0, 2.0)
                x.register_hook(hook)
                context = compiled_autograd._enable(Recorder()) if enabled else contextlib.nullcontext()
                with context, self.assertRaisesRegex(RuntimeError, message):
                    (x * 2).sum().backward()

    def test_what_a_post_accumulate_hook_gives_is_an_error(self):
        x = leaf(1.0)
        x.register_post_accumulate_grad_hook(lambda p: p)
        with compiled_autograd._enable(Recorder()):
            with self.assertRaisesRegex(RuntimeError, "should return None"):
                (x * 2).backward()

    def test_hooks_of_intermediate_tensors_in_whole_graphs(self):
        def f(x, k, mark):
            y = x.sin()
            handle = y.register_hook(lambda g: g * k + mark.value)
            y.register_hook(lambda g: g + y)
            dropped = x.exp()
            other = dropped.register_hook(lambda g: g * 100)
            other.remove()
            return y.sin() + dropped, handle

        class Mark:
            value = 0.25

        for backend in ("eager", "aot_eager", "inductor"):
            framejit.dynamo.reset()
            counter = CompileCounter()
            with compiled_autograd._enable(functools.partial(framejit.compile, backend=counter, fullgraph=True)):
                compiled = framejit.compile(f, backend=backend, fullgraph=True)
                for _ in range(2):
                    a, b, c = leaf(0.5, 2.0), leaf(0.5, 2.0), leaf(0.5, 2.0)
                    out, handle = compiled(a, 3.0, Mark())
                    with compiled_autograd._disable():
                        f(b, 3.0, Mark())[0].sum().backward()
                    out.sum().backward()
                    self.assertTrue(framejit.allclose(a.grad, b.grad), backend)
            self.assertEqual(counter.frame_count, 1, backend)
            out, handle = compiled(c, 3.0, Mark())
            handle.remove()
            out.sum().backward()
            self.assertFalse(framejit.allclose(c.grad, a.grad))

    def test_a_hook_below_a_later_write_is_no_whole_graph(self):
        def f(x):
            y = x * 2
            y.register_hook(lambda g: g * 5)
            y.mul_(3)
            return y

        a, b = leaf(1.0), leaf(1.0)
        f(a).sum().backward()
        with compiled_autograd._enable(Recorder()):
            framejit.compile(f)(b).sum().backward()
        self.assertEqual(a.grad.tolist(), b.grad.tolist())


class Scaled(Function):
    @staticmethod
    def forward(ctx, x, k, unused):
        ctx.save_for_backward(x, None)
        ctx.k = k
        return x * x * k

    @staticmethod
    def backward(ctx, grad):
        x, nothing = ctx.saved_tensors
        assert nothing is None
        return 2 * grad * x * ctx.k, None, None


class Functions(Base):
    def test_backward_is_a_call_in_the_graph(self):
        def step():
            x, unused = leaf(1.0, 2.0), framejit.ones(2)
            (Scaled.apply(x, 3.0, unused) * 2).sum().backward()
            return [x.grad]

        recorder = self.same(step)
        self.assertIn("call_backward", recorder.names())
        self.assertEqual(len(recorder.graphs), 1)

    def test_a_context_of_its_own_each_time(self):
        recorder = Recorder(compile_whole)
        with compiled_autograd._enable(recorder):
            for k in (1.0, 2.0, 3.0):
                x = leaf(1.0, 2.0)
                Scaled.apply(x, k, None).sum().backward()
                self.assertEqual(x.grad.tolist(), [2 * k, 4 * k])
        self.assertEqual(len(recorder.graphs), 1)


class LeftToTheEngine(Base):
    def test_second_derivatives(self):
        def step():
            x = leaf(1.0, 2.0)
            (g,) = framejit.autograd.grad((x**3).sum(), x, create_graph=True)
            return [*framejit.autograd.grad(g.detach().sum() + (x * 2).sum(), x), g.requires_grad]

        self.same(step)
        recorder = Recorder()
        with compiled_autograd._enable(recorder):
            (x := leaf(1.0)).exp().backward(create_graph=True)
        self.assertEqual((recorder.calls, x.grad.requires_grad), (0, True))

    def test_packed_tensors_and_kept_gradients(self):
        def packed():
            x = leaf(1.0, 2.0)
            with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t * 1):
                y = x * x
            y.sum().backward()
            return [x.grad]

        def kept():
            x = leaf(1.0, 2.0)
            y = x * x
            y.retain_grad()
            (y * 2).sum().backward()
            return [x.grad, y.grad]

        self.same(packed, recorded=False)
        self.same(kept, recorded=False)

    def test_ever_new_forms(self):
        recorder = Recorder()
        with compiled_autograd._enable(recorder), warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            for n in range(1, config.recompile_limit + 4):
                x = framejit.ones(n, requires_grad=True)
                x.exp().sum().backward()
                self.assertTrue(framejit.allclose(x.grad, x.detach().exp()))
        self.assertEqual(len(recorder.graphs), config.recompile_limit)
        self.assertTrue(all("compiled autograd" in str(w.message) for w in seen) and seen)


class Switches(Base):
    def test_disable_and_nesting(self):
        outer, inner = Recorder(), Recorder()
        x = leaf(1.0)
        with compiled_autograd._enable(outer):
            (x * 1).backward()
            with compiled_autograd._disable():
                (x * 1).backward()
                self.assertFalse(compiled_autograd.compiled_autograd_enabled)
            with compiled_autograd._enable(inner):
                (x * 1).backward()
            (x * 1).backward()
        (x * 1).backward()
        self.assertEqual((outer.calls, inner.calls, x.grad.tolist()), (2, 1, [5.0]))
        self.assertFalse(compiled_autograd.compiled_autograd_enabled)

    def test_a_failing_compiler_changes_nothing(self):
        def fails(gm):
            raise ValueError("no")

        x = leaf(1.0)
        with compiled_autograd._enable(fails), self.assertRaisesRegex(ValueError, "no"):
            (x * 2).backward()
        (x * 2).backward()
        self.assertEqual(x.grad.tolist(), [2.0])

    def test_force_eager(self):
        recorder = Recorder()
        with framejit.compiler.set_stance("force_eager"), compiled_autograd._enable(recorder):
            leaf(1.0).exp().backward()
        self.assertEqual(recorder.calls, 0)
        with self.assertRaises(AssertionError), compiled_autograd._enable(recorder, dynamic=1):
            pass

    def test_config(self):
        def train(x):
            y = x.exp()
            framejit.dynamo.graph_break()
            y.sum().backward()

        x = leaf(1.0, 2.0)
        with config.patch(compiled_autograd=True):
            compiled = framejit.compile(train)
        before = framejit.dynamo.utils.counters["compiled_autograd"]["captures"]
        compiled(x)
        self.assertTrue(framejit.allclose(x.grad, x.detach().exp()))
        self.assertEqual(framejit.dynamo.utils.counters["compiled_autograd"]["captures"], before + 1)


if __name__ == "__main__":
    unittest.main()
