// Walking strided views in native routines, and dispatch over element types.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>

#include "base/half.h"
#include "ops/native.h"

namespace fj::native {

// Half-precision elements as numbers: they load to float and round on store.
struct Half {
  F16 v;
  Half() = default;
  Half(float f) : v(to_f16(f)) {}
  operator float() const { return to_float(v); }
};
struct BHalf {
  BF16 v;
  BHalf() = default;
  BHalf(float f) : v(to_bf16(f)) {}
  operator float() const { return to_float(v); }
};

// What sums and comparisons of T compute in.
template <class T>
struct Compute {
  using type = T;
};
template <>
struct Compute<Half> {
  using type = float;
};
template <>
struct Compute<BHalf> {
  using type = float;
};
template <class T>
using compute_t = typename Compute<T>::type;

// f.template operator()<T>() with T the element type.
template <class F>
void dispatch(DType t, F&& f) {
  switch (t) {
    case DType::Bool: return f.template operator()<bool>();
    case DType::U8: return f.template operator()<uint8_t>();
    case DType::I8: return f.template operator()<int8_t>();
    case DType::I16: return f.template operator()<int16_t>();
    case DType::I32: return f.template operator()<int32_t>();
    case DType::I64: return f.template operator()<int64_t>();
    case DType::F16: return f.template operator()<Half>();
    case DType::BF16: return f.template operator()<BHalf>();
    case DType::F32: return f.template operator()<float>();
    case DType::F64: return f.template operator()<double>();
    case DType::C64:
    case DType::C128:
    case DType::U16:
    case DType::U32:
    case DType::U64: break;
  }
  raise(ErrorKind::Internal, "a native routine over foreign elements");
}

// The same by size alone, for routines that only move elements.
template <class F>
void dispatch_bytes(DType t, F&& f) {
  switch (size_of(t)) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    default: return f.template operator()<uint64_t>();
  }
}

template <class T>
bool is_nan(T v) {
  if constexpr (std::is_floating_point_v<T>)
    return v != v;
  else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BHalf>)
    return static_cast<float>(v) != static_cast<float>(v);
  else
    return false;
}

// A view with its dimension `d` moved to the end; 0-d views get one dimension of size 1.
inline TensorView with_last(const TensorView& v, int64_t d) {
  TensorView out = v;
  if (v.dim() == 0) {
    out.sizes = {1};
    out.strides = {1};
    return out;
  }
  std::rotate(out.sizes.begin() + d, out.sizes.begin() + d + 1, out.sizes.end());
  std::rotate(out.strides.begin() + d, out.strides.begin() + d + 1, out.strides.end());
  return out;
}

// The walk of for_each_line, compiled once: call(f, pointers) for every line of `views`.
void walk_lines(std::span<const TensorView> views, void (*call)(void* f, std::byte* const* p), void* f);

// Calls f(pointers) once for every coordinate of all dimensions but the last of views[0]; pointers[i] is where the
// line of views[i] begins. All views have as many dimensions; their last sizes may differ.
template <size_t N, class F>
void for_each_line(const std::array<TensorView, N>& views, F&& f) {
  auto call = [](void* body, std::byte* const* from) {
    std::array<std::byte*, N> p;
    std::copy_n(from, N, p.begin());
    (*static_cast<std::remove_reference_t<F>*>(body))(p);
  };
  walk_lines(views, call, &f);
}

template <class T>
struct Line {  // one line of a view
  std::byte* base;
  int64_t stride;  // in elements
  T& operator[](int64_t i) const { return reinterpret_cast<T*>(base)[i * stride]; }
};

// Copies `from` to `to`, same sizes and dtype, any strides; convert_view casts.
void copy_view(const TensorView& to, const TensorView& from);
void convert_view(const TensorView& to, const TensorView& from);
// A contiguous copy of `v` as `t`, in scratch memory.
TensorView converted(NativeCtx& c, const TensorView& v, DType t);
void zero_view(const TensorView& to);  // contiguous

// A routine's index element as int64, checked against [-n, n) and wrapped.
int64_t index_at(const TensorView& v, const std::byte* p, int64_t i, int64_t n, const char* op, int64_t dim);

}  // namespace fj::native
