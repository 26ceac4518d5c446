// See shapes.h.
#include "capture/shapes.h"

#include "base/error.h"
#include "base/flags.h"
#include "base/hash.h"
#include "base/str.h"
#include "capture/replay.h"
#include "py/error.h"
#include "py/no_collection.h"
#include "tensor/layer.h"

namespace fj::capture {

using py::Ref;

namespace {
constexpr size_t kMaxInstances = 256;  // of one segment; the least recently used go first

struct SavedPythonError {
  PyObject *type, *value, *tb;
  SavedPythonError() { PyErr_Fetch(&type, &value, &tb); }
  ~SavedPythonError() { PyErr_Restore(type, value, tb); }
};
}  // namespace

size_t Shapes::Hash::operator()(const Key& k) const {
  Hasher h;
  for (int64_t v : k) h.add(static_cast<uint64_t>(v));
  return h.value();
}

Shapes::Shapes(Tape tape, const CompileOptions& options, const std::shared_ptr<Program>& program)
    : tape_(std::move(tape)), options_(options), backend_(Ref::borrow(options.backend)) {
  if (tape_.all_sizes) shared_ = program;
  for (Tape::Known& known : tape_.slots) known.value = {};  // fakes of the trace are of no more use
}

bool Shapes::read_key(guard::Fetched& fetched) {
  key_.clear();
  for (const Symbol& s : tape_.symbols) {
    PyObject* o = fetched.get(s.source);
    if (!o) return false;
    if (s.what == Symbol::Value) {
      if (!PyLong_CheckExact(o)) return false;
      int overflow = 0;
      key_.push_back(PyLong_AsLongLongAndOverflow(o, &overflow));
      if (overflow) return false;
      continue;
    }
    if (!is_tensor(o)) return false;
    const TensorMeta& m = as_tensor(o)->meta;
    const Shape& row = s.what == Symbol::Size ? m.sizes : m.strides;
    if (static_cast<size_t>(s.dim) >= row.size()) return false;
    key_.push_back(row[static_cast<size_t>(s.dim)]);
  }
  return true;
}

guard::Outcome Shapes::admit(guard::Fetched& fetched) {
  if (!tape_.looks) return find(fetched) ? guard::Outcome::Pass : guard::Outcome::Fail;
  Chosen now = choose(fetched);  // other threads may run meanwhile
  admitted_ = std::move(now);
  admitted_for_ = &fetched;
  return admitted_.instance ? guard::Outcome::Pass : guard::Outcome::Fail;
}

InstanceRef Shapes::take(guard::Fetched& fetched, std::vector<TensorRef>& found) {
  if (!tape_.looks) return find(fetched);
  Chosen now = admitted_for_ == &fetched ? std::exchange(admitted_, {}) : choose(fetched);
  if (admitted_for_ == &fetched) admitted_for_ = nullptr;
  for (Look& look : now.looks)
    for (TensorRef& t : look.found) found.push_back(std::move(t));
  return now.instance;
}

namespace {

// False if an input cannot be fetched.
bool look_again(const Instance& at, guard::Fetched& fetched, std::vector<Look>& looks) {
  std::vector<TensorRef> found, inputs;
  for (const Look& look : looks) found.insert(found.end(), look.found.begin(), look.found.end());
  SmallVec<TensorObj*, 16> borrowed;
  for (size_t i = 0; i < at.sources.size(); ++i) {
    PyObject* input = at.input(i, found);
    if (!input) input = fetched.get(at.sources[i]);
    if (!input || !is_tensor(input)) return false;
    inputs.push_back(TensorRef::borrow(as_tensor(input)));
    borrowed.push_back(as_tensor(input));
  }
  looks.push_back(look_now(*at.finder, at.reads, borrowed));
  return true;
}

}  // namespace

Shapes::Chosen Shapes::choose(guard::Fetched& fetched) {
  Chosen chosen;
  SavedPythonError before;
  if (!read_key(fetched)) return chosen;
  Key key = key_;
  for (;;) {
    InstanceRef at;
    if (auto it = table_.find(key); it != table_.end()) {
      it->second.used = ++clock_;
      at = it->second.instance;
    } else {
      at = make(fetched, &chosen.looks);
      insert(key, at);
    }
    if (!at->finder) {
      if (at->fits) chosen.instance = std::move(at);
      return chosen;
    }
    if (!look_again(*at, fetched, chosen.looks)) return chosen;
    add_to_key(chosen.looks.back(), key);
  }
}

InstanceRef Shapes::find(guard::Fetched& fetched) {
  if (!read_key(fetched)) return nullptr;
  if (!last_ || key_ != last_key_) {
    auto it = table_.find(key_);
    InstanceRef instance;
    if (it != table_.end()) {
      it->second.used = ++clock_;
      instance = it->second.instance;
    } else {
      const Key wanted = key_;
      instance = make(fetched, nullptr);
      key_ = wanted;  // making one may have run a back end that called this function
      insert(key_, instance);
    }
    last_key_ = key_;
    last_ = std::move(instance);
  }
  return last_->fits ? last_ : nullptr;
}

void Shapes::insert(const Key& key, InstanceRef instance) {
  if (table_.size() >= kMaxInstances) {
    auto oldest = table_.begin();
    for (auto it = table_.begin(); it != table_.end(); ++it)
      if (it->second.used < oldest->second.used) oldest = it;
    table_.erase(oldest);
  }
  table_[key] = {std::move(instance), ++clock_};
}

InstanceRef Shapes::make(guard::Fetched& fetched, const std::vector<Look>* looks) {
  auto made = std::make_shared<Instance>();
  const py::NoCollection calm;
  SavedPythonError before;
  Replay replay(tape_, fetched, looks);
  if (!replay.run()) {
    if (!replay.next_look()) return made;
    made->fits = shared_ && !tape_.relies_on_looks();
    made->program = shared_;
    if (made->fits) return made;
    made->finder = std::move(replay.next_look());
    made->reads = replay.reads_next();
    made->sources = std::move(replay.sources());
    made->found = std::move(replay.found());
    made->inputs = std::move(replay.made());
    return made;
  }
  made->fits = py::guarded(false, [&] {
    compile(replay, *made);
    return true;
  });
  PyErr_Clear();
  for (Slot s : tape_.numbers) made->numbers.push_back(Ref::borrow(replay.slot(s)));
  if (shared_) return made;
  made->inputs = std::move(replay.made());
  if (tape_.looks) made->found = std::move(replay.found());
  return made;
}

void Shapes::compile(Replay& replay, Instance& made) {
  if (shared_) {
    made.program = shared_;
    return;
  }
  if (replay.graph().nodes.empty() && tape_.outputs.empty()) return;
  LayerPause none;
  made.program = compiler()(replay.graph(), replay.examples(), options_);
}

void Shapes::add_traced(guard::Fetched& fetched, Instance made) {
  made.fits = true;
  if (read_key(fetched)) insert(key_, std::make_shared<Instance>(std::move(made)));
}

bool Shapes::would_fit(guard::Fetched& fetched, const std::vector<int64_t>& values) const {
  const py::NoCollection calm;
  SavedPythonError before;
  Replay replay(tape_, fetched, values);
  return replay.run() || replay.next_look();  // what comes of other sizes' data is not known
}

void Shapes::verify(guard::Fetched& fetched, const std::string& traced) {
  Chosen chosen;
  if (tape_.looks && shared_ && !tape_.relies_on_looks()) return;  // nothing is looked at
  if (tape_.looks) chosen = choose(fetched);
  Replay replay(tape_, fetched, &chosen.looks);
  FJ_CHECK(replay.run(), "the calls of a trace do not go the same way again");
  const std::string again = graph::print(replay.graph());
  FJ_CHECK(again == traced, "the calls of a trace give another graph:\n", again, "instead of\n", traced);
}

std::string Shapes::describe(const guard::SourceTable& sources, PyCodeObject* code) const {
  std::string text;
  auto add = [&](const std::string& fact) {
    if (text.size() > 400 || text.find(fact) != std::string::npos) return;
    text += cat(text.empty() ? "" : ", ", fact);
  };
  for (const TapeStep& s : tape_.steps)
    if (s.result.what == Pattern::Equal || s.result.what == Pattern::Raises)
      add(capture::describe(tape_, s, sources, code));
  if (!text.empty()) return text;
  if (tape_.looks) add("sizes that depend on data");
  for (const Symbol& s : tape_.symbols) {
    const std::string path = sources.describe(s.source, code);
    add(s.what == Symbol::Size     ? cat(path, ".shape[", s.dim, "]")
        : s.what == Symbol::Stride ? cat(path, ".stride(", s.dim, ")")
                                   : path);
  }
  return cat("the calls go the same way for ", text);
}

}  // namespace fj::capture
