// Side effects, in program order. They touch objects of the outside world, so they come after everything that can fail.
#include "frame/materialise.h"
#include "frame/py_objects.h"
#include "py/iterators.h"

namespace fj::frame {

using capture::Do;
using py::Ref;

bool Materialiser::apply_effects() {
  for (const capture::Effect& e : segment_.effects) {
    if (!perform(e)) return false;
  }
  return true;
}

namespace {

// An empty list to which something was appended and taken away again: a sort() that it is part of notices that.
bool use_up(PyObject* list) {
  if (PyList_Append(list, Py_None) < 0) return false;
  return static_cast<bool>(Ref::steal(PyObject_CallMethod(list, "pop", nullptr)));
}

bool replace_items(PyObject* deque, PyObject* list) {
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i)
    if (PySequence_SetItem(deque, i, PyList_GET_ITEM(list, i)) < 0) return false;
  return true;
}

}  // namespace

bool Materialiser::perform(const capture::Effect& e) {
  PyObject* target = value(e.target);
  PyObject* key = value(e.key);
  PyObject* made = value(e.value);
  switch (e.what) {
    case Do::SetAttr: return set_attr(target, key, made) == 0;
    case Do::DelAttr: return set_attr(target, key, nullptr) == 0;
    case Do::SetItem: return dict_set(target, key, made) == 0;
    case Do::DelItem: return dict_del(target, key) == 0;
    case Do::Clear:
      if (PyDict_Check(target)) {
        dict_clear(target);
        return true;
      }
      return PySet_Clear(target) == 0;
    case Do::SetList:
      if (key) return replace_items(target, made);
      if (!PyList_Check(target))  // a deque
        return Ref::steal(PyObject_CallMethod(target, "clear", nullptr)) &&
               Ref::steal(PyObject_CallMethod(target, "extend", "O", made));
      if (!PyList_GET_SIZE(target) && !PyList_GET_SIZE(made)) return use_up(target);
      return PyList_SetSlice(target, 0, PyList_GET_SIZE(target), made) == 0;
    case Do::Append: return PyList_Append(target, made) == 0;
    case Do::SetSet: {
      // The new elements first: the recipe's set may hold the last reference to what the old one also holds.
      if (PySet_Clear(target) < 0) return false;
      Ref it = Ref::steal(PyObject_GetIter(made));
      while (it) {
        Ref item = Ref::steal(PyIter_Next(it.get()));
        if (!item) return !PyErr_Occurred();
        if (PySet_Add(target, item.get()) < 0) return false;
      }
      return false;
    }
    case Do::SetCell: return PyCell_Set(target, made) == 0;
    case Do::Advance: return py::advance(target, PyLong_AsSsize_t(key)) == 0;
    case Do::SetCount: return py::set_count(target, made) == 0;
    case Do::Call: return static_cast<bool>(Ref::steal(PyObject_CallNoArgs(target)));
  }
  return false;
}

}  // namespace fj::frame
