// Autocast's switches in Python. The regions themselves are Python (framejit/amp/autocast_mode.py); what is set here
// holds for the thread and is guarded by compiled functions.
#include "tensor/autocast.h"

#include <algorithm>

#include "bind/autograd.h"
#include "bind/types.h"
#include "py/text.h"

namespace fj::bind {
namespace {

AutocastState& state() { return thread_state().autocast; }

// Which of the two devices; raises for others.
bool is_cuda(PyObject* name) {
  FJ_USER_CHECK(PyUnicode_Check(name), ErrorKind::Type, "autocast: device_type must be str, not ",
                Py_TYPE(name)->tp_name);
  Device d;
  if (!as_device(name, &d)) raise(ErrorKind::Runtime, "unknown device type for autocast in get_autocast_dtype");
  FJ_USER_CHECK(d.type == DeviceType::CPU || d.type == DeviceType::CUDA, ErrorKind::Runtime,
                "unknown device type for autocast in get_autocast_dtype: ", py::utf8(name));
  return d.type == DeviceType::CUDA;
}

// The name of a kind of device that PyTorch knows and framejit has no back end for: autocast is never on there.
bool is_elsewhere(PyObject* name) {
  static constexpr std::string_view kNames[] = {"mps", "xpu", "mtia", "xla", "hpu", "ipu", "maia", "privateuseone"};
  return std::find(std::begin(kNames), std::end(kNames), py::name_view(name)) != std::end(kNames);
}

bool truth(PyObject* o) {
  FJ_USER_CHECK(PyBool_Check(o), ErrorKind::Type, "enabled must be a bool (got ", Py_TYPE(o)->tp_name, ")");
  return o == Py_True;
}

DType dtype_of(PyObject* o) {
  DType t = DType::F32;
  FJ_USER_CHECK(as_dtype(o, &t), ErrorKind::Type, "dtype must be a framejit.dtype (got ", Py_TYPE(o)->tp_name, ")");
  return t;
}

PyObject* none() { return Py_NewRef(Py_None); }
PyObject* boolean(bool b) { return Py_NewRef(b ? Py_True : Py_False); }

// is_autocast_enabled([device_type])
PyObject* is_enabled(PyObject*, PyObject* args) {
  PyObject* device = nullptr;
  if (!PyArg_ParseTuple(args, "|O:is_autocast_enabled", &device)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    if (device && is_elsewhere(device)) return boolean(false);
    return boolean(!device || is_cuda(device) ? state().cuda : state().cpu);
  });
}
// set_autocast_enabled([device_type,] enabled)
PyObject* set_enabled(PyObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"device_type", "enabled", nullptr};
  PyObject *first, *second = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:set_autocast_enabled", const_cast<char**>(names), &first,
                                   &second))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    const bool on = truth(second ? second : first);
    (!second || is_cuda(first) ? state().cuda : state().cpu) = on;
    return none();
  });
}
PyObject* is_cpu_enabled(PyObject*, PyObject*) { return boolean(state().cpu); }
PyObject* set_cpu_enabled(PyObject*, PyObject* on) {
  return py::guarded<PyObject*>(nullptr, [&] {
    state().cpu = truth(on);
    return none();
  });
}
PyObject* is_any_enabled(PyObject*, PyObject*) { return boolean(state().cpu || state().cuda); }

PyObject* get_dtype(PyObject*, PyObject* device) {
  return py::guarded<PyObject*>(
      nullptr, [&] { return Py_NewRef(dtype_object(is_cuda(device) ? state().cuda_dtype : state().cpu_dtype)); });
}
PyObject* set_dtype(PyObject*, PyObject* args) {
  PyObject *device, *dtype;
  if (!PyArg_ParseTuple(args, "OO:set_autocast_dtype", &device, &dtype)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    const DType t = dtype_of(dtype);
    (is_cuda(device) ? state().cuda_dtype : state().cpu_dtype) = t;
    return none();
  });
}
PyObject* get_cpu_dtype(PyObject*, PyObject*) { return Py_NewRef(dtype_object(state().cpu_dtype)); }
PyObject* get_gpu_dtype(PyObject*, PyObject*) { return Py_NewRef(dtype_object(state().cuda_dtype)); }
PyObject* set_cpu_dtype(PyObject*, PyObject* dtype) {
  return py::guarded<PyObject*>(nullptr, [&] {
    state().cpu_dtype = dtype_of(dtype);
    return none();
  });
}
PyObject* set_gpu_dtype(PyObject*, PyObject* dtype) {
  return py::guarded<PyObject*>(nullptr, [&] {
    state().cuda_dtype = dtype_of(dtype);
    return none();
  });
}

PyObject* is_cache_enabled(PyObject*, PyObject*) { return boolean(state().cache); }
PyObject* set_cache_enabled(PyObject*, PyObject* on) {
  return py::guarded<PyObject*>(nullptr, [&] {
    state().cache = truth(on);
    return none();
  });
}
PyObject* increment(PyObject*, PyObject*) { return PyLong_FromLong(++state().nesting); }
PyObject* decrement(PyObject*, PyObject*) { return PyLong_FromLong(--state().nesting); }
PyObject* clear(PyObject*, PyObject*) {
  autocast::clear_cache();
  return none();
}

PyObject* is_available(PyObject*, PyObject* device) {
  if (!PyUnicode_Check(device)) {
    PyErr_Format(PyExc_TypeError, "_is_autocast_available(): argument 'device_type' must be str, not %s",
                 Py_TYPE(device)->tp_name);
    return nullptr;
  }
  return boolean(PyUnicode_CompareWithASCIIString(device, "cpu") == 0 ||
                 PyUnicode_CompareWithASCIIString(device, "cuda") == 0);
}

// _autocast_policy(name): "lower", "float32", "promote" or None
PyObject* policy(PyObject*, PyObject* name) {
  switch (autocast::policy_of(py::name_view(name))) {
    case autocast::Policy::None: return none();
    case autocast::Policy::Lower: return PyUnicode_FromString("lower");
    case autocast::Policy::Float32: return PyUnicode_FromString("float32");
    case autocast::Policy::Promote: return PyUnicode_FromString("promote");
  }
  return none();
}

// _autocast_args(name, *tensors): the tensors as the op or function of that name gets them; None stays.
PyObject* cast_args(PyObject*, PyObject* args) {
  return py::guarded<PyObject*>(nullptr, [&] {
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    FJ_USER_CHECK(n > 0 && PyUnicode_Check(PyTuple_GET_ITEM(args, 0)), ErrorKind::Type, "_autocast_args: a name");
    ArgVec given;
    for (Py_ssize_t i = 1; i < n; ++i) {
      PyObject* o = PyTuple_GET_ITEM(args, i);
      given.push_back(is_tensor(o) ? Arg(val_of(as_tensor(o))) : Arg());
    }
    Outs keep;
    ArgVec cast = autocast::cast_args(autocast::policy_of(py::name_view(PyTuple_GET_ITEM(args, 0))), given, keep);
    py::Ref out = py::check(PyTuple_New(n - 1));
    for (Py_ssize_t i = 1; i < n; ++i) {
      const Arg& a = cast[static_cast<size_t>(i) - 1];
      PyObject* o = a.is_tensor() ? as_object(tensor_of(a.val())) : PyTuple_GET_ITEM(args, i);
      PyTuple_SET_ITEM(out.get(), i - 1, Py_NewRef(o));
    }
    return out.release();
  });
}

}  // namespace

PyMethodDef kAutocastFunctions[] = {
    {"is_autocast_enabled", is_enabled, METH_VARARGS, R"doc(Is autocast on for the device ("cuda" if none is given)?.

device_type (str). Raises RuntimeError for one that does not exist.

>>> import framejit
>>> framejit.is_autocast_enabled("cpu")
False
)doc"},
    {"set_autocast_enabled", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(set_enabled)),
     METH_VARARGS | METH_KEYWORDS, R"doc(Switches autocast for a device.

device_type (str), enabled (bool). Raises TypeError for other types.

>>> import framejit
>>> framejit.set_autocast_enabled("cpu", False)
)doc"},
    {"is_autocast_cpu_enabled", is_cpu_enabled, METH_NOARGS, R"doc(Is autocast on for the CPU?.

>>> import framejit
>>> framejit.is_autocast_cpu_enabled()
False
)doc"},
    {"set_autocast_cpu_enabled", set_cpu_enabled, METH_O, R"doc(Switches autocast for the CPU.

enabled (bool).

>>> import framejit
>>> framejit.set_autocast_cpu_enabled(False)
)doc"},
    {"_is_any_autocast_enabled", is_any_enabled, METH_NOARGS, nullptr},
    {"get_autocast_dtype", get_dtype, METH_O, R"doc(The dtype that autocast casts to on a device.

device_type (str). Raises RuntimeError for one that does not exist.

>>> import framejit
>>> framejit.get_autocast_dtype("cpu")
framejit.bfloat16
)doc"},
    {"set_autocast_dtype", set_dtype, METH_VARARGS, R"doc(Sets the dtype that autocast casts to on a device.

device_type (str), dtype (framejit.dtype). Raises TypeError for other types.

>>> import framejit
>>> framejit.set_autocast_dtype("cpu", framejit.bfloat16)
)doc"},
    {"get_autocast_cpu_dtype", get_cpu_dtype, METH_NOARGS, R"doc(The dtype that autocast casts to on the CPU.

>>> import framejit
>>> framejit.get_autocast_cpu_dtype()
framejit.bfloat16
)doc"},
    {"set_autocast_cpu_dtype", set_cpu_dtype, METH_O, R"doc(Sets the dtype that autocast casts to on the CPU.

dtype (framejit.dtype). Raises TypeError for other types.

>>> import framejit
>>> framejit.set_autocast_cpu_dtype(framejit.bfloat16)
)doc"},
    {"get_autocast_gpu_dtype", get_gpu_dtype, METH_NOARGS, R"doc(The dtype that autocast casts to on a GPU.

>>> import framejit
>>> framejit.get_autocast_gpu_dtype()
framejit.float16
)doc"},
    {"set_autocast_gpu_dtype", set_gpu_dtype, METH_O, R"doc(Sets the dtype that autocast casts to on a GPU.

dtype (framejit.dtype). Raises TypeError for other types.

>>> import framejit
>>> framejit.set_autocast_gpu_dtype(framejit.get_autocast_gpu_dtype())
)doc"},
    {"is_autocast_cache_enabled", is_cache_enabled, METH_NOARGS, R"doc(Are the casts of leaves kept during a region?.

>>> import framejit
>>> framejit.is_autocast_cache_enabled()
True
)doc"},
    {"set_autocast_cache_enabled", set_cache_enabled, METH_O, R"doc(Switches the keeping of leaves' casts.

enabled (bool).

>>> import framejit
>>> framejit.set_autocast_cache_enabled(True)
)doc"},
    {"autocast_increment_nesting", increment, METH_NOARGS, R"doc(Counts a region entered.

Gives how many there are.

>>> import framejit
>>> framejit.autocast_increment_nesting(), framejit.autocast_decrement_nesting()
(1, 0)
)doc"},
    {"autocast_decrement_nesting", decrement, METH_NOARGS, R"doc(Counts a region left.

Gives how many are left.

>>> import framejit
>>> framejit.autocast_increment_nesting(), framejit.autocast_decrement_nesting()
(1, 0)
)doc"},
    {"clear_autocast_cache", clear, METH_NOARGS, R"doc(Forgets the casts of leaves.

>>> import framejit
>>> framejit.clear_autocast_cache()
)doc"},
    {"_is_autocast_available", is_available, METH_O, nullptr},
    {"_autocast_policy", policy, METH_O, nullptr},
    {"_autocast_args", cast_args, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace fj::bind
