// Running a trace, again and again until it has an exit that can be written.
#include "capture/tracer.h"

#include "base/error.h"
#include "base/flags.h"
#include "capture/exit.h"
#include "capture/number.h"
#include "capture/sizes.h"
#include "capture/tensors.h"
#include "py/dict.h"
#include "tensor/overrides.h"

namespace fj::capture {

namespace {
CompileFn registered_compiler = nullptr;
CompileTapeFn registered_tape_compiler = nullptr;
}  // namespace

void register_compiler(CompileFn fn) { registered_compiler = fn; }
CompileFn compiler() { return registered_compiler; }
void register_tape_compiler(CompileTapeFn fn) { registered_tape_compiler = fn; }
CompileTapeFn tape_compiler() { return registered_tape_compiler; }

Tracer::Tracer(const EntryPoint& e, guard::Tree& tr, const CompileOptions& o)
    : entry(e),
      tree(tr),
      options(o),
      takes_calls(capture::takes_calls(o)),
      tensors(new TensorSession),
      tape(new_tape(tr, o, takes_calls)) {
  asked_at_start = overrides::objects_asked;
  if (tape) tensors->watch(*this);
}

PyObject* Tracer::value_at(SourceId source) {
  guard::Fetched fetched(tree.sources(), entry.values);
  PyObject* now = fetched.get(source);
  return keep(Ref::borrow(now));
}
// The classes that served the trace are not to be found through their bases.
Tracer::~Tracer() {
  overrides::objects_asked = asked_at_start;
  for (auto& [v, maker] : makers_)
    if (v->is == Is::Const && PyType_Check(v->real)) py::forget_subclass(reinterpret_cast<PyTypeObject*>(v->real));
}

SymFrame* Tracer::new_frame(PyCodeObject* code) {
  frames_.push_back(std::make_unique<SymFrame>(py::Code::of(code)));
  return frames_.back().get();
}

std::vector<std::pair<Ref, int64_t>> Tracer::executed_by_code() const {
  std::vector<std::pair<Ref, int64_t>> out;
  std::unordered_map<PyCodeObject*, size_t> at;
  for (const auto& f : frames_) {
    const auto [row, added] = at.try_emplace(f->object(), out.size());
    if (added) out.emplace_back(Ref::borrow(reinterpret_cast<PyObject*>(f->object())), 0);
    out[row->second].second += f->executed;
  }
  return out;
}

namespace {

void fill_outermost(Tracer& t, SymFrame& f) {
  const guard::Entry& values = t.entry.values;
  const bool at_start = t.entry.offset == 0;
  f.pc = t.entry.offset;
  if (!at_start) t.loop_stores = stored_in_loop(f.code, t.entry.offset);
  f.globals = PyFunction_GET_GLOBALS(reinterpret_cast<PyObject*>(t.entry.function));
  f.locals.resize(static_cast<size_t>(f.code.locals_count()));
  for (int i = 0; i < values.nlocals && i < f.code.locals_count(); ++i) {
    const SourceId source = t.source(Step::Local, guard::kNoSource, i);
    if (values.locals[i])
      f.locals[static_cast<size_t>(i)] = t.wrap(values.locals[i], source);
    else if (!at_start)
      t.guard(Kind::Absent, source);
  }
  for (int i = 0; i < values.nstack; ++i) {
    const SourceId source = t.source(Step::Stack, guard::kNoSource, i);
    if (!values.stack[i]) t.guard(Kind::Absent, source);
    f.push(values.stack[i] ? t.wrap(values.stack[i], source) : nullptr);
  }
  V self = t.wrap(reinterpret_cast<PyObject*>(t.entry.function), t.source(Step::Function, guard::kNoSource));
  f.function = as<FunctionValue>(self);
  t.use(self);
}

struct Attempt {
  int64_t stop = -1;
  bool again = false;
  Break why{Reason::internal, ""};
};

// Where the trace is cut for what happened: never inside a handler.
Attempt cut_at(const CutPoint& point, Break why) {
  if (!point.in_handler) return {point.step, false, std::move(why)};
  why.detail = cat(row(why.reason).words, ": ", why.detail);
  why.reason = Reason::in_handler;
  return {point.step, false, std::move(why)};
}

std::string exception_words(V e) {
  std::string words = e->cls->tp_name;
  auto& args = as<ObjectValue>(e)->args;
  if (args && !args->items.empty() && args->items[0]->is == Is::Const && PyUnicode_Check(args->items[0]->real))
    words += cat(": ", py::utf8(args->items[0]->real));
  return words;
}

// The mark of disable(recursive=False).
bool is_instruction_wise(PyFunctionObject* function) {
  PyObject* mark = function && function->func_dict
                       ? PyDict_GetItemWithError(function->func_dict, FJ_NAME("_framejit_disable"))
                       : nullptr;
  return mark && PyUnicode_Check(mark) && is_text(mark, "calls");
}

// One run. Returns the segment, or what the next run is to stop at.
std::unique_ptr<Segment> attempt(const EntryPoint& entry, guard::Tree& tree, const CompileOptions& options,
                                 Attempt& plan) {
  Tracer t(entry, tree, options);
  t.stop_at = plan.stop;
  t.instruction_wise = is_instruction_wise(entry.function);
  if (t.instruction_wise) plan.why = {Reason::disabled, "disable(recursive=False)"};
  auto s = std::make_unique<Segment>();
  SymFrame* f = t.new_frame(entry.code);
  t.outermost = f;
  f->nests = true;
  t.guard(Kind::Modes, guard::kNoSource, nullptr, modes_now());
  try {
    fill_outermost(t, *f);
    try {
      V result = run_frame(t, *f);
      write_return(t, *s, result);
    } catch (StopHere&) {
      t.frame = t.stopped_in;
      if (!t.stopped_for.detail.empty()) plan.why = t.stopped_for;
      if (const CutPoint point = t.cut_point(); point.in_handler) {  // what could not be rebuilt was made in a handler
        plan = cut_at(point, std::move(plan.why));
        return nullptr;
      }
      write_break(t, *s, *t.stopped_in, plan.why);
    }
    return s;
  } catch (Again&) {
    plan = {-1, true, {Reason::internal, "the trace began anew too often"}};
  } catch (Break& b) {
    plan = cut_at(b.cut, std::move(b));
  } catch (Raised& r) {
    plan = cut_at(r.cut, {Reason::raises, exception_words(r.exception)});
  } catch (CannotRebuild& c) {
    plan = {c.before, false, {Reason::escape, c.what}};
  }
  return nullptr;
}

// A call of a generator function makes the generator; its frame, once it runs, may be captured.
bool refuses(const EntryPoint& entry) {
  const int flags = entry.code->co_flags;
  return (flags & (CO_COROUTINE | CO_ASYNC_GENERATOR)) || ((flags & CO_GENERATOR) && entry.offset == 0);
}

std::unique_ptr<Segment> give_up(const EntryPoint& entry, const Break& why) {
  auto s = std::make_unique<Segment>();
  s->exit.kind = ExitKind::Resume;
  s->exit.reason = row(why.reason).name;
  s->exit.detail = why.detail;
  s->exit.line = entry.code->co_firstlineno;
  s->exit.where = Ref::borrow(reinterpret_cast<PyObject*>(entry.code));
  return s;
}

}  // namespace

std::unique_ptr<Segment> trace(const EntryPoint& entry, guard::Tree& tree, const CompileOptions& options) {
  if (refuses(entry)) return give_up(entry, {Reason::generator_function, "the compiled function"});
  Attempt plan;
  PyObject *type, *value, *tb;
  PyErr_Fetch(&type, &value, &tb);
  std::unique_ptr<Segment> s;
  try {
    constexpr int kMostRestarts = 1000;
    int restarts = 0;
    for (int64_t before = INT64_MAX; !s;) {
      s = attempt(entry, tree, options, plan);
      PyErr_Clear();
      if (!s && plan.again && ++restarts < kMostRestarts) {
        plan = {};
        before = INT64_MAX;
        continue;
      }
      if (!s && (plan.stop < 0 || plan.stop >= before)) s = give_up(entry, plan.why);
      before = plan.stop;
    }
  } catch (const Error& e) {
    s = give_up(entry, {Reason::internal, e.message()});
  } catch (const std::exception& e) {
    s = give_up(entry, {Reason::internal, e.what()});
  }
  PyErr_Restore(type, value, tb);
  return s;
}

}  // namespace fj::capture
