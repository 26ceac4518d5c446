"""Schemas of operators: `add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor`, read from operators.txt.

The file has the operators of PyTorch that framejit runs, in PyTorch's order: of several overloads that fit, the first
is meant. tools/make_jit_operators.py writes it.
"""

import functools
import re
from pathlib import Path

from . import types as T

_NAMES = {
    "Tensor": T.TENSOR, "int": T.INT, "SymInt": T.INT, "float": T.FLOAT, "complex": T.COMPLEX, "bool": T.BOOL, "str": T.STR,
    "Scalar": T.NUMBER, "number": T.NUMBER, "Device": T.DEVICE, "Generator": T.GENERATOR, "Stream": T.STREAM,
    "Storage": T.STORAGE, "QScheme": T.QSCHEME, "ScalarType": T.DTYPE, "Layout": T.LAYOUT, "MemoryFormat": T.MEMORY_FORMAT,
    "Any": T.ANY, "NoneType": T.NONE, "AnyEnumType": T.ANY_ENUM, "AnyClassType": T.ANY_CLASS, "Dimname": T.STR,
    "AnyListType": T.ANY_LIST,
}  # fmt: skip

REQUIRED = object()  # the default of an argument that has none


class Argument:
    """An argument of a schema. `size` is how often one number stands for a list (`int[2]`), `writes` whether it changes."""

    __slots__ = ("name", "type", "size", "default", "keyword_only", "writes")

    def __init__(self, name, type, size, default, keyword_only, writes):
        self.name, self.type, self.size, self.default = name, type, size, default
        self.keyword_only, self.writes = keyword_only, writes

    def __str__(self):
        text = f"{self.type.short()} {self.name}"
        return text if self.default is REQUIRED else f"{text}={self.default!r}"


class Schema:
    """One overload of an operator."""

    __slots__ = ("name", "overload", "arguments", "returns", "variadic", "text")

    def __init__(self, name, overload, arguments, returns, variadic, text):
        self.name, self.overload, self.arguments = name, overload, arguments
        self.returns, self.variadic, self.text = returns, variadic, text

    @property
    def full_name(self):
        return f"{self.name}.{self.overload}" if self.overload else self.name

    @property
    def result(self):
        """The type of a call: None, one type, or a tuple."""
        if not self.returns:
            return T.NONE
        returns = [T.INT if r in (T.LAYOUT, T.DTYPE, T.MEMORY_FORMAT) else r for r in self.returns]
        return returns[0] if len(returns) == 1 else T.TupleType(*returns)

    def __str__(self):
        return self.text


_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z_0-9.]*|-?\d+(?:\.\d*)?(?:e[-+]?\d+)?|\"[^\"]*\"|->|\.\.\.|\S)")


class _Parser:
    def __init__(self, text):
        self.text = text
        self.tokens = _TOKEN.findall(text) + [""]
        self.at = 0

    def take(self, expected=None):
        token = self.tokens[self.at]
        if expected is not None and token != expected:
            raise ValueError(f"expected {expected} at {token!r} of the schema {self.text}")
        self.at += 1
        return token

    def next_is(self, token):
        if self.tokens[self.at] == token:
            self.at += 1
            return True
        return False

    def schema(self):
        space = self.take()
        self.take(":"), self.take(":")
        name, _, overload = self.take().partition(".")
        arguments, variadic, keyword_only = [], False, False
        self.take("(")
        while not self.next_is(")"):
            if self.next_is("..."):
                variadic = True
            elif self.next_is("*"):
                keyword_only = True
            else:
                arguments.append(self.argument(keyword_only))
            self.next_is(",")
        self.take("->")
        return Schema(f"{space}::{name}", overload, arguments, self.results(), variadic, self.text)

    def argument(self, keyword_only):
        t, size, writes = self.type()
        name = self.take()
        default = self.value() if self.next_is("=") else REQUIRED
        return Argument(name, t, size, default, keyword_only, writes)

    def results(self):
        if not self.next_is("("):
            if self.next_is("..."):
                return [T.ANY]
            return [self.type()[0]]
        found = []
        while not self.next_is(")"):
            found.append(self.type()[0])
            if self.tokens[self.at] not in (",", ")"):
                self.take()  # the result's name
            self.next_is(",")
        return found

    def alias(self):
        """`(a!)`, `(a -> *)`: whether it says that the argument is written to."""
        writes = False
        while not self.next_is(")"):
            writes |= self.take() == "!"
        return writes

    def type(self):
        name, size, writes = self.take(), None, False
        if name == "(":
            parts = [self.type()[0]]
            while self.next_is(","):
                parts.append(self.type()[0])
            self.take(")")
            t = T.TupleType(*parts)
        elif name == "Dict":
            self.take("(")
            key = self.type()[0]
            self.take(",")
            t = T.DictType(key, self.type()[0])
            self.take(")")
        elif name in ("Future", "Await"):
            self.take("(")
            t = T.FutureType(self.type()[0])
            self.take(")")
        else:
            t = _NAMES.get(name) or T.VarType(name)
        while True:
            if self.tokens[self.at] == "(":
                self.take()
                writes |= self.alias()
            elif self.next_is("["):
                if not self.next_is("]"):
                    size = int(self.take())
                    self.take("]")
                t = T.ListType(t)
            elif self.next_is("?"):
                t = T.optional(t)
            else:
                return t, size, writes

    def value(self):
        token = self.take()
        if token == "[":
            found = []
            while not self.next_is("]"):
                found.append(self.value())
                self.next_is(",")
            return found
        if token[0] == '"':
            return token[1:-1]
        if token in _WORDS:
            return _WORDS[token]
        return float(token) if "." in token or "e" in token else int(token)


_WORDS = {
    "None": None, "True": True, "False": False, "inf": float("inf"), "contiguous_format": 0, "Mean": 1, "long": 4,
}  # fmt: skip


@functools.cache
def _lines():
    """Name -> the texts of its overloads."""
    table = {}
    for line in (Path(__file__).parent / "operators.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            table.setdefault(line.partition("(")[0].partition(".")[0], []).append(line)
    return table


@functools.cache
def parse(text):
    """The schema that a text says."""
    return _Parser(text).schema()


def overloads(name):
    """The overloads of `aten::add`; empty if there is no such operator."""
    return [parse(line) for line in _lines().get(name, ())]


def exists(name):
    """Whether there is an operator of that name."""
    return name in _lines()


def names():
    """All names."""
    return list(_lines())
