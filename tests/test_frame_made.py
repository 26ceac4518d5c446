"""Frames that a compiled call makes itself, since it has bound the arguments: they are as the interpreter's own."""

import gc
import sys
import unittest
import weakref

import framejit


def twice(function, *args, **kwargs):
    """What the function gives plainly and compiled, three times, since the first call is traced."""
    compiled = framejit.compile(function)
    for _ in range(3):
        yield function(*args, **kwargs), compiled(*args, **kwargs)


class MadeFrameTest(unittest.TestCase):
    def same(self, function, *args, **kwargs):
        for want, got in twice(function, *args, **kwargs):
            self.assertEqual(got, want)

    def test_a_frame_object_that_outlives_the_call(self):
        @framejit.dynamo.disable
        def keep(frames):
            frame = sys._getframe()
            while frame.f_code.co_name != "f":
                frame = frame.f_back
            frames.append(frame)

        def f(x, frames, *rest, word="a", **more):
            size = x.shape[0]
            keep(frames)
            return [size, word]

        seen = []
        for function in (f, framejit.compile(f), framejit.compile(f)):
            frames = []
            function(framejit.ones(3), frames, 5, word="b", other=6)
            (frame,) = frames
            seen.append((frame.f_back.f_code.co_name, frame.f_locals["size"], frame.f_locals["word"]))
            self.assertEqual(frame.f_locals["more"], {"other": 6})
            self.assertEqual(frame.f_locals["rest"], (5,))
            frame.clear()
            self.assertEqual(frame.f_locals, {})
        self.assertEqual(seen[1:], seen[:1] * 2)

    def test_what_it_holds_is_let_go(self):
        class Thing:
            pass

        @framejit.dynamo.disable
        def stop():
            return 1

        def f(x, thing):
            made = [thing, x.shape[0]]
            stop()
            return len(made)

        compiled = framejit.compile(f)
        for _ in range(3):
            thing = Thing()
            gone = weakref.ref(thing)
            self.assertEqual(compiled(framejit.ones(2), thing), 2)
            del thing
            self.assertIsNone(gone())
        before = sys.getrefcount(f), sys.getrefcount(f.__code__)
        for _ in range(100):
            compiled(framejit.ones(2), None)
        self.assertEqual((sys.getrefcount(f), sys.getrefcount(f.__code__)), before)

    def test_its_exceptions(self):
        @framejit.dynamo.disable
        def fail(log):
            raise ValueError(len(log))

        def f(x, log):
            try:
                log.append(x.shape[0])
                fail(log)
            except ValueError as e:
                if len(log) % 2:
                    raise
                return str(e)

        def call(log):
            try:
                return function(framejit.ones(2), log)
            except ValueError as e:
                frames, tb = [], e.__traceback__
                while tb:
                    frames.append((tb.tb_frame.f_code.co_name, tb.tb_lineno, sorted(tb.tb_frame.f_locals)))
                    tb = tb.tb_next
                return str(e), [row for row in frames if row[0] == "f"]

        function = f
        want = [call([0] * n) for n in range(4)]
        function = framejit.compile(f)
        for _ in range(2):
            self.assertEqual([call([0] * n) for n in range(4)], want)
        gc.collect()

    def test_recursion_over_the_chunks_of_the_stack(self):
        @framejit.dynamo.disable
        def stop(n):
            return n

        def f(x, n):
            a, b, c, d = n, n + 1, n + 2, n + 3
            below = f(x, stop(n) - 1) if stop(n) else 0
            return below + a + b + c + d + x.shape[0]

        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(5000)
        try:
            self.same(f, framejit.ones(2), 400)
        finally:
            sys.setrecursionlimit(limit)

    def test_no_room_for_an_inner_frame(self):
        @framejit.dynamo.disable
        def stop(cell):
            return cell()

        def inner(x, size):
            kept = [size]

            def read():
                return kept, size

            try:
                return stop(read)[0][0] + x.shape[0]
            except RecursionError:
                return "none", kept, size

        def f(x):
            return inner(x, x.shape[0])

        def deep(n):
            return compiled(x) if n == 0 else deep(n - 1)

        x = framejit.ones(3)
        compiled = framejit.compile(f)
        limit, seen = sys.getrecursionlimit(), []
        for _ in range(3):
            self.assertEqual(compiled(x), 6)
        try:
            for room in range(1, 120):
                sys.setrecursionlimit(200)
                try:
                    seen.append(deep(200 - room))
                except RecursionError:
                    seen.append(None)
                finally:
                    sys.setrecursionlimit(limit)
        finally:
            sys.setrecursionlimit(limit)
        self.assertEqual({str(s) for s in seen} - {"None", "6"}, {"('none', [3], 3)"})

    def test_arguments_of_all_kinds(self):
        @framejit.dynamo.disable
        def stop():
            return None

        def f(a, /, b, c=3, *rest, d, e=5, **more):
            def inner():
                return a, c, d

            stop()
            a = [a]
            rest += (b,)
            more["b"] = b
            return a, b, c, rest, d, e, more, inner()

        self.same(f, 1, 2, d=4)
        self.same(f, 1, b=2, d=4, more=7)
        self.same(f, 1, 2, 3, 4, 5, d=6, e=7, f=8)
        given = {"d": 1, "x": 2}
        self.same(f, 1, 2, **given)
        self.assertEqual(given, {"d": 1, "x": 2})
        with self.assertRaisesRegex(TypeError, "missing 1 required keyword-only argument: 'd'"):
            framejit.compile(f)(1, 2)


if __name__ == "__main__":
    unittest.main()
