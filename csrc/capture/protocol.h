// What instructions and builtins do with values, whatever their kind. Each function follows CPython's protocol of that
// name; a Python-level exception is thrown as Raised, what cannot be taken as Break.
#pragma once
#include "capture/tracer.h"

namespace fj::capture {

// --- attributes (attr*.cpp)
V find_attr(Tracer& t, V v, PyObject* name);  // NULL if there is none (AttributeError)
V get_attr(Tracer& t, V v, PyObject* name);
void set_attr(Tracer& t, V v, PyObject* name, V value);
void del_attr(Tracer& t, V v, PyObject* name);
V generic_get_attr(Tracer& t, V v, PyObject* name);              // object.__getattribute__, NULL if absent
void generic_set_attr(Tracer& t, V v, PyObject* name, V value);  // object.__setattr__; value NULL deletes
V type_attr(Tracer& t, PyTypeObject* type, PyObject* name);      // getattr(cls, name), NULL if absent
V bind(Tracer& t, PyObject* raw, V self, PyTypeObject* type, PyObject* name);
void nothing_handled(Tracer& t);  // outside; guarded, or cuts
V exception_attr(Tracer& t, ObjectValue* e, PyObject* name);
V traceback_of(Tracer& t, V exception);                        // None, or something that can be handed on and compared
V function_attr(Tracer& t, FunctionValue* f, PyObject* name);  // NULL: ask the real one
bool write_function_attr(Tracer& t, FunctionValue* f, PyObject* name, V value);
V cell_contents(Tracer& t, CellValue* c);                             // NULL if it is empty
DictValue* instance_dict(Tracer& t, V v);                             // NULL if instances have none
V special(Tracer& t, V self, PyObject* name);                         // type-level method, bound; NULL if absent
V special_or_none(Tracer& t, V self, PyObject* name);                 // which may be None, an error only where called
bool has_python_special(Tracer& t, V v, PyObject* name);              // the class defines it, not the C type below
PyObject* overridden(Tracer& t, PyTypeObject* type, PyObject* name);  // and this is what it is, or NULL

// --- calls (call*.cpp)
V call(Tracer& t, V callable, Args args);
V call_values(Tracer& t, V callable, Values args);
V call_function(Tracer& t, FunctionValue* f, Args args);
V call_type(Tracer& t, PyTypeObject* type, Args args);
V call_native(Tracer& t, NativeValue* n, Args args);
V call_builtin(Tracer& t, PyObject* function, Args args);
V call_leaf(Tracer& t, PyObject* callable, Args& args);  // a tensor operation, really called with fakes
V call_leaf_method(Tracer& t, PyObject* descriptor, V tensor, Args& args);
V call_pure(Tracer& t, PyObject* callable, Args& args);  // really called with constants
bool is_pure(PyObject* callable);
bool is_pure_by_name(PyObject* callable);  // a function, or a cache around one
// threading.local() and contextvars.ContextVar: attributes of the one, get() of the other.
bool is_thread_state(V v);
V thread_state_attr(Tracer& t, V v, PyObject* name);
V context_get(Tracer& t, V v, Args& args);
// A call of functools.lru_cache's wrapper with constants; NULL: it is not one, or not known to be kept.
V call_cached(Tracer& t, V callable, const Args& args);
V call_really(Tracer& t, PyObject* callable, const Args& args);
V new_object(Tracer& t, PyTypeObject* type);
void check_exception(PyTypeObject* type, size_t count);  // cuts where its C type does more than keep the arguments
ObjectValue* new_exception(Tracer& t, PyTypeObject* type, Values args);

// --- containers (dict.cpp, set.cpp, sequence.cpp, iterate.cpp)
PyObject* stand_for(Tracer& t, V key);
V dict_get(Tracer& t, DictValue* d, V key);  // NULL if absent
V dict_get(Tracer& t, DictValue* d, PyObject* key);
void dict_set(Tracer& t, DictValue* d, V key, V value);
bool dict_del(Tracer& t, DictValue* d, V key);
V dict_setdefault(Tracer& t, DictValue* d, V key, V value);
V dict_pop(Tracer& t, DictValue* d, V key);                         // NULL if absent
V dict_find(Tracer& t, DictValue* d, const DictValue::Entry& key);  // the value of a key whose hash is known
std::vector<DictValue::Entry> dict_entries(Tracer& t, DictValue* d);
void dict_clear(Tracer& t, DictValue* d);
void dict_fill(Tracer& t, DictValue* d);
int64_t dict_length(Tracer& t, DictValue* d);
std::vector<std::pair<V, V>> dict_items(Tracer& t, DictValue* d);
void dict_update(Tracer& t, DictValue* d, V other);
bool set_has(Tracer& t, SetValue* s, V v);
int64_t remaining(V iterator);  // how many elements are left, -1: not known
void set_add(Tracer& t, SetValue* s, V v);
void no_custom_elements(Tracer& t, SetValue* s);  // or cuts
bool set_remove(Tracer& t, SetValue* s, V v);
Values set_items(SetValue* s);
Values ordered_set(Tracer& t, SetValue* s);  // its elements as iteration gives them
PyTypeObject* reversed_dict_type();
void list_changed(Tracer& t, ListValue* l);
// Before a write: the body of a pure operator (Tracer::bodies) may only write to what it has made itself.
void check_write(Tracer& t, V v);
bool calls_body(const Tracer& t);  // is the function that is called now such a body?
// To a list from outside that has not been looked into; false if it is no such list.
bool append_unread(Tracer& t, V list, V item);
bool slice_bounds(Tracer& t, V key, int64_t length, int64_t* start, int64_t* stop, int64_t* step);
Values* sequence_items(V v);  // of a list or tuple, else NULL
bool has_tensor(V v);         // is one, or a list or tuple with one somewhere inside
V iterate(Tracer& t, V v);
// Cuts the trace before an instruction that will find that `v` cannot be gone over and has words of its own for it.
void need_iterable(Tracer& t, V v, const char* what);
V next(Tracer& t, V iterator);  // NULL at the end
Values unpack(Tracer& t, V iterable);
Values unpack_hinted(Tracer& t, V iterable);
V live_item(Tracer& t, IteratorValue* it, size_t at);               // of an iterator over a dict
V resume_generator(Tracer& t, IteratorValue* g, V sent, V thrown);  // NULL when it has returned (see frame->result)

// --- operators (operator.cpp, compare.cpp, text.cpp)
V binary(Tracer& t, int op, V a, V b);         // op as BINARY_OP's argument
V unary(Tracer& t, char op, V v);              // '-', '+', '~'
V compare(Tracer& t, int op, V a, V b);        // Py_LT …
void check_let_go(Tracer& t, PyObject* real);  // an outside object loses a reference (let_go.cpp)
bool equal(Tracer& t, V a, V b);
bool equal_dicts(Tracer& t, DictValue* a, DictValue* b);
bool same(Tracer& t, V a, V b);
bool truth(Tracer& t, V v);
int64_t length(Tracer& t, V v);
V tensor_length(Tracer& t, V tensor);
V get_item(Tracer& t, V v, V key);
void set_item(Tracer& t, V v, V key, V value);
void del_item(Tracer& t, V v, V key);
bool contains(Tracer& t, V container, V v);
V to_str(Tracer& t, V v);
V to_repr(Tracer& t, V v);
V to_format(Tracer& t, V v, V spec);
V concat(Tracer& t, V a, V b);                  // of two texts
V percent_format(Tracer& t, V format, V args);  // NULL: not this way
V brace_format(Tracer& t, V format, Args& args);
int64_t to_index(Tracer& t, V v, const char* what);
bool is_instance(Tracer& t, V v, V cls);

// --- frames (interpret.cpp)
V run_frame(Tracer& t, SymFrame& f);

inline PyObject* const_object(V v) { return v && v->is == Is::Const ? v->real : nullptr; }
inline bool is_const(Tracer& t, V v, PyObject* o) {
  if (v->is != Is::Const || (v->slot >= 0 && !PyLong_Check(o) && !PyFloat_Check(o))) return false;
  if (o == Py_None && v->real != Py_None) return t.type_of(v) == Py_TYPE(o);
  t.use(v);
  return v->real == o;
}
// A str constant's text, or cuts.
PyObject* name_of(Tracer& t, V v, const char* what);
inline bool is_text(PyObject* name, const char* text) { return PyUnicode_CompareWithASCIIString(name, text) == 0; }
inline bool is_exception_type(PyTypeObject* t) {
  return PyType_IsSubtype(t, reinterpret_cast<PyTypeObject*>(PyExc_BaseException));
}
inline bool is_group_type(PyTypeObject* t) {
  return PyType_IsSubtype(t, reinterpret_cast<PyTypeObject*>(PyExc_BaseExceptionGroup));
}

}  // namespace fj::capture
