// Composites over views: flatten, movedim, and the ops that return lists of views.
#include "ops/calls.h"
#include "ops/rules.h"

namespace fj {

using Outs = SmallVec<Val, 2>;

void decompose_flatten(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  int64_t first = wrap_dim(args[1].as_int(), self->dim()), last = wrap_dim(args[2].as_int(), self->dim());
  FJ_USER_CHECK(first <= last, ErrorKind::Runtime, "flatten() has invalid args: start_dim cannot come after end_dim");
  if (self->dim() == 0) {
    outs.push_back(t::reshape(b, self, Arg::ints({1})));
    return;
  }
  if (first == last) {
    outs.push_back(self);
    return;
  }
  Shape sizes;
  Dim merged = 1;
  for (int64_t d = 0; d < self->dim(); ++d) {
    if (d >= first && d <= last)
      merged *= self->sizes[d];
    else
      sizes.push_back(self->sizes[d]);
    if (d == last) sizes.push_back(merged);
  }
  outs.push_back(t::reshape(b, self, sizes));
}

void decompose_unflatten(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  int64_t at = wrap_dim(args[1].as_int(), self->dim());
  auto wanted = args[2].as_ints();
  FJ_USER_CHECK(self->dim() > 0, ErrorKind::Runtime, "unflatten got an unexpected error: Dimension specified as ",
                args[1].as_int(), " but tensor has no dimensions");
  FJ_USER_CHECK(!wanted.empty(), ErrorKind::Runtime, "unflatten: sizes must be non-empty");
  Dim known = 1;
  int64_t free_at = -1;
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == -1)
      free_at = static_cast<int64_t>(i);
    else
      known *= wanted[i];
  }
  Dim n = self->sizes[at];
  FJ_USER_CHECK(free_at >= 0 ? known != 0 && n % known == 0 : known == n, ErrorKind::Runtime,
                "unflatten: Provided sizes ", wanted, " don't multiply up to the size of dim ", at, " (", n,
                ") in the input tensor");
  Shape sizes;
  for (int64_t d = 0; d < self->dim(); ++d) {
    if (d != at) {
      sizes.push_back(self->sizes[d]);
      continue;
    }
    for (size_t i = 0; i < wanted.size(); ++i)
      sizes.push_back(static_cast<int64_t>(i) == free_at ? n / known : wanted[i]);
  }
  outs.push_back(t::view(b, self, sizes));
}

void decompose_movedim(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  auto from = args[1].as_ints(), to = args[2].as_ints();
  FJ_USER_CHECK(from.size() == to.size(), ErrorKind::Runtime, "movedim: Invalid source or destination dims: source (",
                from, " dims) should contain the same number of dims as destination (", to, " dims)");
  int64_t n = self->dim();
  if (n == 0) {
    for (auto dims : {from, to})
      for (int64_t d : dims) wrap_dim(d, n);
    return outs.push_back(t::permute(b, self, Arg::ints({})));
  }
  SmallVec<int64_t, 6> order(static_cast<size_t>(n), -1), used;
  for (size_t i = 0; i < from.size(); ++i) {
    int64_t s = wrap_dim(from[i], n), d = wrap_dim(to[i], n);
    FJ_USER_CHECK(!is_dim_in(used, s) && order[d] < 0, ErrorKind::Runtime,
                  "movedim: repeated dim in `source` or `destination` (", from, ", ", to, ")");
    order[d] = s;
    used.push_back(s);
  }
  int64_t next = 0;
  for (int64_t d = 0; d < n; ++d) {
    if (order[d] >= 0) continue;
    while (is_dim_in(used, next)) ++next;
    order[d] = next++;
  }
  outs.push_back(n ? t::permute(b, self, Arg::ints(order)) : t::alias(b, self));
}

void decompose_unbind(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  FJ_USER_CHECK(self->dim() > 0, ErrorKind::Index, "Dimension specified as ", args[1].as_int(),
                " but tensor has no dimensions");
  int64_t d = wrap_dim(args[1].as_int(), self->dim());
  for (Dim i = 0; i < self->sizes[d]; ++i) outs.push_back(t::select(b, self, d, i));
}

namespace {

// Each section is a tensor: what would fill the memory with empty ones is refused.
constexpr int64_t kMostSections = 1 << 20;

void split_at(Builder& b, Val self, int64_t d, std::span<const int64_t> lengths, Outs& outs) {
  Dim at = 0;
  for (int64_t n : lengths) {
    outs.push_back(t::narrow(b, self, d, at, n));
    at += n;
  }
}

int64_t split_dim(Val self, const Arg& dim, const char* name) {
  FJ_USER_CHECK(self->dim() > 0, ErrorKind::Runtime, name, " expects at least a 1-dimensional tensor");
  return wrap_dim(dim.as_int(), self->dim());
}

void split_by(Builder& b, Val self, int64_t d, Dim size, Outs& outs) {
  Dim n = self->sizes[d];
  SmallVec<int64_t, 6> lengths;
  if (n == 0) lengths.push_back(0);
  for (Dim at = 0; at < n; at += size) lengths.push_back(std::min(size, n - at));
  split_at(b, self, d, lengths, outs);
}

}  // namespace

void decompose_split(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  int64_t d = split_dim(self, args[2], "split"), size = args[1].as_int();
  FJ_USER_CHECK(size >= 0, ErrorKind::Runtime, "split expects split_size be non-negative, but got split_size=", size);
  FJ_USER_CHECK(size > 0 || self->sizes[d] == 0, ErrorKind::Runtime,
                "split_size can only be 0 if dimension size is 0, but got dimension size of ", self->sizes[d]);
  split_by(b, self, d, size, outs);
}

void decompose_split_sizes(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  int64_t d = split_dim(self, args[2], "split"), total = 0;
  for (int64_t n : args[1].as_ints()) {
    FJ_USER_CHECK(
        n >= 0, ErrorKind::Runtime,
        "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=", args[1].as_ints());
    total += n;
  }
  FJ_USER_CHECK(total == self->sizes[d], ErrorKind::Runtime, "split_with_sizes expects split_sizes to sum exactly to ",
                self->sizes[d], " (input tensor's size at dimension ", d, "), but got split_sizes=", args[1].as_ints());
  split_at(b, self, d, args[1].as_ints(), outs);
}

void decompose_chunk(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  int64_t d = split_dim(self, args[2], "chunk"), chunks = args[1].as_int();
  FJ_USER_CHECK(chunks > 0, ErrorKind::Runtime, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  if (self->sizes[d] == 0) {
    FJ_USER_CHECK(chunks <= kMostSections, ErrorKind::Memory, "chunk: ", chunks,
                  " empty chunks do not fit into memory");
    for (int64_t i = 0; i < chunks; ++i) outs.push_back(t::narrow(b, self, d, 0, 0));
    return;
  }
  split_by(b, self, d, (self->sizes[d] - 1) / chunks + 1, outs);
}

void decompose_tensor_split(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  int64_t d = split_dim(self, args[2], "tensor_split"), k = args[1].as_int();
  FJ_USER_CHECK(k > 0, ErrorKind::Runtime, "number of sections must be larger than 0, got ", k);
  Dim n = self->sizes[d];
  FJ_USER_CHECK(k <= std::max<int64_t>(n, kMostSections), ErrorKind::Memory, "tensor_split: ", k,
                " sections of a dimension of size ", n, " do not fit into memory");
  SmallVec<int64_t, 6> lengths;
  for (int64_t i = 0; i < k; ++i) lengths.push_back(n / k + (i < n % k));
  split_at(b, self, d, lengths, outs);
}

void decompose_tensor_split_indices(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val self = args[0].val();
  int64_t d = split_dim(self, args[2], "tensor_split");
  Dim start = 0;
  for (int64_t end : args[1].as_ints()) {
    outs.push_back(t::slice(b, self, d, start, end));
    start = end;
  }
  outs.push_back(t::slice(b, self, d, start, self->sizes[d]));
}

}  // namespace fj
