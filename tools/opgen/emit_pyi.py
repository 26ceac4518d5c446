"""Writes `_C.pyi`, the type stub: a hand-written head (stub_head.pyi), then the methods and functions of the op table.

Inside class Tensor the names int, float, bool, dtype and device mean its own members, so the aliases of the head
(Int, Float, ...) are used everywhere.
"""

from __future__ import annotations

import keyword
import pathlib

from .schema import Arg, Schema
from .table import Row

HEAD = pathlib.Path(__file__).with_name("stub_head.pyi")

TYPES = {
    "Tensor": "Tensor", "OptTensor": "Tensor", "Operand": "Tensor | Number", "Scalar": "Number", "Int": "Int",
    "Float": "Float", "Bool": "Bool", "Str": "str", "DType": "DType", "Device": "Device | str", "Layout": "Layout",
    "MemoryFormat": "MemoryFormat", "Generator": "Generator", "TensorList": "Sequence[Tensor]",
    "OptTensorList": "Sequence[Tensor | None]", "IntList": "Sequence[Int]", "FloatList": "Sequence[Float]",
    "BoolList": "Sequence[Bool]",
}  # fmt: skip
RETURNS = {"Tensor": "Tensor", "TensorList": "tuple[Tensor, ...]", "Scalar": "Number", "Int": "Int", "Bool": "Bool",
           "Float": "Float"}  # fmt: skip

# operator method -> the op that carries it out
OPERATORS = {
    "__add__": "add", "__radd__": "add", "__sub__": "sub", "__rsub__": "sub", "__mul__": "mul", "__rmul__": "mul",
    "__truediv__": "div", "__rtruediv__": "div", "__floordiv__": "floor_divide", "__rfloordiv__": "floor_divide",
    "__mod__": "remainder", "__rmod__": "remainder", "__pow__": "pow", "__rpow__": "pow", "__matmul__": "matmul",
    "__and__": "bitwise_and", "__or__": "bitwise_or", "__xor__": "bitwise_xor", "__lt__": "lt", "__le__": "le",
    "__gt__": "gt", "__ge__": "ge", "__iadd__": "add", "__isub__": "sub", "__imul__": "mul", "__itruediv__": "div",
}  # fmt: skip


def parameter(arg: Arg, name: str) -> str:
    text = TYPES[arg.type]
    if arg.single:
        text = f"Int | {text}"
    if arg.optional or arg.type == "OptTensor" or arg.default == "None":
        text += " | None"
    return f"{name}: {text}" + (" = ..." if arg.default is not None else "")


def parameters(args: list[Arg], extra: list[str]) -> str:
    out, starred = [], False
    for arg in args:
        if arg.kw_only and not starred:
            out.append("*")
            starred = True
        out.append(parameter(arg, arg.name + "_" if keyword.iskeyword(arg.name) else arg.name))
    if extra and not starred:
        out.append("*")
    return ", ".join(out + extra)


def returns(schema: Schema) -> str:
    kinds = [RETURNS.get(ret.type, "Any") for ret in schema.rets]
    return "None" if not kinds else kinds[0] if len(kinds) == 1 else f"tuple[{', '.join(kinds)}]"


def renamed(args: list[Arg]) -> list[Arg]:
    """`self` is called `input` in functions."""
    return [Arg(**{**vars(a), "name": "input"}) if a.name == "self" else a for a in args]


def signatures(row: Row, method: bool) -> list[str]:
    """The parameter lists of one row: usually one, two where sizes may be spelled out (`view(2, 3)`)."""
    args = row.schema.args[1:] if method else renamed(row.schema.args)
    lead = "self, " if method else ""
    extra = ["out: Tensor | None = ..."] if "out" in row.variants and not method else []
    out = [f"({lead}{parameters(args, extra)})".replace("(self, )", "(self)")]
    if args and args[0].type == "IntList" and not args[0].optional:
        tail = parameters([Arg(**{**vars(a), "kw_only": False}) for a in args[1:]], extra).replace("*, ", "")
        out.append(f"({lead}*{args[0].name}: Int{', ' + tail if tail else ''})")
    return out


def definitions(rows: list[Row], method: bool, indent: str) -> list[str]:
    """All rows of one name become one function, overloaded where there are several signatures, the shortest first."""
    by_name: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: len(row.schema.args)):
        if method and (not row.schema.args or row.schema.args[0].name != "self"):
            continue
        for signature in signatures(row, method):
            result = returns(row.schema)
            for name in (row.schema.name, *row.cols.get("aliases", "").split()):
                if not method or "method" in row.variants:
                    by_name.setdefault(name, []).append(f"{signature} -> {result}: ...")
                if method and "inplace" in row.variants:
                    by_name.setdefault(name + "_", []).append(f"{signature} -> Self: ...")
    out = []
    for name, bodies in sorted(by_name.items()):
        bodies = list(dict.fromkeys(bodies))
        for body in bodies:
            if len(bodies) > 1:
                out.append(f"{indent}@overload\n")
            out.append(f"{indent}def {name}{body}\n")
    return out


def emit(rows: list[Row]) -> str:
    rows = [row for row in rows if not row.schema.name.startswith("_")]
    names = {row.schema.name for row in rows}
    head = HEAD.read_text()
    written = {line.split("def ")[1].split("(")[0] for line in head.splitlines() if line.startswith("    def ")}
    methods = [row for row in rows if row.variants & {"method", "inplace"} and row.schema.name not in written]
    functions = [row for row in rows if "function" in row.variants and "nn" not in row.flags]
    out = [head, *definitions(methods, True, "    ")]
    for operator, op in OPERATORS.items():
        if op in names:
            out.append(f"    def {operator}(self, other: Tensor | Number) -> Tensor: ...\n")
    out.append("    def __neg__(self) -> Tensor: ...\n    def __invert__(self) -> Tensor: ...\n")
    out.append("    def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]\n")
    out.append("    def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]\n\n")
    return "".join(out + definitions(functions, False, ""))
