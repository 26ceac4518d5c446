// The tape in words.
#include "capture/tape.h"

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

constexpr const char* kComparisons[] = {"<", "<=", "==", "!=", ">", ">="};

struct Sign {
  binaryfunc fn;
  const char* text;
};
const Sign kSigns[] = {
    {PyNumber_Add, "+"},       {PyNumber_Subtract, "-"},   {PyNumber_Multiply, "*"}, {PyNumber_FloorDivide, "//"},
    {PyNumber_Remainder, "%"}, {PyNumber_TrueDivide, "/"}, {PyNumber_Lshift, "<<"},  {PyNumber_Rshift, ">>"},
};

class Words {
 public:
  Words(const Tape& tape, const guard::SourceTable& sources, PyCodeObject* code)
      : tape_(tape), sources_(sources), code_(code) {}

  std::string step(const TapeStep& s) {
    switch (s.what) {
      case TapeStep::Input:
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
    if (s.fn == leaf_binary)
      for (const Sign& sign : kSigns)
        if (s.data == reinterpret_cast<intptr_t>(sign.fn)) return cat("(", arg(0), " ", sign.text, " ", arg(1), ")");
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
    return text ? PyUnicode_AsUTF8(text.get()) : "?";
  }
  static std::string plain(const Operand& o) {
    return o.object && PyUnicode_Check(o.object.get()) ? PyUnicode_AsUTF8(o.object.get()) : "?";
  }
  static std::string name_of(const Operand& o) {
    py::Ref name = o.object ? py::Ref::steal(PyObject_GetAttrString(o.object.get(), "__name__")) : py::Ref();
    PyErr_Clear();
    return name && PyUnicode_Check(name.get()) ? PyUnicode_AsUTF8(name.get()) : "f";
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
    if (++depth_ > 40) return "...";
    std::string text = "?", path;
    for (const TapeStep& step : tape_.steps) {
      path.clear();
      if (!fills(step.result, s, &path)) continue;
      text = cat(this->step(step), path);
      break;
    }
    --depth_;
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
  int depth_ = 0;
};

}  // namespace

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
