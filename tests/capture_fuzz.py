"""Random Python functions: plain call and compiled call must agree. `python -m tests.capture_fuzz FIRST COUNT` runs more seeds
and prints what share of the programs' instructions ran inside segments.

A program is a function over ints, a list, a dict, an object and two tensors, with loops, branches, exceptions, closures,
generators, comprehensions and calls that break the graph; it keeps a log of what it did.
"""

import gc
import random
import re
import sys
import warnings

import framejit
from framejit import _C
from framejit.testing import _share


class Box:
    def __init__(self, v):
        self.v = v

    def bump(self, n=1):
        self.v += n
        return self.v

    def __add__(self, o):
        return Box(self.v + (o.v if isinstance(o, Box) else o))

    @property
    def twice(self):
        return self.v * 2

    def __enter__(self):
        self.v += 1
        return self

    def __exit__(self, kind, value, tb):
        self.v += 10
        return kind is KeyError


def opaque(x):
    """Never captured."""
    return x


opaque._framejit_disable = True


# What expressions are made of, by Writer.fill; some that end most programs are rare.
NUMBERS = (
    *("a", "b", "1", "4", "-3", "len(l)", "o.v", "o.twice", "d.get('k', 3)", "x.shape[0]", "x.dim()", "l[0]") * 2,
    *("(<n> + <n>)", "(<n> * <n> % 7)", "(<n> - <n>)", "(<n> if <c> else <n>)", "min(<n>, <n>)", "abs(<n>)") * 2,
    *("sum(i for i in range(<n> % 4))", "helper(<n>)", "(lambda q, w=<n>: q - w)(<n>)", "max([<n>, <n>])") * 2,
    *("l[<n>]", "opaque(<n>)", "<n> // <n>"),
)
CONDITIONS = (
    *("<n> < <n>", "<n> > <n>", "<n> == <n>", "<n> != <n>", "<n> <= <n>", "<n> in l", "<n> < <n> and <n>", "not <n>"),
    *("'k' in d", "isinstance(o, Box)", "l", "d", "x.shape == y.shape", "any(i > <n> for i in l)", "x.sum() > 3"),
)
TENSORS = (
    *(
        "x",
        "y",
        "(<t> + <t>)",
        "(<t> * <n>)",
        "(<t> - <n> * 0.5)",
        "<t>.tanh()",
        "(<t> if <c> else <t>)",
        "<t>.clone()",
    ),
    *("framejit.where(<t> > 1, <t>, <t>)", "framejit.stack([<t>, <t>]).mean(0)", "(-<t>)", "<t>.flip(0)"),
)


class Writer:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.lines = []
        self.depth = 1
        self.loops = 0
        self.names = 0

    def pick(self, *choices):
        return self.r.choice(choices)

    def emit(self, text):
        self.lines.append("    " * self.depth + text)

    def fill(self, d, *templates):
        """One of the templates; each <n>, <c>, <t> in it becomes a number, a condition, a tensor."""
        parts = {"n": self.number, "c": self.condition, "t": self.tensor}
        return re.sub("<([nct])>", lambda m: parts[m[1]](d + 1), self.pick(*templates))

    def number(self, d=0):
        return self.fill(d, *(NUMBERS if d <= 2 else ("a", "b", "1", "2", "3", str(self.r.randint(-3, 9)))))

    def condition(self, d=0):
        return self.fill(d, *CONDITIONS)

    def tensor(self, d=0):
        return self.fill(d, *(TENSORS if d <= 2 else ("x", "y")))

    def body(self, inner=False):
        self.depth += 1
        for _ in range(self.r.randint(1, 3)):
            self.statement()
        if inner and self.r.random() < 0.3:
            self.emit(f"if {self.condition()}: {self.pick('break', 'continue')}")
        self.depth -= 1

    def statement(self):
        if self.depth > 4 or len(self.lines) > 60:
            return self.emit(f"log.append({self.number()})")
        getattr(
            self,
            "s_"
            + self.pick(
                "assign",
                "assign",
                "tensor",
                "tensor",
                "log",
                "if_",
                "for_",
                "while_",
                "try_",
                "list_",
                "dict_",
                "object_",
                "nested",
                "comprehension",
                "with_",
                "unpack",
                "raise_",
                "generator",
                "break_",
                "inplace",
                "text",
            ),
        )()

    def s_assign(self):
        self.emit(f"{self.pick('a', 'b')} = {self.number()}")

    def s_tensor(self):
        self.emit(f"{self.pick('x', 'y')} = {self.tensor()}")

    def s_inplace(self):
        self.emit(f"{self.pick('x', 'y')} = {self.pick('x', 'y')}.clone()")
        self.emit(self.pick("x += 1", "y *= 0.5", "x[0] = a % 5", "y.add_(x)", "x[:1] = 2"))

    def s_log(self):
        self.emit(f"log.append({self.fill(0, '<n>', '<t>', '(a, b)', 'list(l)', 'dict(d)', 'o.v')})")

    def s_if_(self):
        self.emit(f"if {self.condition()}:")
        self.body()
        if self.r.random() < 0.5:
            self.emit("else:")
            self.body()

    def s_for_(self):
        self.names += 1
        self.emit(
            f"for i{self.names} in {self.pick(f'range({self.r.randint(0, 4)})', 'list(l)[:3]', 'enumerate(list(l)[:3])', 'list(d)', 'zip(range(3), l)', 'gen(3)')}:"
        )
        self.body(True)

    def s_while_(self):
        self.names += 1
        w = f"w{self.names}"
        self.emit(f"{w} = 0")
        self.emit(f"while {w} < {self.r.randint(1, 3)}:")
        self.depth += 1
        self.emit(f"{w} += 1")
        self.depth -= 1
        self.body(True)

    def s_try_(self):
        self.emit("try:")
        self.body()
        if self.r.random() < 0.4:
            self.emit(
                f"    {self.pick('l[99]', 'd[99]', '1 // 0', 'x @ framejit.ones(7)', 'o.missing', 'raise KeyError(a)', 'opaque(None).x')}"
            )
        kind = self.pick("Exception", "(KeyError, IndexError)", "ValueError", "ZeroDivisionError")
        if self.r.random() < 0.8:
            self.emit(f"except {kind} as e:")
            self.depth += 1
            self.emit("log.append((type(e).__name__, str(e)[:30]))")
            self.depth -= 1
            self.body()
        else:
            self.emit("except RuntimeError: pass")
        if self.r.random() < 0.4:
            self.emit("finally:")
            self.body()

    def s_list_(self):
        self.emit(
            self.pick(
                "l.append(a)",
                "l.insert(0, b)",
                "l.sort(key=lambda v: -v)",
                "l = [*l, a][-5:]",
                "l[0] = b",
                "l = l[::-1]",
                "l.extend([1, 2]); del l[5:]",
                "l = l + [a]",
            )
        )

    def s_dict_(self):
        self.emit(
            self.pick(
                "d['k'] = a",
                "d.setdefault('n', []).append(b)",
                "d.pop('k', None)",
                "d = {**d, 'z': b}",
                "d.update(q=a)",
                "d.pop('n', 0)",
                "d = {k: v for k, v in d.items()}",
            )
        )

    def s_object_(self):
        self.emit(
            self.pick("o.v = a", "o.bump(b)", "o = o + 1", "o = Box(a)", "log.append(o.bump())", "p = o; p.v += 1")
        )

    def s_nested(self):
        self.names += 1
        f = f"f{self.names}"
        self.emit(f"def {f}(q, *r, k={self.number(2)}):")
        self.depth += 1
        if self.r.random() < 0.5:
            self.emit("nonlocal a")
            self.emit("a = q % 11")
        if self.r.random() < 0.2:
            self.emit("opaque(1)")
        self.emit(f"return q + k + len(r) + {self.pick('b', 'len(l)', '0')}")
        self.depth -= 1
        self.emit(f"log.append({f}({self.number(2)}, {self.pick('', '1, 2, ', '*l[:2], ')}{self.pick('', 'k=a')}))")

    def s_comprehension(self):
        self.emit(f"l = [v + {self.pick('a', '1', 'len(d)')} for v in l if v != {self.number(2)}][:5] or [0]")

    def s_with_(self):
        self.emit(f"with {self.pick('o', 'Box(a)', 'framejit.no_grad()', 'o as p, Box(1)')}:")
        self.body()

    def s_unpack(self):
        self.emit(self.pick("a, b = b, a", "a, *rest = [b, a, 1]", "(a, b), c = (1, a), x", "x, y = y, x"))

    def s_raise_(self):
        if self.r.random() < 0.3:
            self.emit(f"if {self.condition()}: raise {self.pick('ValueError(a)', 'KeyError(b)', 'IndexError')}")
        else:
            self.emit("pass")

    def s_generator(self):
        self.emit("log.append(list(gen(a % 4)))")

    def s_break_(self):
        self.emit(
            self.pick("opaque(l)", "a = opaque(a)", "x = opaque(x)", "log.append(opaque(o).v)", "opaque(log).append(1)")
        )

    def s_text(self):
        self.emit("log.append(f'{a}-{b!r:>4}' + str(len(l)) + '%d' % a)")

    def source(self):
        for _ in range(self.r.randint(3, 8)):
            self.statement()
        head = [
            "def program(a, b, l, d, o, x, y, log):",
            "    def gen(n):",
            "        for j in range(n):",
            "            got = yield j",
            "            log.append(got)",
        ]
        closure = [] if any("nonlocal a" in s for s in self.lines) else []
        return "\n".join(head + closure + self.lines + ["    return a, b, l, d, o, x, y"])


def helper(n):
    if n > 5:
        return n - 5
    return n * 2 + 1


def show(v, depth=0):
    if isinstance(v, framejit.Tensor):
        return [
            "T",
            [round(e, 3) if e == e and abs(e) < 1e30 else repr(e) for e in v.flatten().tolist()],
            v.requires_grad,
        ]
    if isinstance(v, Box):
        return ["Box", show(getattr(v, "v", None), depth + 1)]
    if isinstance(v, (list, tuple)):
        return [type(v).__name__] + [show(i, depth + 1) for i in v]
    if isinstance(v, dict):
        return [[k, show(e, depth + 1)] for k, e in v.items()]
    return v if isinstance(v, (int, float, str, type(None))) else repr(type(v))


def arguments(k):
    return [1 + k % 2, 2, [3, 1, 2], {"k": 1}, Box(1), framejit.tensor([1.0, 2.0]), framejit.tensor([0.5, -1.0])]


arguments.calls = (0, 0, 1, 0)  # what each call of a program gets
arguments.let_go = lambda: None  # drops what outlives a call and holds its frame


def outcome(function, make, k, collect=False):
    log, args = [], make(k)
    try:
        result = function(*args, log)
        if collect:  # what is returned may be the log itself
            make.let_go()
            gc.collect()
        result = show(result)
    except Exception as error:
        result = [type(error).__name__, str(error)[:60]]
    if collect:
        gc.collect()
    return [result, show(args), show(log)]


def count(program, make, share):
    """Adds to `share` what the calls of `program` execute and what of it runs inside segments."""
    counter = _share.Counter()
    _C.reset()
    compiled, counted = _C.CompiledFunction(program), counter.wrap(program)
    for k in make.calls:
        outcome(counted, make, k)
        outcome(compiled, make, k)
    share.add(counter.counts(), _share.accounts(_C._ledger()))


def difference(source, name, scope, share=None, make=arguments):
    """None, or how a compiled call of `program` of the source differs from a plain one."""
    exec(compile(source, f"<{name}>", "exec"), scope)
    program = scope["program"]
    compiled = _C.CompiledFunction(program)
    if share is not None:
        count(program, make, share)
    for k in make.calls:
        expected, got = outcome(program, make, k), outcome(compiled, make, k)
        if expected != got:
            # A generator that caught an exception is part of a cycle, and so is, from 3.12 on, a frame whose exception a
            # contextlib manager swallowed: a `finally` then runs when that is collected. The traceback of an exception
            # object from outside holds the frame, but the locals of a compiled one are those that CPython has seen.
            expected, got = (outcome(f, make, k, collect=True) for f in (program, compiled))
        if expected != got:
            return f"{name}\n{source}\nplain    {expected}\ncompiled {got}"
    return None


def run_seed(seed, share=None):
    scope = {"framejit": framejit, "Box": Box, "opaque": opaque, "helper": helper}
    return difference(Writer(seed).source(), f"seed {seed}", scope, share)


def main(run_seed):
    """Runs seeds FIRST COUNT of the command line; -v prints each, -a goes on after three differences, -q does not count."""
    warnings.simplefilter("ignore")
    _C._set_flag("force_capture", True)
    first, count = int(sys.argv[1]), int(sys.argv[2])
    bad, share = 0, None if "-q" in sys.argv else _share.Share()
    for s in range(first, first + count):
        if "-v" in sys.argv:
            print(s, flush=True)
        found = run_seed(s, share)
        if found:
            bad += 1
            print(found, flush=True)
            if bad > 2 and "-a" not in sys.argv:
                break
    print(f"{count} programs from seed {first}: {bad} differences")
    if share:
        print("\n".join(share.lines()))


if __name__ == "__main__":
    main(run_seed)
