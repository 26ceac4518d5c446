"""Functions behind functools.lru_cache called in compiled functions: results are what the cache holds."""

import functools
import sys
import unittest

import framejit


def counted(maxsize=None, **options):
    """A cached function and the list of its real calls."""
    calls = []

    @functools.lru_cache(maxsize=maxsize, **options)
    def f(*args, **kwargs):
        calls.append((args, tuple(kwargs.items())))
        return len(calls) * 10 + sum(a for a in args if isinstance(a, int)) + len(kwargs)

    return f, calls


class Cached(unittest.TestCase):
    x = framejit.tensor([1.0, 2.0])

    def check(self, f, *more):
        return self.assertEqual(f(self.x, *more).tolist(), framejit.compile(f, fullgraph=True)(self.x, *more).tolist())

    def test_arguments(self):
        cached, calls = counted()
        self.check(
            lambda x: x + cached() + cached(3) + cached("a") + cached(1, 2) + cached(1, b=2) + cached(framejit.int8)
        )
        self.assertEqual(len(calls), 6)

    def test_called_once(self):
        cached, calls = counted()
        compiled = framejit.compile(lambda x: x + cached(3), fullgraph=True)
        for _ in range(3):
            self.assertEqual(compiled(self.x).tolist(), [14.0, 15.0])
        self.assertEqual(calls, [((3,), ())])

    def test_cleared(self):
        cached, calls = counted()
        compiled = framejit.compile(lambda x: x + cached(3), fullgraph=True)
        self.assertEqual(compiled(self.x).tolist(), [14.0, 15.0])
        cached.cache_clear()
        self.assertEqual(compiled(self.x).tolist(), [24.0, 25.0])
        self.assertEqual(len(calls), 2)

    def test_what_it_read_has_changed(self):
        state = [1]

        @functools.cache
        def read():
            return state[0]

        compiled = framejit.compile(lambda x: x + read(), fullgraph=True)
        self.assertEqual(compiled(self.x).tolist(), [2.0, 3.0])
        state[0] = 5
        self.assertEqual((self.x + read()).tolist(), compiled(self.x).tolist())

    def test_evicted(self):
        cached, calls = counted(maxsize=1)
        compiled = framejit.compile(lambda x: x + cached(3), fullgraph=True)
        compiled(self.x)
        cached(4)
        self.assertEqual(compiled(self.x).tolist(), [34.0, 35.0])
        self.assertEqual(len(calls), 3)

    def test_varying_argument(self):
        cached, _ = counted()
        compiled = framejit.compile(lambda x, n: x + cached(n))
        for n in (1, 2, 3, 1, 2, True):
            self.assertEqual(compiled(self.x, n).tolist(), (self.x + cached(n)).tolist())

    def test_typed(self):
        cached, calls = counted(typed=True)
        compiled = framejit.compile(lambda x: x + cached(1) + cached(1.0))
        for _ in range(2):
            self.assertEqual(compiled(self.x).tolist(), (self.x + cached(1) + cached(1.0)).tolist())
        self.assertEqual(len(calls), 2)

    def test_not_kept(self):
        cached, calls = counted(maxsize=0)
        compiled = framejit.compile(lambda x: x + cached(1))
        self.assertEqual([compiled(self.x).tolist()[0] for _ in range(3)], [12.0, 22.0, 32.0])

    def test_raising(self):
        calls = []

        @functools.cache
        def fails(n):
            calls.append(n)
            raise KeyError(n)

        def f(x):
            try:
                fails(3)
            except KeyError as error:
                return x + error.args[0]

        compiled = framejit.compile(f)
        self.assertEqual(compiled(self.x).tolist(), [4.0, 5.0])
        self.assertEqual(compiled(self.x).tolist(), [4.0, 5.0])
        self.assertGreaterEqual(len(calls), 2)

    def test_tensors_in_the_cache(self):
        @functools.cache
        def mask(n, dtype):
            return framejit.ones(n, dtype=dtype)

        compiled = framejit.compile(lambda x: x + mask(2, x.dtype), fullgraph=True)
        self.assertEqual(compiled(self.x).tolist(), [2.0, 3.0])
        mask(2, framejit.float32).zero_()
        self.assertEqual(compiled(self.x).tolist(), [1.0, 2.0])

    def test_after_writes(self):
        """A function that reads what the frame has written is called in its place."""
        state = {"n": 1}

        @functools.cache
        def read():
            return state["n"]

        def f(x):
            state["n"] = 7
            return x + read()

        self.assertEqual(framejit.compile(f)(self.x).tolist(), [8.0, 9.0])

    def test_facts_of_the_interpreter(self):
        self.check(lambda x: x + (sys.version_info >= (3, 8)) + sys.version_info[0] + sys.version_info.minor)
        self.check(lambda x: x + sys.float_info.max_exp + sys.flags.optimize)

    def test_counters_and_order_of_use(self):
        def program():
            @functools.lru_cache(maxsize=2)
            def cached(x, y=0):
                return [x, y]

            def f(t):
                return t + cached(1)[0] + cached(1)[0] + cached(2, y=3)[1]

            return cached, f

        told = []
        for compiled in (False, True):
            cached, f = program()
            run = framejit.compile(f) if compiled else f
            for _ in range(3):
                run(framejit.ones(2))
                told.append(tuple(cached.cache_info()))
            cached(1)
            cached(4)  # lets go of what was used longest ago
            run(framejit.ones(2))
            told.append(tuple(cached.cache_info()))
        self.assertEqual(told[:4], told[4:])


if __name__ == "__main__":
    unittest.main()
