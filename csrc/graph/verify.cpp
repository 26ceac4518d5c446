// The rules of graph.h as checks. The first broken rule raises, naming the node.
#include <unordered_set>

#include "graph/graph.h"
#include "graph/text.h"
#include "ops/infer.h"

namespace fj::graph {
namespace {

bool fits(ArgType type, const Arg& a, bool optional) {
  switch (a.tag()) {
    case ArgTag::None: return optional || type == ArgType::OptTensor || type == ArgType::Generator;
    case ArgTag::Tensor:
      return type == ArgType::Tensor || type == ArgType::OptTensor || type == ArgType::Operand ||
             type == ArgType::Scalar;
    case ArgTag::TensorList: return type == ArgType::TensorList || type == ArgType::OptTensorList;
    case ArgTag::IntList: return type == ArgType::IntList || type == ArgType::FloatList || type == ArgType::BoolList;
    case ArgTag::BoolList: return type == ArgType::BoolList || type == ArgType::IntList;
    case ArgTag::FloatList: return type == ArgType::FloatList;
    case ArgTag::Bool:
    case ArgTag::Int:
    case ArgTag::Float:
      return type == ArgType::Operand || type == ArgType::Scalar || type == ArgType::Int || type == ArgType::Float ||
             type == ArgType::Bool || type == ArgType::IntList || type == ArgType::FloatList;
    default: return true;
  }
}

class Verifier {
 public:
  explicit Verifier(const Graph& g) : g_(g) {}

  void run() {
    for (size_t i = 0; i < g_.inputs.size(); ++i) {
      FJ_CHECK(!g_.inputs[i]->def && g_.inputs[i]->index == static_cast<int32_t>(i), "input ", i,
               " of a graph is misplaced");
      known_.insert(g_.inputs[i]);
    }
    for (const Node* n : g_.nodes) node(*n);
    for (const Value* v : g_.outputs) FJ_CHECK(known_.count(v), "output %", v->name, " is not computed in the graph");
    FJ_CHECK(g_.functional || g_.writes.empty(), "only a functional graph has write-backs");
    for (auto& [target, value] : g_.writes) {
      FJ_CHECK(!target->def && known_.count(target), "write-back to %", target->name, ", which is no input");
      FJ_CHECK(known_.count(value), "write-back of %", value->name, ", which is not computed");
      FJ_CHECK(target->sizes == value->sizes, "write-back of ", meta_text(*value), " to ", meta_text(*target));
    }
  }

 private:
  void node(const Node& n) {
    FJ_CHECK(n.op, "a node without an op");
    const char* name = n.op->full_name;
    FJ_CHECK(n.args.size() == n.op->args.size(), name, " has ", n.args.size(), " arguments");
    for (size_t i = 0; i < n.args.size(); ++i)
      FJ_CHECK(fits(n.op->args[i].type, n.args[i], n.op->args[i].optional || n.op->args[i].has_default), name,
               ": argument ", n.op->args[i].name, " is ", to_string(n.args[i]));
    for_each_val(n.args,
                 [&](Val v) { FJ_CHECK(known_.count(value_of(v)), name, " uses a value that is not known yet"); });
    if (g_.functional)
      for (const ArgDef& a : n.op->args) FJ_CHECK(!a.mutated, name, " mutates in a functional graph");
    metas(n);
    for (size_t i = 0; i < n.outs.size(); ++i) {
      FJ_CHECK(n.outs[i]->def == &n && n.outs[i]->index == static_cast<int32_t>(i), name, ": result ", i,
               " is misplaced");
      FJ_CHECK(known_.insert(n.outs[i]).second, "%", n.outs[i]->name, " is defined twice");
    }
  }

  void metas(const Node& n) {
    if (n.op->has(kInplace)) return;
    SmallVec<TensorMeta, 2> want;
    infer_op(*n.op, n.args, want);
    FJ_CHECK(want.size() == n.outs.size(), n.op->full_name, " has ", n.outs.size(), " results");
    for (size_t i = 0; i < want.size(); ++i) {
      const Value& v = *n.outs[i];
      FJ_CHECK(want[i].sizes == v.sizes && want[i].dtype == v.dtype, n.op->full_name, ": %", v.name, " is ",
               meta_text(v), " but the rule gives ", meta_text(want[i]));
      if (n.op->is_view())
        FJ_CHECK(want[i].strides == v.strides && want[i].offset == v.offset, n.op->full_name, ": view %", v.name,
                 " is ", meta_text(v), " but the rule gives ", meta_text(want[i]));
    }
  }

  const Graph& g_;
  std::unordered_set<const Value*> known_;
};

}  // namespace

void verify(const Graph& g) { Verifier(g).run(); }

}  // namespace fj::graph
