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

namespace {

// Both views with as few dimensions as they have in common.
void straighten(TensorView& a, TensorView& b) {
  int64_t kept = 0;
  for (int64_t d = 0; d < a.dim(); ++d) {
    int64_t n = a.sizes[d], last = kept - 1;
    if (n == 1) continue;
    if (last >= 0 && a.strides[last] == a.strides[d] * n && b.strides[last] == b.strides[d] * n) n *= a.sizes[--kept];
    for (TensorView* v : {&a, &b}) {
      v->sizes[kept] = n;
      v->strides[kept] = v->strides[d];
    }
    ++kept;
  }
  for (TensorView* v : {&a, &b}) {
    v->sizes.resize(static_cast<size_t>(kept));
    v->strides.resize(static_cast<size_t>(kept));
    *v = with_last(*v, std::max<int64_t>(kept - 1, 0));
  }
}

struct Strided {
  std::byte* base;
  int64_t stride;
};

// line(to, from, n) for the lines of both views, which may be many and short: two dimensions are walked here.
template <class F>
void for_each_pair(TensorView a, TensorView b, F&& line) {
  straighten(a, b);
  int64_t n = a.sizes.back(), sa = a.strides.back(), sb = b.strides.back();
  for (TensorView* v : {&a, &b}) {
    v->sizes.pop_back();
    v->strides.pop_back();
    *v = with_last(*v, std::max<int64_t>(v->dim() - 1, 0));
  }
  int64_t rows = a.sizes.back(), step_a = a.strides.back() * size_of(a.dtype),
          step_b = b.strides.back() * size_of(b.dtype);
  for_each_line<2>({a, b}, [&](const std::array<std::byte*, 2>& p) {
    for (int64_t r = 0; r < rows; ++r) line(Strided{p[0] + r * step_a, sa}, Strided{p[1] + r * step_b, sb}, n);
  });
}

template <class T>
void copy_line(Strided to, Strided from, int64_t n) {
  constexpr int64_t kWorthCall = 16;
  if (to.stride == 1 && from.stride == 1 && n >= kWorthCall) {
    std::memcpy(to.base, from.base, static_cast<size_t>(n) * sizeof(T));
    return;
  }
  Line<T> x{to.base, to.stride}, y{from.base, from.stride};
  for (int64_t i = 0; i < n; ++i) x[i] = y[i];
}

}  // namespace

void copy_view(const TensorView& to, const TensorView& from) {
  if (to.numel() == 0) return;
  if (to.is_contiguous() && from.is_contiguous()) {
    std::memcpy(to.data, from.data, static_cast<size_t>(to.numel() * size_of(to.dtype)));
    return;
  }
  dispatch_bytes(to.dtype, [&]<class T>() { for_each_pair(to, from, copy_line<T>); });
}

namespace {

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
  for_each_pair(to, from, converter(to.dtype, from.dtype));
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
