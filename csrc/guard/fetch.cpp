// How each access step is carried out. Nothing here may run Python code or leave a Python error.
#include "guard/source.h"

#include <cstring>
#include <utility>

#include "guard/arith.h"
#include "py/iterators.h"
#include "tensor/ndarray.h"
#include "tensor/tensor.h"

namespace fj::guard {

namespace {

// A large table is needed again at the next call: each thread keeps one, with nothing in it. Little of it is used where
// a plan holds, so what was used is cleared, not the whole.
struct Spare {
  PyObject** data = nullptr;
  size_t size = 0;
  ~Spare() { delete[] data; }
};
thread_local Spare spare;

}  // namespace

Fetched::Fetched(const SourceTable& table, const Entry& entry)
    : table_(table), entry_(entry), size_(static_cast<size_t>(table.size())) {
  if (size_ <= kInline) {
    values_ = inline_;
    constexpr size_t kFew = 12;  // of fixed length: no call
    if (size_ <= kFew)
      std::memset(values_, 0, kFew * sizeof(PyObject*));
    else
      std::memset(values_, 0, size_ * sizeof(PyObject*));
  } else if (spare.size >= size_) {
    values_ = std::exchange(spare.data, nullptr);
    capacity_ = std::exchange(spare.size, 0);
  } else {
    values_ = new PyObject*[size_]();
    capacity_ = size_;
  }
}

Fetched::~Fetched() {
  if (values_ == inline_) return;
  if (spare.size >= capacity_) {
    delete[] values_;
    return;
  }
  if (nset_ > kTracked) std::memset(values_, 0, size_ * sizeof(PyObject*));
  for (int i = 0; nset_ <= kTracked && i < nset_; ++i) values_[set_[i]] = nullptr;
  delete[] std::exchange(spare.data, values_);
  spare.size = capacity_;
}

// What the entry holds itself is given at once; the rest are steps from another source.
PyObject* Fetched::fetch(SourceId id) {
  const Source& s = table_[id];
  PyObject* v;
  switch (s.step) {
    case Step::Local: v = s.index < entry_.nlocals ? entry_.locals[s.index] : nullptr; break;
    case Step::Stack: v = s.index < entry_.nstack ? entry_.stack[s.index] : nullptr; break;
    case Step::Function: v = entry_.function; break;
    case Step::Const: v = s.key.get(); break;
    default: v = walk(s); break;
  }
  set(id, v ? v : absent());
  return v;
}

namespace {

PyObject* item(PyObject* p, Py_ssize_t i) {
  if (PyList_Check(p)) return i < PyList_GET_SIZE(p) ? PyList_GET_ITEM(p, i) : nullptr;
  if (PyTuple_Check(p)) return i < PyTuple_GET_SIZE(p) ? PyTuple_GET_ITEM(p, i) : nullptr;
  if (py::is_deque(p)) return py::deque_item(p, i);
  return nullptr;
}

PyObject* dict_get(PyObject* p, PyObject* key) {
  if (!p || !PyDict_Check(p)) return nullptr;
  PyObject* v = PyDict_GetItemWithError(p, key);
  if (!v) PyErr_Clear();
  return v;
}

PyObject* instance_dict(PyObject* p) {
  if (PyModule_Check(p)) return PyModule_GetDict(p);
  PyObject** slot = _PyObject_GetDictPtr(p);
  if (!slot || *slot) return slot ? *slot : nullptr;
  Py_XDECREF(PyObject_GenericGetDict(p, nullptr));  // made on first use; the instance keeps it
  PyErr_Clear();
  slot = _PyObject_GetDictPtr(p);
  return slot ? *slot : nullptr;
}

PyObject* func_field(PyObject* p, PyObject* PyFunctionObject::*field) {
  return PyFunction_Check(p) ? reinterpret_cast<PyFunctionObject*>(p)->*field : nullptr;
}

PyObject* closure_cell(PyObject* p, Py_ssize_t i) {
  PyObject* cells = func_field(p, &PyFunctionObject::func_closure);
  return cells && i < PyTuple_GET_SIZE(cells) ? PyTuple_GET_ITEM(cells, i) : nullptr;
}

// NULL if it is no number, or one that an int64 cannot hold.
py::Ref number_tensor(PyObject* number, DType dtype) {
  Arg arg;
  if (PyFloat_CheckExact(number)) {
    arg = Arg(PyFloat_AS_DOUBLE(number));
  } else if (PyLong_CheckExact(number)) {
    int overflow = 0;
    arg = Arg(static_cast<int64_t>(PyLong_AsLongLongAndOverflow(number, &overflow)));
    if (overflow) return {};
  } else {
    return {};
  }
  TensorRef t = scalar_tensor(arg, dtype);
  return py::Ref::steal(t.release_object());
}

}  // namespace

PyObject* Fetched::own(py::Ref value) {
  if (!value) return nullptr;
  owned_.push_back(std::move(value));
  return owned_.back().get();
}

PyObject* Fetched::walk(const Source& s) {
  PyObject* p = get(s.parent);
  if (!p) return nullptr;
  switch (s.step) {
    case Step::Item: return item(p, s.index);
    case Step::Key: return dict_get(p, s.key.get());
    case Step::InstanceDict: return instance_dict(p);
    case Step::InstanceAttr: return dict_get(instance_dict(p), s.key.get());
    case Step::TypeOf: return reinterpret_cast<PyObject*>(Py_TYPE(p));
    case Step::TypeAttr:
      return PyType_Check(p) ? _PyType_Lookup(reinterpret_cast<PyTypeObject*>(p), s.key.get()) : nullptr;
    case Step::Cell: return PyCell_Check(p) ? PyCell_GET(p) : nullptr;
    case Step::Closure: return closure_cell(p, s.index);
    case Step::Defaults: return func_field(p, &PyFunctionObject::func_defaults);
    case Step::KwDefaults: return func_field(p, &PyFunctionObject::func_kwdefaults);
    case Step::MethodFunc: return PyMethod_Check(p) ? PyMethod_GET_FUNCTION(p) : nullptr;
    case Step::MethodSelf: return PyMethod_Check(p) ? PyMethod_GET_SELF(p) : nullptr;
    case Step::IterPart: return py::part_of(p, s.index);
    default: return walk_made(s, p);
  }
}

// Steps that give a new object.
PyObject* Fetched::walk_made(const Source& s, PyObject* p) {
  switch (s.step) {
    case Step::Slot:
    case Step::Getter: {
      descrgetfunc get = Py_TYPE(s.key.get())->tp_descr_get;
      py::Ref v = py::Ref::steal(get(s.key.get(), p, reinterpret_cast<PyObject*>(Py_TYPE(p))));
      if (!v) PyErr_Clear();
      return own(std::move(v));
    }
    case Step::Arith: {
      PyObject* b = s.other >= 0 ? get(s.other) : nullptr;
      if (s.other >= 0 && !b) return nullptr;
      return own(py::Ref::steal(compute(static_cast<Arith>(s.index), p, b)));
    }
    case Step::Peek: {
      bool broken = false;
      return own(py::peek(p, s.index, &broken));
    }
    case Step::IterCount: return own(py::count_of(p));
    case Step::Array:
      if (ndarray::is_array(p) && ndarray::is_writeable(p) != (s.index != 0)) return nullptr;
      return own(py::Ref::steal(ndarray::tensor_over(p).release_object()));
    case Step::Number: return own(number_tensor(p, static_cast<DType>(s.index)));
    default: return nullptr;
  }
}

}  // namespace fj::guard
