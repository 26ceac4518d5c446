// Element types, their properties and PyTorch's promotion rules between them.
#pragma once
#include <cstdint>
#include <string_view>

namespace fj {

enum class DType : uint8_t { Bool, U8, I8, I16, I32, I64, F16, BF16, F32, F64, C64, C128, U16, U32, U64 };
inline constexpr int kDTypeCount = 15;
// The types before the complex ones: loops and native routines compute in these only (ops/foreign.h).
inline constexpr int kRealDTypeCount = 10;

enum class DTypeClass : uint8_t { Bool, Int, Float, Complex };

inline constexpr int kDTypeSize[kDTypeCount] = {1, 1, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 2, 4, 8};
constexpr int size_of(DType t) { return kDTypeSize[static_cast<int>(t)]; }
// Loops and native routines do not compute in it: calls on such tensors are rewritten.
constexpr bool is_foreign(DType t) { return t >= DType::C64; }
constexpr bool is_wide_unsigned(DType t) { return t >= DType::U16; }
constexpr bool is_complex(DType t) { return is_foreign(t) && !is_wide_unsigned(t); }
constexpr bool is_float(DType t) { return t >= DType::F16 && !is_foreign(t); }
// Whether tensors of the type can carry gradients.
constexpr bool is_differentiable(DType t) { return t >= DType::F16 && !is_wide_unsigned(t); }
constexpr bool is_integral(DType t, bool with_bool = false) {
  return !is_differentiable(t) && (with_bool || t != DType::Bool);
}
constexpr bool is_unsigned(DType t) { return t == DType::U8 || is_wide_unsigned(t); }
constexpr DTypeClass class_of(DType t) {
  return t == DType::Bool ? DTypeClass::Bool
         : is_complex(t)  ? DTypeClass::Complex
         : is_float(t)    ? DTypeClass::Float
                          : DTypeClass::Int;
}
// "float32": the name after "framejit."; aliases (float, long, half …) are the binding's matter.
const char* name_of(DType t);
// "Float", "Long", …: the scalar-type names that PyTorch's messages use.
const char* scalar_type_name(DType t);
// "float", "long int", …: the C++ names that some of PyTorch's messages use.
const char* cpp_type_name(DType t);
bool parse_dtype(std::string_view name, DType* out);

// The lattice of PyTorch's tensor-tensor promotion (torch.promote_types).
DType promote(DType a, DType b);
// True if a result of type `from` may be written to a tensor of type `to` (torch.can_cast).
bool can_cast(DType from, DType to);
// The type of a complex type's two parts, and the other way; a real type smaller than f64 belongs to complex64.
constexpr DType part_of(DType t) { return t == DType::C128 || t == DType::F64 ? DType::F64 : DType::F32; }
constexpr DType complex_of(DType t) { return part_of(t) == DType::F64 ? DType::C128 : DType::C64; }
// f16 and bf16 compute in f32; all else in itself.
constexpr DType compute_type(DType t) { return t == DType::F16 || t == DType::BF16 ? DType::F32 : t; }

// What floating results of integer inputs become (set_default_dtype); per process.
DType default_dtype();
void set_default_dtype(DType t);

}  // namespace fj
