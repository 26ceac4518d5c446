"""Breaks inside inlined functions: the exit stands in the inner frame, with the frames around it at their calls."""

import contextlib
import io
import random
import sys
import traceback
import unittest

import framejit
from framejit import _C


def opaque(*args):
    return args[0] if args else None


opaque._framejit_disable = True


def lines():
    """Function and line of every frame of this file, innermost first."""
    out, frame = [], sys._getframe(1)
    while frame:
        if frame.f_code.co_filename == __file__ and not frame.f_code.co_name.startswith(("test", "check", "outcome")):
            out.append((frame.f_code.co_name, frame.f_lineno))
        frame = frame.f_back
    return out


lines._framejit_disable = True


def leaf(x, log, by=2):
    y = x * by
    log.append(lines())
    z = y + 1
    return z


def middle(x, log, *rest, **named):
    y = leaf(x + 1, log, **named) - 1
    print("middle", rest, named)
    return y * 2


def three_deep(x, log):
    a = middle(x, log, 1, 2, by=3)
    b = middle(a, log)
    return a + b


class Point:
    def __init__(self, v, log):
        self.v = v
        log.append(lines())
        self.w = v * 2

    def __getitem__(self, i):
        print("get", i)
        if i > 2:
            raise IndexError(i)
        return self.v * i

    def __setitem__(self, i, v):
        print("set", i)
        self.v = self.v + v * i

    def __call__(self, x):
        opaque()
        return x + self.w


def construct(x, log):
    p = Point(x + 1, log)
    p[2] = x
    return p(p[1]) + p.v


def item_raises(x, log):
    p = Point(x, log)
    try:
        for i in (1, 2, 3, 4):
            x = x + p[i]
    except IndexError as e:
        log.append(str(e))
        x = x * 3
    return x


class Count:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        opaque()
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def iterate(x, log):
    for i in Count(3):
        x = x + i
    else:
        log.append("else")
    return x * 2


def fails(x, log):
    print("fails")
    log.append(lines())
    return x / 0 if log is None else 1 // (x.shape[0] - 3)


def through(x, log):
    return fails(x + 1, log)


def escapes(x, log):
    return through(x * 2, log)


def caught(x, log):
    try:
        return through(x, log)
    except ZeroDivisionError as e:
        opaque()
        log.append(type(e).__name__)
    finally:
        log.append("finally")
    return leaf(x, log)


@contextlib.contextmanager
def manager(log):
    log.append("in")
    print("in")
    try:
        yield 5
    finally:
        log.append("out")


class Manager:
    def __init__(self, log):
        self.log = log

    def __enter__(self):
        self.log.append(lines())
        return self

    def __exit__(self, kind, value, trace):
        self.log.append((kind and kind.__name__, lines()))
        return kind is ZeroDivisionError


def managed(x, log):
    with manager(log) as k, Manager(log):
        x = x + k
        through(x, log)
    return x * 2


def closure(x, log):
    total = x

    def add(v):
        nonlocal total
        total = total + v
        log.append(lines())
        total = total * 2
        return total

    return add(1) + add(x) + total


def below_c(x, log):
    def key(v):
        log.append(lines())
        return -v

    order = sorted([1, 3, 2], key=key)
    return x * order[0] + sum(map(lambda v: opaque(v), order))


def recursive(x, log, n=3):
    if n == 0:
        print("bottom")
        return x
    return recursive(x + n, log, n - 1) * 2


CASES = [three_deep, construct, item_raises, iterate, escapes, caught, managed, closure, below_c, recursive]


def outcome(f):
    log, out = [], io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            result = ("value", f(framejit.arange(3.0), log).tolist())
        except Exception as e:
            frames = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__) if f.filename == __file__]
            result = ("raised", type(e).__name__, str(e), frames[1:])
    return result, log, out.getvalue()


class Nested(unittest.TestCase):
    maxDiff = None

    def test_equal_to_plain(self):
        for f in CASES:
            with self.subTest(f.__name__):
                want = outcome(f)
                compiled = _C.CompiledFunction(f)
                for _ in range(3):
                    self.assertEqual(outcome(compiled), want)

    def test_exit_is_written_in_the_inner_frame(self):
        compiled = _C.CompiledFunction(escapes)
        outcome(compiled)
        entries = {(e["code"].co_name, e["offset"]) for e in compiled._entries()}
        self.assertIn(("escapes", 0), entries)
        # What comes before the break is in the outermost segment; the inner functions have continuations only.
        self.assertFalse({("through", 0), ("fails", 0)} & entries)
        self.assertEqual([e["ops"] for e in compiled._entries() if e["offset"] == 0], [2])

    def test_module_chain_is_two_graphs(self):
        class Layer(framejit.nn.Module):
            def __init__(self):
                super().__init__()
                self.linear = framejit.nn.Linear(4, 4)

            def forward(self, x):
                y = self.linear(x) * 2
                opaque()
                return y.relu() + 1

        class Model(framejit.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = Layer()

            def forward(self, x):
                return self.layer(x - 1) * 3

        model = Model()
        compiled = _C.CompiledFunction(model)
        x = framejit.ones(2, 4)
        for _ in range(3):
            self.assertEqual(compiled(x).tolist(), model(x).tolist())
        graphs = [e for e in compiled._entries() if e["ops"]]
        self.assertEqual(len(graphs), 3)
        self.assertEqual({e["reason"] for e in compiled._entries()}, {None, "disabled"})

    def test_inner_locals_die_when_python_lets_them_go(self):
        class Res:
            alive = 0

            def __init__(self):
                Res.alive += 1

            def __del__(self):
                Res.alive -= 1

        def inner(r, log):
            log.append(Res.alive)
            opaque()
            del r
            opaque()
            log.append(Res.alive)
            return 1

        def outer(x, log):
            y = x + inner(Res(), log)
            log.append(Res.alive)
            return y

        want = outcome(outer)
        compiled = _C.CompiledFunction(outer)
        for _ in range(3):
            self.assertEqual(outcome(compiled), want)

    def test_the_standard_library_is_not_entered_for_what_c_does_there(self):
        def f(x, draw):
            y = x + 1
            return (y * draw.choice((1, 2, 3))).tolist(), draw.gauss(0, 1)

        compiled = framejit.compile(f)
        plainly, compiledly = random.Random(5), random.Random(5)
        for _ in range(5):
            x = framejit.ones(2)
            self.assertEqual(compiled(x, compiledly), f(x, plainly))
        self.assertEqual({row["code"].co_name for row in compiled._entries()}, {"f"})


if __name__ == "__main__":
    unittest.main()
