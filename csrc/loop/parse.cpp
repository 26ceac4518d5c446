// Reads the text form (print.cpp shows it). Line by line, word by word; a comment starts with ';'.
#include <cstdlib>
#include <iterator>

#include "base/error.h"
#include "loop/loop.h"
#include "loop/text_internal.h"

namespace fj::loop {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Kernel run() {
    bool ended = false;
    while (next_line()) {
      std::string_view first = word();
      if (first.empty()) continue;
      if (first == "end") {
        ended = true;
        break;
      }
      line_starting_with(first);
      if (!word().empty()) fail("more words than expected");
    }
    if (!ended) fail("the kernel does not end with 'end'");
    std::string broken = verify(k_);
    if (!broken.empty()) raise(ErrorKind::Value, "loop kernel: ", broken);
    return std::move(k_);
  }

 private:
  [[noreturn]] void fail(std::string_view what) { raise(ErrorKind::Value, "loop kernel, line ", line_, ": ", what); }

  bool next_line() {
    if (rest_.empty()) return false;
    size_t eol = rest_.find('\n');
    cur_ = rest_.substr(0, eol);
    rest_ = eol == std::string_view::npos ? std::string_view() : rest_.substr(eol + 1);
    cur_ = cur_.substr(0, cur_.find(';'));
    ++line_;
    return true;
  }

  std::string_view word() {
    size_t i = cur_.find_first_not_of(" \t\r");
    if (i == std::string_view::npos) {
      cur_ = {};
      return {};
    }
    size_t j = cur_.find_first_of(" \t\r", i);
    std::string_view w = cur_.substr(i, j == std::string_view::npos ? j : j - i);
    cur_ = j == std::string_view::npos ? std::string_view() : cur_.substr(j);
    return w;
  }

  int64_t integer(std::string_view w) {
    std::string s(w);
    char* end = nullptr;
    long long v = std::strtoll(s.c_str(), &end, 0);
    if (s.empty() || *end) fail("a number is expected");
    return v;
  }

  template <size_t N>
  int one_of(const char* const (&words)[N]) {
    std::string_view w = word();
    for (size_t i = 0; i < N; ++i)
      if (w == words[i]) return static_cast<int>(i);
    fail("unknown word");
  }

  DType dtype(std::string_view w) {
    DType t;
    if (!parse_text_dtype(w, &t)) fail("unknown dtype");
    return t;
  }

  void number_is(size_t expected) {
    if (integer(word()) != static_cast<int64_t>(expected)) fail("numbers must count up from 0");
  }

  void line_starting_with(std::string_view w) {
    if (w == "kernel") return axes();
    if (w == "operand") {
      number_is(k_.operands.size());
      Operand o{dtype(word()), Role::In, VecClass::Contig};
      o.role = static_cast<Role>(one_of(kRoleText));
      o.vec = static_cast<VecClass>(one_of(kVecText));
      k_.operands.push_back(o);
    } else if (w == "param") {
      number_is(k_.params.size());
      k_.params.push_back(static_cast<ParamKind>(one_of(kParamText)));
    } else if (w == "acc") {
      number_is(k_.accs.size());
      AccKind kind = static_cast<AccKind>(one_of(kAccText));
      k_.accs.push_back({kind, dtype(word())});
    } else if (w == "sweep" || w == "point") {
      k_.open(w == "sweep" ? StageKind::Sweep : StageKind::Point);
    } else {
      instruction(w);
    }
  }

  void axes() {
    std::string_view w = word();
    if (w.substr(0, 5) != "axes=") fail("axes= is expected");
    for (char c : w.substr(5)) {
      if (c != 'p' && c != 'r') fail("axes are p or r");
      k_.add_axis(c == 'p' ? AxisKind::Parallel : AxisKind::Reduce);
    }
  }

  Op op_named(std::string_view name) {
    for (int i = 0; i < kOpCount; ++i)
      if (name == kOpInfo[i].text) return static_cast<Op>(i);
    fail("unknown instruction");
  }

  void constant(Inst* inst) {
    std::string s(word());
    char* end = nullptr;
    if (!is_float(inst->dtype)) {
      inst->imm.i = integer(s);
      return;
    }
    inst->imm.f = std::strtod(s.c_str(), &end);
    if (s.empty() || *end) fail("a floating constant is expected");
  }

  static bool has_index(Op op) {
    switch (op) {
      case Op::Param:
      case Op::Index:
      case Op::Load:
      case Op::LoadAt:
      case Op::Store:
      case Op::StoreAt:
      case Op::Accum:
      case Op::Result:
      case Op::ResultValue:
      case Op::Check: return true;
      default: return false;
    }
  }

  // What a line without a written dtype works on.
  DType implied_dtype(const Inst& inst) {
    size_t i = static_cast<size_t>(inst.index);
    if (inst.op == Op::Store || inst.op == Op::StoreAt) {
      if (i >= k_.operands.size()) fail("no such operand");
      return k_.operands[i].dtype;
    }
    if (inst.op == Op::Accum) {
      if (i >= k_.accs.size()) fail("no such accumulator");
      return k_.accs[i].dtype;
    }
    return DType::Bool;
  }

  void instruction(std::string_view w) {
    if (k_.stages.empty()) fail("an instruction outside a stage");
    Inst inst{Op::Const, DType::Bool};
    bool names_value = w[0] == '%';
    if (names_value) {
      if (integer(w.substr(1)) != static_cast<int64_t>(k_.insts.size())) fail("values are numbered by instruction");
      if (word() != "=") fail("= is expected");
      w = word();
      size_t dot = w.rfind('.');
      if (dot == std::string_view::npos) fail("op.dtype is expected");
      inst.op = op_named(w.substr(0, dot));
      inst.dtype = dtype(w.substr(dot + 1));
    } else {
      inst.op = op_named(w);
    }
    if (names_value != info(inst.op).has_value)
      fail("this instruction names a value where it must not, or the reverse");
    if (inst.op == Op::Const) constant(&inst);
    if (has_index(inst.op)) inst.index = static_cast<int16_t>(integer(word()));
    if (!names_value) inst.dtype = implied_dtype(inst);
    for (Value* v : {&inst.a, &inst.b, &inst.c}) {
      std::string_view arg = word();
      if (arg.empty()) break;
      if (arg[0] != '%') fail("a value is expected");
      *v = static_cast<Value>(integer(arg.substr(1)));
    }
    k_.insts.push_back(inst);
    k_.stages.back().last = static_cast<uint32_t>(k_.insts.size());
  }

  std::string_view rest_, cur_;
  int line_ = 0;
  Kernel k_;
};

}  // namespace

Kernel parse(std::string_view text) { return Reader(text).run(); }

}  // namespace fj::loop
