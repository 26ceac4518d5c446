// Rules for builtin functions, types and methods, found by table. A rule gets the arguments as values; an argument form
// that it does not know ends in a Break, never in a guess.
#pragma once
#include <string_view>

#include "capture/protocol.h"

namespace fj::capture {

using Rule = V (*)(Tracer& t, Args& args);
using MethodRule = V (*)(Tracer& t, V self, Args& args);

struct RuleRow {
  const char* name;
  Rule rule;
};
struct MethodRow {
  const char* name;
  MethodRule rule;
};

V call_operator(Tracer& t, PyObject* f, Args& args);
V call_builtin_type(Tracer& t, PyTypeObject* type, Args args);
V instantiate(Tracer& t, PyTypeObject* type, Args args);
bool is_tensor_type(PyTypeObject* type);
bool is_compiled_function(PyObject* object);

// The rules of one kind of receiver; NULL where there is none.
MethodRule list_method(std::string_view name);
MethodRule deque_method(std::string_view name);
PyTypeObject* deque_type();
PyTypeObject* partial_type();  // functools.partial
V make_deque(Tracer& t, Args& a);
inline bool is_deque(V v) { return v->is == Is::List && v->cls == deque_type(); }
MethodRule tuple_method(std::string_view name);
MethodRule dict_method(std::string_view name);
MethodRule set_method(std::string_view name);
MethodRule object_method(std::string_view name);
MethodRule iterator_method(std::string_view name);
MethodRule text_method(std::string_view name);
Rule builtin_rule(PyObject* function);
V enter_region(Tracer& t, Args& args);  // bodies of higher-order operators (bodies.cpp)
V exit_region(Tracer& t, Args& args);
V takes_branches(Tracer& t, Args& args);
V begin_body(Tracer& t, Args& args);
V end_body(Tracer& t, Args& args);
V drop_body(Tracer& t, Args& args);
V refuse(Tracer& t, Args& args);
void sort_values(Tracer& t, Values& items, V key, bool reverse);
bool is_callable(Tracer& t, V v);
[[noreturn]] void raise_stop(Tracer& t, V iterator);

template <class Row, size_t N>
auto find_rule(const Row (&rows)[N], std::string_view name) -> decltype(rows[0].rule) {
  for (const auto& row : rows)
    if (name == row.name) return row.rule;
  return nullptr;
}

// Positional or named argument i, or NULL.
inline V arg(Args& a, size_t i, const char* name = nullptr) {
  if (i < a.pos.size()) return a.pos[i];
  return name ? a.take(name) : nullptr;
}
inline void want(Args& a, size_t least, size_t most) {
  if (a.pos.size() < least || a.pos.size() > most || !a.named.empty())
    cut(Reason::argument_form, a.size(), " arguments");
}

}  // namespace fj::capture
