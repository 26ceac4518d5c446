// See promise.h. There is no algebra to ask, so sizes are tried: the calls of the trace are made again with fake
// tensors.
#include "capture/promise.h"

#include "base/str.h"

namespace fj::capture {

namespace {

using Values = std::vector<int64_t>;

class Trials {
 public:
  Trials(Shapes& shapes, guard::Fetched& fetched) : shapes_(shapes), fetched_(fetched), now_(shapes.values(fetched)) {}

  int64_t now(size_t i) const { return now_[i]; }

  // The symbol alone at another size, or together with those that are equal to it today.
  bool fits(size_t i, int64_t size) {
    if (size < shapes_.tape().symbols[i].least || size > shapes_.tape().symbols[i].most) return false;
    Values alone = now_, together = now_;
    alone[i] = size;
    for (size_t k = 0; k < now_.size(); ++k)
      if (now_[k] == now_[i] && shapes_.tape().symbols[k].what != Symbol::Stride) together[k] = size;
    return shapes_.would_fit(fetched_, alone) || (together != alone && shapes_.would_fit(fetched_, together));
  }

  bool varies(size_t i) {
    const int64_t n = now_[i];
    for (int64_t other : {n + 1, n + 2, n * 2, n * 3, n * 4, n * 2 + 2, n - 1, n - 2, n / 2})
      if (other != n && fits(i, other)) return true;
    return false;
  }

 private:
  Shapes& shapes_;
  guard::Fetched& fetched_;
  Values now_;
};

}  // namespace

std::string broken_promise(Shapes& shapes, guard::Fetched& fetched, const guard::SourceTable& sources,
                           PyCodeObject* code) {
  std::string wrong;
  const auto& symbols = shapes.tape().symbols;
  for (size_t i = 0; i < symbols.size(); ++i) {
    const Symbol& s = symbols[i];
    if (!s.promised) continue;
    Trials trials(shapes, fetched);
    const int64_t now = trials.now(i);
    if (now < 2) continue;  // as PyTorch: a size of 0 or 1 promises nothing
    const std::string name = cat(sources.describe(s.source, code), ".size()[", s.dim, "]");
    auto keeps = [&](int64_t end) { return end == now || trials.fits(i, end); };
    if (!trials.varies(i) && s.least != s.most) {
      wrong += cat("\n  - You marked ", name, " as dynamic but your code specialized it to be a constant (", now,
                   "). If you're using mark_dynamic, either remove it or use maybe_mark_dynamic.");
    } else if (s.ranged && (!keeps(std::max<int64_t>(s.least, 2)) || (s.most != INT64_MAX && !keeps(s.most)))) {
      wrong += cat("\n  - Not all values of ", name, " in the specified range ", s.least, " to ",
                   s.most == INT64_MAX ? std::string("inf") : cat(s.most), " go the same way as ", now);
    }
  }
  return wrong.empty() ? wrong : cat("Constraints violated!", wrong);
}

}  // namespace fj::capture
