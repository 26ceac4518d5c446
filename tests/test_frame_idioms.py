"""Python idioms that look at frames, names and objects: they see the same thing compiled as plain."""

import contextlib
import dataclasses
import enum
import functools
import inspect
import itertools
import linecache
import logging
import operator
import os
import sys
import traceback
import types
import unittest
import warnings

import framejit as fj
from framejit import _C

GLOBAL = 3
STATE = {"n": 0}


def uses_locals(a, b=2):
    c = a + b
    del b
    return sorted(locals().items())


def uses_frame(a):
    f = inspect.currentframe()
    return (
        f.f_lineno - f.f_code.co_firstlineno,
        f.f_code.co_name,
        sorted(k for k in f.f_locals),
        f.f_globals is globals(),
    )


def caller():
    f = sys._getframe(1)
    return (
        f.f_code.co_name,
        f.f_lineno - f.f_code.co_firstlineno,
        {k: v for k, v in f.f_locals.items() if isinstance(v, int)},
    )


def is_seen(a):
    b = a + 1
    first = caller()
    b = b * 2
    return first, caller()


def warns(a):
    with warnings.catch_warnings(record=True) as got:
        warnings.simplefilter("always")
        helper_that_warns()
    return [(os.path.basename(w.filename), w.lineno - uses_locals.__code__.co_firstlineno, str(w.message)) for w in got]


def helper_that_warns():
    warnings.warn("look here", stacklevel=2)


def evals(a):
    exec("b = 3")
    return eval("a + 1"), dir()


def writes_globals(a):
    global GLOBAL
    before = GLOBAL
    GLOBAL = a
    STATE["n"] += 1
    return before, GLOBAL, STATE["n"]


def finds_traceback(a):
    try:
        return nested_failure(a)
    except ZeroDivisionError:
        kind, value, tb = sys.exc_info()
        return kind.__name__, [(f.name, f.line) for f in traceback.extract_tb(tb)], traceback.format_exc().count("\n")


def nested_failure(a):
    return [1 / x for x in (a, 0)]


def exception_state(a):
    out = [sys.exc_info()[0]]
    try:
        raise KeyError(a)
    except KeyError:
        out.append(sys.exc_info()[0].__name__)
        try:
            raise IndexError
        except IndexError as inner:
            out.append(type(inner.__context__).__name__)
        out.append(sys.exc_info()[0].__name__)
    out.append(sys.exc_info()[0])
    return out


def generators(n):
    def counted():
        try:
            for i in range(n):
                got = yield i
                if got:
                    yield got
        finally:
            seen.append("closed")

    seen = []
    g = counted()
    out = [next(g), g.send("x"), next(g)]
    g.close()
    out.extend(itertools.islice(counted(), 2))
    out.append(sum(x * x for x in counted()))
    out.append(list(zip(counted(), "ab")))
    del g
    return out, len(seen) >= 2


@dataclasses.dataclass
class Record:
    x: int
    y: list = dataclasses.field(default_factory=list)

    def total(self):
        return self.x + sum(self.y)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


def data(a):
    r = Record(a)
    r.y.append(2)
    s = dataclasses.replace(r, x=5)
    return r, s, r.total(), s == Record(5, [2]), Color(1), Color["BLUE"].name, [c.value for c in Color]


def functional(a):
    add = functools.partial(operator.add, a)
    total = functools.reduce(lambda p, q: p + q, [1, 2, a])
    ordered = sorted([3, a, 1], key=lambda v: -v)
    grouped = {k: list(v) for k, v in itertools.groupby([1, 1, 2], key=lambda v: v % 2)}
    return add(2), total, ordered, grouped, list(map(add, (1, 2))), any(v > 2 for v in ordered), cached(a), cached(a)


@functools.lru_cache
def cached(a):
    return a * 100


class Meta(type):
    def __call__(cls, *args):
        made = super().__call__(*args)
        made.tag = "meta"
        return made


class Made(metaclass=Meta):
    count = 0

    def __new__(cls, a):
        self = super().__new__(cls)
        cls.count += 1
        return self

    def __init__(self, a):
        self.a = a

    @classmethod
    def build(cls, a):
        return cls(a)

    @staticmethod
    def double(a):
        return a * 2

    @property
    def half(self):
        return self.a / 2

    def __getattr__(self, name):
        if name.startswith("magic"):
            return name
        raise AttributeError(name)

    def __getitem__(self, key):
        return key

    def __len__(self):
        return 4

    def __contains__(self, v):
        return v == 3

    def __iter__(self):
        return iter((1, 2))

    def __call__(self, *a, **k):
        return a, k

    def __bool__(self):
        return False


def objects(a):
    m = Made(a)
    n = Made.build(a + 1)
    x, y = m
    return (
        m.tag,
        n.a,
        m.half,
        m.magic_word,
        m[1:2],
        len(m),
        3 in m,
        m(1, k=2),
        bool(m),
        x,
        y,
        Made.double(a),
        getattr(m, "nothing", "default"),
        hasattr(n, "magic"),
        isinstance(m, Made),
        type(m).__name__,
    )


def defines(a):
    class Local:
        value = a

        def method(self):
            return self.value + a

    return Local().method(), Local.__qualname__


def strings(a):
    name = "x" * a
    return (
        f"{name!r:>6}|{a:03d}|{a + 0.5:.2f}",
        "%s-%d" % (name, a),
        "{}{n}".format(a, n=name),
        name.upper().join("ab"),
        str(a),
        repr([a]),
    )


def starred(a, *args, k=1, **kw):
    first, *mid, last = [a, *args, k]
    return first, mid, last, {**kw, "z": a}, [*args, *kw], (lambda *p, **q: (p, q))(*args, **kw)


def chained(a):
    if (n := a * 2) > 3 and 0 < a <= n != 5:
        pass
    x = y = [n]
    x += [1]
    i = 0
    while True:
        i += 1
        if i == 2:
            continue
        if i > 4:
            break
    else:
        i = -1
    return n, x is y, x, i, a if a else n, not a, ~a, a**2, a << 1, divmod(7, a or 1)


def returns_in_finally(a):
    for i in range(3):
        try:
            if i == a:
                raise ValueError(i)
        except ValueError:
            return "except"
        finally:
            if i == 2:
                return "finally"  # noqa: B012 (the point of this test)
    return "end"


@contextlib.contextmanager
def managed(out):
    out.append("in")
    try:
        yield "value"
    except ValueError:
        out.append("caught")
    finally:
        out.append("out")


def context_managers(a):
    out = []
    with managed(out) as v, contextlib.nullcontext(3) as w:
        out.append((v, w))
        if a:
            raise ValueError(a)
    with contextlib.ExitStack() as stack:
        stack.callback(out.append, "callback")
        stack.enter_context(managed(out))
    return out


def logs(a):
    records = []
    logger = logging.getLogger("framejit-idioms")
    handler = logging.Handler()
    handler.emit = lambda r: records.append((r.funcName, r.lineno - logs.__code__.co_firstlineno, r.getMessage()))
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel("INFO")
    try:
        logger.info("got %d", a)
    finally:
        logger.removeHandler(handler)
    return records


def tensors(a):
    x = fj.ones(2, 3) * a
    x[0, 1:] = 7
    y = [row.tolist() for row in x]
    names = {n: getattr(x, n)() for n in ("dim", "numel")}
    return (
        y,
        names,
        x.shape,
        tuple(x.size()),
        x.dtype,
        x.mean().item(),
        [float(v) for v in x[0]],
        (x > 1).any().item(),
        f"{x.sum():.1f}",
        len(x),
        str(x),
    )


def source_lines(a):
    return linecache.getline(__file__, source_lines.__code__.co_firstlineno).strip(), inspect.getsource(
        starred
    ).splitlines()[0]


def bare_reraise(a):
    try:
        try:
            int("x")
        except ValueError:
            if a:
                raise
            raise KeyError("other") from None
    except (ValueError, KeyError) as e:
        return type(e).__name__, e.__suppress_context__, type(e.__context__).__name__


def asserts(a):
    assert a < 100, f"too big {a}"
    assert a
    return "fine"


SIMPLE = [
    uses_locals,
    uses_frame,
    is_seen,
    warns,
    evals,
    writes_globals,
    finds_traceback,
    exception_state,
    generators,
    data,
    functional,
    objects,
    defines,
    strings,
    starred,
    chained,
    returns_in_finally,
    context_managers,
    logs,
    tensors,
    source_lines,
    bare_reraise,
    asserts,
]


def outcome(f, a):
    global GLOBAL
    GLOBAL = 3
    STATE["n"] = 0
    Made.count = 0
    try:
        return "value", repr(f(a))
    except Exception as e:
        return (
            "raised",
            type(e).__name__,
            str(e),
            [(x.name, x.lineno) for x in traceback.extract_tb(e.__traceback__)][1:],
        )


class Idioms(unittest.TestCase):
    def test_all(self):
        for f in SIMPLE:
            with self.subTest(f.__name__):
                compiled = _C.CompiledFunction(f)
                for a in (1, 2, 0, 1, 3):
                    self.assertEqual(outcome(compiled, a), outcome(f, a))

    def test_closures_are_live(self):
        box = [1]
        scale = 2

        def f(x):
            return x * scale + box[0]

        c = _C.CompiledFunction(f)
        self.assertEqual(c(1), 3)
        scale = 5
        box[0] = 10
        self.assertEqual(c(1), 15)
        f.__closure__[1].cell_contents = 7
        self.assertEqual(c(1), f(1))

    def test_defaults_and_code_are_live(self):
        def f(x, y=1, *, z=2):
            return x + y + z

        c = _C.CompiledFunction(f)
        self.assertEqual(c(1), 4)
        f.__defaults__ = (10,)
        f.__kwdefaults__ = {"z": 20}
        self.assertEqual(c(1), 31)

    def test_module_attributes_are_live(self):
        module = types.ModuleType("m")
        module.k = 1
        c = _C.CompiledFunction(lambda: module.k)
        self.assertEqual(c(), 1)
        module.k = 2
        self.assertEqual(c(), 2)

    def test_nested_compiled_functions(self):
        inner = _C.CompiledFunction(lambda x: x + 1)
        outer = _C.CompiledFunction(lambda x: inner(x) * 2)
        for a in (1, 2, 3):
            self.assertEqual(outer(a), (a + 1) * 2)


if __name__ == "__main__":
    unittest.main()
