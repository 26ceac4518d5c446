#include "driver/init.h"

#include "driver/find_blas.h"

namespace fj::driver {

bool init(PyObject*) { return prepare_blas(); }

}  // namespace fj::driver
