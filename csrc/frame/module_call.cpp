// See module_call.h.
#include "frame/module_call.h"

#include <structmember.h>

#include <array>
#include <cstddef>
#include <string>

#include "py/heap_type.h"
#include "py/ref.h"

namespace fj::frame {

using py::free_object;
using py::get_own_or;
using py::Ref;
using py::slot;

PyTypeObject* module_call_type = nullptr;

namespace {

struct ModuleCall {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* function;
  PyObject* hooks;
  PyObject* through;  // or NULL
};

ModuleCall* as(PyObject* o) { return reinterpret_cast<ModuleCall*>(o); }

struct Names {
  std::array<PyObject*, 4> own{}, global{};
  PyObject *module, *forward;
  Names() : module(intern("module")), forward(intern("forward")) {
    const char* const kinds[] = {"backward_hooks", "backward_pre_hooks", "forward_hooks", "forward_pre_hooks"};
    for (size_t i = 0; i < own.size(); ++i) {
      own[i] = PyUnicode_InternFromString((std::string("_") + kinds[i]).c_str());
      global[i] = PyUnicode_InternFromString((std::string("global_") + kinds[i]).c_str());
    }
  }
  static PyObject* intern(const char* name) { return PyUnicode_InternFromString(name); }
};

// What the dict holds, borrowed; NULL without an error if nothing.
PyObject* held(PyObject* dict, PyObject* name) {
  PyObject* found = PyDict_GetItemWithError(dict, name);
  if (!found) PyErr_Clear();
  return found;
}

bool all_empty(PyObject* dict, const std::array<PyObject*, 4>& names) {
  for (PyObject* name : names) {
    PyObject* hooks = held(dict, name);
    if (!hooks || !PyDict_Check(hooks) || PyDict_GET_SIZE(hooks) != 0) return false;
  }
  return true;
}

// What runs for that instance if no hook does; NULL where the Python function has to see to it. The references are the
// caller's.
Ref forward_of(const ModuleCall* c, PyObject* instance) {
  static const Names names;
  Ref state = Ref::steal(PyObject_GenericGetDict(instance, nullptr));
  if (state && c->through) {
    Ref inner = Ref::borrow(held(state.get(), c->through));
    state = Ref::steal(inner ? PyObject_GenericGetDict(inner.get(), nullptr) : nullptr);
  }
  PyObject* module = state ? held(state.get(), names.module) : nullptr;
  Ref forward = Ref::borrow(module ? held(state.get(), names.forward) : nullptr);
  Ref own = Ref::steal(forward ? PyObject_GenericGetDict(module, nullptr) : nullptr);
  if (own && all_empty(own.get(), names.own) && all_empty(c->hooks, names.global)) return forward;
  PyErr_Clear();
  return {};
}

PyObject* vectorcall(PyObject* self, PyObject* const* args, size_t nargsf, PyObject* kwnames) {
  ModuleCall* c = as(self);
  const Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
  if (nargs > 0)
    if (Ref forward = forward_of(c, args[0]))
      return PyObject_Vectorcall(forward.get(), args + 1, static_cast<size_t>(nargs - 1), kwnames);
  return PyObject_Vectorcall(c->function, args, nargsf, kwnames);
}

PyObject* make(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  static const char* names[] = {"function", "hooks", "through", nullptr};
  PyObject *function, *hooks, *through = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!O!|U:_ModuleCall", const_cast<char**>(names), &PyFunction_Type,
                                   &function, &PyDict_Type, &hooks, &through))
    return nullptr;
  PyObject* made = type->tp_alloc(type, 0);
  if (!made) return nullptr;
  ModuleCall* c = as(made);
  c->vectorcall = vectorcall;
  c->function = Py_NewRef(function);
  c->hooks = Py_NewRef(hooks);
  c->through = Py_XNewRef(through);
  return made;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(as(self)->function);
  Py_VISIT(as(self)->hooks);
  return 0;
}

int clear(PyObject* self) {
  Py_CLEAR(as(self)->function);
  Py_CLEAR(as(self)->hooks);
  Py_CLEAR(as(self)->through);
  return 0;
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  clear(self);
  free_object(self);
}

// Name, signature and the like are the function's.
PyObject* getattro(PyObject* self, PyObject* name) { return get_own_or(self, as(self)->function, name); }

PyObject* bind_method(PyObject* self, PyObject* instance, PyObject*) {
  return !instance || instance == Py_None ? Py_NewRef(self) : PyMethod_New(self, instance);
}

PyMemberDef kMembers[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(ModuleCall, vectorcall), READONLY, nullptr},
    {"__wrapped__", T_OBJECT_EX, offsetof(ModuleCall, function), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

PyType_Slot kSlots[] = {
    {Py_tp_new, slot(make)},
    {Py_tp_dealloc, slot(dealloc)},
    {Py_tp_traverse, slot(traverse)},
    {Py_tp_clear, slot(clear)},
    {Py_tp_call, slot(PyVectorcall_Call)},
    {Py_tp_getattro, slot(getattro)},
    {Py_tp_descr_get, slot(bind_method)},
    {Py_tp_members, kMembers},
    {0, nullptr},
};

PyType_Spec kSpec = {
    "framejit._C._ModuleCall",
    sizeof(ModuleCall),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
    kSlots,
};

}  // namespace

bool init_module_call() {
  if (!module_call_type) module_call_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&kSpec));
  return module_call_type != nullptr;
}

}  // namespace fj::frame
