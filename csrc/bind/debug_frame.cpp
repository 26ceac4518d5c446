// Code decoding and frame mechanics as Python functions.
//
// drive(step, function, args, kwargs) calls function with its frame driven by step(index, locals, stack), which answers
// with
//   ("return", value)
//   ("resume", index, traps[, locals, stack])
//   ("raise", index, exception, traps[, locals, stack])
// An empty slot is shown as, and given back as, the object NULL.
#include <string>

#include "bind/debug.h"
#include "py/code.h"
#include "py/error.h"
#include "py/frame.h"
#include "py/text.h"

namespace fj::bind {
namespace {

using py::Action;
using py::check;
using py::Ref;

PyObject* decode(PyObject*, PyObject* arg) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    const py::Code& code = py::Code::of(reinterpret_cast<PyCodeObject*>(arg));
    Ref list = check(PyList_New(0));
    for (const py::Instr& in : code.instrs()) {
      Ref row = check(Py_BuildValue("{sssisisisisisisisOsOsOsi}", "op", op_name(in.op), "number", in.number, "arg",
                                    in.arg, "index", in.index, "at", in.at, "next", in.next, "target", in.target,
                                    "depth", in.depth, "resumable", in.resumable ? Py_True : Py_False, "ends",
                                    in.ends ? Py_True : Py_False, "in_handler",
                                    code.in_handler(in.index) ? Py_True : Py_False, "line", code.line(in.index)));
      if (const py::Handler* h = code.handler(in.index)) {
        Ref handler = check(Py_BuildValue("(iii)", h->target, h->depth, h->lasti));
        check(PyDict_SetItemString(row.get(), "handler", handler.get()));
      }
      Ref live = check(PyList_New(0));
      for (int s = 0; s < code.locals_count(); ++s) {
        if (code.live(in.index, s)) check(PyList_Append(live.get(), code.local_name(s)));
      }
      check(PyDict_SetItemString(row.get(), "live", live.get()));
      check(PyList_Append(list.get(), row.get()));
    }
    return list.release();
  });
}

PyObject* body_start(PyObject*, PyObject* arg) {
  return py::guarded<PyObject*>(
      nullptr, [&] { return PyLong_FromLong(py::Code::of(reinterpret_cast<PyCodeObject*>(arg)).body_start()); });
}

Ref list_of(PyObject* const* slots, int count) {
  Ref list = check(PyList_New(count));
  for (int i = 0; i < count; ++i) {
    PyObject* value = slots[i] ? slots[i] : null_marker();
    Py_INCREF(value);
    PyList_SET_ITEM(list.get(), i, value);
  }
  return list;
}

std::vector<Ref> slots_of(PyObject* list) {
  std::vector<Ref> slots;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    PyObject* value = PyList_GET_ITEM(list, i);
    slots.push_back(value == null_marker() ? Ref() : Ref::borrow(value));
  }
  return slots;
}

std::vector<int32_t> indices_of(PyObject* seq) {
  Ref list = check(PySequence_List(seq));
  std::vector<int32_t> out;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    out.push_back(static_cast<int32_t>(PyLong_AsLong(PyList_GET_ITEM(list.get(), i))));
  }
  return out;
}

class PythonDriver : public py::FrameDriver {
 public:
  explicit PythonDriver(PyObject* callback) : callback_(callback) {}

  Action step(py::FrameView& frame) noexcept override {
    try {
      return ask(frame);
    } catch (...) {
      py::set_python_error();
      return Action::raise(std::max(frame.index(), frame.decoded().body_start()));
    }
  }

 private:
  Action ask(py::FrameView& frame) {
    py::FrameLink link(frame, frame.index());
    if (!link.ok()) throw py::PythonError();
    Ref locals = list_of(frame.locals(), frame.nlocals());
    Ref stack = list_of(frame.stack(), frame.depth());
    Ref answer = check(PyObject_CallFunction(callback_, "iOO", frame.index(), locals.get(), stack.get()));
    PyObject* tuple = answer.get();
    const std::string what = py::utf8(PyTuple_GET_ITEM(tuple, 0));
    if (what == "return") return Action::done(Ref::borrow(PyTuple_GET_ITEM(tuple, 1)));
    const int index = static_cast<int>(PyLong_AsLong(PyTuple_GET_ITEM(tuple, 1)));
    const bool raise = what == "raise";
    traps_ = indices_of(PyTuple_GET_ITEM(tuple, raise ? 3 : 2));
    const Py_ssize_t state = raise ? 4 : 3;
    if (PyTuple_GET_SIZE(tuple) > state) {
      locals.reset();
      stack.reset();
      frame.fill(slots_of(PyTuple_GET_ITEM(tuple, state)), slots_of(PyTuple_GET_ITEM(tuple, state + 1)));
    }
    if (!raise) return Action::resume(index, traps_);
    PyObject* exception = PyTuple_GET_ITEM(tuple, 2);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception)), exception);
    return Action::raise(index, traps_);
  }

  PyObject* callback_;
  std::vector<int32_t> traps_;  // of the last answer
};

PyObject* drive(PyObject*, PyObject* args) {
  PyObject *step, *function, *positional = nullptr, *named = nullptr;
  if (!PyArg_ParseTuple(args, "OO!|O!O!", &step, &PyFunction_Type, &function, &PyTuple_Type, &positional, &PyDict_Type,
                        &named)) {
    return nullptr;
  }
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    std::vector<PyObject*> values;
    for (Py_ssize_t i = 0; positional && i < PyTuple_GET_SIZE(positional); ++i)
      values.push_back(PyTuple_GET_ITEM(positional, i));
    const size_t npositional = values.size();
    Ref names;
    if (named && PyDict_GET_SIZE(named)) {
      Ref keys = check(PyDict_Keys(named));
      names = check(PyList_AsTuple(keys.get()));
      for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names.get()); ++i) {
        values.push_back(PyDict_GetItem(named, PyTuple_GET_ITEM(names.get(), i)));
      }
    }
    PythonDriver driver(step);
    return py::enter_frame(function, values.data(), npositional, names.get(), driver);
  });
}

PyObject* drive_blank(PyObject*, PyObject* args) {
  PyObject *step, *function;
  if (!PyArg_ParseTuple(args, "OO!", &step, &PyFunction_Type, &function)) return nullptr;
  PythonDriver driver(step);
  return py::enter_blank_frame(function, driver);
}

PyMethodDef kMethods[] = {
    {"decode", decode, METH_O, "Decoded instructions of a code object, a dict each."},
    {"body_start", body_start, METH_O, "Index of the first instruction after the prologue."},
    {"drive", drive, METH_VARARGS, "Call a function with its frame driven by a callback."},
    {"drive_blank", drive_blank, METH_VARARGS, "The same with no local set."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyObject* null_marker() {
  static PyObject* const marker = PyObject_CallNoArgs(reinterpret_cast<PyObject*>(&PyBaseObject_Type));
  return marker;
}

PyObject* debug_module(PyObject* module) {
  PyObject* found = PyObject_GetAttrString(module, "_debug");
  if (found) {
    Py_DECREF(found);
    return found;
  }
  PyErr_Clear();
  Ref made = Ref::steal(PyModule_New("framejit._C._debug"));
  if (!made || PyModule_AddObjectRef(module, "_debug", made.get()) < 0) return nullptr;
  return made.get();
}

bool init_debug_frame(PyObject* module) {
  PyObject* debug = debug_module(module);
  if (!debug || PyModule_AddFunctions(debug, kMethods) < 0) return false;
  return null_marker() && PyModule_AddObjectRef(debug, "NULL", null_marker()) == 0;
}

}  // namespace fj::bind
