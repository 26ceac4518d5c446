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
bool check_memory(PyObject* o) {
  if (get(o)->data || get(o)->nbytes == 0) return true;
  PyErr_SetString(PyExc_BufferError, "the storage of a meta tensor has no memory");
  return false;
}
int get_buffer(PyObject* o, Py_buffer* view, int flags) {
  if (!check_memory(o)) return view->obj = nullptr, -1;
  return PyBuffer_FillInfo(view, o, get(o)->data, static_cast<Py_ssize_t>(get(o)->nbytes), 0, flags);
}
PyObject* object_of(StorageRef storage) {
  StorageObj* o = PyObject_New(StorageObj, &type);
  if (o) o->storage = storage.release();
  return reinterpret_cast<PyObject*>(o);
}

// Over an object's writable memory, which it keeps.
PyObject* over_buffer(PyObject* object) {
  py::Ref view = py::check(PyMemoryView_FromObject(object));
  const Py_buffer* b = PyMemoryView_GET_BUFFER(view.get());
  FJ_USER_CHECK(!b->readonly && PyBuffer_IsContiguous(b, 'C'), ErrorKind::Type, "expected writable, contiguous memory");
  void* data = b->buf;
  const auto bytes = static_cast<int64_t>(b->len);
  return object_of(StorageRef::steal(wrap_storage(data, bytes, view.release())));
}

PyObject* from_file(PyObject*, PyObject* args, PyObject* kwargs) {
  return py::guarded<PyObject*>(nullptr, [&] {
    py::Ref module = py::check(PyImport_ImportModule("framejit._storage"));
    py::Ref map = py::check(PyObject_GetAttrString(module.get(), "map_file"));
    py::Ref memory = py::check(PyObject_Call(map.get(), args, kwargs));
    return over_buffer(memory.get());
  });
}

// One byte, or a part that shares the memory.
PyObject* subscript(PyObject* o, PyObject* key) {
  if (!check_memory(o)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    const auto size = static_cast<Py_ssize_t>(get(o)->nbytes);
    if (!PySlice_Check(key)) {
      Py_ssize_t i = PyNumber_AsSsize_t(key, PyExc_IndexError);
      if (i == -1 && PyErr_Occurred()) throw py::PythonError();
      FJ_USER_CHECK(-size <= i && i < size, ErrorKind::Index, "index ", i, " out of range for storage of size ", size);
      return PyLong_FromLong(static_cast<long>(get(o)->data[i < 0 ? i + size : i]));
    }
    Py_ssize_t start, stop, step;
    if (PySlice_Unpack(key, &start, &stop, &step) < 0) throw py::PythonError();
    FJ_USER_CHECK(step == 1, ErrorKind::Runtime, "Trying to slice with a step of ", step,
                  ", but only a step of 1 is supported");
    const Py_ssize_t length = PySlice_AdjustIndices(size, &start, &stop, step);
    return object_of(StorageRef::steal(wrap_storage(get(o)->data + start, length, Py_NewRef(o))));
  });
}

PyObject* itself(PyObject* o, PyObject*) { return Py_NewRef(o); }

PyObject* to_list(PyObject* o, PyObject*) {
  if (!check_memory(o)) return nullptr;
  PyObject* list = PyList_New(length(o));
  for (Py_ssize_t i = 0; list && i < length(o); ++i)
    PyList_SET_ITEM(list, i, PyLong_FromLong(static_cast<long>(get(o)->data[i])));
  return list;
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
    {"untyped", itself, METH_NOARGS, "The storage itself."},
    {"_untyped", itself, METH_NOARGS, nullptr},
    {"cpu", itself, METH_NOARGS, "The storage itself."},
    {"tolist", to_list, METH_NOARGS, "The bytes as numbers."},
    {"from_file", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(from_file)),
     METH_VARARGS | METH_KEYWORDS | METH_STATIC,
     R"doc(The bytes of a file, mapped into memory.

filename (str), shared (bool: what is written goes to the file, which grows to nbytes if it is shorter), nbytes (int; 0: of
the whole file). Raises OSError where the file cannot be opened, RuntimeError where it is shorter than nbytes.

>>> import framejit, tempfile
>>> with tempfile.NamedTemporaryFile() as file:
...     size = file.write(bytes(range(5)))
...     file.flush()
...     framejit.UntypedStorage.from_file(file.name, nbytes=5)[1:4].tolist()
[1, 2, 3]
)doc"},
    {"resize_", resize, METH_O, "Grows or shrinks the memory, keeping what fits."},
    {nullptr, nullptr, 0, nullptr},
};
PyGetSetDef getset[] = {{"device", device, nullptr, "Where the memory is.", nullptr},
                        {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyBufferProcs buffer = {get_buffer, nullptr};
PySequenceMethods sequence{};
PyMappingMethods mapping{length, subscript, nullptr};

}  // namespace

PyObject* new_storage_object(TensorObj* t) { return object_of(StorageRef::borrow(t->storage)); }

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
  type.tp_as_mapping = &mapping;
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
