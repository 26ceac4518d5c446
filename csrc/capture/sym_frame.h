// A Python frame that is interpreted symbolically.
#pragma once
#include <unordered_map>

#include "capture/protocol.h"
#include "py/code.h"

namespace fj::capture {

struct SymFrame {
  explicit SymFrame(const py::Code& decoded) : code(decoded) {}

  const py::Code& code;
  PyCodeObject* object() const { return code.object(); }
  PyObject* globals = nullptr;
  FunctionValue* function = nullptr;  // NULL for the outermost frame
  Values locals;                      // localsplus; cells hold a CellValue
  Values stack;
  int pc = 0;
  int next = 0;
  DictValue* space = nullptr;  // of a class body: where names are kept
  V kwnames = nullptr;         // between KW_NAMES and CALL
  V result = nullptr;
  enum State : uint8_t { Running, Returned, Yielded } state = Running;
  SymFrame* caller = nullptr;
  // An exit may be written inside this frame: the outermost one, and those whose caller's instruction has a resume
  // rule.
  bool nests = false;
  CallRule called;  // by its caller's instruction
  // Frames that nest: the step at which each exception being handled was raised, so that a trace is never cut in a
  // handler.
  std::vector<int64_t> handler_steps;
  int64_t raised_at = 0;
  std::unordered_map<int, int64_t> rounds;  // of each loop header: how often it was jumped back to
  int64_t executed = 0;                     // instructions
  bool started = false;                     // generators
  bool executing = false;
  V thrown = nullptr;  // to raise at the yield where it is suspended
  // Generators have their own place for the exception that they handle: it stays theirs while they are suspended.
  V own_handled = nullptr;
  V handled_around = nullptr;  // by whoever has resumed it
  bool is_generator() const { return object()->co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR); }

  void push(V v) { stack.push_back(v); }
  V pop() {
    V v = stack.back();
    stack.pop_back();
    return v;
  }
  V& top(size_t n = 1) { return stack[stack.size() - n]; }
  Values pop_n(size_t n) {
    Values v(stack.end() - static_cast<long>(n), stack.end());
    stack.resize(stack.size() - n);
    return v;
  }
  PyObject* name(int i) const { return PyTuple_GET_ITEM(object()->co_names, i); }
  void jump(int target) { next = target; }
};

// Ends the trace at a loop's header when the loop has too many rounds to be unrolled (loop.cpp): after a jump back, and
// before a FOR_ITER whose iterator has many elements left.
void go_round(Tracer& t, SymFrame& f);
void enter_round(Tracer& t, SymFrame& f, V iterator);

using Handler = void (*)(Tracer&, SymFrame&, const py::Instr&);
Handler handler_of(py::Op op);  // dispatch.cpp

constexpr int64_t kMaxInstructions = 200000, kMaxWithoutTensors = 20000;
constexpr int kMaxDepth = 160;

}  // namespace fj::capture
