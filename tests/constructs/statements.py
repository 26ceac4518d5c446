"""Statements: branches, loops, assertions, imports, match."""

from . import case

TITLE = "Statements"


@case
def annotations_on_locals(x):
    y: object = x + 1
    z: int
    z = 2
    return y * z


@case
def import_inside(x):
    import math
    from math import pi as circle

    return x * math.floor(2.5) + circle


@case
def import_submodule_inside(x):
    import os.path as p

    return x + len(p.join("a", "b"))


@case
def assertion(x):
    y = x + 1
    assert y.shape == x.shape, "shapes"
    assert y is not x
    return y * 2


@case
def assertion_fails_caught(x):
    y = x + 1
    try:
        assert y.dim() == 7, f"dim {y.dim()}"
    except AssertionError as e:
        return y * 2, str(e)


@case
def walrus(x):
    if (n := x.shape[1]) > 2:
        x = x * n
    while (n := n - 1) > 0:
        x = x + n
    return [(m := i) * 2 for i in range(3)], m, x


@case
def conditional_expression(x):
    a = x + 1 if x.dim() == 2 else x - 1
    return a * (2 if a.shape[0] == 3 else 3)


@case
def boolean_operators(x):
    n = x.shape[0]
    a = n and (x, 1)[0]
    b = (not n) or x * 2
    return a + b, (n and 5) or 2, n > 1 and n < 5, n or 7


@case
def chained_comparison(x):
    n = x.shape[1]
    return (x + 1) * (1 if 0 < n <= 3 != 4 else 0)


@case
def while_else(x):
    i = 0
    while i < 3:
        x = x + i
        i += 1
        if i == 7:
            break
    else:
        x = x * 2
    return x


@case
def for_else_break_continue(x):
    for i in range(6):
        if i % 2:
            continue
        if i == 4:
            break
        x = x + i
    else:
        x = x * 100
    for _ in ():
        pass
    else:
        x = x - 1
    return x, i


@case
def ellipsis_and_none_index(x):
    return x[..., None].shape, x[None, ..., 0] + x[0, ..., 0]


@case
def match_values(x):
    out = x
    for v in (0, 1, "a", None, 2.5, True, -1):
        match v:
            case 0 | False:
                out = out + 1
            case True:
                out = out * 2
            case "a":
                out = out - 1
            case None:
                out = out * 3
            case float():
                out = out + v
            case int(n) if n < 0:
                out = out * n
            case _:
                out = out * 0
    return out


@case
def match_sequences(x):
    out = []
    for v in ([], [1], [1, 2], (1, 2, 3, 4), "ab", [x, 5]):
        match v:
            case []:
                out.append("empty")
            case [1]:
                out.append("one")
            case [int(), y]:
                out.append(y)
            case [int(), *rest]:
                out.append(rest)
            case [t, n]:
                out.append(t * n)
            case _:
                out.append(v)
    return out, x + 1


@case
def match_mappings(x):
    out = []
    for v in ({}, {"a": 1}, {"a": 2, "b": x}, {"c": 3, "d": 4}):
        match v:
            case {"a": 1}:
                out.append("a1")
            case {"a": n, "b": t}:
                out.append(t * n)
            case {"c": 3, **rest}:
                out.append(rest)
            case {}:
                out.append("other")
    return out, x + 1


class _Point:
    __match_args__ = ("a", "b")

    def __init__(self, a, b):
        self.a = a
        self.b = b


@case
def match_classes(x):
    out = x
    for p in (_Point(1, 2), _Point(3, b=x), _Point(0, 0)):
        match p:
            case _Point(1, b):
                out = out + b
            case _Point(a=3, b=t):
                out = out * t
            case _Point() as q:
                out = out - q.a
    return out
