#include "base/str.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace fj {

// The shortest text that reads back as the same double, as Python's repr gives.
void append(std::string& out, double d) {
  if (std::isnan(d)) {
    out.append("nan");
    return;
  }
  if (std::isinf(d)) {
    out.append(d < 0 ? "-inf" : "inf");
    return;
  }
  char buf[40];
  for (int precision = 15; precision <= 17; ++precision) {
    std::snprintf(buf, sizeof buf, "%.*g", precision, d);
    if (std::strtod(buf, nullptr) == d) break;
  }
  out.append(buf);
  if (std::string_view(buf).find_first_of(".en") == std::string_view::npos) out.append(".0");
}

}  // namespace fj
