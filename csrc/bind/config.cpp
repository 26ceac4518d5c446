// The switches and counters of the compiler, for framejit.dynamo: `_C._flags()`, `_C._set_flag(name, value)`,
// `_C._compiler_stats()`.
#include <cstring>

#include "base/flags.h"
#include "bind/module.h"
#include "codegen/codegen.h"
#include "driver/stats.h"
#include "py/error.h"
#include "py/ref.h"

namespace fj::bind {
namespace {

PyObject* to_python(bool v) { return PyBool_FromLong(v); }
PyObject* to_python(int64_t v) { return PyLong_FromLongLong(v); }
PyObject* to_python(const std::string& v) {
  return PyUnicode_FromStringAndSize(v.data(), static_cast<Py_ssize_t>(v.size()));
}

bool from_python(PyObject* o, bool* out) {
  const int v = PyObject_IsTrue(o);
  *out = v > 0;
  return v >= 0;
}

bool from_python(PyObject* o, int64_t* out) {
  *out = PyLong_AsLongLong(o);
  return *out != -1 || !PyErr_Occurred();
}

bool from_python(PyObject* o, std::string* out) {
  const char* text = PyUnicode_AsUTF8(o);
  if (text) *out = text;
  return text != nullptr;
}

// Puts a new reference into the dict; false with an error set when that fails.
bool put(PyObject* dict, const char* name, PyObject* value) {
  const bool ok = value && PyDict_SetItemString(dict, name, value) == 0;
  Py_XDECREF(value);
  return ok;
}

PyObject* get_flags(PyObject*, PyObject*) {
  PyObject* dict = PyDict_New();
#define FJ_FLAG(name, kind, def, help) \
  if (dict && !put(dict, #name, to_python(flags::get().name))) Py_CLEAR(dict);
#include "base/flags.def"
#undef FJ_FLAG
  return dict;
}

PyObject* set_flag(PyObject*, PyObject* args) {
  const char* name = nullptr;
  PyObject* value = nullptr;
  if (!PyArg_ParseTuple(args, "sO:_set_flag", &name, &value)) return nullptr;
#define FJ_FLAG(flag, kind, def, help)                \
  if (std::strcmp(name, #flag) == 0) {                \
    FJ_FLAG_TYPE_##kind parsed{};                     \
    if (!from_python(value, &parsed)) return nullptr; \
    flags::get().flag = parsed;                       \
    Py_RETURN_NONE;                                   \
  }
#include "base/flags.def"
#undef FJ_FLAG
  return PyErr_Format(PyExc_AttributeError, "framejit has no flag '%s'", name);
}

PyObject* compiler_stats(PyObject*, PyObject*) {
  const driver::Stats& s = driver::stats();
  return Py_BuildValue("{s:L,s:L,s:L,s:L,s:L,s:L,s:L}", "aot_ok", static_cast<long long>(s.aot_ok), "aot_not_ok",
                       static_cast<long long>(s.aot_not_ok), "graphs", static_cast<long long>(s.graphs), "programs",
                       static_cast<long long>(s.programs), "compile_ns", static_cast<long long>(s.compile_ns),
                       "eager_compile_ns", static_cast<long long>(s.eager_compile_ns), "kernels",
                       static_cast<long long>(codegen::cache_stats().entries));
}

PyMethodDef kMethods[] = {
    {"_flags", get_flags, METH_NOARGS, "The switches of base/flags.def as a dict."},
    {"_set_flag", set_flag, METH_VARARGS, "Sets one switch; some are only read when the process starts."},
    {"_compiler_stats", compiler_stats, METH_NOARGS,
     "Graphs, programs and kernels compiled so far, and the time that took."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_config(PyObject* module) {
  return PyModule_AddFunctions(module, kMethods) == 0 &&
         PyModule_AddObjectRef(module, "UnsupportedError", py::exception_type(ErrorKind::Unsupported)) == 0 &&
         PyModule_AddObjectRef(module, "LinAlgError", py::exception_type(ErrorKind::Linalg)) == 0;
}

}  // namespace fj::bind
