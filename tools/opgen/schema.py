"""Parses PyTorch-style schemas: `sum.dim(Tensor self, int[1]? dim=None, *, ScalarType? dtype=None) -> Tensor`."""

from __future__ import annotations

import dataclasses
import re

TYPES = {
    "Tensor": "Tensor",
    "Operand": "Operand",
    "Scalar": "Scalar",
    "int": "Int",
    "float": "Float",
    "bool": "Bool",
    "str": "Str",
    "ScalarType": "DType",
    "Device": "Device",
    "Layout": "Layout",
    "MemoryFormat": "MemoryFormat",
    "Generator": "Generator",
}
LISTS = {"Tensor": "TensorList", "int": "IntList", "float": "FloatList", "bool": "BoolList"}


@dataclasses.dataclass
class Arg:
    name: str
    type: str
    optional: bool = False
    default: str | None = None
    kw_only: bool = False
    single: bool = False
    mutated: bool = False
    no_number: bool = False  # an Operand that users may give as a tensor only
    alias: str = ""


@dataclasses.dataclass
class Ret:
    type: str
    alias: str = ""
    name: str = ""


@dataclasses.dataclass
class Schema:
    name: str
    overload: str
    args: list[Arg]
    rets: list[Ret]

    @property
    def full_name(self) -> str:
        return f"{self.name}.{self.overload}" if self.overload else self.name

    @property
    def ident(self) -> str:
        return self.full_name.replace(".", "_")


class SchemaError(ValueError):
    pass


_TYPE = re.compile(r"^(\w+)(\((\w)(!?)\))?(\?)?(\[(\d*)\])?(\?)?$")


def parse_type(text: str) -> tuple[str, bool, bool, bool, str]:
    """-> (type, optional, single number allowed, mutated, alias set)"""
    m = _TYPE.match(text)
    if not m:
        raise SchemaError(f"cannot read type {text!r}")
    base, _, alias, mutated, inner_opt, lst, count, outer_opt = m.groups()
    if base not in TYPES:
        raise SchemaError(f"unknown type {base!r}")
    optional = bool(outer_opt) or (bool(inner_opt) and not lst)
    if lst:
        kind = LISTS[base]
        if base == "Tensor" and inner_opt:
            kind = "OptTensorList"
        return kind, optional, count not in ("", None), bool(mutated), alias or ""
    kind = TYPES[base]
    if kind == "Tensor" and optional:
        kind = "OptTensor"
    return kind, optional, False, bool(mutated), alias or ""


def _split(text: str) -> list[str]:
    out, depth, quote, cur = [], 0, "", ""
    for ch in text:
        if quote:
            quote = "" if ch == quote else quote
        elif ch in "'\"":
            quote = ch
        elif ch in "([":
            depth += 1
        elif ch in ")]":
            depth -= 1
        if ch == "," and depth == 0 and not quote:
            out.append(cur.strip())
            cur = ""
        else:
            cur += ch
    if cur.strip():
        out.append(cur.strip())
    return out


def parse(text: str) -> Schema:
    m = re.match(r"^(\w+)(?:\.(\w+))?\((.*)\)\s*->\s*(.+)$", text.strip(), re.S)
    if not m:
        raise SchemaError(f"cannot read schema {text!r}")
    name, overload, args_text, ret_text = m.groups()
    args, kw_only = [], False
    for part in _split(args_text):
        if part == "*":
            kw_only = True
            continue
        am = re.match(r"^(\S+)\s+(\w+)(?:=(.+))?$", part)
        if not am:
            raise SchemaError(f"cannot read argument {part!r} of {text!r}")
        kind, optional, single, mutated, alias = parse_type(am.group(1))
        args.append(Arg(am.group(2), kind, optional, am.group(3), kw_only, single, mutated, alias))
    ret_text = ret_text.strip()
    parts = _split(ret_text[1:-1]) if ret_text.startswith("(") else [ret_text]
    rets = []
    for part in parts:
        if not part:
            continue
        words = part.split()
        kind, _, _, _, alias = parse_type(words[0])
        rets.append(Ret(kind, alias, words[1] if len(words) > 1 else ""))
    return Schema(name, overload or "", args, rets)
