// The Python type. Attributes that are not its own are the wrapped object's, so that it looks like what it wraps.
#include "frame/compiled_function.h"

#include <structmember.h>

#include <cstddef>
#include <cstring>
#include <utility>

#include "frame/callee.h"
#include "frame/report.h"
#include "py/error.h"
#include "py/heap_type.h"
#include "py/text.h"

namespace fj::frame {

using py::check;
using py::free_object;
using py::get_own_or;
using py::Ref;
using py::slot;

PyTypeObject* compiled_function_type = nullptr;

PyObject* python_call(PyObject* object) {
  static PyObject* const name = PyUnicode_InternFromString("__call__");
  PyObject* call = _PyType_Lookup(Py_TYPE(object), name);
  return call && PyFunction_Check(call) ? call : nullptr;
}

CallForm form_of(PyObject* callable) {
  if (PyFunction_Check(callable)) return CallForm::Function;
  if (PyMethod_Check(callable)) {
    return PyFunction_Check(PyMethod_GET_FUNCTION(callable)) ? CallForm::Method : CallForm::Opaque;
  }
  if (PyType_Check(callable)) return CallForm::Opaque;
  if (python_call(callable)) return CallForm::Object;
  return std::strcmp(Py_TYPE(callable)->tp_name, "functools.partial") == 0 ? CallForm::Partial : CallForm::Opaque;
}

namespace {

CompiledFunction* as(PyObject* o) { return reinterpret_cast<CompiledFunction*>(o); }

// What functools.wraps copies. Missing attributes are no error.
void copy_identity(CompiledFunction* c) {
  c->dict = check(PyDict_New()).release();
  for (const char* name : {"__module__", "__name__", "__qualname__", "__doc__"}) {
    Ref value = Ref::steal(PyObject_GetAttrString(c->wrapped, name));
    if (!value) {
      PyErr_Clear();
      continue;
    }
    check(PyDict_SetItemString(c->dict, name, value.get()));
  }
  if (c->form == CallForm::Function) {
    Ref own = Ref::steal(PyObject_GetAttrString(c->wrapped, "__dict__"));
    if (own && PyDict_Check(own.get())) check(PyDict_Update(c->dict, own.get()));
    PyErr_Clear();
  }
  check(PyDict_SetItemString(c->dict, "__wrapped__", c->wrapped));
}

PyObject* own_or_null(PyObject* o) { return o && o != Py_None ? Py_NewRef(o) : nullptr; }

int dynamic_of(PyObject* o) { return !o || o == Py_None ? -1 : PyObject_IsTrue(o); }

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"fn", "backend", "fullgraph", "dynamic", "options", "name", "recompile_limit", nullptr};
  PyObject *fn, *backend = nullptr, *dynamic = nullptr, *options = nullptr, *name = nullptr;
  int fullgraph = 0;
  long long limit = -1;  // the flag's
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OpOOOL:CompiledFunction", const_cast<char**>(names), &fn, &backend,
                                   &fullgraph, &dynamic, &options, &name, &limit)) {
    return nullptr;
  }
  if (!PyCallable_Check(fn))
    return PyErr_Format(PyExc_TypeError, "compile() expects a callable, got %s", Py_TYPE(fn)->tp_name);
  if (is_compiled_function(fn)) fn = as(fn)->wrapped;
  Ref made = Ref::steal(type->tp_alloc(type, 0));
  if (!made) return nullptr;
  CompiledFunction* c = as(made.get());
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    c->vectorcall = call_compiled;
    c->wrapped = Py_NewRef(fn);
    c->backend = own_or_null(backend);
    c->options = own_or_null(options);
    c->form = form_of(fn);
    copy_identity(c);
    PyObject* known = PyDict_GetItemString(c->dict, "__qualname__");
    if (!name || name == Py_None) name = known ? known : reinterpret_cast<PyObject*>(Py_TYPE(fn));
    c->name = check(PyObject_Str(name)).release();
    c->context = new Context{
        TableRef(new EntryTable), {c->backend, c->options, fullgraph != 0, dynamic_of(dynamic)}, c->name, limit};
    return made.release();
  });
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  CompiledFunction* c = as(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(c->wrapped);
  Py_VISIT(c->name);
  Py_VISIT(c->backend);
  Py_VISIT(c->options);
  Py_VISIT(c->dict);
  if (!c->context) return 0;
  // What guards name is held, so that it is memory, but not kept alive: its references are told when the collector
  // subtracts those that lie within what it looks at, which it does with the container as the argument, and not when it
  // follows those from what is reachable. What nothing else reaches is collected, and the guards that name it fail.
  // A table that is running is reached from the stack.
  return c->context->table->traverse(visit, arg, {c->context->table.unique(), arg == self});
}

int clear(PyObject* self) {
  CompiledFunction* c = as(self);
  delete std::exchange(c->context, nullptr);
  Py_CLEAR(c->dict);
  Py_CLEAR(c->wrapped);
  Py_CLEAR(c->name);
  Py_CLEAR(c->backend);
  Py_CLEAR(c->options);
  return 0;
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  if (as(self)->weakrefs) PyObject_ClearWeakRefs(self);
  clear(self);
  free_object(self);
}

PyObject* getattro(PyObject* self, PyObject* name) { return get_own_or(self, as(self)->wrapped, name); }

// A function binds; what was bound already, or is no function, does not.
PyObject* bind_method(PyObject* self, PyObject* object, PyObject*) {
  if (!object || object == Py_None || as(self)->form != CallForm::Function) return Py_NewRef(self);
  return PyMethod_New(self, object);
}

PyObject* repr(PyObject* self) { return PyUnicode_FromFormat("<compiled %R>", as(self)->wrapped); }

// By name, as functions are; pickle checks that the name leads back to this object.
PyObject* reduce(PyObject* self, PyObject*) { return PyObject_GetAttrString(self, "__qualname__"); }

PyObject* forget(PyObject* self, PyObject*) {
  as(self)->context->table = TableRef(new EntryTable);
  Py_RETURN_NONE;
}

// One dict an entry point, one a segment in it: what explain() and the tests read.
PyObject* entries(PyObject* self, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    Ref list = check(PyList_New(0));
    as(self)->context->table->each([&](const EntryPoint& entry) {
      for (const auto& loaded : entry.segments) {
        const capture::Segment& s = *loaded->segment;
        Ref guards = check(PyList_New(0));
        for (const guard::Check& g : s.guards) {
          Ref text = check(py::to_str(describe(g, entry.tree.sources(), entry.code.as<PyCodeObject>())).release());
          check(PyList_Append(guards.get(), text.get()));
        }
        const std::string words = s.exit.reason ? break_text(s.exit) : "";
        Ref row = check(Py_BuildValue("{sOsisssNsisNsOsisOsN}", "code", entry.code.get(), "offset", entry.offset,
                                      "reason", s.exit.reason, "detail", py::to_str(s.exit.detail).release(), "line",
                                      s.exit.line, "text", py::to_str(words).release(), "where",
                                      s.exit.where ? s.exit.where.get() : Py_None, "ops", s.nops, "guards",
                                      guards.get(), "graph", py::to_str(s.graph).release()));
        check(PyList_Append(list.get(), row.get()));
      }
    });
    return list.release();
  });
}

PyMethodDef kMethods[] = {
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"_forget", forget, METH_NOARGS, "Drop what has been compiled for this function."},
    {"_entries", entries, METH_NOARGS, "What has been compiled, a dict per segment."},
    {nullptr, nullptr, 0, nullptr},
};

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(CompiledFunction, vectorcall), READONLY, nullptr},
    {"__dictoffset__", T_PYSSIZET, offsetof(CompiledFunction, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(CompiledFunction, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyGetSetDef kGetSet[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_new, slot(make)},
    {Py_tp_dealloc, slot(dealloc)},
    {Py_tp_traverse, slot(traverse)},
    {Py_tp_clear, slot(clear)},
    {Py_tp_call, slot(PyVectorcall_Call)},
    {Py_tp_getattro, slot(getattro)},
    {Py_tp_descr_get, slot(bind_method)},
    {Py_tp_repr, slot(repr)},
    {Py_tp_methods, kMethods},
    {Py_tp_members, kMembers},
    {Py_tp_getset, kGetSet},
    {Py_tp_doc,
     const_cast<char*>(R"doc(A callable whose tensor work runs as compiled graphs: what `compile` makes of a function.

>>> import framejit
>>> f = framejit.compile(lambda x: x + 1)
>>> isinstance(f, framejit.CompiledFunction), f.__wrapped__.__name__
(True, '<lambda>')
)doc")},
    {0, nullptr},
};

PyType_Spec kSpec = {
    "framejit._C.CompiledFunction",
    sizeof(CompiledFunction),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    kSlots,
};

}  // namespace

bool init_type() {
  if (!compiled_function_type) compiled_function_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&kSpec));
  return compiled_function_type && init_compiled_call();
}

}  // namespace fj::frame
