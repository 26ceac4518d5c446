#include "driver/init.h"

#include "driver/compiled.h"
#include "driver/executor.h"
#include "driver/find_blas.h"

namespace fj::driver {

bool init(PyObject*) {
  register_executor();
  register_lazy();
  capture::register_compiler(compile_graph);
  capture::register_tape_compiler(compile_tape);
  return prepare_blas();
}

}  // namespace fj::driver
