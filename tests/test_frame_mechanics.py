"""Frames under control: stopped at every instruction and started again with a state rebuilt from scratch."""

import copy
import gc
import resource
import sys
import threading
import traceback
import unittest

from framejit._C import _debug

from tests.frame_subjects import SUBJECTS

NULL = _debug.NULL
CANNOT_RAISE = {"PUSH_EXC_INFO", "POP_EXCEPT", "NOP", "POP_TOP", "RETURN_VALUE", "RETURN_CONST"}


def outcome(call):
    """Result, or exception with the lines of its traceback inside the subject, without this file's own frames."""
    try:
        return ("value", repr(call()))
    except BaseException as e:
        frames = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__) if "frame_subjects" in f.filename]
        text = "no locals" if "no locals" in str(e) else str(e)
        return ("raised", type(e).__name__, text, frames)


def plain(fn, args):
    return outcome(lambda: fn(*copy.deepcopy(args)))


def instructions(fn):
    return {row["index"]: row for row in _debug.decode(fn.__code__)}


def rebuilt(value):
    """The same slots in new lists: the frame gives up its references and gets others."""
    return list(value)


class Stepper:
    """Stops before every instruction, checks the stack depth and rebuilds the frame each time."""

    def __init__(self, fn, single=True):
        self.rows = instructions(fn)
        self.visited = []
        self.at = None

    def successors(self, index):
        """Every resumable instruction that control can reach next without passing another resumable one."""
        seen, work, found = set(), [], []
        row = self.rows[index]

        def push(row):
            if not row["ends"] and row["next"] in self.rows:
                work.append(row["next"])
            if row["target"] >= 0:
                work.append(row["target"])
            if "handler" in row:
                work.append(row["handler"][0])

        push(row)
        while work:
            i = work.pop()
            if i in seen:
                continue
            seen.add(i)
            if self.rows[i]["resumable"]:
                found.append(i)
            else:
                push(self.rows[i])
        return sorted(set(found) - {index}) if index in found else sorted(set(found))

    def __call__(self, index, locals_, stack):
        self.visited.append(index)
        row = self.rows[index]
        assert row["depth"] == len(stack), (row, stack)
        traps = self.successors(index)
        return ("resume", index, traps, rebuilt(locals_), rebuilt(stack))


class EveryInstruction(unittest.TestCase):
    def test_trap_and_resume(self):
        points = 0
        for fn, cases in SUBJECTS:
            for index, row in instructions(fn).items():
                if not row["resumable"]:
                    continue
                for args in cases:
                    hits = []

                    def step(at, locals_, stack):
                        if not hits and at == 0 and index != 0:
                            hits.append(None)
                            return ("resume", 0, [index])
                        hits.append(at)
                        self.assertEqual(at, index)
                        self.assertEqual(len(stack), row["depth"])
                        return ("resume", at, [], rebuilt(locals_), rebuilt(stack))

                    expected = plain(fn, args)
                    for warm in range(3):
                        hits.clear()
                        got = outcome(lambda: _debug.drive(step, fn, copy.deepcopy(args)))
                        self.assertEqual(got, expected, (fn.__name__, row, args))
                    points += len(hits) > 1
        self.assertGreater(points, 500)

    def test_single_step(self):
        for fn, cases in SUBJECTS:
            for args in cases:
                expected = plain(fn, args)
                for warm in range(3):
                    stepper = Stepper(fn)
                    got = outcome(lambda: _debug.drive(stepper, fn, copy.deepcopy(args)))
                    self.assertEqual(got, expected, (fn.__name__, args, stepper.visited))
                    if fn.__code__.co_nlocals or fn.__code__.co_stacksize:  # else there is no frame to speak of
                        self.assertGreater(len(stepper.visited), 1)

    def test_raise_everywhere(self):
        """Against a copy of the function whose instruction is replaced by one that raises: LOAD_NAME without f_locals."""
        import dis
        import types

        names = {row["op"]: row["number"] for fn, _ in SUBJECTS for row in _debug.decode(fn.__code__)}
        load_name = dis.opmap["LOAD_NAME"]
        self.assertNotIn("LOAD_NAME", names)
        points = 0
        for fn, cases in SUBJECTS:
            rows = instructions(fn)
            first = _debug.body_start(fn.__code__)
            for index, row in rows.items():
                if not row["resumable"] or index < first:
                    continue
                if sys.version_info >= (3, 13) and row["op"] in CANNOT_RAISE:
                    continue  # at the border of a try block their line and their handler cannot both be had
                if not fn.__code__.co_nlocals + fn.__code__.co_stacksize:
                    continue
                raw = bytearray(fn.__code__.co_code)
                raw[2 * row["at"]] = load_name
                for unit in range(index, row["at"] + 1):
                    raw[2 * unit + 1] = 0
                names = fn.__code__.co_names or ("x",)
                code = fn.__code__.replace(co_code=bytes(raw), co_names=names)
                bad = types.FunctionType(code, fn.__globals__, fn.__name__, fn.__defaults__, fn.__closure__)
                bad.__kwdefaults__ = fn.__kwdefaults__
                for args in cases:
                    seen = []

                    def step(at, locals_, stack):
                        if at == 0:
                            return ("resume", 0, [index])
                        seen.append(at)
                        error = SystemError("no locals when loading")
                        return ("raise", at, error, [], rebuilt(locals_), rebuilt(stack))

                    want = outcome(lambda: bad(*copy.deepcopy(args)))
                    got = outcome(lambda: _debug.drive(step, fn, copy.deepcopy(args)))
                    self.assertEqual(got, want, (fn.__name__, row, args))
                    points += bool(seen)
        self.assertGreater(points, 400)


def memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Flat(unittest.TestCase):
    def flat(self, run, rounds=30000):
        probe = object()
        for _ in range(rounds // 3):
            run(probe)
        gc.collect()
        blocks, refs, rss = sys.getallocatedblocks(), sys.getrefcount(probe), memory()
        for _ in range(rounds):
            run(probe)
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - blocks, rounds // 4)
        self.assertEqual(sys.getrefcount(probe), refs)
        self.assertLess(memory() - rss, 2000)

    def test_return_without_running(self):
        def subject(a, b=1, *c, d=2, **e):
            return None

        self.flat(lambda p: _debug.drive(lambda i, l, s: ("return", p), subject, (p, p, p), {"d": p, "z": p}))

    def test_return_with_a_frame_object(self):
        frames = []

        def subject(a):
            return a

        def nothing(a=1):  # on 3.12 a frame without any stack
            pass

        def step(index, locals_, stack):
            frames[:] = [sys._getframe(1)]
            return ("return", locals_[0])

        def step2(index, locals_, stack):
            frames[:] = [sys._getframe(1)]
            return ("return", 7)

        def run(p):
            self.assertIs(_debug.drive(step, subject, (p,)), p)
            self.assertIs(frames[0].f_code, frames[0].f_code)
            self.assertIs(frames[0].f_locals["a"], p)
            self.assertEqual(frames[0].f_code.co_name, "subject")
            del frames[:]
            self.assertEqual(_debug.drive(step2, nothing), 7)
            del frames[:]

        self.flat(run, 10000)

    def test_trap_and_raise(self):
        def subject(a):
            total = 0
            for x in (a, a, a):
                try:
                    total += id(x)
                except KeyError as e:
                    total += 1
            return total

        rows = _debug.decode(subject.__code__)
        call = next(r["index"] for r in rows if r["op"] == "CALL" or r["op"] == "PRECALL")

        def step(index, locals_, stack):
            if index == 0:
                return ("resume", 0, [call])
            return ("raise", index, KeyError(1), [], locals_, stack)

        expected = {}

        def run(p):
            expected[1] = _debug.drive(step, subject, (p,))

        self.flat(run)
        self.assertGreater(expected[1], 2)

        def uncaught(index, locals_, stack):
            if index == 0:
                return ("resume", 0, [call])
            return ("raise", index, IndexError(1), [], locals_, stack)

        def run2(p):
            try:
                _debug.drive(uncaught, subject, (p,))
            except IndexError:
                pass

        self.flat(run2)

    def test_binding_fails(self):
        def subject(a):
            return a

        def run(p):
            try:
                _debug.drive(lambda *a: ("resume", 0, []), subject, (p, p))
            except TypeError as e:
                self.assertIn("takes 1 positional argument", str(e))

        self.flat(run, 10000)
        self.assertEqual(_debug.drive(lambda *a: ("resume", 0, []), subject, (1,)), 1)


class Behaviour(unittest.TestCase):
    def test_start_in_the_middle(self):
        """A frame that never ran is given locals, a live iterator and an index inside for in with in try."""
        log = []

        class Manager:
            def __enter__(self):
                log.append("enter")

            def __exit__(self, *a):
                log.append(("exit", a[0] and a[0].__name__))

        def subject(n, m):
            try:
                with m:
                    for i in range(n):
                        log.append(i)
                        n = n // (3 - i)
            except ZeroDivisionError:
                return "caught", n, i
            return "done", n

        rows = {r["index"]: r for r in _debug.decode(subject.__code__)}
        for_iter = next(i for i, r in rows.items() if r["op"] == "FOR_ITER")

        m = Manager()
        captured = {}

        def record(index, locals_, stack):
            if index == 0:
                return ("resume", 0, [for_iter])
            captured["stack"] = [type(x).__name__ for x in stack]
            return ("resume", index, [])

        _debug.drive(record, subject, (2, m))
        del log[:]
        self.assertEqual(captured["stack"][-1], "range_iterator")

        def step(index, locals_, stack):
            names = ["n", "m", "i"]
            slots = dict(zip(names, [9, m, NULL]))
            free = [c for c in subject.__closure__]
            return ("resume", for_iter, [], [slots[k] for k in names] + free, [m.__exit__, iter([2, 3, 4])])

        self.assertEqual(_debug.drive_blank(step, subject), ("caught", 9, 3))
        self.assertEqual(log, [2, 3, ("exit", "ZeroDivisionError")])

    def test_frames_are_seen(self):
        seen = []

        def subject(a):
            b = a + 1
            c = b * 2
            return c

        rows = _debug.decode(subject.__code__)
        third = next(r for r in rows if r["line"] == subject.__code__.co_firstlineno + 2)

        def step(index, locals_, stack):
            if index == 0:
                return ("resume", 0, [third["index"]])
            f = sys._getframe(1)
            seen.append(
                (f.f_code is subject.__code__, f.f_lineno, f.f_lasti, dict(f.f_locals), f.f_back.f_code.co_name)
            )
            return ("resume", index, [])

        self.assertEqual(_debug.drive(step, subject, (3,)), 8)
        line = subject.__code__.co_firstlineno + 2
        self.assertEqual(seen, [(True, line, 2 * third["index"], {"a": 3, "b": 4}, "test_frames_are_seen")])

    def test_traceback_lines(self):
        def subject(a):
            b = a
            return b.missing

        rows = _debug.decode(subject.__code__)
        load = next(r["index"] for r in rows if r["op"] == "LOAD_ATTR")
        traps = lambda index, *_: ("resume", index, [load] if index == 0 else [])
        try:
            _debug.drive(traps, subject, (3,))
        except AttributeError as e:
            tb = traceback.extract_tb(e.__traceback__)
        self.assertEqual([(f.name, f.lineno) for f in tb][-1], ("subject", subject.__code__.co_firstlineno + 2))
        self.assertEqual(len(tb), 2)

    def test_recursion_limit(self):
        """A function that calls itself through a driven frame reaches the same depth as plain Python."""
        depth = []

        def plain_down(n):
            depth.append(n)
            return plain_down(n + 1)

        def down(n):
            depth.append(n)
            return _debug_drive(n + 1)

        from framejit._C import _debug as d

        def go(index, locals_, stack):
            return ("resume", 0, [])

        def _debug_drive(n):
            return d.drive(go, down, (n,))

        limit = sys.getrecursionlimit()
        with self.assertRaises(RecursionError):
            plain_down(0)
        plain_depth = len(depth)
        del depth[:]
        with self.assertRaises(RecursionError):
            down(0)
        # Two Python frames a level here, and one C call.
        self.assertGreater(len(depth), plain_depth // 3 - 20)
        self.assertLess(len(depth), limit)
        self.assertEqual(sys.getrecursionlimit(), limit)

    def test_depth_beyond_the_c_stack(self):
        def down(n):
            return _drive(n + 1)

        def _drive(n):
            return _debug.drive(lambda *a: ("resume", 0, []), down, (n,))

        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(10**6)
        try:
            with self.assertRaises(RecursionError):
                down(0)
        finally:
            sys.setrecursionlimit(limit)

    def test_limit_changed_while_running(self):
        def subject(n):
            import sys as s

            s.setrecursionlimit(s.getrecursionlimit() + n)
            return n

        rows = _debug.decode(subject.__code__)
        last = next(r["index"] for r in rows if r["op"] in ("RETURN_VALUE",))
        hits = []

        def step(index, locals_, stack):
            hits.append(index)
            return ("resume", index, [last] if index == 0 else [])

        limit = sys.getrecursionlimit()
        try:
            self.assertEqual(_debug.drive(step, subject, (100,)), 100)
            self.assertEqual(_debug.drive(step, subject, (-100,)), -100)
        finally:
            sys.setrecursionlimit(limit)
        self.assertEqual(hits, [0, last, 0, last])

    def test_threads(self):
        def subject(n):
            total = 0
            for i in range(n):
                total += i
            return total

        rows = _debug.decode(subject.__code__)
        head = next(r["index"] for r in rows if r["op"] == "FOR_ITER")
        body = next(r["next"] for r in rows if r["op"] == "FOR_ITER")
        failures = []

        def work():
            count = [0]

            def step(index, locals_, stack):
                if index == body:
                    count[0] += 1
                return ("resume", index, [body] if index == 0 or index == head else [head])

            for _ in range(100):
                count[0] = 0
                got = _debug.drive(step, subject, (20,))
                if (got, count[0]) != (190, 20):
                    failures.append((got, count[0]))

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        finally:
            sys.setswitchinterval(interval)
        self.assertEqual(failures, [])

    def test_generators_pass(self):
        def subject(n):
            yield from range(n)

        calls = []
        gen = _debug.drive(lambda *a: calls.append(a), subject, (3,))
        self.assertEqual(list(gen), [0, 1, 2])
        self.assertEqual(calls, [])

    def test_tracing_runs_plain(self):
        def subject(n):
            return n + 1

        calls = []
        events = []
        old = sys.gettrace()
        sys.settrace(lambda frame, event, arg: events.append(frame.f_code.co_name))
        try:
            got = _debug.drive(lambda *a: calls.append(a), subject, (3,))
        finally:
            sys.settrace(old)
        self.assertEqual((got, calls), (4, []))
        self.assertIn("subject", events)

    def test_step_raises(self):
        def subject(n):
            try:
                return n + 1
            except LookupError:
                return "handled"

        rows = _debug.decode(subject.__code__)
        add = next(r["index"] for r in rows if r["op"] == "BINARY_OP")

        def step(index, locals_, stack):
            if index == 0:
                return ("resume", 0, [add])
            raise LookupError

        self.assertEqual(_debug.drive(step, subject, (1,)), "handled")


if __name__ == "__main__":
    unittest.main()
