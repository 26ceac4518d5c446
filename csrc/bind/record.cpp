#include "bind/record.h"

#include "bind/generator.h"
#include "bind/module.h"
#include "bind/read.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "py/text.h"
#include "tensor/dispatch.h"

namespace fj::bind {
namespace {

constexpr const char* kCapsule = "framejit.record_layer";

PyObject* tensor_or_none(Val v) {
  return v ? Py_NewRef(reinterpret_cast<PyObject*>(tensor_of(v))) : Py_NewRef(Py_None);
}

template <class Range, class F>
PyObject* list_of(const Range& range, F&& item) {
  py::Ref out = py::check(PyList_New(0));
  for (auto v : range)
    if (py::Ref o = py::check(item(v)); PyList_Append(out.get(), o.get()) < 0) throw py::PythonError();
  return out.release();
}

PyObject* object_of(const Arg& a) { return arg_object(a, tensor_or_none); }

class RecordLayer final : public Layer {
 public:
  explicit RecordLayer(PyObject* callback) : callback_(py::Ref::borrow(callback)) {}

  void dispatch(const OpDef& op, Args args, Outs& outs) override {
    {
      LayerPause below_only(below);
      call_op(op, args, outs);
    }
    py::Ref inputs = py::check(list_of(args, object_of));
    py::Ref results = py::check(list_of_outs(outs));
    tell(op.schema, inputs.get(), results.get());
  }
  TensorObj* data_access(TensorObj* t, const char*) override { return t; }

  // Calls the callable with this layer and those above it off.
  void tell(const char* name, PyObject* inputs, PyObject* results) {
    LayerPause below_only(below);
    py::check(PyObject_CallFunction(callback_.get(), "sOO", name, inputs, results));
  }

 private:
  static PyObject* list_of_outs(const Outs& outs) {
    py::Ref out = py::check(PyList_New(0));
    for (const TensorRef& r : outs)
      if (PyList_Append(out.get(), reinterpret_cast<PyObject*>(tensor_of(r.val()))) < 0) throw py::PythonError();
    return out.release();
  }

  py::Ref callback_;
};

thread_local RecordLayer* active = nullptr;

void dropped(PyObject* capsule) {
  auto* layer = static_cast<RecordLayer*>(PyCapsule_GetPointer(capsule, kCapsule));
  if (thread_state().top == layer) thread_state().top = layer->below;  // nobody has left it
  if (active == layer) active = nullptr;
  delete layer;
}

// _record_enter(callback) -> layer; callback(schema, arguments, results) after each op call
PyObject* enter(PyObject*, PyObject* callback) {
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(!active, ErrorKind::Runtime, "a recording is going on already");
    auto layer = std::make_unique<RecordLayer>(callback);
    py::Ref capsule = py::check(PyCapsule_New(layer.get(), kCapsule, dropped));
    active = layer.release();
    active->below = thread_state().top;
    thread_state().top = active;
    return capsule.release();
  });
}

PyObject* leave(PyObject*, PyObject* capsule) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    auto* layer = static_cast<RecordLayer*>(PyCapsule_GetPointer(capsule, kCapsule));
    if (!layer) throw py::PythonError();
    FJ_USER_CHECK(thread_state().top == layer, ErrorKind::Runtime, "the layers are left in another order than entered");
    thread_state().top = layer->below;
    active = nullptr;
    Py_RETURN_NONE;
  });
}

// _record_pause(callable, args, kwargs): the call, unrecorded
PyObject* pause(PyObject*, PyObject* args) {
  PyObject *callable, *positional, *named;
  if (!PyArg_ParseTuple(args, "OO!O!:_record_pause", &callable, &PyTuple_Type, &positional, &PyDict_Type, &named))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    FJ_USER_CHECK(active && thread_state().top == active, ErrorKind::Runtime, "no recording is going on");
    RecordLayer* layer = active;
    LayerPause below_only(layer->below);
    active = nullptr;
    PyObject* result = PyObject_Call(callable, positional, named);
    active = layer;
    if (!result) throw py::PythonError();
    return result;
  });
}

PyMethodDef functions[] = {
    {"_record_enter", enter, METH_O, nullptr},
    {"_record_leave", leave, METH_O, nullptr},
    {"_record_pause", pause, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void note_read(TensorObj* t, const char* what) {
  if (__builtin_expect(active == nullptr, 1)) return;
  py::Ref inputs = py::check(PyList_New(0));
  if (PyList_Append(inputs.get(), reinterpret_cast<PyObject*>(t)) < 0) throw py::PythonError();
  py::Ref results = py::check(PyList_New(0));
  RecordLayer* layer = active;
  active = nullptr;
  struct Back {
    RecordLayer* layer;
    ~Back() { active = layer; }
  } back{layer};
  std::string name = std::string("read:") + what;
  layer->tell(name.c_str(), inputs.get(), results.get());
}

PyObject* arg_object(const Arg& a, PyObject* (*tensor)(Val)) {
  switch (a.tag()) {
    case ArgTag::None: return Py_NewRef(Py_None);
    case ArgTag::Tensor: return tensor(a.val());
    case ArgTag::TensorList: return list_of(a.as_vals(), tensor);
    case ArgTag::Bool:
    case ArgTag::Int:
    case ArgTag::Float:
    case ArgTag::Complex: return number_object(a);
    case ArgTag::IntList: return list_of(a.as_ints(), [](int64_t i) { return PyLong_FromLongLong(i); });
    case ArgTag::BoolList: return list_of(a.as_ints(), [](int64_t i) { return PyBool_FromLong(i != 0); });
    case ArgTag::FloatList: return list_of(a.as_floats(), PyFloat_FromDouble);
    case ArgTag::Str: return py::to_str(a.as_str()).release();
    case ArgTag::DType: return Py_NewRef(dtype_object(a.as_dtype()));
    case ArgTag::Device: return new_device(a.as_device());
    case ArgTag::MemoryFormat: return Py_NewRef(memory_format_object(a.as_memory_format()));
    case ArgTag::Object: {
      PyObject* generator = generator_with(a.as_object());
      return Py_NewRef(generator ? generator : Py_None);
    }
  }
  return Py_NewRef(Py_None);
}

bool init_record(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
