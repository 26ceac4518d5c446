// Programs compiled ahead of time, for framejit.export._aot: writing files and running them.
#include <algorithm>

#include "aot/file.h"
#include "bind/module.h"
#include "bind/tensor_type.h"
#include "driver/eager_program.h"
#include "driver/passes.h"
#include "driver/stats.h"
#include "py/text.h"
#include "schedule/schedule.h"
#include "tensor/trace.h"
#include "transform/functionalise.h"

namespace fj::bind {
namespace {

constexpr const char* kCapsule = "framejit.aot_program";

thread_local aot::KernelTable* g_kernels = nullptr;  // where kernels are collected

KernelRef collect_kernel(const loop::Kernel& k) { return g_kernels->add(k); }

aot::TensorSpec spec_of(std::string name, const TensorMeta& m) {
  FJ_USER_CHECK(m.device.type == DeviceType::CPU, ErrorKind::NotImplemented, "aot_compile: ", name,
                " is not on the CPU");
  return {std::move(name), m.dtype, m.sizes, m.strides};
}

aot::Held held_of(std::string name, TensorObj* t) {
  FJ_USER_CHECK(t->meta.is_contiguous(), ErrorKind::Runtime, "aot_compile: ", name, " is not contiguous");
  aot::Held h{spec_of(std::move(name), t->meta), {}};
  h.bytes.assign(reinterpret_cast<const char*>(data_of(t)), static_cast<size_t>(h.spec.nbytes()));
  return h;
}

// A trace of one variant: tensors that the callable makes of Python data become held ones.
struct Tracing {
  graph::Graph graph;
  aot::File& file;
  std::vector<aot::Source> sources;

  static TensorRef lift(void* context, trace::TraceSession& session, TensorObj* real) {
    auto* self = static_cast<Tracing*>(context);
    self->sources.push_back({true, static_cast<int32_t>(self->file.held.size())});
    self->file.held.push_back(held_of(cat("constant_", static_cast<int64_t>(self->file.held.size())), real));
    return session.make_input(real);
  }
};

std::string text_at(PyObject* tuple, Py_ssize_t i) { return py::utf8(PyTuple_GET_ITEM(tuple, i)); }

// (function of the program's inputs, inputs, names of the outputs, targets of the outputs)
void add_variant(aot::File& file, aot::KernelTable& kernels, PyObject* item, size_t nheld) {
  PyObject *function, *inputs, *input_names, *output_names, *targets;
  if (!PyArg_ParseTuple(item, "OO!O!O!O!", &function, &PyTuple_Type, &inputs, &PyTuple_Type, &input_names,
                        &PyTuple_Type, &output_names, &PyTuple_Type, &targets))
    throw py::PythonError();
  Tracing tracing{{}, file, {}};
  aot::Variant v;
  {
    trace::TraceSession session(tracing.graph);
    session.set_lift(Tracing::lift, &tracing);
    LayerScope active(session);
    GradModeGuard no_grad(false);
    py::Ref fakes = py::check(PyTuple_New(PyTuple_GET_SIZE(inputs)));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inputs); ++i) {
      TensorObj* real = as_tensor(PyTuple_GET_ITEM(inputs, i));
      PyTuple_SET_ITEM(fakes.get(), i, session.make_input(real).release_object());
      bool held = static_cast<size_t>(i) < nheld;
      tracing.sources.push_back({held, static_cast<int32_t>(held ? i : i - static_cast<Py_ssize_t>(nheld))});
      if (!held) v.inputs.push_back(spec_of(text_at(input_names, i - static_cast<Py_ssize_t>(nheld)), real->meta));
    }
    py::Ref made = py::check(PyObject_CallObject(function, fakes.get()));
    py::Ref results = py::check(PySequence_Tuple(made.get()));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(results.get()); ++i) {
      graph::Value* value = session.value_of(as_tensor(PyTuple_GET_ITEM(results.get(), i)));
      FJ_CHECK(value);
      tracing.graph.add_output(value);
    }
  }
  transform::Functional f = transform::functionalise(tracing.graph);
  FJ_USER_CHECK(f.graph->writes.empty(), ErrorKind::NotImplemented, "aot_compile: the program writes to its inputs");
  for (size_t i = 0; i < f.outputs.size(); ++i)  // the callable gives clones
    FJ_CHECK(f.outputs[i].kind == transform::OutputSpec::Result && f.outputs[i].index == static_cast<int32_t>(i));
  driver::make_outputs_distinct(*f.graph, {});
  for (size_t i = 0; i < f.graph->outputs.size(); ++i) {
    const TensorMeta& m = *f.graph->outputs[i];
    FJ_CHECK(m.is_contiguous());
    py::Ref target = py::check(PyNumber_Long(PyTuple_GET_ITEM(targets, static_cast<Py_ssize_t>(i))));
    v.changes.push_back(static_cast<int32_t>(PyLong_AsLong(target.get())));
    if (v.changes.back() < 0) v.outputs.push_back(spec_of(text_at(output_names, static_cast<Py_ssize_t>(i)), m));
  }
  g_kernels = &kernels;
  auto lowered = driver::lower(*f.graph);
  v.program = schedule::schedule(*lowered, {collect_kernel});
  v.sources = std::move(tracing.sources);
  file.variants.push_back(std::move(v));
}

// (about, ((name, tensor), …), (variant, …)) -> bytes; `about` is called when all has been traced and gives bytes
PyObject* write(PyObject*, PyObject* args) {
  PyObject *about, *held, *variants;
  if (!PyArg_ParseTuple(args, "OO!O!:_aot_write", &about, &PyTuple_Type, &held, &PyTuple_Type, &variants))
    return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    aot::File file;
    aot::KernelTable kernels;
    size_t nheld = static_cast<size_t>(PyTuple_GET_SIZE(held));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(held); ++i) {
      PyObject* pair = PyTuple_GET_ITEM(held, i);
      file.held.push_back(held_of(text_at(pair, 0), as_tensor(PyTuple_GET_ITEM(pair, 1))));
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(variants); ++i)
      add_variant(file, kernels, PyTuple_GET_ITEM(variants, i), nheld);
    py::Ref text = py::check(PyObject_CallNoArgs(about));
    FJ_USER_CHECK(PyBytes_Check(text.get()), ErrorKind::Type, "about() must give bytes");
    file.about.assign(PyBytes_AS_STRING(text.get()), static_cast<size_t>(PyBytes_GET_SIZE(text.get())));
    std::string data = aot::write(file, kernels);
    return PyBytes_FromStringAndSize(data.data(), static_cast<Py_ssize_t>(data.size()));
  });
}

void release(PyObject* capsule) { delete static_cast<aot::Loaded*>(PyCapsule_GetPointer(capsule, kCapsule)); }

PyObject* read(PyObject*, PyObject* bytes) {
  if (!PyBytes_Check(bytes)) return PyErr_Format(PyExc_TypeError, "_aot_read expects bytes");
  return py::guarded<PyObject*>(nullptr, [&] {
    auto loaded = aot::read({PyBytes_AS_STRING(bytes), static_cast<size_t>(PyBytes_GET_SIZE(bytes))});
    PyObject* capsule = PyCapsule_New(loaded.get(), kCapsule, release);
    if (capsule) loaded.release();
    return capsule;
  });
}

aot::Loaded& loaded_of(PyObject* capsule) {
  void* p = PyCapsule_GetPointer(capsule, kCapsule);
  if (!p) throw py::PythonError();
  return *static_cast<aot::Loaded*>(p);
}

PyObject* sizes_of(const std::vector<aot::TensorSpec>& specs) {
  py::Ref out = py::check(PyTuple_New(static_cast<Py_ssize_t>(specs.size())));
  for (size_t i = 0; i < specs.size(); ++i) {
    py::Ref sizes = py::check(PyTuple_New(static_cast<Py_ssize_t>(specs[i].sizes.size())));
    for (size_t d = 0; d < specs[i].sizes.size(); ++d)
      PyTuple_SET_ITEM(sizes.get(), static_cast<Py_ssize_t>(d), PyLong_FromLongLong(specs[i].sizes[d]));
    PyObject* row = Py_BuildValue("(ssO)", specs[i].name.c_str(), name_of(specs[i].dtype), sizes.get());
    PyTuple_SET_ITEM(out.get(), static_cast<Py_ssize_t>(i), py::check(row).release());
  }
  return out.release();
}

// -> (about, instruction set, whether it was compiled at the load, ((inputs, outputs), …))
PyObject* info(PyObject*, PyObject* capsule) {
  return py::guarded<PyObject*>(nullptr, [&] {
    aot::Loaded& loaded = loaded_of(capsule);
    py::Ref variants = py::check(PyList_New(0));
    for (const aot::Variant& v : loaded.file.variants) {
      py::Ref in = py::check(sizes_of(v.inputs)), out = py::check(sizes_of(v.outputs));
      py::Ref row = py::check(PyTuple_Pack(2, in.get(), out.get()));
      if (PyList_Append(variants.get(), row.get()) < 0) throw py::PythonError();
    }
    const std::string& about = loaded.file.about;
    return Py_BuildValue("(NsOO)", PyBytes_FromStringAndSize(about.data(), static_cast<Py_ssize_t>(about.size())),
                         codegen::name_of(loaded.isa), loaded.compiled_here ? Py_True : Py_False, variants.get());
  });
}

// -> {name: copy of the held tensor}
PyObject* held(PyObject*, PyObject* capsule) {
  return py::guarded<PyObject*>(nullptr, [&] {
    aot::Loaded& loaded = loaded_of(capsule);
    py::Ref out = py::check(PyDict_New());
    std::lock_guard lock(loaded.changing);
    for (size_t i = 0; i < loaded.memory.size(); ++i) {
      const aot::TensorSpec& s = loaded.file.held[i].spec;
      TensorRef t = empty(s.sizes, s.dtype);
      if (int64_t n = s.nbytes()) std::memcpy(data_of(t.get()), loaded.memory[i], static_cast<size_t>(n));
      py::Ref object = py::Ref::steal(t.release_object());
      if (PyDict_SetItemString(out.get(), s.name.c_str(), object.get()) < 0) throw py::PythonError();
    }
    return out.release();
  });
}

// (program, variant, (tensor, …)) -> [tensor, …]; the tensors are contiguous and of the variant's sizes and dtypes.
PyObject* run(PyObject*, PyObject* args) {
  PyObject *capsule, *inputs;
  Py_ssize_t variant;
  if (!PyArg_ParseTuple(args, "OnO!:_aot_run", &capsule, &variant, &PyTuple_Type, &inputs)) return nullptr;
  return py::guarded<PyObject*>(nullptr, [&] {
    aot::Loaded& loaded = loaded_of(capsule);
    FJ_USER_CHECK(variant >= 0 && static_cast<size_t>(variant) < loaded.file.variants.size(), ErrorKind::Index,
                  "no such variant");
    const aot::Variant& v = loaded.file.variants[static_cast<size_t>(variant)];
    FJ_USER_CHECK(static_cast<size_t>(PyTuple_GET_SIZE(inputs)) == v.inputs.size(), ErrorKind::Type,
                  "wrong number of inputs");
    SmallVec<void*, 16> in, out;
    for (size_t i = 0; i < v.inputs.size(); ++i) {
      PyObject* o = PyTuple_GET_ITEM(inputs, static_cast<Py_ssize_t>(i));
      FJ_USER_CHECK(is_tensor(o), ErrorKind::Type, "expected Tensor, got ", Py_TYPE(o)->tp_name);
      TensorObj* t = check_data(as_tensor(o), "its memory");
      FJ_USER_CHECK(t->meta.dtype == v.inputs[i].dtype && std::ranges::equal(t->meta.sizes, v.inputs[i].sizes) &&
                        t->meta.is_contiguous(),
                    ErrorKind::Runtime, v.inputs[i].name, " is not as the program expects it");
      in.push_back(data_of(t));
    }
    py::Ref results = py::check(PyList_New(0));
    for (const aot::TensorSpec& s : v.outputs) {
      TensorRef made = empty(s.sizes, s.dtype);
      out.push_back(data_of(made.get()));
      py::Ref object = py::Ref::steal(made.release_object());
      if (PyList_Append(results.get(), object.get()) < 0) throw py::PythonError();
    }
    {
      driver::LockRelease unlocked(v.program->ns);
      loaded.run(static_cast<size_t>(variant), in.data(), out.data());
    }
    return results.release();
  });
}

PyMethodDef functions[] = {
    {"_aot_write", write, METH_VARARGS, "_aot_write(about, held, variants): a file's bytes."},
    {"_aot_read", read, METH_O, "_aot_read(bytes): a program."},
    {"_aot_info", info, METH_O, "_aot_info(program): what it takes and gives."},
    {"_aot_held", held, METH_O, "_aot_held(program): copies of its tensors by name."},
    {"_aot_run", run, METH_VARARGS, "_aot_run(program, variant, inputs): the outputs."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

bool init_aot(PyObject* module) { return PyModule_AddFunctions(module, functions) == 0; }

}  // namespace fj::bind
