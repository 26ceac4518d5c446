// Guards on tensors and on global modes; the checks of the most frequent kinds are in checks_hot.h.
#include <bit>
#include <utility>

#include "base/str.h"
#include "guard/checks_hot.h"

namespace fj::guard {

namespace {

TensorObj* tensor_at(Fetched& f, SourceId id) {
  PyObject* v = f.get(id);
  return v && is_tensor(v) ? as_tensor(v) : nullptr;
}

std::string list_of(const std::vector<int64_t>& numbers) { return cat(numbers); }

}  // namespace

std::string TensorCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  const auto word = static_cast<uint64_t>(c.numbers[0]);
  return cat(path, " is a ", name_of(static_cast<DType>(word & 15)), " ",
             reinterpret_cast<PyTypeObject*>(c.object.get())->tp_name, " with ", (word >> 16) & 255,
             " dimensions, layout ", (word >> 24) & 15, ", requires_grad ",
             ((word >> 28) & 1) == 0   ? "False"
             : ((word >> 29) & 1) == 0 ? "True"
                                       : "True (computed)");
}

std::string SizesCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, ".shape is ", list_of(c.numbers));
}

namespace {

// The position at which each storage was first seen, for up to a few hundred tensors: open addressing, kept for the
// next call.
class FirstSeen {
 public:
  explicit FirstSeen(size_t n) {
    size_t size = 16;
    while (size < 2 * n) size *= 2;
    rows_.assign(size, {nullptr, 0});
  }
  int64_t at(const Storage* s, int64_t now) {
    const size_t mask = rows_.size() - 1;
    size_t i = (reinterpret_cast<size_t>(s) >> 4) * 0x9E3779B97F4A7C15u >> 20 & mask;
    while (rows_[i].first && rows_[i].first != s) i = (i + 1) & mask;
    if (!rows_[i].first) rows_[i] = {s, now};
    return rows_[i].second;
  }

 private:
  std::vector<std::pair<const Storage*, int64_t>> rows_;
};

}  // namespace

// numbers: the tensors' sources, then for each the position of the first one with the same storage.
Outcome StoragesCheck::check(const Check& c, Fetched& f) {
  const size_t n = c.numbers.size() / 2;
  FirstSeen first(n);
  for (size_t i = 0; i < n; ++i) {
    const TensorObj* t = tensor_at(f, static_cast<SourceId>(c.numbers[i]));
    if (!t || first.at(t->storage, static_cast<int64_t>(i)) != c.numbers[n + i]) return Outcome::Fail;
  }
  return Outcome::Pass;
}
std::string StoragesCheck::describe(const Check& c, const std::string&, const SourceTable& sources,
                                    PyCodeObject* code) {
  const size_t n = c.numbers.size() / 2;
  std::string shared, names;
  for (size_t i = 0; i < n; ++i) {
    const std::string name = sources.describe(static_cast<SourceId>(c.numbers[i]), code);
    if (i < 4) names += cat(i ? ", " : "", name);
    const auto first = static_cast<size_t>(c.numbers[n + i]);
    if (first != i)
      shared += cat(shared.empty() ? "" : ", ", name, " shares memory with ",
                    sources.describe(static_cast<SourceId>(c.numbers[first]), code));
  }
  return shared.empty() ? cat("no two of ", names, n > 4 ? ", …" : "", " share memory") : shared;
}

std::string ModesCheck::describe(const Check& c, const std::string&, const SourceTable&, PyCodeObject*) {
  const auto word = static_cast<uint64_t>(c.numbers[0]);
  std::string out = cat("grad mode is ", (word >> 48 & 1) != 0, ", inference mode ", (word >> 49 & 1) != 0,
                        ", default dtype ", name_of(static_cast<DType>(word >> 56 & 15)));
  const auto autocast = std::bit_cast<AutocastState>(word & 0xffffffffffff);
  if (autocast.cpu) out += cat(", autocast to ", name_of(autocast.cpu_dtype));
  if (const uint64_t on_break = word >> 60)
    out += cat(", error_on_graph_break(", on_break == 2 ? "True" : "False", ")");
  return out;
}

// --- digests

namespace {

int64_t mix(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * 0x9E3779B97F4A7C15u + static_cast<uint64_t>(b));
}

// Of the first two of the numbers that a Sizes check may hold.
int64_t digest_of_sizes(const TensorMeta& m) {
  if (m.dim() == 0) return 0;
  if (m.dim() > 1) return mix(m.sizes[0], m.sizes[1]);
  return layout_class(m) == LayoutClass::Contiguous ? m.sizes[0] : mix(m.sizes[0], m.strides[0]);
}

// All nans are one, as for the check.
int64_t digest_of_constant(PyObject* v) {
  if (PyLong_CheckExact(v) || PyUnicode_CheckExact(v)) return PyObject_Hash(v);
  if (!PyFloat_CheckExact(v) || PyFloat_AS_DOUBLE(v) != PyFloat_AS_DOUBLE(v)) return 0;
  return std::bit_cast<int64_t>(PyFloat_AS_DOUBLE(v));
}

}  // namespace

bool has_digest(Kind kind) {
  return kind == Kind::Tensor || kind == Kind::Sizes || kind == Kind::Equal || kind == Kind::TypeIs;
}

int64_t digest(const Check& c) {
  switch (c.kind) {
    case Kind::Tensor: return c.numbers[0];
    case Kind::Sizes:
      return c.numbers.empty() ? 0 : c.numbers.size() == 1 ? c.numbers[0] : mix(c.numbers[0], c.numbers[1]);
    case Kind::Equal: return digest_of_constant(c.object.get());
    case Kind::TypeIs: return reinterpret_cast<int64_t>(c.object.get());
    default: return 0;
  }
}

bool digest_now(Kind kind, PyObject* v, int64_t* out) {
  if (!v) return false;
  switch (kind) {
    case Kind::Tensor: return is_tensor(v) && (*out = static_cast<int64_t>(facts_word(as_tensor(v))), true);
    case Kind::Sizes: return is_tensor(v) && (*out = digest_of_sizes(as_tensor(v)->meta), true);
    case Kind::Equal: return *out = digest_of_constant(v), true;
    case Kind::TypeIs: return *out = reinterpret_cast<int64_t>(Py_TYPE(v)), true;
    default: return false;
  }
}

}  // namespace fj::guard
