"""CompiledFunction over hand-made segments: hits, misses, breaks, effects, exceptions."""

import copy
import functools
import inspect
import pickle
import sys
import threading
import traceback
import unittest
import warnings
import weakref

from framejit import _C

from tests.flat import SANITIZED
from tests.frame_subjects import SUBJECTS, Manager
from tests.frame_tools import NULL, one_instruction, returning, rows_of, tracing, unit_end, whole_state

CompiledFunction = _C.CompiledFunction


def outcome(call):
    try:
        return ("value", repr(call()))
    except Exception as e:
        frames = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__) if "frame_subjects" in f.filename]
        return ("raised", type(e).__name__, str(e), frames)


def global_function(x):
    """doc"""
    return x + 1


compiled_global = CompiledFunction(global_function)
compiled_global.__qualname__ = "compiled_global"


class OneInstructionSegments(unittest.TestCase):
    def test_every_subject(self):
        """Every instruction is a segment of its own: its state is rebuilt by recipes and CPython executes it."""
        with tracing(one_instruction):
            for fn, cases in SUBJECTS:
                compiled = CompiledFunction(fn)
                for round in range(3):
                    for args in cases:
                        want = outcome(lambda: fn(*copy.deepcopy(args)))
                        got = outcome(lambda: compiled(*copy.deepcopy(args)))
                        self.assertEqual(got, want, (fn.__name__, args, round))
        self.assertGreater(_C.counters()["hits"], 1000)

    def test_control_comes_back_after_a_handler(self):
        def subject(log):
            for i in range(3):
                try:
                    log.append(1 // (i - 1))
                except ZeroDivisionError:
                    log.append("zero")
            log.append("end")
            return log

        offsets = []

        def tracer(code, offset, locals_, stack):
            offsets.append(offset)
            return one_instruction(code, offset, locals_, stack)

        with tracing(tracer):
            self.assertEqual(CompiledFunction(subject)([]), [-1, "zero", 1, "end"])
        last = subject.__code__.co_firstlineno + 6
        self.assertIn(last, {rows_of(subject.__code__)[o]["line"] for o in offsets})


class Calls(unittest.TestCase):
    def test_hit_makes_no_frame(self):
        ran = []

        def subject(x, y=5, *rest, key=7, **more):
            ran.append(1)

        def tracer(code, offset, locals_, stack):
            self.assertEqual(offset, 0)
            n = sum(x is not NULL for x in locals_)
            return returning(
                ("Tuple", 0, None, list(range(1, n + 1)), []),
                [("Local", -1, i, None) for i in range(n)],
                recipes=[("Source", i, None, [], []) for i in range(n)],
            )

        with tracing(tracer):
            c = CompiledFunction(subject)
            for _ in range(3):
                self.assertEqual(c(1), (1, 5, 7, (), {}))
                self.assertEqual(c(1, 2, 3, 4, key=8, z=9), (1, 2, 8, (3, 4), {"z": 9}))
                self.assertEqual(c(y=1, x=2), (2, 1, 7, (), {}))
                self.assertEqual(c(**{"".join(["k", "ey"]): 3}, x=0), (0, 5, 3, (), {}))
            for bad in [lambda: c(), lambda: c(1, x=2), lambda: subject_missing(c)]:
                with self.assertRaisesRegex(TypeError, "subject"):
                    bad()
        self.assertEqual(ran, [])

    def test_methods_objects_and_opaque(self):
        seen = []

        def tracer(code, offset, locals_, stack):
            seen.append([x for x in locals_ if x is not NULL])
            sources = [("Local", -1, i, None) for i in range(2)]
            return returning(
                ("Tuple", 0, None, [1, 2], []),
                sources,
                recipes=[("Source", 0, None, [], []), ("Source", 1, None, [], [])],
            )

        class Thing:
            def plain(self, x):
                raise AssertionError

            def __call__(self, x):
                raise AssertionError

        Thing.compiled = CompiledFunction(Thing.plain)
        t = Thing()
        with tracing(tracer):
            self.assertEqual(t.compiled(3), (t, 3))
            self.assertEqual(Thing.compiled(t, 4), (t, 4))
            bound = t.compiled
            self.assertEqual(bound(x=4), (t, 4))
            self.assertEqual(CompiledFunction(t.plain)(5), (t, 5))
            self.assertEqual(CompiledFunction(t)(6), (t, 6))
            self.assertEqual(CompiledFunction(functools.partial(Thing.plain, 7))(8), (7, 8))
            self.assertEqual(CompiledFunction(functools.partial(t.plain, x=1))(x=2), (t, 2))
            self.assertEqual(CompiledFunction(len)([1, 2]), 2)
            self.assertEqual(CompiledFunction(int)("7"), 7)

    def test_looks_like_a_function(self):
        c = compiled_global
        self.assertIs(c.__wrapped__, global_function)
        self.assertEqual((c.__name__, c.__doc__, c.__module__), ("global_function", "doc", __name__))
        self.assertEqual(inspect.signature(c), inspect.signature(global_function))
        self.assertIs(c.__code__, global_function.__code__)
        self.assertIs(pickle.loads(pickle.dumps(c)), c)
        self.assertIs(copy.deepcopy(c), c)
        self.assertIs(weakref.ref(c)(), c)
        c.note = 1
        self.assertEqual(c.note, 1)
        self.assertFalse(hasattr(global_function, "note"))
        self.assertTrue(callable(c) and inspect.unwrap(c) is global_function)
        self.assertIs(CompiledFunction(c).__wrapped__, global_function)
        with self.assertRaises(TypeError):
            CompiledFunction(3)
        with self.assertRaises(AttributeError):
            c.nothing

    def test_guards_and_recompile_limit(self):
        traced = []

        def subject(x):
            return "plain"

        def tracer(code, offset, locals_, stack):
            traced.append(locals_[0])
            return returning(
                ("Const", 0, ("got", locals_[0]), [], []), [("Local", -1, 0, None)], [("Equal", 0, locals_[0], [])]
            )

        with tracing(tracer):
            c = CompiledFunction(subject)
            for _ in range(3):
                for i in range(8):
                    self.assertEqual(c(i), ("got", i))
            self.assertEqual(traced, list(range(8)))
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                self.assertEqual([c(9), c(10), c(3)], ["plain", "plain", ("got", 3)])
            self.assertEqual(len(caught), 1)
            self.assertIn("recompile limit", str(caught[0].message))
            self.assertIn("x", str(caught[0].message))
            _C.reset()
            self.assertEqual(c(9), ("got", 9))

    def test_program_and_fallback(self):
        def subject(x, y):
            return ("plain", x, y)

        def program(x, y):
            if x == 0:
                raise ValueError("from the program")
            return (x + y, x * y)

        def tracer(code, offset, locals_, stack):
            return returning(
                ("List", 0, None, [1, 2], []),
                [("Local", -1, 0, None), ("Local", -1, 1, None)],
                recipes=[("Output", 0, None, [], []), ("Output", 1, None, [], [])],
                inputs=[0, 1],
                program=program,
                outputs=2,
            )

        with tracing(tracer):
            c = CompiledFunction(subject)
            self.assertEqual(c(3, 4), [7, 12])
            self.assertEqual(c(0, 4), ("plain", 0, 4))
            self.assertEqual(c(5, 5), [10, 25])

    def test_disabled(self):
        def subject(a=0):
            return "plain"

        with tracing(lambda *a: returning(("Const", 0, "compiled", [], []))):
            c = CompiledFunction(subject)
            self.assertEqual(c(), "compiled")
            was = _C._set_compile_enabled(False)
            try:
                self.assertEqual(c(), "plain")
            finally:
                _C._set_compile_enabled(was)
            self.assertEqual(c(), "compiled")

    def test_fullgraph(self):
        def subject(x):
            y = x
            return print(y)

        def tracer(code, offset, locals_, stack):
            return {"exit": ("Resume", -1, 0, [], [], -1, -1, "native_call")}

        with tracing(tracer):
            with self.assertRaisesRegex(
                RuntimeError, "fullgraph=True.*subject.*native_call(.|\n)*test_frame_compiled.py"
            ):
                CompiledFunction(subject, fullgraph=True)(1)
            CompiledFunction(subject)

    def test_code_is_replaced(self):
        def one(a=0):
            return 1

        def two(a=0):
            return 2

        with tracing(lambda code, *a: returning(("Const", 0, ("compiled", code.co_name), [], []))):
            c = CompiledFunction(one)
            self.assertEqual(c(), ("compiled", "one"))
            one.__code__ = two.__code__
            self.assertEqual(c(), ("compiled", "two"))


def subject_missing(c):
    return c(1, 2, wrong=3, **{"key": 1, "x": 4})


class Breaks(unittest.TestCase):
    """Breaks at one CALL, with a segment that returns after it."""

    @staticmethod
    def call_of(code, name, skip=0):
        """Where the unit of the call of `name` begins, and its end."""
        rows = rows_of(code)
        start = [
            i
            for i, r in rows.items()
            if r["op"] in ("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_FAST") and code_name(code, r) == name
        ][skip]
        at = start
        while rows[at]["op"] not in ("KW_NAMES", "PRECALL", "CALL", "CALL_KW"):
            at = rows[at]["next"]
        return at, unit_end(rows, at)

    def test_value_flows_through(self):
        def helper(a):
            return a * 10

        def subject(x):
            y = x + 1
            for i in range(3):
                y += helper(i)
            return y

        begin, end = self.call_of(subject.__code__, "helper")
        visits = []

        def tracer(code, offset, locals_, stack):
            visits.append(offset)
            if offset == 0:
                return {"exit": ("Break", -1, 0, [], [], begin, -1, "to the call")}
            if offset == begin:
                sources, guards, recipes, l, s = whole_state(locals_, stack)
                return {
                    "sources": sources,
                    "recipes": recipes,
                    "guards": guards,
                    "exit": ("Break", -1, offset, l, s, end, -1, "call"),
                }
            return (
                {"exit": ("Break", -1, end, [], [], begin, -1, "again")}
                if False
                else one_more(code, offset, locals_, stack, begin)
            )

        def one_more(code, offset, locals_, stack, to):
            sources, guards, recipes, l, s = whole_state(locals_, stack)
            return {
                "sources": sources,
                "recipes": recipes,
                "guards": guards,
                "exit": ("Break", -1, offset, l, s, to, -1, "on"),
            }

        with tracing(tracer):
            c = CompiledFunction(subject)
            self.assertEqual([c(1), c(2), c(3)], [subject(1), subject(2), subject(3)])
        self.assertEqual(set(visits), {0, begin, end})

    def test_exceptions_find_their_handler(self):
        log = []

        def fails(i):
            if i == 1:
                raise KeyError(i)
            return i

        def subject():
            got = []
            for i in range(3):
                with Manager(log):
                    try:
                        got.append(fails(i))
                    except KeyError as e:
                        got.append(repr(e))
                        tb = e.__traceback__
                        lines = [tb.tb_lineno, tb.tb_next.tb_lineno]
                    finally:
                        got.append("f")
            return got, lines

        want = subject()
        del log[:]
        with tracing(one_instruction):
            c = CompiledFunction(subject)
            for _ in range(3):
                self.assertEqual(c(), want)

    def test_locals_and_frames_in_a_call(self):
        def look():
            f = sys._getframe(1)
            return dict(f.f_locals), f.f_lineno, f.f_code.co_name, f.f_back.f_code.co_name

        def subject(a):
            b = a * 2
            return look()

        want = subject(4)
        with tracing(one_instruction):
            c = CompiledFunction(subject)
            for _ in range(2):
                self.assertEqual(c(4), want)

    def test_callees_are_compiled(self):
        traced = []

        def tracer(code, *state):
            if state[0] == 0:
                traced.append(code.co_name)
            return one_instruction(code, *state)

        def inner(a):
            return a + 1

        def outer(a, *, key=2):
            return inner(a) * key

        def left():
            return 1

        left._framejit_disable = True

        class Thing:
            def method(self, a):
                return outer(a, key=5)

            def __call__(self, a):
                return a

        def subject(t):
            args = (3,)
            return t.method(1), t(2), outer(*args, **{"key": 4}), left(), copy.copy([1]), functools.partial(inner, 1)()

        want = subject(Thing())
        with tracing(tracer):
            c = CompiledFunction(subject)
            for _ in range(3):
                self.assertEqual(c(Thing()), want)
        self.assertEqual(sorted(traced), ["__call__", "inner", "method", "outer", "subject"])

    def test_recursion(self):
        def fact(n):
            return 1 if n == 0 else n * compiled(n - 1)

        compiled = CompiledFunction(fact)
        with tracing(one_instruction):
            self.assertEqual(compiled(50), fact(50))
            with self.assertRaises(RecursionError):
                compiled(10**6)
            self.assertEqual(compiled(5), 120)

    def test_deep_recursion_as_plain(self):
        def down(n):
            return 0 if n == 0 else compiled(n - 1) + 1

        compiled = down
        depth = 200 if SANITIZED else sys.getrecursionlimit() - 150  # a sanitizer's C frames are several times larger
        self.assertEqual(down(depth), depth)
        compiled = CompiledFunction(down)
        resume = lambda *a: {"exit": ("Resume", -1, 0, [], [], -1, -1, "test")}
        for tracer in (resume, one_instruction, lambda *a: None):  # the last one: nothing to compile, plain calls
            compiled = CompiledFunction(down)
            with tracing(tracer):
                self.assertEqual(compiled(depth), depth)

    def test_recursion_without_frames(self):
        """A segment whose program calls the function again: no interpreter frame counts these levels."""

        def subject(n):
            raise AssertionError

        def tracer(code, offset, locals_, stack):
            return returning(
                ("Output", 0, None, [], []),
                [("Local", -1, 0, None)],
                inputs=[0],
                program=lambda n: (compiled(n + 1),),
                outputs=1,
            )

        compiled = CompiledFunction(subject)
        with tracing(tracer):
            with self.assertRaises((RecursionError, AssertionError)):
                compiled(0)

    def test_generators_pass(self):
        def subject(n):
            for i in range(n):
                yield i

        async def coroutine():
            return 1

        with tracing(lambda *a: self.fail("traced")):
            self.assertEqual(list(CompiledFunction(subject)(3)), [0, 1, 2])
            with self.assertRaises(StopIteration):
                CompiledFunction(coroutine)().send(None)

    def test_tracing_switched_on_inside(self):
        events = []

        def switch():
            sys.settrace(lambda frame, event, arg: events.append((frame.f_code.co_name, event)))

        def later():
            pass

        def subject():
            switch()
            later()
            return 1

        with tracing(one_instruction):
            c = CompiledFunction(subject)
            old = sys.gettrace()
            try:
                self.assertEqual(c(), 1)
                self.assertEqual(c(), 1)
            finally:
                sys.settrace(old)
        self.assertIn(("later", "call"), events)

    def test_threads(self):
        def subject(n):
            total = 0
            for i in range(n):
                try:
                    total += 10 // (i % 3)
                except ZeroDivisionError:
                    total += 1
            return total

        want = subject(30)
        failures = []
        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            with tracing(one_instruction):
                c = CompiledFunction(subject)

                def work():
                    for _ in range(40):
                        got = c(30)
                        if got != want:
                            failures.append(got)

                threads = [threading.Thread(target=work) for _ in range(8)]
                for t in threads:
                    t.start()
                for t in threads:
                    t.join()
        finally:
            sys.setswitchinterval(interval)
        self.assertEqual(failures, [])


def code_name(code, row):
    op, arg = row["op"], row["arg"]
    if op == "LOAD_GLOBAL":
        return code.co_names[arg >> 1]
    names = code.co_varnames + code.co_cellvars + code.co_freevars
    return names[arg] if arg < len(names) else None


if __name__ == "__main__":
    unittest.main()
