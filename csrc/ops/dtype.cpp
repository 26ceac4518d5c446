#include "ops/dtype.h"

#include <atomic>

#include "base/error.h"

namespace fj {
namespace {

constexpr const char* kNames[kDTypeCount] = {"bool",      "uint8",      "int8",     "int16",   "int32",
                                             "int64",     "float16",    "bfloat16", "float32", "float64",
                                             "complex64", "complex128", "uint16",   "uint32",  "uint64"};
constexpr const char* kScalarNames[kDTypeCount] = {"Bool",         "Byte",          "Char",     "Short",  "Int",
                                                   "Long",         "Half",          "BFloat16", "Float",  "Double",
                                                   "ComplexFloat", "ComplexDouble", "UInt16",   "UInt32", "UInt64"};
constexpr const char* kCppNames[kDTypeCount] = {"bool",
                                                "unsigned char",
                                                "signed char",
                                                "short int",
                                                "int",
                                                "long int",
                                                "c10::Half",
                                                "c10::BFloat16",
                                                "float",
                                                "double",
                                                "c10::complex<float>",
                                                "c10::complex<double>",
                                                "uint16_t",
                                                "uint32_t",
                                                "uint64_t"};
std::atomic<DType> g_default{DType::F32};

int int_rank(DType t) {  // widths of the signed types; u8 is handled apart
  switch (t) {
    case DType::I8: return 1;
    case DType::I16: return 2;
    case DType::I32: return 3;
    default: return 4;
  }
}

}  // namespace

const char* name_of(DType t) { return kNames[static_cast<int>(t)]; }
const char* cpp_type_name(DType t) { return kCppNames[static_cast<int>(t)]; }
const char* scalar_type_name(DType t) { return kScalarNames[static_cast<int>(t)]; }

bool parse_dtype(std::string_view name, DType* out) {
  for (int i = 0; i < kDTypeCount; ++i)
    if (name == kNames[i]) {
      *out = static_cast<DType>(i);
      return true;
    }
  return false;
}

DType promote(DType a, DType b) {
  if (a == b) return a;
  const DType first = a, second = b;
  if (a > b) {
    DType t = a;
    a = b;
    b = t;
  }
  if (is_wide_unsigned(b)) {
    if (is_float(a)) return a;
    raise(ErrorKind::Runtime, "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote ",
          scalar_type_name(first), " and ", scalar_type_name(second));
  }
  if (is_complex(b)) return a == DType::F64 ? DType::C128 : b;
  if (is_float(b)) {
    if (!is_float(a)) return b;
    if (a == DType::F16 && b == DType::BF16) return DType::F32;
    return b;
  }
  if (a == DType::Bool) return b;
  if (a == DType::U8) return b == DType::I8 ? DType::I16 : b;
  return int_rank(a) > int_rank(b) ? a : b;
}

bool can_cast(DType from, DType to) { return class_of(from) <= class_of(to); }

DType default_dtype() { return g_default.load(std::memory_order_relaxed); }
void set_default_dtype(DType t) { g_default.store(t, std::memory_order_relaxed); }

}  // namespace fj
