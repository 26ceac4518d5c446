// Functions of the scalar table that the C library lacks, in double.
#pragma once
#include <cstdint>

namespace fj::codegen::special {

double erfinv(double x);
double lgamma(double x);  // without the C library's global sign
double digamma(double x);
// The first word of Philox4x32-10 under key and counter (high words of the counter are 0).
uint32_t philox(uint64_t key, uint64_t counter);

}  // namespace fj::codegen::special
