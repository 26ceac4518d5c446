// CompiledFunction and the switches of the frame room as module names.
#include "base/progress.h"
#include "bind/module.h"
#include "capture/capture.h"
#include "capture/sizes.h"
#include "capture/logging_calls.h"
#include "capture/substitute.h"
#include "frame/compiled_function.h"
#include "frame/entry.h"
#include "frame/ledger.h"
#include "frame/module_call.h"
#include "frame/observe.h"
#include "frame/stats.h"
#include "py/error.h"
#include "tensor/layer.h"

namespace fj::bind {
namespace {

PyObject* reset(PyObject*, PyObject*) {
  frame::reset_all();
  frame::stats() = {};
  frame::clear_ledger();
  Py_RETURN_NONE;
}

PyObject* counters(PyObject*, PyObject*) {
  PyObject* dict = PyDict_New();
#define FJ_STAT(name)                                                   \
  if (dict) {                                                           \
    PyObject* n = PyLong_FromLongLong(frame::stats().name);             \
    if (!n || PyDict_SetItemString(dict, #name, n) < 0) Py_CLEAR(dict); \
    Py_XDECREF(n);                                                      \
  }
  FJ_FRAME_STATS(FJ_STAT)
#undef FJ_STAT
  return dict;
}

PyObject* ledger(PyObject*, PyObject*) { return frame::ledger(); }

PyObject* set_compile_enabled(PyObject*, PyObject* on) {
  const int value = PyObject_IsTrue(on);
  return value < 0 ? nullptr : PyBool_FromLong(frame::set_enabled(value != 0));
}

PyObject* note_size_marks(PyObject*, PyObject*) {
  capture::note_marks();
  Py_RETURN_NONE;
}

PyObject* set_observer(PyObject*, PyObject* callable) {
  frame::set_observer(callable);
  Py_RETURN_NONE;
}

PyObject* progress_reporter = nullptr;

// Compilations hold the interpreter's lock; an error in a report is nobody's.
void report_progress(const void* what, double seconds, const char* stage, size_t done) {
  if (!progress_reporter || !PyGILState_Check()) return;
  py::SavedError saved;
  LayerPause outside;
  auto* name = static_cast<PyObject*>(const_cast<void*>(what));
  py::Ref answer = py::Ref::steal(PyObject_CallFunction(progress_reporter, "Odzn", name ? name : Py_None, seconds,
                                                        stage, static_cast<Py_ssize_t>(done)));
  if (!answer) PyErr_WriteUnraisable(progress_reporter);
}

PyObject* set_progress(PyObject*, PyObject* callable) {
  Py_XSETREF(progress_reporter, callable == Py_None ? nullptr : Py_NewRef(callable));
  progress::set_report(progress_reporter ? report_progress : nullptr);
  Py_RETURN_NONE;
}

PyObject* set_logging_functions(PyObject*, PyObject* args) {
  PyObject *left_out, *put_off;
  if (!PyArg_ParseTuple(args, "OO:_set_logging_functions", &left_out, &put_off)) return nullptr;
  capture::set_logging_functions(left_out, put_off);
  Py_RETURN_NONE;
}

PyObject* substitute(PyObject*, PyObject* args) {
  PyObject *callable, *function;
  if (!PyArg_ParseTuple(args, "OO:_substitute", &callable, &function)) return nullptr;
  if (function != Py_None && !PyFunction_Check(function)) {
    return PyErr_Format(PyExc_TypeError, "_substitute: expected a function, but got %s", Py_TYPE(function)->tp_name);
  }
  capture::add_substitute(callable, function);
  Py_RETURN_NONE;
}

PyMethodDef kMethods[] = {
    {"reset", reset, METH_NOARGS, R"doc(Forget everything that compiled functions have compiled, and the counters.

>>> import framejit
>>> framejit.reset()
)doc"},
    {"counters", counters, METH_NOARGS, R"doc(What compiled functions did in this process, as a dict of numbers.

>>> import framejit
>>> sorted(framejit.counters())[:2]
['breaks', 'fallbacks']
)doc"},
    {"_ledger", ledger, METH_NOARGS, "Which instructions ran inside segments, and why others did not (see ledger.h)."},
    {"_set_compile_enabled", set_compile_enabled, METH_O, "Switch compiled functions on or off; returns what it was."},
    {"_note_size_marks", note_size_marks, METH_NOARGS, "A tensor has been marked by dynamo.mark_dynamic or its like."},
    {"_set_logging_functions", set_logging_functions, METH_VARARGS,
     "Functions that captured code leaves out, and functions that it calls at the end of the segment."},
    {"_substitute", substitute, METH_VARARGS, "Captured code that calls the first is captured as calling the second."},
    {"_set_observer", set_observer, METH_O, "Who is told of compilations and may decide about them (see observe.h)."},
    {"_set_progress", set_progress, METH_O, "Who is told of compilations that take long (see base/progress.h)."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_frame(PyObject* module) {
  if (!frame::tracer()) frame::register_tracer(capture::trace);
  return frame::init_type() && frame::init_module_call() && PyModule_AddFunctions(module, kMethods) == 0 &&
         PyModule_AddObjectRef(module, "_ModuleCall", reinterpret_cast<PyObject*>(frame::module_call_type)) == 0 &&
         PyModule_AddObjectRef(module, "CompiledFunction",
                               reinterpret_cast<PyObject*>(frame::compiled_function_type)) == 0;
}

}  // namespace fj::bind
