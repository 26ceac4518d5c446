// See look.h.
#include "capture/look.h"

#include <algorithm>
#include <cstring>

#include "capture/leaf.h"
#include "capture/tensors.h"
#include "capture/tracer.h"
#include "py/imported.h"
#include "tensor/storage.h"

namespace fj::capture {

namespace {

FinderFn registered_finder = nullptr;

void add_text(PyObject* text, std::vector<int64_t>& key) {
  const std::string bytes = text ? py::utf8(text) : "";
  key.push_back(static_cast<int64_t>(bytes.size()));
  for (size_t i = 0; i < bytes.size(); i += 8) {
    int64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min<size_t>(8, bytes.size() - i));
    key.push_back(word);
  }
}

void add_elements(const TensorObj* t, std::vector<int64_t>& key) {
  const auto size = static_cast<size_t>(size_of(t->meta.dtype));
  const std::byte* data = data_of(t);
  SmallVec<Dim, 6> at(t->meta.sizes.size(), 0);
  for (Dim n = t->meta.numel(); n > 0; --n) {
    Dim offset = 0;
    for (size_t d = 0; d < at.size(); ++d) offset += at[d] * t->meta.strides[d];
    int64_t words[2] = {0, 0};
    std::memcpy(words, data + offset * static_cast<Dim>(size), size);
    key.push_back(words[0]);
    if (size > 8) key.push_back(words[1]);
    for (size_t d = at.size(); d-- > 0 && ++at[d] == t->meta.sizes[d];) at[d] = 0;
  }
}

}  // namespace

void register_finder(FinderFn fn) { registered_finder = fn; }

std::unique_ptr<Finder> make_finder(const graph::Graph& so_far, const OpDef* op, fj::Args args,
                                    const std::vector<PyObject*>& examples) {
  if (!registered_finder) raise(ErrorKind::DataDependent, "no compiler is registered");
  LayerPause none;
  return registered_finder(so_far, op, args, examples);
}

Look look_now(Finder& finder, bool elements, std::span<TensorObj* const> inputs) {
  Look look;
  look.elements = elements;
  const bool ok = py::guarded(false, [&] {
    LayerPause none;
    RecorderScope computing(nullptr);
    GradModeGuard no_grad(false);
    finder.find(inputs, look.found);
    return true;
  });
  if (ok) return look;
  PyObject *type, *value, *tb;
  PyErr_Fetch(&type, &value, &tb);
  PyErr_NormalizeException(&type, &value, &tb);
  Ref t = Ref::steal(type), b = Ref::steal(tb);
  look.error = Ref::steal(value);
  look.found.clear();
  return look;
}

void tell(const Look& look, Outs& results) {
  if (look.error) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(look.error.get())), look.error.get());
    throw py::PythonError();
  }
  for (const TensorRef& t : look.found) results.push_back(t);
}

void add_to_key(const Look& look, std::vector<int64_t>& key) {
  if (look.error) {
    key.push_back(-1);
    key.push_back(reinterpret_cast<intptr_t>(Py_TYPE(look.error.get())));
    Ref text = Ref::steal(PyObject_Str(look.error.get()));
    PyErr_Clear();
    return add_text(text.get(), key);
  }
  for (const TensorRef& t : look.found) {
    key.push_back(static_cast<int64_t>(t->meta.sizes.size()));
    key.insert(key.end(), t->meta.sizes.begin(), t->meta.sizes.end());
    if (look.elements) add_elements(t.get(), key);
  }
}

bool exports(const CompileOptions& options) {
  return options.backend && PyObject_HasAttr(options.backend, FJ_NAME("_framejit_exports"));
}

bool wants_whole(const Tracer& t) {
  const OnBreak now = thread_state().autocast.on_break;
  return now == OnBreak::AsCompiled ? t.options.fullgraph : now == OnBreak::Error;
}

bool may_look(const Tracer& t) { return t.tape && !exports(t.options) && wants_whole(t); }

V number_in(Tracer& t, V tensor, PyObject* by) {
  if (!may_look(t)) {
    Ref name = Ref::steal(PyObject_GetAttrString(by, "__name__"));
    cut(Reason::data_dependent, py::utf8(name.get()), "() of a tensor");
  }
  Leaf arg = t.leaf_of(tensor, Reason::data_dependent, "a tensor as a number");
  return t.leaf(leaf_call, 0, {Leaf::constant(by), Leaf::tuple({std::move(arg)}), Leaf::constant(Py_None)});
}

V index_in(Tracer& t, V tensor) {
  static constinit py::Imported index{"operator", "index"};
  return number_in(t, tensor, index.get());
}

V call_method_of_tensors(Tracer& t, const char* name, V tensor, PyObject* arg) {
  Ref method = Ref::steal(PyObject_GetAttrString(reinterpret_cast<PyObject*>(tensor_type), name));
  if (!method) throw py::PythonError();
  std::vector<Leaf> args;
  args.push_back(t.leaf_of(tensor, Reason::data_dependent, name));
  if (arg) args.push_back(Leaf::constant(arg));
  return t.leaf(leaf_call, 0, {Leaf::constant(method.get()), Leaf::tuple(std::move(args)), Leaf::constant(Py_None)});
}

namespace {

bool uses(const Tape& tape, Slot slot) {
  for (Slot s : tape.numbers)
    if (s == slot) return true;
  for (const TapeStep& step : tape.steps)
    for (const Operand& o : step.args)
      if (has_slot(o, slot)) return true;
  return false;
}

}  // namespace

V copy_for_reading(Tracer& t, V number, LeafFn fn, const std::vector<Leaf>& args) {
  if (number->is != Is::Const || number->slot == kNoSlot) return nullptr;
  PyObject* given = args[fn == leaf_method ? 2 : 1].object.get();
  PyObject* from = fn == leaf_method ? args[1].object.get() : nullptr;
  if (fn == leaf_call && PyTuple_CheckExact(given) && PyTuple_GET_SIZE(given) == 1) from = PyTuple_GET_ITEM(given, 0);
  if (fn == leaf_method && PyTuple_GET_SIZE(given)) return nullptr;
  V tensor = from && is_tensor(from) ? t.fake_value(from) : nullptr;
  if (!tensor) return nullptr;
  observer_of(t)->readings.push_back(number->slot);
  return call_method_of_tensors(t, "clone", call_method_of_tensors(t, "detach", tensor));
}

V copy_read(Tracer& t, V number) {
  if (!t.tape || number->slot == kNoSlot) return nullptr;
  const auto& readings = observer_of(t)->readings;
  const auto* maker =
      std::find(readings.begin(), readings.end(), number->slot) == readings.end() ? nullptr : t.maker_of(number);
  if (!maker) return nullptr;
  const bool cut_off = PyLong_CheckExact(number->real) &&
                       !is_integral(as_tensor(as<TensorValue>(maker->args[0])->fake)->meta.dtype);  // int(1.5)
  return cut_off ? nullptr : maker->args[0];
}

void drop_readings(Tracer& t) {
  Tape& tape = *t.tape;
  if (!tape.looks) return;
  for (Slot slot : observer_of(t)->readings) {
    if (uses(tape, slot)) continue;
    for (size_t i = 0; i < tape.steps.size(); ++i) {
      const Pattern& p = tape.steps[i].result;
      if (p.what != Pattern::Fill || p.slot != slot) continue;
      tape.drop_step(i);
      --tape.looks;
      break;
    }
  }
}

void TraceObserver::look(trace::TraceSession& session, const OpDef* op, fj::Args args, Outs& results) {
  std::vector<PyObject*> examples = tracer_.tensors->examples();
  std::unique_ptr<Finder> finder = make_finder(session.graph(), op, args, examples);
  SmallVec<TensorObj*, 16> inputs;
  for (PyObject* o : examples) inputs.push_back(as_tensor(o));
  looks_.push_back(look_now(*finder, !op, inputs));
  tracer_.tape->look(tracer_.step);
  tell(looks_.back(), results);
}

bool TraceObserver::may_look() const { return capture::may_look(tracer_); }

bool TraceObserver::has_found(const TensorObj* t) const {
  for (const Look& look : looks_)
    for (const TensorRef& found : look.found)
      if (found.get() == t) return true;
  return false;
}

}  // namespace fj::capture
