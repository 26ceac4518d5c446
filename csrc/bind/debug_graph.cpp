// framejit._C._debug: windows into graph, transform, schedule and driver. For tests and benchmarks only.
//
//   graph_text(text) -> the graph parsed, verified and printed again
//   run_pass(name, text) -> the graph after one pass
//   schedule_text(text) -> the loop kernels and native calls that a functional graph becomes
//   run_program(text, tensors, backend=None, times=1) -> outputs; what capture's compiled graphs go through, raw graphs
//   too run_graph(text, inputs, outputs, repeat=1) -> best nanoseconds; compiles a functional graph and runs it on
//   buffers
#include <chrono>
#include <vector>

#include "base/error.h"
#include "bind/debug.h"
#include "bind/module.h"
#include "driver/compiled.h"
#include "driver/eager_program.h"
#include "driver/passes.h"
#include "py/error.h"
#include "schedule/schedule.h"

namespace fj::bind {
namespace {

PyObject* fail(const Error& e) {
  PyErr_SetString(e.kind() == ErrorKind::Value ? PyExc_ValueError : PyExc_RuntimeError, e.what());
  return nullptr;
}

PyObject* text_object(const std::string& s) {
  return PyUnicode_FromStringAndSize(s.data(), static_cast<Py_ssize_t>(s.size()));
}

PyObject* graph_text(PyObject*, PyObject* arg) {
  const char* text = PyUnicode_AsUTF8(arg);
  if (!text) return nullptr;
  try {
    return text_object(graph::print(*graph::parse(text)));
  } catch (const Error& e) {
    return fail(e);
  }
}

PyObject* run_pass(PyObject*, PyObject* args) {
  const char *name, *text;
  if (!PyArg_ParseTuple(args, "ss", &name, &text)) return nullptr;
  try {
    driver::Pass* pass = driver::find_pass(name);
    if (!pass) return PyErr_Format(PyExc_ValueError, "no pass %s", name);
    auto g = driver::run_pass(*pass, *graph::parse(text));
    graph::verify(*g);
    return text_object(graph::print(*g));
  } catch (const Error& e) {
    return fail(e);
  }
}

std::string* g_kernels = nullptr;  // where schedule_text collects

KernelRef collect_kernel(const loop::Kernel& k) {
  std::string broken = loop::verify(k);
  *g_kernels += loop::print(k);
  FJ_CHECK(broken.empty(), broken, "\n", *g_kernels);
  return std::make_shared<CompiledKernel>();
}

PyObject* schedule_text(PyObject*, PyObject* arg) {
  const char* text = PyUnicode_AsUTF8(arg);
  if (!text) return nullptr;
  std::string out;
  g_kernels = &out;
  try {
    auto parsed = graph::parse(text);
    driver::make_outputs_distinct(*parsed, {});
    auto g = driver::lower(*parsed);
    auto p = schedule::schedule(*g, {collect_kernel});
    for (const auto& s : p->steps)
      if (s.native >= 0) out += cat("native ", p->natives[static_cast<size_t>(s.native)].op->full_name, "\n");
    out += cat("arena ", p->arena_bytes, "\n");
    return text_object(out);
  } catch (const Error& e) {
    return fail(e);
  }
}

struct Buffers {
  std::vector<Py_buffer> views;
  std::vector<void*> ptrs;
  ~Buffers() {
    for (Py_buffer& b : views) PyBuffer_Release(&b);
  }
  bool read(PyObject* seq, int flags) {
    Py_ssize_t n = PySequence_Size(seq);
    if (n < 0) return false;
    views.reserve(static_cast<size_t>(n));
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PySequence_GetItem(seq, i);
      Py_buffer view;
      bool ok = item && PyObject_GetBuffer(item, &view, flags) == 0;
      Py_XDECREF(item);
      if (!ok) return false;
      views.push_back(view);
      ptrs.push_back(view.buf);
    }
    return true;
  }
};

PyObject* run_graph(PyObject*, PyObject* args) {
  const char* text;
  PyObject *inputs, *outputs;
  int repeat = 1;
  if (!PyArg_ParseTuple(args, "sOO|i", &text, &inputs, &outputs, &repeat)) return nullptr;
  Buffers in, out;
  if (!in.read(inputs, PyBUF_STRIDED_RO) || !out.read(outputs, PyBUF_STRIDED)) return nullptr;
  try {
    auto g = graph::parse(text);
    g->functional = true;
    driver::make_outputs_distinct(*g, {});
    auto p = driver::compile_program(*g);
    FJ_USER_CHECK(in.ptrs.size() == g->inputs.size() && out.ptrs.size() == g->outputs.size(), ErrorKind::Value,
                  "wrong number of buffers");
    double best = 1e30;
    for (int i = 0; i < repeat; ++i) {
      auto start = std::chrono::steady_clock::now();
      p->run(in.ptrs.data(), out.ptrs.data());
      best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
    }
    return PyFloat_FromDouble(best);
  } catch (const Error& e) {
    return fail(e);
  }
}

PyObject* run_program(PyObject*, PyObject* args) {
  const char* text;
  PyObject *tensors, *backend = Py_None;
  int times = 1;
  if (!PyArg_ParseTuple(args, "sO|Oi", &text, &tensors, &backend, &times)) return nullptr;
  return py::guarded(static_cast<PyObject*>(nullptr), [&] {
    py::Ref fast = py::check(PySequence_Fast(tensors, "a sequence of tensors"));
    std::vector<PyObject*> in(PySequence_Fast_ITEMS(fast.get()),
                              PySequence_Fast_ITEMS(fast.get()) + PySequence_Fast_GET_SIZE(fast.get()));
    auto g = graph::parse(text);
    capture::CompileOptions options;
    options.backend = backend;
    auto program = driver::compile_graph(*g, in, options);
    std::vector<PyObject*> outs(g->outputs.size(), nullptr);
    for (int i = 0; i < times; ++i) {
      for (PyObject*& o : outs) Py_CLEAR(o);
      if (!program->run(in.data(), in.size(), outs.data(), outs.size())) throw py::PythonError();
    }
    py::Ref list = py::check(PyList_New(static_cast<Py_ssize_t>(outs.size())));
    for (size_t i = 0; i < outs.size(); ++i) PyList_SET_ITEM(list.get(), static_cast<Py_ssize_t>(i), outs[i]);
    return list.release();
  });
}

PyMethodDef kMethods[] = {
    {"run_program", run_program, METH_VARARGS, nullptr}, {"graph_text", graph_text, METH_O, nullptr},
    {"run_pass", run_pass, METH_VARARGS, nullptr},       {"schedule_text", schedule_text, METH_O, nullptr},
    {"run_graph", run_graph, METH_VARARGS, nullptr},     {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_debug_graph(PyObject* module) {
  PyObject* debug = debug_module(module);
  return debug && PyModule_AddFunctions(debug, kMethods) == 0;
}

}  // namespace fj::bind
