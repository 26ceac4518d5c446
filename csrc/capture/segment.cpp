// The text of a segment, for tests, logs and explain.
#include "capture/segment.h"

#include "base/str.h"
#include "py/text.h"

namespace fj::capture {
namespace {

constexpr const char* kMakes[] = {"source", "const",     "output",    "number",   "tuple", "list",
                                  "set",    "frozenset", "dict",      "slice",    "cell",  "function",
                                  "method", "object",    "exception", "iterator", "call",  "generator"};
constexpr const char* kDoes[] = {"set_attr", "del_attr", "set_item", "del_item", "clear",     "set_list",
                                 "append",   "set_set",  "set_cell", "advance",  "set_count", "call"};
constexpr const char* kExits[] = {"return", "break", "loop", "branch", "resume"};

std::string repr(PyObject* o) {
  py::Ref text = py::Ref::steal(PyObject_Repr(o));
  PyErr_Clear();
  return text ? py::utf8(text.get()) : "?";
}

std::string ids(const std::vector<RecipeId>& parts) {
  std::string out;
  for (RecipeId id : parts) {
    out += out.empty() ? "" : ", ";
    out += id == kNoRecipe ? std::string("-") : id == kAsItWas ? std::string("=") : cat("%", id);
  }
  return cat("(", out, ")");
}

std::string text(const Recipe& r, const guard::SourceTable& sources) {
  std::string out = kMakes[static_cast<int>(r.make)];
  if (r.make == Make::Source) return cat(out, " ", sources.describe(r.index));
  if (r.make == Make::Output || r.make == Make::Number || r.make == Make::Iterator) out += cat(" ", r.index);
  if (r.object) out += cat(" ", repr(r.object.get()));
  if (!r.parts.empty()) out += cat(" ", ids(r.parts));
  for (auto& [name, value] : r.attrs) out += cat(" .", py::utf8(name.get()), "=%", value);
  return out;
}

}  // namespace

std::string Segment::to_string(const guard::SourceTable& sources) const {
  std::string out;
  for (const auto& g : guards) out += cat("guard ", guard::describe(g, sources, nullptr), "\n");
  for (auto id : inputs) out += cat("input ", sources.describe(id), "\n");
  if (!graph.empty()) out += graph;
  for (size_t i = 0; i < recipes.size(); ++i) out += cat("%", i, " = ", text(recipes[i], sources), "\n");
  for (const auto& e : effects) out += cat(kDoes[static_cast<int>(e.what)], " ", ids({e.target, e.key, e.value}), "\n");
  if (modes) {
    out += cat("modes grad ", modes->grad_mode, ", inference ", modes->inference_mode, ", autocast ",
               modes->autocast.cpu ? name_of(modes->autocast.cpu_dtype) : "off", "\n");
  }
  out += cat("exit ", kExits[static_cast<int>(exit.kind)]);
  if (exit.kind == ExitKind::Return) return out + cat(" ", ids({exit.value}), "\n");
  out += cat(" ", exit.reason ? exit.reason : "", " (", exit.detail, ") at line ", exit.line, "\n");
  for (const auto& f : exit.frames)
    out += cat("  offset ", f.offset, " locals ", ids(f.locals), " stack ", ids(f.stack), "\n");
  return out;
}

}  // namespace fj::capture
