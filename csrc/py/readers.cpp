#include "py/readers.h"

#include <string_view>

#include "py/ref.h"
#include "py/text.h"

namespace fj::py {
namespace {

struct Reader {
  PyObject_HEAD PyObject* name;  // of an attribute; NULL: a ContextVar is read
  bool or_default;
};

void reader_dealloc(PyObject* self) {
  Py_XDECREF(reinterpret_cast<Reader*>(self)->name);
  PyObject_Free(self);
}

PyObject* reader_get(PyObject* self, PyObject* object, PyObject*) {
  auto* r = reinterpret_cast<Reader*>(self);
  if (!object) return Py_NewRef(self);
  if (r->name) return PyObject_GetAttr(object, r->name);
  PyObject* value = nullptr;
  if (!PyContextVar_CheckExact(object) || PyContextVar_Get(object, r->or_default ? nullptr : self, &value) < 0)
    return nullptr;
  if (value && value != self) return value;
  Py_XDECREF(value);
  PyErr_SetObject(PyExc_LookupError, object);
  return nullptr;
}

// What guards show of the path: `.get()` and the like.
PyObject* reader_name(PyObject* self, void*) {
  PyObject* name = reinterpret_cast<Reader*>(self)->name;
  return name ? Py_NewRef(name) : PyUnicode_FromString("get()");
}
PyGetSetDef fields[] = {{"__name__", reader_name, nullptr, nullptr, nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyTypeObject* reader_type() {
  static PyTypeObject type = [] {
    PyTypeObject t = {PyVarObject_HEAD_INIT(nullptr, 0)};
    t.tp_name = "framejit._C._Reader";
    t.tp_basicsize = sizeof(Reader);
    t.tp_flags = Py_TPFLAGS_DEFAULT;
    t.tp_dealloc = reader_dealloc;
    t.tp_descr_get = reader_get;
    t.tp_getset = fields;
    return t;
  }();
  return PyType_Ready(&type) < 0 ? nullptr : &type;
}

PyObject* make(PyObject* name, bool or_default) {
  PyTypeObject* type = reader_type();
  Reader* r = type ? PyObject_New(Reader, type) : nullptr;
  if (!r) return nullptr;
  r->name = Py_XNewRef(name);
  r->or_default = or_default;
  return reinterpret_cast<PyObject*>(r);
}

}  // namespace

bool is_thread_local(PyObject* object) { return std::string_view(Py_TYPE(object)->tp_name) == "_thread._local"; }

PyObject* attribute_reader(PyObject* name) { return make(name, false); }
PyObject* context_reader(bool or_default) { return make(nullptr, or_default); }

std::string name_in_slot_error(PyTypeObject* type) {
#if PY_VERSION_HEX >= 0x030D0000
  Ref name = Ref::steal(PyType_GetFullyQualifiedName(type));
  if (!name) PyErr_Clear();
  if (name) return utf8(name.get());
#endif
  return type->tp_name;
}

}  // namespace fj::py
