"""Directions to the compiler: what allow_in_graph and its relatives, comptime, guard filters and disable really do."""

import io
import math
import subprocess
import sys
import unittest
from unittest import mock

import framejit
from framejit import _C
from framejit._regions import Region
from framejit.dynamo import comptime as comptime_module
from framejit.dynamo.comptime import comptime
from framejit.dynamo.testing import CompileCounter, EagerAndRecordGraphs

SEEN = []
SCALE = 2


def softly(x):
    return x.sigmoid() * x


def targets(graph):
    return [getattr(n.target, "__name__", n.target) for n in graph.graph.nodes if n.op.startswith("call")]


class TestCase(unittest.TestCase):
    def setUp(self):
        framejit.dynamo.reset()
        SEEN.clear()


class InGraph(TestCase):
    def test_allowed_function_is_one_node(self):
        def f(x):
            return softly(x + 1) - 1

        x = framejit.arange(3.0)
        framejit.dynamo.allow_in_graph(softly)
        self.addCleanup(_C._substitute, softly, None)
        recorder = EagerAndRecordGraphs()
        result = framejit.compile(f, backend=recorder, fullgraph=True)(x)
        self.assertEqual(result.tolist(), f(x).tolist())
        (graph,) = recorder.graphs
        self.assertEqual([n.op for n in graph.graph.nodes if n.op.startswith("call")].count("call_module"), 1)
        self.assertEqual(len(targets(graph)), 3)
        self.assertEqual(framejit.compile(f)(x).tolist(), f(x).tolist())

    def test_disallowed_op_breaks_and_allowed_again_does_not(self):
        def f(x):
            return framejit.sub(x + 1, 2) * 3

        x = framejit.arange(3.0)
        framejit.dynamo.disallow_in_graph(framejit.sub)
        self.addCleanup(framejit.dynamo.allow_in_graph, framejit.sub)
        counter = CompileCounter()
        self.assertEqual(framejit.compile(f, backend=counter)(x).tolist(), f(x).tolist())
        self.assertEqual((counter.frame_count, counter.op_count), (2, 2))
        with self.assertRaisesRegex(framejit.dynamo.exc.Unsupported, "sub"):
            framejit.compile(f, fullgraph=True)(x)
        framejit.dynamo.allow_in_graph(framejit.sub)
        self.assertEqual(framejit.compile(f, fullgraph=True)(x).tolist(), f(x).tolist())

    def test_disallow_is_for_ops_and_allowed_functions(self):
        with self.assertRaises(framejit.dynamo.exc.IncorrectUsage):
            framejit.dynamo.disallow_in_graph(lambda x: x)
        for name in ("allow_in_graph", "disallow_in_graph", "forbid_in_graph", "assume_constant_result"):
            with self.assertRaises(TypeError):
                getattr(framejit.dynamo, name)(3)

    def test_forbidden_function(self):
        @framejit.dynamo.forbid_in_graph
        def by_hand(x):
            return x + 1

        self.assertEqual(by_hand(1), 2)
        with self.assertRaisesRegex(AssertionError, "by_hand"):
            framejit.compile(lambda x: by_hand(x))(framejit.ones(2))

    def test_constant_result_is_worked_out_once(self):
        calls = []

        @framejit.dynamo.assume_constant_result
        def largest(x, digits):
            calls.append(digits)
            return round(x.max().item(), digits)

        def f(x, digits):
            return x / largest(x, digits)

        x = framejit.tensor([1.0, 2.04])
        compiled = framejit.compile(f, fullgraph=True)
        self.assertEqual(compiled(x, 1).tolist(), f(x, 1).tolist())
        calls.clear()
        self.assertEqual(compiled(2 * x, 1).tolist(), (2 * x / 2.0).tolist())
        self.assertEqual(calls, [])
        compiled(x, 2)  # another argument: another constant
        self.assertEqual(calls[0], 2)

    def test_constant_tensor_and_error(self):
        @framejit.dynamo.assume_constant_result
        def table(n):
            return framejit.tensor([float(math.comb(n, k)) for k in range(n + 1)])

        compiled = framejit.compile(lambda x, n: x * table(n), fullgraph=True)
        self.assertEqual(compiled(framejit.ones(3), 2).tolist(), [1.0, 2.0, 1.0])
        self.assertEqual(compiled(framejit.ones(4), 3).tolist(), [1.0, 3.0, 3.0, 1.0])
        with self.assertRaises(TypeError):
            compiled(framejit.ones(1), None)

    def test_only_the_function_itself_is_disabled(self):
        def inner(x):
            return x.sin() + 1

        @framejit.dynamo.disable(recursive=False)
        def middle(x):
            y = x.sigmoid()
            for _ in range(2):
                y = inner(y.cos())
            return y

        def f(x):
            return middle(x.tan()) * 2

        x = framejit.arange(3.0)
        recorder = EagerAndRecordGraphs()
        result = framejit.compile(f, backend=recorder)(x)
        self.assertEqual(result.tolist(), f(x).tolist())
        names = [targets(g) for g in recorder.graphs]
        self.assertEqual(names, [["tan"], ["sin", "add"], ["mul"]])
        self.assertEqual(framejit.dynamo.is_dynamo_disable_recursive(middle), False)


class Comptime(TestCase):
    def test_sees_variables_of_the_capture_once(self):
        def f(x, n):
            y = x * n

            @comptime
            def _(ctx):
                SEEN.append([ctx.get_local(name) for name in ("x", "n", "y")])

            return y + n

        compiled = framejit.compile(f, fullgraph=True)
        x = framejit.ones(2, 3)
        for _ in range(3):
            self.assertEqual(compiled(x, 2).tolist(), f(x, 2).tolist())
        ((seen_x, n, y),) = SEEN
        self.assertEqual(tuple(y.size()), (2, 3))
        self.assertEqual((n.as_python_constant(), seen_x.size(1)), (2, 3))
        self.assertIs(y.python_type(), framejit.Tensor)
        with self.assertRaises(ValueError):
            y.as_python_constant()

    def test_printing(self):
        out = io.StringIO()

        def g(x):
            z = (x, [1, x])
            comptime(lambda ctx: ctx.print_locals(file=out))
            comptime(lambda ctx: ctx.print_graph(file=out))
            comptime(lambda ctx: ctx.print_guards(file=out))
            comptime(lambda ctx: ctx.print_bt(file=out))
            comptime(lambda ctx: ctx.print_disas(file=out))
            comptime(lambda ctx: ctx.print_value_stack(file=out, stacklevel=1))
            return z[0] + 3

        framejit.compile(lambda x: 2 - g(x * 2), fullgraph=True)(framejit.ones(2))
        text = out.getvalue()
        for part in (
            "z = (Tensor(size=(2,), dtype=float32), [1, Tensor",
            "mul(%x, 2)",
            "in g",
            "-->",
            "RETURN_VALUE",
            "- 2",
        ):
            self.assertIn(part, text)

    def test_graph_break_and_error(self):
        def f(x):
            y = x * 2
            comptime.graph_break()
            return y + 1

        counter = CompileCounter()
        self.assertEqual(framejit.compile(f, backend=counter)(framejit.ones(2)).tolist(), [3.0, 3.0])
        self.assertEqual(counter.frame_count, 2)

        def fails(x):
            comptime(lambda ctx: ctx.get_local("nothing"))
            return x + 1

        compiled = framejit.compile(fails)
        with self.assertRaises(KeyError):
            compiled(framejit.ones(2))
        self.assertIsNone(comptime_module._pending)
        self.assertEqual(fails(framejit.ones(2)).tolist(), [2.0, 2.0])

    def test_runs_nothing_in_eager(self):
        comptime(lambda ctx: SEEN.append(ctx))
        self.assertEqual(SEEN, [])
        comptime(lambda ctx: None, lambda: SEEN.append("plain"))
        self.assertEqual(SEEN, ["plain"])


class GuardFilter(TestCase):
    def setUp(self):
        super().setUp()
        globals()["SCALE"] = 2

    def test_globals_left_out(self):
        def f(x, n):
            return x * SCALE + n

        kept = framejit.compile(f)
        left_out = framejit.compile(f, options={"guard_filter_fn": framejit.compiler.skip_guard_on_globals_unsafe})
        x = framejit.ones(2)
        self.assertEqual(kept(x, 1).tolist(), left_out(x, 1).tolist())
        globals()["SCALE"] = 5
        self.assertEqual(kept(x, 1).tolist(), [6.0, 6.0])
        self.assertEqual(left_out(x, 1).tolist(), [3.0, 3.0])

    def test_tensors_stay_guarded(self):
        def drop(entries):
            SEEN.extend(entries)
            return [False] * len(entries)

        compiled = framejit.compile(lambda x, n: x * n, options={"guard_filter_fn": drop})
        for x in (
            framejit.ones(2),
            framejit.ones(5),
            framejit.ones(2, 2, dtype=framejit.float64),
            framejit.ones(3).t(),
        ):
            self.assertEqual(compiled(x, 2).tolist(), (x * 2).tolist())
        kinds = {entry.guard_type for entry in SEEN}
        self.assertLessEqual({"TENSOR_MATCH", "EQUALS_MATCH", "GRAD_MODE"}, kinds)
        entry = next(e for e in SEEN if e.name == "n" and e.guard_type == "EQUALS_MATCH")
        self.assertEqual((entry.value, entry.has_value, entry.is_global), (2, True, False))

    def test_bad_filters(self):
        x = framejit.ones(2)
        for bad, error in ((lambda e: [True], framejit.dynamo.exc.UserError), (lambda e: 1 / 0, ZeroDivisionError)):
            compiled = framejit.compile(lambda x: x + 1, options={"guard_filter_fn": bad})
            with self.assertRaises(error):
                compiled(x)
            with self.assertRaises(error):  # nothing was kept
                compiled(x)


class ErrorOnBreak(TestCase):
    def breaks(self, x):
        y = x + 1
        framejit.dynamo.graph_break()
        return y * 2

    def test_around_calls(self):
        x = framejit.ones(2)
        plain, whole = framejit.compile(self.breaks), framejit.compile(self.breaks, fullgraph=True)
        with framejit.dynamo.error_on_graph_break(True), self.assertRaises(framejit.dynamo.exc.Unsupported):
            plain(x)
        with framejit.dynamo.error_on_graph_break(False):
            self.assertEqual(whole(x).tolist(), [4.0, 4.0])
        with self.assertRaises(framejit.dynamo.exc.Unsupported):
            whole(x)
        self.assertEqual(plain(x).tolist(), [4.0, 4.0])
        with self.assertRaises(framejit.dynamo.exc.Unsupported):
            framejit.dynamo.error_on_graph_break(True)(framejit.compile(self.breaks))(x)

    def test_inside_compiled_code(self):
        def f(x, inside):
            framejit.dynamo.graph_break()
            with framejit.dynamo.error_on_graph_break(True):
                y = x + 1
                if inside:
                    framejit.dynamo.graph_break()
                y = y * 2
            framejit.dynamo.graph_break()
            return y - 1

        x = framejit.ones(2)
        compiled = framejit.compile(f)
        for _ in range(2):
            self.assertEqual(compiled(x, False).tolist(), [3.0, 3.0])
            with self.assertRaises(framejit.dynamo.exc.Unsupported):
                compiled(x, True)
            _C._set_error_on_graph_break(None)  # the failed block could not leave
        self.assertEqual(f(x, True).tolist(), [3.0, 3.0])


class Metrics(TestCase):
    def test_of_good_and_failed_compilations(self):
        framejit.dynamo.utils.clear_compilation_metrics()

        def f(x, n):
            return x.sin() * n

        compiled = framejit.compile(f)
        compiled(framejit.ones(2), 2)
        compiled(framejit.ones(2, 2), 2)
        with self.assertRaises(framejit.dynamo.exc.Unsupported):
            framejit.compile(lambda x: x if x.sum() else None, fullgraph=True)(framejit.ones(2))
        first, second, failed = framejit.dynamo.utils.get_compilation_metrics()
        self.assertEqual((first.co_name, first.graph_op_count, first.recompile_reason), ("f", 2, None))
        self.assertGreater(first.guard_count, 2)
        self.assertGreater(first.duration_us, 0)
        self.assertEqual((second.compile_id, second.cache_size), ("0/1", 1))
        self.assertIn("dimensions", second.recompile_reason)
        self.assertEqual(failed.fail_type, "UnsupportedError" if failed.fail_type[-1] == "r" else "Unsupported")
        self.assertIn("data_branch", failed.fail_reason)

    def test_reasons_of_breaks(self):
        def f(x):
            framejit.dynamo.graph_break()
            return x + 1

        framejit.compile(f)(framejit.ones(2))
        ((reason, _, file, line),) = framejit.dynamo.utils.graph_break_reasons
        self.assertEqual((reason, file, line), ("asked_for", __file__, f.__code__.co_firstlineno + 1))


class FailingBackends(TestCase):
    def test_listed_and_failing(self):
        def f(x):
            return x.relu() - 1

        x = framejit.tensor([-1.0, 1.0])
        names = [n for n in framejit.dynamo.list_backends(None) if n.endswith("TESTING_ONLY")]
        self.assertEqual(len(names), 4)
        self.assertEqual([n for n in framejit.dynamo.list_backends() if n.endswith("TESTING_ONLY")], [])
        with self.assertRaises(framejit.dynamo.exc.BackendCompilerFailed):
            framejit.compile(f, backend="relu_compile_error_TESTING_ONLY")(x)
        with self.assertRaises(AssertionError):
            framejit.compile(f, backend="relu_runtime_error_TESTING_ONLY")(x)
        wrong = framejit.compile(f, backend="relu_accuracy_error_TESTING_ONLY")(x)
        self.assertEqual(wrong.tolist(), [0.0, 1.0])
        with self.assertRaises(framejit.dynamo.exc.BackendCompilerFailed):
            framejit.compile(f, backend="non_leaf_compile_error_TESTING_ONLY")(x.requires_grad_() * 1)

    def test_trace_option_prints_the_graph(self):
        code = (
            "import framejit\n"
            "f = framejit.compile(lambda x: x.sin() + 1, options={'trace.enabled': True})\n"
            "framejit.compile(lambda x: x.cos())(framejit.ones(2)); f(framejit.ones(2))"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertIn("sin(", done.stderr)
        self.assertNotIn("cos(", done.stderr)
        self.assertEqual(done.stdout, "")


class LongCompilation(TestCase):
    """A wait at compile time makes any compilation long."""

    def slow(self, seconds):
        def f(x):
            comptime(lambda ctx: ctx.sleep(seconds))
            return (x.sin() + x.cos()).sum()

        return f

    def test_says_what_it_does(self):
        x = framejit.ones(3)
        with self.assertLogs("framejit", "WARNING") as logs:
            framejit.compile(self.slow(1.1))(x)
        self.assertRegex(logs.output[0], r"compiling .*slow.* for 1 s: \w+ \d+")
        self.assertRegex(logs.output[-1], r"compiled .*slow.* in 1\.\d s")
        with self.assertNoLogs("framejit"), framejit.dynamo.config.patch(compile_progress=False):
            framejit.compile(self.slow(1.1))(x)
        with self.assertNoLogs("framejit"):
            framejit.compile(self.slow(0.0))(x)

    def test_bar_on_a_terminal(self):
        from framejit.dynamo import _progress

        class Bar:
            def __init__(self, **options):
                SEEN.append(options["desc"])

            def set_postfix_str(self, text):
                SEEN.append(text)

            def close(self):
                SEEN.append("closed")

        with mock.patch.object(_progress, "_tqdm", lambda: Bar), self.assertNoLogs("framejit"):
            framejit.compile(self.slow(1.1), name="long_one")(framejit.ones(3))
        self.assertEqual((SEEN[0], SEEN[-1]), ("compiling long_one", "closed"))
        self.assertRegex(SEEN[1], r"1 s, \w+ \d+")

    def test_budget_of_the_compiler(self):
        before = _C._compiler_stats()
        x = framejit.arange(3.0)
        with framejit.dynamo.config.patch(compile_budget=0.05):
            self.assertEqual(framejit.dynamo.config.compile_budget, 0.05)
            f = self.slow(0.1)
            self.assertEqual(framejit.compile(f)(x).tolist(), f(x).tolist())
            quick = framejit.compile(lambda x: x * 3 + 1)
            self.assertEqual(quick(x).tolist(), [1.0, 4.0, 7.0])
        after = _C._compiler_stats()
        self.assertEqual(after["aot_not_ok"] - before["aot_not_ok"], 1)
        self.assertEqual(after["aot_ok"] - before["aot_ok"], 1)
        self.assertIsNone(framejit.dynamo.config.compile_budget)

    def test_budget_of_capture(self):
        space = {"comptime": comptime, "framejit": framejit}
        lines = "".join(f"    n = n * 3 % {i + 7}\n" for i in range(400))
        exec(f"def f(x, n):\n    comptime(lambda ctx: ctx.sleep(0.1))\n{lines}    return x + n", space)
        x = framejit.arange(3.0)
        with framejit.dynamo.config.patch(compile_budget=0.05):
            told = framejit.dynamo.explain(space["f"])(x, 1)
        self.assertIn("too_long", [reason.reason for reason in told.break_reasons])
        self.assertEqual(framejit.compile(space["f"])(x, 1).tolist(), space["f"](x, 1).tolist())

    def test_bad_budgets(self):
        for bad in (0, -1, "1", True):
            with self.assertRaises(TypeError):
                framejit.dynamo.config.compile_budget = bad


class Regions(TestCase):
    op = Region("kept_together")

    def check(self, f, *args, **grads):
        recorder = EagerAndRecordGraphs()
        result = framejit.compile(f, backend=recorder, fullgraph=True)(*args)
        self.assertEqual(result.tolist(), f(*args).tolist())
        self.assertEqual(framejit.compile(f, fullgraph=True)(*args).tolist(), f(*args).tolist())
        (graph,) = recorder.graphs
        return graph

    def test_body_with_what_it_takes(self):
        def f(x, y):
            z = x + 1
            return self.op(lambda a: (a * y).sin() + z, x) * 2

        graph = self.check(f, framejit.arange(3.0), framejit.ones(3))
        self.assertEqual(targets(graph), ["add", "kept_together", "getitem", "mul"])
        call = next(n for n in graph.graph.nodes if n.target is self.op)
        self.assertEqual(len(call.args), 4)
        self.assertEqual(targets(getattr(graph, call.args[0].target)), ["mul", "sin", "add"])

    def test_nested_with_two_results(self):
        def pair(a):
            return a.sin(), self.op(lambda b: b.cos() * a, a)

        def f(x):
            s, c = self.op(pair, x)
            return s + c

        graph = self.check(f, framejit.arange(3.0))
        self.assertEqual(targets(graph), ["kept_together", "getitem", "getitem", "add"])

    def test_grad_mode_inside(self):
        def body(a):
            with framejit.no_grad():
                b = a * 2
            return a * b

        def f(x):
            return self.op(body, x).sum()

        x = framejit.arange(3.0, requires_grad=True)
        for compiled in (
            framejit.compile(f, backend="eager"),
            framejit.compile(f),
            framejit.compile(f, backend=CompileCounter()),
        ):
            x.grad = None
            compiled(x).backward()
            self.assertEqual(x.grad.tolist(), [0.0, 2.0, 4.0])

    def test_sizes_that_vary(self):
        def f(x):
            y = self.op(lambda a: (a * a.shape[0]).sin(), x) + 1
            return self.op(lambda a, b: a.view(-1) * b, x, y.view(-1))

        recorder = EagerAndRecordGraphs()
        for backend in (recorder, None):
            compiled = framejit.compile(f, backend=backend, dynamic=True, fullgraph=True)
            for n in (3, 4, 7):
                x = framejit.arange(2.0 * n).reshape(n, 2)
                self.assertEqual(compiled(x).tolist(), f(x).tolist())
        (graph,) = recorder.graphs
        self.assertEqual(targets(graph).count("kept_together"), 2)
        self.assertFalse({"_enter_region", "_exit_region"} & set(targets(graph)))

    def test_break_inside_makes_no_region(self):
        def body(a):
            b = a + 1
            framejit.dynamo.graph_break()
            return b * 2

        def f(x):
            return self.op(body, x) - 1

        recorder = EagerAndRecordGraphs()
        x = framejit.arange(3.0)
        self.assertEqual(framejit.compile(f, backend=recorder)(x).tolist(), f(x).tolist())
        self.assertFalse(any("kept_together" in targets(graph) for graph in recorder.graphs))

    def test_nested_compile_region(self):
        @framejit.compiler.nested_compile_region
        def layer(x):
            return x.sin() + 1

        graph = self.check(lambda x: layer(layer(x)), framejit.arange(3.0))
        self.assertEqual(targets(graph).count("invoke_subgraph"), 2)


if __name__ == "__main__":
    unittest.main()
