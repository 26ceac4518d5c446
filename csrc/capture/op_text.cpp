// f-strings, intrinsics.
#include <algorithm>

#include "capture/handlers.h"
#include "capture/leaf.h"
#include "capture/number.h"

namespace fj::capture {

namespace {

V convert(Tracer& t, V v, int how) {
  switch (how) {
    case 1: return to_str(t, v);
    case 2: return to_repr(t, v);
    case 3: return call_values(t, t.constant(PyDict_GetItemString(PyEval_GetBuiltins(), "ascii")), {v});
    default: return v;
  }
}

// Parts of which some are texts of numbers that vary.
V join(Tracer& t, const Values& parts) {
  V all = parts[0];
  for (size_t i = 1; i < parts.size(); ++i) all = concat(t, all, parts[i]);
  return all;
}

enum Intrinsic {
  Print = 1,
  ImportStar = 2,
  StopIterationError = 3,
  AsyncGenWrap = 4,
  UnaryPositive = 5,
  ListToTuple = 6
};

}  // namespace

FJ_OPCODE(FORMAT_VALUE) {
  V spec = (in.arg & 4) ? f.pop() : nullptr;
  f.push(to_format(t, convert(t, f.pop(), in.arg & 3), spec));
}
FJ_OPCODE(CONVERT_VALUE) { f.push(convert(t, f.pop(), in.arg)); }
FJ_OPCODE(FORMAT_SIMPLE) { f.push(to_format(t, f.pop(), nullptr)); }
FJ_OPCODE(FORMAT_WITH_SPEC) {
  V spec = f.pop();
  f.push(to_format(t, f.pop(), spec));
}
FJ_OPCODE(BUILD_STRING) {
  Values parts = f.pop_n(static_cast<size_t>(in.arg));
  if (std::any_of(parts.begin(), parts.end(), [&](V v) { return is_symbolic(v) || is_computed(t, v); }))
    return f.push(join(t, parts));
  Ref list = t.need_real(t.list(parts), Reason::native_object, "an f-string");
  f.push(t.constant(Ref::steal(PyUnicode_Join(FJ_NAME(""), list.get()))));
}
FJ_OPCODE(CALL_INTRINSIC_1) {
  V v = f.pop();
  switch (in.arg) {
    case UnaryPositive: return f.push(unary(t, '+', v));
    case ListToTuple: t.use(v); return f.push(t.tuple(as<ListValue>(v)->items));
    case StopIterationError:
      if (PyType_IsSubtype(v->cls, reinterpret_cast<PyTypeObject*>(PyExc_StopIteration))) {
        auto* e = t.exception(reinterpret_cast<PyTypeObject*>(PyExc_RuntimeError),
                              {t.string("generator raised StopIteration")});
        e->cause = e->context = v;
        e->has_cause = true;
        return f.push(e);
      }
      return f.push(v);
    default: cut(Reason::unsupported_instruction, "intrinsic ", in.arg);
  }
}

}  // namespace fj::capture
