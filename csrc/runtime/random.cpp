#include "runtime/random.h"

#include <cmath>

namespace fj {

double RandomStream::normal() {
  if (has_normal_) {
    has_normal_ = false;
    return next_normal_;
  }
  double u1 = uniform_double(), u2 = uniform_double();
  double radius = std::sqrt(-2.0 * std::log1p(-u2)), theta = 2.0 * M_PI * u1;
  next_normal_ = radius * std::sin(theta);
  has_normal_ = true;
  return radius * std::cos(theta);
}

RandomStream& default_stream() {
  static RandomStream stream;
  return stream;
}

}  // namespace fj
