"""Other modules of the standard library that compute without looking at the world."""

import base64
import calendar
import colorsys
import datetime
import decimal
import difflib
import enum
import fnmatch
import hashlib
import html
import inspect
import json
import numbers
import pathlib
import shlex
import struct
import types
import urllib.parse
import uuid
import warnings
import weakref

from . import case

TITLE = "Standard library"


@case
def struct_(x):
    return x + struct.unpack("<h", struct.pack("<h", 5))[0], struct.calcsize("ii")


@case
def base64_(x):
    return x + 1, base64.b64encode(b"abc"), base64.b64decode("YWJj")


@case
def json_text(x):
    return x + 1, json.dumps({"a": [1, 2.5, None, "é"]}), json.loads('{"b": [1, true]}')


@case
def hashlib_(x):
    return x + 1, hashlib.sha256(b"abc").hexdigest()[:8]


@case
def decimal_(x):
    d = decimal.Decimal("1.1") + decimal.Decimal("2.2")
    return x * float(d), str(d)


@case
def datetime_arithmetic(x):
    d = datetime.date(2024, 2, 28) + datetime.timedelta(days=2)
    return x + d.day, d.isoformat(), calendar.monthrange(2024, 2)


@case
def pathlib_(x):
    p = pathlib.PurePosixPath("/a") / "b.txt"
    return x + len(p.parts), p.suffix, str(p.parent)


@case
def urllib_parse(x):
    u = urllib.parse.urlparse("http://h/p?q=1")
    return x + len(u.path), u.query, urllib.parse.quote("a b")


@case
def html_and_shlex(x):
    return x + 1, html.escape("<a>"), shlex.split("a 'b c'"), fnmatch.fnmatch("a.py", "*.py")


@case
def colorsys_(x):
    return x + colorsys.rgb_to_hsv(1, 0, 0)[2]


@case
def numbers_(x):
    return x + isinstance(3, numbers.Integral), isinstance(2.0, numbers.Real)


@case
def difflib_(x):
    return x * difflib.SequenceMatcher(None, "abcd", "bcde").ratio()


def _signature(a, b=2, *c): ...


@case
def inspect_(x):
    return x + len(inspect.signature(_signature).parameters), inspect.isfunction(_signature)


@case
def uuid_(x):
    return x + 1, str(uuid.UUID(int=5))


@case
def enum_auto_functional(x):
    return x * enum.Enum("E", "A B").B.value


@case
def weakref_of_object(x):
    o = _Node()
    r = weakref.ref(o)
    return x + 1, r() is o


class _Node:
    pass


@case
def types_module(x):
    return (
        x + 1,
        isinstance(lambda: 0, types.FunctionType),
        types.MethodType(lambda self: self, 3)(),
        isinstance(len, types.BuiltinFunctionType),
    )


@case
def warnings_filtered(x):
    with warnings.catch_warnings():
        y = x + 1
    return y
