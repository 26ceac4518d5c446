"""Tensor programs with breaks, handlers, branches on data and modules: compiled against plain, values and effects."""

import gc
import resource
import sys
import threading
import traceback
import unittest
import warnings

import framejit as fj
from framejit import _C, nn

log = []


def note(*values):
    log.append(values)


note._framejit_disable = True


class Scope:
    def __init__(self, swallow=()):
        self.swallow = swallow

    def __enter__(self):
        note("enter")
        return self

    def __exit__(self, kind, value, trace):
        note("exit", kind and kind.__name__)
        return kind in self.swallow


def in_loop(x, n):
    for i in range(n):
        x = x * 2 + i
        note("round", i)
        x = x - 1
    return x


def in_with(x):
    with Scope() as s:
        y = x + 1
        note("inside", s is not None)
        z = y * y
    return z.sum()


def in_try(x, key):
    table = {"a": 2.0}
    try:
        y = x * 3
        note("before")
        y = y * table[key]
    except KeyError as e:
        note("handler", str(e))
        y = x - 5
    finally:
        note("finally")
    return y + 1


def shape_error(x, y):
    try:
        z = x + 1
        w = z @ y
    except RuntimeError as e:
        note("caught")
        return z * 10
    return w


def swallowed(x):
    with Scope((ZeroDivisionError,)):
        y = x + 1
        note("one")
        1 // 0
    return y * 2


def on_data(x):
    if x.sum() > 0:
        return x + 1
    return x - 1


def loop_on_data(x):
    n = 0
    while x.sum() < 100:
        x = x * 2
        n += 1
    return x, n


def item(x):
    v = x.sum().item()
    return x * v, v


def mutates(x, out, state):
    x = x + 1
    out.append(x)
    state["n"] = state.get("n", 0) + 1
    note(len(out))
    out.append(x * 2)
    return out[-1] - out[0]


def closure(x, k):
    def scale(t, by=k):
        note("scale")
        return t * by + x

    return [scale(x), scale(x, 3)]


def nested_lists(x):
    parts = [x[i] * i for i in range(3)]
    note(len(parts))
    a, *rest = parts
    return {"a": a, "rest": rest, "t": (x.shape, x.dtype)}


def in_place(x):
    y = x.clone()
    y += 1
    note("y")
    y[0] = 7
    y.mul_(2)
    return y


def no_grad_block(x):
    with fj.no_grad():
        y = x * 2
        note("no_grad", fj.is_grad_enabled())
        z = y + 1
    return z, fj.is_grad_enabled()


def t(*values):
    return fj.tensor([float(v) for v in values])


CASES = [
    (in_loop, lambda: (t(1, 2), 3)),
    (in_loop, lambda: (t(1, 2, 3), 2)),
    (in_with, lambda: (t(1, 2),)),
    (in_try, lambda: (t(1, 2), "a")),
    (in_try, lambda: (t(1, 2), "b")),
    (shape_error, lambda: (t(1, 2), t(1, 2))),
    (shape_error, lambda: (t(1, 2), t(1, 2, 3))),
    (swallowed, lambda: (t(1, 2),)),
    (on_data, lambda: (t(1, 2),)),
    (on_data, lambda: (t(-1, -2),)),
    (loop_on_data, lambda: (t(1, 2),)),
    (item, lambda: (t(1, 2),)),
    (item, lambda: (t(3, 4),)),
    (mutates, lambda: (t(1), [], {})),
    (closure, lambda: (t(1, 5), 2)),
    (nested_lists, lambda: (t(1, 5, 6),)),
    (in_place, lambda: (t(1, 5, 6),)),
    (no_grad_block, lambda: (t(1, 5, 6),)),
]


def plain_value(v):
    if isinstance(v, fj.Tensor):
        return ("tensor", tuple(v.shape), str(v.dtype), v.tolist())
    if isinstance(v, (list, tuple)):
        return [plain_value(x) for x in v]
    if isinstance(v, dict):
        return {k: plain_value(x) for k, x in v.items()}
    return repr(v)


def observe(f, args):
    del log[:]
    try:
        result = ("value", plain_value(f(*args)))
    except Exception as e:
        lines = [(x.name, x.lineno) for x in traceback.extract_tb(e.__traceback__) if x.filename == __file__][1:]
        result = ("raised", type(e).__name__, str(e), lines)
    return result, plain_value(list(args)), plain_value(log)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(4, 4)
        self.scale = 2.0

    def forward(self, x):
        x = self.a(x) * self.scale
        note("block")
        return x.relu()


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList([Block() for _ in range(3)])
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        for block in self.blocks:
            x = block(x) + x
        return self.head(x)


class Programs(unittest.TestCase):
    def test_cases(self):
        for f, make in CASES:
            with self.subTest(f.__name__):
                compiled = _C.CompiledFunction(f)
                for round in range(3):
                    self.assertEqual(observe(compiled, make()), observe(f, make()), round)

    def test_model_with_breaks_inside(self):
        fj.manual_seed(0)
        model = Model()
        x = fj.randn(5, 4)
        want = model(x)
        want.sum().backward()
        grads = [p.grad.clone() for p in model.parameters()]
        compiled = fj.compile(model)
        for _ in range(3):
            for p in model.parameters():
                p.grad = None
            got = compiled(x)
            self.assertTrue(fj.allclose(got, want, atol=1e-6))
            got.sum().backward()
            for p, g in zip(model.parameters(), grads):
                self.assertTrue(fj.allclose(p.grad, g, atol=1e-5))

    def test_what_changes_between_calls_is_seen(self):
        fj.manual_seed(0)
        model = Model()
        compiled = fj.compile(model)
        x = fj.randn(5, 4)
        same = lambda: self.assertTrue(fj.allclose(compiled(x), model(x), atol=1e-6))
        same()
        model.blocks[1].scale = 5.0
        same()
        with fj.no_grad():
            model.head.weight.mul_(2)
        same()
        model.head = nn.Linear(4, 3)
        same()
        x = fj.randn(7, 4)
        same()
        Block.forward, before = (lambda self, x: x * 3), Block.forward
        try:
            same()
        finally:
            Block.forward = before
        same()
        model.blocks[0].forward = lambda x: x - 1
        same()

    def test_traceback_of_a_user_error(self):
        def inner(x, y):
            return x @ y

        def subject(x, y):
            z = x + 1
            return inner(z, y)

        compiled = _C.CompiledFunction(subject)
        x, y = fj.ones(2, 3), fj.ones(2, 3)
        compiled(x, fj.ones(3, 2))
        for _ in range(2):
            try:
                compiled(x, y)
            except RuntimeError as e:
                names = [f.name for f in traceback.extract_tb(e.__traceback__)]
            self.assertEqual(names[1:], ["subject", "inner"])

    def test_threads(self):
        def subject(x, i):
            y = x * 2
            note(i)
            return (y + i).sum().item()

        compiled = _C.CompiledFunction(subject)
        x = fj.ones(16)
        failures = []

        def work():
            for i in range(50):
                if compiled(x, i % 3) != 32 + 16 * (i % 3):
                    failures.append(i)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            threads = [threading.Thread(target=work) for _ in range(8)]
            for th in threads:
                th.start()
            for th in threads:
                th.join()
        finally:
            sys.setswitchinterval(interval)
            del log[:]
        self.assertEqual(failures, [])


class Flat(unittest.TestCase):
    def flat(self, run, rounds):
        for _ in range(max(300, rounds // 10)):
            run()
        del log[:]
        gc.collect()
        blocks, rss = sys.getallocatedblocks(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(rounds):
            run()
            del log[:]
        gc.collect()
        self.assertLess(sys.getallocatedblocks() - blocks, rounds // 4)
        self.assertLess(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss, 3000)

    def test_hits_misses_breaks_exceptions(self):
        x, bad = fj.ones(64), fj.ones(3)
        hit = _C.CompiledFunction(lambda a: (a * 2 + 1).sum())
        self.flat(lambda: hit(x), 20000)
        looped = _C.CompiledFunction(in_with)
        self.flat(lambda: looped(x), 3000)
        handled = _C.CompiledFunction(shape_error)
        self.flat(lambda: handled(x, bad), 3000)

        def raising(a, b):
            return a + b

        compiled = _C.CompiledFunction(raising)

        def run():
            try:
                compiled(x, bad)
            except RuntimeError:
                pass

        self.flat(run, 3000)
        missing = _C.CompiledFunction(lambda a, k: a + k)
        counter = iter(range(10**9))  # after the recompile limit every call is a miss
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.flat(lambda: missing(x, next(counter)), 3000)


if __name__ == "__main__":
    unittest.main()
