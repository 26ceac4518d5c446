// Tracing a function without running it: trace(function, args) → the text of the segment of its entry point.
#include "bind/debug.h"
#include "capture/capture.h"
#include "py/error.h"
#include "py/text.h"

namespace fj::bind {
namespace {

PyObject* trace(PyObject*, PyObject* args) {
  PyObject *function, *values;
  if (!PyArg_ParseTuple(args, "O!O!", &PyFunction_Type, &function, &PyTuple_Type, &values)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    capture::EntryPoint entry;
    entry.function = reinterpret_cast<PyFunctionObject*>(function);
    entry.code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(function));
    std::vector<PyObject*> locals(static_cast<size_t>(entry.code->co_nlocalsplus));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(values) && i < entry.code->co_nlocalsplus; ++i)
      locals[static_cast<size_t>(i)] = PyTuple_GET_ITEM(values, i);
    entry.values.locals = locals.data();
    entry.values.nlocals = static_cast<int32_t>(locals.size());
    entry.values.function = function;
    guard::Tree tree;
    capture::CompileOptions options;
    auto segment = capture::trace(entry, tree, options);
    return py::to_str(segment->to_string(tree.sources())).release();
  });
}

PyObject* plans(PyObject*, PyObject*) {
  const guard::PlanCounts& c = guard::plan_counts();
  return Py_BuildValue("{sLsLsL}", "made", static_cast<long long>(c.made), "held", static_cast<long long>(c.held),
                       "changed", static_cast<long long>(c.changed));
}

PyMethodDef kMethods[] = {
    {"plans", plans, METH_NOARGS, "plans(): how many guard plans were made, held, and were found changed."},
    {"trace", trace, METH_VARARGS, "trace(function, args): the text of the segment traced from the function's entry."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_debug_capture(PyObject* module) {
  PyObject* debug = debug_module(module);
  return debug && PyModule_AddFunctions(debug, kMethods) == 0;
}

}  // namespace fj::bind
