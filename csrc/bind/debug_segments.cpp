// framejit._C._debug.set_tracer: hand-made segments, so that the frame room can be tested without capture.
//
// The tracer is called as tracer(code, offset, locals, stack) and returns None or a dict with any of:
//   sources   [(step, parent, index, key)]           steps, makes, effects and kinds by their C++ names
//   guards    [(kind, source, object, numbers)]
//   inputs    [source], program (callable or None), outputs (count)
//   recipes   [(make, index, object, parts, attrs)]  attrs: [(name, recipe)]
//   effects   [(do, target, key, value)]
//   grad_mode int
//   exit      (kind, value, offset, locals, stack, next, target, reason)
#include <cstring>
#include <string>

#include "bind/debug.h"
#include "capture/capture.h"
#include "frame/compiled_function.h"
#include "py/error.h"
#include "py/text.h"

namespace fj::bind {
namespace {

using capture::Segment;
using py::check;
using py::PythonError;
using py::Ref;

PyObject* the_callback = nullptr;

template <size_t N>
int index_of(const char* const (&names)[N], PyObject* name) {
  const char* text = PyUnicode_AsUTF8(name);
  for (size_t i = 0; text && i < N; ++i) {
    if (std::strcmp(names[i], text) == 0) return static_cast<int>(i);
  }
  PyErr_Format(PyExc_ValueError, "unknown name %R", name);
  throw PythonError();
}

const char* const kSteps[] = {"Local",        "Stack",        "Function", "Const",      "Item",       "Key",
                              "InstanceDict", "InstanceAttr", "TypeOf",   "TypeAttr",   "Slot",       "Getter",
                              "Cell",         "Closure",      "Defaults", "KwDefaults", "MethodFunc", "MethodSelf"};
const char* const kKinds[] = {
#define FJ_GUARD_KIND(name, words) #name,
#include "guard/kinds.def"
#undef FJ_GUARD_KIND
};
const char* const kMakes[] = {"Source", "Const",     "Output",    "Number",   "Tuple", "List",
                              "Set",    "FrozenSet", "Dict",      "Slice",    "Cell",  "Function",
                              "Method", "Object",    "Exception", "Iterator", "Call",  "Generator"};
const char* const kDos[] = {"SetAttr", "DelAttr", "SetItem", "DelItem", "Clear",   "SetList",
                            "Append",  "SetSet",  "SetCell", "Advance", "SetCount"};
const char* const kExits[] = {"Return", "Break", "Loop", "Branch", "Resume"};

PyObject* item(PyObject* tuple, Py_ssize_t i) {
  if (!PyTuple_Check(tuple) || i >= PyTuple_GET_SIZE(tuple)) {
    PyErr_Format(PyExc_TypeError, "a row is too short: %R", tuple);
    throw PythonError();
  }
  return PyTuple_GET_ITEM(tuple, i);
}

int number(PyObject* o) {
  const long n = PyLong_AsLong(o);
  if (n == -1 && PyErr_Occurred()) throw PythonError();
  return static_cast<int>(n);
}

Ref optional(PyObject* o) { return o == Py_None ? Ref() : Ref::borrow(o); }

template <class F>
void each(PyObject* dict, const char* key, F&& f) {
  PyObject* list = PyDict_GetItemString(dict, key);
  if (!list) return;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) f(PyList_GET_ITEM(list, i));
}

std::vector<int32_t> numbers(PyObject* list) {
  std::vector<int32_t> out;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) out.push_back(number(PyList_GET_ITEM(list, i)));
  return out;
}

class PythonProgram final : public capture::Program {
 public:
  explicit PythonProgram(PyObject* f) : f_(Ref::borrow(f)) {}
  bool run(PyObject* const* inputs, size_t ninputs, PyObject** outputs, size_t noutputs) override {
    Ref result = Ref::steal(PyObject_Vectorcall(f_.get(), inputs, ninputs, nullptr));
    if (!result) return false;
    if (!PyTuple_Check(result.get()) || static_cast<size_t>(PyTuple_GET_SIZE(result.get())) != noutputs) {
      PyErr_SetString(PyExc_TypeError, "the program returned the wrong number of outputs");
      return false;
    }
    for (size_t i = 0; i < noutputs; ++i)
      outputs[i] = Py_NewRef(PyTuple_GET_ITEM(result.get(), static_cast<Py_ssize_t>(i)));
    return true;
  }

 private:
  Ref f_;
};

void read_recipe(PyObject* row, Segment& s) {
  capture::Recipe r{
      static_cast<capture::Make>(index_of(kMakes, item(row, 0))), number(item(row, 1)), optional(item(row, 2)), {}, {}};
  if (r.make == capture::Make::Const) r.object = Ref::borrow(item(row, 2));  // None too
  r.parts = numbers(item(row, 3));
  PyObject* attrs = item(row, 4);
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(attrs); ++i) {
    PyObject* pair = PyList_GET_ITEM(attrs, i);
    r.attrs.emplace_back(Ref::borrow(item(pair, 0)), number(item(pair, 1)));
  }
  s.recipes.push_back(std::move(r));
}

void read_exit(PyObject* row, const capture::EntryPoint& entry, Segment& s) {
  static std::vector<std::string>* const reasons = new std::vector<std::string>;
  capture::Exit& exit = s.exit;
  exit.kind = static_cast<capture::ExitKind>(index_of(kExits, item(row, 0)));
  exit.value = number(item(row, 1));
  exit.where = Ref::borrow(entry.code);
  if (exit.kind == capture::ExitKind::Return) return;
  capture::Snapshot snapshot;
  snapshot.code = Ref::borrow(entry.code);
  snapshot.offset = number(item(row, 2));
  snapshot.locals = numbers(item(row, 3));
  snapshot.stack = numbers(item(row, 4));
  exit.next = number(item(row, 5));
  exit.target = number(item(row, 6));
  reasons->reserve(10000);
  reasons->emplace_back(py::utf8(item(row, 7)));
  exit.reason = reasons->back().c_str();
  exit.line = py::Code::of(entry.code).line(snapshot.offset);
  exit.frames.push_back(std::move(snapshot));
}

std::unique_ptr<Segment> read_segment(PyObject* dict, const capture::EntryPoint& entry, guard::Tree& tree) {
  auto s = std::make_unique<Segment>();
  std::vector<guard::SourceId> ids;
  each(dict, "sources", [&](PyObject* row) {
    const int parent = number(item(row, 1));
    PyObject* key = item(row, 3);
    ids.push_back(tree.sources().add(static_cast<guard::Step>(index_of(kSteps, item(row, 0))),
                                     parent < 0 ? guard::kNoSource : ids[static_cast<size_t>(parent)],
                                     number(item(row, 2)), key == Py_None ? nullptr : key));
  });
  each(dict, "guards", [&](PyObject* row) {
    guard::Check c;
    c.kind = static_cast<guard::Kind>(index_of(kKinds, item(row, 0)));
    const int source = number(item(row, 1));
    c.source = source < 0 ? guard::kNoSource : ids[static_cast<size_t>(source)];
    c.object = optional(item(row, 2));
    for (int32_t n : numbers(item(row, 3))) c.numbers.push_back(n);
    s->guards.push_back(std::move(c));
  });
  each(dict, "inputs", [&](PyObject* n) { s->inputs.push_back(ids[static_cast<size_t>(number(n))]); });
  PyObject* program = PyDict_GetItemString(dict, "program");
  if (program && program != Py_None) s->program = std::make_unique<PythonProgram>(program);
  if (PyObject* count = PyDict_GetItemString(dict, "outputs")) s->noutputs = number(count);
  if (PyObject* mode = PyDict_GetItemString(dict, "grad_mode")) {
    s->modes = thread_state();
    s->modes->grad_mode = number(mode) != 0;
  }
  each(dict, "recipes", [&](PyObject* row) { read_recipe(row, *s); });
  for (capture::Recipe& r : s->recipes) {
    if (r.make == capture::Make::Source) r.index = ids[static_cast<size_t>(r.index)];
  }
  each(dict, "effects", [&](PyObject* row) {
    s->effects.push_back({static_cast<capture::Do>(index_of(kDos, item(row, 0))), number(item(row, 1)),
                          number(item(row, 2)), number(item(row, 3))});
  });
  read_exit(PyDict_GetItemString(dict, "exit"), entry, *s);
  return s;
}

Ref show(PyObject* const* slots, int count) {
  Ref list = check(PyList_New(0));
  for (int i = 0; i < count; ++i) check(PyList_Append(list.get(), slots[i] ? slots[i] : null_marker()));
  return list;
}

std::unique_ptr<Segment> trace(const capture::EntryPoint& entry, guard::Tree& tree, const capture::CompileOptions&) {
  try {
    Ref locals = show(entry.values.locals, entry.values.nlocals);
    Ref stack = show(entry.values.stack, entry.values.nstack);
    Ref made = check(PyObject_CallFunction(the_callback, "OiOO", entry.code, entry.offset, locals.get(), stack.get()));
    if (made.get() == Py_None) return nullptr;
    return read_segment(made.get(), entry, tree);
  } catch (...) {
    py::set_python_error();
    PyErr_WriteUnraisable(the_callback);
    return nullptr;
  }
}

PyObject* set_tracer(PyObject*, PyObject* callback) {
  static frame::TraceFn usual = frame::tracer();
  Py_XSETREF(the_callback, Py_NewRef(callback));
  frame::register_tracer(callback == Py_None ? usual : trace);
  Py_RETURN_NONE;
}

PyMethodDef kMethods[] = {
    {"set_tracer", set_tracer, METH_O, "Trace with a Python function (None: with capture again)."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_debug_segments(PyObject* module) {
  PyObject* debug = debug_module(module);
  return debug && PyModule_AddFunctions(debug, kMethods) == 0;
}

}  // namespace fj::bind
