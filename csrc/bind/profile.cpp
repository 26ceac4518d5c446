// The profiler's switches and events, for framejit.profiler.
#include "tensor/profile.h"

#include "bind/module.h"
#include "py/error.h"
#include "py/text.h"

namespace fj::bind {
namespace {

PyObject* start(PyObject*, PyObject* shapes) {
  return py::guarded<PyObject*>(nullptr, [&] {
    const int wanted = PyObject_IsTrue(shapes);
    if (wanted < 0) throw py::PythonError();
    profile::start(wanted != 0);
    return Py_NewRef(Py_None);
  });
}

py::Ref sizes_of(const std::vector<int64_t>& sizes) {
  py::Ref list = py::check(PyList_New(0));
  for (int64_t n : sizes) {
    py::Ref size = py::check(PyLong_FromLongLong(n));
    if (PyList_Append(list.get(), size.get()) < 0) throw py::PythonError();
  }
  return list;
}

// (name, begin, end, parent, bytes, was it named by the program?, shapes or None, number of its node of the tape)
py::Ref event_tuple(const profile::Event& e) {
  py::Ref shapes = py::Ref::borrow(Py_None);
  if (e.has_shapes) {
    shapes = py::check(PyList_New(0));
    for (auto& sizes : e.shapes)
      if (PyList_Append(shapes.get(), sizes_of(sizes).get()) < 0) throw py::PythonError();
  }
  return py::check(Py_BuildValue("(NLLLLOOL)", py::to_str(e.name).release(), static_cast<long long>(e.begin),
                                 static_cast<long long>(e.end), static_cast<long long>(e.parent),
                                 static_cast<long long>(e.bytes), e.ranged ? Py_True : Py_False, shapes.get(),
                                 static_cast<long long>(e.sequence)));
}

PyObject* stop(PyObject*, PyObject*) {
  return py::guarded<PyObject*>(nullptr, [] {
    py::Ref list = py::check(PyList_New(0));
    for (const profile::Event& e : profile::stop())
      if (PyList_Append(list.get(), event_tuple(e).get()) < 0) throw py::PythonError();
    return list.release();
  });
}

// Not below a trace: what it records does not run now.
PyObject* is_active(PyObject*, PyObject*) { return PyBool_FromLong(profile::is_active() && !thread_state().top); }

PyObject* begin(PyObject*, PyObject* name) {
  if (profile::is_active()) profile::begin(py::utf8(name), true);
  Py_RETURN_NONE;
}
PyObject* end(PyObject*, PyObject*) {
  if (profile::is_active()) profile::end();
  Py_RETURN_NONE;
}

PyMethodDef functions[] = {
    {"_profile_start", start, METH_O, nullptr},      {"_profile_stop", stop, METH_NOARGS, nullptr},
    {"_profiling", is_active, METH_NOARGS, nullptr}, {"_profile_begin", begin, METH_O, nullptr},
    {"_profile_end", end, METH_NOARGS, nullptr},     {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_profile(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
