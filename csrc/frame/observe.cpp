// See observe.h.
#include "frame/observe.h"

#include <utility>

#include "frame/report.h"
#include "py/error.h"
#include "py/text.h"

namespace fj::frame {

using py::check;
using py::Ref;

namespace {

PyObject* observer = nullptr;

Ref text(const std::string& s) {
  return check(PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "replace"));
}

// What all events say.
Ref info_of(const Context& context, const EntryPoint& entry) {
  PyObject* backend = context.options.backend ? context.options.backend : Py_None;
  return check(Py_BuildValue("{sOsOsisisOsOsi}", "name", context.name, "code", entry.code.get(), "offset", entry.offset,
                             "segments", static_cast<int>(entry.segments.size()), "backend", backend, "options",
                             context.options.options ? context.options.options : Py_None, "fullgraph",
                             context.options.fullgraph ? 1 : 0));
}

// The observer's answer; NULL with its error set.
Ref call(const char* event, const Ref& info) {
  Ref keep = Ref::borrow(observer);  // it may set another one
  return Ref::steal(PyObject_CallFunction(keep.get(), "sO", event, info.get()));
}

Verdict verdict_of(const Ref& answer, Ref* backend) {
  if (!answer) return Verdict::Error;
  if (answer.get() == Py_False) return Verdict::Plain;
  if (backend && PyTuple_Check(answer.get()) && PyTuple_GET_SIZE(answer.get()) == 1) {
    *backend = Ref::borrow(PyTuple_GET_ITEM(answer.get(), 0));
  }
  return Verdict::Compile;
}

}  // namespace

void set_observer(PyObject* callable) {
  PyObject* before = std::exchange(observer, callable && callable != Py_None ? Py_NewRef(callable) : nullptr);
  Py_XDECREF(before);
}

Verdict ask_begin(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state, Ref& backend) {
  if (!observer) return Verdict::Compile;
  return py::guarded(Verdict::Error, [&] {
    Ref info = info_of(context, entry);
    if (!entry.segments.empty()) {
      Ref why = text(misses(entry, state));
      check(PyDict_SetItemString(info.get(), "misses", why.get()));
    }
    return verdict_of(call("begin", info), &backend);
  });
}

bool tell_end(const Context& context, const EntryPoint& entry, const LoadedSegment* made) {
  if (!observer) return true;
  PyObject *type, *value, *trace;
  PyErr_Fetch(&type, &value, &trace);  // why tracing failed, if it did: that is the error which the user sees
  if (type) PyErr_NormalizeException(&type, &value, &trace);
  const bool ok = py::guarded(false, [&] {
    Ref info = info_of(context, entry);
    if (made) {
      const capture::Segment& s = *made->segment;
      Ref more =
          check(Py_BuildValue("{sssNsisisi}", "reason", s.exit.reason, "detail", py::to_str(s.exit.detail).release(),
                              "line", s.exit.line, "ops", s.nops, "guards", static_cast<int>(s.guards.size())));
      check(PyDict_Update(info.get(), more.get()));
    }
    if (value) check(PyDict_SetItemString(info.get(), "error", value));
    return verdict_of(call("end", info), nullptr) != Verdict::Error;
  });
  if (type) PyErr_Restore(type, value, trace);
  return ok || type;
}

Ref ask_guards(PyObject* options, const Ref& rows) {
  if (!observer)
    return check(PySequence_Repeat(check(Py_BuildValue("[O]", Py_True)).get(), PyList_GET_SIZE(rows.get())));
  return check(call("guards", check(Py_BuildValue("{sOsO}", "options", options, "rows", rows.get()))).release());
}

Verdict ask_limit(const Context& context, const EntryPoint& entry, const std::string& words) {
  if (!observer && !context.options.fullgraph) return Verdict::Plain;
  return py::guarded(Verdict::Error, [&] {
    if (!observer) check(PyImport_ImportModule("framejit.dynamo"));  // the error is its own, whoever asks
    Ref info = info_of(context, entry), said = text(words);
    check(PyDict_SetItemString(info.get(), "text", said.get()));
    return call("limit", info) ? Verdict::Plain : Verdict::Error;
  });
}

}  // namespace fj::frame
