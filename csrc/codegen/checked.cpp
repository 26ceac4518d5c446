// The comparison. A launch that is checked is never split over threads: it restores what it overwrote, which a
// neighbour's part could share a range with. What a kernel computes by exact operations must agree to the bit (NaNs are
// alike, zeros of either sign too); functions that a back end approximates and sums that it reorders may differ by a
// tolerance, of the coarsest type in the kernel, and may tip a comparison or a rounding in a few elements.
#include "codegen/checked.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "codegen/ref/interp.h"
#include "codegen/ref/scalar_table.h"

namespace fj::codegen {
namespace {

using namespace loop;

bool within(Op op, Op first, Op last) { return op >= first && op <= last; }
bool approximated(Op op) {
  return op == Op::Pow || op == Op::Hypot || within(op, Op::Exp, Op::Sigmoid) || within(op, Op::Sin, Op::Atanh) ||
         within(op, Op::Erf, Op::Digamma);
}
bool sums(Op op) { return op == Op::Add || op == Op::Sub || op == Op::Fma; }

// What decides how results are compared.
struct Nature {
  bool exact = true;       // to the bit
  bool cancels = false;    // sums whose parts are not exact: an error relative to the largest value
  bool jumps = false;      // comparisons or roundings of inexact values
  bool comparable = true;  // no equality of inexact values, which one ulp turns into anything
  int functions = 0;
  double relative = 1e-13;
};

double precision(DType t) {
  switch (t) {
    case DType::BF16: return 1.6e-2;
    case DType::F16: return 2e-3;
    case DType::F32: return 4e-6;
    default: return 1e-13;
  }
}

bool rounds_or_compares(const Inst& in) {
  return !is_float(in.dtype) || within(in.op, Op::FloorDiv, Op::Fmod) || within(in.op, Op::Floor, Op::Frac) ||
         in.op == Op::Sign;
}

bool is_inexact(const Acc& a) { return is_float(a.dtype) && (a.kind == AccKind::Sum || a.kind == AccKind::Prod); }

Nature nature_of(const Kernel& k) {
  Nature n;
  std::vector<bool> inexact(k.insts.size(), false);
  for (size_t i = 0; i < k.insts.size(); ++i) {
    const Inst& in = k.insts[i];
    bool from_inexact = in.op == Op::Result && is_inexact(k.accs[static_cast<size_t>(in.index)]);
    for (Value v : {in.a, in.b, in.c}) from_inexact |= v != kNone && inexact[v];
    bool function = approximated(in.op) && is_float(in.dtype);
    n.functions += function;
    inexact[i] = function || from_inexact;
    if (is_float(in.dtype) && in.op != Op::Const && in.op != Op::Param)
      n.relative = std::max(n.relative, precision(in.dtype));
    if (!from_inexact) continue;
    n.cancels |= is_float(in.dtype) && sums(in.op);
    n.jumps |= rounds_or_compares(in);
    if (in.op == Op::Eq || in.op == Op::Ne) n.comparable = false;
  }
  bool accumulates = std::any_of(k.accs.begin(), k.accs.end(), is_inexact);
  n.exact = n.functions == 0 && !accumulates;
  n.cancels |= accumulates;
  if (n.functions + accumulates > 1) n.relative *= 25;  // errors grow through further functions
  return n;
}

struct CheckedKernel : CompiledKernel {
  KernelRef code, reference;
  Kernel kernel;
  Nature nature;
};

// The elements of one operand: all coordinates of the axes along which it moves.
class Elements {
 public:
  Elements(const LaunchArgs& a, int rank, int operand) : p_(static_cast<char*>(a.ptrs[operand])) {
    for (int i = 0; i < rank; ++i) {
      int64_t stride = a.strides[operand * rank + i], size = std::max<int64_t>(a.sizes[i], 1);
      if (stride == 0 || size == 1) continue;
      axes_.push_back({size, stride, 0});
      count_ *= size;
      (stride < 0 ? low_ : high_) += (size - 1) * stride;
    }
  }
  int64_t count() const { return count_; }
  char* low() const { return p_ + low_; }
  size_t bytes(int element) const { return static_cast<size_t>(high_ - low_ + element); }

  // fn(byte offset from low())
  template <class Fn>
  void each(Fn&& fn) {
    int64_t at = -low_;
    for (int64_t n = 0; n < count_; ++n) {
      fn(at);
      for (size_t i = axes_.size(); i-- > 0;) {
        at += axes_[i].stride;
        if (++axes_[i].at < axes_[i].size) break;
        at -= axes_[i].stride * axes_[i].size;
        axes_[i].at = 0;
      }
    }
  }

 private:
  struct Axis {
    int64_t size, stride, at;
  };
  char* p_;
  std::vector<Axis> axes_;
  int64_t count_ = 1, low_ = 0, high_ = 0;
};

double as_double(DType t, const char* p) {
  double v = 0;
  cast_fn(t, DType::F64)(&v, p, nullptr, nullptr, 1);
  return v;
}

bool same(DType t, const char* a, const char* b) {
  if (std::memcmp(a, b, static_cast<size_t>(size_of(t))) == 0) return true;
  if (!is_float(t)) return false;
  double x = as_double(t, a), y = as_double(t, b);
  return x == y || (x != x && y != y);
}

struct Written {
  int operand;
  Elements elements;
  std::vector<char> before, expected;
};

class Check {
 public:
  Check(const CheckedKernel& k, const LaunchArgs& a) : k_(k), a_(a) {}

  void run() {
    for (size_t i = 0; i < k_.kernel.operands.size(); ++i) {
      const Operand& o = k_.kernel.operands[i];
      if (o.role == Role::Out || o.role == Role::InOut) add(static_cast<int>(i), o);
    }
    LaunchArgs args = a_;
    int32_t status = 0, expected = 0;
    args.status = &expected;
    launch(*k_.reference, args);
    for (Written& w : written_) keep(w, &w.expected);
    for (Written& w : written_) std::memcpy(w.elements.low(), w.before.data(), w.before.size());
    args.status = &status;
    launch(*k_.code, args);
    if (a_.status && status) *a_.status = status;
    if (status != expected) differ(cat("its check gave ", status, " against ", expected));
    if (status) return;
    for (Written& w : written_) compare(w);
  }

 private:
  void add(int i, const Operand& o) {
    written_.push_back({i, Elements(a_, k_.rank, i), {}, {}});
    written_.back().before.resize(written_.back().elements.bytes(size_of(o.dtype)));
    keep(written_.back(), &written_.back().before);
  }
  static void keep(Written& w, std::vector<char>* to) {
    to->assign(w.elements.low(), w.elements.low() + w.before.size());
  }

  // What errors of sums are relative to: the largest finite value that goes in or comes out.
  double scale(Written& w) {
    double most = 1;
    auto look = [&](DType t, const char* p) {
      double v = std::fabs(as_double(t, p));
      if (std::isfinite(v)) most = std::max(most, v);
    };
    for (size_t i = 0; i < k_.kernel.operands.size(); ++i) {
      const Operand& o = k_.kernel.operands[i];
      Elements in(a_, k_.rank, static_cast<int>(i));
      if (o.role == Role::In && is_float(o.dtype)) in.each([&](int64_t at) { look(o.dtype, in.low() + at); });
    }
    DType t = k_.kernel.operands[static_cast<size_t>(w.operand)].dtype;
    w.elements.each([&](int64_t at) { look(t, w.expected.data() + at); });
    return most;
  }

  void compare(Written& w) {
    if (std::memcmp(w.elements.low(), w.expected.data(), w.expected.size()) == 0) return;
    DType t = k_.kernel.operands[static_cast<size_t>(w.operand)].dtype;
    const Nature& n = k_.nature;
    double absolute = n.exact ? 0 : std::max(n.cancels ? n.relative * scale(w) : 0, is_float(t) ? smallest(t) : 0);
    int64_t wrong = 0, first = -1, number = 0;
    char got[8] = {}, want[8] = {};
    w.elements.each([&](int64_t at) {
      const char *g = w.elements.low() + at, *e = w.expected.data() + at;
      bool good = same(t, g, e);
      if (!good && !n.exact && is_float(t)) {
        double x = as_double(t, g), y = as_double(t, e);
        good = std::fabs(x - y) <= n.relative * std::fabs(y) + absolute;
      }
      if (!good && wrong++ == 0) {
        first = number;
        std::memcpy(got, g, static_cast<size_t>(size_of(t)));
        std::memcpy(want, e, static_cast<size_t>(size_of(t)));
      }
      ++number;
    });
    int64_t allowed = !n.exact && n.jumps ? 1 + w.elements.count() / 500 : 0;
    if (wrong <= allowed) return;
    differ(cat("operand ", w.operand, ", element ", first, ": ", as_double(t, got), " against ", as_double(t, want),
               ", ", wrong, " of ", w.elements.count(), " elements differ"));
  }

  // A few of the least subnormals: functions may lose them.
  static double smallest(DType t) { return t == DType::F64 ? 0x1p-1070 : t == DType::F32 ? 0x1p-146 : 0x1p-23; }

  [[noreturn]] void differ(const std::string& what) {
    std::string sizes;
    for (int i = 0; i < k_.rank; ++i) sizes += cat(i ? " " : "", a_.sizes[i]);
    raise(ErrorKind::Internal, "FRAMEJIT_VERIFY: machine code and the reference executor differ: ", what,
          "; axis sizes ", sizes, "\n", print(k_.kernel));
  }

  const CheckedKernel& k_;
  const LaunchArgs& a_;
  std::vector<Written> written_;
};

void run_checked(const LaunchArgs* args) { Check(*static_cast<const CheckedKernel*>(args->self), *args).run(); }

bool scatters(const Kernel& k) {
  return std::any_of(k.insts.begin(), k.insts.end(), [](const Inst& in) { return in.op == Op::StoreAt; });
}

}  // namespace

KernelRef checked(const Kernel& kernel, KernelRef code, KernelRef reference) {
  Nature nature = nature_of(kernel);
  if (!nature.comparable || scatters(kernel)) return code;  // scatters write where the body says
  auto out = std::make_shared<CheckedKernel>();
  describe(kernel, out.get());
  out->parallel = 0;
  out->vector_parallel = false;
  out->copy_bytes = 0;
  out->fn = &run_checked;
  out->self = out.get();
  out->cost = code->cost;
  out->kernel = kernel;
  out->nature = nature;
  out->reference = reference ? std::move(reference) : interpret(kernel);
  out->code = std::move(code);
  return out;
}

}  // namespace fj::codegen
