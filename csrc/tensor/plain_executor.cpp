// The executor of last resort: evaluates a row's scalar expression one element at a time, in double or int64. It serves
// until driver registers the compiler, and where there is none.
#include <cmath>
#include <limits>
#include <string_view>

#include "ops/infer.h"
#include "tensor/eager.h"
#include "tensor/execute_internal.h"

namespace fj {
namespace {

struct Number {
  double d = 0;
  int64_t i = 0;
  bool is_float = true;
  double as_double() const { return is_float ? d : static_cast<double>(i); }
  bool truth() const { return is_float ? d != 0 : i != 0; }
};
Number real(double d) { return {d, 0, true}; }
Number whole(int64_t i) { return {0, i, false}; }

Number float_op(std::string_view n, double a, double b) {
  static const std::pair<std::string_view, double (*)(double)> unary[] = {
      {"exp", std::exp},     {"sin", std::sin},   {"cos", std::cos},       {"tan", std::tan},     {"tanh", std::tanh},
      {"log", std::log},     {"sqrt", std::sqrt}, {"floor", std::floor},   {"ceil", std::ceil},   {"round", std::nearbyint},
      {"trunc", std::trunc}, {"erf", std::erf},   {"log1p", std::log1p},   {"expm1", std::expm1}, {"abs", std::fabs},
      {"atan", std::atan},   {"log2", std::log2}, {"log10", std::log10}};
  for (auto& [name, fn] : unary) if (name == n) return real(fn(a));
  if (n == "div") return real(a / b);
  if (n == "pow") return real(std::pow(a, b));
  if (n == "isnan") return whole(std::isnan(a));
  if (n == "isinf") return whole(std::isinf(a));
  if (n == "isfinite") return whole(std::isfinite(a));
  if (n == "rsqrt") return real(1 / std::sqrt(a));
  if (n == "sigmoid") return real(1 / (1 + std::exp(-a)));
  raise(ErrorKind::NotImplemented, "the plain executor has no scalar op ", n);
}

template <class T>
bool common_op(std::string_view n, T a, T b, Number* out) {
  auto num = [](T v) { if constexpr (std::is_same_v<T, double>) return real(v); else return whole(v); };
  if (n == "add") *out = num(a + b);
  else if (n == "sub") *out = num(a - b);
  else if (n == "mul") *out = num(a * b);
  else if (n == "neg") *out = num(-a);
  else if (n == "min") *out = num(a < b ? a : b);
  else if (n == "max") *out = num(a > b ? a : b);
  else if (n == "eq") *out = whole(a == b);
  else if (n == "ne") *out = whole(a != b);
  else if (n == "lt") *out = whole(a < b);
  else if (n == "le") *out = whole(a <= b);
  else if (n == "gt") *out = whole(a > b);
  else if (n == "ge") *out = whole(a >= b);
  else return false;
  return true;
}

class Evaluator final : public ScalarBuilder {
 public:
  explicit Evaluator(DType type) : type_(type) {}
  SmallVec<Number, 16> values;

  Scl add(Number n) {
    values.push_back(n);
    return {static_cast<int32_t>(values.size()) - 1};
  }
  Scl op(std::string_view name, std::initializer_list<Scl> in) override {
    const Scl* s = in.begin();
    Number a = values[s[0].id], b = in.size() > 1 ? values[s[1].id] : Number(), out;
    if (name == "select") return a.truth() ? s[1] : s[2];
    if (name == "logical_and" || name == "and") return add(whole(a.truth() && b.truth()));
    if (name == "logical_or" || name == "or") return add(whole(a.truth() || b.truth()));
    if (name == "logical_not" || name == "not") return add(whole(!a.truth()));
    bool ints = !a.is_float && !b.is_float;
    if (ints ? common_op(name, a.i, b.i, &out) : common_op(name, a.as_double(), b.as_double(), &out)) return add(out);
    if (ints && name == "abs") return add(whole(std::abs(a.i)));
    return add(float_op(name, a.as_double(), b.as_double()));
  }
  Scl constant(double v) override { return fj::is_float(type_) ? add(real(v)) : add(whole(static_cast<int64_t>(v))); }
  Scl constant_int(int64_t v) override { return fj::is_float(type_) ? add(real(static_cast<double>(v))) : add(whole(v)); }
  Scl cast(Scl v, DType to) override { return add(converted(values[v.id], to)); }
  DType compute_type() const override { return type_; }

  static Number converted(Number n, DType to) {
    if (fj::is_float(to)) return real(to == DType::F64 ? n.as_double() : static_cast<float>(n.as_double()));
    if (to == DType::Bool) return whole(n.truth());
    return whole(n.is_float ? static_cast<int64_t>(n.d) : n.i);
  }

 private:
  DType type_;
};

Number to_number(const Arg& a) {
  return a.tag() == ArgTag::Float ? real(a.as_double()) : whole(a.as_int());
}
Arg to_arg(const Number& n) { return n.is_float ? Arg(n.d) : Arg(n.i); }

// Steps through all index tuples of `sizes`.
bool advance(const Shape& sizes, Shape* at) {
  for (size_t d = sizes.size(); d-- > 0;) {
    if (++(*at)[d] < sizes[d]) return true;
    (*at)[d] = 0;
  }
  return false;
}

// The element that broadcasting pairs with the index tuple `at`.
Number load_at(const TensorObj* t, const Shape& at) {
  int64_t lead = static_cast<int64_t>(at.size()) - t->meta.dim(), offset = 0;
  for (int64_t d = 0; d < t->meta.dim(); ++d)
    if (t->meta.sizes[d] != 1) offset += at[d + lead] * t->meta.strides[d];
  return to_number(load_number(data_of(t) + offset * size_of(t->meta.dtype), t->meta.dtype));
}

class PlainExecutor final : public EagerExecutor {
 public:
  void run(const OpDef& op, Args args, std::span<TensorObj* const> outs) override {
    if (op.kind == OpKind::Pointwise) return pointwise(op, args, outs[0]);
    if (op.kind == OpKind::Reduction) return reduction(op, args, outs[0]);
    GradModeGuard no_grad(false);
    EagerBuilder b;
    SmallVec<Val, 2> vals;
    op.decompose(b, op, args, vals);
    for (size_t i = 0; i < outs.size(); ++i) copy_into(outs[i], tensor_of(vals[i]));
  }

 private:
  static void put(TensorObj* out, const Shape& at, const Number& n) {
    int64_t offset = 0;
    for (size_t d = 0; d < at.size(); ++d) offset += at[d] * out->meta.strides[d];
    store_number(data_of(out) + offset * size_of(out->meta.dtype), out->meta.dtype, to_arg(n));
  }

  void pointwise(const OpDef& op, Args args, TensorObj* out) {
    if (out->meta.numel() == 0) return;
    DType type = compute_type(op.compute(op, args));
    Shape at(out->meta.sizes.size(), 0);
    do {
      Evaluator e(type);
      SmallVec<Scl, 6> in;
      for (const Arg& a : args) {
        Number n = a.is_tensor() ? load_at(tensor_of(a.val()), at) : a.is_number() ? to_number(a) : Number();
        in.push_back(e.add(Evaluator::converted(n, type)));
      }
      put(out, at, e.values[op.scalar(e, in, args).id]);
    } while (advance(out->meta.sizes, &at));
  }

  void reduction(const OpDef& op, Args args, TensorObj* out) {
    FJ_USER_CHECK(op.reduce == ReduceOp::Sum, ErrorKind::NotImplemented, "the plain executor reduces sums only");
    TensorObj* in = tensor_of(args[0].val());
    int at_dim = op.arg_index("dim");
    SmallVec<bool, 8> reduced(in->meta.sizes.size(), at_dim < 0 || args[at_dim].is_none() || args[at_dim].as_ints().empty());
    if (at_dim >= 0 && !args[at_dim].is_none())
      for (int64_t d : args[at_dim].as_ints()) reduced[d < 0 ? d + in->meta.dim() : d] = true;
    bool keep = out->meta.sizes.size() == in->meta.sizes.size();
    fill_zero(out);
    if (in->meta.numel() == 0) return;
    Shape at(in->meta.sizes.size(), 0);
    do {
      Shape to;
      for (size_t d = 0; d < at.size(); ++d) {
        if (!reduced[d]) to.push_back(at[d]);
        else if (keep) to.push_back(0);
      }
      Number a = load_at(in, at), b = load_at(out, to);
      put(out, to, a.is_float ? real(a.d + b.as_double()) : b.is_float ? real(a.as_double() + b.d) : whole(a.i + b.i));
    } while (advance(in->meta.sizes, &at));
  }

  void fill_zero(TensorObj* out) {
    if (out->meta.numel() == 0) return;
    Shape at(out->meta.sizes.size(), 0);
    do put(out, at, whole(0)); while (advance(out->meta.sizes, &at));
  }
};

const bool registered = (set_eager_executor(new PlainExecutor), true);

}  // namespace
}  // namespace fj
