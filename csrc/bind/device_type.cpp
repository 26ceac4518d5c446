// framejit.device, memory_format and layout.
#include <cstdlib>
#include <cstring>

#include "bind/module.h"
#include "bind/types.h"
#include "py/text.h"
#include "tensor/lazy.h"
#include "tensor/meta_device.h"

namespace fj::bind {
namespace {

struct DeviceObj {
  PyObject_HEAD Device device;
};
struct NamedObj {  // an enumerator: memory formats and layouts
  PyObject_HEAD const char* name;
  int value;
};

PyTypeObject device_type = {PyVarObject_HEAD_INIT(nullptr, 0)};
PyTypeObject format_type = {PyVarObject_HEAD_INIT(nullptr, 0)};
PyTypeObject layout_type = {PyVarObject_HEAD_INIT(nullptr, 0)};
NamedObj formats[4];
NamedObj layouts[8];  // as many as kLayoutNames

constexpr const char* kDeviceNames[] = {"cpu", "cuda", "lazy", "meta"};
// All but the first are those of tensors that framejit.sparse makes; some only have a name.
constexpr const char* kLayoutNames[] = {"strided",    "sparse_coo", "sparse_csr", "sparse_csc",
                                        "sparse_bsr", "sparse_bsc", "_mkldnn",    "jagged"};
constexpr const char* kFormatNames[] = {"contiguous_format", "preserve_format", "channels_last", "channels_last_3d"};

Device get(PyObject* o) { return reinterpret_cast<DeviceObj*>(o)->device; }
const char* type_name(Device d) { return kDeviceNames[static_cast<int>(d.type)]; }

PyObject* device_str(PyObject* self) {
  Device d = get(self);
  return d.index < 0 ? PyUnicode_FromString(type_name(d)) : PyUnicode_FromFormat("%s:%d", type_name(d), d.index);
}
PyObject* device_repr(PyObject* self) {
  Device d = get(self);
  return d.index < 0 ? PyUnicode_FromFormat("device(type='%s')", type_name(d))
                     : PyUnicode_FromFormat("device(type='%s', index=%d)", type_name(d), d.index);
}
PyObject* device_type_attr(PyObject* self, void*) { return PyUnicode_FromString(type_name(get(self))); }
PyObject* device_index(PyObject* self, void*) {
  if (get(self).index < 0) Py_RETURN_NONE;
  return PyLong_FromLong(get(self).index);
}
Py_hash_t device_hash(PyObject* self) { return static_cast<int>(get(self).type) * 1000 + get(self).index + 7; }
PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if (Py_TYPE(b) != &device_type || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((get(a) == get(b)) == (op == Py_EQ));
}
PyObject* device_reduce(PyObject* self, PyObject*) {
  py::Ref text = py::Ref::steal(device_str(self));
  return text ? Py_BuildValue("O(O)", &device_type, text.get()) : nullptr;
}

Device parse_device(const std::string& text) {
  const size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  Device d;
  bool known = false;
  for (int i = 0; i < 4; ++i)
    if (kind == kDeviceNames[i]) {
      d.type = static_cast<DeviceType>(i);
      known = true;
    }
  FJ_USER_CHECK(known, ErrorKind::Runtime,
                "Expected one of cpu, cuda, lazy, meta device type at start of device string: ", text);
  lazy::in_use = lazy::in_use || d.type == DeviceType::Lazy || d.type == DeviceType::Meta;
  if (colon != text.npos) {
    const std::string digits = text.substr(colon + 1);
    const long index = std::strtol(digits.c_str(), nullptr, 10);
    FJ_USER_CHECK(!digits.empty() && digits.find_first_not_of("0123456789") == digits.npos && index < 128,
                  ErrorKind::Runtime, "Invalid device string: '", text, "'");
    d.index = static_cast<int8_t>(index);
  }
  return d;
}

int8_t checked_index(int64_t i) {
  FJ_USER_CHECK(i >= 0, ErrorKind::Runtime, "Device index must not be negative");
  FJ_USER_CHECK(i < 128, ErrorKind::Runtime, "Device index must be between 0 and 127, got ", i);
  return static_cast<int8_t>(i);
}

PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"type", "index", nullptr};
  PyObject *kind = nullptr, *index = Py_None;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:device", const_cast<char**>(names), &kind, &index))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    Device d;
    FJ_USER_CHECK(as_device(kind, &d), ErrorKind::Type, "device(): argument 'type' (position 1) must be str, not ",
                  Py_TYPE(kind)->tp_name);
    if (index != Py_None) {
      int64_t i = 0;
      if (!as_int64(index, &i)) throw py::PythonError();
      FJ_USER_CHECK(d.index < 0, ErrorKind::Runtime,
                    "type (string) must not include an index because index was passed explicitly: ", type_name(d), ":",
                    int{d.index});
      d.index = checked_index(i);
    }
    return new_device(d);
  });
}

PyObject* named_repr(PyObject* self) {
  return PyUnicode_FromFormat("framejit.%s", reinterpret_cast<NamedObj*>(self)->name);
}
PyObject* named_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(reinterpret_cast<NamedObj*>(self)->name);
}

PyGetSetDef device_getset[] = {
    {"type", device_type_attr, nullptr, "The kind of device: \"cpu\", \"cuda\", …", nullptr},
    {"index", device_index, nullptr, "Its number, or None for the current one.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
// with device: — tensors that are made without saying where are made there; compiled functions run plainly meanwhile.
PyObject* device_enter(PyObject* self, PyObject*) {
  py::Ref module = py::Ref::steal(PyImport_ImportModule("framejit._defaults"));
  return module ? PyObject_CallMethod(module.get(), "_enter_device", "O", self) : nullptr;
}
PyObject* device_exit(PyObject*, PyObject*) {
  py::Ref module = py::Ref::steal(PyImport_ImportModule("framejit._defaults"));
  return module ? PyObject_CallMethod(module.get(), "_leave_device", nullptr) : nullptr;
}
PyObject* set_default(PyObject*, PyObject* device) {
  return py::guarded<PyObject*>(nullptr, [&] {
    Device d;
    FJ_USER_CHECK(as_device(device, &d), ErrorKind::Type, "expected a device");
    meta_device::set_default_device(d);
    return Py_NewRef(Py_None);
  });
}
PyObject* get_default(PyObject*, PyObject*) { return new_device(meta_device::default_device()); }
PyMethodDef default_functions[] = {{"_set_default_device", set_default, METH_O, nullptr},
                                   {"_get_default_device", get_default, METH_NOARGS, nullptr},
                                   {nullptr, nullptr, 0, nullptr}};

PyMethodDef device_methods[] = {{"__enter__", device_enter, METH_NOARGS, nullptr},
                                {"__exit__", device_exit, METH_VARARGS, nullptr},
                                {"__reduce__", device_reduce, METH_NOARGS, "Pickled as its text."},
                                {nullptr, nullptr, 0, nullptr}};
PyMethodDef named_methods[] = {{"__reduce__", named_reduce, METH_NOARGS, "Pickled by name."},
                               {nullptr, nullptr, 0, nullptr}};

bool ready_named(PyTypeObject& t, const char* name, const char* doc) {
  t.tp_name = name;
  t.tp_basicsize = sizeof(NamedObj);
  t.tp_flags = Py_TPFLAGS_DEFAULT;
  t.tp_repr = named_repr;
  t.tp_methods = named_methods;
  t.tp_doc = doc;
  return PyType_Ready(&t) == 0;
}

bool add_named(PyObject* module, NamedObj& o, PyTypeObject& t, const char* name, int value) {
  PyObject_Init(reinterpret_cast<PyObject*>(&o), &t);
  o.name = name;
  o.value = value;
  return PyModule_AddObjectRef(module, name, reinterpret_cast<PyObject*>(&o)) == 0;
}

}  // namespace

PyObject* new_device(Device d) {
  DeviceObj* o = PyObject_New(DeviceObj, &device_type);
  if (o) o->device = d;
  return reinterpret_cast<PyObject*>(o);
}

bool as_device(PyObject* o, Device* out) {
  if (Py_TYPE(o) == &device_type) {
    *out = get(o);
    return true;
  }
  if (PyUnicode_Check(o)) {
    *out = parse_device(py::utf8(o));
    return true;
  }
  if (PyLong_Check(o) && !PyBool_Check(o)) {
    int64_t i = 0;
    if (!as_int64(o, &i)) throw py::PythonError();
    *out = Device{DeviceType::CUDA, checked_index(i)};
    return true;
  }
  return false;
}

PyObject* memory_format_object(MemoryFormat f) { return reinterpret_cast<PyObject*>(&formats[static_cast<int>(f)]); }
bool as_memory_format(PyObject* o, MemoryFormat* out) {
  if (Py_TYPE(o) != &format_type) return false;
  *out = static_cast<MemoryFormat>(reinterpret_cast<NamedObj*>(o)->value);
  return true;
}
PyObject* strided_layout() { return reinterpret_cast<PyObject*>(&layouts[0]); }
bool is_layout(PyObject* o) { return Py_TYPE(o) == &layout_type; }

bool init_devices(PyObject* module) {
  if (PyModule_AddFunctions(module, default_functions) < 0) return false;
  device_type.tp_name = "framejit.device";
  device_type.tp_basicsize = sizeof(DeviceObj);
  device_type.tp_flags = Py_TPFLAGS_DEFAULT;
  device_type.tp_new = device_new;
  device_type.tp_repr = device_repr;
  device_type.tp_str = device_str;
  device_type.tp_hash = device_hash;
  device_type.tp_richcompare = device_compare;
  device_type.tp_getset = device_getset;
  device_type.tp_methods = device_methods;
  device_type.tp_doc = R"doc(Where a tensor's memory is.

device(type: str or device, index: int = None). Raises RuntimeError for a type that does not exist.

>>> import framejit
>>> framejit.device("cpu"), framejit.ones(1).device.type
(device(type='cpu'), 'cpu')
)doc";
  if (PyType_Ready(&device_type) < 0) return false;
  if (!ready_named(format_type, "framejit.memory_format", R"doc(An order of a tensor's dimensions in memory.

>>> import framejit
>>> framejit.contiguous_format
framejit.contiguous_format
)doc"))
    return false;
  if (!ready_named(layout_type, "framejit.layout", R"doc(How a tensor's elements are stored.

>>> import framejit
>>> framejit.ones(1).layout
framejit.strided
)doc"))
    return false;
  for (int i = 0; i < static_cast<int>(std::size(kFormatNames)); ++i)
    if (!add_named(module, formats[i], format_type, kFormatNames[i], i)) return false;
  for (int i = 0; i < static_cast<int>(std::size(kLayoutNames)); ++i)
    if (!add_named(module, layouts[i], layout_type, kLayoutNames[i], i)) return false;
  return PyModule_AddObjectRef(module, "device", reinterpret_cast<PyObject*>(&device_type)) == 0 &&
         PyModule_AddObjectRef(module, "memory_format", reinterpret_cast<PyObject*>(&format_type)) == 0 &&
         PyModule_AddObjectRef(module, "layout", reinterpret_cast<PyObject*>(&layout_type)) == 0;
}

}  // namespace fj::bind
