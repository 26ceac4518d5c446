// See ledger.h.
#include "frame/ledger.h"

#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "base/flags.h"
#include "py/error.h"

namespace fj::frame {

using py::check;
using py::Ref;

namespace {

struct Account {
  Ref code;
  int64_t inside = 0;
  std::map<std::string, int64_t> units, rests;
};

std::unordered_map<PyObject*, Account>& accounts() {
  static auto* all = new std::unordered_map<PyObject*, Account>;
  return *all;
}

Account& account_of(PyObject* code) {
  Account& a = accounts()[code];
  if (!a.code) a.code = Ref::borrow(code);
  return a;
}

}  // namespace

void note_inside(const capture::Segment& segment) {
  for (const auto& [code, count] : segment.by_code) account_of(code.get()).inside += count;
}

void count_unit(PyObject* code, const char* reason) { ++account_of(code).units[reason]; }

void note_rest(PyObject* code, const char* reason) {
  if (flags::get().force_capture) ++account_of(code).rests[reason];
}

PyObject* ledger() {
  return py::guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    Ref list = check(PyList_New(0));
    auto add = [&](const Account& a, const char* kind, const char* reason, int64_t count) {
      Ref row = check(Py_BuildValue("OszL", a.code.get(), kind, reason, static_cast<long long>(count)));
      check(PyList_Append(list.get(), row.get()));
    };
    for (const auto& [code, a] : accounts()) {
      if (a.inside) add(a, "inside", nullptr, a.inside);
      for (const auto& [reason, count] : a.units) add(a, "unit", reason.c_str(), count);
      for (const auto& [reason, count] : a.rests) add(a, "rest", reason.c_str(), count);
    }
    return list.release();
  });
}

void clear_ledger() { const auto dropped = std::exchange(accounts(), {}); }

}  // namespace fj::frame
