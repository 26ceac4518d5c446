"""Python constructs for test_capture_python: functions with arguments to call them with."""

import math

CASES = []


def case(*args, **kw):
    def deco(f):
        CASES.append((f, args))
        return f

    return deco


G = 3


class P:
    kind = "P"

    def __init__(self, x, y=2):
        self.x, self.y = x, y

    def __add__(self, o):
        return P(self.x + (o.x if isinstance(o, P) else o), self.y)

    __radd__ = __add__

    def __eq__(self, o):
        return isinstance(o, P) and (self.x, self.y) == (o.x, o.y)

    def __hash__(self):
        return hash((self.x, self.y))

    def __repr__(self):
        return f"P({self.x}, {self.y})"

    def __len__(self):
        return 5

    def __getitem__(self, i):
        return self.x * i

    def __call__(self, *a, **k):
        return (self.x, a, sorted(k.items()))

    def __contains__(self, v):
        return v == self.x

    def __iter__(self):
        return iter([self.x, self.y])

    def __bool__(self):
        return self.x > 0

    def __lt__(self, o):
        return self.x < o.x

    @property
    def area(self):
        return self.x * self.y

    @area.setter
    def area(self, v):
        self.x = v

    @classmethod
    def make(cls, n):
        return cls(n, n)

    @staticmethod
    def helper(a):
        return a + 1

    def method(self, k=1):
        return self.x + k


class Q(P):
    kind = "Q"

    def __init__(self, x):
        super().__init__(x, 9)
        self.z = 1

    def method(self, k=1):
        return super().method(k) * 10

    def __getattr__(self, n):
        if n.startswith("dyn_"):
            return n[4:]
        raise AttributeError(n)


@case(1, 2)
def arith(a, b):
    return a + b * 3 - a // 2**2, -a, ~b, not a, a < b <= 4, a if b else 0


@case(5)
def loops(n):
    t = 0
    for i in range(n):
        if i == 3:
            continue
        t += i
    else:
        t += 100
    while t > 50:
        t -= 7
    return t


@case([1, 2, 3])
def comp(xs):
    return (
        [x * 2 for x in xs if x > 1],
        {x: x + 1 for x in xs},
        {x for x in xs},
        tuple(x for x in xs),
        sum(x for x in xs),
    )


@case(1)
def args_kinds(a):
    def f(a, /, b, *c, d=4, **e):
        return a, b, c, d, e

    return f(1, 2), f(1, 2, 3, 4), f(1, b=2, d=5, z=1), f(*[1, 2, 3], **{"q": a})


@case(4)
def closures(n):
    c = 0

    def inc(k=1):
        nonlocal c
        c += k
        return c

    inc()
    inc(n)
    return c, inc


@case()
def globals_():
    return G + len("abc"), math.pi, math.sqrt(4)


@case(P(3), [P(1)])
def objects(p, l):
    q = p + 1
    p.x = 10
    l.append(q)
    p.area = 4
    return q.area, p, len(p), p[2], p(1, z=2), 10 in p, list(p), bool(p), P.make(2).x, P.helper(1), p.method(k=5), 1 + p


@case(5)
def inherit(n):
    q = Q(n)
    return (
        q.method(),
        q.dyn_abc,
        hasattr(q, "nope"),
        q.kind,
        isinstance(q, P),
        getattr(q, "nope", 3),
        type(q) is Q,
        q.__class__.__name__,
    )


@case([3, 1, 2], {"a": 1})
def containers(l, d):
    l.sort()
    l.append(4)
    l[0] = 9
    l[1:2] = [7, 7]
    del l[-1]
    l.insert(0, 5)
    x = l.pop()
    d["b"] = 2
    d.update(c=3)
    d.setdefault("e", []).append(1)
    v = d.pop("a")
    del d["b"]
    return (
        x,
        v,
        l.index(7),
        l.count(7),
        7 in l,
        list(d.items()),
        d.get("zz", 1),
        l[::-1],
        l + [1],
        l * 2,
        [*l, *d],
        {**d, "q": 1},
    )


@case("abc")
def strings(s):
    return (
        s.upper() + f"{s!r:>8}|{3.14159:.2f}|{len(s)}",
        s[1:],
        "-".join([s, s]),
        "%s %d" % (s, 3),
        "{} {x}".format(s, x=1),
        s.split("b"),
        "b" in s,
        s * 2,
    )


@case(0)
def exceptions(n):
    out = []
    try:
        1 // n
    except ZeroDivisionError as e:
        out.append(str(e))
    else:
        out.append("no")
    finally:
        out.append("fin")
    try:
        try:
            raise ValueError("x", 1)
        except KeyError:
            out.append("bad")
    except (TypeError, ValueError) as e:
        out.append(e.args)
    try:
        {}["k"]
    except KeyError as e:
        out.append(e.args[0])
    try:
        try:
            raise KeyError(1)
        except KeyError as e:
            raise RuntimeError("r") from e
    except RuntimeError as e:
        out.append((str(e), type(e.__cause__).__name__))

    def g():
        try:
            return 1
        finally:
            out.append("g")

    return out, g()


@case(3)
def generators(n):
    def gen(k):
        got = []
        for i in range(k):
            r = yield i
            got.append(r)
        return got

    g = gen(n)
    a = next(g)
    b = g.send("s")

    def outer():
        r = yield from gen(2)
        yield r

    def closing():
        try:
            yield 1
        finally:
            a2.append(1)

    a2 = []
    c = closing()
    next(c)
    c.close()
    return a, b, list(outer()), a2, list(gen(2)), next(gen(0), "end")


@case([1, 2, 3], [4, 5, 6])
def builtins_(a, b):
    return (
        list(zip(a, b)),
        list(map(lambda x, y: x + y, a, b)),
        list(filter(None, a)),
        sorted(a, reverse=True),
        sorted(b, key=lambda x: -x),
        min(a),
        max(b, key=lambda x: -x),
        any(a),
        all(a),
        sum(a, 10),
        list(enumerate(a, 1)),
        list(reversed(a)),
        abs(-3),
        round(2.5),
        divmod(7, 2),
        pow(2, 3),
        isinstance(a, (list, tuple)),
        callable(len),
        tuple(range(3)),
        dict(zip("ab", a)),
        set(a) & {1, 2},
        frozenset(a),
        chr(65),
        ord("a"),
        hex(10),
        int("3"),
        float("1.5"),
        str(12),
        bool([]),
        hash("a") == hash("a"),
    )


@case((1, (2, 3), [4, 5]))
def unpacking(t):
    a, (b, c), d = t
    x, *y = d
    *p, q = [1, 2, 3]
    if (n := len(y)) > 0:
        x += n
    return a, b, c, x, y, p, q


@case({"type": "circle", "r": 2}, (1, 2, 3), P(1, 2))
def matching(d, t, p):
    out = []
    match d:
        case {"type": "circle", "r": r}:
            out.append(r)
        case _:
            out.append(0)
    match t:
        case [a, *rest]:
            out.append((a, rest))
    match p:
        case P(x=1, y=yy):
            out.append(yy)
    match 5:
        case 1 | 2:
            out.append("low")
        case int(v) if v > 3:
            out.append(v)
    return out


counter = 0


@case()
def global_write():
    global counter
    counter += 1
    return counter
