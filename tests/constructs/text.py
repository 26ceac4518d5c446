"""Strings and bytes."""

import re
import string
import textwrap

from . import case

TITLE = "Text and bytes"


class _Named:
    def __init__(self, n):
        self.n = n

    def __repr__(self):
        return f"<{self.n}>"

    def __str__(self):
        return f"named {self.n}"

    def __format__(self, spec):
        return f"{self.n}:{spec}"


@case
def f_strings(x):
    n, s = 3, "ab"
    t = f"{n} {n:04d} {s!r:>6} {1.5:.2f} {n + 1=} {s:{n + 2}} {x.shape[0]}"
    return x + len(t), t, f"{_Named(1)} {_Named(2)!r} {_Named(3):q} {[_Named(4)]}"


@case
def f_string_of_shapes_and_dtypes(x):
    y = x * 2
    return y, f"{x.dim()} {tuple(x.shape)} {x.dtype} {list(x.shape)}"


@case
def percent_formatting(x):
    return x + 1, "%d %s %r %.2f" % (1, "a", "b", 2.0), "%(k)s" % {"k": 1}, "%s" % _Named(2)


@case
def str_format(x):
    return (
        x + 1,
        "{} {0}".replace("{0}", "{}").format(1, "a"),
        "{a:>4}{b!r}".format(a=1, b="x"),
        "{0[1]}".format([1, 2]),
    )


@case
def str_format_of_objects(x):
    return x + 1, "{} {!r} {:z}".format(_Named(1), _Named(2), _Named(3)), format(_Named(4), "w"), str(_Named(5))


@case
def str_methods(x):
    s = "  Hello, World  "
    return (
        x + len(s),
        s.strip().lower().split(", "),
        s.upper().count("L"),
        "a-b-c".partition("-"),
        "abc".startswith(("x", "a")),
        "a b".title(),
        "abc".find("c"),
        "abc".replace("b", "x"),
        "x".join(["1", "2"]),
        "a\nb".splitlines(),
        "abc".translate(str.maketrans("a", "z")),
        "7".zfill(3),
        "abc".removeprefix("a"),
        "é".encode(),
        "a".isalpha(),
        "abc".center(7, "*"),
    )


@case
def str_operators(x):
    s = "ab" * 3 + "c"
    return x + 1, s[1:4], s[-1], "b" in s, s < "b", s == "abababc", [c for c in "xyz"], max(s), sorted(s)[0]


@case
def join_of_generator(x):
    return x + 1, ",".join(str(i) for i in range(3)), "".join(map(str, [1, 2]))


@case
def bytes_methods(x):
    b = b"abc" + bytes([100])
    return (
        x + b[0],
        b.decode(),
        b.hex(),
        b.split(b"b"),
        b.upper(),
        bytes.fromhex("00ff"),
        b[1:2],
        b"x" in b,
        list(b"ab"),
    )


@case
def bytearray_(x):
    b = bytearray(b"abc")
    b[0] = 120
    b.append(33)
    b += b"z"
    return x + len(b), bytes(b), b.decode()


@case
def repr_of_containers(x):
    return x + 1, repr([1, "a", (2.0,), {"k": None}]), str({1: {2}}), repr("q'"), ascii("é")


@case
def repr_of_containers_of_objects(x):
    return x + 1, repr([_Named(1)]), str({"a": _Named(2)}), repr((_Named(3),))


@case
def str_error_caught(x):
    try:
        "abc".index("z")
    except ValueError as e:
        y = str(e)
    try:
        int("zz")
    except ValueError as e:
        return x + 1, y, str(e)


@case
def str_with_surrogates_and_unicode(x):
    return x + 1, "ß".upper(), "\N{SNOWMAN}".encode("utf-16-le"), "a\u0301".isascii(), "Ａ".casefold()


@case
def string_template(x):
    return x + 1, string.Template("$a and ${b}").substitute(a=1, b="z"), string.ascii_lowercase[:3]


@case
def regular_expressions(x):
    m = re.match(r"(\d+)-(\w+)", "12-ab")
    return (
        x * int(m.group(1)),
        m.groups(),
        re.sub("b", "x", "abc"),
        re.findall(r"\d", "a1b2"),
        bool(re.search("z", "a")),
    )


_PATTERN = re.compile(r"(?P<k>\w)=(\d)")


@case
def compiled_pattern(x):
    for m in _PATTERN.finditer("a=1 b=2"):
        x = x + int(m[2])
    return x, _PATTERN.sub(lambda m: m["k"].upper(), "a=1")


@case
def textwrap_(x):
    return x + 1, textwrap.dedent("  a\n  b"), textwrap.wrap("aa bb cc", 5)
