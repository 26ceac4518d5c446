// The structs are those of CPython 3.11 to 3.13, which has them in its .c files.
#include "py/iterators.h"

#include <algorithm>

namespace fj::py {

namespace {

struct RangeIterator {
  PyObject_HEAD
#if PY_VERSION_HEX < 0x030C0000
      long index;
#endif
  long start, step, len;
};

struct SequenceIterator {
  PyObject_HEAD Py_ssize_t index;
  PyObject* sequence;  // NULL when exhausted
};

struct DictIterator {
  PyObject_HEAD PyDictObject* dict;  // NULL when exhausted
  Py_ssize_t used, position;
  PyObject* result;
  Py_ssize_t len;
};

struct EnumObject {
  PyObject_HEAD Py_ssize_t index;
  PyObject *iterator, *result, *long_index;
};

struct ZipObject {
  PyObject_HEAD Py_ssize_t size;
  PyObject *iterators, *result;
  int strict;
};

template <class T>
T* as(PyObject* o) {
  return reinterpret_cast<T*>(o);
}

bool over_sequence(PyObject* it) { return Py_TYPE(it) == &PyListIter_Type || Py_TYPE(it) == &PyTupleIter_Type; }
bool reversed_list(PyObject* it) { return Py_TYPE(it) == &PyListRevIter_Type; }
bool over_dict(PyObject* it) {
  PyTypeObject* type = Py_TYPE(it);
  return type == &PyDictIterKey_Type || type == &PyDictIterValue_Type || type == &PyDictIterItem_Type;
}

// Value number k of the rest of a range, and how many there are.
struct RangeRest {
  long first, step, count;
};
RangeRest rest(RangeIterator* r) {
#if PY_VERSION_HEX < 0x030C0000
  const unsigned long first =
      static_cast<unsigned long>(r->start) + static_cast<unsigned long>(r->index) * static_cast<unsigned long>(r->step);
  return {static_cast<long>(first), r->step, std::max(0L, r->len - r->index)};
#else
  return {r->start, r->step, std::max(0L, r->len)};
#endif
}

Ref peek_dict(DictIterator* it, PyTypeObject* type, Py_ssize_t k, bool* broken) {
  auto* dict = reinterpret_cast<PyObject*>(it->dict);
  if (!dict) return {};
  *broken = it->used != PyDict_GET_SIZE(dict);
  Py_ssize_t position = it->position;
  PyObject *key, *value;
  for (Py_ssize_t i = 0; !*broken && i <= k; ++i)
    if (!PyDict_Next(dict, &position, &key, &value)) return {};
  if (*broken) return {};
  if (type == &PyDictIterKey_Type) return Ref::borrow(key);
  if (type == &PyDictIterValue_Type) return Ref::borrow(value);
  return Ref::steal(PyTuple_Pack(2, key, value));
}

}  // namespace

bool can_peek(PyObject* it) {
  return Py_TYPE(it) == &PyRangeIter_Type || over_sequence(it) || reversed_list(it) || over_dict(it);
}

Ref peek(PyObject* it, Py_ssize_t k, bool* broken) {
  *broken = false;
  if (Py_TYPE(it) == &PyRangeIter_Type) {
    const RangeRest r = rest(as<RangeIterator>(it));
    if (k >= r.count) return {};
    return Ref::steal(PyLong_FromLong(
        static_cast<long>(static_cast<unsigned long>(r.first) + static_cast<unsigned long>(k) * r.step)));
  }
  if (over_sequence(it)) {
    auto* s = as<SequenceIterator>(it);
    if (!s->sequence || s->index + k >= Py_SIZE(s->sequence)) return {};
    return Ref::borrow(Py_TYPE(it) == &PyListIter_Type ? PyList_GET_ITEM(s->sequence, s->index + k)
                                                       : PyTuple_GET_ITEM(s->sequence, s->index + k));
  }
  if (reversed_list(it)) {
    auto* s = as<SequenceIterator>(it);
    const Py_ssize_t i = s->index - k;
    return s->sequence && i >= 0 && s->index < PyList_GET_SIZE(s->sequence)
               ? Ref::borrow(PyList_GET_ITEM(s->sequence, i))
               : Ref();
  }
  if (over_dict(it)) return peek_dict(as<DictIterator>(it), Py_TYPE(it), k, broken);
  *broken = true;
  return {};
}

PyObject* peek_owner(PyObject* it) {
  if (over_sequence(it) || reversed_list(it)) return as<SequenceIterator>(it)->sequence;
  return over_dict(it) ? reinterpret_cast<PyObject*>(as<DictIterator>(it)->dict) : nullptr;
}

int advance(PyObject* it, Py_ssize_t n) {
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = Py_TYPE(it)->tp_iternext(it);
    if (!item) return PyErr_Occurred() ? -1 : 0;
    Py_DECREF(item);
  }
  return 0;
}

bool set_position(PyObject* it, Py_ssize_t index) {
  if (over_dict(it) || Py_TYPE(it) == &PySetIter_Type) return advance(it, index) == 0;
  if (!over_sequence(it) && !reversed_list(it)) return false;
  as<SequenceIterator>(it)->index = index;
  return true;
}

Py_ssize_t remaining(PyObject* it) {
  if (Py_TYPE(it) == &PyRangeIter_Type) return rest(as<RangeIterator>(it)).count;
  if (over_sequence(it)) {
    auto* s = as<SequenceIterator>(it);
    return s->sequence ? std::max<Py_ssize_t>(0, Py_SIZE(s->sequence) - s->index) : 0;
  }
  if (reversed_list(it)) return as<SequenceIterator>(it)->index + 1;
  return over_dict(it) ? as<DictIterator>(it)->len : -1;
}

PyObject* part_of(PyObject* it, Py_ssize_t i) {
  if (Py_TYPE(it) == &PyEnum_Type) return i == 0 ? as<EnumObject>(it)->iterator : nullptr;
  if (Py_TYPE(it) != &PyZip_Type) return nullptr;
  PyObject* all = as<ZipObject>(it)->iterators;
  return i < PyTuple_GET_SIZE(all) ? PyTuple_GET_ITEM(all, i) : nullptr;
}

bool is_strict_zip(PyObject* zip) { return as<ZipObject>(zip)->strict != 0; }

Ref count_of(PyObject* it) {
  if (Py_TYPE(it) != &PyEnum_Type || as<EnumObject>(it)->long_index) return {};
  return Ref::steal(PyLong_FromSsize_t(as<EnumObject>(it)->index));
}

int set_count(PyObject* it, PyObject* count) {
  const Py_ssize_t n = PyLong_AsSsize_t(count);
  if (n == -1 && PyErr_Occurred()) return -1;
  as<EnumObject>(it)->index = n;
  return 0;
}

bool is_deque(PyObject* o) {
  static PyObject* type = nullptr;
  if (!type) {
    Ref module = Ref::steal(PyImport_ImportModule("_collections"));
    type = module ? PyObject_GetAttrString(module.get(), "deque") : nullptr;
    PyErr_Clear();
  }
  return reinterpret_cast<PyObject*>(Py_TYPE(o)) == type;
}

PyObject* deque_item(PyObject* deque, Py_ssize_t i) {
  if (i >= Py_SIZE(deque)) return nullptr;
  PyObject* item = PySequence_GetItem(deque, i);
  Py_XDECREF(item);  // the deque holds it
  return item;
}

}  // namespace fj::py
