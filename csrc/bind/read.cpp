#include "bind/read.h"

#include <cstring>
#include <string_view>

#include "bind/record.h"

namespace fj::bind {
namespace {

PyObject* list_of(const std::byte* p, const TensorMeta& m, int64_t dim) {
  if (dim == m.dim()) return element_object(p, m.dtype);
  py::Ref out = py::check(PyList_New(m.sizes[dim]));
  for (Dim i = 0; i < m.sizes[dim]; ++i) {
    PyObject* item = list_of(p + i * m.strides[dim] * size_of(m.dtype), m, dim + 1);
    if (!item) throw py::PythonError();
    PyList_SET_ITEM(out.get(), i, item);
  }
  return out.release();
}

}  // namespace

PyObject* number_object(const Arg& n) {
  switch (n.tag()) {
    case ArgTag::Bool: return PyBool_FromLong(n.as_bool());
    case ArgTag::Int: return PyLong_FromLongLong(n.as_int());
    case ArgTag::Complex: return PyComplex_FromDoubles(n.real(), n.imag());
    default: return PyFloat_FromDouble(n.as_double());
  }
}

PyObject* element_object(const std::byte* p, DType t) {
  if (t != DType::U64) return number_object(load_number(p, t));
  uint64_t v;
  std::memcpy(&v, p, sizeof v);
  return PyLong_FromUnsignedLongLong(v);
}

// `what`: "item", or the Python type that is asked for.
static TensorObj* single(TensorObj* t, const char* what) {
  const std::string_view to = what;
  FJ_USER_CHECK(t->meta.numel() == 1 || (to != "int" && to != "float" && to != "complex"), ErrorKind::Value,
                "only one element tensors can be converted to Python scalars");
  FJ_USER_CHECK(t->meta.numel() == 1, ErrorKind::Runtime, "a Tensor with ", t->meta.numel(),
                " elements cannot be converted to Scalar");
  note_read(t, what);
  return check_data(t, what);
}

Arg read_item(TensorObj* t, const char* what) {
  t = single(t, what);
  return load_number(data_of(t), t->meta.dtype);
}

PyObject* item_object(TensorObj* t, const char* what) {
  t = single(t, what);
  return element_object(data_of(t), t->meta.dtype);
}

PyObject* to_list(TensorObj* t) {
  note_read(t, "tolist");
  t = check_data(t, "tolist");
  return list_of(data_of(t), t->meta, 0);
}

}  // namespace fj::bind
