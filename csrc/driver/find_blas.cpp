#include "driver/find_blas.h"

#include <dirent.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "py/text.h"
#include "runtime/blas.h"

namespace fj::driver {
namespace {

std::vector<std::string>& search_path() {
  static auto* path = new std::vector<std::string>;
  return *path;
}

// A library in `dir` whose name begins with `stem`.
std::string library_in(const std::string& dir, const char* stem) {
  DIR* d = opendir(dir.c_str());
  if (!d) return {};
  std::string found;
  while (dirent* e = readdir(d)) {
    if (std::strncmp(e->d_name, stem, std::strlen(stem)) == 0 && std::strstr(e->d_name, ".so")) {
      found = dir + "/" + e->d_name;
      break;
    }
  }
  closedir(d);
  return found;
}

std::string find_library() {
  for (const char* folder : {"scipy_openblas64/lib", "numpy.libs"}) {
    for (const std::string& dir : search_path()) {
      std::string found = library_in(dir + "/" + folder, "libscipy_openblas64_");
      if (!found.empty()) return found;
    }
  }
  return {};
}

}  // namespace

bool prepare_blas() {
  PyObject* path = PySys_GetObject("path");
  if (!path || !PyList_Check(path)) return true;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(path); ++i) {
    PyObject* entry = PyList_GET_ITEM(path, i);
    if (!PyUnicode_Check(entry)) continue;
    if (PyUnicode_GET_LENGTH(entry) == 0)
      search_path().push_back(".");
    else if (const std::string_view dir = py::name_view(entry); !dir.empty())
      search_path().emplace_back(dir);
  }
  blas::set_path_provider(find_library);
  return true;
}

}  // namespace fj::driver
