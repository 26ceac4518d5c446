#include "capture/number.h"

#include "capture/sizes.h"
#include "capture/sym_frame.h"
#include "py/once.h"

namespace fj::capture {

namespace {

bool is_number(PyObject* o) { return PyLong_CheckExact(o) || PyFloat_CheckExact(o); }

// What a loop counts, what CPython has just computed, what came out of an iterator: it will be another one next time.
bool expected_to_vary(Tracer& t, SourceId source) {
  const auto& row = t.tree.sources()[source];
  switch (row.step) {
    case Step::Arith:
    case Step::Peek:
    case Step::IterCount: return true;
    case Step::Stack: return t.entry.offset > 0;
    case Step::Local: return t.entry.offset > 0 && t.stored_in_loop(row.index);
    case Step::Item: return expected_to_vary(t, row.parent);
    default: return false;
  }
}

// The source of an operand: its own where it varies, else it is a constant, guarded if it came from outside.
SourceId operand(Tracer& t, V v) {
  if (varies(t, v) || is_computed(t, v)) {
    if (!is_computed(t, v)) t.guard(Kind::TypeIs, v->source, reinterpret_cast<PyObject*>(v->cls));
    return v->source;
  }
  t.use(v);
  return t.const_source(v->real);
}

// What callers and earlier parts of the function give as a float is a parameter from its first use on. One that an
// object holds, a module's scale for example, is a constant until it is seen to change; so are all for back ends that
// get the program's calls, whose graphs show it.
bool is_float_parameter(Tracer& t, V v) {
  if (!PyFloat_CheckExact(v->real) || t.takes_calls) return false;
  const auto* row = &t.tree.sources()[v->source];
  if ((row->step == Step::Item || row->step == Step::Key) && row->parent != guard::kNoSource)
    row = &t.tree.sources()[row->parent];
  return row->step == Step::Local;
}

// An operation that never raises, whatever the numbers of these types are.
bool total(Arith op, PyTypeObject* a, PyTypeObject* b) {
  if (op == Arith::Concat || guard::arith_is_unary(op)) return op < Arith::Int;
  if (op >= Arith::Less && op <= Arith::GreaterEqual) return true;
  return a == b && op < Arith::Divide;
}

constexpr Arith kNone = Arith::Concat;
// By BINARY_OP's argument.
constexpr Arith kBinary[] = {Arith::Add,      Arith::And,       Arith::FloorDivide, kNone,        kNone,
                             Arith::Multiply, Arith::Remainder, Arith::Or,          Arith::Power, Arith::Rshift,
                             Arith::Subtract, Arith::Divide,    Arith::Xor};
constexpr Arith kCompare[] = {Arith::Less,     Arith::LessEqual, Arith::Equal,
                              Arith::NotEqual, Arith::Greater,   Arith::GreaterEqual};

bool number_operand(V v) { return v->is == Is::Const && v->real && is_number(v->real); }

}  // namespace

bool is_computed(Tracer& t, V v) {
  return v->is == Is::Const && !v->touched && v->slot < 0 && v->outside() &&
         t.tree.sources()[v->source].step == Step::Arith;
}

bool varies(Tracer& t, V v) {
  if (v->is != Is::Const || v->touched || v->slot >= 0 || !v->outside() || !is_number(v->real)) return false;
  if (of_a_static_class(t, v->source)) return false;
  return is_float_parameter(t, v) || t.accepted.count(v) || expected_to_vary(t, v->source) ||
         t.tree.varies(v->source, v->real);
}

V computed_number(Tracer& t, Arith op, V a, V b) {
  const bool text = op == Arith::Concat;
  auto may = [&](V v) { return v && (varies(t, v) || (text && is_computed(t, v))); };
  if ((!may(a) && !may(b)) || a->slot >= 0 || (b && b->slot >= 0)) return nullptr;
  Ref result = Ref::steal(guard::compute(op, a->real, b ? b->real : nullptr));
  if (!result) return nullptr;
  const SourceId left = operand(t, a), right = b ? operand(t, b) : guard::kNoSource;
  const SourceId source = t.source(Step::Arith, left, static_cast<int>(op), nullptr, right);
  if (!total(op, a->cls, b ? b->cls : a->cls))
    t.guard(Kind::TypeIs, source, reinterpret_cast<PyObject*>(Py_TYPE(result.get())));
  return t.wrap(t.keep(std::move(result)), source);
}

V computed_binary(Tracer& t, int op, V a, V b) {
  const Arith row = kBinary[op % 13];
  return row != kNone && number_operand(a) && number_operand(b) ? computed_number(t, row, a, b) : nullptr;
}

V computed_compare(Tracer& t, int op, V a, V b) {
  return number_operand(a) && number_operand(b) ? computed_number(t, kCompare[op], a, b) : nullptr;
}

V computed_call(Tracer& t, PyObject* function, const Args& args) {
  static PyObject* module = nullptr;
  PyObject* math = py::once(module, [] { return PyImport_ImportModule("math"); });
  if (!math || PyCFunction_GET_SELF(function) != math || args.pos.size() != 1 || !args.named.empty()) return nullptr;
  return number_operand(args.pos[0]) ? computed_number(t, Arith::Call, args.pos[0], t.constant(function)) : nullptr;
}

std::vector<bool> stored_in_loop(const py::Code& code, int header) {
  std::vector<bool> stored;
  int last = -1;
  for (const py::Instr& in : code.instrs())
    if (in.target == header && in.index >= header) last = std::max(last, in.index);
  if (last < 0) return stored;
  stored.resize(static_cast<size_t>(code.locals_count()));
  for (const py::Instr& in : code.instrs()) {
    if (in.index < header || in.index > last) continue;
    for (int slot : py::local_use(in).writes)
      if (slot >= 0) stored[static_cast<size_t>(slot)] = true;
  }
  return stored;
}

}  // namespace fj::capture
