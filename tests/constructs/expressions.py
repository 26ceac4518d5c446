"""Operators, numbers, slices, isinstance and attributes by name."""

import cmath
import fractions
import math
import statistics

from . import case

TITLE = "Operators, numbers, attributes"


@case
def arithmetic(x):
    a, b = 7, 3
    return x * (a // b + a % b) + a**b - a / b, -a, +b, ~a, a << b, a >> 1, a & b, a | b, a ^ b, divmod(a, b)


@case
def in_place_arithmetic(x):
    n = 5
    n += 1
    n *= 2
    n -= 1
    n //= 3
    n **= 2
    n %= 7
    n <<= 2
    n |= 1
    y = x + 1
    y *= n
    y += x
    return y, n


@case
def floats_and_complex(x):
    z = 1 + 2j
    return x * z.real + abs(3 + 4j), z.conjugate(), float("1e3"), (2.5).is_integer(), 0.1 + 0.2, float("inf") > 1


@case
def big_integers(x):
    n = 2**100 + 1
    return x + n % 7, n.bit_length(), int(str(n)) == n, (5).to_bytes(2, "big"), int.from_bytes(b"\x01\x02", "big")


@case
def division_by_zero_caught(x):
    y = x + 1
    try:
        1 / (y.dim() - 2)
    except ZeroDivisionError as e:
        return y * 2, str(e)


@case
def type_error_of_operator_caught(x):
    y = x + 1
    try:
        "a" + 1  # noqa: B018
    except TypeError as e:
        y = y * 2
        first = str(e)
    try:
        [] - {}  # noqa: B018
    except TypeError as e:
        return y, first, str(e)


@case
def math_functions(x):
    return (
        x * math.sqrt(4) + math.pi,
        math.floor(2.7) + math.ceil(2.1),
        math.gcd(12, 18),
        math.prod([1, 2, 3]),
        math.isclose(0.1 + 0.2, 0.3),
        math.log2(8),
        math.inf > 1,
        math.comb(5, 2),
        math.fsum([0.1] * 10),
        math.hypot(3, 4),
        cmath.phase(1j),
    )


@case
def math_error_caught(x):
    try:
        math.sqrt(-1)
    except ValueError as e:
        return x + 1, str(e)


@case
def number_builtins(x):
    return x * round(2.567, 1), abs(-3), pow(2, 5, 7), bin(5), hex(255), oct(8), chr(97), ord("a"), int("ff", 16)


@case
def conversions(x):
    return x * int(3.9) + float(2), bool([]), str(1.5), int("7"), complex(1, 2), list("ab"), tuple([1]), bytes([1, 2])


@case
def slices_of_lists(x):
    xs = list(range(10))
    xs[2:4] = [x, 20, 30]
    del xs[0:2]
    xs[::3] = [0] * len(xs[::3])
    return xs[1] * 1 if False else xs[-2:], xs[::-1][0], xs[1:5:2], x + xs[3]


@case
def slice_objects(x):
    s = slice(0, 2)
    t = slice(None, None, -1)
    return x[s, 1:] * 2, [1, 2, 3][s], "abc"[t], s.start, s.indices(5), slice(1, 2) == slice(1, 2)


@case
def tensor_indexing(x):
    y = x[0] + x[:, 1:].sum() + x[1, ...]
    y[0] = 5
    y[1:] += 1
    return y, x[-1]


@case
def identity_and_membership(x):
    a = [x, 1]
    return a is a, a is not None, 1 in a[1:], 2 not in (1, 3), "b" in "abc", x + (3 in {3: 1}) + (4 in {4})


@case
def isinstance_issubclass(x):
    return (
        x * isinstance(1, (int, str)),
        isinstance(True, int),
        issubclass(bool, int),
        isinstance([], list | tuple),
        isinstance(x, type(x)),
        isinstance(int, type),
        type(x).__name__,
    )


class _Thing:
    kind = "thing"

    def __init__(self, v):
        self.v = v


@case
def getattr_setattr_hasattr(x):
    o = _Thing(x)
    o.w = x + 1
    name = "v"
    y = getattr(o, name) * o.w + getattr(o, "missing", 2)
    delattr(o, "w")
    return y, hasattr(o, "w"), hasattr(o, "kind"), vars(o).keys() == {"v"}


@case
def attribute_error_caught(x):
    o = _Thing(x)
    try:
        return o.nothing
    except AttributeError as e:
        return o.v + 1, str(e)


@case
def callable_id_type_dir(x):
    o = _Thing(x)
    return callable(o), callable(len), type(o) is _Thing, o.__class__.__name__, isinstance(o, _Thing), o.v * 2


@case
def hash_of_constants(x):
    return x + 1, hash("a") == hash("a"), hash((1, 2)) == hash((1, 2)), hash(5)


@case
def fractions_(x):
    f = fractions.Fraction(1, 3) + fractions.Fraction(1, 6)
    return x * f.numerator / f.denominator, str(f), f > 0


@case
def statistics_(x):
    return x * statistics.mean([1, 2, 3]) + statistics.median([5, 1, 3])


@case
def bit_counting_and_ratio(x):
    return x + (7).bit_count(), (0.5).as_integer_ratio(), (1.5).hex(), (3).conjugate()


@case
def tuple_operations(x):
    t = (1, x, 3)
    u = t + (4,) * 2
    return u[1] * 2, len(u), u[0:1], (1, 4, 4).count(4), (1, 3).index(3), (1, 2) < (1, 3), (x, 1)[1]


@case
def matmul_and_comparisons(x):
    y = x @ x.t()
    m = (y > 1) & (y < 50)
    return y * m, (y == y).all(), ~m
