// The op table's entry. One row of table/*.toml becomes one OpDef; tools/gen_ops.py writes the array. Everything that
// the engine knows about an op hangs here, so that no other list of ops exists.
#pragma once
#include <span>
#include <string_view>

#include "ops/arg.h"

namespace fj {

struct OpDef;
class Builder;
class ScalarBuilder;
struct Scl;
class NativeCtx;

enum class OpId : uint16_t {
#define FJ_OP(id) id,
#include "ops/op_ids.inc"
#undef FJ_OP
  kCount
};

enum class ArgType : uint8_t {
  Tensor,
  OptTensor,
  TensorList,
  OptTensorList,
  Operand,  // a tensor or a Python number
  Scalar,
  Int,
  Float,
  Bool,
  Str,
  DType,
  Device,
  Layout,
  MemoryFormat,
  Generator,
  IntList,
  FloatList,
  BoolList,
};

struct ArgDef {
  const char* name;
  ArgType type;
  bool optional = false;  // None is accepted
  bool has_default = false;
  bool kw_only = false;
  bool single_as_list = false;  // int[1]: a lone number stands for a list of one
  bool mutated = false;         // Tensor(a!)
  bool no_number = false;       // an Operand: rules may give a number, users give tensors only
  Arg def = {};
};

struct RetDef {
  ArgType type;           // Tensor or TensorList
  int8_t alias_of;        // argument that the result aliases or is, -1: fresh
  const char* name = "";  // of one result among several: "values", "indices"
};

enum class OpKind : uint8_t {
  Pointwise,  // lower: an expression over scalar ops
  View,       // infer gives sizes, strides and offset over the first argument's storage
  Reduction,  // reduce_op over `dim`
  Native,     // one C++ routine, shared by eager and compiled
  Composite,  // decompose: a rule over the Builder
};

enum OpFlags : uint32_t {
  kFunction = 1 << 0,      // framejit.name
  kMethod = 1 << 1,        // Tensor.name
  kInplace = 1 << 2,       // this def is the in-place form name_ of `functional`
  kHasInplace = 1 << 3,    // an in-place form exists (see `partner`)
  kHasOut = 1 << 4,        // accepts out=
  kRandom = 1 << 5,        // draws from a generator: never merged, never moved across another draw
  kDynamicShape = 1 << 6,  // output sizes depend on data
  kDataAccess = 1 << 7,    // returns Python numbers from data
  kNnFunction = 1 << 8,    // framejit._C._nn.name only
  kSpecial =
      1 << 9,  // needs a hand-written Python entry (indexing, factories from Python data): not bound by the table
  kAliasOut =
      1 << 10,  // a native routine that copes with output 0 being input 0's memory: its in-place form runs directly
  kTakesComplex = 1 << 11,  // complex tensors go in and out as they stand
};

struct InferCtx {
  const OpDef& op;
  Args args;
  SmallVec<TensorMeta, 2> out = {};

  Val val(size_t i) const { return args[i].val(); }
  const Arg& arg(std::string_view name) const;
};

// What a derivative rule sees. Values that the rule did not declare as saved are present as metas only.
struct VjpCtx {
  Builder& b;
  const OpDef& op;
  Args args;
  std::span<const Val> outs;
  std::span<const Val> grads;    // per output; null where no gradient flows
  uint64_t needs;                // bit i: a gradient for argument i is wanted
  SmallVec<Arg, 6> result = {};  // per argument: a tensor, a list of tensors, or None

  bool need(size_t i) const { return needs >> i & 1; }
};

// What a batching rule sees: argument tensors with the batch axis where `bdims` says (-1: not batched). A rule sets
// `outs` and `out_bdims`. List arguments use `list_bdims` of the same index.
struct BatchCtx {
  Builder& b;
  const OpDef& op;
  ArgVec args;
  SmallVec<int64_t, 6> bdims;
  std::vector<SmallVec<int64_t, 4>> list_bdims;
  Dim batch_size;
  SmallVec<Val, 2> outs = {};
  SmallVec<int64_t, 2> out_bdims = {};
};

enum class ReduceOp : uint8_t { None, Sum, Prod, Max, Min, ArgMax, ArgMin, Any, All };

using InferFn = void (*)(InferCtx&);
using VjpFn = void (*)(VjpCtx&);
using BatchFn = void (*)(BatchCtx&);
using DecomposeFn = void (*)(Builder&, const OpDef&, Args, SmallVec<Val, 2>& outs);
// `in[i]`: the loaded element of tensor argument i (already cast to the compute type) or the run-time parameter of a
// number argument; returns the result in the compute type.
using ScalarFn = Scl (*)(ScalarBuilder&, std::span<const Scl> in, Args args);
// Rewrites a call on complex tensors into calls on real ones (ops/complex.h).
using ComplexFn = void (*)(Builder&, const OpDef&, Args, SmallVec<Val, 2>& outs);
using NativeFn = void (*)(NativeCtx&);
// Type in which a pointwise or reduction body computes, and to which its inputs are cast first.
using ComputeTypeFn = DType (*)(const OpDef&, Args);

struct OpDef {
  OpId id;
  const char* name;       // "sum"
  const char* overload;   // "dim", or ""
  const char* full_name;  // "sum.dim"
  OpKind kind;
  uint32_t flags;
  std::span<const ArgDef> args;
  std::span<const RetDef> rets;
  InferFn infer = nullptr;
  ScalarFn scalar = nullptr;         // Pointwise
  ComputeTypeFn compute = nullptr;   // Pointwise, Reduction
  ReduceOp reduce = ReduceOp::None;  // Reduction
  NativeFn native = nullptr;         // Native
  DecomposeFn decompose = nullptr;   // Composite; others may carry one too
  VjpFn vjp = nullptr;
  uint64_t vjp_saves_args = 0;  // bit i: the rule reads the data of argument i
  uint64_t vjp_saves_outs = 0;
  uint64_t vjp_args = 0;  // bit i: argument i is differentiable
  BatchFn batch = nullptr;
  ComplexFn complex = nullptr;
  const OpDef* partner = nullptr;  // functional <-> in-place form
  const char* no_vjp = nullptr;    // why there is no derivative / batching rule, where there is none
  const char* no_batch = nullptr;
  const char* aliases = "";  // other names of the same op, separated by spaces
  const char* schema = "";
  const char* doc = "";

  bool has(uint32_t flag) const { return (flags & flag) != 0; }
  bool is_view() const { return kind == OpKind::View; }
  int arg_index(std::string_view name) const;
};

const OpDef& op_def(OpId id);
std::span<const OpDef> all_ops();
const OpDef* find_op(std::string_view full_name);  // "add", "sum.dim", "add_"

}  // namespace fj
