// Sorting: CPython's own list.sort decides what is compared with what, and in which order; the comparisons are the
// trace's.
//
// The list that is sorted holds stand-ins for the keys. A comparison of constants is made at once. One that the trace
// has to interpret cannot be made below CPython's sort, which an exception of C++ may not cross: the sort is stopped
// there and begun anew when the answer is known. It asks the same questions in the same order.
#include "capture/builtins.h"
#include "py/once.h"

namespace fj::capture {

namespace {

struct Run {
  const std::vector<Ref>* real;  // the keys as constants, or NULL
  std::vector<bool> answers;     // of a < b, in the order of the questions
  size_t asked = 0;
  Py_ssize_t left = 0, right = 0;  // the question that has no answer yet
  bool open = false;
};
thread_local Run* run_now = nullptr;

struct Stand {
  PyObject_HEAD Py_ssize_t index;
};
Py_ssize_t index_of(PyObject* stand) { return reinterpret_cast<Stand*>(stand)->index; }

PyObject* compare_stands(PyObject* a, PyObject* b, int op) {
  Run& run = *run_now;
  const auto at = [](PyObject* o) { return static_cast<size_t>(index_of(o)); };
  if (run.real) return PyObject_RichCompare((*run.real)[at(a)].get(), (*run.real)[at(b)].get(), op);
  if (run.asked < run.answers.size()) return PyBool_FromLong(run.answers[run.asked++]);
  run.left = index_of(a);
  run.right = index_of(b);
  run.open = true;
  PyErr_SetNone(PyExc_RuntimeError);
  return nullptr;
}

PyTypeObject* stand_type() {
  static PyTypeObject* type = nullptr;
  return py::once(type, [] {
    static PyType_Slot slots[] = {{Py_tp_richcompare, reinterpret_cast<void*>(compare_stands)}, {0, nullptr}};
    static PyType_Spec spec = {"framejit._C.SortKey", sizeof(Stand), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
    return reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  });
}

Ref stands(size_t n) {
  Ref list = Ref::steal(PyList_New(static_cast<Py_ssize_t>(n)));
  for (size_t i = 0; i < n; ++i) {
    auto* stand = PyObject_New(Stand, stand_type());
    stand->index = static_cast<Py_ssize_t>(i);
    PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), reinterpret_cast<PyObject*>(stand));
  }
  return list;
}

// false with a Python error set
bool sort_real(PyObject* list, Run& run, bool reverse) {
  struct Restore {
    Run* before = run_now;
    ~Restore() { run_now = before; }
  } restore;
  run_now = &run;
  run.asked = 0;
  run.open = false;
  Ref sort = Ref::steal(PyObject_GetAttrString(list, "sort"));
  Ref none = Ref::steal(PyTuple_New(0)), named = Ref::steal(PyDict_New());
  PyDict_SetItemString(named.get(), "reverse", reverse ? Py_True : Py_False);
  return static_cast<bool>(Ref::steal(PyObject_Call(sort.get(), none.get(), named.get())));
}

// What the list holds now: sorted, or as far as it got.
void take_order(Values& items, PyObject* list) {
  const Values before = items;
  for (size_t i = 0; i < items.size(); ++i)
    items[i] = before[static_cast<size_t>(index_of(PyList_GET_ITEM(list, static_cast<Py_ssize_t>(i))))];
}

bool all_constant(Tracer& t, const Values& keys, std::vector<Ref>& real) {
  for (V key : keys) {
    if (key->is != Is::Const && key->is != Is::Tuple && key->is != Is::List) return false;
    if (key->is == Is::Const && !is_plain_constant(key->real)) return false;
    if (has_tensor(key)) return false;
    real.push_back(t.to_real(key));
    if (!real.back()) return false;
  }
  return true;
}

constexpr size_t kMostInterpreted = 400;

}  // namespace

void sort_values(Tracer& t, Values& items, V key, bool reverse) {
  if (key && is_const(t, key, Py_None)) key = nullptr;
  Values keys;
  for (V v : items) keys.push_back(key ? call_values(t, key, {v}) : v);
  std::vector<Ref> real;
  Run run{};
  if (all_constant(t, keys, real)) run.real = &real;
  PyErr_Clear();
  if (!run.real && items.size() > kMostInterpreted) cut(Reason::too_long, "a sort of more than 400 objects");
  for (;;) {
    Ref list = stands(items.size());
    const bool done = sort_real(list.get(), run, reverse);
    if (!done && run.open) {
      PyErr_Clear();
      try {
        run.answers.push_back(
            truth(t, compare(t, Py_LT, keys[static_cast<size_t>(run.left)], keys[static_cast<size_t>(run.right)])));
      } catch (Raised&) {
        take_order(items, list.get());
        throw;
      }
      continue;
    }
    take_order(items, list.get());
    if (!done) t.raise_pending();
    return;
  }
}

}  // namespace fj::capture
