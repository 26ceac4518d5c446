// Where the BLAS library is: the scipy-openblas64 wheel's, else the copy that NumPy's wheel carries.
#pragma once
#include <Python.h>

namespace fj::driver {

// Remembers sys.path; the directories are looked through at the first matrix product, by whichever thread runs it.
bool prepare_blas();

}  // namespace fj::driver
