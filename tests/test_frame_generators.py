"""Generators that live across exits: rebuilt where they are suspended, driven by CPython afterwards."""

import asyncio
import contextlib
import inspect
import io
import sys
import unittest

import framejit
from framejit import _C


def opaque(*args):
    return args[0] if args else None


opaque._framejit_disable = True


def numbers(n, start=0, *rest, step=1, **named):
    total = start
    for i in range(0, n, step):
        got = yield total
        total += i if got is None else got
    return total


def closes(log):
    try:
        yield 1
        yield 2
    except GeneratorExit:
        log.append("closed")
        raise
    finally:
        log.append("finally")


def catches(log):
    while True:
        try:
            got = yield len(log)
        except ValueError as e:
            log.append(str(e))
        else:
            log.append(got)


def delegates(n, log):
    result = yield from numbers(n, 10)
    log.append(result)
    yield from [result, result + 1]
    return "done"


def in_handler(log):
    try:
        raise KeyError("k")
    except KeyError as e:
        yield str(e)
        log.append(sys.exc_info()[0])
        yield "after"


def with_cells(x):
    def shift(v):
        nonlocal x
        x = x + v
        return x

    for i in range(4):
        yield shift(i)


def fresh_to_caller(x, log):
    return numbers(3, 5, 1, 2, step=1, extra=x), (v * 2 for v in [1, 2, 3])


def suspended_to_caller(x, log):
    g = numbers(5, 1)
    h = (v + 1 for v in [x, x * 2])
    return next(g), next(h), g, h


def finished_to_caller(x, log):
    g = numbers(1)
    rest = list(g)
    return rest, g


def held_across_call(x, log):
    g = numbers(6)
    first = next(g)
    opaque()
    second = next(g) + g.send(100)
    print(first, second)
    return x + sum(g)


def closes_outside(x, log):
    g = closes(log)
    x = x + next(g)
    opaque(log)
    g.close()
    log.append("end")
    return x


def throws_outside(x, log):
    g = catches(log)
    next(g)
    opaque()
    a = g.throw(ValueError("thrown"))
    b = g.send("sent")
    return x + a + b, g


def delegating(x, log):
    g = delegates(3, log)
    x = x + next(g)
    opaque()
    for v in g:
        x = x + v
    return x, log


def handling(x, log):
    g = in_handler(log)
    a = next(g)
    opaque()
    b = next(g)
    return x, a, b


def cells(x, log):
    g = with_cells(x)
    a = next(g) + next(g)
    opaque()
    return a, list(g), x


def zipped(x, log):
    g = numbers(4)
    h = zip(g, enumerate(v * 2 for v in (1, 2, 3)))
    first = next(h)
    opaque()
    return x, first, list(h), list(g)


def breaks_inside(x, log):
    def gen(n):
        for i in range(n):
            print("in", i)
            y = yield x * i
            log.append(y)

    total = x
    for v in gen(3):
        total = total + v
        print("out")
    return total


def expression(x, log):
    ok = all(opaque(v) < 3 for v in (1, 2, 3))
    return x, ok, sum(opaque(v) for v in range(4)), [opaque(v) for v in range(3)]


def reports(x, log):
    g = numbers(3)
    next(g)
    return inspect.getgeneratorstate(g), g.gi_frame.f_locals["total"], g.gi_code.co_name, inspect.isgenerator(g)


def tensors(x, log):
    def halves(v, n):
        for _ in range(n):
            v = v * 0.5
            yield v

    g = halves(x + 1, 3)
    a = next(g)
    if a.sum() > 0:
        log.append("positive")
    return a, [v.tolist() for v in g]


CASES = [
    fresh_to_caller,
    suspended_to_caller,
    finished_to_caller,
    held_across_call,
    closes_outside,
    throws_outside,
    delegating,
    handling,
    cells,
    zipped,
    breaks_inside,
    expression,
    reports,
    tensors,
]


def flat(v):
    if inspect.isgenerator(v):
        return ["generator", v.__name__, v.__qualname__, inspect.getgeneratorstate(v), [flat(i) for i in list(v)[:20]]]
    if isinstance(v, (list, tuple)):
        return [type(v).__name__] + [flat(i) for i in v]
    return repr(v)


def outcome(f):
    log, out = [], io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result = f(framejit.arange(3.0), log)
            endless = f.__name__ == "throws_outside"
            result = flat(result[0]) if endless else flat(result)
        except Exception as e:
            result = repr(e)
    return result, log, out.getvalue()


class Generators(unittest.TestCase):
    maxDiff = None

    def test_equal_to_plain(self):
        for f in CASES:
            with self.subTest(f.__name__):
                want = outcome(f)
                compiled = _C.CompiledFunction(f)
                for _ in range(3):
                    self.assertEqual(outcome(compiled), want)

    def test_suspended_generator_does_not_break(self):
        for f in (fresh_to_caller, suspended_to_caller):
            compiled = _C.CompiledFunction(f)
            outcome(compiled)
            self.assertEqual([e["reason"] for e in compiled._entries()], [None], f.__name__)

    def test_generator_as_the_compiled_function(self):
        compiled = _C.CompiledFunction(numbers)
        self.assertEqual(list(compiled(5, 2)), list(numbers(5, 2)))
        g = compiled(4)
        self.assertTrue(inspect.isgenerator(g))
        self.assertEqual([next(g), g.send(7), g.send(None)], [0, 7, 8])

    def test_coroutines_run_right(self):
        async def inner(x):
            await asyncio.sleep(0)
            return x * 2

        async def outer(x):
            y = await inner(x + 1)
            async with contextlib.AsyncExitStack():
                return [v async for v in stream(y)]

        async def stream(y):
            for i in range(3):
                yield (y + i).tolist()

        def makes(x):
            return inner(x + 1)

        x = framejit.ones(2)
        want = asyncio.run(outer(x))
        self.assertEqual(asyncio.run(_C.CompiledFunction(outer)(x)), want)
        self.assertEqual(asyncio.run(_C.CompiledFunction(makes)(x)).tolist(), [4.0, 4.0])

    def test_rebuilt_generators_are_freed(self):
        import gc
        import weakref

        class Token:
            pass

        def hold(token):
            yield 1
            yield token

        def f(token):
            g = hold(token)
            next(g)
            return g

        compiled = _C.CompiledFunction(f)
        for _ in range(3):
            token = Token()
            ref = weakref.ref(token)
            g = compiled(token)
            del token
            self.assertIsNotNone(ref())
            self.assertIs(next(g), ref())
            del g
            gc.collect()
            self.assertIsNone(ref())


if __name__ == "__main__":
    unittest.main()
