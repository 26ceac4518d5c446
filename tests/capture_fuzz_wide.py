"""capture_fuzz with more of Python: containers of the standard library, classes, match, generators that are driven by hand,
context managers, chained exceptions, exceptions of tensor operations, text. `python -m tests.capture_fuzz_wide FIRST COUNT`.
"""

import collections
import contextlib
import functools
import heapq
import itertools

import framejit

from tests import capture_fuzz
from tests.capture_fuzz import Box, Writer, opaque


@contextlib.contextmanager
def managed(log, k):
    log.append(("in", k))
    try:
        yield k + 1
    except KeyError as e:
        log.append(("swallowed", str(e)))
    finally:
        log.append("out")


class Mine(ValueError):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code


class Keyed:
    def __init__(self, k):
        self.k = k

    def __eq__(self, other):
        return isinstance(other, Keyed) and self.k == other.k

    def __hash__(self):
        return hash(self.k)

    def __lt__(self, other):
        return self.k < other.k

    def __repr__(self):
        return f"<{self.k}>"


STATEMENTS = (
    "deque counter set_ heap_ iterators class_ match_ send_ manager chain_ tensor_error objects text_ cache key "
    "dict_loop star slices default_ star_call lambda_ early"
).split()


class WideWriter(Writer):
    def statement(self):
        if self.depth > 4 or len(self.lines) > 70 or self.r.random() < 0.45:
            return super().statement()
        getattr(self, "w_" + self.pick(*STATEMENTS))()

    def log(self, text):
        self.emit(f"log.append({text})")

    def name(self, prefix):
        self.names += 1
        return f"{prefix}{self.names}"

    def w_deque(self):
        q = self.name("q")
        self.emit(f"{q} = collections.deque([a, b], maxlen={self.pick('None', '3', '2')})")
        for _ in range(self.r.randint(1, 4)):
            self.emit(
                self.pick(
                    f"{q}.append({self.number(2)})",
                    f"{q}.appendleft(b)",
                    f"{q}.rotate({self.pick('1', '-1', 'a')})",
                    f"{q}.extend(l)",
                    f"{q}.reverse()",
                    f"log.append({q}.pop() if {q} else None)",
                    f"{q}[0] = a",
                )
            )
        self.log(f"(list({q}), len({q}), {q}[-1] if {q} else 0, repr({q}), a in {q})")

    def w_counter(self):
        c = self.name("c")
        self.emit(f"{c} = collections.Counter(v % 3 for v in l)")
        self.emit(self.pick(f"{c}.update([a, b])", f"{c}[a] += 2", f"{c} = {c} + collections.Counter([1])"))
        self.log(f"(sorted({c}.items()), {c}.most_common(1), {c}[99])")

    def w_set_(self):
        s = self.name("s")
        self.emit(f"{s} = {{a, b, *l}}")
        self.emit(
            self.pick(
                f"{s} |= {{7}}", f"{s} -= {{a}}", f"{s}.discard(b)", f"{s} = {s} & set(l)", f"{s}.update(range(2))"
            )
        )
        self.log(f"(sorted({s}), len({s}), a in {s}, {s} <= set(range(99)))")

    def w_heap_(self):
        self.emit("heapq.heapify(l)")
        self.emit(self.pick("heapq.heappush(l, a)", "log.append(heapq.heappop(l)) if len(l) > 1 else None"))
        self.log("heapq.nsmallest(2, l)")

    def w_iterators(self):
        n = self.number(2)
        self.log(
            self.pick(
                f"list(itertools.islice(itertools.count({n}), 3))",
                "list(itertools.chain(l, d))",
                "list(itertools.accumulate(l))",
                "[(k, list(g)) for k, g in itertools.groupby(l, lambda v: v % 2)]",
                "list(itertools.takewhile(lambda v: v < a, l))",
                "list(itertools.zip_longest(l, [a], fillvalue=b))",
                "list(itertools.product(l[:2], [a, b]))",
                "list(itertools.combinations(l[:3], 2))",
                "list(map(lambda p, q: p - q, l, reversed(l)))",
                "list(filter(None, l))",
                "functools.reduce(lambda p, q: p * 2 + q, l, a)",
                "list(itertools.pairwise(l))",
            )
        )

    def w_class_(self):
        c = self.name("C")
        base = self.pick("", "(Box)")
        self.emit(f"class {c}{base}:")
        self.depth += 1
        self.emit(f"k = {self.number(2)}")
        self.emit("def go(self, n=1): return self.k * n + a")
        if self.r.random() < 0.5:
            self.emit("@property")
            self.emit("def half(self): return self.k // 2")
        else:
            self.emit("@classmethod")
            self.emit("def half(cls): return cls.k")
        self.depth -= 1
        self.emit(f"{c.lower()} = {c}({'b' if base else ''})")
        self.log(f"({c.lower()}.go(b), {c}.k, {c}.__name__, isinstance({c.lower()}, Box), hasattr({c}, 'half'))")

    def w_match_(self):
        self.emit(f"match {self.pick('[a, b]', 'l', 'd', 'a', 'o', '(a, l)')}:")
        self.depth += 1
        for pattern in (
            "case [1, *rest]: log.append(('seq', rest))",
            "case {'k': int(m)}: log.append(('map', m))",
            "case int() if a > 2: log.append('int')",
            "case Box(v=v): log.append(('box', show(v)))",
            "case (p, [q, *_]): log.append((p, q))",
            "case _: log.append('other')",
        ):
            if self.r.random() < 0.7 or "_:" in pattern:
                self.emit(pattern)
        self.depth -= 1

    def w_send_(self):
        g = self.name("g")
        self.emit(f"def {g}(n):")
        self.depth += 1
        self.emit("total = 0")
        self.emit("try:")
        self.emit("    while total < 9: total += (yield total) or n")
        self.emit("except KeyError as e: yield str(e)")
        self.emit("finally: log.append('end')")
        self.emit("return total")
        self.depth -= 1
        self.emit(f"h = {g}({self.r.randint(1, 3)})")
        self.emit("log.append(next(h))")
        for _ in range(self.r.randint(1, 3)):
            self.emit(
                "try: log.append("
                + self.pick("h.send(b)", "next(h)", "h.throw(KeyError(a))", "h.close()", "list(h)", "h.throw(Mine(a))")
                + ")"
            )
            self.emit("except (StopIteration, Mine) as e: log.append((type(e).__name__, e.args))")

    def w_manager(self):
        self.emit(f"with managed(log, {self.number(2)}) as m:")
        self.body()
        self.emit("    " + self.pick("log.append(m)", "raise KeyError(b)", "d['none']", "x = x + m"))

    def w_chain_(self):
        self.emit("try:")
        self.emit("    try:")
        self.emit("        " + self.pick("raise Mine(a)", "l[77]", "{}[b]", "raise KeyError", "int('z')"))
        self.emit(f"    except {self.pick('Mine', 'LookupError', 'Exception')} as e:")
        self.emit("        " + self.pick("raise RuntimeError('r') from e", "raise", "raise ValueError('v')", "pass"))
        self.emit("    " + self.pick("else: log.append('else')", "finally: log.append('fin')"))
        self.emit("except Exception as e:")
        self.emit("    log.append((type(e).__name__, repr(e.__cause__), type(e.__context__).__name__, e.args))")

    def w_tensor_error(self):
        self.emit("try:")
        self.emit(
            "    "
            + self.pick(
                "x = x + framejit.ones(7, 5)",
                "x[9]",
                "x = framejit.cat([x, y.sum()])",
                "y.reshape(4, 4)",
                "x.nothing",
                "x @ y.reshape(1, -1)",
            )
        )
        self.emit("except (RuntimeError, IndexError, AttributeError) as e: log.append((type(e).__name__, str(e)[:40]))")
        if self.r.random() < 0.4:
            self.emit("finally: x = x * 1")

    def w_objects(self):
        self.log(
            self.pick(
                "sorted([Keyed(a), Keyed(b)])[0].k",
                "{Keyed(a): 1, Keyed(b): 2}[Keyed(a)]",
                "repr([Keyed(a), {'q': Keyed(b)}])",
                "'%s %r' % (Keyed(a), Keyed(b))",
                "'{} {!r}'.format(Keyed(a), b)",
                "max([Keyed(v) for v in l], key=lambda k: k.k).k",
                "Keyed(a) == Keyed(b)",
                "len({Keyed(v % 2) for v in l})",
            )
        )

    def w_text_(self):
        self.log(
            self.pick(
                "','.join(map(str, l))",
                "f'{a:>5}|{b:<3}|{x.shape[0]}'",
                "str(d) + repr(l)",
                "'a-b'.split('-')[a % 2]",
                "'%s=%d' % ('q', a)",
                "bytes([a % 250]).hex()",
                "'{:03d}'.format(b)",
                "str(l)[::-1].strip('[').upper()",
            )
        )

    def w_cache(self):
        f = self.name("f")
        self.emit("@functools.lru_cache(maxsize=2)")
        self.emit(f"def {f}(n):")
        self.emit("    log.append(('miss', n))")
        self.emit("    return n * 2")
        self.log(f"({f}(a), {f}(b), {f}(a), {f}.cache_info().hits)")

    def w_key(self):
        self.emit("l.sort(key=functools.cmp_to_key(lambda p, q: q - p))")

    def w_dict_loop(self):
        self.emit("try:")
        self.emit(f"    for k, v in {self.pick('d.items()', 'list(d.items())')}:")
        self.emit("        " + self.pick("d[k] = v", "d[str(k) + 'x'] = 1", "log.append(k)", "d.pop(k)"))
        self.emit("        if len(d) > 6: break")
        self.emit("except RuntimeError as e: log.append(str(e))")

    def w_star(self):
        self.emit(self.pick("a, *r, b = [a, b, 3]", "*r, a = l", "[a, b], *r = [(b, a), 1]"))
        self.log("r")

    def w_slices(self):
        self.emit(self.pick("l[1:2] = [a, b]", "l[::2] = [a] * len(l[::2])", "del l[1:]", "l = l[-2:] or [a]"))
        self.emit("l = l or [1]")

    def w_default_(self):
        t = self.name("t")
        self.emit(f"{t} = collections.defaultdict(list)")
        self.emit(f"for v in l: {t}[v % 2].append(v)")
        self.log(f"(dict({t}), 5 in {t})")

    def w_star_call(self):
        f = self.name("f")
        self.emit(f"def {f}(p, /, q=2, *r, s=a, **t): return p, q, r, s, sorted(t)")
        self.emit(
            "try: log.append(" + f + self.pick("(1)", "(*l)", "(1, s=3, z=4)", "()", "(1, 2, q=3)", "(**d)") + ")"
        )
        self.emit("except TypeError as e: log.append(str(e))")

    def w_lambda_(self):
        self.emit("fs = [lambda i=i: i + a for i in range(2)] + [functools.partial(max, b)]")
        self.log("(fs[0](), fs[1](5), fs[2](a))")

    def w_early(self):
        if self.r.random() < 0.2:
            self.emit(f"if {self.condition()}: return x * a, log")
        else:
            self.emit("pass")


def scope():
    """The globals of a program."""
    return {
        "framejit": framejit,
        "Box": Box,
        "opaque": opaque,
        "helper": capture_fuzz.helper,
        "show": capture_fuzz.show,
        "collections": collections,
        "functools": functools,
        "heapq": heapq,
        "itertools": itertools,
        "managed": managed,
        "Mine": Mine,
        "Keyed": Keyed,
        "__name__": "fuzz",
    }


def run_seed(seed, share=None):
    return capture_fuzz.difference(WideWriter(seed).source(), f"wide seed {seed}", scope(), share)


if __name__ == "__main__":
    capture_fuzz.main(run_seed)
