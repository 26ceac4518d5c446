// Which values a trace can still reach: generators that it cannot are closed, as CPython does when the last reference
// goes.
#include <unordered_set>

#include "capture/generator.h"
#include "capture/tensors.h"

namespace fj::capture {

namespace {

class Reach {
 public:
  explicit Reach(Tracer& t) : t_(t) {}

  void visit(V v) {
    if (v && seen_.insert(v).second) waiting_.push_back(v);
  }
  void visit(const Values& values) {
    for (V v : values) visit(v);
  }
  template <class K>
  void visit(const std::vector<std::pair<K, V>>& pairs) {
    for (auto& pair : pairs) visit(pair.second);
  }
  void visit(const SymFrame& f) {
    visit(f.locals);
    visit(f.stack);
    for (V v : {static_cast<V>(f.function), static_cast<V>(f.space), f.kwnames, f.result, f.thrown, f.own_handled})
      visit(v);
  }
  void run() {
    while (!waiting_.empty()) {
      V v = waiting_.back();
      waiting_.pop_back();
      parts_of(v);
    }
  }
  bool has(V v) const { return seen_.count(v) != 0; }
  bool raised = false;  // an exception with a traceback: that holds the locals of frames that have been left

 private:
  void dict(DictValue* d) {
    visit(static_cast<V>(d->attrs));
    visit(d->default_factory);
    for (auto& e : d->entries) {
      visit(e.key);
      visit(e.value);
    }
  }
  void object(ObjectValue* o) {
    raised |= o->raised;
    for (V part : {static_cast<V>(o->dict), static_cast<V>(o->args), o->cause, o->context}) visit(part);
    visit(o->slots);
  }
  void function(FunctionValue* f) {
    for (V part : {f->defaults, f->kwdefaults, f->annotations, static_cast<V>(f->attrs)}) visit(part);
    visit(f->closure);
    visit(f->members);
  }
  void iterator(IteratorValue* it) {
    for (V part : {it->over, it->count, static_cast<V>(it->live)}) visit(part);
    visit(it->parts);
    visit(it->maker_args);
    if (it->frame && !it->done) visit(*it->frame);
  }
  void parts_of(V v) {
    switch (v->is) {
      case Is::Tuple: visit(as<TupleValue>(v)->items), visit(static_cast<V>(as<TupleValue>(v)->attrs)); break;
      case Is::List: visit(as<ListValue>(v)->items), visit(static_cast<V>(as<ListValue>(v)->attrs)); break;
      case Is::Dict: dict(as<DictValue>(v)); break;
      case Is::Set: visit(as<SetValue>(v)->items); break;
      case Is::Object: object(as<ObjectValue>(v)); break;
      case Is::Function: function(as<FunctionValue>(v)); break;
      case Is::Method: visit(as<MethodValue>(v)->func), visit(as<MethodValue>(v)->self); break;
      case Is::Native: visit(as<NativeValue>(v)->self); break;
      case Is::Cell: visit(as<CellValue>(v)->contents); break;
      case Is::Slice: visit({as<SliceValue>(v)->start, as<SliceValue>(v)->stop, as<SliceValue>(v)->step}); break;
      case Is::Iterator: iterator(as<IteratorValue>(v)); break;
      case Is::Super: visit(as<SuperValue>(v)->self); break;
      case Is::View: visit(static_cast<V>(as<ViewValue>(v)->dict)); break;
      case Is::Partial:
        visit(as<PartialValue>(v)->func);
        visit(as<PartialValue>(v)->args);
        visit(as<PartialValue>(v)->keywords);
        visit(static_cast<V>(as<PartialValue>(v)->attrs));
        break;
      case Is::Const:
        if (const auto* maker = t_.maker_of(v)) visit(maker->args);
        break;
      case Is::Tensor: visit(as<TensorValue>(v)->grad); break;
      case Is::Array: break;  // its tensor has no gradient
      case Is::Opaque: break;
    }
  }

  Tracer& t_;
  std::unordered_set<V> seen_;
  Values waiting_;
};

void from_roots(Tracer& t, Reach& reach) {
  for (const SymFrame* f = t.frame; f; f = f->caller) reach.visit(*f);
  reach.visit(t.handled);
  for (V v : t.outside_values()) reach.visit(v);
  for (auto& w : t.class_writes) reach.visit(w.value);
  reach.run();
}

bool is_pending(IteratorValue* g) {
  return !g->done && g->frame->started && !g->frame->executing && has_clean_up(*g->frame);
}

bool holds_itself(Tracer& t, IteratorValue* g) {
  Reach inside(t);
  inside.visit(*g->frame);
  inside.run();
  return inside.has(g);
}

}  // namespace

// Somebody may notice when the last reference to it goes: then CPython does that, at its place.
void check_let_go(Tracer& t, PyObject* real) {
  if (!real || is_plain_constant(real) || is_tensor(real)) return;
  PyTypeObject* type = Py_TYPE(real);
  const bool watched =
      PyType_SUPPORTS_WEAKREFS(type) && *reinterpret_cast<PyObject**>(PyObject_GET_WEAKREFS_LISTPTR(real));
  if (is_identity_constant(real)) return;
  if (watched || (is_python_class(type) && t.type_lookup(type, FJ_NAME("__del__"))))
    cut(Reason::lifetime, "an object of type ", type->tp_name, " is let go");
}

void let_go(Tracer& t) {
  Values pending;
  for (IteratorValue* g : t.generators)
    if (is_pending(g)) pending.push_back(g);
  // Where C++ code stands between two frames it may hold values that cannot be seen here.
  if (pending.empty() || !t.frame || !t.frame->nests) return;
  Reach reach(t);
  from_roots(t, reach);
  IteratorValue* lost = nullptr;
  for (V v : pending) {
    if (reach.has(v) || holds_itself(t, as<IteratorValue>(v))) continue;
    if (reach.raised) cut(Reason::lifetime, "a generator that the frames of an exception's traceback may hold");
    if (lost) cut(Reason::lifetime, "two generators that are let go at once");  // which one goes first is not known
    lost = as<IteratorValue>(v);
  }
  if (!lost) return;
  V handled = t.handled;
  try {
    close_generator(t, lost);
  } catch (Raised&) {  // CPython would print it
    t.handled = handled;
    cut(Reason::lifetime, "a generator that raises when it is let go");
  }
}

}  // namespace fj::capture
