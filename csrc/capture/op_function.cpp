// Making functions, returning, yielding, imports.
#include <string_view>

#include "capture/handlers.h"
#include "tensor/layer.h"

namespace fj::capture {

namespace {

void set_part(Tracer& t, FunctionValue* fn, int which, V v) {
  switch (which) {
    case 1: fn->defaults = v; break;
    case 2: fn->kwdefaults = v; break;
    case 4: fn->annotations = v; break;
    case 8: fn->closure = unpack(t, v); break;
    default: cut(Reason::unsupported_instruction, "a function attribute");
  }
}

// A generator's own frame is CPython's when it yields or ends.
void give_back(Tracer& t, SymFrame& f, SymFrame::State state) {
  if (&f == t.outermost && f.code.is_generator())
    t.stop_before(f, {Reason::yields, state == SymFrame::Yielded ? "yield" : "the end"});
  f.result = f.pop();
  f.state = state;
}

}  // namespace

FJ_OPCODE(MAKE_FUNCTION) {
  auto* fn = t.make<FunctionValue>(&PyFunction_Type);
  fn->code = reinterpret_cast<PyCodeObject*>(f.pop()->real);
  fn->globals = f.globals;
  if (kBefore313)
    for (int part : {8, 4, 2, 1})
      if (in.arg & part) set_part(t, fn, part, f.pop());
  f.push(fn);
}
FJ_OPCODE(SET_FUNCTION_ATTRIBUTE) {
  auto* fn = as<FunctionValue>(f.pop());
  set_part(t, fn, in.arg, f.pop());
  f.push(fn);
}

FJ_OPCODE(RETURN_VALUE) { give_back(t, f, SymFrame::Returned); }
FJ_OPCODE(RETURN_CONST) {
  if (&f == t.outermost && f.code.is_generator()) t.stop_before(f, {Reason::yields, "the end"});
  f.push(t.constant(PyTuple_GET_ITEM(f.object()->co_consts, in.arg)));
  give_back(t, f, SymFrame::Returned);
}
FJ_OPCODE(RETURN_GENERATOR) { f.push(t.none()); }
FJ_OPCODE(YIELD_VALUE) { give_back(t, f, SymFrame::Yielded); }

namespace {

// What a package does not have yet may be a module of it that is imported now.
void check_parts(Tracer& t, PyObject* module, V names) {
  if (!PyModule_Check(module) || !t.global_lookup(PyModule_GetDict(module), FJ_NAME("__path__"))) return;
  for (V name : unpack(t, names)) {
    PyObject* text = name_of(t, name, "an import");
    if (is_text(text, "*") || !t.global_lookup(PyModule_GetDict(module), text))
      cut(Reason::import_statement, py::utf8(text));
  }
}

bool is_part_of_us(PyObject* name) { return py::name_view(name).starts_with("framejit."); }

}  // namespace

FJ_OPCODE(IMPORT_NAME) {
  V from_list = f.pop(), level = f.pop();
  PyObject* name = f.name(in.arg);
  PyObject* modules = PyImport_GetModuleDict();
  if (!is_const(t, level, t.integer(0)->real)) cut(Reason::import_statement, "a relative import");
  PyObject* module = PyDict_GetItemWithError(modules, name);
  if (!module && is_part_of_us(name)) {
    LayerPause outside;
    Ref loaded = Ref::steal(PyImport_Import(name));  // what we load late only we can see
    PyErr_Clear();
    module = PyDict_GetItemWithError(modules, name);
  }
  if (!module) cut(Reason::import_statement, py::utf8(name));
  t.dict_fact(modules, name);
  if (is_const(t, from_list, Py_None)) {
    const Py_ssize_t dot = PyUnicode_FindChar(name, '.', 0, PyUnicode_GET_LENGTH(name), 1);
    if (dot > 0) {
      PyObject* top = t.keep(Ref::steal(PyUnicode_Substring(name, 0, dot)));
      module = t.dict_fact(modules, top);
      if (!module) cut(Reason::import_statement, py::utf8(name));
    }
  }
  if (!is_const(t, from_list, Py_None)) check_parts(t, module, from_list);
  f.push(t.constant(module));
}
FJ_OPCODE(IMPORT_FROM) {
  V found = find_attr(t, f.top(), f.name(in.arg));
  if (!found) cut(Reason::import_statement, "a name that the module does not have");
  f.push(found);
}

}  // namespace fj::capture
