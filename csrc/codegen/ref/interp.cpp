// Runs a kernel as loop.h describes it. Each value is an array of up to kBlock lanes in its memory type; a sweep of a
// row kernel takes the vector axis in blocks, a column kernel runs all stages for one block of columns. Accumulators of
// f32 are kept in double: the reference should be the better answer.
#include "codegen/ref/interp.h"

#include <cstring>
#include <limits>
#include <vector>

#include "codegen/ref/scalar_table.h"

namespace fj::codegen {
namespace {

using namespace loop;

constexpr int64_t kBlock = 64;

struct RefKernel : CompiledKernel {
  Kernel kernel;
};

struct AccState {
  double f[kBlock];
  int64_t i[kBlock];
  int64_t arg[kBlock];
};

class Run {
 public:
  Run(const Kernel& k, const LaunchArgs& args)
      : k_(k), a_(args), values_(k.insts.size() * kBlock * 8), accs_(k.accs.size()), coord_(k.axes.size(), 0) {}

  void all() {
    for (int i = 0; i < k_.rank(); ++i)
      if (k_.axes[i] == AxisKind::Parallel && a_.sizes[i] <= 0) return;
    outer_ = 0;
    while (outer_ < k_.rank() && k_.axes[outer_] == AxisKind::Parallel) ++outer_;
    if (!k_.is_row() && outer_ == k_.rank()) --outer_;
    parallel(0);
  }

 private:
  char* value(Value v) { return values_.data() + static_cast<size_t>(v) * kBlock * 8; }
  int vec() const { return k_.vector_axis(); }

  void parallel(int axis) {
    if (axis < outer_) {
      for (coord_[axis] = 0; coord_[axis] < a_.sizes[axis]; ++coord_[axis]) parallel(axis + 1);
      return;
    }
    if (k_.is_row()) return point(1);
    int64_t size = a_.sizes[vec()];
    for (int64_t at = 0; at < size; at += kBlock) {
      coord_[vec()] = at;
      point(std::min(kBlock, size - at));
    }
  }

  // One parallel point (or block of columns): all stages.
  void point(int64_t lanes) {
    reset_accs();
    for (const Stage& s : k_.stages) {
      for (int i = outer_; i < (k_.is_row() ? k_.rank() : vec()); ++i) coord_[i] = 0;
      if (s.kind == StageKind::Point)
        run(s, lanes);
      else
        sweep(s, outer_, lanes);
    }
  }

  void sweep(const Stage& s, int axis, int64_t lanes) {
    if (axis == vec()) {
      if (!k_.is_row()) return run(s, lanes);
      for (int64_t at = 0; at < a_.sizes[axis]; at += kBlock) {
        coord_[axis] = at;
        run(s, std::min(kBlock, a_.sizes[axis] - at));
      }
      return;
    }
    for (coord_[axis] = 0; coord_[axis] < a_.sizes[axis]; ++coord_[axis]) sweep(s, axis + 1, lanes);
  }

  void run(const Stage& s, int64_t n) {
    bool spread = s.kind == StageKind::Sweep && k_.is_row();  // values of point stages have one lane: repeat it
    for (uint32_t i = s.first; i < s.last; ++i) {
      const Inst& in = k_.insts[i];
      const char* args[3] = {nullptr, nullptr, nullptr};
      int which = 0;
      for (Value v : {in.a, in.b, in.c}) {
        if (v == kNone) break;
        if (spread && v < s.first) repeat(v, n);
        args[which++] = value(v);
      }
      inst(in, value(i), args, n);
    }
  }

  void repeat(Value v, int64_t n) {
    int size = size_of(k_.dtype_of(v));
    for (int64_t i = 1; i < n; ++i) std::memcpy(value(v) + i * size, value(v), static_cast<size_t>(size));
  }

  void inst(const Inst& in, char* out, const char* const* args, int64_t n) {
    int size = size_of(in.dtype);
    switch (in.op) {
      case Op::Const:
        for (int64_t i = 0; i < n; ++i)
          is_float(in.dtype) ? store_scalar(out + i * size, in.dtype, in.imm.f)
                             : store_scalar(out + i * size, in.dtype, in.imm.i);
        return;
      case Op::Param:
        for (int64_t i = 0; i < n; ++i)
          k_.params[in.index] == ParamKind::Float ? store_scalar(out + i * size, in.dtype, a_.params[in.index].f)
                                                  : store_scalar(out + i * size, in.dtype, a_.params[in.index].i);
        return;
      case Op::Index:
        for (int64_t i = 0; i < n; ++i)
          store_scalar(out + i * size, in.dtype,
                       coord_[in.index] + a_.index_base[in.index] + (in.index == vec() ? i : 0));
        return;
      case Op::Load:
      case Op::LoadAt:
        for (int64_t i = 0; i < n; ++i) std::memcpy(out + i * size, address(in, args[0], i), static_cast<size_t>(size));
        return;
      case Op::Store:
        for (int64_t i = 0; i < n; ++i)
          std::memcpy(address(in, nullptr, i), args[0] + i * size, static_cast<size_t>(size));
        return;
      case Op::StoreAt:
        for (int64_t i = 0; i < n; ++i)
          std::memcpy(address(in, args[0], i), args[1] + i * size, static_cast<size_t>(size));
        return;
      case Op::Cast: return cast_fn(k_.dtype_of(in.a), in.dtype)(out, args[0], nullptr, nullptr, n);
      case Op::Select:
        for (int64_t i = 0; i < n; ++i)
          std::memcpy(out + i * size, (args[0][i] ? args[1] : args[2]) + i * size, static_cast<size_t>(size));
        return;
      case Op::Accum: return accumulate(in, args, n);
      case Op::Result:
      case Op::ResultValue: return result(in, out, n);
      case Op::Check:
        for (int64_t i = 0; i < n; ++i)
          if (!args[0][i]) *a_.status = in.index;
        return;
      case Op::Philox: return philox_fn()(out, args[0], args[1], nullptr, n);
      default: return scalar_fn(in.op, k_.dtype_of(in.a))(out, args[0], args[1], args[2], n);
    }
  }

  char* address(const Inst& in, const char* offsets, int64_t lane) {
    const int64_t* strides = a_.strides + in.index * k_.rank();
    char* p = static_cast<char*>(a_.ptrs[in.index]);
    for (int i = 0; i < k_.rank(); ++i) p += coord_[i] * strides[i];
    p += lane * strides[vec()];
    return offsets ? p + reinterpret_cast<const int64_t*>(offsets)[lane] : p;
  }

  void reset_accs() {
    for (size_t i = 0; i < accs_.size(); ++i)
      for (int64_t lane = 0; lane < kBlock; ++lane) reset(k_.accs[i], &accs_[i], lane);
  }

  static void reset(const Acc& acc, AccState* s, int64_t lane) {
    double inf = std::numeric_limits<double>::infinity();
    bool narrow = acc.dtype == DType::I32;
    s->arg[lane] = -1;
    switch (acc.kind) {
      case AccKind::Sum:
        s->f[lane] = 0;
        s->i[lane] = 0;
        break;
      case AccKind::Prod:
        s->f[lane] = 1;
        s->i[lane] = 1;
        break;
      case AccKind::Max:
      case AccKind::ArgMax:
        s->f[lane] = -inf;
        s->i[lane] = narrow ? INT32_MIN : INT64_MIN;
        break;
      case AccKind::Min:
      case AccKind::ArgMin:
        s->f[lane] = inf;
        s->i[lane] = narrow ? INT32_MAX : INT64_MAX;
        break;
      case AccKind::Any: s->i[lane] = 0; break;
      case AccKind::All: s->i[lane] = 1; break;
    }
  }

  void accumulate(const Inst& in, const char* const* args, int64_t n) {
    const Acc& acc = k_.accs[in.index];
    for (int64_t i = 0; i < n; ++i) {
      int64_t lane = k_.is_row() ? 0 : i;
      double f = 0;
      int64_t v = 0;
      if (is_float(acc.dtype))
        cast_fn(acc.dtype, DType::F64)(&f, args[0] + i * size_of(acc.dtype), nullptr, nullptr, 1);
      else
        cast_fn(acc.dtype, DType::I64)(&v, args[0] + i * size_of(acc.dtype), nullptr, nullptr, 1);
      int64_t at = args[1] ? reinterpret_cast<const int64_t*>(args[1])[i] : 0;
      AccState& s = accs_[in.index];
      if (is_float(acc.dtype))
        fold(acc.kind, &s.f[lane], f, &s.arg[lane], at);
      else
        fold(acc.kind, &s.i[lane], v, &s.arg[lane], at);
    }
  }

  template <class T>
  static bool beats(bool max, T v, T best, int64_t at, int64_t best_at) {
    if (best_at < 0) return true;
    if (v != v || best != best) return v != v && (best == best || at < best_at);
    return (max ? v > best : v < best) || (v == best && at < best_at);
  }

  template <class T>
  static void fold(AccKind kind, T* s, T v, int64_t* arg, int64_t at) {
    switch (kind) {
      case AccKind::Sum: *s = add(*s, v); break;
      case AccKind::Prod: *s = mul(*s, v); break;
      case AccKind::Max: *s = v != v || (*s == *s && v > *s) ? v : *s; break;
      case AccKind::Min: *s = v != v || (*s == *s && v < *s) ? v : *s; break;
      case AccKind::Any: *s = *s != 0 || v != 0; break;
      case AccKind::All: *s = *s != 0 && v != 0; break;
      case AccKind::ArgMax:
      case AccKind::ArgMin:
        if (!beats(kind == AccKind::ArgMax, v, *s, at, *arg)) break;
        *s = v;
        *arg = at;
        break;
    }
  }
  static double add(double a, double b) { return a + b; }
  static double mul(double a, double b) { return a * b; }
  static int64_t add(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  }
  static int64_t mul(int64_t a, int64_t b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
  }

  void result(const Inst& in, char* out, int64_t n) {
    const Acc& acc = k_.accs[in.index];
    const AccState& s = accs_[in.index];
    bool arg = in.op == Op::Result && (acc.kind == AccKind::ArgMax || acc.kind == AccKind::ArgMin);
    int size = size_of(in.dtype);
    for (int64_t i = 0; i < n; ++i) {
      int64_t lane = k_.is_row() ? 0 : i;
      if (arg)
        store_scalar(out + i * size, in.dtype, std::max<int64_t>(s.arg[lane], 0));
      else if (is_float(acc.dtype))
        store_scalar(out + i * size, in.dtype, s.f[lane]);
      else
        store_scalar(out + i * size, in.dtype, s.i[lane]);
    }
  }

  const Kernel& k_;
  const LaunchArgs& a_;
  std::vector<char> values_;
  std::vector<AccState> accs_;
  std::vector<int64_t> coord_;
  int outer_ = 0;
};

void run_ref(const LaunchArgs* args) { Run(*static_cast<const Kernel*>(args->self), *args).all(); }

}  // namespace

namespace {
// The operand that a kernel copies, if it does nothing else.
int copy_source(const Kernel& k) {
  if (k.operands.size() != 2 || k.insts.size() != 2 || k.has_reduce()) return -1;
  const Inst &load = k.insts[0], &store = k.insts[1];
  bool copies = load.op == Op::Load && store.op == Op::Store && store.a == 0 && load.index != store.index;
  return copies && k.operands[0].dtype == k.operands[1].dtype ? load.index : -1;
}
}  // namespace

void describe(const Kernel& k, CompiledKernel* out) {
  out->rank = static_cast<int16_t>(k.rank());
  out->operands = static_cast<int16_t>(k.operands.size());
  while (out->parallel < k.rank() && k.axes[out->parallel] == AxisKind::Parallel) ++out->parallel;
  out->vector_parallel = !k.is_row();
  for (size_t i = 0; i < k.operands.size(); ++i)
    if (k.operands[i].role == Role::Scratch) out->scratch_mask |= uint64_t{1} << i;
  for (int i = 0; i < k.rank(); ++i)
    if (k.axes[i] == AxisKind::Reduce) out->reduce_mask |= uint64_t{1} << i;
  if (int from = copy_source(k); from >= 0) {
    out->copy_bytes = static_cast<int8_t>(size_of(k.operands[0].dtype));
    out->copy_from = static_cast<int8_t>(from);
  }
}

std::shared_ptr<CompiledKernel> interpret(const Kernel& kernel) {
  auto out = std::make_shared<RefKernel>();
  out->kernel = kernel;
  describe(kernel, out.get());
  out->fn = &run_ref;
  out->self = &out->kernel;
  return out;
}

}  // namespace fj::codegen
