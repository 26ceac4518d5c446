"""Memory stays flat over many calls of hand-made segments: hits, misses, breaks, exceptions."""

import unittest
import warnings

from framejit import _C

from tests.flat import FlatCase
from tests.frame_tools import one_instruction, returning, tracing

CompiledFunction = _C.CompiledFunction


class Flat(FlatCase):
    def test_hits(self):
        def subject(x, y=1, *a, **k):
            raise AssertionError

        def tracer(code, offset, locals_, stack):
            return returning(
                ("Tuple", 0, None, [1, 2, 2], []),
                [("Local", -1, 0, None)],
                recipes=[("Source", 0, None, [], []), ("Dict", 0, None, [1, 0], [])],
            )

        with tracing(tracer):
            c = CompiledFunction(subject)
            self.flat(lambda p: c(p, p, p, key=p))

    def test_misses(self):
        def subject(x):
            return x

        def tracer(code, offset, locals_, stack):
            return returning(("Const", 0, 1, [], []), [("Local", -1, 0, None)], [("Same", 0, None.__class__, [])])

        with tracing(tracer), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            c = CompiledFunction(subject)
            self.flat(c)

    def test_breaks(self):
        def helper(x):
            return x

        def subject(x):
            y = [x]
            z = helper(y)
            return z

        with tracing(one_instruction):
            c = CompiledFunction(subject)
            self.flat(c)

    def test_exceptions(self):
        def helper(x):
            raise KeyError(x)

        def subject(x):
            y = [x]
            try:
                z = helper(y)
            except KeyError as e:
                z = 1
            try:
                helper(z)
            finally:
                y = None

        def run(p):
            try:
                c(p)
            except KeyError:
                pass

        with tracing(one_instruction):
            c = CompiledFunction(subject)
            self.flat(run)

    def test_compiled_functions_are_collected(self):
        def tracer(code, offset, locals_, stack):
            return returning(("Const", 0, locals_[0], [], []), [("Local", -1, 0, None)])

        def once(p):
            def subject(x):
                return x

            c = CompiledFunction(subject)
            holder = [c, p]
            c(holder)

        with tracing(tracer):
            self.flat(once)


if __name__ == "__main__":
    unittest.main()
