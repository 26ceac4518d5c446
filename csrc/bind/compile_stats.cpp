// framejit._C._compile_stats() -> what was compiled so far in this process; _reset_compiler() empties the caches;
// set_num_threads(n) and get_num_threads() of the pool.
#include <algorithm>

#include "bind/module.h"
#include "codegen/codegen.h"
#include "driver/eager_pointwise.h"
#include "driver/eager_program.h"
#include "driver/passes.h"
#include "driver/stats.h"
#include "runtime/threads.h"

namespace fj::bind {
namespace {

bool put(PyObject* dict, const char* name, PyObject* value) {
  bool ok = value && PyDict_SetItemString(dict, name, value) == 0;
  Py_XDECREF(value);
  return ok;
}

PyObject* compile_stats(PyObject*, PyObject*) {
  const driver::Stats& s = driver::stats();
  codegen::CacheStats code = codegen::cache_stats();
  PyObject* d = PyDict_New();
  if (!d) return nullptr;
  bool ok = put(d, "graphs", PyLong_FromLongLong(s.graphs)) && put(d, "kernels", PyLong_FromLongLong(s.kernels)) &&
            put(d, "compile_ms", PyFloat_FromDouble(static_cast<double>(s.compile_ns) * 1e-6)) &&
            put(d, "eager_kernels", PyLong_FromLongLong(driver::pointwise_cache_size())) &&
            put(d, "eager_programs", PyLong_FromLongLong(s.programs)) &&
            put(d, "eager_compile_ms", PyFloat_FromDouble(static_cast<double>(s.eager_compile_ns) * 1e-6)) &&
            put(d, "code_bytes", PyLong_FromLongLong(code.bytes)) &&
            put(d, "code_entries", PyLong_FromLongLong(code.entries));
  PyObject* passes = ok ? PyDict_New() : nullptr;
  for (const driver::Pass& p : driver::passes())
    ok = ok && passes && put(passes, p.name, PyFloat_FromDouble(static_cast<double>(p.ns) * 1e-6));
  ok = ok && PyDict_SetItemString(d, "pass_ms", passes) == 0;
  Py_XDECREF(passes);
  if (ok) return d;
  Py_DECREF(d);
  return nullptr;
}

PyObject* reset_compiler(PyObject*, PyObject*) {
  driver::clear_pointwise_cache();
  driver::clear_eager_programs();
  codegen::clear_cache();
  driver::stats() = {};
  for (driver::Pass& p : driver::passes()) p.ns = p.runs = 0;
  Py_RETURN_NONE;
}

PyObject* set_num_threads(PyObject*, PyObject* arg) {
  long n = PyLong_AsLong(arg);
  if (n == -1 && PyErr_Occurred()) {
    PyErr_Clear();
    return PyErr_Format(PyExc_RuntimeError, "set_num_threads expects an int, but got %s", Py_TYPE(arg)->tp_name);
  }
  if (n <= 0) return PyErr_Format(PyExc_RuntimeError, "set_num_threads expects a positive integer");
  runtime::set_num_threads(static_cast<int>(std::min(n, 1024L)));
  Py_RETURN_NONE;
}

PyObject* get_num_threads(PyObject*, PyObject*) { return PyLong_FromLong(runtime::num_threads()); }

PyMethodDef kMethods[] = {
    {"set_num_threads", set_num_threads, METH_O, R"doc(set_num_threads(int): how many threads one op may use.

Raises RuntimeError for less than one and for other types.

>>> import framejit
>>> framejit.set_num_threads(framejit.get_num_threads())
)doc"},
    {"get_num_threads", get_num_threads, METH_NOARGS, R"doc(How many threads one op may use.

>>> import framejit
>>> framejit.get_num_threads() >= 1
True
)doc"},
    {"_compile_stats", compile_stats, METH_NOARGS, "What was compiled so far: graphs, kernels, milliseconds."},
    {"_reset_compiler", reset_compiler, METH_NOARGS, "Empties the compiler's caches and counters."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_compile_stats(PyObject* module) { return PyModule_AddFunctions(module, kMethods) == 0; }

}  // namespace fj::bind
