// Stacks of matrices for the linear algebra routines: any strides in, column-major copies for LAPACK, any strides out.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/rules.h"
#include "runtime/lapack.h"
#include "runtime/native/iterate.h"

namespace fj::native {

template <class T>
struct Stack {
  const TensorView& v;
  int64_t inner;  // 2 for matrices, 1 for vectors, 0 for numbers
  Stack(const TensorView& view, int64_t inner_dims = 2) : v(view), inner(inner_dims) {}
  int64_t outer() const { return v.dim() - inner; }
  int64_t count() const {
    int64_t n = 1;
    for (int64_t d = 0; d < outer(); ++d) n *= v.sizes[d];
    return n;
  }
  int64_t rows() const { return v.sizes[outer()]; }
  int64_t cols() const { return v.sizes[outer() + 1]; }
  T* at(int64_t i) const {
    T* p = v.ptr<T>();
    for (int64_t d = outer() - 1; d >= 0; --d) {
      p += i % v.sizes[d] * v.strides[d];
      i /= v.sizes[d];
    }
    return p;
  }
  // Matrix i to and from column-major memory of leading dimension `ld`.
  void read(int64_t i, T* to, int64_t ld) const {
    const T* p = at(i);
    int64_t rs = v.strides[outer()], cs = v.strides[outer() + 1];
    for (int64_t c = 0; c < cols(); ++c)
      for (int64_t r = 0; r < rows(); ++r) to[c * ld + r] = p[r * rs + c * cs];
  }
  void write(int64_t i, const T* from, int64_t ld) const {
    T* p = at(i);
    int64_t rs = v.strides[outer()], cs = v.strides[outer() + 1];
    for (int64_t c = 0; c < cols(); ++c)
      for (int64_t r = 0; r < rows(); ++r) p[r * rs + c * cs] = from[c * ld + r];
  }
  void write_line(int64_t i, const T* from) const {
    T* p = at(i);
    for (int64_t k = 0; k < v.sizes[outer()]; ++k) p[k * v.strides[outer()]] = from[k];
  }
};

template <class T>
bool finite(T v) {
  return std::isfinite(std::real(v)) && std::isfinite(std::imag(v));
}

// Iterations of LAPACK may run for ever on an infinity or a NaN: ask before.
template <class T>
bool all_finite(const std::vector<T>& x) {
  return std::all_of(x.begin(), x.end(), [](T v) { return finite(v); });
}

inline std::string batch_text(int64_t outer, int64_t i) {
  return outer ? "(Batch element " + std::to_string(i) + "): " : std::string();
}

// f.template operator()<T>() for the types that shape rules let through.
template <class F>
void by_number(DType t, F&& f) {
  switch (t) {
    case DType::F32: return f.template operator()<float>();
    case DType::C64: return f.template operator()<std::complex<float>>();
    case DType::C128: return f.template operator()<std::complex<double>>();
    default: return f.template operator()<double>();
  }
}
template <class F>
void by_float(DType t, F&& f) {
  if (t == DType::F32)
    f.template operator()<float>();
  else
    f.template operator()<double>();
}

using lapack::Real;
template <class T>
T conj(T v) {
  if constexpr (lapack::RealOf<T>::complex)
    return std::conj(v);
  else
    return v;
}

template <class T>
std::vector<T> matrix_memory(int64_t n) {
  return std::vector<T>(static_cast<size_t>(n > 0 ? n : 1));
}

inline int64_t at_least_one(int64_t n) { return n > 0 ? n : 1; }

}  // namespace fj::native
