// sort, topk, kthvalue: NaN counts as larger than every number. Ties keep their order.
#include <numeric>

#include "ops/rules.h"
#include "runtime/native/iterate.h"
#include "runtime/native/radix.h"

namespace fj::native {
namespace {

template <class C>
bool less(C a, C b) {
  return is_nan(a) ? false : is_nan(b) || a < b;
}

// Calls body(values of one line as C, order scratch, pointers) for every line along `d`.
template <class F>
void sort_lines(NativeCtx& c, int64_t d, F&& body) {
  TensorView x = with_last(c.in(0), d), v = with_last(c.out(0), d), i = with_last(c.out(1), d);
  int64_t n = x.sizes.back();
  auto* order = static_cast<int64_t*>(c.scratch(static_cast<size_t>(n) * sizeof(int64_t)));
  dispatch(x.dtype, [&]<class T>() {
    using C = compute_t<T>;
    auto* key = static_cast<C*>(c.scratch(static_cast<size_t>(n) * sizeof(C)));
    for_each_line<3>({x, v, i}, [&](const std::array<std::byte*, 3>& p) {
      Line<T> from{p[0], x.strides.back()};
      for (int64_t k = 0; k < n; ++k) key[k] = static_cast<C>(from[k]);
      std::iota(order, order + n, 0);
      body(key, order, n, Line<T>{p[1], v.strides.back()}, Line<int64_t>{p[2], i.strides.back()});
    });
  });
}

// Lines of a result that lost the dimension: it is put back with size 1 so that lines match.
TensorView restored(const TensorView& v, int64_t d, int64_t ndim) {
  TensorView out = v;
  if (v.dim() == ndim) return out;
  out.sizes.insert(out.sizes.begin() + d, 1);
  out.strides.insert(out.strides.begin() + d, 1);
  return out;
}

}  // namespace

void sort(NativeCtx& c) {
  if (c.out().numel() == 0) return;
  bool descending = c.arg(2).as_bool();
  RadixRoom room;
  sort_lines(c, wrap_dim(c.arg(1).as_int(), c.in(0).dim()),
             [&](auto* key, int64_t* order, int64_t n, auto values, auto index) {
               if (n >= kRadixFrom && n < kRadixTo)
                 radix_order(key, order, n, descending, room);
               else if (descending)
                 std::stable_sort(order, order + n, [&](int64_t a, int64_t b) { return less(key[b], key[a]); });
               else
                 std::stable_sort(order, order + n, [&](int64_t a, int64_t b) { return less(key[a], key[b]); });
               for (int64_t k = 0; k < n; ++k) {
                 values[k] = key[order[k]];
                 index[k] = order[k];
               }
             });
}

void topk(NativeCtx& c) {
  if (c.out().numel() == 0) return;
  int64_t k = c.arg(1).as_int();
  bool largest = c.arg(3).as_bool();
  sort_lines(c, wrap_dim(c.arg(2).as_int(), c.in(0).dim()),
             [&](auto* key, int64_t* order, int64_t n, auto values, auto index) {
               auto before = [&](int64_t a, int64_t b) {
                 bool x = largest ? less(key[b], key[a]) : less(key[a], key[b]);
                 bool y = largest ? less(key[a], key[b]) : less(key[b], key[a]);
                 return x != y ? x : a < b;
               };
               std::partial_sort(order, order + k, order + n, before);
               for (int64_t j = 0; j < k; ++j) {
                 values[j] = key[order[j]];
                 index[j] = order[j];
               }
             });
}

void kthvalue(NativeCtx& c) {
  if (c.out().numel() == 0) return;
  int64_t k = c.arg(1).as_int() - 1, ndim = c.in(0).dim(), d = wrap_dim(c.arg(2).as_int(), ndim);
  if (ndim > 0) {
    c.outputs[0] = restored(c.out(0), d, ndim);
    c.outputs[1] = restored(c.out(1), d, ndim);
  }
  sort_lines(c, d, [&](auto* key, int64_t* order, int64_t n, auto values, auto index) {
    auto before = [&](int64_t a, int64_t b) { return less(key[a], key[b]) || (!less(key[b], key[a]) && a < b); };
    std::nth_element(order, order + k, order + n, before);
    values[0] = key[order[k]];
    index[0] = order[k];
  });
}

}  // namespace fj::native
