"""framejit.profiler: which events there are, how they nest, and what becomes of them."""

import contextlib
import gzip
import io
import json
import re
import tempfile
import threading
import unittest
from pathlib import Path

import framejit
from framejit.profiler import ProfilerAction, ProfilerActivity, profile, record_function, schedule


def names(run):
    return [event.name for event in run.events()]


class Events(unittest.TestCase):
    def test_operators_and_ranges(self):
        a = framejit.rand(20, 20)
        with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as run:
            with record_function("outer"):
                b = a @ a
                with record_function("inner"):
                    b.sin_()
            a.sum()
        self.assertEqual(names(run)[0], "outer")
        by_name = {event.name: event for event in run.events()}
        self.assertIs(by_name["aten::sin_"].cpu_parent, by_name["inner"])
        self.assertIs(by_name["inner"].cpu_parent, by_name["outer"])
        self.assertIsNone(by_name["aten::sum"].cpu_parent)
        self.assertEqual(by_name["aten::sin_"].input_shapes, [[20, 20]])
        for event in run.events():
            self.assertGreaterEqual(event.cpu_time_total, 0)
            if event.cpu_parent is not None:
                self.assertLessEqual(event.cpu_parent.time_range.start, event.time_range.start)
                self.assertGreaterEqual(event.cpu_parent.time_range.end, event.time_range.end)

    def test_backward_and_compiled(self):
        def f(x):
            return (x.sin() * 2).sum()

        x = framejit.rand(30, requires_grad=True)
        with profile() as run:
            f(x).backward()
        self.assertIn("aten::cos", names(run))
        compiled = framejit.compile(f)
        compiled(x)
        with profile() as run:
            compiled(x).backward()
        self.assertIn("CompiledGraph", names(run))
        self.assertIn("CompiledGraphBackward", names(run))
        self.assertNotIn("aten::sin", names(run))

    def test_whether_one_is_going_on(self):
        compiled = framejit.compile(lambda x: x + 1 if framejit.autograd._profiler_enabled() else x - 1)
        x = framejit.zeros(1)
        for _ in range(2):
            self.assertEqual(compiled(x).item(), -1)
            with profile(), contextlib.suppress(RuntimeError):
                self.assertEqual(compiled(x).item(), 1)
                with profile():
                    self.fail("two at a time")
            with framejit.autograd.profiler.profile():
                self.assertEqual(compiled(x).item(), 1)

    def test_nodes_of_the_tape_and_their_numbers(self):
        x = framejit.rand(3, requires_grad=True)
        with profile() as run:
            with framejit.no_grad():
                x.exp()
            (x.sin() * x).sum().backward()
        events = {event.name: event for event in run.events()}
        node, sine = events["SinBackward0"], events["aten::sin"]
        self.assertEqual(node.cpu_parent.name, "autograd::engine::evaluate_function: SinBackward0")
        self.assertIs(events["aten::cos"].cpu_parent, node)
        self.assertEqual((sine.sequence_nr, node.sequence_nr), (events["aten::cos"].sequence_nr, sine.sequence_nr))
        self.assertLess(sine.sequence_nr, events["MulBackward0"].sequence_nr)
        self.assertEqual(events["aten::exp"].sequence_nr, -1)
        self.assertEqual(sine.fwd_thread, 0)
        self.assertEqual(node.fwd_thread, threading.get_ident())

    def test_compiling_while_profiled(self):
        def f(x):
            with record_function("inside"):
                return x.sin() + 1

        x = framejit.rand(5)
        with profile() as run:
            y = framejit.compile(f, fullgraph=True)(x)
        self.assertTrue(framejit.equal(y, f(x)))
        self.assertIn("CompiledGraph", names(run))

    def test_memory(self):
        with profile(profile_memory=True) as run:
            kept = framejit.ones(1 << 20)
        del kept
        self.assertGreaterEqual(run.events().total_average().cpu_memory_usage, 4 << 20)

    def test_nothing_is_left(self):
        x = framejit.rand(3)
        with self.assertRaises(ZeroDivisionError), profile() as run:
            with record_function("part"):
                x.sin()
                raise ZeroDivisionError
        self.assertEqual(names(run), ["part", "aten::sin"])
        with record_function("alone"):
            x.sin()
        self.assertFalse(framejit._C._profiling())

    def test_other_threads_are_not_seen(self):
        x = framejit.rand(3)
        with profile() as run:
            thread = threading.Thread(target=lambda: x.cos())
            thread.start()
            thread.join()
            x.sin()
        self.assertEqual(names(run), ["aten::sin"])

    def test_wrong_use(self):
        with profile():
            with self.assertRaisesRegex(RuntimeError, "running already"):
                profile().start()
        with self.assertRaisesRegex(RuntimeError, "didn't finish"):
            profile().events()
        with self.assertRaises(TypeError):
            record_function(3)
        with self.assertRaises(RuntimeError):
            framejit._C._profile_stop()


class Tables(unittest.TestCase):
    def run_some(self):
        x = framejit.rand(50, 50)
        with profile(record_shapes=True) as run:
            for _ in range(3):
                x.sin()
            framejit.rand(2).sin()
        return run

    def test_averages(self):
        run = self.run_some()
        counts = {a.key: a.count for a in run.key_averages()}
        self.assertEqual(counts["aten::sin"], 4)
        grouped = [
            (a.count, a.input_shapes) for a in run.key_averages(group_by_input_shape=True) if a.key == "aten::sin"
        ]
        self.assertEqual(grouped, [(3, [[50, 50]]), (1, [[2]])])
        total = sum(e.self_cpu_time_total for e in run.events())
        self.assertAlmostEqual(run.key_averages().self_cpu_time_total, total)

    def test_table(self):
        averages = self.run_some().key_averages()
        lines = averages.table(sort_by="count", row_limit=1, header="Title").splitlines()
        self.assertIn("Title", lines)
        self.assertTrue(any("aten::sin" in line and line.split()[-1] == "4" for line in lines), lines)
        with self.assertRaisesRegex(AttributeError, "sort_by"):
            averages.table(sort_by="nothing")

    def test_chrome_trace(self):
        run = self.run_some()
        with tempfile.TemporaryDirectory() as folder:
            plain, packed = Path(folder, "a.json"), Path(folder, "a.json.gz")
            run.export_chrome_trace(str(plain))
            run.export_chrome_trace(str(packed))
            events = json.loads(plain.read_text())["traceEvents"]
            self.assertEqual(json.loads(gzip.decompress(packed.read_bytes()))["traceEvents"], events)
        self.assertEqual([e["name"] for e in events], names(run))
        self.assertTrue(all(e["ph"] == "X" and e["dur"] >= 0 for e in events))


class Docs(unittest.TestCase):
    def test_examples(self):
        text = (Path(__file__).resolve().parent.parent / "docs" / "profiler.md").read_text()
        scope = {"__name__": "example"}
        for code, shown in re.findall(r"```python\n(.*?)```\n\n(?:[^`]*?)```text\n(.*?)```", text, re.S):
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(code, "docs/profiler.md", "exec"), scope)
            self.assertEqual(out.getvalue(), shown)


class Schedules(unittest.TestCase):
    def test_actions(self):
        plan = schedule(skip_first=1, wait=1, warmup=1, active=2, repeat=2)
        N, W, R, S = ProfilerAction
        self.assertEqual([plan(i) for i in range(11)], [N, N, W, R, S, N, W, R, S, N, N])
        with self.assertRaises(ValueError):
            schedule(wait=0, warmup=0, active=0)

    def test_steps(self):
        seen = []
        x = framejit.rand(3)
        with profile(
            schedule=schedule(wait=1, warmup=1, active=2), on_trace_ready=lambda p: seen.append(names(p))
        ) as run:
            for _ in range(8):
                x.sin()
                run.step()
        rounds = [["ProfilerStep#2", "aten::sin", "ProfilerStep#3", "aten::sin"]]
        rounds.append([n.replace("2", "6").replace("3", "7") for n in rounds[0]])
        self.assertEqual(seen, rounds)

    def test_older_form(self):
        x = framejit.rand(3)
        with framejit.autograd.profiler.profile() as run:
            x.sin()
        self.assertEqual([e.name for e in run.function_events], ["aten::sin"])
        self.assertIn("aten::sin", run.table())
        with framejit.autograd.profiler.profile(enabled=False) as run:
            x.sin()
        self.assertIsNone(run.function_events)


if __name__ == "__main__":
    unittest.main()
