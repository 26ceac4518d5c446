// The match statement.
#include "capture/handlers.h"

namespace fj::capture {

FJ_OPCODE(MATCH_MAPPING) { f.push(t.boolean((t.type_of(f.top())->tp_flags & Py_TPFLAGS_MAPPING) != 0)); }
FJ_OPCODE(MATCH_SEQUENCE) { f.push(t.boolean((t.type_of(f.top())->tp_flags & Py_TPFLAGS_SEQUENCE) != 0)); }
FJ_OPCODE(MATCH_KEYS) {
  V keys = f.top(), subject = f.top(2);
  if (subject->is != Is::Dict)
    cut(Reason::unsupported_instruction, "match on a mapping of type ", subject->cls->tp_name);
  Values found;
  auto* seen = t.set();
  for (V k : unpack(t, keys)) {
    if (set_has(t, seen, k)) cut(Reason::raises, "a key given twice in a pattern");
    set_add(t, seen, k);
    V v = dict_get(t, as<DictValue>(subject), k);
    if (!v) return f.push(t.none());
    found.push_back(v);
  }
  f.push(t.tuple(std::move(found)));
}

namespace {

bool matches_itself(PyTypeObject* type) { return type->tp_flags & _Py_TPFLAGS_MATCH_SELF; }

}  // namespace

FJ_OPCODE(MATCH_CLASS) {
  V names = f.pop(), cls = f.pop(), subject = f.pop();
  PyObject* type = const_object(cls);
  if (!type || !PyType_Check(type)) cut(Reason::raises, "match on something that is no class");
  t.use(cls);
  if (!is_instance(t, subject, cls)) return f.push(t.none());
  Values found;
  std::vector<PyObject*> seen;
  auto once = [&](PyObject* name) {
    for (PyObject* other : seen)
      if (PyUnicode_Compare(other, name) == 0) cut(Reason::raises, "an attribute given twice in a pattern");
    seen.push_back(name);
    return name;
  };
  if (in.arg > 0) {
    V match_args = find_attr(t, cls, FJ_NAME("__match_args__"));
    if (match_args) {
      if (t.type_of(match_args) != &PyTuple_Type) cut(Reason::raises, "__match_args__ that is no tuple");
      Values fields = unpack(t, match_args);
      if (static_cast<size_t>(in.arg) > fields.size()) cut(Reason::raises, "too many positional patterns");
      for (int i = 0; i < in.arg; ++i) {
        V v = find_attr(t, subject, once(name_of(t, fields[static_cast<size_t>(i)], "__match_args__")));
        if (!v) return f.push(t.none());
        found.push_back(v);
      }
    } else if (in.arg == 1 && matches_itself(reinterpret_cast<PyTypeObject*>(type))) {
      found.push_back(subject);
    } else {
      cut(Reason::raises, "too many positional patterns");
    }
  }
  for (V name : unpack(t, names)) {
    V v = find_attr(t, subject, once(name_of(t, name, "a keyword pattern")));
    if (!v) return f.push(t.none());
    found.push_back(v);
  }
  f.push(t.tuple(std::move(found)));
}

}  // namespace fj::capture
