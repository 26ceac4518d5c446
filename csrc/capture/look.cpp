// See look.h.
#include "capture/look.h"

#include <cstring>

#include "capture/leaf.h"
#include "capture/tensors.h"
#include "capture/tracer.h"
#include "py/error.h"
#include "tensor/storage.h"

namespace fj::capture {

namespace {

FinderFn registered_finder = nullptr;

void add_text(PyObject* text, std::vector<int64_t>& key) {
  Py_ssize_t size = 0;
  const char* bytes = text && PyUnicode_Check(text) ? PyUnicode_AsUTF8AndSize(text, &size) : nullptr;
  key.push_back(size);
  for (Py_ssize_t i = 0; bytes && i < size; i += 8) {
    int64_t word = 0;
    std::memcpy(&word, bytes + i, static_cast<size_t>(std::min<Py_ssize_t>(8, size - i)));
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

namespace {

// Is the graph to be written down? Then there is nobody to look before it runs.
bool exports(const CompileOptions& options) {
  return options.backend && PyObject_HasAttr(options.backend, FJ_NAME("_framejit_exports"));
}

}  // namespace

bool may_look(const Tracer& t) {
  const OnBreak now = thread_state().autocast.on_break;
  return t.tape && !exports(t.options) && (now == OnBreak::AsCompiled ? t.options.fullgraph : now == OnBreak::Error);
}

V number_in(Tracer& t, V tensor, PyObject* by) {
  if (!may_look(t)) {
    Ref name = Ref::steal(PyObject_GetAttrString(by, "__name__"));
    cut(Reason::data_dependent, PyUnicode_AsUTF8(name.get()), "() of a tensor");
  }
  Leaf arg = t.leaf_of(tensor, Reason::data_dependent, "a tensor as a number");
  return t.leaf(leaf_call, 0, {Leaf::constant(by), Leaf::tuple({std::move(arg)}), Leaf::constant(Py_None)});
}

V index_in(Tracer& t, V tensor) {
  Ref module = Ref::steal(PyImport_ImportModule("operator"));
  Ref index = module ? Ref::steal(PyObject_GetAttrString(module.get(), "index")) : Ref();
  if (!index) throw py::PythonError();
  return number_in(t, tensor, index.get());
}

void TraceObserver::look(trace::TraceSession& session, const OpDef* op, fj::Args args, Outs& results) {
  if (!may_look(tracer_))
    raise(ErrorKind::DataDependent, op ? op->name : "Python",
          op ? "() gives a result whose shape depends on" : " needs", " the elements of a traced tensor");
  std::vector<PyObject*> examples = tracer_.tensors->examples();
  std::unique_ptr<Finder> finder = make_finder(session.graph(), op, args, examples);
  SmallVec<TensorObj*, 16> inputs;
  for (PyObject* o : examples) inputs.push_back(as_tensor(o));
  looks_.push_back(look_now(*finder, !op, inputs));
  tracer_.tape->look(tracer_.step);
  tell(looks_.back(), results);
}

bool TraceObserver::has_found(const TensorObj* t) const {
  for (const Look& look : looks_)
    for (const TensorRef& found : look.found)
      if (found.get() == t) return true;
  return false;
}

}  // namespace fj::capture
