"""functools and operator."""

import functools
import operator

from . import case

TITLE = "functools and operator"


@case
def partial(x):
    f = functools.partial(lambda a, b, c=1: a * b + c, x, c=2)
    g = functools.partial(f, c=5)
    return f(3) + g(x), g.args[0] * 2, g.keywords, f.func(1, 2)


@case
def partial_returned(x):
    def f(a, b, c):
        return a * b + c

    return functools.partial(f, x + 1, c=2)


@case
def partialmethod(x):
    return _WithPartial().twice(x) + 1


class _WithPartial:
    def times(self, k, t):
        return t * k

    twice = functools.partialmethod(times, 2)


def _logged(f):
    @functools.wraps(f)
    def wrapper(*a):
        return f(*a) * 2

    return wrapper


@_logged
def _wrapped(t):
    """Doc of wrapped."""
    return t + 1


@case
def wraps_outside(x):
    return _wrapped(x), _wrapped.__name__, _wrapped.__doc__, _wrapped.__wrapped__(x)


@case
def wraps_inside(x):
    @_logged
    def inner(t):
        """Doc of inner."""
        return t.sin()

    return inner(x) + 1, inner.__name__, inner.__doc__, inner.__wrapped__(x)


@case
def reduce(x):
    return functools.reduce(lambda a, b: a * 2 + b, [x, x + 1, 3], x - 1), functools.reduce(operator.add, [1, 2, x])


@functools.lru_cache(maxsize=None)
def _cached(n):
    return n * 2 + 1


@case
def lru_cache(x):
    y = x * _cached(3)
    return y + _cached(4) + _cached(3)


@case
def lru_cache_made_inside(x):
    calls = []

    @functools.lru_cache(maxsize=2)
    def f(n):
        calls.append(n)
        return n * 2

    y = x * f(3) + f(3) + f(4) + f(5) + f(3)
    return y, calls, f.cache_info()


@case
def cache_made_inside(x):
    @functools.cache
    def fib(n):
        return n if n < 2 else fib(n - 1) + fib(n - 2)

    return x * fib(10)


class _Lazy:
    def __init__(self, t):
        self.t = t
        self.made = 0

    @functools.cached_property
    def double(self):
        self.made += 1
        return self.t * 2


@case
def cached_property(x):
    o = _Lazy(x + 1)
    return o.double + o.double, o.made, sorted(vars(o))


@functools.singledispatch
def _kind(v, t):
    return t


@_kind.register
def _(v: int, t):
    return t * v


@_kind.register(list)
def _(v, t):
    return t + len(v)


@case
def singledispatch(x):
    return _kind(2, x) + _kind([1, 2], x) + _kind("a", x) + _kind(True, x)


class _Dispatching:
    @functools.singledispatchmethod
    def go(self, v, t):
        return t

    @go.register
    def _(self, v: int, t):
        return t * v


@case
def singledispatchmethod(x):
    return _Dispatching().go(2, x) + _Dispatching().go("a", x)


@functools.total_ordering
class _Ordered:
    def __init__(self, v):
        self.v = v

    def __eq__(self, o):
        return self.v == o.v

    def __lt__(self, o):
        return self.v < o.v


@case
def total_ordering(x):
    a, b = _Ordered(1), _Ordered(2)
    return x * (2 if a <= b and not a > b and b >= a else 3)


@case
def cmp_to_key(x):
    xs = sorted([3, 1, 2], key=functools.cmp_to_key(lambda a, b: b - a))
    return x * xs[0] + xs[2]


@case
def operator_functions(x):
    y = operator.add(x, 1)
    y = operator.mul(y, operator.neg(x))
    return operator.getitem(y, 0), operator.truth([1]), operator.contains([1, 2], 2), operator.index(5)


@case
def itemgetter_attrgetter_methodcaller(x):
    a = operator.itemgetter(1)([x, x + 1])
    b, c = operator.itemgetter("p", "q")({"p": x, "q": 2})
    d = operator.attrgetter("shape")(x)
    e = operator.methodcaller("sin")(x)
    return a + b * c + e, d


@case
def in_place_operators_by_name(x):
    xs = [1]
    ys = operator.iadd(xs, [x])
    return ys is xs, xs[1] + 1, operator.iconcat([1], [2])
