// The text of a graph:
//
//   graph(%x: float32[2, 3], %y: float32[3, 2; 1, 3] grad) {
//     %v2: float32[2, 3] = add(%x, %x, alpha=2)
//     write %x = %v2
//     return %v2
//   }
//
// After `;` stand strides that are not row-major, after `@` an offset that is not 0. Arguments equal to their defaults
// are left out; a node recorded without gradients ends in `no_grad`; a graph in functional form says so before its
// brace.
#include "graph/graph.h"
#include "graph/text.h"

namespace fj::graph {
namespace {

void append_value(std::string& out, const Value* v) { out += cat("%", v->name); }

void append_declaration(std::string& out, const Value* v) {
  append_value(out, v);
  out += cat(": ", meta_text(*v));
}

void append_arg(std::string& out, const Arg& a) {
  if (a.tag() == ArgTag::Tensor) return append_value(out, value_of(a.val()));
  if (a.tag() == ArgTag::TensorList) {
    out += '[';
    bool first = true;
    for (Val v : a.as_vals()) {
      if (!first) out += ", ";
      first = false;
      if (v)
        append_value(out, value_of(v));
      else
        out += "None";
    }
    out += ']';
    return;
  }
  out += to_string(a);
}

bool is_default(const ArgDef& def, const Arg& a) { return def.has_default && a == def.def; }

void append_args(std::string& out, const Node& n) {
  bool first = true, by_name = false;
  for (size_t i = 0; i < n.args.size(); ++i) {
    const ArgDef& def = n.op->args[i];
    if (is_default(def, n.args[i])) {
      by_name = true;
      continue;
    }
    if (!first) out += ", ";
    first = false;
    if (by_name || def.kw_only) out += cat(def.name, "=");
    append_arg(out, n.args[i]);
  }
}

void append_node(std::string& out, const Node& n) {
  out += "  ";
  for (size_t i = 0; i < n.outs.size(); ++i) {
    if (i) out += ", ";
    append_declaration(out, n.outs[i]);
  }
  if (!n.outs.empty()) out += " = ";
  out += n.op->full_name;
  out += '(';
  append_args(out, n);
  out += ')';
  if (n.no_grad) out += " no_grad";
  out += '\n';
}

}  // namespace

std::string meta_text(const TensorMeta& m) {
  std::string out = cat(name_of(m.dtype), "[");
  for (size_t i = 0; i < m.sizes.size(); ++i) out += cat(i ? ", " : "", m.sizes[i]);
  if (!(m.strides == contiguous_strides(m.sizes))) {
    out += "; ";
    for (size_t i = 0; i < m.strides.size(); ++i) out += cat(i ? ", " : "", m.strides[i]);
  }
  out += ']';
  if (m.offset) out += cat(" @", m.offset);
  if (m.requires_grad) out += " grad";
  return out;
}

std::string print(const Graph& g) {
  std::string out = "graph(";
  for (size_t i = 0; i < g.inputs.size(); ++i) {
    if (i) out += ", ";
    append_declaration(out, g.inputs[i]);
  }
  out += g.functional ? ") functional {\n" : ") {\n";
  for (const Node* n : g.nodes) append_node(out, *n);
  for (auto& [target, value] : g.writes) {
    out += "  write ";
    append_value(out, target);
    out += " = ";
    append_value(out, value);
    out += '\n';
  }
  out += "  return";
  for (size_t i = 0; i < g.outputs.size(); ++i) {
    out += i ? ", " : " ";
    append_value(out, g.outputs[i]);
  }
  return out + "\n}\n";
}

}  // namespace fj::graph
