#include "base/error.h"

#include <cstring>

namespace fj {

void raise(ErrorKind kind, std::string message) { throw Error(kind, std::move(message)); }

void check_failed(const char* file, int line, const char* condition, std::string message) {
  const char* room = std::strstr(file, "csrc/");
  throw Error(ErrorKind::Internal, cat("framejit internal check failed: ", condition, " at ", room ? room : file, ":",
                                       line, message.empty() ? "" : ": ", message));
}

}  // namespace fj
