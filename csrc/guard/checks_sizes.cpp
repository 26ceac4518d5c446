// Guards on sizes that may vary from call to call.
#include "base/str.h"
#include "guard/admission.h"
#include "guard/checks.h"
#include "tensor/tensor.h"

namespace fj::guard {

namespace {

constexpr const char* kCapsule = "framejit.admission";

Admission& admission_of(const Check& c) {
  return **static_cast<std::shared_ptr<Admission>*>(PyCapsule_GetPointer(c.object.get(), kCapsule));
}

}  // namespace

py::Ref admission_object(std::shared_ptr<Admission> admission) {
  auto* held = new std::shared_ptr<Admission>(std::move(admission));
  py::Ref capsule = py::Ref::steal(PyCapsule_New(held, kCapsule, [](PyObject* self) {
    delete static_cast<std::shared_ptr<Admission>*>(PyCapsule_GetPointer(self, kCapsule));
  }));
  if (!capsule) delete held;
  return capsule;
}

Outcome AdmittedCheck::check(const Check& c, Fetched& f) { return admission_of(c).admit(f); }
std::string AdmittedCheck::describe(const Check& c, const std::string&, const SourceTable& sources,
                                    PyCodeObject* code) {
  return admission_of(c).describe(sources, code);
}

// numbers: the sizes, -1 for those that may vary.
Outcome SomeSizesCheck::check(const Check& c, Fetched& f) {
  PyObject* v = f.get(c.source);
  if (!v || !is_tensor(v)) return Outcome::Fail;
  const Shape& sizes = as_tensor(v)->meta.sizes;
  if (sizes.size() != c.numbers.size()) return Outcome::Fail;
  for (size_t i = 0; i < sizes.size(); ++i)
    if (c.numbers[i] >= 0 && c.numbers[i] != sizes[i]) return Outcome::Fail;
  return Outcome::Pass;
}
std::string SomeSizesCheck::describe(const Check& c, const std::string& path, const SourceTable&, PyCodeObject*) {
  std::string text;
  for (int64_t n : c.numbers) text += cat(text.empty() ? "" : ", ", n < 0 ? std::string("*") : cat(n));
  return cat(path, ".shape is [", text, "]");
}

}  // namespace fj::guard
