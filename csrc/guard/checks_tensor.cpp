// Guards on tensors and on global modes.
#include <cstring>

#include "base/str.h"
#include "guard/checks.h"
#include "tensor/facts.h"

namespace fj::guard {

namespace {

TensorObj* tensor_at(Fetched& f, SourceId id) {
  PyObject* v = f.get(id);
  return v && is_tensor(v) ? as_tensor(v) : nullptr;
}

std::string list_of(const std::vector<int64_t>& numbers) { return cat(numbers); }

}  // namespace

// object: the class; numbers[0]: the packed word.
Outcome TensorCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || reinterpret_cast<PyObject*>(Py_TYPE(v)) != c.object.get()) return Outcome::Fail;
  return pass_if(static_cast<int64_t>(facts_word(as_tensor(v))) == c.numbers[0]);
}
std::string TensorCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  const auto word = static_cast<uint64_t>(c.numbers[0]);
  return cat(path, " is a ", name_of(static_cast<DType>(word & 15)), " ",
             reinterpret_cast<PyTypeObject*>(c.object.get())->tp_name, " with ", (word >> 16) & 255,
             " dimensions, layout ", (word >> 24) & 15, ", requires_grad ", ((word >> 28) & 1) != 0);
}

// numbers: the sizes, then the strides where the layout class does not imply them.
Outcome SizesCheck::check(const Check& c, Fetched& f) {
  TensorObj* t = tensor_at(f, c.source);
  if (!t) return Outcome::Fail;
  const TensorMeta& m = t->meta;
  const size_t n = m.sizes.size();
  if (c.numbers.size() != n && c.numbers.size() != 2 * n) return Outcome::Fail;
  if (std::memcmp(m.sizes.data(), c.numbers.data(), n * sizeof(int64_t)) != 0) return Outcome::Fail;
  return pass_if(c.numbers.size() == n ||
                 std::memcmp(m.strides.data(), c.numbers.data() + n, n * sizeof(int64_t)) == 0);
}
std::string SizesCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  return cat(path, ".shape is ", list_of(c.numbers));
}

// numbers[0]: whether they share.
Outcome DisjointStorageCheck::check(const Check& c, Fetched& f) {
  TensorObj *a = tensor_at(f, c.source), *b = tensor_at(f, c.other);
  return pass_if(a && b && (a->storage == b->storage) == (c.numbers[0] != 0));
}
std::string DisjointStorageCheck::describe(const Check& c, const std::string& path, const SourceTable& s,
                                           PyCodeObject* code) {
  return cat(path, c.numbers[0] ? " shares memory with " : " shares no memory with ", s.describe(c.other, code));
}

Outcome ModesCheck::check(const Check& c, Fetched&) {
  return pass_if(static_cast<int64_t>(modes_word()) == c.numbers[0]);
}
std::string ModesCheck::describe(const Check& c, const std::string&, const SourceTable&, PyCodeObject*) {
  const auto word = static_cast<uint64_t>(c.numbers[0]);
  std::string out = cat("grad mode is ", (word >> 48 & 1) != 0, ", inference mode ", (word >> 49 & 1) != 0,
                        ", default dtype ", name_of(static_cast<DType>(word >> 56)));
  const auto autocast = std::bit_cast<AutocastState>(word & 0xffffffffffff);
  if (autocast.cpu) out += cat(", autocast to ", name_of(autocast.cpu_dtype));
  return out;
}

}  // namespace fj::guard
