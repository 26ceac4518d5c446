"""Writes the C++ side of the op table: op_ids.inc, calls.h, calls.cpp, rule_decls.h and op_table.cpp."""

from __future__ import annotations

import copy

from .expr import ScalarExpr, TensorExpr, cpp_name, default_arg
from .schema import Schema
from .table import FLAGS, REDUCE_OPS, Row, RowError, none_reason

_HEAD = "// Written by tools/gen_ops.py from csrc/ops/table. Do not edit.\n"

# The arguments of one call: a function out of line, so that what refers to them stays small.
_CALL = """namespace {

struct Copies {
  [[gnu::noinline]] Copies(std::span<const Arg* const> from) {
    for (const Arg* a : from) args.push_back(*a);
  }
  [[gnu::noinline]] ~Copies() {}
  operator Args() const { return args; }
  ArgVec args;
};

}  // namespace

"""

# The fields of OpDef, in their order.
_FIELDS = (
    "id name overload full_name kind flags args rets infer scalar compute reduce native decompose vjp vjp_saves_args "
    "vjp_saves_outs vjp_args batch complex partner no_vjp no_batch aliases schema doc"
).split()


def inplace_schema(s: Schema) -> Schema:
    out = copy.deepcopy(s)
    out.name += "_"
    out.args[0].mutated = True
    out.rets = out.rets[:1]
    out.rets[0].alias = "a"
    return out


class Emitter:
    def __init__(self, rows: list[Row]):
        self.rows = rows
        self.schemas = {r.key: r.schema for r in rows}
        self.rule_decls: set[str] = set()
        self.code: list[str] = []  # generated rule functions
        self.reads: dict[str, dict[int, tuple[int, int]]] = {}  # row -> argument -> what its derivative reads

    # -- small outputs ---------------------------------------------------------------------------------------------
    def defs(self) -> list[tuple[Row, Schema, bool]]:
        out = []
        for r in self.rows:
            out.append((r, r.schema, False))
            if "inplace" in r.variants:
                out.append((r, inplace_schema(r.schema), True))
        return out

    def op_ids(self) -> str:
        return _HEAD + "".join(f"FJ_OP({cpp_name(s.ident)})\n" for _, s, _ in self.defs())

    def calls(self) -> tuple[str, str]:
        """The declarations and the definitions of t::op for every op."""
        header = [_HEAD, '#pragma once\n#include "ops/builder.h"\n\nnamespace fj::t {\n']
        source = [_HEAD, '#include "ops/calls.h"\n\nnamespace fj::t {\n', _CALL]
        for _, s, _ in self.defs():
            params, plain, seen_default = ["Builder& b"], ["Builder& b"], False
            for a in s.args:
                seen_default = seen_default or a.default is not None
                default = f" = {default_arg(a.default, a.type)}" if seen_default else ""
                plain.append(f"const Arg& {cpp_name(a.name)}")
                params.append(plain[-1] + default)
            names = ", ".join("&" + cpp_name(a.name) for a in s.args)
            multi = len(s.rets) != 1 or s.rets[0].type == "TensorList"
            ret, fn = ("SmallVec<Val, 2>", "emit_n") if multi else ("Val", "emit1")
            header.append(f"{ret} {cpp_name(s.ident)}({', '.join(params)});\n")
            args = f"const Arg* const args[] = {{{names}}}; " if names else ""
            call = f"b.{fn}(OpId::{cpp_name(s.ident)}, {'Copies(args)' if names else 'Args()'})"
            source.append(f"{ret} {cpp_name(s.ident)}({', '.join(plain)}) {{ {args}return {call}; }}\n")
        header.append("\n}  // namespace fj::t\n")
        source.append("\n}  // namespace fj::t\n")
        return "".join(header), "".join(source)

    # -- rule functions --------------------------------------------------------------------------------------------
    def declare(self, ret: str, name: str, params: str) -> str:
        self.rule_decls.add(f"{ret} {name}({params});")
        return name

    def infer(self, r: Row) -> str:
        if r.col("infer"):
            return self.declare("void", f"infer_{r.cols['infer']}", "InferCtx& c")
        if not r.col("dtype"):
            return "nullptr"
        dtype = self.declare("DType", f"dtype_{r.cols['dtype']}", "const InferCtx& c")
        shape = self.declare("Shape", f"shape_{r.cols['shape']}", "const InferCtx& c")
        layout = "true" if r.kind == "pointwise" else "false"
        name = f"infer_row_{r.schema.ident}"
        self.code.append(f"void {name}(InferCtx& c) {{ infer_with(c, {dtype}, {shape}, {layout}); }}\n")
        return name

    def compute(self, r: Row) -> str:
        if r.kind not in ("pointwise", "reduction"):
            return "nullptr"
        default = {"promote": "promote", "promote_float": "promote_float", "bool": "promote"}.get(
            r.col("dtype"), "promote"
        )
        return self.declare("DType", f"compute_{r.col('compute') or default}", "const OpDef& op, Args args")

    def lowering(self, r: Row) -> dict[str, str]:
        text = r.col("lower")
        if r.kind == "pointwise":
            if text.startswith("fn:"):
                return {
                    "scalar": self.declare(
                        "Scl", f"scalar_{text[3:]}", "ScalarBuilder& b, std::span<const Scl> in, Args args"
                    )
                }
            name = f"scalar_row_{r.schema.ident}"
            body = ScalarExpr(r.schema).compile(text)
            self.code.append(
                f"Scl {name}(ScalarBuilder& b, std::span<const Scl> in, Args) {{ (void)b, (void)in; return {body}; }}\n"
            )
            return {"scalar": name}
        if r.kind == "reduction":
            return {"reduce": f"ReduceOp::{REDUCE_OPS[text]}"}
        if r.kind == "native":
            return {"native": "native::" + self.declare("void", f"native::{text}", "NativeCtx& ctx").split("::")[1]}
        return {}

    def decompose(self, r: Row) -> str:
        text = r.col("decompose")
        if not text:
            return "nullptr"
        if text.startswith("fn:"):
            return self.declare(
                "void", f"decompose_{text[3:]}", "Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs"
            )
        name = f"decompose_row_{r.schema.ident}"
        body = TensorExpr(r.schema, self.schemas, in_vjp=False).compile(text)
        self.code.append(
            f"void {name}(Builder& b, const OpDef&, Args args, SmallVec<Val, 2>& outs) {{ outs.push_back({body}); }}\n"
        )
        return name

    def vjp(self, r: Row) -> dict[str, str]:
        col = r.cols["vjp"]
        index = {a.name: i for i, a in enumerate(r.schema.args)}
        why = none_reason(col)
        if why is not None:
            return {"no_vjp": f'"{why}"'}
        if isinstance(col, str):
            if not col.startswith("fn:"):
                raise RowError(f'{r.file}: {r.key}: vjp must be a table, fn:name or none("why")')
            saves = r.col("saves") or []
            diff = r.col("diff") or [r.schema.args[0].name]
            if isinstance(saves, list):
                saves = dict.fromkeys(diff, saves)
            self.reads[r.key] = {
                index[arg]: (
                    sum(1 << index[n] for n in names if n in index),
                    sum(1 << int(n[6:] or 0) for n in names if n.startswith("result")),
                )
                for arg, names in saves.items()
            }
            args, outs = self.read_by_any(r)
            return {
                "vjp": self.declare("void", f"vjp_{col[3:]}", "VjpCtx& c"),
                "vjp_saves_args": f"{args}ull",
                "vjp_saves_outs": f"{outs}ull",
                "vjp_args": f"{sum(1 << index[n] for n in diff)}ull",
            }
        name = f"vjp_row_{r.schema.ident}"
        tensorish = {a.name for a in r.schema.args if a.type in ("Tensor", "OptTensor", "Operand", "TensorList")}
        reads = self.reads[r.key] = {}
        lines = []
        for arg, text in col.items():
            e = TensorExpr(r.schema, self.schemas, in_vjp=True)
            body = e.compile(text)
            i = index[arg]
            reads[i] = sum(1 << index[n] for n in e.used_args & tensorish), sum(1 << o for o in e.used_outs)
            if r.kind == "pointwise":
                body = f"reduce_to(b, Arg({body}).val(), c.args[{i}].val())"
            lines.append(f"  if (c.need({i}) && c.args[{i}].is_tensor()) c.result[{i}] = Arg({body});\n")
        self.code.append(f"void {name}(VjpCtx& c) {{\n  Builder& b = c.b;\n  (void)b;\n{''.join(lines)}}}\n")
        args, outs = self.read_by_any(r)
        return {
            "vjp": name,
            "vjp_saves_args": f"{args}ull",
            "vjp_saves_outs": f"{outs}ull",
            "vjp_args": f"{sum(1 << index[n] for n in col)}ull",
        }

    def read_by_any(self, r: Row) -> tuple[int, int]:
        """What the derivatives for all arguments together read: bits of arguments, bits of results."""
        args = outs = 0
        for of_args, of_outs in self.reads[r.key].values():
            args, outs = args | of_args, outs | of_outs
        return args, outs

    def reads_table(self) -> str:
        """vjp_reads(): the rows whose derivatives for single arguments read less than all of them together."""
        elements, starts = [], []
        for r, s, _ in self.defs():
            reads = self.reads.get(r.key, {})
            every = self.read_by_any(r) if reads else (0, 0)
            if all(of_one == every for of_one in reads.values()):
                continue
            starts.append(f"    case OpId::{cpp_name(s.ident)}: return {{reads + {len(elements)}, {len(s.args)}}};\n")
            elements += [reads.get(i, (0, 0)) for i in range(len(s.args))]
        rows = "".join(f"  {{{args}ull, {outs}ull}},\n" for args, outs in elements)
        return (
            f"namespace {{\nconstexpr VjpReads reads[] = {{\n{rows}}};\n}}  // namespace\n\n"
            "std::span<const VjpReads> vjp_reads(OpId id) {\n  switch (id) {\n"
            f"{''.join(starts)}    default: return {{}};\n  }}\n}}\n\n"
        )

    def batch(self, r: Row) -> dict[str, str]:
        why = none_reason(r.cols["batch"])
        if why is not None:
            return {"no_batch": f'"{why}"'}
        return {"batch": self.declare("void", f"batch_{r.cols['batch']}", "BatchCtx& c")}

    def complex(self, r: Row) -> str:
        rule = r.col("complex")
        if not rule:
            return "nullptr"
        params = "Builder& b, const OpDef& op, Args args, SmallVec<Val, 2>& outs"
        return self.declare("void", f"complex_{rule}", params)

    # -- the table -------------------------------------------------------------------------------------------------
    def flags(self, r: Row, inplace: bool) -> str:
        v = r.variants
        out = [FLAGS[f] for f in r.flags]
        if "function" in v:
            out.append("kFunction")
        if "method" in v or inplace:
            out.append("kMethod")
        if "out" in v and not inplace:
            out.append("kHasOut")
        if inplace:
            out.append("kInplace")
        elif "inplace" in v:
            out.append("kHasInplace")
        return " | ".join(out) or "0"

    def arg_def(self, a) -> str:
        flags = (a.optional, a.default is not None, a.kw_only, a.single, a.mutated, a.no_number)
        return f'{{"{a.name}", ArgType::{a.type}, {", ".join("true" if x else "false" for x in flags)}}}'

    def ret_defs(self, s: Schema) -> list[str]:
        alias = {a.alias: i for i, a in enumerate(s.args) if a.alias}
        if s.args and s.args[0].mutated:
            alias["a"] = 0
        return [f'{{ArgType::{x.type}, {alias.get(x.alias, -1) if x.alias else -1}, "{x.name}"}}' for x in s.rets]

    def op_def(self, r: Row, s: Schema, inplace: bool, rules: dict, args: str, rets: str) -> str:
        """One element of the array: the fields that differ from their defaults, in the order of OpDef."""
        other = cpp_name(r.schema.ident if inplace else inplace_schema(r.schema).ident)
        aliases = " ".join(a + "_" if inplace else a for a in (r.col("aliases") or "").split())
        schema_text = r.cols["schema"] if not inplace else r.cols["schema"].replace(r.schema.name, s.name, 1)
        values = {
            "id": f"OpId::{cpp_name(s.ident)}",
            "name": f'"{s.name}"',
            "overload": f'"{s.overload}"',
            "full_name": f'"{s.full_name}"',
            "kind": f"OpKind::{r.kind.capitalize()}",
            "flags": self.flags(r, inplace),
            "args": args,
            "rets": rets,
            **{field: value for field, value in rules.items() if value != "nullptr"},
            "schema": f'R"fj({schema_text})fj"',
            "doc": f'R"fj({r.cols["doc"]})fj"',
        }
        if "inplace" in r.variants:
            values["partner"] = f"&defs[static_cast<size_t>(OpId::{other})]"
        if aliases:
            values["aliases"] = f'"{aliases}"'
        fields = "".join(f"   .{field} = {values[field]},\n" for field in _FIELDS if field in values)
        assert set(values) <= set(_FIELDS), set(values) - set(_FIELDS)
        return "  {\n" + fields + "  },\n"

    def table(self) -> str:
        """The array of OpDef. All of it is constant but the defaults of arguments, which set_defaults() makes."""
        rules = {}
        for r in self.rows:
            rules[r.key] = {
                "infer": self.infer(r),
                "compute": self.compute(r),
                **self.lowering(r),
                "decompose": self.decompose(r),
                **self.vjp(r),
                **self.batch(r),
                "complex": self.complex(r),
            }
        args, rets, defaults, body = [], [], [], []
        for r, s, inplace in self.defs():
            own_args = f"{{all_args + {len(args)}, {len(s.args)}}}"
            own_rets = f"{{all_rets + {len(rets)}, {len(s.rets)}}}"
            for a in s.args:
                if a.default not in (None, "None"):
                    defaults.append(f"  all_args[{len(args)}].def = {default_arg(a.default, a.type)};\n")
                args.append(f"  {self.arg_def(a)},\n")
            rets += [f"  {text},\n" for text in self.ret_defs(s)]
            body.append(self.op_def(r, s, inplace, rules[r.key], own_args, own_rets))
        return "".join(
            [
                _HEAD,
                '#include "ops/calls.h"\n#include "ops/native.h"\n#include "ops/rules.h"\n#include "ops/rule_decls.h"\n#include "ops/vjp_reads.h"\n\n',
                "namespace fj {\nnamespace {\n\n",
                *self.code,
                "\nconstinit ArgDef all_args[] = {\n",
                *args,
                "};\n\nconstexpr RetDef all_rets[] = {\n",
                *rets,
                "};\n\nextern OpDef defs[static_cast<size_t>(OpId::kCount)];\nconstinit OpDef defs[] = {\n",
                *body,
                "};\n\nbool set_defaults() {\n",
                *defaults,
                "  return true;\n}\n\n}  // namespace\n\n",
                "std::span<const OpDef> all_ops() {\n  static const bool done = set_defaults();\n  (void)done;\n"
                "  return defs;\n}\n\n",
                self.reads_table(),
                "}  // namespace fj\n",
            ]
        )

    def decls(self) -> str:
        plain = sorted(d for d in self.rule_decls if "native::" not in d)
        native = sorted(d.replace("native::", "") for d in self.rule_decls if "native::" in d)
        return "".join(
            [
                _HEAD,
                "// The hand-written rules that rows name: a missing one fails to link.\n#pragma once\n",
                '#include "ops/builder.h"\n#include "ops/native.h"\n\nnamespace fj {\n\n',
                "\n".join(plain),
                "\n\nnamespace native {\n",
                "\n".join(native),
                "\n}  // namespace native\n}  // namespace fj\n",
            ]
        )


def emit(rows: list[Row]) -> dict[str, str]:
    e = Emitter(rows)
    header, source = e.calls()
    files = {"op_ids.inc": e.op_ids(), "calls.h": header, "calls.cpp": source, "op_table.cpp": e.table()}
    files["rule_decls.h"] = e.decls()
    return {f"ops/{name}": text for name, text in files.items()}
