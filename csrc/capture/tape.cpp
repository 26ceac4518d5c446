// The tape in words.
#include "capture/tape.h"
#include "capture/wrappers.h"

#include <functional>

#include "base/str.h"
#include "capture/leaf.h"

namespace fj::capture {

int32_t Tape::number(Slot s) {
  for (size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] == s) return static_cast<int32_t>(i);
  numbers.push_back(s);
  return static_cast<int32_t>(numbers.size()) - 1;
}

namespace {

bool concludes(const Pattern& p) {
  if (p.what == Pattern::Equal || p.what == Pattern::Raises) return true;
  for (const Pattern& part : p.parts)
    if (concludes(part)) return true;
  return false;
}

}  // namespace

bool Tape::relies_on_looks() const {
  if (!looks || !numbers.empty()) return looks > 0;
  for (size_t i = first_look; i < steps.size(); ++i)
    if (steps[i].what == TapeStep::Check || concludes(steps[i].result)) return true;
  return false;
}

namespace {

constexpr const char* kComparisons[] = {"<", "<=", "==", "!=", ">", ">="};
constexpr const char* kComparisonNames[] = {"lt", "le", "eq", "ne", "gt", "ge"};

struct Sign {
  binaryfunc fn;
  const char* name;
  const char* text;
};
const Sign kSigns[] = {
    {PyNumber_Add, "add", "+"},
    {PyNumber_Subtract, "sub", "-"},
    {PyNumber_Multiply, "mul", "*"},
    {PyNumber_FloorDivide, "floordiv", "//"},
    {PyNumber_TrueDivide, "truediv", "/"},
    {PyNumber_Remainder, "mod", "%"},
    {leaf_power, "pow", "**"},
    {PyNumber_MatrixMultiply, "matmul", "@"},
    {PyNumber_And, "and_", "&"},
    {PyNumber_Or, "or_", "|"},
    {PyNumber_Xor, "xor", "^"},
    {PyNumber_Lshift, "lshift", "<<"},
    {PyNumber_Rshift, "rshift", ">>"},
    {PyNumber_InPlaceAdd, "iadd", "+="},
    {PyNumber_InPlaceSubtract, "isub", "-="},
    {PyNumber_InPlaceMultiply, "imul", "*="},
    {PyNumber_InPlaceFloorDivide, "ifloordiv", "//="},
    {PyNumber_InPlaceTrueDivide, "itruediv", "/="},
    {PyNumber_InPlaceRemainder, "imod", "%="},
    {leaf_in_place_power, "ipow", "**="},
    {PyNumber_InPlaceMatrixMultiply, "imatmul", "@="},
    {PyNumber_InPlaceAnd, "iand", "&="},
    {PyNumber_InPlaceOr, "ior", "|="},
    {PyNumber_InPlaceXor, "ixor", "^="},
    {PyNumber_InPlaceLshift, "ilshift", "<<="},
    {PyNumber_InPlaceRshift, "irshift", ">>="},
};
const Sign* sign_of(const TapeStep& s) {
  for (const Sign& sign : kSigns)
    if (s.fn == leaf_binary && s.data == reinterpret_cast<intptr_t>(sign.fn)) return &sign;
  return nullptr;
}

struct Named {
  LeafFn fn;
  const char* name;
};
constexpr Named kNamed[] = {
    {leaf_attribute, "getattr"}, {leaf_item, "getitem"}, {leaf_set_item, "setitem"},
    {leaf_contains, "contains"}, {leaf_length, "len"},   {leaf_truth, "truth"},
};

class Words {
 public:
  Words(const Tape& tape, const guard::SourceTable& sources, PyCodeObject* code)
      : tape_(tape), sources_(sources), code_(code) {}

  std::string step(const TapeStep& s) {
    switch (s.what) {
      case TapeStep::Input:
      case TapeStep::Outer:
      case TapeStep::Number: return sources_.describe(s.source, code_);
      case TapeStep::Check: return operand(s.args[0]);
      case TapeStep::Call: break;
    }
    auto arg = [&](size_t i) { return operand(s.args[i]); };
    if (s.fn == leaf_compare) return cat(arg(0), " ", kComparisons[s.data], " ", arg(1));
    if (s.fn == leaf_attribute) return cat(arg(0), ".", plain(s.args[1]));
    if (s.fn == leaf_item) return cat(arg(0), "[", arg(1), "]");
    if (s.fn == leaf_length) return cat("len(", arg(0), ")");
    if (s.fn == leaf_truth) return cat("bool(", arg(0), ")");
    if (s.fn == leaf_contains) return cat(arg(1), " in ", arg(0));
    if (s.fn == leaf_method) return cat(arg(1), ".", name_of(s.args[0]), arguments(s.args[2]));
    if (s.fn == leaf_call) return cat(name_of(s.args[0]), arguments(s.args[1]));
    if (const Sign* sign = sign_of(s)) return cat("(", arg(0), " ", sign->text, " ", arg(1), ")");
    std::string all;
    for (size_t i = 0; i < s.args.size(); ++i) all += cat(i ? ", " : "", arg(i));
    return cat("f(", all, ")");
  }

  std::string operand(const Operand& o) {
    std::string parts;
    for (size_t i = 0; i < o.parts.size(); ++i) parts += cat(i ? ", " : "", operand(o.parts[i]));
    switch (o.what) {
      case Operand::Const: return repr(o.object.get());
      case Operand::Computed: return slot(o.slot);
      case Operand::Tuple: return cat("(", parts, o.parts.size() == 1 ? ",)" : ")");
      case Operand::List: return cat("[", parts, "]");
      case Operand::Dict: return cat("{", parts, "}");
      case Operand::Slice: return cat("slice(", parts, ")");
    }
    return "?";
  }

 private:
  static std::string repr(PyObject* o) {
    py::Ref text = py::Ref::steal(PyObject_Repr(o));
    PyErr_Clear();
    return text ? py::utf8(text.get()) : "?";
  }
  static std::string plain(const Operand& o) {
    return o.object && PyUnicode_Check(o.object.get()) ? py::utf8(o.object.get()) : "?";
  }
  static std::string name_of(const Operand& o) {
    py::Ref name = o.object ? py::Ref::steal(PyObject_GetAttrString(o.object.get(), "__name__")) : py::Ref();
    PyErr_Clear();
    return name && PyUnicode_Check(name.get()) ? py::utf8(name.get()) : "f";
  }
  std::string arguments(const Operand& o) {
    if (o.what == Operand::Const) {
      std::string text = repr(o.object.get());
      if (text.size() > 2 && text[text.size() - 2] == ',') text.erase(text.size() - 2, 1);
      return text;
    }
    std::string parts;
    for (size_t i = 0; i < o.parts.size(); ++i) parts += cat(i ? ", " : "", operand(o.parts[i]));
    return cat("(", parts, ")");
  }

  std::string slot(Slot s) {
    if (++slots_ > kMostSlots) return "...";
    std::string text = "?", path;
    for (const TapeStep& step : tape_.steps) {
      path.clear();
      if (!fills(step.result, s, &path)) continue;
      text = cat(this->step(step), path);
      break;
    }
    return text;
  }
  static bool fills(const Pattern& p, Slot s, std::string* path) {
    if (p.what == Pattern::Fill) return p.slot == s;
    for (size_t i = 0; i < p.parts.size(); ++i)
      if (fills(p.parts[i], s, path)) {
        *path = cat("[", i, "]", *path);
        return true;
      }
    return false;
  }

  const Tape& tape_;
  const guard::SourceTable& sources_;
  PyCodeObject* code_;
  int slots_ = 0;  // written so far: what is computed from itself time and again doubles with each round
  static constexpr int kMostSlots = 100;
};

}  // namespace

void Tape::drop_step(size_t i) {
  steps.erase(steps.begin() + static_cast<std::ptrdiff_t>(i));
  if (i < first_look) --first_look;
  for (WholeCall& c : calls) {
    if (i < c.begin) --c.begin;
    if (i < c.end) --c.end;
  }
}

const char* function_name(const TapeStep& s) {
  if (const Sign* sign = sign_of(s)) return sign->name;
  if (s.fn == leaf_compare) return kComparisonNames[s.data];
  if (s.fn == leaf_unary) {
    const auto fn = reinterpret_cast<unaryfunc>(s.data);
    return fn == PyNumber_Negative ? "neg" : fn == PyNumber_Positive ? "pos" : "invert";
  }
  for (const Named& row : kNamed)
    if (row.fn == s.fn) return row.name;
  return nullptr;
}

bool has_slot(const Operand& o, Slot slot) {
  if (o.what == Operand::Computed) return o.slot == slot;
  for (const Operand& part : o.parts)
    if (has_slot(part, slot)) return true;
  return false;
}

bool is_read(const Tape& tape, Slot outer) {
  for (const TapeStep& s : tape.steps) {
    if (is_listed(s.fn)) continue;
    for (const Operand& o : s.args)
      if (has_slot(o, outer)) return true;
  }
  return false;
}

std::string describe(const Tape& tape, const TapeStep& step, const guard::SourceTable& sources, PyCodeObject* code) {
  Words words(tape, sources, code);
  std::string text = words.step(step);
  const Pattern& p = step.result;
  if (p.what == Pattern::Raises) return cat(text, " raises ", p.object.as<PyTypeObject>()->tp_name);
  if (p.what != Pattern::Equal) return text;
  if (p.object.get() == Py_True) return text;
  if (p.object.get() == Py_False) return cat("not (", text, ")");
  Operand constant;
  constant.object = p.object;
  return cat(text, " == ", words.operand(constant));
}

}  // namespace fj::capture
