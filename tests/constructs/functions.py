"""Functions: closures, arguments, recursion, decorators."""

from . import case

TITLE = "Functions and scopes"
SCALE = 3
count = 0


@case
def closure_read(x):
    k = 2

    def inner(t):
        return t * k

    return inner(x + 1) - k


@case
def closure_sees_later_value(x):
    def inner(t):
        return t * k

    k = 2
    y = inner(x)
    k = 5
    return inner(y)


@case
def nonlocal_(x):
    n = 0

    def bump(t):
        nonlocal n
        n += 1
        return t * n

    y = bump(bump(x + 1))
    return y.sin(), n


@case
def nested_closures(x):
    a = x + 1

    def one():
        b = a * 2

        def two():
            return a + b

        return two

    return one()() * 2


@case
def closure_returned(x):
    y = x.sin()

    def inner(k):
        return y * k

    return inner, inner(2)


@case
def closure_in_loop(x):
    fs = [lambda t, i=i: t * i for i in range(3)]
    late = [lambda t: t + i for i in range(3)]
    for f in fs + late:
        x = f(x + 1)
    return x


@case
def shared_cell(x):
    total = x * 0

    def add(t):
        nonlocal total
        total = total + t

    def read():
        return total

    add(x)
    add(x * 2)
    return read()


@case
def cell_contents(x):
    k = x + 1

    def inner():
        return k

    return inner.__closure__[0].cell_contents * 2 + inner()


@case
def global_read(x):
    return x * SCALE + 1


@case
def global_written(x):
    global count
    y = x + count
    count = 7
    y = y * count
    count += 1
    y = y - count
    final, count = count, 0
    return y, final


@case
def global_deleted(x):
    global temporary
    temporary = x + 1
    y = temporary * 2
    del temporary
    try:
        temporary  # noqa: B018
    except NameError as e:
        return y, str(e)


@case
def unbound_local(x):
    y = x + 1
    try:
        late  # noqa: B018, F821
        late = 1
    except UnboundLocalError as e:
        y = y * 2
        return y, str(e)


@case
def unbound_free(x):
    def inner():
        return late

    try:
        y = inner() + x
    except NameError as e:
        y = x - 1, str(e)
    late = x
    return y, inner() * 2


@case
def positional_and_named(x):
    def f(a, b, c):
        return a * 2 + b * 3 + c

    return f(x, 1, c=2) + f(c=x, a=1, b=x) + f(x, b=x, c=x)


@case
def default_arguments(x):
    def f(a, b=2, c=x):
        return a * b + c

    return f(x) + f(x, 3) + f(x, c=1)


@case
def mutable_default(x):
    def f(a, seen=[]):  # noqa: B006
        seen.append(a.shape)
        return a + len(seen)

    return f(f(x)), f.__defaults__


@case
def star_arguments(x):
    def f(a, *rest):
        for r in rest:
            a = a + r
        return a, len(rest)

    return f(x), f(x, x, 1), f(*[x, 2, x])


@case
def named_star_arguments(x):
    def f(a, **named):
        for k, v in named.items():
            a = a * v + len(k)
        return a, sorted(named)

    return f(x), f(x, bb=x, c=2), f(**{"a": x, "z": 1})


@case
def keyword_only(x):
    def f(a, *, b, c=3):
        return a * b + c

    return f(x, b=2) + f(x, b=x, c=x)


@case
def positional_only(x):
    def f(a, b=1, /, **named):
        return a * b + named.get("a", 0)

    return f(x) + f(x, 2, a=x)


@case
def all_kinds_at_once(x):
    def f(a, b, /, c, d=4, *args, e, g=6, **kw):
        return a + b + c + d + sum(args) + e + g + sum(kw.values())

    return f(1, x, 3, e=5) + f(x, 2, 3, 4, 5, x, e=5, h=7, **{"i": x})


@case
def wrong_arguments_caught(x):
    def f(a, b):
        return a + b

    y = x + 1
    try:
        f(y)
    except TypeError as e:
        y = y * 2
        return y, str(e).rpartition(".")[2]


@case
def unpacking_in_calls(x):
    def f(*a, **k):
        return sum(a) + sum(k.values()), list(k)

    return f(*(x, 1), *[x], 2, p=1, **{"q": x}, **{"r": 3})


@case
def keyword_given_twice(x):
    def f(**k):
        return k

    try:
        f(a=x, **{"a": 1})
    except TypeError:
        return x + 1


@case
def lambda_(x):
    f = lambda a, *b, c=1: a + sum(b) * c  # noqa: E731
    return f(x) + f(x, x, c=2) + (lambda: x)()


@case
def recursion(x):
    def power(t, n):
        return t if n == 0 else power(t * 2, n - 1) + 1

    return power(x, 5)


@case
def mutual_recursion(x):
    def even(t, n):
        return t if n == 0 else odd(t + 1, n - 1)

    def odd(t, n):
        return t if n == 0 else even(t * 2, n - 1)

    return even(x, 5) - 1


def _doubled(f):
    def wrapper(*args, **kwargs):
        return f(*args, **kwargs) * 2

    return wrapper


def _times(k):
    def decorate(f):
        return lambda t: f(t) * k

    return decorate


@_doubled
@_times(3)
def _decorated(t):
    return t + 1


@case
def decorated_function(x):
    return _decorated(x + 1) - 1


@case
def decorators_inside(x):
    @_doubled
    @_times(2)
    def f(t):
        return t.sin()

    return f(x) + 1


class _Decorator:
    def __init__(self, f):
        self.f = f
        self.calls = 0

    def __call__(self, *a):
        self.calls += 1
        return self.f(*a) + self.calls


@case
def class_as_decorator(x):
    @_Decorator
    def f(t):
        return t * 2

    return f(f(x)), f.calls


@case
def function_attributes(x):
    def f(t):
        f.calls += 1
        return t * f.calls

    f.calls = 0
    y = f(f(x + 1))
    return y, f.calls, f.__name__, f.__doc__, f.__defaults__


@case
def function_introspection(x):
    def f(a: int, b: "str" = 2, *, c=3) -> float:
        """Doc."""
        return a

    y = f(x) + 1
    code = f.__code__
    return y, code.co_argcount, code.co_varnames, f.__kwdefaults__, f.__annotations__, f.__doc__, f.__qualname__


@case
def bound_method_value(x):
    xs = [x]
    add = xs.append
    add(x + 1)
    get = xs.__getitem__
    return get(0) + get(1), len(xs)


@case
def method_of_class_called_plainly(x):
    s = str.upper("abc")
    xs = [3, 1, 2]
    list.sort(xs)
    return x + len(s), xs, dict.get({"a": 1}, "a")


@case
def callable_object(x):
    class_ = _Decorator(lambda t: t + 1)
    return class_(x) * class_(x)


@case
def chained_calls(x):
    return (lambda a: lambda b: lambda c: a + b * c)(x)(x + 1)(2) - 1


@case
def many_results(x):
    def f(t):
        return t + 1, (t * 2, [t - 1, {"k": t}])

    a, (b, [c, d]) = f(x)
    return a * b, c + d["k"]


@case
def conditional_definition(x):
    if x.shape[0] > 1:

        def f(t):
            return t + 1
    else:

        def f(t):
            return t - 1

    return f(x) * 2


@case
def del_local(x):
    y = x + 1
    z = y * 2
    del y
    try:
        return y  # noqa: F821
    except UnboundLocalError:
        return z


@case
def del_cell(x):
    y = x + 1

    def f():
        return y  # noqa: F821

    z = f() * 2
    del y
    try:
        return f()
    except NameError:
        return z


@case
def locals_and_globals_functions(x):
    y = x + 1
    return y * globals()["SCALE"], "nothing" in globals()


@case
def exec_free_eval(x):
    y = x + 1
    return y * eval("1 + 2")


@case
def type_parameters_free_generic(x):
    def first(items: "list[T]") -> "T":  # noqa: F821
        return items[0]

    return first([x, 1]) + 1
