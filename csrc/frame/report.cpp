// See report.h. Nothing here may leave a Python error behind, except raise_fullgraph.
#include "frame/report.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>

#include "base/flags.h"
#include "base/str.h"
#include "capture/find_reason.h"
#include "py/error.h"
#include "py/text.h"

namespace fj::frame {

using py::Ref;

namespace {

std::string where(PyCodeObject* code, int line) { return cat(py::utf8(code->co_filename), ":", line); }

// The source line of a break with a caret under its instruction, or nothing when the source is not to be had.
std::string source_line(PyCodeObject* code, int line) {
  Ref cache = Ref::steal(PyImport_ImportModule("linecache"));
  Ref text = cache ? Ref::steal(PyObject_CallMethod(cache.get(), "getline", "Oi", code->co_filename, line)) : Ref();
  if (!text) PyErr_Clear();
  std::string s = text ? py::utf8(text.get()) : "";
  while (!s.empty() && (s.back() == '\n' || s.back() == ' ')) s.pop_back();
  return s == "?" ? "" : s;
}

// The source line and, where the instruction is known, a caret under it; both without the line's indentation.
std::string with_caret(const capture::Exit& exit) {
  auto* code = exit.where.as<PyCodeObject>();
  if (!code) return "";
  const std::string line = source_line(code, exit.line);
  const size_t indent = line.find_first_not_of(" \t");
  if (indent == std::string::npos) return "";
  const std::string out = cat("\n    ", line.substr(indent));
  const bool here = !exit.frames.empty() && exit.frames.back().code == exit.where.get();
  if (!here) return out;
  const py::Position p = py::Code::of(code).position(exit.frames.back().offset);
  const int first = p.column - static_cast<int>(indent);
  if (p.line != exit.line || first < 0) return out;
  const int end = p.end_line == p.line && p.end_column > p.column ? p.end_column : p.column + 1;
  return cat(out, "\n    ", std::string(static_cast<size_t>(first), ' '),
             std::string(static_cast<size_t>(end - p.column), '^'));
}

std::string why(const capture::Exit& exit) {
  const capture::ReasonRow* row = exit.reason ? capture::find_row(exit.reason) : nullptr;
  std::string out = row ? cat(row->name, " (", row->words, ")") : "exit";
  if (!exit.detail.empty()) out += cat(": ", exit.detail);
  return out;
}

}  // namespace

std::string break_text(const capture::Exit& exit) {
  auto* code = exit.where.as<PyCodeObject>();
  std::string out = why(exit);
  if (code)
    out += cat("\n  File \"", py::utf8(code->co_filename), "\", line ", exit.line, ", in ", py::utf8(code->co_name));
  out += with_caret(exit);
  const capture::ReasonRow* row = exit.reason ? capture::find_row(exit.reason) : nullptr;
  if (row && std::strcmp(row->advice, "nothing") != 0) out += cat("\n  What helps: ", row->advice);
  return out;
}

std::string misses(const EntryPoint& entry, const capture::EntryPoint& state) {
  guard::Fetched fetched(entry.tree.sources(), state.values);
  std::vector<std::pair<std::string, int>> reasons;  // and how many segments each ruled out
  for (size_t i = 0; i < entry.segments.size(); ++i) {
    const std::string reason = entry.tree.explain(static_cast<int>(i), fetched, state.code);
    if (reason.empty()) continue;
    auto same = std::find_if(reasons.begin(), reasons.end(), [&](const auto& r) { return r.first == reason; });
    if (same == reasons.end()) same = reasons.insert(same, {reason, 0});
    ++same->second;
  }
  PyErr_Clear();
  std::string out;
  for (const auto& [reason, count] : reasons)
    out += cat("\n  - not ", reason, count > 1 ? cat(" (", count, " of them)") : std::string());
  return out;
}

std::string limit_text(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state) {
  return cat("framejit: ", py::utf8(context.name), " (", where(state.code, py::Code::of(state.code).line(state.offset)),
             ") has been compiled for ", entry.segments.size(),
             " kinds of input, the recompile limit (dynamo.config.recompile_limit, FRAMEJIT_RECOMPILE_LIMIT); "
             "other inputs run uncompiled. This call was:",
             misses(entry, state));
}

void warn_limit(const std::string& text) {
  if (PyErr_WarnEx(PyExc_RuntimeWarning, text.c_str(), 1) < 0) PyErr_Clear();
}

void log_recompile(const Context& context, const EntryPoint& entry, const capture::EntryPoint& state) {
  if (!flags::log_on("recompiles")) return;
  const std::string at = where(state.code, py::Code::of(state.code).line(state.offset));
  std::fprintf(stderr, "framejit recompiles: %s (%s)%s\n", py::utf8(context.name).c_str(), at.c_str(),
               misses(entry, state).c_str());
}

void log_fallback(const capture::Segment& segment) {
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  const Ref held[] = {Ref::steal(type), Ref::steal(value), Ref::steal(traceback)};
  if (!flags::log_on("breaks")) return;
  Ref text = value ? Ref::steal(PyObject_Str(value)) : Ref();
  PyErr_Clear();
  std::fprintf(stderr, "framejit breaks: a segment that begins well raised %s: %s\n%s\n",
               type ? reinterpret_cast<PyTypeObject*>(type)->tp_name : "nothing", py::utf8(text.get()).c_str(),
               segment.exit.reason ? break_text(segment.exit).c_str() : "");
}

void log_segment(const Context& context, const EntryPoint& entry, const LoadedSegment& loaded) {
  const capture::Segment& s = *loaded.segment;
  const std::string name = py::utf8(context.name);
  if (flags::log_on("breaks") && s.exit.kind != capture::ExitKind::Return) {
    std::fprintf(stderr, "framejit breaks: %s: %s\n", name.c_str(), break_text(s.exit).c_str());
  }
  if (flags::log_on("guards")) {
    std::fprintf(stderr, "framejit guards: %s at offset %d\n", name.c_str(), entry.offset);
    auto* code = entry.code.as<PyCodeObject>();
    for (const guard::Check& c : s.guards) {
      std::fprintf(stderr, "  %s\n", guard::describe(c, entry.tree.sources(), code).c_str());
    }
  }
  if (flags::log_on("segments")) std::fprintf(stderr, "%s\n", s.to_string(entry.tree.sources()).c_str());
}

bool allowed_in_fullgraph(const capture::Exit& exit) {
  if (exit.kind == capture::ExitKind::Loop) return true;
  return exit.kind == capture::ExitKind::Return || (exit.reason && std::strcmp(exit.reason, "raises") == 0);
}

void raise_fullgraph(const Context& context, const capture::Exit& exit) {
  const std::string text =
      cat("fullgraph=True, but ", py::utf8(context.name), " cannot be captured whole: ", break_text(exit));
  py::set_error(py::exception_type(ErrorKind::Unsupported), text);
}

}  // namespace fj::frame
