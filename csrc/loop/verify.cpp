// The rules of loop.h as checks: first broken rule wins. Cheap enough to run on every kernel in debug builds.
#include "base/str.h"
#include "loop/loop.h"

namespace fj::loop {
namespace {

bool is_arith(DType t) { return t != DType::Bool && t != DType::F16 && t != DType::BF16; }
bool is_wide_float(DType t) { return t == DType::F32 || t == DType::F64; }
bool is_acc_type(DType t) { return t == DType::I32 || t == DType::I64 || is_wide_float(t); }
bool is_arg(AccKind k) { return k == AccKind::ArgMax || k == AccKind::ArgMin; }
bool is_logic(AccKind k) { return k == AccKind::Any || k == AccKind::All; }

class Verifier {
 public:
  explicit Verifier(const Kernel& k) : k_(k), fed_in_(k.accs.size(), -1) {}

  std::string run() {
    frame();
    for (size_t s = 0; s < k_.stages.size() && error_.empty(); ++s) stage(static_cast<int>(s));
    for (size_t i = 0; i < fed_in_.size(); ++i) need(fed_in_[i] >= 0, cat("accumulator ", i, " is never fed"));
    return error_;
  }

 private:
  void need(bool ok, std::string_view what) {
    if (!ok && error_.empty()) error_ = std::string(what);
  }

  void frame() {
    int n = k_.rank();
    need(n >= 1 && n <= kMaxAxes, "a kernel has 1 to 12 axes");
    if (n < 1) return;
    int i = 0;
    while (i < n && k_.axes[i] == AxisKind::Parallel) ++i;
    while (i < n && k_.axes[i] == AxisKind::Reduce) ++i;
    need(i == n || i == n - 1, "axes come as parallel, reduce, then at most one parallel vector axis");
    need(k_.operands.size() <= kMaxOperands, "too many operands");
    need(k_.params.size() <= kMaxParams, "too many parameters");
    need(!k_.stages.empty(), "a kernel has a stage");
    for (const Acc& a : k_.accs)
      need(is_logic(a.kind) ? a.dtype == DType::Bool : is_acc_type(a.dtype), "accumulator of a wrong dtype");
    uint32_t at = 0;
    for (const Stage& s : k_.stages) {
      need(s.first == at && s.last >= s.first, "stages do not cover the instructions in order");
      at = s.last;
    }
    need(at == k_.insts.size(), "instructions outside any stage");
  }

  void stage(int number) {
    const Stage& s = k_.stages[number];
    for (uint32_t i = s.first; i < s.last && error_.empty(); ++i) {
      inst(number, s, i);
      if (!error_.empty()) error_ = cat("instruction %", i, ": ", error_);
    }
  }

  int stage_of(Value v) const {
    for (size_t s = 0; s < k_.stages.size(); ++s)
      if (v < k_.stages[s].last) return static_cast<int>(s);
    return -1;
  }

  void argument(int number, uint32_t at, Value v) {
    need(v < at, "uses a value before its definition");
    if (!error_.empty()) return;
    need(info(k_.insts[v].op).has_value, "uses an instruction without a value");
    int from = stage_of(v);
    need(from == number || k_.stages[from].kind == StageKind::Point, "uses a value of another sweep stage");
  }

  DType type(Value v) const { return k_.insts[v].dtype; }

  void inst(int number, const Stage& s, uint32_t at) {
    const Inst& in = k_.insts[at];
    const OpInfo& op = info(in.op);
    int n = op.arity;
    if (in.op == Op::Accum && static_cast<size_t>(in.index) < k_.accs.size() && is_arg(k_.accs[in.index].kind)) n = 2;
    const Value args[3] = {in.a, in.b, in.c};
    for (int i = 0; i < 3; ++i) {
      if (i >= n) {
        need(args[i] == kNone, "too many arguments");
        continue;
      }
      need(args[i] != kNone, "too few arguments");
      if (args[i] != kNone) argument(number, at, args[i]);
    }
    if (!error_.empty()) return;
    if (is_scalar(in.op)) return scalar(in, op, args);
    structural(number, s, in);
  }

  void scalar(const Inst& in, const OpInfo& op, const Value* args) {
    DType t = type(in.a);
    for (int i = 1; i < op.arity; ++i) need(type(args[i]) == t, "arguments of different dtypes");
    bool to_bool = op.rule == TypeRule::Cmp || op.rule == TypeRule::Class;
    need(in.dtype == (to_bool ? DType::Bool : t), "wrong result dtype");
    switch (op.rule) {
      case TypeRule::Arith: need(is_arith(t), "arithmetic needs an integer type, f32 or f64"); break;
      case TypeRule::Cmp:
        need(is_arith(t) || t == DType::Bool, "comparison needs an integer type, bool, f32 or f64");
        break;
      case TypeRule::Float:
      case TypeRule::Class: need(is_wide_float(t), "needs f32 or f64"); break;
      case TypeRule::Int: need(is_integral(t), "needs an integer type"); break;
      case TypeRule::Bit: need(is_integral(t, true), "needs an integer type or bool"); break;
      case TypeRule::None: break;
    }
  }

  bool operand(const Inst& in, bool write) {
    bool exists = in.index >= 0 && static_cast<size_t>(in.index) < k_.operands.size();
    need(exists, "no such operand");
    if (!exists) return false;
    const Operand& o = k_.operands[in.index];
    need(write ? o.role != Role::In : o.role != Role::Out, write ? "stores to an input" : "loads from an output");
    need(in.dtype == o.dtype, "dtype differs from the operand's");
    return true;
  }

  void structural(int number, const Stage& s, const Inst& in) {
    switch (in.op) {
      case Op::Param:
        need(in.index >= 0 && static_cast<size_t>(in.index) < k_.params.size(), "no such parameter");
        break;
      case Op::Index: index(s, in); break;
      case Op::Load: operand(in, false); break;
      case Op::LoadAt:
        operand(in, false);
        need(type(in.a) == DType::I64, "byte offsets are i64");
        break;
      case Op::Store: store(s, in); break;
      case Op::StoreAt:
        if (operand(in, true)) need(type(in.b) == in.dtype, "stores a value of another dtype");
        need(type(in.a) == DType::I64, "byte offsets are i64");
        break;
      case Op::Select:
        need(type(in.a) == DType::Bool, "selects on a value that is not bool");
        need(type(in.b) == in.dtype && type(in.c) == in.dtype, "selects between different dtypes");
        break;
      case Op::Accum: accum(number, s, in); break;
      case Op::Result:
      case Op::ResultValue: result(number, in); break;
      case Op::Check: need(type(in.a) == DType::Bool && in.index > 0, "checks a bool, with a code > 0"); break;
      case Op::Philox:
        need(in.dtype == DType::I32 && type(in.a) == DType::I64 && type(in.b) == DType::I64,
             "philox is (i64, i64) -> i32");
        break;
      default: break;
    }
  }

  void index(const Stage& s, const Inst& in) {
    need(in.index >= 0 && in.index < k_.rank(), "no such axis");
    need(is_acc_type(in.dtype), "an index is i32, i64, f32 or f64");
    if (error_.empty() && s.kind == StageKind::Point)
      need(k_.axes[in.index] == AxisKind::Parallel, "index of a reduce axis in a point stage");
  }

  void store(const Stage& s, const Inst& in) {
    if (!operand(in, true)) return;
    need(type(in.a) == in.dtype, "stores a value of another dtype");
    bool one_place = k_.operands[in.index].vec == VecClass::Broadcast;
    need(!one_place || (s.kind == StageKind::Point && k_.is_row()), "stores every lane to one place");
  }

  void accum(int number, const Stage& s, const Inst& in) {
    need(s.kind == StageKind::Sweep, "accumulates outside a sweep stage");
    bool exists = in.index >= 0 && static_cast<size_t>(in.index) < k_.accs.size();
    need(exists, "no such accumulator");
    if (!exists) return;
    need(fed_in_[in.index] < 0, "feeds an accumulator twice");
    need(type(in.a) == k_.accs[in.index].dtype && in.dtype == k_.accs[in.index].dtype,
         "accumulates a value of another dtype");
    if (is_arg(k_.accs[in.index].kind)) need(type(in.b) == DType::I64, "the index of an arg accumulator is i64");
    fed_in_[in.index] = number;
  }

  void result(int number, const Inst& in) {
    bool exists = in.index >= 0 && static_cast<size_t>(in.index) < k_.accs.size();
    need(exists, "no such accumulator");
    if (!exists) return;
    const Acc& a = k_.accs[in.index];
    need(fed_in_[in.index] >= 0 && fed_in_[in.index] < number, "reads an accumulator that no earlier stage feeds");
    if (in.op == Op::ResultValue) need(is_arg(a.kind), "result_value is for arg accumulators");
    need(in.dtype == (in.op == Op::Result && is_arg(a.kind) ? DType::I64 : a.dtype), "wrong result dtype");
  }

  const Kernel& k_;
  std::vector<int> fed_in_;
  std::string error_;
};

}  // namespace

std::string verify(const Kernel& kernel) { return Verifier(kernel).run(); }

}  // namespace fj::loop
