// Names that are looked up in a namespace: bodies of classes, exec and eval.
#include "capture/handlers.h"

namespace fj::capture {

namespace {

DictValue* space_of(SymFrame& f) {
  if (!f.space) cut(Reason::unsupported_instruction, "a namespace that is no dict");
  return f.space;
}

V in_space(Tracer& t, SymFrame& f, PyObject* name) { return dict_get(t, space_of(f), name); }

V global_or_builtin(Tracer& t, SymFrame& f, PyObject* name) {
  if (V v = t.global_lookup(f.globals, name)) return v;
  if (V v = t.global_lookup(PyEval_GetBuiltins(), name)) return v;
  t.raise(PyExc_NameError, cat("name '", py::utf8(name), "' is not defined"));
}

V free_variable(Tracer& t, SymFrame& f, int i) {
  V cell = f.locals[static_cast<size_t>(i)];
  if (!cell || cell->is != Is::Cell) cut(Reason::internal, "a cell is missing");
  if (V v = cell_contents(t, as<CellValue>(cell))) return v;
  t.raise(PyExc_NameError, cat("cannot access free variable '", py::utf8(f.code.local_name(i)),
                               "' where it is not associated with a value in enclosing scope"));
}

}  // namespace

FJ_OPCODE(LOAD_NAME) {
  V v = in_space(t, f, f.name(in.arg));
  f.push(v ? v : global_or_builtin(t, f, f.name(in.arg)));
}
FJ_OPCODE(STORE_NAME) { dict_set(t, space_of(f), t.constant(f.name(in.arg)), f.pop()); }
FJ_OPCODE(DELETE_NAME) {
  if (!dict_del(t, space_of(f), t.constant(f.name(in.arg))))
    t.raise(PyExc_NameError, cat("name '", py::utf8(f.name(in.arg)), "' is not defined"));
}
FJ_OPCODE(LOAD_LOCALS) { f.push(space_of(f)); }
FJ_OPCODE(LOAD_CLASSDEREF) {
  V v = in_space(t, f, f.code.local_name(in.arg));
  f.push(v ? v : free_variable(t, f, in.arg));
}
FJ_OPCODE(LOAD_FROM_DICT_OR_DEREF) {
  V space = f.pop();
  V v = space->is == Is::Dict ? dict_get(t, as<DictValue>(space), f.code.local_name(in.arg)) : nullptr;
  f.push(v ? v : free_variable(t, f, in.arg));
}
FJ_OPCODE(LOAD_FROM_DICT_OR_GLOBALS) {
  V space = f.pop();
  V v = space->is == Is::Dict ? dict_get(t, as<DictValue>(space), f.name(in.arg)) : nullptr;
  f.push(v ? v : global_or_builtin(t, f, f.name(in.arg)));
}
FJ_OPCODE(SETUP_ANNOTATIONS) {
  V name = t.constant(FJ_NAME("__annotations__"));
  if (!dict_get(t, space_of(f), name)) dict_set(t, space_of(f), name, t.dict());
}

}  // namespace fj::capture
