// See entry.h.
#include "frame/entry.h"

#include <algorithm>
#include <cstring>

#include "frame/bare.h"

namespace fj::frame {

using capture::ExitKind;

namespace {

TraceFn the_tracer = nullptr;

// The instructions at which control leaves the handlers that an exception at `index` would go to: the first ones
// outside.
void add_handler_exits(const py::Code& code, int index, std::vector<int32_t>& out) {
  const py::Handler* first = code.handler(index);
  if (!first) return;
  std::vector<int32_t> work{first->target};
  std::vector<bool> seen(code.instrs().size(), false);
  while (!work.empty()) {
    const int at = work.back();
    work.pop_back();
    if (at < 0 || at >= code.units()) continue;
    const auto k = static_cast<size_t>(code.ordinal(at));
    if (seen[k]) continue;
    seen[k] = true;
    const py::Instr& in = code.instrs()[k];
    if (!code.in_handler(at) && at != first->target) {
      out.push_back(in.index);
      continue;
    }
    if (!in.ends) work.push_back(in.next);
    work.push_back(in.target);
    if (const py::Handler* outer = code.handler(at)) work.push_back(outer->target);
  }
}

bool is_reason(const capture::Exit& exit, const char* name) {
  return exit.reason && std::strcmp(exit.reason, name) == 0;
}

}  // namespace

void register_tracer(TraceFn fn) { the_tracer = fn; }
TraceFn tracer() { return the_tracer; }

namespace {

std::vector<int32_t> traps_of(const capture::Exit& exit, size_t level) {
  const capture::Snapshot& shot = exit.frames[level];
  const py::Code& code = py::Code::of(shot.code.as<PyCodeObject>());
  const int from = shot.offset;
  std::vector<int32_t> traps;
  if (level + 1 == exit.frames.size()) {
    if (!code.at(from).ends) traps.push_back(exit.next);
    traps.push_back(exit.target);
  }
  add_handler_exits(code, from, traps);
  std::sort(traps.begin(), traps.end());
  traps.erase(std::unique(traps.begin(), traps.end()), traps.end());
  // A trap at the unit itself would never let it run, and a handler is run by CPython to its end.
  std::erase_if(traps, [&](int t) {
    return t < 0 || t == from || t >= code.units() || !code.resumable(t) || code.in_handler(t);
  });
  return traps;
}

}  // namespace

namespace {

bool all_distinct(const capture::Snapshot& shot) {
  std::vector<capture::RecipeId> ids = shot.locals;
  ids.insert(ids.end(), shot.stack.begin(), shot.stack.end());
  std::erase_if(ids, [](capture::RecipeId id) { return id < 0; });
  std::sort(ids.begin(), ids.end());
  return std::adjacent_find(ids.begin(), ids.end()) == ids.end();
}

}  // namespace

LoadedSegment::LoadedSegment(std::unique_ptr<capture::Segment> s) : segment(std::move(s)) {
  const capture::Exit& exit = segment->exit;
  returns = exit.kind == ExitKind::Return;
  plain = std::all_of(segment->recipes.begin(), segment->recipes.end(), [](const capture::Recipe& r) {
    using capture::Make;
    return r.make == Make::Source || r.make == Make::Const || r.make == Make::Output || r.make == Make::Number;
  });
  bare = is_bare(*segment);
  if (bare) list_changes(*this);
  nothing = exit.kind == ExitKind::Resume && exit.frames.empty();
  distinct = exit.frames.size() == 1 && all_distinct(exit.frames[0]);
  if (returns || exit.kind == ExitKind::Resume || exit.frames.empty()) return;
  if (is_reason(exit, "yields")) {  // whoever resumes the generator finds its frame again
    traps.resize(1);
    return;
  }
  compiles_callee = !is_reason(exit, "asked_for") && !is_reason(exit, "raises");
  for (size_t level = 0; level < exit.frames.size(); ++level) traps.push_back(traps_of(exit, level));
  if (exit.kind != ExitKind::Break && exit.kind != ExitKind::Branch) return;
  unit = unit_of(py::Code::of(exit.frames.back().code.as<PyCodeObject>()), exit);
  if (exit.kind == ExitKind::Branch) {
    unit.how = Unit::ToBool;
    return;
  }
  // Where compiled code cannot go on, CPython does.
  for (int at : {unit.next, unit.target})
    if (at >= 0 && !std::binary_search(traps.back().begin(), traps.back().end(), at)) unit.how = Unit::Interpreter;
}

EntryPoint* EntryTable::find(PyCodeObject* code, int offset) {
  auto it = entries_.find({code, offset});
  return it == entries_.end() ? nullptr : it->second.get();
}

EntryPoint& EntryTable::look_up(PyCodeObject* code, int offset) {
  const py::Code& decoded = py::Code::of(code);
  std::unique_ptr<EntryPoint>& slot = entries_[{code, offset}];
  if (!slot) {
    slot = std::make_unique<EntryPoint>();
    slot->code = py::Ref::borrow(code);
    slot->decoded = &decoded;
    slot->offset = offset;
  }
  if (offset == 0) last_start_ = slot.get();
  return *slot;
}

int EntryTable::traverse(visitproc visit, void* arg, guard::Held held) const {
  for (const auto& [key, entry] : entries_) {
    if (const int stop = entry->tree.traverse(visit, arg, held)) return stop;
    for (const auto& loaded : entry->segments) {
      for (const guard::Check& c : loaded->segment->guards)
        if (const int stop = guard::visit_check(c, visit, arg, held, false)) return stop;
      for (const capture::Recipe& r : loaded->segment->recipes) {
        if (entry->tree.is_found(r.object.get()) ? held.found : held.own) Py_VISIT(r.object.get());
        if (!held.own) continue;
        for (const auto& [name, id] : r.attrs) Py_VISIT(name.get());
      }
    }
  }
  return 0;
}

}  // namespace fj::frame
