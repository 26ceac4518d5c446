// Attributes and calls.
#include "capture/handlers.h"

namespace fj::capture {

namespace {

// Pushes what a call wants to find for `v.name(...)`: a NULL and the attribute, in this version's order.
void push_callable(SymFrame& f, V v) {
  if (kBefore313) f.push(nullptr);
  f.push(v);
  if (!kBefore313) f.push(nullptr);
}

Args take_arguments(SymFrame& f, int count, V names) {
  Args args;
  args.pos = f.pop_n(static_cast<size_t>(count));
  if (!names) return args;
  PyObject* tuple = names->real;
  const size_t named = static_cast<size_t>(PyTuple_GET_SIZE(tuple)), first = args.pos.size() - named;
  for (size_t i = 0; i < named; ++i)
    args.named.push_back({PyTuple_GET_ITEM(tuple, static_cast<Py_ssize_t>(i)), args.pos[first + i]});
  args.pos.resize(first);
  return args;
}

void do_call(Tracer& t, SymFrame& f, int count, V names) {
  Args args = take_arguments(f, count, names);
  V second = f.pop(), first = f.pop();
  V callable;
  if (kBefore313) {
    callable = first ? first : second;  // method, self or NULL, callable
    if (first) args.pos.insert(args.pos.begin(), second);
  } else {
    callable = first;
    if (second) args.pos.insert(args.pos.begin(), second);
  }
  t.call_rule = {Resume::Push};
  f.push(call(t, callable, std::move(args)));
}

}  // namespace

FJ_OPCODE(KW_NAMES) { f.kwnames = t.constant(PyTuple_GET_ITEM(f.object()->co_consts, in.arg)); }
FJ_OPCODE(CALL) { do_call(t, f, in.arg, std::exchange(f.kwnames, nullptr)); }
FJ_OPCODE(CALL_KW) {
  V names = f.pop();
  do_call(t, f, in.arg, names);
}
FJ_OPCODE(CALL_FUNCTION_EX) {
  Args args;
  if (in.arg & 1) {
    V named = f.pop();
    t.use(named);
    if (named->is != Is::Dict) cut(Reason::argument_form, "** of ", named->cls->tp_name);
    for (auto& [k, v] : dict_items(t, as<DictValue>(named))) {
      PyObject* name = name_of(t, k, "a keyword");
      PyUnicode_InternInPlace(&(Py_INCREF(name), name));
      args.named.push_back({t.keep(Ref::steal(name)), v});
    }
  }
  V given = f.pop();
  need_iterable(t, given, "*");  // the message names the callee
  args.pos = unpack_hinted(t, given);
  V callable;
  if (kBefore313) {
    callable = f.pop();
    f.pop();
  } else {
    f.pop();
    callable = f.pop();
  }
  t.call_rule = {Resume::Push};
  f.push(call(t, callable, std::move(args)));
}

FJ_OPCODE(LOAD_ATTR) {
  const int index = kBefore312 ? in.arg : in.arg >> 1;
  V v = get_attr(t, f.pop(), f.name(index));
  if (!kBefore312 && (in.arg & 1))
    push_callable(f, v);
  else
    f.push(v);
}
FJ_OPCODE(LOAD_METHOD) { push_callable(f, get_attr(t, f.pop(), f.name(in.arg))); }
FJ_OPCODE(LOAD_SUPER_ATTR) {
  V self = f.pop(), cls = f.pop(), super = f.pop();
  Args args;
  if (in.arg & 2) args.pos = {cls, self};
  V object = (in.arg & 2) ? call(t, super, std::move(args)) : call_values(t, super, {cls, self});
  V v = get_attr(t, object, f.name(in.arg >> 2));
  if (in.arg & 1)
    push_callable(f, v);
  else
    f.push(v);
}
FJ_OPCODE(STORE_ATTR) {
  V object = f.pop(), value = f.pop();
  set_attr(t, object, f.name(in.arg), value);
}
FJ_OPCODE(DELETE_ATTR) { del_attr(t, f.pop(), f.name(in.arg)); }
FJ_OPCODE(LOAD_BUILD_CLASS) { f.push(t.constant(PyDict_GetItemString(PyEval_GetBuiltins(), "__build_class__"))); }

}  // namespace fj::capture
