#include "bind/storage_type.h"

#include "bind/module.h"
#include "bind/types.h"

namespace fj::bind {
namespace {

struct StorageObj {
  PyObject_HEAD Storage* storage;
};
PyTypeObject type = {PyVarObject_HEAD_INIT(nullptr, 0)};

Storage* get(PyObject* o) { return reinterpret_cast<StorageObj*>(o)->storage; }

void dealloc(PyObject* o) {
  StorageRef::steal(get(o));
  PyObject_Free(o);
}
PyObject* data_ptr(PyObject* o, PyObject*) { return PyLong_FromVoidPtr(get(o)->data); }
PyObject* nbytes(PyObject* o, PyObject*) { return PyLong_FromLongLong(get(o)->nbytes); }
PyObject* size(PyObject* o, PyObject*) { return nbytes(o, nullptr); }
PyObject* device(PyObject*, void*) { return new_device(Device{}); }
PyObject* resize(PyObject* o, PyObject* n) {
  return py::guarded<PyObject*>(nullptr, [&] {
    int64_t bytes = 0;
    if (!as_int64(n, &bytes)) throw py::PythonError();
    FJ_USER_CHECK(bytes >= 0, ErrorKind::Runtime, "a storage cannot have ", bytes, " bytes");
    resize_storage(get(o), bytes);
    return Py_NewRef(o);
  });
}
Py_ssize_t length(PyObject* o) { return static_cast<Py_ssize_t>(get(o)->nbytes); }
int get_buffer(PyObject* o, Py_buffer* view, int flags) {
  return PyBuffer_FillInfo(view, o, get(o)->data, static_cast<Py_ssize_t>(get(o)->nbytes), 0, flags);
}
PyObject* compare(PyObject* a, PyObject* b, int op) {
  if (Py_TYPE(b) != &type || (op != Py_EQ && op != Py_NE)) Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((get(a) == get(b)) == (op == Py_EQ));
}
Py_hash_t hash(PyObject* o) { return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(get(o)) >> 6); }

PyMethodDef methods[] = {
    {"data_ptr", data_ptr, METH_NOARGS, "Address of the first byte."},
    {"nbytes", nbytes, METH_NOARGS, "The number of bytes."},
    {"size", size, METH_NOARGS, "The number of bytes."},
    {"resize_", resize, METH_O, "Grows or shrinks the memory, keeping what fits."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef getset[] = {{"device", device, nullptr, "Where the memory is.", nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyBufferProcs buffer = {get_buffer, nullptr};
PySequenceMethods sequence{};

}  // namespace

PyObject* new_storage_object(TensorObj* t) {
  StorageObj* o = PyObject_New(StorageObj, &type);
  if (o) o->storage = StorageRef::borrow(t->storage).release();
  return reinterpret_cast<PyObject*>(o);
}

Storage* storage_of(PyObject* o) { return Py_TYPE(o) == &type ? get(o) : nullptr; }

bool init_storage(PyObject* module) {
  sequence.sq_length = length;
  type.tp_name = "framejit.UntypedStorage";
  type.tp_basicsize = sizeof(StorageObj);
  type.tp_flags = Py_TPFLAGS_DEFAULT;
  type.tp_dealloc = dealloc;
  type.tp_methods = methods;
  type.tp_getset = getset;
  type.tp_as_buffer = &buffer;
  type.tp_as_sequence = &sequence;
  type.tp_richcompare = compare;
  type.tp_hash = hash;
  type.tp_doc = R"doc(The bytes behind a tensor.

>>> import framejit
>>> framejit.ones(2).untyped_storage().nbytes()
8
)doc";
  return PyType_Ready(&type) == 0 &&
         PyModule_AddObjectRef(module, "UntypedStorage", reinterpret_cast<PyObject*>(&type)) == 0;
}

}  // namespace fj::bind
