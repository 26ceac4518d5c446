"""framejit.compile as users call it: every kind of callable, OptimizedModule, back ends, dynamo's helpers."""

import collections
import copy
import functools
import inspect
import io
import operator
import pickle
import sys
import unittest

import framejit
from framejit import dynamo, fx, nn
from framejit.dynamo.testing import CompileCounter, CompileCounterWithBackend, EagerAndRecordGraphs


def add_twice(x, y=1):
    """Doc."""
    return x * 2 + y


class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def scale(self, x):
        return x * self.factor

    def __call__(self, x):
        return x + self.factor


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 2)
        self.extra = 5

    def forward(self, x, shift=0.0):
        return self.linear(x).relu() + shift

    def describe(self):
        return "a net"


class CallableTest(unittest.TestCase):
    def test_decorator_forms(self):
        x = framejit.ones(3)
        for compiled in (
            framejit.compile(add_twice),
            framejit.compile()(add_twice),
            framejit.compile(dynamic=True)(add_twice),
            framejit.compile(add_twice, backend="eager"),
        ):
            self.assertEqual(compiled(x).tolist(), [3, 3, 3])
            self.assertEqual(compiled(x, y=2).tolist(), [4, 4, 4])

    def test_looks_like_the_function(self):
        compiled = framejit.compile(add_twice)
        self.assertIs(compiled.__wrapped__, add_twice)
        self.assertEqual((compiled.__name__, compiled.__doc__), ("add_twice", "Doc."))

    def test_methods_partials_objects_builtins(self):
        scaler, x = Scaler(3), framejit.ones(2)
        self.assertEqual(framejit.compile(scaler.scale)(x).tolist(), [3, 3])
        self.assertEqual(framejit.compile(scaler)(x).tolist(), [4, 4])
        self.assertEqual(framejit.compile(functools.partial(add_twice, y=5))(x).tolist(), [7, 7])
        self.assertEqual(framejit.compile(framejit.add)(x, x).tolist(), [2, 2])
        scaler.factor = 4
        self.assertEqual(framejit.compile(scaler)(x).tolist(), [5, 5])

    def test_as_a_method(self):
        class Holder:
            @framejit.compile
            def double(self, x):
                return x * 2

        self.assertEqual(Holder().double(framejit.ones(1)).tolist(), [2])

    def test_a_class_keeps_being_itself_and_its_calls_are_compiled(self):
        counter = CompileCounter()

        @framejit.compile(backend=counter)
        class Shifted(nn.Module):
            def __init__(self, by):
                super().__init__()
                self.layer, self.by = nn.Linear(2, 2), by

            def forward(self, x):
                return self.layer(x) + self.by

        class Plain:
            def __init__(self, by):
                self.by = by

            def __call__(self, x):
                return x + self.by

        self.assertTrue(isinstance(Shifted, type) and issubclass(Shifted, nn.Module))
        self.assertIs(framejit.compile(Plain, backend=counter), Plain)
        module, x = Shifted(3), framejit.ones(2)
        self.assertEqual(counter.frame_count, 0)
        self.assertTrue(framejit.equal(module(x), module.layer(x) + 3))
        self.assertEqual(Plain(2)(x).tolist(), [3.0, 3.0])
        self.assertEqual(counter.frame_count, 2)

    def test_bad_arguments(self):
        with self.assertRaises(TypeError):
            framejit.compile(3)
        with self.assertRaisesRegex(RuntimeError, "Invalid backend"):
            framejit.compile(add_twice, backend="nothing")
        with self.assertRaises(TypeError):
            framejit.compile(add_twice, backend=3)
        with self.assertRaises(RuntimeError):
            framejit.compile(add_twice, mode="default", options={})
        with self.assertRaises(RuntimeError):
            framejit.compile(add_twice, mode="fastest")

    def test_disable(self):
        self.assertIs(framejit.compile(add_twice, disable=True), add_twice)
        with dynamo.config.patch(disable=True):
            counter = CompileCounter()
            framejit.compile(add_twice, backend=counter)(framejit.ones(1))
            self.assertEqual(counter.frame_count, 0)


class ModuleTest(unittest.TestCase):
    def setUp(self):
        self.net = Net()
        self.compiled = framejit.compile(self.net)
        self.x = framejit.randn(4, 3)

    def test_results_and_gradients(self):
        want = self.net(self.x, shift=1.0)
        got = self.compiled(self.x, shift=1.0)
        framejit.testing.assert_close(got, want)
        got.sum().backward()
        compiled_grad = self.net.linear.weight.grad
        self.net.zero_grad()
        want.sum().backward()
        framejit.testing.assert_close(compiled_grad, self.net.linear.weight.grad)

    def test_is_the_original_in_everything_else(self):
        self.assertIs(self.compiled._orig_mod, self.net)
        self.assertIsInstance(self.compiled, Net)
        self.assertEqual(list(self.compiled.state_dict()), ["linear.weight", "linear.bias"])
        self.assertEqual([n for n, _ in self.compiled.named_parameters()], ["linear.weight", "linear.bias"])
        self.assertIs(self.compiled.linear, self.net.linear)
        self.assertEqual(self.compiled.describe(), "a net")
        self.compiled.extra = 6
        self.assertEqual(self.net.extra, 6)
        self.assertIs(self.compiled.eval(), self.compiled)
        self.assertFalse(self.net.training or self.compiled.training)
        del self.compiled.extra
        self.assertFalse(hasattr(self.net, "extra"))
        self.compiled.double()
        self.assertEqual(self.net.linear.weight.dtype, framejit.float64)

    def test_copies(self):
        for other in (copy.deepcopy(self.compiled), pickle.loads(pickle.dumps(self.compiled))):
            framejit.testing.assert_close(other(self.x), self.net(self.x))
            self.assertIsNot(other._orig_mod, self.net)

    def test_hooks_run(self):
        calls = []
        handle = self.net.register_forward_hook(lambda m, args, out: calls.append(1))
        self.compiled(self.x)
        handle.remove()
        self.compiled(self.x)
        self.assertEqual(calls, [1])

    def test_every_kind_of_hook_runs(self):
        calls = []

        def note(*args):
            calls.append(len(args))

        every = nn.modules._hooks
        for register in (
            self.net.register_forward_pre_hook,
            every.register_module_forward_pre_hook,
            every.register_module_forward_hook,
        ):
            handle = register(note)
            self.compiled(self.x)
            handle.remove()
            self.compiled(self.x)
        self.net._forward_hooks = collections.OrderedDict({1: note})
        self.compiled(self.x)
        self.assertEqual(calls, [2, 2, 2, 3, 3, 3])  # hooks of every module: of the layer inside, too

    def test_call_without_hooks_runs_no_python_code_on_the_way(self):
        self.net.compile()
        own = self.net._compiled_call_impl
        for call in (self.compiled, own):
            call(self.x)
            files = []
            sys.setprofile(lambda frame, event, arg: files.append(frame.f_code.co_filename))
            try:
                call(self.x)
            finally:
                sys.setprofile(None)
            self.assertEqual([f for f in files if f.endswith("_compile_module.py")], [])
        self.assertEqual(list(inspect.signature(self.compiled).parameters), ["args", "kwargs"])
        with self.assertRaises(TypeError):
            self.compiled()
        with self.assertRaises(TypeError):
            type(self.compiled).__call__()

    def test_call_inside_a_compiled_function_is_one_graph(self):
        for module in (self.compiled, framejit.compile(self.compiled)):
            f = framejit.compile(lambda x, module=module: module(x) + 1, fullgraph=True)
            framejit.testing.assert_close(f(self.x), self.net(self.x) + 1)

    def test_compile_in_place(self):
        want = self.net(self.x)
        counter = CompileCounter()
        self.net.compile(backend=counter)
        framejit.testing.assert_close(self.net(self.x), want)
        self.assertEqual(counter.frame_count, 1)
        buffer = io.BytesIO()
        framejit.save(self.net.state_dict(), buffer)
        framejit.testing.assert_close(copy.deepcopy(self.net)(self.x), want)

    def test_changes_between_calls_are_seen(self):
        self.compiled(self.x)
        with framejit.no_grad():
            self.net.linear.weight.fill_(2.0)
            self.net.linear.bias.zero_()
        framejit.testing.assert_close(self.compiled(self.x), self.net(self.x))
        self.net.linear = nn.Linear(3, 2)
        framejit.testing.assert_close(self.compiled(self.x), self.net(self.x))


class BackendTest(unittest.TestCase):
    def test_python_back_end(self):
        seen = []

        def backend(gm, example_inputs):
            seen.append((gm, example_inputs))
            return gm.forward

        x = framejit.randn(3)
        compiled = framejit.compile(add_twice, backend=backend)
        framejit.testing.assert_close(compiled(x), add_twice(x))
        compiled(x)
        self.assertEqual(len(seen), 1)
        gm, examples = seen[0]
        self.assertIsInstance(gm, fx.GraphModule)
        self.assertEqual([tuple(e.shape) for e in examples], [(3,)])
        self.assertEqual([n.op for n in gm.graph.nodes], ["placeholder", "call_function", "call_function", "output"])
        gm.graph.lint()

    def test_what_is_known_of_inputs(self):
        graphs = []

        def backend(gm, example_inputs):
            graphs.append(gm)
            return gm.forward

        x, layer = framejit.ones(2), nn.Linear(2, 2)
        dynamo.mark_static_address(x, guard=True)
        x.note = "mine"
        framejit.compile(lambda x, y: layer(x) + y, backend=backend)(x, framejit.ones(2))
        inputs = [node.meta["tensor_dict"] for node in graphs[0].graph.nodes if node.op == "placeholder"]
        static = [known.get("_dynamo_static_input_type") for known in inputs]
        self.assertEqual(sorted(map(str, static)), ["None", "guarded", "unguarded", "unguarded"])
        self.assertEqual(inputs[static.index("guarded")]["note"], "mine")

    def test_a_back_end_may_change_the_graph(self):
        def backend(gm, example_inputs):
            for node in gm.graph.nodes:
                if node.target is operator.mul:
                    node.target = operator.sub
            gm.recompile()
            return gm.forward

        self.assertEqual(framejit.compile(add_twice, backend=backend)(framejit.ones(1) * 5).tolist(), [4])

    def test_registry(self):
        counter = CompileCounterWithBackend("eager")
        dynamo.register_backend(counter, name="counting_test")
        self.assertIn("counting_test", dynamo.list_backends())
        self.assertIn("inductor", dynamo.list_backends())
        framejit.compile(add_twice, backend="counting_test")(framejit.ones(1))
        self.assertEqual((counter.frame_count, counter.op_count), (1, 2))

    def test_an_error_that_is_asked_for(self):
        x = framejit.ones(1)
        framejit.compile(add_twice, options={"_raise_error_for_testing": False})(x)
        with self.assertRaises(dynamo.exc.BackendCompilerFailed):
            framejit.compile(add_twice, options={"_raise_error_for_testing": True})(x)

    def test_broken_back_end(self):
        with self.assertRaises((TypeError, RuntimeError)):
            framejit.compile(add_twice, backend=lambda gm, inputs: 3, fullgraph=True)(framejit.ones(1))


class HelpersTest(unittest.TestCase):
    def test_explain(self):
        def f(x):
            y = x + 1
            print(end="")
            return y * 2

        report = dynamo.explain(f)(framejit.ones(2))
        self.assertEqual((report.graph_count, report.graph_break_count, report.op_count), (2, 1, 2))
        self.assertIn("Graph Count: 2", str(report))

    def test_fullgraph(self):
        def f(x):
            print(end="")
            return x + 1

        with self.assertRaises(dynamo.exc.Unsupported):
            framejit.compile(f, fullgraph=True)(framejit.ones(1))
        self.assertEqual(framejit.compile(f)(framejit.ones(1)).tolist(), [2])

    def test_disabled_functions_are_called_out(self):
        counter = EagerAndRecordGraphs()
        plain = dynamo.disable(add_twice)

        def f(x):
            return plain(x + 1) * 3

        compiled = framejit.compile(f, backend=counter)
        self.assertEqual(compiled(framejit.ones(1)).tolist(), [15])
        for gm in counter.graphs:
            self.assertEqual(sum(n.op.startswith("call") for n in gm.graph.nodes), 1)

    def test_stance(self):
        counter = CompileCounter()
        compiled = framejit.compile(add_twice, backend=counter)
        with framejit.compiler.set_stance("force_eager"):
            compiled(framejit.ones(1))
        self.assertEqual(counter.frame_count, 0)
        compiled(framejit.ones(1))
        self.assertEqual(counter.frame_count, 1)
        with self.assertRaises(RuntimeError):
            framejit.compiler.set_stance("sideways")

    def test_config(self):
        before = dynamo.config.recompile_limit
        with dynamo.config.patch(recompile_limit=3):
            self.assertEqual((dynamo.config.recompile_limit, dynamo.config.cache_size_limit), (3, 3))
        self.assertEqual(dynamo.config.recompile_limit, before)
        with self.assertRaises(AttributeError):
            dynamo.config.no_such_switch = 1
        with self.assertRaises(TypeError):
            dynamo.config.recompile_limit = "many"

    def test_reset(self):
        counter = CompileCounter()
        compiled = framejit.compile(add_twice, backend=counter)
        compiled(framejit.ones(1))
        dynamo.reset()
        compiled(framejit.ones(1))
        self.assertEqual(counter.frame_count, 2)


if __name__ == "__main__":
    unittest.main()
