#include "runtime/native/iterate.h"

namespace fj::native {

void walk_lines(std::span<const TensorView> views, void (*call)(void* f, std::byte* const* p), void* f) {
  const TensorView& lead = views[0];
  int64_t outer = lead.dim() - 1;
  SmallVec<int64_t, 6> at(static_cast<size_t>(outer), 0);
  SmallVec<std::byte*, 4> p;
  for (const TensorView& v : views) p.push_back(v.data);
  for (int64_t d = 0; d < outer; ++d)
    if (lead.sizes[d] == 0) return;
  for (;;) {
    call(f, p.data());
    int64_t d = outer - 1;
    for (; d >= 0; --d) {
      for (size_t i = 0; i < p.size(); ++i) p[i] += views[i].strides[d] * size_of(views[i].dtype);
      if (++at[d] < lead.sizes[d]) break;
      for (size_t i = 0; i < p.size(); ++i) p[i] -= views[i].strides[d] * size_of(views[i].dtype) * lead.sizes[d];
      at[d] = 0;
    }
    if (d < 0) return;
  }
}

void copy_view(const TensorView& to, const TensorView& from) {
  if (to.numel() == 0) return;
  if (to.is_contiguous() && from.is_contiguous()) {
    std::memcpy(to.data, from.data, static_cast<size_t>(to.numel() * size_of(to.dtype)));
    return;
  }
  int64_t last = std::max<int64_t>(to.dim() - 1, 0);
  TensorView a = with_last(to, last), b = with_last(from, last);
  int64_t n = a.sizes.back(), sa = a.strides.back(), sb = b.strides.back();
  dispatch_bytes(to.dtype, [&]<class T>() {
    for_each_line<2>({a, b}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> x{p[0], sa}, y{p[1], sb};
      if (sa == 1 && sb == 1) {
        std::memcpy(p[0], p[1], static_cast<size_t>(n) * sizeof(T));
        return;
      }
      for (int64_t i = 0; i < n; ++i) x[i] = y[i];
    });
  });
}

namespace {

struct Strided {
  std::byte* base;
  int64_t stride;
};

using ConvertFn = void (*)(Strided to, Strided from, int64_t n);

template <class T, class S>
void convert_line(Strided to, Strided from, int64_t n) {
  Line<T> x{to.base, to.stride};
  Line<S> y{from.base, from.stride};
  for (int64_t i = 0; i < n; ++i) x[i] = static_cast<T>(static_cast<compute_t<S>>(y[i]));
}

ConvertFn converter(DType to, DType from) {
  ConvertFn found = nullptr;
  dispatch(to, [&]<class T>() { dispatch(from, [&]<class S>() { found = convert_line<T, S>; }); });
  return found;
}

}  // namespace

void convert_view(const TensorView& to, const TensorView& from) {
  if (to.dtype == from.dtype) return copy_view(to, from);
  if (to.numel() == 0) return;
  int64_t last = std::max<int64_t>(to.dim() - 1, 0);
  TensorView a = with_last(to, last), b = with_last(from, last);
  ConvertFn convert = converter(to.dtype, from.dtype);
  for_each_line<2>({a, b}, [&](const std::array<std::byte*, 2>& p) {
    convert({p[0], a.strides.back()}, {p[1], b.strides.back()}, a.sizes.back());
  });
}

TensorView converted(NativeCtx& c, const TensorView& v, DType t) {
  TensorView out = v;
  out.dtype = t;
  out.strides = contiguous_strides(v.sizes);
  out.data = static_cast<std::byte*>(c.scratch(static_cast<size_t>(v.numel() * size_of(t))));
  convert_view(out, v);
  return out;
}

void zero_view(const TensorView& to) { std::memset(to.data, 0, static_cast<size_t>(to.numel() * size_of(to.dtype))); }

int64_t index_at(const TensorView& v, const std::byte* p, int64_t i, int64_t n, const char* op, int64_t dim) {
  int64_t stride = v.strides.empty() ? 1 : v.strides.back();
  int64_t k = v.dtype == DType::I64 ? reinterpret_cast<const int64_t*>(p)[i * stride]
                                    : reinterpret_cast<const int32_t*>(p)[i * stride];
  if (__builtin_expect(k < 0 || k >= n, 0)) {
    std::string_view name = op;  // PyTorch's kinds of errors
    const bool runtime = name.starts_with("scatter") || name == "gather";
    raise(runtime ? ErrorKind::Runtime : ErrorKind::Index, "index ", k, " is out of bounds for dimension ", dim,
          " with size ", n);
  }
  return k;
}

}  // namespace fj::native
