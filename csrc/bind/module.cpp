// Entry point of framejit._C: creates the module and runs the parts in order.
#include "bind/module.h"

#include "bind/debug.h"
#include "driver/init.h"

namespace fj::bind {
namespace {

bool init_build_info(PyObject* module) {
#ifdef FJ_DEBUG
  const int asserts = 1;
#else
  const int asserts = 0;
#endif
  return PyModule_AddIntConstant(module, "_asserts", asserts) == 0;
}

constexpr ModulePart kParts[] = {
    {"build_info", init_build_info},
    {"driver", driver::init},
    {"dtypes", init_dtypes},
    {"devices", init_devices},
    {"size", init_size},
    {"tensor", init_tensor},
    {"overrides", init_overrides},
    {"torch_dispatch", init_torch_dispatch},
    {"autograd", init_autograd},
    {"func", init_func},
    {"bodies", init_bodies},
    {"record", init_record},
    {"storage", init_storage},
    {"generator", init_generator},
    {"create", init_create},
    {"buffer", init_buffer},
    {"exchange", init_exchange},
    {"ndarray", init_ndarray},
    {"lazy", init_lazy},
    {"profile", init_profile},
    {"aot", init_aot},
    {"dtype_functions", init_dtype_functions},
    {"ops", init_ops},
    {"compile_stats", init_compile_stats},
    {"debug_kernel", init_debug_kernel},
    {"debug_frame", init_debug_frame},
    {"debug_graph", init_debug_graph},
    {"debug_capture", init_debug_capture},
    {"debug_segments", init_debug_segments},
    {"frame", init_frame},
    {"config", init_config},
};

PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    "framejit._C",
    "The native part of framejit.",
    -1,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
    nullptr,
};

}  // namespace
}  // namespace fj::bind

PyMODINIT_FUNC PyInit__C() {
  PyObject* module = PyModule_Create(&fj::bind::module_def);
  if (!module) return nullptr;
  for (const auto& part : fj::bind::kParts) {
    if (part.init(module)) continue;
    Py_DECREF(module);
    return nullptr;
  }
  return module;
}
