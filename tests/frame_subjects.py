"""Functions whose frames the tests stop, rebuild and start again; each row is (function, list of argument tuples)."""

import contextlib


class Manager:
    def __init__(self, log, swallow=False):
        self.log, self.swallow = log, swallow

    def __enter__(self):
        self.log.append("enter")
        return (1, 2)

    def __exit__(self, kind, value, trace):
        self.log.append(("exit", kind and kind.__name__))
        return self.swallow


class Point:
    __match_args__ = ("x", "y")

    def __init__(self, x, y):
        self.x, self.y = x, y

    @property
    def norm(self):
        return self.x * self.x + self.y * self.y

    def __add__(self, other):
        return Point(self.x + other.x, self.y + other.y)

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)


def straight(a, b=3, *rest, key=5, **more):
    c = a + b * key
    d = [c, *rest]
    return d, sorted(more), f"{c!r:>5}", {**more, "c": c}


def loops(n):
    total = 0
    for i in range(n):
        if i % 3 == 0:
            continue
        for j in (1, 2, 3):
            total += i * j
            if total > 50:
                break
        else:
            total += 1
    while total > 10:
        total -= 7
    return total


def in_with(swallow, fail):
    log = []
    with Manager(log, swallow) as (a, b):
        log.append(a + b)
        if fail:
            raise ValueError("in with")
        log.append("after")
    return log


def handlers(kind):
    log = []
    try:
        try:
            if kind == 1:
                raise KeyError("k")
            if kind == 2:
                1 // 0
            log.append("body")
        except KeyError as e:
            log.append(("key", str(e)))
            if kind == 1:
                raise TypeError("second") from e
        except ZeroDivisionError:
            log.append("zero")
        else:
            log.append("else")
        finally:
            log.append("finally")
    except TypeError as e:
        log.append(("type", str(e), type(e.__cause__).__name__, type(e.__context__).__name__))
    return log


def finally_return(kind):
    for i in range(3):
        try:
            if kind == i:
                return ("returned", i)
            if kind == 5:
                raise RuntimeError("five")
        finally:
            if kind == 7:
                continue  # noqa: B012 (the point of this subject)
            kind += 0
    return "end"


def comprehensions(n):
    squares = [i * i for i in range(n) if i % 2]
    table = {str(i): [j for j in range(i)] for i in range(n)}
    return squares, table, {i % 3 for i in range(n)}, sum(i for i in range(n))


def closures(x):
    y = x + 1

    def inner(z):
        nonlocal y
        y += z
        return x + y

    first = inner(2)
    x = 10
    del_me = 5
    del del_me
    return first, inner(3), x, y


def matching(v):
    match v:
        case Point(x=0, y=y):
            return ("axis", y)
        case Point(x, y) if x == y:
            return ("diagonal", x)
        case [a, *rest]:
            return ("list", a, rest)
        case {"k": k, **others}:
            return ("map", k, others)
        case "a" | "b":
            return "letter"
        case _:
            return None


def calls(p):
    q = p + Point(1, 2)
    r = dict(a=q.x, b=q.norm)
    s = "-".join(map(str, sorted(r.values(), reverse=True)))
    lst = []
    lst.append(s)
    lst.extend(str(k) for k in r)
    t = max(3, *[1, 2], key=lambda v: -v)
    assert t, "nothing"
    return lst, t, print.__name__.upper(), dict(**r, c=1)


def unpacking(seq):
    a, b, *c = seq
    d, (e, f) = a, (b, c)
    a, b = b, a
    x = y = d
    del d
    seq[0:2] = [a, b]
    return a, b, c, e, f, x, y, seq[1:], seq[-1], not a, -b, ~b, a is b, a in c


def globals_and_attrs(o):
    o.extra = len(__name__) > 0
    o.x += 1
    o.x **= 2
    result = [o.x, o.extra, o.x < 5 <= o.y, o.x or o.y, o.x and o.y]
    del o.extra
    import os.path as path
    from os import sep

    return result, path.__name__, sep, hasattr(o, "extra")


class Base:
    def greet(self, n):
        return ["base", n]


class Derived(Base):
    def greet(self, n):
        return super().greet(n + 1) + [__class__.__name__]


def methods(n):
    return Derived().greet(n), Derived.greet(Derived(), n=n + 1)


def nested_with(n):
    log = []
    with Manager(log, True), contextlib.suppress(ZeroDivisionError):
        for i in range(n, -2, -1):
            try:
                with Manager(log):
                    log.append(10 // i)
            except ZeroDivisionError as e:
                log.append(repr(e))
                if n > 2:
                    raise
    return log


def unbound(flag):
    if flag:
        value = 1
    try:
        return value
    except UnboundLocalError as e:
        return "unbound"


def groups(kind):
    try:
        raise ExceptionGroup("g", [ValueError(1), TypeError(2)] if kind else [ValueError(3)])
    except* ValueError as g:
        got = len(g.exceptions)
    except* TypeError as g:
        got = -len(g.exceptions)
    return got


def many_locals(n):
    v = [n] * 300
    (a0, a1, a2) = v[:3]
    for x in v:
        a0 += x if x else 1
        if a0 > 100000:
            a1 = (a0, a1, a2, x, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9])
            a1 = (a0, a1, a2, x, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9])
            a1 = (a0, a1, a2, x, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9])
            a1 = (a0, a1, a2, x, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9])
            a1 = (a0, a1, a2, x, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9])
            a1 = (a0, a1, a2, x, v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9])
            break
    return a0, a1


def returns_none():
    pass


SUBJECTS = [
    (straight, [(1,), (1, 2, 3, 4)]),
    (loops, [(0,), (7,), (40,)]),
    (in_with, [(False, False), (True, True), (False, True)]),
    (handlers, [(0,), (1,), (2,)]),
    (finally_return, [(1,), (3,), (5,), (7,)]),
    (comprehensions, [(5,)]),
    (closures, [(1,)]),
    (matching, [(Point(0, 2),), (Point(2, 2),), ([1, 2],), ({"k": 1, "z": 2},), ("b",), (3,)]),
    (calls, [(Point(3, 4),)]),
    (unpacking, [([1, 2, 3, 4],)]),
    (globals_and_attrs, [(Point(1, 6),), (Point(3, 0),)]),
    (methods, [(1,)]),
    (nested_with, [(2,), (3,)]),
    (unbound, [(True,), (False,)]),
    (groups, [(0,), (1,)]),
    (many_locals, [(1,), (5000,)]),
    (returns_none, [()]),
]
