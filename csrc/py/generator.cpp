#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "py/frame_abi.h"
#include "py/code.h"
#include "py/error.h"
#include "py/generator.h"

namespace fj::py {

std::vector<PyObject*> blank_arguments(PyCodeObject* code, Ref* names) {
  const int positional = code->co_argcount, named = code->co_kwonlyargcount;
  if (named) *names = check(PyTuple_New(named));
  for (int i = 0; i < named; ++i)
    PyTuple_SET_ITEM(names->get(), i, Py_NewRef(PyTuple_GET_ITEM(code->co_localsplusnames, positional + i)));
  return std::vector<PyObject*>(static_cast<size_t>(positional + named) + 1, Py_None);
}

bool is_suspended(_PyInterpreterFrame* frame) {
  const int state = _PyFrame_GetGenerator(frame)->gi_frame_state;
#if PY_VERSION_HEX >= 0x030D0000
  return state == FRAME_SUSPENDED || state == FRAME_SUSPENDED_YIELD_FROM;
#else
  return state == FRAME_SUSPENDED;
#endif
}

PyObject* blank_generator(PyObject* function) {
  return guarded<PyObject*>(nullptr, [&]() -> PyObject* {
    auto* f = reinterpret_cast<PyFunctionObject*>(function);
    auto* code = reinterpret_cast<PyCodeObject*>(f->func_code);
    Ref names;
    std::vector<PyObject*> args = blank_arguments(code, &names);
    const size_t nargsf = static_cast<size_t>(code->co_argcount) | PY_VECTORCALL_ARGUMENTS_OFFSET;
    return f->vectorcall(function, args.data() + 1, nargsf, names.get());
  });
}

namespace {

void replace(PyObject** slot, PyObject* value) { Py_XSETREF(*slot, Py_XNewRef(value)); }

}  // namespace

bool fill_generator(PyObject* object, GeneratorState state, PyObject* const* locals, PyObject* const* stack, int depth,
                    int offset) {
  auto* generator = reinterpret_cast<PyGenObject*>(object);
  if (state == GeneratorState::Finished)
    return static_cast<bool>(Ref::steal(PyObject_CallMethod(object, "close", nullptr)));
  if (generator->gi_frame_state != FRAME_CREATED) return true;  // filled already
  auto* frame = reinterpret_cast<abi::Frame*>(generator->gi_iframe);
  PyCodeObject* code = abi::code_of(frame);
  return guarded<bool>(false, [&] {
    const Code& decoded = Code::of(code);
    for (int i = 0; i < code->co_nlocalsplus; ++i) {
      const LocalKind kind = decoded.local_kinds()[static_cast<size_t>(i)];
      if (state == GeneratorState::Suspended || kind == LocalKind::kFast)
        replace(&frame->localsplus[i], locals[i]);
      else if (kind == LocalKind::kArgCell)
        check(PyCell_Set(frame->localsplus[i], locals[i]));
    }
    if (state == GeneratorState::Fresh) return true;
    for (int i = 0; i < depth; ++i) frame->localsplus[code->co_nlocalsplus + i] = Py_XNewRef(stack[i]);
    frame->stacktop = code->co_nlocalsplus + depth;
    abi::set_next(frame, code, offset);
    generator->gi_frame_state = FRAME_SUSPENDED;
#if PY_VERSION_HEX >= 0x030D0000
    const Instr& in = decoded.at(offset);
    if (in.op == Op::RESUME && (in.arg & 3) >= 2) generator->gi_frame_state = FRAME_SUSPENDED_YIELD_FROM;
#endif
    return true;
  });
}

}  // namespace fj::py
