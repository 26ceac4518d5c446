#include "frame/guard_filter.h"

#include "frame/observe.h"
#include "py/error.h"

namespace fj::frame {

using guard::Check;
using guard::Kind;
using guard::Step;
using py::check;
using py::Ref;

namespace {

constexpr Kind kOptional[] = {Kind::Same, Kind::Equal, Kind::SetItems, Kind::TypeFacts,  Kind::DictFacts,
                              Kind::Code, Kind::Modes, Kind::Truth,    Kind::SameObject, Kind::DifferentObjects};

constexpr const char* kNames[] = {
#define FJ_GUARD_KIND(name, words) #name,
#include "guard/kinds.def"
#undef FJ_GUARD_KIND
};

bool is_optional(Kind kind) {
  for (Kind k : kOptional)
    if (k == kind) return true;
  return false;
}

// Does the path start at something that every call shares: a global, a default, a closure?
bool is_global(const guard::SourceTable& sources, guard::SourceId id) {
  while (id != guard::kNoSource) {
    const guard::Source& s = sources[id];
    if (s.step == Step::Local || s.step == Step::Stack || s.step == Step::Closure) return false;
    id = s.parent;
  }
  return true;
}

Ref text(const std::string& s) {
  return check(PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "replace"));
}

// (path, kind, words, value or NULL's stand-in, has value, global, optional)
Ref describe(const Check& c, const guard::SourceTable& sources, guard::Fetched& fetched, PyCodeObject* code) {
  Ref path = text(c.source == guard::kNoSource ? std::string() : sources.describe(c.source, code));
  Ref words = text(guard::describe(c, sources, code));
  PyObject* value = c.source == guard::kNoSource ? nullptr : fetched.get(c.source);
  return check(Py_BuildValue("(OsOOiii)", path.get(), kNames[static_cast<int>(c.kind)], words.get(),
                             value ? value : Py_None, value != nullptr, is_global(sources, c.source),
                             is_optional(c.kind)));
}

}  // namespace

bool filter_guards(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state,
                   capture::Segment& segment) {
  PyObject* options = context.options.options;
  if (!options || !PyDict_Check(options) || !PyDict_GetItemString(options, "guard_filter_fn")) return true;
  return py::guarded(false, [&] {
    Ref rows = check(PyList_New(0));
    guard::Fetched fetched(entry.tree.sources(), state.values);
    for (const Check& c : segment.guards) {
      Ref row = describe(c, entry.tree.sources(), fetched, state.code);
      if (PyList_Append(rows.get(), row.get()) < 0) throw py::PythonError();
    }
    Ref keep = ask_guards(options, rows);
    std::vector<Check> kept;
    for (size_t i = 0; i < segment.guards.size(); ++i)
      if (!is_optional(segment.guards[i].kind) || PyList_GetItem(keep.get(), static_cast<Py_ssize_t>(i)) == Py_True)
        kept.push_back(std::move(segment.guards[i]));
    segment.guards = std::move(kept);
    return true;
  });
}

}  // namespace fj::frame
