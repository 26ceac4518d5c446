// framejit._C._debug.run_kernel: compiles a loop kernel from text and runs it on buffers. For tests and benchmarks
// only.
//
//   run_kernel(text, isa, operands, sizes, params=(), repeat=1, range=None, reference=None) -> (status, best
//   nanoseconds of a call) operands: a sequence of (buffer, byte offset, byte strides); range: (axis, begin, end) of a
//   parallel axis kernel_text(text) -> the kernel parsed and printed again
#include <chrono>
#include <string>
#include <vector>

#include "base/error.h"
#include "bind/module.h"
#include "codegen/checked.h"
#include "codegen/codegen.h"

namespace fj::bind {
namespace {

struct Launch {
  std::vector<Py_buffer> buffers;
  std::vector<void*> ptrs;
  std::vector<int64_t> strides, sizes, base;
  std::vector<ParamValue> params;
  int32_t status = 0;
  ~Launch() {
    for (Py_buffer& b : buffers) PyBuffer_Release(&b);
  }
};

bool read_ints(PyObject* seq, std::vector<int64_t>* out) {
  PyObject* fast = PySequence_Fast(seq, "a sequence of ints is expected");
  if (!fast) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast); ++i)
    out->push_back(PyLong_AsLongLong(PySequence_Fast_GET_ITEM(fast, i)));
  Py_DECREF(fast);
  return !PyErr_Occurred();
}

bool read_operands(PyObject* seq, Launch* l) {
  PyObject* fast = PySequence_Fast(seq, "operands must be a sequence");
  if (!fast) return false;
  bool ok = true;
  l->buffers.reserve(static_cast<size_t>(PySequence_Fast_GET_SIZE(fast)));
  for (Py_ssize_t i = 0; ok && i < PySequence_Fast_GET_SIZE(fast); ++i) {
    PyObject *buffer, *strides;
    long long offset;
    Py_buffer view;
    ok = PyArg_ParseTuple(PySequence_Fast_GET_ITEM(fast, i), "OLO", &buffer, &offset, &strides) &&
         PyObject_GetBuffer(buffer, &view, PyBUF_STRIDED_RO) == 0;
    if (!ok) break;
    l->buffers.push_back(view);
    l->ptrs.push_back(static_cast<char*>(view.buf) + offset);
    ok = read_ints(strides, &l->strides);
  }
  Py_DECREF(fast);
  return ok;
}

bool read_params(PyObject* seq, const loop::Kernel& k, Launch* l) {
  for (size_t i = 0; i < k.params.size(); ++i) {
    PyObject* item = PySequence_GetItem(seq, static_cast<Py_ssize_t>(i));
    if (!item) return false;
    ParamValue v;
    if (k.params[i] == loop::ParamKind::Float)
      v.f = PyFloat_AsDouble(item);
    else
      v.i = PyLong_AsLongLong(item);
    Py_DECREF(item);
    if (PyErr_Occurred()) return false;
    l->params.push_back(v);
  }
  return true;
}

PyObject* fail(const Error& e) {
  PyErr_SetString(e.kind() == ErrorKind::Value ? PyExc_ValueError : PyExc_RuntimeError, e.what());
  return nullptr;
}

PyObject* run_kernel(PyObject*, PyObject* args, PyObject* kw) {
  static const char* names[] = {"text", "isa", "operands", "sizes", "params", "repeat", "range", "reference", nullptr};
  const char *text, *isa_text, *reference = nullptr;
  PyObject *operands, *sizes, *params = nullptr, *range = Py_None;
  int repeat = 1;
  if (!PyArg_ParseTupleAndKeywords(args, kw, "ssOO|OiOz", const_cast<char**>(names), &text, &isa_text, &operands,
                                   &sizes, &params, &repeat, &range, &reference))
    return nullptr;
  try {
    loop::Kernel k = loop::parse(text);
    codegen::Isa isa;
    if (!codegen::parse_isa(isa_text, &isa) || !codegen::isa_available(isa))
      return PyErr_Format(PyExc_ValueError, "no such isa here: %s", isa_text);
    Launch l;
    if (!read_operands(operands, &l) || !read_ints(sizes, &l.sizes)) return nullptr;
    if (params && !read_params(params, k, &l)) return nullptr;
    size_t rank = static_cast<size_t>(k.rank());
    if (l.sizes.size() != rank || l.ptrs.size() != k.operands.size() || l.strides.size() != rank * l.ptrs.size() ||
        l.params.size() != k.params.size())
      return PyErr_Format(PyExc_ValueError, "sizes, strides, operands or params do not match the kernel");
    l.base.assign(rank, 0);
    KernelRef code = codegen::compile(k, isa);
    if (reference) code = codegen::checked(k, code, codegen::compile(loop::parse(reference), codegen::Isa::Ref));
    LaunchArgs a{nullptr, l.ptrs.data(), l.strides.data(), l.sizes.data(), l.base.data(), l.params.data(), &l.status};
    int axis = -1;
    long long begin = 0, end = 0;
    if (range != Py_None && !PyArg_ParseTuple(range, "iLL", &axis, &begin, &end)) return nullptr;
    double best = 1e30;
    for (int i = 0; i < repeat; ++i) {
      auto t0 = std::chrono::steady_clock::now();
      axis >= 0 ? launch_range(*code, a, axis, begin, end) : launch(*code, a);
      std::chrono::duration<double, std::nano> dt = std::chrono::steady_clock::now() - t0;
      best = std::min(best, dt.count());
    }
    return Py_BuildValue("id", l.status, best);
  } catch (const Error& e) {
    return fail(e);
  }
}

PyObject* kernel_text(PyObject*, PyObject* arg) {
  const char* text = PyUnicode_AsUTF8(arg);
  if (!text) return nullptr;
  try {
    return PyUnicode_FromString(loop::print(loop::parse(text)).c_str());
  } catch (const Error& e) {
    return fail(e);
  }
}

// Microseconds to compile the kernel, cache emptied each time: the best of `repeat`.
PyObject* time_compile(PyObject*, PyObject* args) {
  const char *text, *isa_text;
  int repeat = 20;
  if (!PyArg_ParseTuple(args, "ss|i", &text, &isa_text, &repeat)) return nullptr;
  try {
    loop::Kernel k = loop::parse(text);
    codegen::Isa isa;
    if (!codegen::parse_isa(isa_text, &isa)) return PyErr_Format(PyExc_ValueError, "no such isa: %s", isa_text);
    double best = 1e30;
    for (int i = 0; i < repeat; ++i) {
      codegen::clear_cache();
      auto t0 = std::chrono::steady_clock::now();
      codegen::compile(k, isa);
      std::chrono::duration<double, std::micro> dt = std::chrono::steady_clock::now() - t0;
      best = std::min(best, dt.count());
    }
    return PyFloat_FromDouble(best);
  } catch (const Error& e) {
    return fail(e);
  }
}

PyObject* isas(PyObject*, PyObject*) {
  PyObject* out = PyList_New(0);
  for (codegen::Isa isa : {codegen::Isa::Ref, codegen::Isa::Avx2, codegen::Isa::Avx512}) {
    if (!out || !codegen::isa_available(isa)) continue;
    PyObject* name = PyUnicode_FromString(codegen::name_of(isa));
    if (name) PyList_Append(out, name);
    Py_XDECREF(name);
  }
  return out;
}

// [(text, arity, rule)] of every scalar op.
PyObject* scalar_ops(PyObject*, PyObject*) {
  static const char* rules[] = {"none", "arith", "float", "int", "bit", "cmp", "class"};
  PyObject* out = PyList_New(0);
  for (int i = loop::kFirstScalarOp; out && i < loop::kOpCount; ++i) {
    const loop::OpInfo& op = loop::kOpInfo[i];
    PyObject* row = Py_BuildValue("sis", op.text, static_cast<int>(op.arity), rules[static_cast<int>(op.rule)]);
    if (row) PyList_Append(out, row);
    Py_XDECREF(row);
  }
  return out;
}

PyMethodDef methods[] = {
    {"scalar_ops", scalar_ops, METH_NOARGS, nullptr},
    {"run_kernel", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(run_kernel)), METH_VARARGS | METH_KEYWORDS,
     nullptr},
    {"kernel_text", kernel_text, METH_O, nullptr},
    {"time_compile", time_compile, METH_VARARGS, nullptr},
    {"isas", isas, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_debug_kernel(PyObject* module) {
  PyObject* debug = PyObject_GetAttrString(module, "_debug");
  if (!debug) {
    PyErr_Clear();
    debug = PyModule_New("framejit._C._debug");
    if (!debug || PyModule_AddObjectRef(module, "_debug", debug) < 0) return false;
  }
  bool ok = PyModule_AddFunctions(debug, methods) == 0;
  Py_DECREF(debug);
  return ok;
}

}  // namespace fj::bind
