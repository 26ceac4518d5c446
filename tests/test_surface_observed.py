"""With a debugger, tracer or profiler on, compiled functions run plain, so that it sees every line."""

import cProfile
import importlib.util
import io
import os
import pdb
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path

import framejit
from framejit import dynamo
from framejit.dynamo.testing import CompileCounter

X = framejit.tensor([1.0, 2.0, 3.0])
PACKAGE = Path(framejit.__file__).parents[1]


class ObservedFramesTest(unittest.TestCase):
    def setUp(self):
        dynamo.reset()
        self.count = CompileCounter()

        def f(x):
            y = x + 1
            return y * 2

        self.plain = f
        self.f = framejit.compile(f, backend=self.count)

    def check_compiles_again(self):
        """What was only in force for a while leaves nothing behind."""
        self.assertEqual(self.count.frame_count, 0)
        self.assertEqual(self.f(X).tolist(), [4, 6, 8])
        self.assertEqual(self.count.frame_count, 1)

    def traced_lines(self, call):
        lines = []

        def tracer(frame, event, arg):
            if frame.f_code is self.plain.__code__ and event == "line":
                lines.append(frame.f_lineno)
            return tracer

        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            call(X)
        finally:
            sys.settrace(before)
        return lines

    def test_settrace(self):
        self.assertEqual(len(self.traced_lines(self.f)), 2)
        self.check_compiles_again()
        self.assertEqual(len(self.traced_lines(self.f)), 2)  # although it has been compiled

    def test_settrace_around_a_compiled_caller(self):
        caller = framejit.compile(lambda x: self.plain(x) + 1, backend=self.count)
        caller(X)
        self.assertEqual(len(self.traced_lines(caller)), 2)

    def test_profilers(self):
        with cProfile.Profile() as profile:
            self.f(X)
        self.assertIn(self.plain.__code__, [row.code for row in profile.getstats()])
        self.check_compiles_again()

    def test_setprofile(self):
        events = []
        before = sys.getprofile()
        sys.setprofile(lambda frame, event, arg: events.append((frame.f_code, event)))
        try:
            self.f(X)
        finally:
            sys.setprofile(before)
        self.assertIn((self.plain.__code__, "call"), events)
        self.assertIn((self.plain.__code__, "return"), events)
        self.check_compiles_again()

    def test_tracer_of_another_thread(self):
        """Only the thread that is watched runs plain."""
        found = []
        thread = threading.Thread(target=lambda: found.append(self.traced_lines(self.f)))
        thread.start()
        thread.join()
        self.assertEqual(len(found[0]), 2)
        self.check_compiles_again()

    @unittest.skipUnless(hasattr(sys, "monitoring"), "sys.monitoring is new in Python 3.12")
    def test_monitoring(self):
        monitoring = sys.monitoring
        tool, code = monitoring.PROFILER_ID, self.plain.__code__
        lines = []
        for everywhere in (True, False):
            with self.subTest(everywhere=everywhere):
                monitoring.use_tool_id(tool, "test")
                try:
                    monitoring.register_callback(tool, monitoring.events.LINE, lambda *where: lines.append(where))
                    if everywhere:
                        monitoring.set_events(tool, monitoring.events.LINE)
                    else:
                        monitoring.set_local_events(tool, code, monitoring.events.LINE)
                    lines.clear()
                    self.f(X)
                    seen = [line for where, line in lines if where is code]
                finally:
                    monitoring.set_events(tool, 0)
                    monitoring.set_local_events(tool, code, 0)
                    monitoring.register_callback(tool, monitoring.events.LINE, None)
                    monitoring.free_tool_id(tool)
                self.assertEqual(len(seen), 2)

    @unittest.skipUnless(importlib.util.find_spec("coverage"), "coverage is not installed")
    def test_coverage(self):
        code = "import framejit\n@framejit.compile\ndef f(x):\n    y = x + 1\n    return y * 2\n\nf(framejit.ones(2))\n"
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "script.py").write_text(code)
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [str(PACKAGE), *sys.path]))}
            for command in (["run", "script.py"], ["report", "-m", "--include=script.py"]):
                done = subprocess.run(
                    [sys.executable, "-m", "coverage", *command],
                    capture_output=True,
                    text=True,
                    env=environment,
                    cwd=folder,
                )
                self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"script.py +6 +0 +100%")

    def test_pdb(self):
        out = io.StringIO()
        debugger = pdb.Pdb(stdin=io.StringIO("step\n" * 3 + "continue\n"), stdout=out, nosigint=True, readrc=False)
        debugger.runcall(self.f, X)
        self.assertIn("y = x + 1", out.getvalue())
        self.check_compiles_again()

    def test_breakpoint_in_the_function(self):
        """pdb.set_trace() in a compiled function stops there, in its own frame."""
        source = (
            "import framejit\n@framejit.compile\ndef f(x):\n    y = x + 1\n    breakpoint()\n    return y * 2\n"
            "print(f(framejit.ones(1)).tolist())\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "script.py").write_text(source)
            done = subprocess.run(
                [sys.executable, "script.py"],
                input="p y.tolist()\nnext\ncontinue\n",
                capture_output=True,
                text=True,
                env=environment,
                cwd=folder,
            )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("[2.0]", done.stdout)
        self.assertIn("[4.0]", done.stdout)
        self.assertIn("script.py(6)f()", done.stdout)


if __name__ == "__main__":
    unittest.main()
