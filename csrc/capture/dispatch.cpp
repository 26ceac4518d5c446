// From instruction to handler.
#include "capture/handlers.h"

namespace fj::capture {
namespace {

void unsupported(Tracer&, SymFrame&, const Instr& in) { cut(Reason::unsupported_instruction, py::op_name(in.op)); }

struct Table {
  Handler rows[256];
  Table() {
    for (auto& row : rows) row = unsupported;
#define FJ_HANDLER(name) rows[static_cast<int>(py::Op::name)] = op_##name;
#include "capture/handlers.def"
#undef FJ_HANDLER
  }
};

}  // namespace

Handler handler_of(py::Op op) {
  static const Table table;
  return table.rows[static_cast<int>(op)];
}

}  // namespace fj::capture
