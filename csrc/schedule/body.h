// Writes scalar expressions into a loop kernel: the ScalarBuilder of pointwise rows, with value numbering inside a
// stage.
#pragma once
#include <unordered_map>

#include "loop/loop.h"
#include "ops/builder.h"

namespace fj::schedule {

// Codes of failed checks; runtime::KernelCall::messages is this table.
enum CheckCode : int { kZeroDivision = 1 };
extern const char* const kCheckMessages[];

class Body final : public ScalarBuilder {
 public:
  explicit Body(loop::Kernel& kernel) : k_(kernel) {}

  void open(loop::StageKind kind);
  // The type that the rules asked next compute in; f16 and bf16 become f32.
  void set_compute(DType t) { compute_ = fj::compute_type(t); }

  Scl op(std::string_view name, std::initializer_list<Scl> in) override;
  Scl constant(double v) override { return wrap(const_of(compute_, v)); }
  Scl constant_int(int64_t v) override { return wrap(const_int(compute_, v)); }
  Scl cast(Scl v, DType to) override { return wrap(cast(value(v), to)); }
  DType compute_type() const override { return compute_; }

  static Scl wrap(loop::Value v) { return Scl{static_cast<int32_t>(v)}; }
  static loop::Value value(Scl s) { return static_cast<loop::Value>(s.id); }

  loop::Value cast(loop::Value v, DType to);
  loop::Value const_of(DType t, double v);
  loop::Value const_int(DType t, int64_t v);
  loop::Value param(int index, DType t);
  loop::Value load(int operand);
  loop::Value emit(loop::Op op, loop::Value a, loop::Value b = loop::kNone, loop::Value c = loop::kNone);
  loop::Value select(loop::Value cond, loop::Value yes, loop::Value no);
  loop::Kernel& kernel() { return k_; }
  // Loads of `operand` made so far in this stage no longer stand for its contents.
  void forget_loads() { loads_.clear(); }

 private:
  loop::Value as_bool(loop::Value v);
  bool is_const(loop::Value v, double c) const;
  loop::Value numbered(const loop::Inst& key, loop::Value (*make)(Body&, const loop::Inst&));
  loop::Value binary(loop::Op op, loop::Value a, loop::Value b);
  loop::Value on_bools(loop::Op op, loop::Value a, loop::Value b, bool* done);

  loop::Kernel& k_;
  DType compute_ = DType::F32;
  std::unordered_map<uint64_t, std::vector<loop::Value>> seen_;
  std::unordered_map<int, loop::Value> loads_;
};

// Emits a pointwise op: casts `in` (tensor arguments, raw) to the compute type, applies the rule, casts to `out`.
// Number arguments come as params (param_of[i] >= 0) or, being baked, as constants.
struct PointwiseArgs {
  SmallVec<loop::Value, 6> in;  // per argument; kNone where it is no tensor
  SmallVec<int, 6> param;       // per argument; -1 where it is no run-time number
};
loop::Value emit_pointwise(Body& body, const OpDef& op, Args args, const PointwiseArgs& in, DType out);

// Numbers that become constants of the code, so that x*1, x**2 and 1-x get the good instruction; others are parameters.
bool is_baked(const OpDef& op, size_t arg_index, const Arg& a);
// A number that is worth code of its own in a graph, whatever it is: a known exponent leaves no edges to test for.
bool is_known_better(const OpDef& op, size_t arg_index);
int baked_code(const Arg& a);  // distinct small code of a baked number, -1 if it is none of the common ones

}  // namespace fj::schedule
