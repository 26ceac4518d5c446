#include "capture/directive.h"

#include "capture/sym_frame.h"
#include "capture/tensors.h"
#include "graph/graph.h"
#include "py/error.h"
#include "tensor/layer.h"

namespace fj::capture {

namespace {

// ---- assume_constant_result ----

// An argument as it really is: what the trace has made has no real form.
Ref real_argument(Tracer& t, V v) {
  if (v->is == Is::Const) return t.need_real(v, Reason::native_call, "a function of a constant result");
  if (v->outside() && !v->changed) return Ref::borrow(v->real);
  if (v->is == Is::Tensor) cut(Reason::data_dependent, "a function of a constant result with a tensor made here");
  return t.need_real(v, Reason::native_call, "a function of a constant result");
}

V call_now(Tracer& t, FunctionValue* f, Args& args) {
  Ref pos = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(args.pos.size()))), named = Ref::steal(PyDict_New());
  for (size_t i = 0; i < args.pos.size(); ++i)
    PyTuple_SET_ITEM(pos.get(), static_cast<Py_ssize_t>(i), real_argument(t, args.pos[i]).release());
  for (auto& [name, v] : args.named) PyDict_SetItem(named.get(), name, real_argument(t, v).get());
  LayerPause outside;
  Ref result = Ref::steal(PyObject_Call(f->real, pos.get(), named.get()));
  if (!result) t.raise_pending();
  return t.wrap_known(result.get());
}

// ---- what is done once, before the program can be captured ----

Ref stand_in_for(Tracer& t, V v);

Ref stand_ins(Tracer& t, const Values& values) {
  Ref made = Ref::steal(PyTuple_New(static_cast<Py_ssize_t>(values.size())));
  for (size_t i = 0; i < values.size(); ++i)
    PyTuple_SET_ITEM(made.get(), static_cast<Py_ssize_t>(i), stand_in_for(t, values[i]).release());
  return made;
}

// An argument with the facts of what it will be: a tensor of the trace is one of zeros.
Ref stand_in_for(Tracer& t, V v) {
  Nested deeper(t);
  if (v->outside() && !v->changed) return Ref::borrow(v->real);
  if (v->is == Is::Tensor) {
    Ref library = Ref::steal(PyImport_ImportModule("framejit"));
    PyObject* fake = as<TensorValue>(v)->fake;
    Ref sizes = py::check(PyObject_GetAttrString(fake, "shape")),
        dtype = py::check(PyObject_GetAttrString(fake, "dtype"));
    LayerPause outside;
    Ref kwargs = py::check(Py_BuildValue("{sO}", "dtype", dtype.get())), args = py::check(PyTuple_Pack(1, sizes.get()));
    Ref zeros = py::check(PyObject_GetAttrString(library.get(), "zeros"));
    return py::check(PyObject_Call(zeros.get(), args.get(), kwargs.get()));
  }
  if (v->is == Is::Tuple) {
    Ref items = stand_ins(t, as<TupleValue>(v)->items);
    if (v->cls == &PyTuple_Type) return items;
    return py::check(PyObject_CallMethod(reinterpret_cast<PyObject*>(v->cls), "_make", "O", items.get()));
  }
  if (v->is == Is::List && v->cls == &PyList_Type)
    return py::check(PySequence_List(stand_ins(t, as<ListValue>(v)->items).get()));
  if (v->is == Is::Dict && v->cls == &PyDict_Type) {
    Ref made = py::check(PyDict_New());
    for (auto& [key, item] : dict_items(t, as<DictValue>(v)))
      PyDict_SetItem(made.get(), stand_in_for(t, key).get(), stand_in_for(t, item).get());
    return made;
  }
  return t.need_real(v, Reason::native_call, "a function that is called before its caller is captured");
}

// Called for real, and the trace begins anew: what it changes is there then. What it raises is left to a real call.
V call_first(Tracer& t, FunctionValue* f, Args& args) {
  if (!args.named.empty()) return nullptr;
  Ref pos = stand_ins(t, args.pos);
  LayerPause outside;
  Ref done = Ref::steal(PyObject_Call(f->real, pos.get(), nullptr));
  if (!done) {
    PyErr_Clear();
    return nullptr;
  }
  throw Again{};
}

// ---- comptime ----

Ref comptime_attribute(const char* name) {
  Ref module = Ref::steal(PyImport_ImportModule("framejit.dynamo.comptime"));
  Ref found = module ? Ref::steal(PyObject_GetAttrString(module.get(), name)) : Ref();
  if (!found) PyErr_Clear();
  if (!found) cut(Reason::internal, "framejit.dynamo.comptime lacks ", name);
  return found;
}

// Values as a person may look at them, without using them: the trace must not depend on being watched.
class Shower {
 public:
  explicit Shower(Tracer& t) : t_(t), made_(comptime_attribute("Made")) {}

  Ref value(V v) {
    Nested deeper(t_);
    if (v->outside() && !v->changed) return Ref::borrow(v->is == Is::Tensor && fake(v) ? fake(v) : v->real);
    switch (v->is) {
      case Is::Const: return Ref::borrow(v->real);
      case Is::Tensor: return Ref::borrow(fake(v));
      case Is::Tuple:
        if (v->cls == &PyTuple_Type) return Ref::steal(PySequence_Tuple(items(as<TupleValue>(v)->items).get()));
        break;
      case Is::List:
        if (v->cls == &PyList_Type && v->touched) return items(as<ListValue>(v)->items);
        break;
      case Is::Dict:
        if (v->cls == &PyDict_Type && as<DictValue>(v)->full) return dict(as<DictValue>(v));
        break;
      default: break;
    }
    return py::check(PyObject_CallOneArg(made_.get(), reinterpret_cast<PyObject*>(v->cls)));
  }

  Ref frame(SymFrame& f) {
    Ref locals = py::check(PyDict_New()), stack = items(f.stack);
    for (int i = 0; i < f.code.locals_count(); ++i) {
      V v = f.locals[static_cast<size_t>(i)];
      Ref shown = v && v->is == Is::Cell ? contents(as<CellValue>(v)) : v ? value(v) : Ref();
      if (shown && PyDict_SetItem(locals.get(), f.code.local_name(i), shown.get()) < 0) throw py::PythonError();
    }
    return py::check(Py_BuildValue("(OiOO)", f.object(), f.code.line(f.pc), locals.get(), stack.get()));
  }

  // A function that the trace made, with what its cells hold now.
  Ref function(FunctionValue* f) {
    if (f->outside()) return Ref::borrow(f->real);
    Ref made = py::check(PyFunction_New(reinterpret_cast<PyObject*>(f->code), f->globals));
    if (f->closure.empty()) return made;
    Ref cells = py::check(PyTuple_New(static_cast<Py_ssize_t>(f->closure.size())));
    for (size_t i = 0; i < f->closure.size(); ++i) {
      Ref held = contents(as<CellValue>(f->closure[i]));
      PyTuple_SET_ITEM(cells.get(), static_cast<Py_ssize_t>(i), PyCell_New(held.get()));
    }
    if (PyFunction_SetClosure(made.get(), cells.get()) < 0) throw py::PythonError();
    return made;
  }

 private:
  static PyObject* fake(V v) { return as<TensorValue>(v)->fake; }

  Ref contents(CellValue* cell) {
    if (cell->contents) return value(cell->contents);
    return cell->known || !cell->outside() ? Ref() : Ref::borrow(PyCell_GET(cell->real));
  }

  Ref items(const Values& values) {
    Ref out = py::check(PyList_New(0));
    for (V v : values)
      if (PyList_Append(out.get(), v ? value(v).get() : Py_None) < 0) throw py::PythonError();
    return out;
  }

  Ref dict(DictValue* d) {
    Ref out = py::check(PyDict_New());
    for (auto& [k, v] : dict_items(t_, d))
      if (PyDict_SetItem(out.get(), value(k).get(), value(v).get()) < 0) throw py::PythonError();
    return out;
  }

  Tracer& t_;
  Ref made_;
};

Ref state_of(Tracer& t, Shower& show) {
  Ref frames = py::check(PyList_New(0)), guards = py::check(PyList_New(0));
  for (SymFrame* f = t.frame; f; f = f->caller)
    if (PyList_Append(frames.get(), show.frame(*f).get()) < 0) throw py::PythonError();
  for (const guard::Check& c : t.guards_so_far()) {
    const std::string words = guard::describe(c, t.tree.sources(), t.entry.code);
    Ref text = py::check(py::to_str(words).release());
    if (PyList_Append(guards.get(), text.get()) < 0) throw py::PythonError();
  }
  Ref graph = py::check(py::to_str(graph::print(t.tensors->graph())).release());
  return py::check(PyTuple_Pack(3, frames.get(), graph.get(), guards.get()));
}

// What a comptime function raises, and its graph_break(), end the segment here. CPython then calls `comptime` itself,
// which raises what is pending.
V show_trace(Tracer& t, Args& args) {
  if (t.stop_at >= 0) return t.none();  // this is a second run; the first one has shown it
  if (args.pos.size() < 2 || args.pos[1]->is != Is::Function)
    cut(Reason::argument_form, "comptime of something that is no Python function");
  t.use(args.pos[1]);
  Ref answer;
  {
    LayerPause outside;
    Shower show(t);
    Ref function = show.function(as<FunctionValue>(args.pos[1])), state = state_of(t, show);
    answer = Ref::steal(
        PyObject_CallFunctionObjArgs(comptime_attribute("show").get(), function.get(), state.get(), nullptr));
  }
  if (!answer) t.raise_pending();
  if (answer.get() != Py_None) cut(Reason::asked_for, "comptime: ", py::utf8(answer.get()));
  return t.none();
}

}  // namespace

V follow_directive(Tracer& t, FunctionValue* f, Args& args) {
  if (!f->outside()) return nullptr;
  PyObject* dict = reinterpret_cast<PyFunctionObject*>(f->real)->func_dict;
  PyObject* mark = dict ? PyDict_GetItemWithError(dict, FJ_NAME("_framejit_directive")) : nullptr;
  if (!mark || !PyUnicode_Check(mark)) return nullptr;
  if (is_text(mark, "constant")) return call_now(t, f, args);
  if (is_text(mark, "first")) return call_first(t, f, args);
  if (is_text(mark, "comptime")) return show_trace(t, args);
  return nullptr;
}

}  // namespace fj::capture
