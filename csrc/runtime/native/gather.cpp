// Routines that read or write at indices along one dimension. Outputs are contiguous.
#include "ops/rules.h"
#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

int64_t dim_of(NativeCtx& c) { return wrap_dim(c.arg(1).as_int(), c.in(0).dim()); }

// Lines of `like`'s shape over another view: sizes of `like` besides the last dimension, strides of `v`.
TensorView clipped(TensorView v, const TensorView& like) {
  for (int64_t d = 0; d + 1 < v.dim(); ++d) v.sizes[d] = like.sizes[d];
  return v;
}

template <class F>
void scatter_lines(NativeCtx& c, F&& combine) {
  int64_t d = dim_of(c);
  copy_view(c.out(), c.in(0));
  if (c.in(2).numel() == 0) return;
  bool has_src = c.arg(3).is_tensor();
  TensorView out = with_last(c.out(), d), index = with_last(c.in(2), d), src = has_src ? with_last(c.in(3), d) : index;
  int64_t n = out.sizes.back(), m = index.sizes.back();
  dispatch(out.dtype, [&]<class T>() {
    T number = has_src                         ? T()
               : c.arg(3).tag() == ArgTag::Int ? static_cast<T>(c.arg(3).as_int())
                                               : static_cast<T>(c.arg(3).as_double());
    for_each_line<3>({index, clipped(out, index), clipped(src, index)}, [&](const std::array<std::byte*, 3>& p) {
      Line<T> to{p[1], out.strides.back()}, from{p[2], src.strides.back()};
      for (int64_t i = 0; i < m; ++i) {
        T& slot = to[index_at(index, p[0], i, n, c.op->name, d)];
        combine(slot, has_src ? from[i] : number);
      }
    });
  });
}

// The slices of `source` along the dimension, each with its index in `out`.
template <class F>
void index_slices(NativeCtx& c, F&& combine) {
  int64_t d = dim_of(c);
  copy_view(c.out(), c.in(0));
  TensorView out = with_last(c.out(), d), src = with_last(c.in(3), c.in(3).dim() ? wrap_dim(d, c.in(3).dim()) : 0);
  TensorView index = with_last(c.in(2), 0);
  int64_t n = out.sizes.back(), m = index.numel();
  SmallVec<int64_t, 16> at;
  for (int64_t i = 0; i < m; ++i) at.push_back(index_at(index, index.data, i, n, c.op->name, d));
  dispatch(out.dtype, [&]<class T>() {
    for_each_line<2>({out, src}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> to{p[0], out.strides.back()}, from{p[1], src.strides.back()};
      for (int64_t i = 0; i < m; ++i) combine(to[at[i]], from[i]);
    });
  });
}

template <class T>
T sum_of(T a, T b) {
  if constexpr (std::is_same_v<T, bool>)
    return a || b;
  else
    return static_cast<T>(static_cast<compute_t<T>>(a) + static_cast<compute_t<T>>(b));
}

}  // namespace

void gather(NativeCtx& c) {
  int64_t d = dim_of(c);
  if (c.out().numel() == 0) return;
  TensorView out = with_last(c.out(), d), index = with_last(c.in(2), d), src = with_last(c.in(0), d);
  int64_t n = src.sizes.back(), m = index.sizes.back();
  dispatch_bytes(out.dtype, [&]<class T>() {
    for_each_line<3>({index, out, clipped(src, index)}, [&](const std::array<std::byte*, 3>& p) {
      Line<T> to{p[1], out.strides.back()}, from{p[2], src.strides.back()};
      for (int64_t i = 0; i < m; ++i) to[i] = from[index_at(index, p[0], i, n, c.op->name, d)];
    });
  });
}

void scatter(NativeCtx& c) {
  scatter_lines(c, [](auto& slot, auto v) { slot = v; });
}
void scatter_add(NativeCtx& c) {
  scatter_lines(c, [](auto& slot, auto v) { slot = sum_of(slot, v); });
}

void index_copy(NativeCtx& c) {
  index_slices(c, [](auto& slot, auto v) { slot = v; });
}
void index_add(NativeCtx& c) {
  const Arg& alpha = c.arg(4);
  index_slices(c, [&]<class T>(T& slot, T v) {
    using C = compute_t<T>;
    if constexpr (std::is_same_v<T, bool>)
      slot = slot || (v && alpha.as_double() != 0);
    else
      slot = static_cast<T>(static_cast<C>(slot) + static_cast<C>(v) * (alpha.tag() == ArgTag::Float
                                                                            ? static_cast<C>(alpha.as_double())
                                                                            : static_cast<C>(alpha.as_int())));
  });
}

void index_select(NativeCtx& c) {
  int64_t d = dim_of(c);
  if (c.out().numel() == 0) return;
  TensorView out = with_last(c.out(), d), src = with_last(c.in(0), d), index = with_last(c.in(2), 0);
  int64_t n = src.sizes.back(), m = index.numel();
  SmallVec<int64_t, 16> at;
  for (int64_t i = 0; i < m; ++i) at.push_back(index_at(index, index.data, i, n, "index_select", d));
  dispatch_bytes(out.dtype, [&]<class T>() {
    for_each_line<2>({out, src}, [&](const std::array<std::byte*, 2>& p) {
      Line<T> to{p[0], out.strides.back()}, from{p[1], src.strides.back()};
      for (int64_t i = 0; i < m; ++i) to[i] = from[at[i]];
    });
  });
}

namespace {

enum class Combine { Sum, Prod, Mean, Max, Min };

Combine parse_combine(const std::string& s) {
  if (s == "sum") return Combine::Sum;
  if (s == "prod") return Combine::Prod;
  if (s == "mean") return Combine::Mean;
  if (s == "amax") return Combine::Max;
  if (s == "amin") return Combine::Min;
  raise(ErrorKind::Runtime, "reduce argument must be either sum, prod, mean, amax or amin, got ", s);
}

template <class C>
C combined(Combine how, C a, C b) {
  switch (how) {
    case Combine::Prod: return static_cast<C>(a * b);
    case Combine::Max: return is_nan(a) || a > b ? a : b;
    case Combine::Min: return is_nan(a) || a < b ? a : b;
    default: return static_cast<C>(a + b);
  }
}

}  // namespace

void scatter_reduce(NativeCtx& c) {
  int64_t d = dim_of(c);
  Combine how = parse_combine(c.arg(4).as_str());
  bool include_self = c.arg(5).as_bool();
  copy_view(c.out(), c.in(0));
  if (c.in(2).numel() == 0) return;
  TensorView out = with_last(c.out(), d), index = with_last(c.in(2), d), src = with_last(c.in(3), d);
  int64_t n = out.sizes.back(), m = index.sizes.back();
  auto* count = static_cast<int64_t*>(c.scratch(static_cast<size_t>(c.out().numel()) * sizeof(int64_t)));
  std::fill_n(count, c.out().numel(), include_self ? 1 : 0);
  dispatch(out.dtype, [&]<class T>() {
    using C = compute_t<T>;
    T* first = c.out().template ptr<T>();
    for_each_line<3>({index, clipped(out, index), clipped(src, index)}, [&](const std::array<std::byte*, 3>& p) {
      Line<T> to{p[1], out.strides.back()}, from{p[2], src.strides.back()};
      for (int64_t i = 0; i < m; ++i) {
        T& slot = to[index_at(index, p[0], i, n, "scatter_reduce", d)];
        int64_t& seen = count[&slot - first];
        slot = seen++ == 0 ? from[i] : static_cast<T>(combined<C>(how, static_cast<C>(slot), static_cast<C>(from[i])));
      }
    });
    if (how != Combine::Mean) return;
    for (int64_t i = 0; i < c.out().numel(); ++i)
      if (count[i] > 1) {
        C v = static_cast<C>(first[i]);
        if constexpr (std::is_integral_v<C>)
          first[i] = static_cast<T>(std::floor(static_cast<double>(v) / static_cast<double>(count[i])));
        else
          first[i] = static_cast<T>(v / static_cast<C>(count[i]));
      }
  });
}

}  // namespace fj::native
