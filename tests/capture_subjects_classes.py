"""More constructs for test_capture_python: context managers, generators and classes of all kinds."""

import contextlib
import copy
import dataclasses
import enum
import functools
import itertools
import math
import operator
import types
from collections import OrderedDict, defaultdict, deque, namedtuple

from tests.capture_subjects import case


@contextlib.contextmanager
def cm(log):
    log.append("in")
    try:
        yield 5
    finally:
        log.append("out")


class CM:
    def __init__(self, log, swallow=False):
        self.log, self.swallow = log, swallow

    def __enter__(self):
        self.log.append("e")
        return self

    def __exit__(self, t, v, tb):
        self.log.append(t.__name__ if t else None)
        return self.swallow


@case([])
def withs(log):
    with CM(log) as c, CM(log):
        log.append(1)
    with CM(log, True):
        raise ValueError("q")
    with cm(log) as v:
        log.append(v)
    with contextlib.suppress(KeyError):
        {}[1]
    with contextlib.nullcontext(3) as z:
        log.append(z)
    return log


@case(3)
def functools_(n):
    f = functools.partial(lambda a, b, c=0: (a, b, c), 1, c=n)
    return f(2), functools.reduce(lambda a, b: a * b, [1, 2, 3]), operator.add(1, n), operator.itemgetter(1)([1, 2])


@case(3)
def itertools_(n):
    return (
        list(itertools.chain([1], [2])),
        list(itertools.islice(range(10), 2, 5)),
        list(itertools.product([1, 2], "ab")),
    )


Pt = namedtuple("Pt", "x y")


@case(Pt(1, 2))
def namedtuples(p):
    q = Pt(p.x + 1, y=5)
    return q, q.y, q._replace(x=0), p._asdict(), q[0], isinstance(q, tuple), q == (2, 5)


@dataclasses.dataclass
class D:
    a: int
    b: list = dataclasses.field(default_factory=list)

    def total(self):
        return self.a + len(self.b)


@dataclasses.dataclass(frozen=True, order=True)
class F:
    a: int
    b: int = 3


@case(D(1))
def dataclass_(d):
    e = D(4, [1, 2])
    d.b.append(3)
    f = F(1)
    return e, e.total(), d.total(), f, f < F(2), f == F(1, 3), dataclasses.replace(f, b=4)


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Sev(enum.IntEnum):
    LO = 1
    HI = 5


@case(Color.RED)
def enums(c):
    return (
        c is Color.RED,
        c.name,
        c.value,
        Color(2),
        Color["BLUE"],
        c == Color.BLUE,
        Sev.HI > 3,
        Sev.HI + 1,
        [x.name for x in Color],
        {c: 1}[c],
    )


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, a):
        self.a = a


@case(Slots(3))
def slots(s):
    s.b = s.a + 1
    t = Slots(5)
    t.b = 1
    return s.b, t, hasattr(t, "b"), t.a


class Desc:
    def __get__(self, o, t):
        return self if o is None else o._v * 2

    def __set__(self, o, v):
        o._v = v


class HasDesc:
    d = Desc()

    def __init__(self):
        self._v = 1


@case(HasDesc())
def descriptors(h):
    h.d = 5
    return h.d, h._v


@case(1)
def copies(n):
    return copy.copy([1, n]), copy.copy({"a": n})


@case(2)
def ordered(n):
    o = OrderedDict([("a", 1)])
    o["b"] = n
    o.move_to_end("a")
    return list(o.items()), o


@case(2)
def ddict(n):
    d = defaultdict(list)
    d["a"].append(n)
    return d


@case(2)
def deq(n):
    d = deque([1])
    d.append(n)
    return d


@case(2)
def simple_ns(n):
    s = types.SimpleNamespace(a=n)
    s.b = 2
    return s.a, s


@case(2)
def assert_(n):
    assert n > 1, "msg"
    try:
        assert n > 5, f"bad {n}"
    except AssertionError as e:
        return str(e)


def fact(n):
    return 1 if n < 2 else n * fact(n - 1)


@case(5)
def recursion(n):
    return fact(n)


def deco(f):
    @functools.wraps(f)
    def w(*a, **k):
        return f(*a, **k) + 1

    return w


@deco
def decorated(x):
    return x


@case(5)
def decorators(n):
    return decorated(n), decorated.__name__


@case(5)
def lambdas(n):
    fs = [lambda x, i=i: x + i for i in range(3)]
    return [f(n) for f in fs]


@case(5)
def import_inside(n):
    import math as m
    from os.path import join

    return m.floor(2.5), join("a", "b")


class L(list):
    def total(self):
        return sum(self)


@case(L([1, 2]))
def list_subclass(l):
    l.append(3)
    m = L([5])
    m.q = 1
    return l.total(), m, m.total(), len(m), l[0]


class DD(dict):
    def __missing__(self, k):
        return k * 2


@case(DD(a=1))
def dict_subclass(d):
    return d["a"], d["zz"], len(d), DD(q=1)


class MyErr(Exception):
    def __init__(self, code):
        super().__init__(f"code {code}")
        self.code = code


@case(3)
def custom_exc(n):
    try:
        raise MyErr(n)
    except MyErr as e:
        return e.code, str(e), repr(e), e.args


class It:
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n <= 0:
            raise StopIteration
        self.n -= 1
        return self.n


@case(3)
def user_iter(n):
    return list(It(n)), [x for x in It(2)], dict(a=1, b=2) | {"c": n}, sum(It(4))


class Meta(type):
    def __call__(cls, *a):
        o = super().__call__(*a)
        o.tag = "meta"
        return o


class WithMeta(metaclass=Meta):
    def __init__(self, v):
        self.v = v


@case(3)
def metaclass(n):
    return WithMeta(n).tag


class CP:
    def __init__(self):
        self.n = 0

    @functools.cached_property
    def val(self):
        self.n += 1
        return self.n


@case(CP())
def cached(c):
    return c.val, c.val, c.n


@case([1, 2])
def dels(l):
    x = 1
    del x
    try:
        return x  # noqa: F821 (unbound on purpose)
    except UnboundLocalError as e:
        return "unbound"


class Base:
    def __init_subclass__(cls, **k):
        pass

    def run(self):
        return self.step(2)


class Impl(Base):
    def step(self, n):
        return n * self.k

    k = 7


@case(Impl())
def virtual(o):
    return o.run()


@case([1, 2, 3])
def starcalls(l):
    return max(*l), print_none(*l, sep="")


def print_none(*a, sep=""):
    return sep.join(map(str, a))


@case(2)
def bytes_(n):
    return b"ab" + bytes([n]), b"abc".decode(), "x".encode()


@case(1.5)
def floats(x):
    return x * 2, x == 1.5, int(x), math.floor(x), f"{x:.3f}", x.is_integer()


@case(10)
def chained(n):
    return 1 < n < 20, (n > 5 and n < 8) or n, None is None, n is not None
