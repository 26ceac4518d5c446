// Operators, comparisons, subscripts.
#include "capture/handlers.h"

namespace fj::capture {

namespace {

V slice_of(Tracer& t, V start, V stop) {
  auto* s = t.make<SliceValue>(&PySlice_Type);
  s->start = start;
  s->stop = stop;
  s->step = t.none();
  return s;
}

}  // namespace

FJ_OPCODE(BINARY_OP) {
  V b = f.pop(), a = f.pop();
  f.push(binary(t, in.arg, a, b));
}
FJ_OPCODE(UNARY_NEGATIVE) { f.push(unary(t, '-', f.pop())); }
FJ_OPCODE(UNARY_POSITIVE) { f.push(unary(t, '+', f.pop())); }
FJ_OPCODE(UNARY_INVERT) { f.push(unary(t, '~', f.pop())); }
FJ_OPCODE(UNARY_NOT) { f.push(t.boolean(!truth(t, f.pop()))); }
FJ_OPCODE(TO_BOOL) {
  if (has_data(f.top())) t.stop_for_truth(f);
  f.push(t.boolean(truth(t, f.pop())));
}
FJ_OPCODE(COMPARE_OP) {
  const int op = kBefore312 ? in.arg : kBefore313 ? in.arg >> 4 : in.arg >> 5;
  V b = f.pop(), a = f.pop();
  V result = compare(t, op, a, b);
  if (!kBefore313 && (in.arg & 16)) {  // the branch after it wants a bool
    if (has_data(result)) {
      f.push(result);
      t.stop_for_truth(f);
    }
    result = t.boolean(truth(t, result));
  }
  f.push(result);
}
FJ_OPCODE(IS_OP) {
  V b = f.pop(), a = f.pop();
  f.push(t.boolean(same(t, a, b) != (in.arg != 0)));
}
FJ_OPCODE(CONTAINS_OP) {
  V container = f.pop(), v = f.pop();
  f.push(t.boolean(contains(t, container, v) != (in.arg != 0)));
}
FJ_OPCODE(BINARY_SUBSCR) {
  V key = f.pop(), v = f.pop();
  t.call_rule = {Resume::Push};
  f.push(get_item(t, v, key));
}
FJ_OPCODE(STORE_SUBSCR) {
  V key = f.pop(), container = f.pop(), value = f.pop();
  t.call_rule = {Resume::Drop};
  set_item(t, container, key, value);
}
FJ_OPCODE(DELETE_SUBSCR) {
  V key = f.pop(), container = f.pop();
  del_item(t, container, key);
}
FJ_OPCODE(BINARY_SLICE) {
  V stop = f.pop(), start = f.pop(), v = f.pop();
  f.push(get_item(t, v, slice_of(t, start, stop)));
}
FJ_OPCODE(STORE_SLICE) {
  V stop = f.pop(), start = f.pop(), container = f.pop(), value = f.pop();
  set_item(t, container, slice_of(t, start, stop), value);
}

}  // namespace fj::capture
