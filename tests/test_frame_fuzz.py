"""Random Python functions, plain against compiled: results, exceptions with their lines, changes to arguments and globals.

FRAMEJIT_FUZZ=N runs N programs (default 150), FRAMEJIT_FUZZ_SEED=S starts elsewhere. A failure prints its program.
"""

import os
import random
import traceback
import types
import unittest
import warnings

from framejit import _C

PRELUDE = """
import contextlib

class Box:
    def __init__(self, v=0):
        self.v = v
    def bump(self, by=1):
        self.v += by
        return self.v
    def __enter__(self):
        self.v += 1
        return self
    def __exit__(self, kind, value, trace):
        self.v += 10
        return kind is ValueError and self.v % 2 == 0
    def __repr__(self):
        return f"Box({self.v})"

counter = 0

def opaque(x):
    return x
opaque._framejit_disable = True

def fails(x):
    if x % 3 == 0:
        raise KeyError(x)
    return x + 1

def stops(x):
    if x % 3 == 1:
        raise ValueError(x)
    return opaque(x)

def deep(x, log):
    y = stops(x + 1) * 2
    log.append(opaque(y))
    return y - fails(y)

def climbs(n, step=1):
    total = 0
    try:
        for i in range(n):
            sent = yield total
            total += step if sent is None else opaque(sent)
    finally:
        total = -1
    return total

def relays(n):
    last = yield from climbs(n, 2)
    yield opaque(last)

class Countdown:
    def __init__(self, n):
        self.n = n
        opaque(n)
    def __iter__(self):
        return self
    def __next__(self):
        if opaque(self.n) <= 0:
            raise StopIteration
        self.n -= 1
        return self.n
    def __getitem__(self, i):
        if i > 4:
            raise IndexError(i)
        return opaque(i) + self.n
    def __setitem__(self, i, v):
        self.n = opaque(v)
        if v == 4:
            raise KeyError(v)

@contextlib.contextmanager
def scope(log, v):
    log.append(("in", v))
    try:
        yield opaque(v)
    except KeyError:
        log.append("swallowed")
    finally:
        log.append("out")
"""


class Program:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lines = []
        self.loops = 0
        self.depth = 0
        self.serial = 0

    def emit(self, indent, text):
        self.lines.append("    " * indent + text)

    def pick(self, *choices):
        return self.r.choice(choices)

    def var(self):
        return self.pick("a", "b", "c", "d")

    def expr(self, depth=0):
        if depth > 2 or self.r.random() < 0.3:
            return self.pick(self.var(), self.var(), str(self.r.randint(-2, 5)), "box.v", "counter")
        e = lambda: self.expr(depth + 1)
        return self.pick(
            lambda: f"({e()} {self.pick('+', '-', '*', '%', '//')} {e()})",
            lambda: f"({e()} if {self.cond()} else {e()})",
            lambda: f"opaque({e()})",
            lambda: f"fails({e()})",
            lambda: f"stops(x={e()})",
            lambda: f"box.bump({e()})",
            lambda: "len(xs)",
            lambda: f"xs[{e()}]",
            lambda: f"table.get({e()}, {e()})",
            lambda: f"table[{e()}]",
            lambda: f"sum([i for i in xs if i != {e()}])",
            lambda: f"max({e()}, {e()}, key=lambda v: -v)",
            lambda: f"min(*[{e()}, {e()}])",
            lambda: f"(lambda q, w={e()}: q + w)({e()})",
            lambda: f"int(f'{{{self.var()}}}')",
            lambda: "sorted(xs, reverse=True)[0]",
            lambda: f"abs(-{e()})",
            lambda: f"deep({e()}, log)",
            lambda: f"sum(climbs({e()} % 5))",
            lambda: f"next(climbs(2, {e()}))",
            lambda: f"list(relays({e()} % 4))[-1]",
            lambda: f"sum(Countdown({e()} % 5))",
            lambda: f"Countdown({e()})[{e()}]",
            lambda: f"(next(gen, {e()}))",
            lambda: f"sum(opaque(v) for v in xs if v < {e()})",
        )()

    def cond(self):
        e = self.expr(2)
        return self.pick(
            f"{e} > {self.expr(2)}",
            f"{e} in xs",
            f"{e} % 2 == 0",
            f"not {e}",
            f"{e} is None",
            f"{e} < {self.expr(2)} and {self.var()} != 3",
            f"opaque({e}) or {self.var()}",
        )

    def block(self, indent, size):
        for _ in range(self.r.randint(1, size)):
            self.statement(indent)

    def statement(self, indent):
        e = self.expr
        simple = [
            lambda: self.emit(indent, f"{self.var()} = {e()}"),
            lambda: self.emit(indent, f"{self.var()} += {e()}"),
            lambda: self.emit(indent, f"xs.append({e()})"),
            lambda: self.emit(indent, f"table[{e()}] = {e()}"),
            lambda: self.emit(indent, f"box.v = {e()}"),
            lambda: self.emit(indent, f"{self.var()}, {self.var()} = {e()}, {e()}"),
            lambda: self.emit(indent, f"log.append(({e()}, {self.var()}))"),
            lambda: self.emit(indent, f"counter = {e()}"),
            lambda: self.emit(indent, f"del xs[{e()}]"),
            lambda: self.emit(indent, "xs[:] = [v + 1 for v in xs][:6]"),
            lambda: self.emit(indent, f"assert {self.cond()}, 'asserted'"),
            lambda: self.emit(indent, f"gen = {self.pick('climbs', 'relays')}({e()} % 6)"),
            lambda: self.emit(indent, f"{self.var()} = gen.send(None)"),
            lambda: self.emit(indent, f"gen.{self.pick('close()', 'throw(ValueError(a))')}"),
            lambda: self.emit(indent, f"Countdown({e()})[0] = {e()}"),
            lambda: self.emit(indent, f"log.append(f'{{{self.var()}}} {{{self.var()}!r:>4}}')"),
        ]
        if self.depth > 3 or self.r.random() < 0.55:
            return self.r.choice(simple)()
        self.depth += 1
        self.r.choice([self.if_, self.for_, self.while_, self.try_, self.with_, self.closure, self.leave])(indent)
        self.depth -= 1

    def if_(self, indent):
        self.emit(indent, f"if {self.cond()}:")
        self.block(indent + 1, 3)
        if self.r.random() < 0.5:
            self.emit(indent, "else:")
            self.block(indent + 1, 2)

    def for_(self, indent):
        over = self.pick(
            "range(3)",
            "list(xs[:3])",
            "(1, 2)",
            "sorted(table)[:2]",
            "enumerate(xs[:2])",
            "zip(xs[:2], (1, 2, 3))",
            "range(9)",
            "gen",
            "range(a % 7)",
            "climbs(4)",
            "Countdown(3)",
            "list(table.values())",
            "map(opaque, xs[:3])",
            "reversed(xs)",
        )
        self.serial += 1
        name = f"i{self.serial}"
        self.emit(indent, f"for {name} in {over}:")
        self.loops += 1
        if "enumerate" not in over and "zip" not in over:
            self.emit(indent + 1, f"{self.var()} {self.pick('=', '=', '+=')} {name}")
        self.block(indent + 1, 3)
        self.loops -= 1
        if self.r.random() < 0.2:
            self.emit(indent, "else:")
            self.block(indent + 1, 1)

    def while_(self, indent):
        self.serial += 1
        name = f"n{self.serial}"
        self.emit(indent, f"{name} = 0")
        self.emit(indent, f"while {name} < {self.pick(3, 3, 8)}:")
        self.emit(indent + 1, f"{name} += 1")
        self.loops += 1
        self.block(indent + 1, 2)
        self.loops -= 1

    def try_(self, indent):
        self.emit(indent, "try:")
        self.block(indent + 1, 3)
        kind = self.r.randint(0, 3)
        if kind != 1:
            self.emit(
                indent,
                f"except {self.pick('KeyError', 'ZeroDivisionError', '(IndexError, KeyError)', 'Exception')} as e:",
            )
            self.emit(
                indent + 1,
                self.pick("log.append(type(e).__name__)", "a = 1", "log.append(str(e))", "raise ValueError(a) from e"),
            )
            if self.r.random() < 0.3:
                self.block(indent + 1, 2)
        if kind in (1, 2):
            self.emit(indent, "finally:")
            self.block(indent + 1, 1)

    def with_(self, indent):
        self.emit(indent, self.pick("with box:", "with box as w, Box(a):", f"with scope(log, {self.var()}) as d:"))
        self.block(indent + 1, 3)

    def closure(self, indent):
        self.serial += 1
        name = f"f{self.serial}"
        v = self.pick("a", "b")
        self.emit(indent, f"def {name}(p, *rest, k={self.expr()}):")
        if self.r.random() < 0.4:
            self.emit(indent + 1, f"nonlocal {v}")
            self.emit(indent + 1, f"{v} += p")
        self.emit(indent + 1, f"return p + k + {self.pick('a', 'b', 'len(rest)')}")
        self.emit(indent, f"c = {name}({self.expr()}, 1, k={self.expr()})")

    def leave(self, indent):
        if self.loops and self.r.random() < 0.6:
            self.emit(indent, f"if {self.cond()}: {self.pick('break', 'continue')}")
        else:
            self.emit(indent, f"if {self.cond()}: return ('early', {self.expr()})")

    def source(self):
        self.emit(0, "def subject(a, b=2, *, box, xs, table, log):")
        self.emit(1, "global counter")
        self.emit(1, "c, d = 1, a")
        self.emit(1, "gen = climbs(3)")
        self.block(1, 8)
        self.emit(1, "return a, b, c, d")
        return PRELUDE + "\n".join(self.lines) + "\n"


def module_of(source, seed):
    module = types.ModuleType("fuzzed")
    import linecache

    name = f"<fuzz {seed}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    exec(compile(source, name, "exec"), module.__dict__)
    return module


def observe(module, function, a, b):
    module.counter = 0
    state = {"box": module.Box(a), "xs": [3, 1, 2], "table": {0: 1, 2: 3}, "log": []}
    try:
        result = ("value", function(a, b, **state))
    except Exception as e:
        chain = type(e.__cause__).__name__, type(e.__context__).__name__
        lines = [(f.name, f.lineno) for f in traceback.extract_tb(e.__traceback__) if f.filename.startswith("<fuzz")]
        result = ("raised", type(e).__name__, str(e), chain, lines)
    return repr((result, state, module.counter))


class Fuzz(unittest.TestCase):
    def test_programs(self):
        count = int(os.environ.get("FRAMEJIT_FUZZ", "150"))
        first = int(os.environ.get("FRAMEJIT_FUZZ_SEED", "0"))
        failures = []
        self.addCleanup(_C._set_flag, "unroll_limit", _C._flags()["unroll_limit"])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for seed in range(first, first + count):
                source = Program(seed).source()
                module = module_of(source, seed)
                _C._set_flag("unroll_limit", seed % 3 * 2 or 64)
                compiled = _C.CompiledFunction(module.subject)
                for args in [(1, 2), (0, 0), (3, -1), (1, 2), (0, 5)]:
                    want = observe(module, module.subject, *args)
                    got = observe(module, compiled, *args)
                    if got != want:
                        failures.append((seed, args, want, got))
                        break
        if failures:
            seed, args, want, got = min(failures, key=lambda f: len(Program(f[0]).source()))
            program = Program(seed).source()[len(PRELUDE) :]
            self.fail(
                f"{len(failures)} of {count} programs differ: {[f[0] for f in failures][:20]}\n{program}\nargs {args}\nwant {want}\ngot  {got}"
            )


if __name__ == "__main__":
    unittest.main()
