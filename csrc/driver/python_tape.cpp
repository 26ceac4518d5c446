// Graphs with varying sizes for back ends written in Python: framejit._tape.lower gets the tape as plain data.
#include "capture/leaf.h"
#include "capture/wrappers.h"
#include "driver/compiled.h"
#include "driver/python_program.h"
#include "graph/graph.h"
#include "py/error.h"
#include "py/text.h"

namespace fj::driver {
namespace {

using capture::Operand;
using capture::Pattern;
using capture::TapeStep;
using py::check;
using py::Ref;

Ref attribute(const char* name) {
  Ref m = check(PyImport_ImportModule("framejit._tape"));
  return check(PyObject_GetAttrString(m.get(), name));
}

template <class Range, class F>
Ref tuple_of(const Range& range, F&& f) {
  Ref out = check(PyTuple_New(static_cast<Py_ssize_t>(range.size())));
  Py_ssize_t i = 0;
  for (const auto& v : range) PyTuple_SET_ITEM(out.get(), i++, f(v).release());
  return out;
}

// Steps as (function, args, result, whether it acts, place): `function` is a name of the module operator, "call" or
// "method", "input", or "check"; slots are framejit._tape.Slot, results that must come out again framejit._tape.Known;
// a place is (file, line, function) or None.
class Describer {
 public:
  explicit Describer(const capture::Tape& tape) : tape_(tape) {}
  Ref step(const TapeStep& s) {
    Ref result = pattern(s.result);
    if (s.what == TapeStep::Check)
      return check(Py_BuildValue("(s(O)OOO)", "check", operand(s.args[0]).get(), result.get(), Py_False, Py_None));
    if (capture::is_listed(s.fn)) return check(Py_BuildValue("(s()OOO)", "told", result.get(), Py_False, Py_None));
    if (s.what == TapeStep::Outer && !capture::is_read(tape_, s.result.slot))  // told by what its class answers
      return check(Py_BuildValue("(s()OOO)", "nothing", Py_None, Py_False, Py_None));
    if (s.what != TapeStep::Call)
      return check(Py_BuildValue("(s(N)OOO)", "input", py::to_str(s.name).release(), result.get(), Py_True, Py_None));
    const char* name = capture::function_name(s);
    if (!name) name = s.fn == capture::leaf_method ? "method" : "call";
    Ref args = tuple_of(s.args, [&](const Operand& o) { return operand(o); });
    return check(Py_BuildValue("(sOOOO)", name, args.get(), result.get(), s.acts ? Py_True : Py_False,
                               place(s.location.get()).get()));
  }
  // A whole call as (first step, last step + 1, (function, args, result, place)).
  Ref whole(const capture::WholeCall& c) {
    return check(Py_BuildValue("(nn(OOOOO))", static_cast<Py_ssize_t>(c.begin), static_cast<Py_ssize_t>(c.end),
                               c.function.get(), operand(c.args).get(), operand(c.named).get(), pattern(c.result).get(),
                               place(c.location.get()).get()));
  }
  // What a slot held in the trace, None where that is another thing at each call, and the local variable that it was
  // stored to.
  Ref known(const capture::Tape::Known& k) {
    return check(PyTuple_Pack(2, k.value && !k.symbolic ? k.value.get() : Py_None, k.name ? k.name.get() : Py_None));
  }
  Ref slot(capture::Slot s) { return check(PyObject_CallFunction(slot_type_.get(), "i", s)); }

 private:
  Ref operand(const Operand& o) {
    auto parts = [&] { return tuple_of(o.parts, [&](const Operand& part) { return operand(part); }); };
    switch (o.what) {
      case Operand::Const: return o.object;
      case Operand::Computed: return slot(o.slot);
      case Operand::Tuple: return parts();
      case Operand::List: return check(PySequence_List(parts().get()));
      case Operand::Slice: {
        Ref p = parts();
        return check(
            PySlice_New(PyTuple_GET_ITEM(p.get(), 0), PyTuple_GET_ITEM(p.get(), 1), PyTuple_GET_ITEM(p.get(), 2)));
      }
      case Operand::Dict: {
        Ref p = parts(), dict = check(PyDict_New());
        for (Py_ssize_t i = 0; i + 1 < PyTuple_GET_SIZE(p.get()); i += 2)
          check(PyDict_SetItem(dict.get(), PyTuple_GET_ITEM(p.get(), i), PyTuple_GET_ITEM(p.get(), i + 1)));
        return dict;
      }
    }
    return {};
  }
  static Ref place(const graph::Location* l) {
    if (!l) return Ref::borrow(Py_None);
    return check(Py_BuildValue("(NiN)", py::to_str(l->file).release(), l->line, py::to_str(l->function).release()));
  }
  Ref pattern(const Pattern& p) {
    switch (p.what) {
      case Pattern::Fill:
      case Pattern::Same: return slot(p.slot);
      case Pattern::Equal: return check(PyObject_CallFunctionObjArgs(known_type_.get(), p.object.get(), nullptr));
      case Pattern::Tuple:
      case Pattern::List: return tuple_of(p.parts, [&](const Pattern& part) { return pattern(part); });
      default: return Ref::borrow(Py_None);
    }
  }

  const capture::Tape& tape_;
  Ref slot_type_ = attribute("Slot"), known_type_ = attribute("Known");
};

}  // namespace

std::unique_ptr<capture::Program> compile_tape(const capture::Tape& tape, const std::vector<PyObject*>& examples,
                                               const capture::CompileOptions& options) {
  if (!options.is_python()) return nullptr;
  Describer d(tape);
  Ref steps = tuple_of(tape.steps, [&](const TapeStep& s) { return d.step(s); });
  Ref outputs = tuple_of(tape.outputs, [&](capture::Slot s) { return d.slot(s); });
  Ref given = tuple_of(examples, [](PyObject* o) { return Ref::borrow(o); });
  Ref slots = tuple_of(tape.slots, [&](const capture::Tape::Known& k) { return d.known(k); });
  Ref calls = tuple_of(tape.calls, [&](const capture::WholeCall& c) { return d.whole(c); });
  Ref callable = check(PyObject_CallFunctionObjArgs(attribute("lower").get(), options.backend, steps.get(),
                                                    outputs.get(), given.get(), slots.get(), calls.get(),
                                                    tape.symbols.empty() && !tape.looks ? Py_False : Py_True, nullptr));
  if (callable.get() == Py_None) return nullptr;
  return std::make_unique<PythonProgram>(std::move(callable));
}

}  // namespace fj::driver
