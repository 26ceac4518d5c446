"""Turns the expressions of a row (Python syntax) into C++.

Scalar expressions (`lower`) become calls on a ScalarBuilder; tensor expressions (`vjp`, `decompose`) become calls on a
Builder. Both are pure: no statements, no loops. What needs more is a named C++ rule (`fn:name`).
"""

from __future__ import annotations

import ast

from .schema import Schema

_BIN = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.FloorDiv: "floordiv",
    ast.Mod: "rem",
    ast.Pow: "pow",
    ast.BitAnd: "and",
    ast.BitOr: "or",
    ast.BitXor: "xor",
    ast.LShift: "shl",
    ast.RShift: "shr",
}
_CMP = {ast.Lt: "lt", ast.LtE: "le", ast.Gt: "gt", ast.GtE: "ge", ast.Eq: "eq", ast.NotEq: "ne"}
_TENSOR_BIN = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or",
    ast.Mod: "remainder",
    ast.MatMult: "matmul",
}


_CASTS = {"bool": "Bool", "int64": "I64", "float32": "F32", "float64": "F64"}


class ExprError(ValueError):
    pass


def number(v: object) -> str:
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, int):
        return f"int64_t{{{v}}}"
    return repr(v)


class ScalarExpr:
    def __init__(self, schema: Schema):
        self.index = {a.name: i for i, a in enumerate(schema.args)}

    def compile(self, text: str) -> str:
        return self.visit(ast.parse(text, mode="eval").body)

    def op(self, name: str, *args: str) -> str:
        return f'b.op("{name}", {{{", ".join(args)}}})'

    def cast(self, to: str, n: ast.AST) -> str:
        return f"b.cast({self.visit(n)}, DType::{to})"

    def visit(self, n: ast.AST) -> str:
        if isinstance(n, ast.Name):
            if n.id == "inf":
                return "b.constant(__builtin_inf())"
            if n.id == "nan":
                return 'b.constant(__builtin_nan(""))'
            if n.id not in self.index:
                raise ExprError(f"unknown name {n.id}")
            return f"in[{self.index[n.id]}]"
        if isinstance(n, ast.Constant):
            return f"b.constant_int({int(n.value)})" if isinstance(n.value, (bool, int)) else f"b.constant({n.value!r})"
        if isinstance(n, ast.BinOp):
            return self.op(_BIN[type(n.op)], self.visit(n.left), self.visit(n.right))
        if isinstance(n, ast.UnaryOp):
            if isinstance(n.op, ast.USub):
                if isinstance(n.operand, ast.Constant):
                    return self.visit(ast.Constant(-n.operand.value))
                return self.op("neg", self.visit(n.operand))
            if isinstance(n.op, ast.Not):
                return self.op("not", self.cast("Bool", n.operand))
            return self.op("not", self.visit(n.operand))
        if isinstance(n, ast.Compare) and len(n.ops) == 1:
            return self.op(_CMP[type(n.ops[0])], self.visit(n.left), self.visit(n.comparators[0]))
        if isinstance(n, ast.BoolOp):
            name = "and" if isinstance(n.op, ast.And) else "or"
            out = self.cast("Bool", n.values[0])
            for v in n.values[1:]:
                out = self.op(name, out, self.cast("Bool", v))
            return out
        if isinstance(n, ast.IfExp):
            return self.op("select", self.visit(n.test), self.visit(n.body), self.visit(n.orelse))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name):
            if n.func.id in _CASTS:
                return self.cast(_CASTS[n.func.id], n.args[0])
            return self.op(n.func.id, *[self.visit(a) for a in n.args])
        raise ExprError(f"scalar expressions do not have {ast.dump(n)}")


class TensorExpr:
    """Expressions over a Builder `b`. `names` maps a name to C++ text; uses of args and results are recorded."""

    def __init__(self, schema: Schema, schemas: dict[str, Schema], in_vjp: bool):
        self.index = {a.name: i for i, a in enumerate(schema.args)}
        self.schemas = schemas
        self.in_vjp = in_vjp
        self.used_args: set[str] = set()
        self.used_outs: set[int] = set()

    def compile(self, text: str) -> str:
        return self.visit(ast.parse(text, mode="eval").body)

    def name(self, name: str, data: bool = True) -> str:
        if self.in_vjp:
            for stem, field in (("grad", "grads"), ("result", "outs")):
                if name == stem or (name.startswith(stem) and name[len(stem) :].isdigit()):
                    i = int(name[len(stem) :] or 0)
                    if stem == "result" and data:
                        self.used_outs.add(i)
                    return f"Arg(c.{field}[{i}])"
        if name not in self.index:
            raise ExprError(f"unknown name {name}")
        if data:
            self.used_args.add(name)
        return f"{'c.args' if self.in_vjp else 'args'}[{self.index[name]}]"

    def call(self, op: str, args: list[str], kwargs: dict[str, str]) -> str:
        if op not in self.schemas:
            raise ExprError(f"no op {op} in the table")
        schema = self.schemas[op]
        if kwargs:
            names = [a.name for a in schema.args]
            full = list(args)
            last = max(names.index(k) for k in kwargs)
            for a in schema.args[len(args) : last + 1]:
                full.append(kwargs[a.name] if a.name in kwargs else default_arg(a.default, a.type))
            args = full
        return f"t::{cpp_name(schema.ident)}({', '.join(['b', *args])})"

    def visit(self, n: ast.AST) -> str:
        if isinstance(n, ast.Name):
            return self.name(n.id)
        if isinstance(n, ast.Constant):
            if n.value is None:
                return "Arg()"
            if isinstance(n.value, str):
                return f'Arg("{n.value}")'
            return f"Arg({number(n.value)})"
        if isinstance(n, ast.List):
            return "Arg::ints({" + ", ".join(str(ast.literal_eval(e)) for e in n.elts) + "})"
        if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name):
            v = self.name(n.value.id, data=False) + ".val()"
            fields = {
                "sizes": f"Arg({v}->sizes)",
                "dtype": f"Arg({v}->dtype)",
                "ndim": f"Arg({v}->dim())",
                "numel": f"Arg(int64_t({v}->numel()))",
                "device": f"Arg({v}->device)",
            }
            if n.attr not in fields:
                raise ExprError(f"no field {n.attr}")
            return fields[n.attr]
        if isinstance(n, ast.BinOp):
            return self.call(_TENSOR_BIN[type(n.op)], [self.visit(n.left), self.visit(n.right)], {})
        if isinstance(n, ast.UnaryOp):
            if isinstance(n.op, ast.USub) and isinstance(n.operand, ast.Constant):
                return f"Arg({number(-n.operand.value)})"
            return self.call("neg" if isinstance(n.op, ast.USub) else "logical_not", [self.visit(n.operand)], {})
        if isinstance(n, ast.Compare) and len(n.ops) == 1:
            return self.call(_CMP[type(n.ops[0])], [self.visit(n.left), self.visit(n.comparators[0])], {})
        if isinstance(n, ast.Call):
            # An overload is written f.overload(x); `sum.dim(x, 1)` parses as an attribute call.
            name = n.func.id if isinstance(n.func, ast.Name) else f"{n.func.value.id}.{n.func.attr}"
            return self.call(name, [self.visit(a) for a in n.args], {k.arg: self.visit(k.value) for k in n.keywords})
        raise ExprError(f"tensor expressions do not have {ast.dump(n)}")


_KEYWORDS = {"and", "or", "not", "xor", "default", "new", "delete", "switch", "union", "float", "int", "double", "bool"}


def cpp_name(ident: str) -> str:
    return ident + "_op" if ident in _KEYWORDS else ident


def default_arg(text: str | None, kind: str) -> str:
    """C++ text of a schema default."""
    if text is None or text == "None":
        return "Arg()"
    if kind in ("IntList", "BoolList", "FloatList"):
        v = ast.literal_eval(text.replace("True", "1").replace("False", "0"))
        items = v if isinstance(v, (list, tuple)) else [v]
        body = ", ".join(str(x) for x in items)
        if kind == "IntList":
            return f"Arg::ints({{{body}}})"
        return (
            f"Arg::bools(SmallVec<int64_t, 6>{{{body}}})"
            if kind == "BoolList"
            else f"Arg::floats(std::vector<double>{{{body}}})"
        )
    if kind == "DType":
        return f"Arg(DType::{ {'float32': 'F32', 'int64': 'I64', 'bool': 'Bool'}[text] })"
    if kind == "MemoryFormat":
        return f"Arg(MemoryFormat::{ {'contiguous_format': 'Contiguous', 'preserve_format': 'Preserve'}[text] })"
    v = ast.literal_eval(text)
    if isinstance(v, bool):
        return f"Arg({'true' if v else 'false'})"
    if kind == "Float" or isinstance(v, float):
        return f"Arg(double({float(v)!r}))"
    if isinstance(v, int):
        return f"Arg(int64_t{{{v}}})"
    return f'Arg("{v}")'
