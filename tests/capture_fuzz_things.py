"""Objects of many types for capture_fuzz_deep, made anew for each call, and what a program may do with them."""

import collections
import datetime
import decimal
import enum
import fractions
import functools
import re
import types

from tests.capture_fuzz import show


class Color(enum.Enum):
    RED = 1
    BLUE = 2


Pair = collections.namedtuple("Pair", "left right", defaults=(5,))


class Slotted:
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1


class Number(int):
    def __add__(self, other):
        return Number(int(self) + int(other) + 1)


class Names(dict):
    def __missing__(self, key):
        return f"no {key}"


class Items(list):
    def __getitem__(self, i):
        return super().__getitem__(i) * 2


def counted(n):
    for i in range(n):
        yield i * i


def things():
    return {
        "set": {3, 1, 2},
        "frozen": frozenset((1, 2)),
        "bytes": b"abc",
        "array": bytearray(b"xyz"),
        "complex": 1 + 2j,
        "range": range(1, 9, 3),
        "slice": slice(0, 2),
        "none": None,
        "true": True,
        "big": 2**80,
        "nan": float("nan"),
        "text": "héllo",
        "deque": collections.deque([1, 2, 3], maxlen=4),
        "counter": collections.Counter("abca"),
        "ordered": collections.OrderedDict(b=1, a=2),
        "default": collections.defaultdict(list, {1: [2]}),
        "chain": collections.ChainMap({"a": 1}, {"b": 2}),
        "pair": Pair(1),
        "color": enum.Enum("Hue", "RED BLUE").RED,
        "bits": enum.IntFlag("Bits", "ONE TWO")(3),
        "slotted": Slotted(),
        "number": Number(4),
        "names": Names(k=1),
        "items": Items([1, 2]),
        "date": datetime.date(2020, 2, 29),
        "delta": datetime.timedelta(days=1, seconds=5),
        "decimal": decimal.Decimal("1.50"),
        "fraction": fractions.Fraction(3, 4),
        "partial": functools.partial(max, 3),
        "space": types.SimpleNamespace(a=1, b=[2]),
        "view": memoryview(b"abcd"),
        "generator": counted(3),
        "iterator": iter([1, 2, 3]),
        "zip": zip([1, 2], "ab"),
        "method": [5, 6].append,
        "class": type("Made", (), {"a": 5, "value": property(lambda self: 6)}),
        "type": int,
        "builtin": len,
        "error": ValueError("v", 1),
        "group": ExceptionGroup("g", [KeyError(1)]),
        "proxy": types.MappingProxyType({"a": 1}),
        "nested": {"a": [(1, {2: 3})]},
    }


NAMES = tuple(things())


def told(v):
    """A text that is the same for an equal object elsewhere."""
    return re.sub("0x[0-9a-f]+", "0x", repr(show(v)))


# What is done with one of them, @, in a program.
USES = (
    *(
        "len(@)",
        "bool(@)",
        "repr(@)[:40]",
        "str(@)[:40]",
        "list(@)",
        "sorted(@)",
        "tuple(@)[:2]",
        "@[0]",
        "@[1:]",
        "@['a']",
    ),
    *(
        "@ == @",
        "@ != 1",
        "@ in [1, None]",
        "1 in @",
        "'a' in @",
        "type(@).__name__",
        "isinstance(@, (int, dict, list))",
    ),
    *(
        "@ + 1",
        "1 + @",
        "@ * 2",
        "@ + @",
        "-@",
        "@ | @",
        "@ & @",
        "@ - @",
        "@ < @",
        "@ % 3",
        "divmod(@, 2)",
        "@ // 2",
        "abs(@)",
    ),
    *(
        "max(@)",
        "sum(@)",
        "next(@)",
        "[*@]",
        "{**@}",
        "dict(@)",
        "set(@) == set(@)",
        "next(iter(@), 'end')",
        "enumerate(@)",
    ),
    *(
        "callable(@)",
        "@()",
        "@(1, 2)",
        "getattr(@, 'a', 'none')",
        "hasattr(@, 'b')",
        "@.a",
        "@.copy()",
        "@.keys()",
        "@.args",
    ),
    *(
        "f'{@!r:.20}'",
        "f'{@}'",
        "'%s' % (@,)",
        "hash(@) == hash(@)",
        "id(@) == id(@)",
        "@ is None",
        "not @",
        "int(@)",
        "float(@)",
    ),
    *(
        "@.pop()",
        "@.append(4)",
        "@.update(@)",
        "@.get('k', 7)",
        "@.items()",
        "@.value",
        "@.left",
        "@.real",
        "@.index(1)",
        "@.count(1)",
    ),
    *(
        "[v for v in @]",
        "{k: 1 for k in @}",
        "any(@)",
        "all(v for v in @)",
        "list(map(str, @))",
        "list(zip(@, @))",
        "list(reversed(@))",
    ),
    *(
        "x * @",
        "x + @",
        "@ + x",
        "x[@]",
        "l[@]",
        "d.get(@)",
        "{@: 1}[@]",
        "framejit.tensor(@)",
        "x.sum() == @",
        "framejit.ones(@)",
    ),
)

# Statements with one of them; a program catches what they raise.
DONE = (
    *(
        "for v in @: log.append(told(v))",
        "a, b = @",
        "a, *r = @",
        "@.a = 3",
        "@['a'] = 3",
        "@[0] = 3",
        "del @[0]",
        "del @.b",
        "raise @",
        "@ += @",
    ),
    *(
        "with @ as m: log.append(told(m))",
        "log.extend(map(told, @))",
        "l[:1] = @",
        "d.update(@)",
        "@.b += 1",
        "assert @, 'no'",
        "m = @; log.append(told(m))",
    ),
    "for i, v in enumerate(@): log.append((i, told(v))); x = x + i",
)
