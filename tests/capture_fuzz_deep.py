"""capture_fuzz_wide with what meets less often: derivatives inside, views and writes through them, numbers read from tensors, loops
over data, arguments of other sizes, dtypes and strides, globals, records, descriptors, operators, generators in generators, clean-up
that leaves loops and functions. `python -m tests.capture_fuzz_deep FIRST COUNT`.
"""

import contextlib
import dataclasses
import operator

import framejit

from tests import capture_fuzz, capture_fuzz_wide
from tests.capture_fuzz import Box
from tests.capture_fuzz_things import DONE, NAMES, USES, Color, Pair, things, told


@dataclasses.dataclass
class Record:
    p: int
    q: list = dataclasses.field(default_factory=list)

    def sum(self):
        return self.p + len(self.q)


class Magic:
    """Attributes that are computed, operators of both sides, length, truth and items."""

    def __init__(self, n, log):
        self.n, self.log = n, log

    def __getattr__(self, name):
        if name.startswith("z"):
            return len(name) + self.n
        raise AttributeError(name)

    def __setattr__(self, name, value):
        if "log" in self.__dict__:
            self.log.append(("set", name))
        object.__setattr__(self, name, value)

    def __radd__(self, other):
        return other * 2 + self.n

    def __add__(self, other):
        return NotImplemented if isinstance(other, list) else Magic(self.n + 1, self.log)

    def __iadd__(self, other):
        self.n += other if isinstance(other, int) else 1
        return self

    def __len__(self):
        return self.n % 4

    def __getitem__(self, i):
        self.log.append(i)
        if isinstance(i, int) and i >= len(self):
            raise IndexError(i)
        return self.n

    def __contains__(self, v):
        return v == self.n

    def __call__(self, *args, **kwargs):
        return self.n + len(args) + len(kwargs)

    def __lt__(self, other):
        return self.n < getattr(other, "n", other)


# One of these lines each.
LINES = {
    "item_": (
        "a = int(x.sum()) % 7",
        "log.append(x.tolist())",
        "log.append(round(float(y.mean()), 3))",
        "if x.sum() > y.sum(): log.append('more')",
        "log.append(bool((x > 0).all()))",
        "b = x.argmax().item()",
        "log.append([round(v.item(), 2) for v in x])",
        "log.append(f'{x.sum().item():.2f}')",
    ),
    "walrus": (
        "log.append([w for v in l if (w := v + a) > 2])",
        "if (w := <n>) > 2: log.append(w)",
        "while (w := len(l)) > 3: l.pop()",
        "log.append({k: [v for v in l if v < k] for k in l})",
        "log.append(sum(p * q for p, q in zip(l, reversed(l)) if p < q))",
        "log.append([*(v for v in l), *{a, b}][:4])",
        "x = sum([x * v for v in l[:3]], y)",
    ),
    "enum_": (
        "log.append(Color(1 + a % 2).name)",
        "log.append([c.value for c in Color])",
        "log.append(Color['RED'] is Color.RED)",
        "log.append({Color.RED: a}.get(Color.BLUE, b))",
    ),
    "shape_": (
        "x = x + framejit.ones(x.shape[0])[:y.shape[0]].sum()",
        "x = framejit.cat([x, y])[:x.numel()]",
        "log.append((x.size(), x.stride(), x.dtype, x.is_contiguous()))",
        "x = x.reshape(-1, 1).expand(-1, 2).sum(1)",
        "for row in x.unsqueeze(1): log.append(row)",
        "if x.shape[0] > 2: x = x[:-1]",
        "y = y.expand(3, -1).mean(0)",
        "x = framejit.zeros(len(l)).sum() + x",
        "y = framejit.arange(y.numel()) * y",
    ),
    "masked": (
        "x = x[x > <n>]",
        "log.append(x.nonzero())",
        "y = framejit.where(y > 0, y, <n>)",
        "x = x.masked_fill(x > 1, <n>)",
        "log.append(x.sort(descending=True)[0])",
        "x = x.clamp(min=<n>)",
        "log.append((x == y).any() if x.shape == y.shape else None)",
        "log.append(x.max() if x.numel() else None)",
    ),
    "rebind": (
        "l, d = list(d.values()), dict.fromkeys(l, a)",
        "l = [v if isinstance(v, int) else 1 for v in l] or [2]",
        "a = b = <n>",
        "o.extra = x; x = o.extra * 2",
        "o.__dict__.update(v=<n>)",
        "del o.v; o.v = <n>",
        "x, o.t = o.__dict__.get('t', y), x",
        "d[x] = a; log.append(d.pop(x))",
    ),
    "sort_": (
        "log.append(sorted(l, key=lambda v: (v % 2, -v)))",
        "log.append(sorted(d.items(), key=operator.itemgetter(0), reverse=True) if all(type(k) is str for k in d) else 0)",
        "log.append(max(l, default=0, key=lambda v: v * a))",
        "log.append(operator.attrgetter('v')(o))",
        "log.append(operator.methodcaller('bump', 2)(o))",
        "l.sort(reverse=a > 1)",
    ),
    "attribute": (
        "log.append(hasattr(o, 'w'))",
        "setattr(o, 'w', <n>)",
        "log.append(o.__dict__.setdefault('w', a))",
        "log.append(sorted(vars(o)))",
        "log.append(getattr(o, 'w', None) or getattr(o, 'v'))",
        "helper.note = a; log.append(helper.note)",
        "log.append(type(o).__name__ + str(isinstance(o, (Box, int))))",
        "o.w = o.w + 1 if hasattr(o, 'w') else 0",
    ),
    "chained": (
        "log.append(a < b < <n>)",
        "log.append(a if <c> else b if <c> else <n>)",
        "log.append(<n> and <n> or <n>)",
        "log.append(not a or b)",
        "assert <c> or a < 9, <n>",
        "log.append(divmod(<n>, 3))",
        "log.append(-a ** 2 | b & 3 ^ a << 1)",
        "log.append(f'{a=} {b:>{3}} {l!r:.9}')",
        "log.append((a, b) < (b, a) <= (9, 9))",
        "log.append(round(a / 3, 2))",
        "a, l[0], d['z'] = b, a, l[0]",
    ),
}


class DeepWriter(capture_fuzz_wide.WideWriter):
    def statement(self):
        if self.depth > 4 or len(self.lines) > 80 or self.r.random() < 0.5:
            return super().statement()
        kind = self.pick(*KINDS)
        if kind in LINES:
            self.block(self.pick(*LINES[kind]))
        else:
            getattr(self, kind)()

    def block(self, *lines):
        for line in lines:
            self.emit(self.fill(1, line))

    def p_gradient(self):
        w = self.name("w")
        self.block(
            f"{w} = x.detach().clone().requires_grad_()",
            f"loss = ({w} * <t>.detach()).sum() * <n>",
            self.pick(
                f"loss.backward(); log.append({w}.grad)",
                f"log.append(framejit.autograd.grad(loss, {w})[0])",
                f"{w}.register_hook(lambda g: g * 2); loss.backward(); x = x + {w}.grad",
                f"x = {w} * 2",
                "loss = loss.item()",
            ),
        )

    def p_view_(self):
        v = self.name("v")
        self.block(
            "x = x.clone()",
            f"{v} = {self.pick('x[:1]', 'x[1:]', 'x.view(-1)', 'x.unsqueeze(0)', 'x.flip(0)', 'x.detach()', 'x[::2]')}",
            self.pick(f"{v} += 1", f"{v}.mul_(<n>)", f"{v}[..., 0] = b", "x *= 2", f"{v}.fill_(a)", "x[-1] = <n>"),
            f"log.append(({v}, x, {v}.data_ptr() == x.data_ptr()))",
        )

    def p_data_loop(self):
        n = self.name("n")
        self.block(
            f"{n} = 0",
            f"while <t>.abs().sum() > {n} * 3 - 1 and {n} < 6:",
            f"    {n} += 1",
            f"    {self.pick('x = x * 0.5', 'y = y + 1', 'log.append(a)', f'if {n} == <n>: break')}",
            f"else: log.append('done {n}')",
        )

    def p_global_(self):
        self.block(
            self.pick("COUNT[0] += 1", "COUNT.append(<n>)", "touch(<n>)", "log.append(read())", "log.append(total)")
        )

    def p_record(self):
        r = self.name("r")
        self.block(
            f"{r} = {self.pick('Record(<n>)', 'Record(a, [b])', 'Pair(<n>)', 'Pair(a, right=b)')}",
            self.pick(
                f"log.append(repr({r}))",
                f"log.append({r} == {r})",
                f"log.append(type({r}).__name__)",
            ),
            f"try: {r}.p = b",
            "except AttributeError as e: log.append(str(e))",
        )
        self.emit(f"log.append(dataclasses.asdict({r}) if isinstance({r}, Record) else {r}._replace(left=1))")

    def p_magic(self):
        m = self.name("m")
        self.block(f"{m} = Magic(<n>, log)")
        self.block(
            self.pick(
                f"log.append({m}.zoo)",
                f"log.append(getattr({m}, 'none', 'no'))",
                f"{m}.w = a",
                f"log.append(1 + {m})",
                f"log.append(({m} + 2).n)",
                f"{m} += 3; log.append({m}.n)",
                f"log.append(list({m}))",
                f"log.append('t' if {m} else 'f')",
                f"log.append(a in {m})",
                f"log.append({m}(1, *l, k=2))",
                f"log.append(min({m}, Magic(2, log)).n)",
                f"log.append({m}[1:2])",
                f"log.append(sorted([{m}, Magic(b, log)])[0].n)",
            )
        )

    def p_nest(self):
        g, h = self.name("g"), self.name("h")
        self.block(
            f"def {g}(n):",
            "    try:",
            f"        for i in range(n): {self.pick('yield i', 'yield i + (yield)', 'log.append((yield i))')}",
            f"        {self.pick('return n', 'pass', 'raise KeyError(n)')}",
            f"    finally: log.append('closed {g}')",
            f"def {h}():",
            f"    {self.pick('try', 'with managed(log, 1)')}:",
            f"        got = yield from {g}(<n> % 4)",
            "        log.append(('got', got))",
        )
        if "try" in self.lines[-3]:
            self.emit("    except KeyError as e: yield str(e)")
        self.block(
            self.pick(
                f"for v in {h}(): log.append(v)",
                f"log.append(next({h}(), 'empty'))",
                f"a, *_ = [*{h}(), 1]",
                f"log.append([v for v in {h}() if v])",
                f"it = {h}(); log.append(next(it, None)); it.close()",
                f"log.append(dict(enumerate({h}())))",
            )
            if "managed" not in self.lines[-3]
            else f"log.append([*{h}()])"
        )

    def p_finally_(self):
        f = self.name("f")
        self.block(
            f"def {f}(n):",
            f"    for i in {self.pick('range(3)', 'l[:3]')}:",
            "        try:",
            f"            {self.pick('if i == n: raise ValueError(i)', 'log.append(1 // (i - n))', 'if i > n: continue')}",
            f"            {self.pick('return i', 'log.append(i)', 'if i: break')}",
            f"        except ValueError: {self.pick('return -1', 'break', 'continue', 'raise')}",
            "        finally:",
            f"            {self.pick('log.append(i)', 'n += 1', 'if n > 3: break', 'if n < 0: return n')}",
            "    else: return 'else'",
            "    return n",
            f"try: log.append({f}(<n>))",
            "except (ValueError, ZeroDivisionError) as e: log.append(repr(e))",
        )

    def p_star_except(self):
        self.block(
            "try:",
            f"    try: {self.pick('raise ExceptionGroup(str(a), [ValueError(1), KeyError(b)])', 'raise ValueError(a)', 'pass')}",
            "    except* ValueError as g: log.append([str(e) for e in g.exceptions])",
            f"    {self.pick('except* KeyError: log.append(2)', 'else: log.append(3)', 'finally: log.append(4)')}",
            "except Exception as e: log.append((type(e).__name__, str(e)))",
        )

    def p_thing(self):
        use = self.pick(*USES, *DONE)
        self.block(
            f"t = THINGS['{self.pick(*NAMES)}']",
            "try:",
            f"    {f'log.append(told({use}))' if use in USES else use}".replace("@", "t"),
            "except Exception as e: log.append((type(e).__name__, str(e)[:60]))",
        )

    def p_outside(self):
        """Exceptions that were made before the call, or by code that is not captured."""
        given = self.pick(
            "ERRORS[<n> % 4]", "opaque(ValueError(<n>))", "ERRORS[a % 4]", "o.__dict__.get('e', KeyError(b))"
        )
        self.block(
            f"given = {given}",
            "try:",
            f"    {self.pick('raise given', 'raise KeyError(a) from given', 'if <c>: raise given', 'o.e = given')}",
            f"except {self.pick('Exception', 'ValueError', '(KeyError, ExceptionGroup)', '* ValueError')} as e:",
            "    log.append((type(e).__name__, e.args, e is given, repr(e.__cause__)))",
            f"    {self.pick('x = x + 1', 'given = None', 'raise RuntimeError(str(given)) from e', 'pass')}",
        )

    def p_stack_(self):
        self.block(
            "with contextlib.ExitStack() as stack:",
            "    stack.callback(log.append, <n>)",
            f"    {self.pick('stack.enter_context(managed(log, a))', 'stack.push(lambda *e: log.append(e[0] is None))', 'pass')}",
            f"    {self.pick('raise KeyError(a)', 'log.append(b)', 'stack.pop_all().close()', 'x = x + 1')}",
        )

    def p_delete_(self):
        v = self.name("v")
        self.block(
            f"{v} = {self.pick('a', 'x', '[a]')}",
            f"if <c>: del {v}",
            f"try: log.append({v})",
            "except UnboundLocalError as e: log.append(str(e))",
        )

    def p_closure(self):
        f = self.name("f")
        self.block(
            f"def {f}(start):",
            "    seen = []",
            "    def add(v, *, twice=False):",
            "        nonlocal start",
            "        start += v * (2 if twice else 1)",
            f"        {self.pick('seen.append(start)', 'seen.extend(l)', 'pass')}",
            "        return start",
            f"    add.seen = {self.pick('seen', 'None', 'len(seen)')}",
            "    return add",
            f"k1, k2 = {f}(<n>), {f}(a)",
            f"log.append((k1(1), k2({self.pick('2', 'b, twice=True', '<n>')}), k1(3), k1.seen))",
        )

    def p_partial_loop(self):
        self.block(
            f"for i, (p, q) in enumerate({self.pick('d.items()', 'zip(l, l[1:])', 'sorted(zip(l, map(str, l)))')}):",
            f"    {self.pick('log.append((i, p))', 'if p == a: break', 'x = x + i', 'opaque(p)', 'a += i')}",
            f"    {self.pick('if i > 1: break', 'continue', 'y = y * 1.5')}",
            "else: log.append('end')",
        )

    def p_recursion(self):
        f = self.name("f")
        self.block(
            f"def {f}(n, t):",
            f"    if n <= 0: return {self.pick('t', 't * 2', 'opaque(t)')}",
            f"    return {f}(n - {self.pick('1', '2')}, t + n) {self.pick('', '+ 1', '* 0.5')}",
            f"{self.pick('x', 'a')} = {f}(<n> % 5, {self.pick('x', 'y')})",
        )
        if self.lines[-1].lstrip().startswith("a ="):
            self.emit("log.append(a); a = 3")

    def p_async_(self):
        f = self.name("f")
        self.block(
            f"async def {f}(n):",
            f"    {self.pick('x.sum()', 'log.append(n)', 'async with AsyncManager(log): log.append(2)')}",
            f"    {self.pick('return n + a', 'raise KeyError(n)', 'return [v async for v in aiter(n)]')}",
            f"c = {f}(<n>)",
            "try: c.send(None)",
            "except StopIteration as e: log.append(e.value)",
            "except KeyError as e: log.append(e.args)",
        )

    def p_property_(self):
        c = self.name("C")
        self.block(
            f"class {c}:",
            "    def __init__(self): self._v = <n>",
            "    @property",
            "    def v(self): return self._v",
            "    @v.setter",
            "    def v(self, new): log.append(new); self._v = new",
            "    @staticmethod",
            "    def s(*r): return len(r)",
            f"c = {c}()",
            self.pick("c.v = <n>", "c.v += 2", f"log.append({c}.s(*l))", "log.append(vars(c))", "del c._v; c._v = 1"),
            "log.append(c.v)",
        )

    def p_slots_(self):
        c = self.name("S")
        self.block(
            f"class {c}({self.pick('', 'Box', 'list', 'Exception', 'dict')}):",
            "    __slots__ = ('m',)",
            "    def __len__(self): return <n> % 5",
            f"s = {c}() if not issubclass({c}, Box) else {c}(a)",
            "s.m = <n>",
            "log.append((len(s), s.m, bool(s)))",
        )


KINDS = (*LINES, *(name for name in vars(DeepWriter) if name.startswith("p_")))


class AsyncManager:
    def __init__(self, log):
        self.log = log

    async def __aenter__(self):
        self.log.append("enter")

    async def __aexit__(self, *error):
        self.log.append(("exit", error[0] is None))


async def aiter(n):
    for i in range(n % 4):
        yield i


COUNT = []
ERRORS = [ValueError("v"), KeyError(1), ExceptionGroup("g", [ValueError(2), KeyError(3)]), OSError(2, "none")]
GLOBALS = """
def touch(n):
    global total
    total += n
    COUNT.append(total)

def read():
    return total, len(COUNT)
"""


def arguments(k):
    """Other numbers, sizes, dtypes, strides, histories and aliases from call to call."""
    box = Box(1 + k % 2)
    x, y = framejit.tensor([1.0, 2.0]), framejit.tensor([0.5, -1.0])
    l, d = [3, 1, 2], {"k": 1}
    if k == 2:
        x, y = framejit.tensor([1.0, -2.0, 3.0]), framejit.tensor([0.5, 1.5, 2.5])
    elif k == 3:
        y = x
        l, d = [4], {}
    elif k == 4:
        x = framejit.arange(6.0).reshape(3, 2)[:, 1]
        y = framejit.arange(6.0)[::2]
    elif k == 5:
        x, box = framejit.tensor([1.0, 2.0], requires_grad=True), Box(2.5)
    elif k == 6:
        x, y = framejit.tensor([1, 2]), framejit.tensor([1.0, 2.0], dtype=framejit.float64)
    return [1 + k % 3, 2, l, d, box, x, y]


def scope():
    found = {
        **capture_fuzz_wide.scope(),
        "Color": Color,
        "Record": Record,
        "Pair": Pair,
        "Magic": Magic,
        "AsyncManager": AsyncManager,
        "aiter": aiter,
        "COUNT": COUNT,
        "ERRORS": ERRORS,
        "told": told,
        "contextlib": contextlib,
        "dataclasses": dataclasses,
        "operator": operator,
    }
    exec(GLOBALS, found)
    return found


def run_seed(seed, share=None):
    space = scope()

    def make(k):
        space["total"] = 0
        space["THINGS"] = things()
        COUNT[:] = [0]
        return arguments(k)

    def let_go():
        for error in ERRORS:
            error.__traceback__ = error.__context__ = None

    make.calls, make.let_go = (0, 0, 2, 1, 3, 4, 5, 6, 0, 2), let_go
    return capture_fuzz.difference(DeepWriter(seed).source(), f"deep seed {seed}", space, share, make)


if __name__ == "__main__":
    capture_fuzz.main(run_seed)
