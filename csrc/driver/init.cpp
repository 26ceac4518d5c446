#include "driver/init.h"

#include "driver/executor.h"
#include "driver/find_blas.h"

namespace fj::driver {

bool init(PyObject*) {
  register_executor();
  return prepare_blas();
}

}  // namespace fj::driver
