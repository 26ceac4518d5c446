// Routines that draw random numbers, in the order and with the transforms of PyTorch's CPU routines.
#include "runtime/random.h"

#include <numeric>

#include "runtime/native/iterate.h"

namespace fj::native {
namespace {

RandomStream& stream_of(NativeCtx& c) {
  int i = c.op->arg_index("generator");
  return i < 0 || c.arg(i).is_none() ? default_stream() : *static_cast<RandomStream*>(c.arg(i).as_object());
}

double number(NativeCtx& c, const char* name, double otherwise) {
  int i = c.op->arg_index(name);
  return i < 0 || c.arg(i).is_none() ? otherwise : c.arg(i).as_double();
}

// f(element) in row-major order.
template <class T, class F>
void each(const TensorView& v, F&& f) {
  if (v.numel() == 0) return;
  TensorView rows = with_last(v, v.dim() - 1);
  for_each_line<1>({rows}, [&](const std::array<std::byte*, 1>& p) {
    Line<T> line{p[0], rows.strides.back()};
    for (int64_t i = 0; i < rows.sizes.back(); ++i) f(line[i]);
  });
}

// Sixteen uniform numbers become sixteen normal ones (Box and Muller), pairs eight apart.
template <class T>
void normal_block(T* d, T mean, T std) {
  for (int j = 0; j < 8; ++j) {
    T u1 = 1 - d[j], u2 = d[j + 8];
    T radius = std::sqrt(-2 * std::log(u1)), theta = static_cast<T>(2.0 * M_PI) * u2;
    d[j] = radius * std::cos(theta) * std + mean;
    d[j + 8] = radius * std::sin(theta) * std + mean;
  }
}

template <class T>
T uniform01(RandomStream& s) {
  if constexpr (std::is_same_v<T, double>)
    return s.uniform_double();
  else
    return s.uniform_float();
}

// A big contiguous tensor is filled by blocks, a small or strided one number by number.
template <class T>
void fill_normal(TensorView& out, RandomStream& s, double mean, double std) {
  using A = compute_t<T>;
  const int64_t n = out.numel();
  if (n < 16 || !out.is_contiguous())
    return each<T>(out, [&](T& v) { v = static_cast<T>(static_cast<A>(s.normal() * std + mean)); });
  const auto fill_block = [&](T* to) {
    A block[16];
    for (A& v : block) v = uniform01<A>(s);
    normal_block(block, static_cast<A>(mean), static_cast<A>(std));
    for (int i = 0; i < 16; ++i) to[i] = static_cast<T>(block[i]);
  };
  T* d = out.ptr<T>();
  for (int64_t i = 0; i + 16 <= n; i += 16) fill_block(d + i);
  if (n % 16 == 0) return;
  if constexpr (std::is_same_v<T, A>)  // PyTorch draws for the rest, then again for the last sixteen; not so of halves
    for (int64_t i = 0; i < n % 16; ++i) uniform01<A>(s);
  fill_block(d + n - 16);
}

void check_float(NativeCtx& c, const char* name) {
  FJ_USER_CHECK(is_float(c.out().dtype), ErrorKind::NotImplemented, "\"", name, "\" not implemented for '",
                scalar_type_name(c.out().dtype), "'");
}

template <class F>
void dispatch_float(DType t, F&& f) {
  dispatch(t, [&]<class T>() {
    if constexpr (!std::is_integral_v<T>) f.template operator()<T>();
  });
}

template <class F>
void fill_integers(NativeCtx& c, F&& draw) {
  dispatch(c.out().dtype, [&]<class T>() {
    each<T>(c.out(), [&](T& v) {
      int64_t n = draw();
      if constexpr (std::is_integral_v<T>)
        v = static_cast<T>(n);
      else if constexpr (std::is_same_v<T, double>)
        v = static_cast<double>(n);
      else
        v = static_cast<T>(static_cast<float>(n));
    });
  });
}

}  // namespace

void uniform(NativeCtx& c) {
  check_float(c, "check_uniform_bounds");
  RandomStream& s = stream_of(c);
  double from = number(c, "from", 0), to = number(c, "to", 1);
  FJ_USER_CHECK(from <= to, ErrorKind::Runtime, "uniform_ expects to return a [from, to) range, but found from=", from,
                " > to=", to);
  dispatch_float(c.out().dtype, [&]<class T>() {
    using A = compute_t<T>;
    A low = static_cast<A>(from), range = static_cast<A>(to) - low;
    const A least = static_cast<A>(static_cast<T>(low)), end = static_cast<A>(static_cast<T>(static_cast<A>(to)));
    each<T>(c.out(), [&](T& v) {
      const A drawn = static_cast<A>(static_cast<T>(uniform01<A>(s) * range + low));
      v = static_cast<T>(drawn == end ? least : drawn);  // rounded up to what is outside
    });
  });
}

void normal(NativeCtx& c) {
  check_float(c, "normal_kernel_cpu");
  double mean = number(c, "mean", 0), std = number(c, "std", 1);
  FJ_USER_CHECK(std >= 0, ErrorKind::Runtime, "normal expects std >= 0.0, but found std ", std);
  dispatch_float(c.out().dtype, [&]<class T>() { fill_normal<T>(c.out(), stream_of(c), mean, std); });
}

void normal_of(NativeCtx& c) {
  check_float(c, "normal_kernel_cpu");
  dispatch_float(c.out().dtype, [&]<class T>() {
    TensorView& out = c.out();
    fill_normal<T>(out, stream_of(c), 0, 1);
    TensorView parts[2];
    for (int i = 0; i < 2; ++i) {
      parts[i] = out;
      if (!c.arg(i).is_tensor()) continue;
      const TensorView in = c.in(i).dtype == out.dtype ? c.in(i) : converted(c, c.in(i), out.dtype);
      parts[i] = in;
      parts[i].sizes = out.sizes;
      parts[i].strides = Shape(out.sizes.size(), 0);
      int64_t lead = out.dim() - in.dim();
      for (int64_t d = 0; d < in.dim(); ++d) parts[i].strides[d + lead] = in.sizes[d] == 1 ? 0 : in.strides[d];
    }
    if (out.numel() == 0) return;
    std::array<TensorView, 3> views{with_last(out, out.dim() - 1), with_last(parts[0], out.dim() - 1),
                                    with_last(parts[1], out.dim() - 1)};
    for_each_line<3>(views, [&](const std::array<std::byte*, 3>& p) {
      Line<T> to{p[0], views[0].strides.back()}, mean{p[1], views[1].strides.back()},
          std{p[2], views[2].strides.back()};
      for (int64_t i = 0; i < views[0].sizes.back(); ++i) {
        compute_t<T> m =
            c.arg(0).is_tensor() ? static_cast<compute_t<T>>(mean[i]) : static_cast<compute_t<T>>(c.arg(0).as_double());
        compute_t<T> d =
            c.arg(1).is_tensor() ? static_cast<compute_t<T>>(std[i]) : static_cast<compute_t<T>>(c.arg(1).as_double());
        FJ_USER_CHECK(!(d < 0), ErrorKind::Runtime, "normal expects all elements of std >= 0.0");
        to[i] = static_cast<T>(static_cast<compute_t<T>>(to[i]) * d + m);
      }
    });
  });
}

void randint(NativeCtx& c) {
  int low_at = c.op->arg_index("low");
  int64_t low = low_at < 0 ? 0 : c.arg(low_at).as_int(), high = c.arg(c.op->arg_index("high")).as_int();
  FJ_USER_CHECK(low < high, ErrorKind::Runtime, "random_ expects 'from' to be less than 'to', but got from=", low,
                " >= to=", high);
  RandomStream& s = stream_of(c);
  fill_integers(c, [&] { return s.integer(low, static_cast<uint64_t>(high) - static_cast<uint64_t>(low)); });
}

void random_fill(NativeCtx& c) {
  RandomStream& s = stream_of(c);
  DType t = c.out().dtype;
  if (c.op->arg_index("from") >= 0) {
    int64_t low = c.arg(1).as_int(), high = low;
    if (c.arg(2).is_none())
      low = 0;
    else
      high = c.arg(2).as_int();
    FJ_USER_CHECK(low < high, ErrorKind::Runtime, "random_ expects 'from' to be less than 'to', but got from=", low,
                  " >= to=", high);
    return fill_integers(c, [&] { return s.integer(low, static_cast<uint64_t>(high) - static_cast<uint64_t>(low)); });
  }
  constexpr int kBits[kRealDTypeCount] = {1, 8, 7, 15, 31, 63, 11, 8, 24, 53};
  int bits = kBits[static_cast<int>(t)];
  uint64_t range = is_float(t) ? (uint64_t{1} << bits) + 1 : bits == 63 ? uint64_t{1} << 63 : uint64_t{1} << bits;
  fill_integers(c, [&] { return static_cast<int64_t>((bits > 31 ? s.bits64() : s.bits32()) % range); });
}

void randperm(NativeCtx& c) {
  int64_t n = c.arg(0).as_int();
  RandomStream& s = stream_of(c);
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  for (int64_t i = 0; i < n - 1; ++i)
    std::swap(order[i], order[i + static_cast<int64_t>(s.bits32() % static_cast<uint64_t>(n - i))]);
  size_t at = 0;
  fill_integers(c, [&] { return order[at++]; });
}

void exponential(NativeCtx& c) {
  check_float(c, "exponential");
  double rate = number(c, "lambd", 1);
  FJ_USER_CHECK(rate > 0, ErrorKind::Runtime, "exponential_ expects lambda > 0.0, but found lambda=", rate);
  RandomStream& s = stream_of(c);
  dispatch_float(c.out().dtype, [&]<class T>() {
    each<T>(c.out(), [&](T& v) {
      v = static_cast<T>(static_cast<compute_t<T>>(-1.0 / rate * std::log1p(-s.uniform_double())));
    });
  });
}

void bernoulli_p(NativeCtx& c) {
  double p = number(c, "p", 0.5);
  FJ_USER_CHECK(p >= 0 && p <= 1, ErrorKind::Runtime, "bernoulli_ expects p to be in [0, 1], but got p=", p);
  RandomStream& s = stream_of(c);
  fill_integers(c, [&] { return int64_t{s.uniform_double() < p}; });
}

void bernoulli(NativeCtx& c) {
  RandomStream& s = stream_of(c);
  dispatch_float(c.out().dtype, [&]<class T>() {
    std::vector<double> p;
    each<T>(c.in(0), [&](T& v) { p.push_back(static_cast<double>(static_cast<compute_t<T>>(v))); });
    for (double v : p)
      FJ_USER_CHECK(v >= 0 && v <= 1, ErrorKind::Runtime, "Expected p_in >= 0 && p_in <= 1 to be true, but got false.");
    size_t at = 0;
    if constexpr (std::is_same_v<T, double>)
      fill_integers(c, [&] { return int64_t{s.uniform_double() < p[at++]}; });
    else
      fill_integers(c, [&] { return int64_t{s.uniform_float() < static_cast<float>(p[at++])}; });
  });
}

// Without replacement: the positions of the largest p / exponential noise; with it: inversion of the cumulative sum.
void multinomial(NativeCtx& c) {
  RandomStream& s = stream_of(c);
  bool replace = c.arg(2).as_bool();
  int64_t samples = c.arg(1).as_int();
  int64_t* to = c.out().ptr<int64_t>();
  dispatch_float(c.in(0).dtype, [&]<class T>() {
    TensorView rows = with_last(c.in(0), c.in(0).dim() - 1);
    int64_t n = rows.sizes.back();
    for_each_line<1>({rows}, [&](const std::array<std::byte*, 1>& at) {
      Line<T> line{at[0], rows.strides.back()};
      std::vector<double> p(static_cast<size_t>(n));
      double sum = 0;
      for (int64_t i = 0; i < n; ++i) {
        p[i] = static_cast<double>(static_cast<compute_t<T>>(line[i]));
        FJ_USER_CHECK(p[i] >= 0 && std::isfinite(p[i]), ErrorKind::Runtime,
                      "probability tensor contains either `inf`, `nan` or element < 0");
        sum += p[i];
      }
      FJ_USER_CHECK(sum > 0, ErrorKind::Runtime, "invalid multinomial distribution (sum of probabilities <= 0)");
      if (replace) {
        for (int64_t k = 0; k < samples; ++k) {
          double u = s.uniform_double() * sum, run = 0;
          int64_t i = 0;
          while (i < n - 1 && (run += p[i]) <= u) ++i;
          *to++ = i;
        }
        return;
      }
      std::vector<int64_t> order(static_cast<size_t>(n));
      std::iota(order.begin(), order.end(), 0);
      for (double& v : p) v = v / (-std::log1p(-s.uniform_double()));
      std::partial_sort(order.begin(), order.begin() + samples, order.end(),
                        [&](int64_t a, int64_t b) { return p[a] > p[b]; });
      for (int64_t k = 0; k < samples; ++k) *to++ = order[k];
    });
  });
}

}  // namespace fj::native
