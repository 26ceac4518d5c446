// Instantiates scalar_fn.h for the dtypes that each op's rule allows.
#include "codegen/ref/scalar_table.h"

#include <tuple>

#include "base/half.h"
#include "codegen/ref/scalar_fn.h"

namespace fj::codegen {
namespace {

using loop::Op;
using loop::TypeRule;

// Memory types in the order of DType.
using Types = std::tuple<bool, uint8_t, int8_t, int16_t, int32_t, int64_t, F16, BF16, float, double>;
template <int I>
using TypeAt = std::tuple_element_t<I, Types>;

template <class T>
constexpr bool kIsHalf = std::is_same_v<T, F16> || std::is_same_v<T, BF16>;

template <class T>
constexpr bool allowed(TypeRule rule) {
  constexpr bool fp = std::is_floating_point_v<T>, boolean = std::is_same_v<T, bool>;
  if (kIsHalf<T>) return false;
  switch (rule) {
    case TypeRule::Arith: return !boolean;
    case TypeRule::Cmp: return true;
    case TypeRule::Float:
    case TypeRule::Class: return fp;
    case TypeRule::Int: return !fp && !boolean;
    case TypeRule::Bit: return !fp;
    case TypeRule::None: return false;
  }
  return false;
}

template <auto F, int Arity, class T, class R>
void over_array(void* dst, const void* a, const void* b, const void* c, int64_t n) {
  const T *x = static_cast<const T*>(a), *y = static_cast<const T*>(b), *z = static_cast<const T*>(c);
  R* out = static_cast<R*>(dst);
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (Arity == 1)
      out[i] = F(x[i]);
    else if constexpr (Arity == 2)
      out[i] = F(x[i], y[i]);
    else
      out[i] = F(x[i], y[i], z[i]);
  }
}

// One entry: the array function of fn_Name for T, or null.
#define FJ_SCALAR(Name, text, arity, rule)                                                           \
  template <class T>                                                                                 \
  constexpr ArrayFn entry_##Name() {                                                                 \
    if constexpr (allowed<T>(TypeRule::rule)) {                                                      \
      constexpr bool to_bool = TypeRule::rule == TypeRule::Cmp || TypeRule::rule == TypeRule::Class; \
      return &over_array<&scalar::fn_##Name<T>, arity, T, std::conditional_t<to_bool, bool, T>>;     \
    } else {                                                                                         \
      return nullptr;                                                                                \
    }                                                                                                \
  }
#include "loop/scalar_ops.def"
#undef FJ_SCALAR

#define FJ_ROW(f)                                                                                                    \
  {                                                                                                                  \
    f<bool>(), f<uint8_t>(), f<int8_t>(), f<int16_t>(), f<int32_t>(), f<int64_t>(), f<F16>(), f<BF16>(), f<float>(), \
        f<double>()                                                                                                  \
  }
const ArrayFn kTable[][kRealDTypeCount] = {
#define FJ_SCALAR(Name, text, arity, rule) FJ_ROW(entry_##Name),
#include "loop/scalar_ops.def"
#undef FJ_SCALAR
};

// Out-of-range conversions do what x86's truncating conversions do, on every machine.
template <class To>
To float_to_int(double v) {
  if constexpr (sizeof(To) == 8) {
    return v >= -0x1p63 && v < 0x1p63 ? static_cast<To>(v) : std::numeric_limits<To>::min();
  } else {
    int32_t w = v > -2147483649.0 && v < 2147483648.0 ? static_cast<int32_t>(v) : std::numeric_limits<int32_t>::min();
    return static_cast<To>(w);
  }
}

template <class To, class From>
To convert(From v) {
  if constexpr (kIsHalf<From>)
    return convert<To>(to_float(v));
  else if constexpr (std::is_same_v<To, F16>)
    return to_f16(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, BF16>)
    return to_bf16(static_cast<float>(v));
  else if constexpr (std::is_same_v<To, bool>)
    return v != 0;
  else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>)
    return float_to_int<To>(static_cast<double>(v));
  else
    return static_cast<To>(v);
}

template <int From, int To>
void cast_array(void* dst, const void* a, const void*, const void*, int64_t n) {
  const auto* x = static_cast<const TypeAt<From>*>(a);
  auto* out = static_cast<TypeAt<To>*>(dst);
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (From == To)
      out[i] = x[i];
    else
      out[i] = convert<TypeAt<To>>(x[i]);
  }
}

template <int... I>
constexpr auto cast_table(std::integer_sequence<int, I...>) {
  struct Table {
    ArrayFn fn[kRealDTypeCount * kRealDTypeCount];
  };
  return Table{{&cast_array<I / kRealDTypeCount, I % kRealDTypeCount>...}};
}
const auto kCasts = cast_table(std::make_integer_sequence<int, kRealDTypeCount * kRealDTypeCount>());

void philox_array(void* dst, const void* key, const void* counter, const void*, int64_t n) {
  const auto *k = static_cast<const uint64_t*>(key), *c = static_cast<const uint64_t*>(counter);
  for (int64_t i = 0; i < n; ++i) static_cast<uint32_t*>(dst)[i] = special::philox(k[i], c[i]);
}

}  // namespace

ArrayFn scalar_fn(Op op, DType t) { return kTable[static_cast<int>(op) - loop::kFirstScalarOp][static_cast<int>(t)]; }
ArrayFn cast_fn(DType from, DType to) {
  return kCasts.fn[static_cast<int>(from) * kRealDTypeCount + static_cast<int>(to)];
}
ArrayFn philox_fn() { return &philox_array; }

void store_scalar(void* dst, DType t, double v) { cast_fn(DType::F64, t)(dst, &v, nullptr, nullptr, 1); }
void store_scalar(void* dst, DType t, int64_t v) { cast_fn(DType::I64, t)(dst, &v, nullptr, nullptr, 1); }

}  // namespace fj::codegen
