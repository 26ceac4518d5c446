// Decoding: bytes -> instructions, exception table, stack depths and what may be resumed. Liveness and shadow copies
// are in code_live.cpp and code_shadow.cpp.
#include "py/code.h"

#include <algorithm>
#include <memory>

#include "py/error.h"

namespace fj::py {

namespace {

struct OpRow {
  const char* name;
  int16_t number;
  uint8_t caches;
};

constexpr OpRow kOps[] = {
#if PY_VERSION_HEX >= 0x030D0000
#define FJ_OP(name, n11, n12, n13, c11, c12, c13) {#name, n13, c13},
#elif PY_VERSION_HEX >= 0x030C0000
#define FJ_OP(name, n11, n12, n13, c11, c12, c13) {#name, n12, c12},
#else
#define FJ_OP(name, n11, n12, n13, c11, c12, c13) {#name, n11, c11},
#endif
#include "py/opcodes.def"
#undef FJ_OP
};
static_assert(std::size(kOps) == static_cast<size_t>(Op::kInvalid));

struct NumberTable {
  Op by_number[256];
  NumberTable() {
    std::fill(std::begin(by_number), std::end(by_number), Op::kInvalid);
    for (size_t i = 0; i < std::size(kOps); ++i) {
      if (kOps[i].number >= 0) by_number[kOps[i].number] = static_cast<Op>(i);
    }
  }
};

int read_varint(const uint8_t*& p, const uint8_t* end) {
  int value = 0;
  for (bool more = true; more && p < end; ++p) {
    value = (value << 6) | (*p & 63);
    more = (*p & 64) != 0;
  }
  return value;
}

Py_ssize_t extra_slot() {
  auto drop = [](void* p) { delete static_cast<Code*>(p); };
#if PY_VERSION_HEX >= 0x030C0000
  static const Py_ssize_t slot = PyUnstable_Eval_RequestCodeExtraIndex(drop);
#else
  static const Py_ssize_t slot = _PyEval_RequestCodeExtraIndex(drop);
#endif
  return slot;
}

}  // namespace

const char* op_name(Op op) { return op == Op::kInvalid ? "<invalid>" : kOps[static_cast<size_t>(op)].name; }

int op_number(Op op) { return op == Op::kInvalid ? -1 : kOps[static_cast<size_t>(op)].number; }

Op op_from_number(int number) {
  static const NumberTable table;
  return table.by_number[number & 255];
}

const Code& Code::of(PyCodeObject* code) {
  PyObject* object = reinterpret_cast<PyObject*>(code);
  void* found = nullptr;
#if PY_VERSION_HEX >= 0x030C0000
  if (PyUnstable_Code_GetExtra(object, extra_slot(), &found) < 0) throw PythonError();
#else
  if (_PyCode_GetExtra(object, extra_slot(), &found) < 0) throw PythonError();
#endif
  if (found) return *static_cast<Code*>(found);
  std::unique_ptr<Code> made(new Code(code));
#if PY_VERSION_HEX >= 0x030C0000
  if (PyUnstable_Code_SetExtra(object, extra_slot(), made.get()) < 0) throw PythonError();
#else
  if (_PyCode_SetExtra(object, extra_slot(), made.get()) < 0) throw PythonError();
#endif
  return *made.release();
}

Code::Code(PyCodeObject* code) : code_(code) {
  for (int i = 0; i < code->co_nlocalsplus; ++i) {
    // The flags of pycore_code.h: CO_FAST_LOCAL 0x20, CO_FAST_CELL 0x40, CO_FAST_FREE 0x80.
    const int kind = static_cast<uint8_t>(PyBytes_AS_STRING(code->co_localspluskinds)[i]);
    if (kind & 0x80) {
      kinds_.push_back(LocalKind::kFree);
    } else if (kind & 0x40) {
      kinds_.push_back(kind & 0x20 ? LocalKind::kArgCell : LocalKind::kCell);
    } else {
      kinds_.push_back(LocalKind::kFast);
    }
  }
  decode();
  read_handlers();
  find_depths();
  find_resumable();
}

Code::~Code() {
  for (Shadow& s : shadows_) Py_DECREF(s.code);
}

void Code::decode() {
  Ref bytes = Ref::steal(PyCode_GetCode(code_));
  if (!bytes) throw PythonError();
  const auto* units = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(bytes.get()));
  const int count = static_cast<int>(PyBytes_GET_SIZE(bytes.get()) / 2);
  ordinal_.assign(static_cast<size_t>(count), 0);
  for (int i = 0; i < count;) {
    Instr in;
    in.index = i;
    uint32_t arg = units[2 * i + 1];
    while (op_from_number(units[2 * i]) == Op::EXTENDED_ARG && i + 1 < count) {
      ++i;
      arg = (arg << 8) | units[2 * i + 1];
    }
    in.at = i;
    in.arg = static_cast<int32_t>(arg);
    in.number = units[2 * i];
    in.op = op_from_number(in.number);
    in.caches = in.op == Op::kInvalid ? 0 : kOps[static_cast<size_t>(in.op)].caches;
    in.next = std::min(i + 1 + in.caches, count);
    const JumpShape shape = jump_shape(in.op);
    if (shape.kind == JumpShape::kForward) in.target = in.next + in.arg;
    if (shape.kind == JumpShape::kBackward) in.target = in.next - in.arg;
    in.ends = shape.always || never_falls_through(in.op);
    i = in.next;
    std::fill(ordinal_.begin() + in.index, ordinal_.begin() + in.next, static_cast<int32_t>(instrs_.size()));
    if (in.op == Op::RESUME && body_start_ == 0) body_start_ = in.next;
    instrs_.push_back(in);
  }
  // A finished loop goes on after END_FOR (and the POP_TOP that 3.13 has after it).
  for (Instr& in : instrs_) {
    if (in.op != Op::FOR_ITER || in.target < 0 || in.target >= count || at(in.target).op != Op::END_FOR) continue;
    in.target += PY_VERSION_HEX >= 0x030D0000 ? 2 : 1;
  }
}

void Code::read_handlers() {
  const auto* p = reinterpret_cast<const uint8_t*>(PyBytes_AS_STRING(code_->co_exceptiontable));
  const uint8_t* end = p + PyBytes_GET_SIZE(code_->co_exceptiontable);
  while (p < end) {
    Handler h;
    h.start = read_varint(p, end);
    h.end = h.start + read_varint(p, end);
    h.target = read_varint(p, end);
    const int packed = read_varint(p, end);
    h.depth = static_cast<int16_t>(packed >> 1);
    h.lasti = packed & 1;
    handlers_.push_back(h);
  }
}

const Handler* Code::handler(int index) const {
  const int unit = at(index).at;
  auto after =
      std::upper_bound(handlers_.begin(), handlers_.end(), unit, [](int u, const Handler& h) { return u < h.start; });
  if (after == handlers_.begin()) return nullptr;
  const Handler& h = *(after - 1);
  return unit < h.end ? &h : nullptr;
}

// Walks every path, exceptional ones too. The second value of an item counts the exceptions being handled.
void Code::find_depths() {
  struct Item {
    int32_t index;
    int depth, handling;
  };
  std::vector<int8_t> handling(instrs_.size(), -1);
  std::vector<Item> work{{0, 0, 0}};
  while (!work.empty()) {
    const Item item = work.back();
    work.pop_back();
    if (item.index >= units()) continue;
    const auto k = static_cast<size_t>(ordinal(item.index));
    Instr& in = instrs_[k];
    const int level = std::min(item.handling, 100);
    if (handling[k] >= level) continue;
    handling[k] = static_cast<int8_t>(level);
    in.depth = static_cast<int16_t>(item.depth);
    int after = level;
    if (in.op == Op::PUSH_EXC_INFO) ++after;
    if (in.op == Op::POP_EXCEPT) after = std::max(after - 1, 0);
    if (!in.ends) work.push_back({in.next, item.depth + stack_effect(in, false), after});
    if (in.target >= 0) work.push_back({in.target, item.depth + stack_effect(in, true), after});
    const Handler* h = in.op == Op::PUSH_EXC_INFO || in.op == Op::POP_EXCEPT ? nullptr : handler(in.index);
    // Clean-up code without PUSH_EXC_INFO (an inlined comprehension's, a with statement's) ends in RERAISE: handling
    // all along.
    if (h) work.push_back({h->target, h->depth + h->lasti + 1, level + (at(h->target).op != Op::PUSH_EXC_INFO)});
  }
  in_handler_.resize(instrs_.size());
  for (size_t k = 0; k < instrs_.size(); ++k) {
    // A handler's first and last instructions have the exception on the stack only.
    in_handler_[k] = handling[k] > 0 || instrs_[k].op == Op::PUSH_EXC_INFO || instrs_[k].op == Op::RERAISE;
  }
}

void Code::find_resumable() {
  bool named = false;  // after KW_NAMES, whose value waits in a C variable for the CALL
  Op previous = Op::kInvalid;
  for (Instr& in : instrs_) {
    in.resumable = in.depth >= 0 && !named && previous != Op::PRECALL && in.op != Op::kInvalid;
    if (in.op == Op::KW_NAMES) named = true;
    if (in.op == Op::CALL) named = false;
    previous = in.op;
  }
}

PyObject* Code::local_name(int slot) const { return PyTuple_GET_ITEM(code_->co_localsplusnames, slot); }

int Code::line(int index) const { return PyCode_Addr2Line(code_, at(index).at * 2); }

Position Code::position(int index) const {
  Position p;
  PyCode_Addr2Location(code_, at(index).at * 2, &p.line, &p.column, &p.end_line, &p.end_column);
  return p;
}

bool Code::is_generator() const { return (code_->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR)) != 0; }

}  // namespace fj::py
