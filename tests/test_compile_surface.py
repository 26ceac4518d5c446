"""The surface around compile: stances, callbacks, counters, back ends, errors, configuration, what the user is told."""

import copy
import inspect
import os
import subprocess
import sys
import tempfile
import unittest
import warnings
from pathlib import Path
from unittest import mock

import framejit
from framejit import _backends, compiler, dynamo, nn, testing
from framejit.dynamo import config, exc
from framejit.dynamo.testing import CompileCounter
from framejit.dynamo.utils import counters

X = framejit.tensor([1.0, 2.0, 3.0])
PACKAGE = Path(framejit.__file__).parents[1]


class Fresh(unittest.TestCase):
    def setUp(self):
        dynamo.reset()


class StanceTest(Fresh):
    def setUp(self):
        super().setUp()
        self.count = CompileCounter()
        self.f = framejit.compile(lambda x: x + 1, backend=self.count)

    def test_force_eager(self):
        with compiler.set_stance("force_eager"):
            self.f(X)
        self.assertEqual(self.count.frame_count, 0)
        self.f(X)
        self.assertEqual(self.count.frame_count, 1)

    def test_stance_in_compiled_code(self):
        def entered(x):
            with compiler.set_stance("force_eager"):
                return x + 1

        @compiler.set_stance("force_eager")
        def decorated(x):
            return x + 1

        for function in (entered, lambda x: decorated(x)):
            with self.assertRaisesRegex(AssertionError, "forbidden callable set_stance"):
                framejit.compile(function)(framejit.ones(2))
        self.assertEqual(decorated(framejit.ones(1)).tolist(), [2.0])

    def test_eager_on_recompile_uses_what_is_there(self):
        self.f(X)
        with compiler.set_stance("eager_on_recompile"):
            self.assertEqual(self.f(X.int()).tolist(), [2, 3, 4])
            self.f(X)
        self.assertEqual(self.count.frame_count, 1)
        self.f(X.int())
        self.assertEqual(self.count.frame_count, 2)

    def test_fail_on_recompile(self):
        self.f(X)
        with compiler.set_stance("fail_on_recompile"):
            self.f(X)
            with self.assertRaisesRegex(RuntimeError, "fail_on_recompile"):
                self.f(X.int())
        self.f(X.int())

    def test_eager_then_compile(self):
        with compiler.set_stance("eager_then_compile"):
            self.f(X)
            self.assertEqual(self.count.frame_count, 0)
            self.f(X)
        self.assertEqual(self.count.frame_count, 1)

    def test_forced_backend_and_decorator(self):
        other = CompileCounter()

        @compiler.set_stance("default", force_backend=other)
        def call():
            return self.f(X)

        call()
        self.assertEqual((self.count.frame_count, other.frame_count), (0, 1))

    def test_as_a_call_it_stays(self):
        compiler.set_stance("force_eager")
        try:
            self.f(X)
        finally:
            compiler.set_stance("default")
        self.assertEqual(self.count.frame_count, 0)

    def test_wrong_stances(self):
        for arguments in ({"stance": "nonsense"}, {"stance": 3}, {"stance": "force_eager", "force_backend": "eager"}):
            with self.assertRaises(RuntimeError):
                compiler.set_stance(**arguments)
        self.f(X)
        self.assertEqual(self.count.frame_count, 1)


class CallbackTest(Fresh):
    def record(self):
        seen = []
        dynamo.on_compile_start(lambda args: seen.append("start"))
        dynamo.on_compile_end(lambda args: seen.append("end"))
        return seen

    def test_each_segment_fires_once(self):
        seen = self.record()

        @framejit.compile(backend="eager")
        def f(x):
            x = x + 1
            dynamo.graph_break()
            return x.sin()

        f(X)
        f(X)
        self.assertEqual(seen, ["start", "end", "start", "end"])

    def test_reset_clears_them(self):
        seen = self.record()
        dynamo.reset()
        framejit.compile(lambda x: x + 1)(X)
        self.assertEqual(seen, [])

    def test_errors_of_callbacks(self):
        error = ValueError("mine")

        @dynamo.on_compile_start
        def fails(args):
            raise error

        f = framejit.compile(lambda x: x + 1)
        with self.assertRaisesRegex(exc.InternalTorchDynamoError, "fails raised ValueError") as caught:
            f(X)
        self.assertIs(caught.exception.__cause__, error)
        dynamo.callback.callback_handler.remove_start_callback(fails)
        seen = self.record()
        self.assertEqual(f(X).tolist(), [2, 3, 4])
        self.assertEqual(seen, ["start", "end"])

    def test_the_end_is_told_of_failures(self):
        seen = self.record()
        with self.assertRaises(exc.Unsupported):
            framejit.compile(lambda x: print(x), fullgraph=True)(X)
        self.assertEqual(seen, ["start", "end"])


class CounterTest(Fresh):
    def test_frames_stats_and_breaks(self):
        def f(x):
            x = x * 2
            dynamo.graph_break()
            return x + 1

        framejit.compile(f, backend="eager")(X)
        self.assertEqual(counters["frames"], {"total": 2, "ok": 2})
        self.assertEqual(counters["stats"], {"calls_captured": 2, "unique_graphs": 2})
        self.assertEqual(sum(counters["graph_break"].values()), 1)
        self.assertIn("asked_for", next(iter(counters["graph_break"])))

    def test_ahead_of_time_graphs(self):
        framejit.compile(lambda x: x + 1, backend="aot_eager")(X)
        framejit.compile(lambda x: x + 1)(X)
        framejit.compile(lambda x: x + 1, backend="eager")(X)
        self.assertEqual(counters["aot_autograd"], {"total": 2, "ok": 2})


class BackendTest(Fresh):
    def test_errors_become_the_fields(self):
        def raises(gm, inputs):
            raise KeyError("mine")

        f = framejit.compile(lambda x: x + 1, backend=raises)
        for _ in range(2):  # nothing is kept of a failure
            with self.assertRaisesRegex(exc.BackendCompilerFailed, "raises") as caught:
                f(X)
            self.assertIsInstance(caught.exception.__cause__, KeyError)
        with compiler.set_stance("force_eager"):
            self.assertEqual(f(X).tolist(), [2, 3, 4])

    def test_nonsense_from_a_backend(self):
        with self.assertRaises(exc.BackendCompilerFailed):
            framejit.compile(lambda x: x + 1, backend=lambda gm, inputs: 3)(X)

    def test_suppress_errors(self):
        def raises(gm, inputs):
            raise KeyError("mine")

        with config.patch(suppress_errors=True), self.assertWarnsRegex(RuntimeWarning, "mine"):
            self.assertEqual(framejit.compile(lambda x: x + 1, backend=raises)(X).tolist(), [2, 3, 4])

    def test_verify_correctness(self):
        calls = []

        def honest(gm, inputs):
            def run(*args):
                calls.append(args[0].data_ptr())
                return gm(*args)

            return run

        def wrong(gm, inputs):
            return lambda *args: tuple(out + 1 for out in gm(*args))

        def f(x):
            x.add_(1)
            return x * 2

        with config.patch(verify_correctness=True):
            x = X.clone()
            self.assertEqual(framejit.compile(f, backend=honest)(x).tolist(), [4, 6, 8])
            self.assertEqual(x.tolist(), [2, 3, 4])  # changed once: the comparison ran on clones
            self.assertNotEqual(calls[0], x.data_ptr())
            with self.assertRaisesRegex(exc.BackendCompilerFailed, "incorrect results of backend wrong"):
                framejit.compile(f, backend=wrong)(X.clone())
            self.assertEqual(framejit.compile(f)(X.clone()).tolist(), [4, 6, 8])

    def test_options(self):
        for backend in ("eager", "aot_eager"):
            self.assertEqual(
                framejit.compile(lambda x: x + 1, backend=backend, options={"foo": 2})(X).tolist(), [2, 3, 4]
            )
        with self.assertRaisesRegex(RuntimeError, "Unexpected optimization option foo"):
            framejit.compile(lambda x: x, options={"foo": 2})
        with self.assertRaisesRegex(RuntimeError, "max_autotune"):
            framejit.compile(lambda x: x, options={"max_autotune": "yes"})
        given = {}

        def backend(gm, inputs, **more):
            given.update(more)
            return gm.forward

        framejit.compile(lambda x: x + 1, backend=backend, options={"level": 3})(X)
        framejit.compile(lambda x: x - 1, backend=backend, mode="max-autotune")(X)
        self.assertEqual(given, {"options": {"level": 3}, "mode": "max-autotune"})

    def test_registry(self):
        self.assertEqual(compiler.list_backends(exclude_tags=("debug", "experimental")), compiler.list_backends())
        self.assertNotIn("eager", compiler.list_backends())
        self.assertIn("pre_dispatch_eager", compiler.list_backends(None))
        with self.assertRaisesRegex(AssertionError, "duplicate"):
            dynamo.register_backend(lambda gm, inputs: gm, name="eager")
        with self.assertRaises(exc.InvalidBackend):
            framejit.compile(lambda x: x, backend="no such thing")

    def test_entry_points(self):
        class Point:
            name = "installed_one"

            def load(self):
                return lambda gm, inputs: gm.forward

        with mock.patch.object(_backends, "_entry_points", {"installed_one": Point()}):
            self.assertIn("installed_one", compiler.list_backends())
            self.assertEqual(framejit.compile(lambda x: x + 1, backend="installed_one")(X).tolist(), [2, 3, 4])
        del _backends._registry["installed_one"]

    def test_default_backend(self):
        count = CompileCounter()
        compiler.set_default_backend(count)
        try:
            framejit.compile(lambda x: x + 1)(X)
        finally:
            compiler.set_default_backend(None)
        self.assertEqual((count.frame_count, compiler.get_default_backend()), (1, "inductor"))


class LimitTest(Fresh):
    def test_one_warning(self):
        f = framejit.compile(lambda x: x + 1, recompile_limit=1)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for dtype in (framejit.float32, framejit.int32, framejit.int64, framejit.float64):
                f(X.to(dtype))
        self.assertEqual(len(caught), 1)

    def test_limit_and_error(self):
        f = framejit.compile(lambda x: x + 1, recompile_limit=1, backend="eager")
        f(X)
        with self.assertWarnsRegex(RuntimeWarning, "recompile limit.*This call was:(.|\n)*not .*float32"):
            self.assertEqual(f(X.int()).tolist(), [2, 3, 4])
        g = framejit.compile(lambda x: x + 1, recompile_limit=1, fullgraph=True)
        g(X)
        with self.assertRaises(exc.FailOnRecompileLimitHit):
            g(X.int())

    def test_error_without_dynamo(self):
        """Whether framejit.dynamo was imported before makes no difference."""
        script = (
            "import framejit, sys\n"
            "f = framejit.compile(lambda x, k: x + len(k), fullgraph=True, recompile_limit=1)\n"
            "f(framejit.ones(1), 'a')\n"
            "assert 'framejit.dynamo' not in sys.modules\n"
            "f(framejit.ones(1), 'ab')"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        self.assertIn("FailOnRecompileLimitHit", done.stderr)

    def test_long_loops_of_whole_graphs_have_none(self):
        def shrunk(x, n):
            for _ in range(n):
                x = x[1:] - x[:-1]
            return x

        f = framejit.compile(shrunk, fullgraph=True, dynamic=False)
        x = framejit.arange(100.0, dtype=framejit.float64).sin()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for n in (70, 5, 6, 7, 8, 90, 17):
                framejit.testing.assert_close(f(x, n), shrunk(x, n))

    def test_error_on_recompile(self):
        f = framejit.compile(lambda x: x + 1)
        f(X)
        with config.patch(error_on_recompile=True), self.assertRaisesRegex(exc.RecompileError, "float32"):
            f(X.int())
        self.assertEqual(f(X.int()).tolist(), [2, 3, 4])


class ConfigTest(Fresh):
    def test_forms_of_patch(self):
        @config.patch(recompile_limit=3)
        def decorated():
            return config.recompile_limit

        @config.patch("recompile_limit", 4)
        class Case(unittest.TestCase):
            def runTest(self):
                self.assertEqual(config.cache_size_limit, 4)

        before = config.recompile_limit
        self.assertEqual(decorated(), 3)
        result = unittest.TestResult()
        unittest.TestSuite([Case()]).run(result)
        self.assertEqual((result.testsRun, result.failures, result.errors), (1, [], []))
        with config.patch({"recompile_limit": 5, "verbose": True}):
            self.assertEqual((config.recompile_limit, config.verbose), (5, True))
        self.assertEqual(config.recompile_limit, before)

    def test_unknown_names(self):
        for attempt in (
            lambda: config.patch(no_such=1),
            lambda: config.patch("no_such", 1),
            lambda: config.no_such,
            lambda: setattr(config, "no_such", 1),
        ):
            with self.assertRaisesRegex(AttributeError, "no_such"):
                attempt()
        with self.assertRaises(TypeError):
            config.patch(3)
        with self.assertRaises(TypeError):
            config.recompile_limit = "many"

    def test_a_failed_block_restores(self):
        before = config.recompile_limit
        with self.assertRaises(KeyError), config.patch(recompile_limit=3):
            raise KeyError
        self.assertEqual(config.recompile_limit, before)

    def test_compiler_config_is_the_same(self):
        with compiler.config.patch(recompile_limit=3):
            self.assertEqual(config.recompile_limit, 3)


class TellingTest(Fresh):
    @staticmethod
    def breaking(x):
        print(end="")
        return x + 1

    def test_fullgraph_explain_and_log_say_the_same(self):
        with self.assertRaises(exc.Unsupported) as caught:
            framejit.compile(self.breaking, fullgraph=True)(X)
        text = framejit.explain(self.breaking)(X).break_reasons[0].text
        self.assertIn(text, str(caught.exception))
        self.assertRegex(
            text, r'(?s)native_call.*File ".*", line \d+, in breaking\n    print\(end=""\)\n    \^+\n  What helps: '
        )

    def test_fullgraph_raises_each_time(self):
        f = framejit.compile(self.breaking, fullgraph=True)
        for _ in range(3):
            with self.assertRaises(exc.TorchDynamoException):
                f(X)

    def test_logs(self):
        code = """
import framejit
@framejit.compile
def f(x):
    print(end="")
    return x + 1
f(framejit.ones(2)); f(framejit.ones(2).int())
"""
        environment = {**os.environ, "PYTHONPATH": str(Path(framejit.__file__).parents[1])}
        environment["FRAMEJIT_LOG"] = "breaks,recompiles,guards,graph"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        for part in (
            "framejit breaks: f: native_call",
            "framejit recompiles: f",
            "framejit guards: f",
            "captured:\ngraph(",
        ):
            self.assertIn(part, done.stderr)
        self.assertRegex(done.stderr, "not x is a float32 Tensor.*keep dtype")


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 3)

    def forward(self, x):
        return self.linear(x).relu()


class RegionTest(Fresh):
    def test_one_compilation_for_all_instances(self):
        count = CompileCounter()
        model = nn.Sequential(*[Layer() for _ in range(6)])
        expected = model(X)
        forward = framejit.compile(Layer.forward, backend=count)
        with mock.patch.object(Layer, "forward", forward), framejit.no_grad():
            got = model(X)
        testing.assert_close(got, expected)
        self.assertEqual(count.frame_count, 1)

    def test_nested_compile_and_disable(self):
        count = CompileCounter()
        inner = framejit.compile(lambda x: x + 1, backend=count)
        outer = framejit.compile(lambda x: inner(x) * 2, backend=count, fullgraph=True)
        self.assertEqual(outer(X).tolist(), [4, 6, 8])
        self.assertEqual(count.frame_count, 1)
        cut = dynamo.disable(lambda x: x + 1)
        told = framejit.explain(lambda x: cut(x * 2) * 3)(X)
        self.assertEqual([r.reason for r in told.break_reasons], ["disabled"])
        self.assertIn(told.graph_count, (1, 2))

    def test_disable_class_and_module(self):
        @dynamo.disable
        class Thing:
            def __call__(self, x):
                return x + 1

        count = CompileCounter()
        self.assertEqual(framejit.compile(Thing(), backend=count)(X).tolist(), [2, 3, 4])
        self.assertEqual(count.frame_count, 0)


class OptimizedModuleTest(Fresh):
    def test_copies_and_state(self):
        layer = Layer()
        compiled = framejit.compile(layer)
        self.assertEqual(list(compiled.state_dict()), ["linear.weight", "linear.bias"])
        self.assertIs(compiled.__class__, Layer)
        twin = copy.deepcopy(compiled)
        self.assertIsNot(twin._orig_mod, layer)
        testing.assert_close(twin(X), layer(X))
        self.assertIsInstance(compiled, dynamo.OptimizedModule)


class HelperTest(Fresh):
    def test_assertions(self):
        def broken(x):
            print(end="")
            return x + 1

        testing.assert_single_graph(lambda x: x + 1, X)
        for check in (testing.assert_no_break, testing.assert_single_graph):
            with self.assertRaisesRegex(testing.CaptureError, "native_call"):
                check(broken, X)
        testing.assert_no_recompile(lambda x: x + 1, (X,), (X * 2,))
        with self.assertRaisesRegex(testing.CaptureError, "compiled again"):
            testing.assert_no_recompile(lambda x: x + 1, (X,), (X.int(),))

    def test_is_compiling(self):
        self.assertFalse(compiler.is_compiling())
        f = framejit.compile(lambda x: x + 1 if compiler.is_compiling() else x - 1, fullgraph=True)
        self.assertEqual(f(X).tolist(), [2, 3, 4])

    def test_public_signatures_are_one(self):
        for name in ("reset", "allow_in_graph", "list_backends", "assume_constant_result", "disable"):
            self.assertEqual(inspect.signature(getattr(compiler, name)), inspect.signature(getattr(dynamo, name)))

    def test_all_names_exist_and_are_documented(self):
        for module in (compiler, dynamo, testing):
            for name in module.__all__:
                value = getattr(module, name)
                self.assertTrue(inspect.getdoc(value), f"{module.__name__}.{name} has no docstring")


class PytestPluginTest(unittest.TestCase):
    def test_marks_and_fixtures(self):
        try:
            import pytest  # noqa: F401
        except ImportError:
            self.skipTest("pytest is not installed")

        code = """
import framejit, pytest
@pytest.mark.no_recompile
def test_recompiles():
    f = framejit.compile(lambda x: x + 1)
    f(framejit.ones(2)); f(framejit.ones(2).int())
@pytest.mark.no_break
def test_breaks():
    framejit.compile(lambda x: print(x))(framejit.ones(2))
@pytest.mark.no_break
@pytest.mark.no_recompile
def test_fine(assert_single_graph):
    assert_single_graph(lambda x: x + 1, framejit.ones(2))
"""
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "test_marks.py").write_text(code)
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE), *sys.path]))}
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "framejit.testing.pytest_plugin",
                "-p",
                "no:cacheprovider",
            ]
            done = subprocess.run(
                [*command, "test_marks.py"], capture_output=True, text=True, env=environment, cwd=folder
            )
        self.assertIn("2 failed, 1 passed", done.stdout, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
