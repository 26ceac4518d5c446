#include "driver/init.h"

#include "capture/look.h"
#include "driver/compiled.h"
#include "driver/executor.h"
#include "driver/find_blas.h"

namespace fj::driver {

bool init(PyObject*) {
  register_executor();
  register_lazy();
  capture::register_compiler(compile_graph);
  capture::register_tape_compiler(compile_tape);
  capture::register_finder(make_finder);
  return prepare_blas();
}

}  // namespace fj::driver
