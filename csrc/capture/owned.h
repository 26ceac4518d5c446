// Objects of C types that a trace makes and owns.
#pragma once
#include <string_view>

#include "capture/protocol.h"

namespace fj::capture {

inline bool is_owned(V v) { return v->is == Is::Opaque && as<OpaqueValue>(v)->owned; }
V make_owned(Tracer& t, PyObject* callable, const Args& args);  // NULL: this makes none
V owned_attr(Tracer& t, V v, PyObject* name);                   // NULL if absent
V call_owned(Tracer& t, V self, PyObject* name, const Args& args);
V owned_operator(Tracer& t, PyObject* (*function)(PyObject*, PyObject*), V a, V b);
V owned_item(Tracer& t, V v, V key);
void set_owned_item(Tracer& t, V v, V key, V value);  // value NULL: delete
Ref copier_of(V v);

bool is_date_type(PyTypeObject* type);  // of the datetime module: instances never change
bool is_date_method(PyObject* self, std::string_view name);

}  // namespace fj::capture
