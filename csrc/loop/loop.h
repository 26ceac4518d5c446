// The loop-nest IR: one Kernel is a nest of loops around straight-line code on scalars.
//
// Axes. In nesting order: parallel axes, then reduce axes; the last axis of all is the vector axis. It is either the
// last reduce axis (a "row kernel": softmax, sums over the last dimension) or one more parallel axis after the reduce
// axes (a "column kernel": pointwise chains, sums over outer dimensions vectorised across the kept columns). Sizes and
// strides are launch arguments; any size may be 0 or 1.
//
// Operands. Tensors seen as a pointer plus one byte stride an axis, all of them launch arguments; only the layout class
// along the vector axis is fixed here. Loads and stores go to sum(coordinate * stride), plus, for load_at and store_at,
// a byte offset that the body computes (gathers). An operand may be loaded after it was stored, in a later stage or in
// the same one: each point sees its own earlier store. Distinct operands overlap only if they are the same elements at
// the same points (in-place), or are only read. A scratch operand is a buffer of the caller's, one a thread, with
// strides 0 along parallel axes: a row temporary.
//
// Stages run one after the other for each point of the parallel axes:
//   sweep  once for each point of the reduce axes: body values, accumulations, stores;
//   point  once: sees the results of the accumulators, its values are seen by all later stages; operands are read
//          and written at reduce coordinate 0.
// Without reduce axes a kernel has one sweep stage.
//
// Values are single-assignment, named by the index of their instruction. A value made in a sweep stage is seen in that
// stage only. Accumulators are declared by the kernel, fed by one `accum` in one sweep stage, read by `result` in later
// stages. Floating accumulation order is the back end's choice.
//
// To change the IR: this file, print.cpp, parse.cpp, verify.cpp, then the back ends.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ops/dtype.h"

namespace fj::loop {

enum class Op : uint8_t {
  // structural
  Const,        // imm
  Param,        // index: parameter; converted to dtype as a cast does
  Index,        // index: axis; the coordinate (plus the launch's base), dtype i32, i64, f32 or f64
  Load,         // index: operand; dtype is the operand's
  LoadAt,       // index: operand; a: i64 byte offset
  Store,        // index: operand; a: value of the operand's dtype
  StoreAt,      // index: operand; a: i64 byte offset, b: value. Colliding stores happen in index order
  Cast,         // a: any type -> dtype, PyTorch's rules (to bool: != 0; float to int truncates)
  Select,       // a: bool, b if true else c
  Accum,        // index: accumulator; a: value, b: i64 index for argmax and argmin
  Result,       // index: accumulator; the index of an arg kind
  ResultValue,  // index: accumulator of an arg kind; the extreme value itself
  Check,        // a: bool; where false, the launch's status becomes index (> 0)
  Philox,       // a: i64 key, b: i64 counter -> i32, the first word of Philox4x32-10
#define FJ_SCALAR(name, text, arity, rule) name,
#include "loop/scalar_ops.def"
#undef FJ_SCALAR
  kCount,
};
inline constexpr int kOpCount = static_cast<int>(Op::kCount);
inline constexpr int kFirstScalarOp = static_cast<int>(Op::Philox) + 1;
constexpr bool is_scalar(Op op) { return static_cast<int>(op) >= kFirstScalarOp; }

enum class TypeRule : uint8_t { None, Arith, Float, Int, Bit, Cmp, Class };

struct OpInfo {
  const char* text;
  uint8_t arity;  // value arguments
  TypeRule rule;
  bool has_value;
};
extern const OpInfo kOpInfo[kOpCount];
inline const OpInfo& info(Op op) { return kOpInfo[static_cast<int>(op)]; }

using Value = uint32_t;
inline constexpr Value kNone = 0xffffffffu;

union Imm {
  double f;   // floating constants
  int64_t i;  // integer and bool constants
};

struct Inst {
  Op op;
  DType dtype;  // of the result; of the stored value for stores, of the accumulated one for Accum
  int16_t index = -1;
  Value a = kNone, b = kNone, c = kNone;
  Imm imm{.i = 0};
};

enum class AxisKind : uint8_t { Parallel, Reduce };
enum class VecClass : uint8_t {
  Contig,
  Broadcast,
  Strided
};  // stride along the vector axis: element size, 0, anything
enum class Role : uint8_t { In, Out, InOut, Scratch };
enum class AccKind : uint8_t { Sum, Prod, Max, Min, ArgMax, ArgMin, Any, All };  // Max, Min and arg kinds: NaN wins
enum class StageKind : uint8_t { Sweep, Point };
enum class ParamKind : uint8_t { Int, Float };  // int64_t or double at launch

struct Operand {
  DType dtype;
  Role role;
  VecClass vec;
};
struct Acc {
  AccKind kind;
  DType dtype;  // of the accumulated value: Sum, Prod, Max, Min and arg kinds i32 i64 f32 f64; Any, All bool
};
struct Stage {
  StageKind kind;
  uint32_t first, last;  // range of insts
};

inline constexpr int kMaxAxes = 12;
inline constexpr int kMaxOperands = 64;
inline constexpr int kMaxParams = 64;

class Kernel {
 public:
  std::vector<AxisKind> axes;
  std::vector<Operand> operands;
  std::vector<ParamKind> params;
  std::vector<Acc> accs;
  std::vector<Stage> stages;
  std::vector<Inst> insts;

  int rank() const { return static_cast<int>(axes.size()); }
  int vector_axis() const { return rank() - 1; }
  bool is_row() const { return axes.back() == AxisKind::Reduce; }
  bool has_reduce() const;

  // Building. Declarations return their index, instructions their value; stages are opened in order.
  int add_axis(AxisKind kind) {
    axes.push_back(kind);
    return rank() - 1;
  }
  int add_operand(DType t, Role role, VecClass vec) {
    operands.push_back({t, role, vec});
    return static_cast<int>(operands.size()) - 1;
  }
  int add_param(ParamKind kind) {
    params.push_back(kind);
    return static_cast<int>(params.size()) - 1;
  }
  int add_acc(AccKind kind, DType t) {
    accs.push_back({kind, t});
    return static_cast<int>(accs.size()) - 1;
  }
  void open(StageKind kind);

  Value constant(DType t, double v);  // integer and bool types take v's value
  Value constant_int(DType t, int64_t v);
  Value param(int index, DType t) { return push({Op::Param, t, static_cast<int16_t>(index)}); }
  Value index(int axis, DType t = DType::I64) { return push({Op::Index, t, static_cast<int16_t>(axis)}); }
  Value load(int operand) { return push({Op::Load, operands[operand].dtype, static_cast<int16_t>(operand)}); }
  Value load_at(int operand, Value offset) {
    return push({Op::LoadAt, operands[operand].dtype, static_cast<int16_t>(operand), offset});
  }
  void store(int operand, Value v) { push({Op::Store, operands[operand].dtype, static_cast<int16_t>(operand), v}); }
  void store_at(int operand, Value offset, Value v) {
    push({Op::StoreAt, operands[operand].dtype, static_cast<int16_t>(operand), offset, v});
  }
  void accum(int acc, Value v, Value index = kNone) {
    push({Op::Accum, accs[acc].dtype, static_cast<int16_t>(acc), v, index});
  }
  Value result(int acc);
  Value result_value(int acc) { return push({Op::ResultValue, accs[acc].dtype, static_cast<int16_t>(acc)}); }
  void check(Value ok, int code) { push({Op::Check, DType::Bool, static_cast<int16_t>(code), ok}); }
  Value philox(Value key, Value counter) { return push({Op::Philox, DType::I32, -1, key, counter}); }
  // A cast to the value's own type is the value itself.
  Value cast(Value v, DType to) { return dtype_of(v) == to ? v : push({Op::Cast, to, -1, v}); }
  Value select(Value cond, Value yes, Value no) { return push({Op::Select, dtype_of(yes), -1, cond, yes, no}); }
  // A scalar op; the dtype follows from the first argument and the op's rule.
  Value emit(Op op, Value a, Value b = kNone, Value c = kNone);

  DType dtype_of(Value v) const { return insts[v].dtype; }

  // The bytes that determine the machine code: equal keys mean interchangeable kernels.
  std::string key() const;

 private:
  Value push(const Inst& inst);
};

const char* text_of(DType t);  // "f32", "i64", "bool": the IR's own short names
bool parse_text_dtype(std::string_view text, DType* out);

std::string print(const Kernel& kernel);
// Reads what print wrote. Raises Value with the line number on malformed text; the result is verified.
Kernel parse(std::string_view text);
// Empty if the kernel keeps all rules above, else what it breaks first.
std::string verify(const Kernel& kernel);

}  // namespace fj::loop
