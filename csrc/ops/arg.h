// One argument of an op call: a tensor, a list of tensors, a number, a list of numbers, a string, a dtype, …
// Numbers keep Python's kind (bool, int, float), since promotion depends on it.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/intrusive.h"
#include "ops/meta.h"

namespace fj {

enum class ArgTag : uint8_t {
  None,
  Tensor,
  TensorList,
  Bool,
  Int,
  Float,
  Complex,
  IntList,
  FloatList,
  BoolList,
  Str,
  DType,
  Device,
  MemoryFormat,
  Object,  // an opaque pointer that only the op's own routine understands (a Generator)
};

struct ArgList : Counted {
  SmallVec<Val, 4> vals;      // entries may be null: an absent index
  SmallVec<int64_t, 6> ints;  // also bools
  std::vector<double> floats;
  std::string str;
};

class Arg {
 public:
  constexpr Arg() = default;
  Arg(Val v) : tag_(v ? ArgTag::Tensor : ArgTag::None) { u_.val = v; }
  Arg(bool b) : tag_(ArgTag::Bool) { u_.i = b; }
  Arg(int64_t i) : tag_(ArgTag::Int) { u_.i = i; }
  Arg(int i) : tag_(ArgTag::Int) { u_.i = i; }
  Arg(double d) : tag_(ArgTag::Float) { u_.d = d; }
  Arg(DType t) : tag_(ArgTag::DType) { u_.i = static_cast<int>(t); }
  Arg(Device d) : tag_(ArgTag::Device) { u_.dev = d; }
  Arg(MemoryFormat f) : tag_(ArgTag::MemoryFormat) { u_.i = static_cast<int>(f); }
  Arg(const char* s);
  Arg(std::string s);
  Arg(const Shape& ints);
  static Arg ints(std::span<const int64_t> v);
  static Arg ints(std::initializer_list<int64_t> v) { return ints(std::span<const int64_t>(v.begin(), v.size())); }
  static Arg bools(std::span<const int64_t> v);
  static Arg floats(std::span<const double> v);
  static Arg complex(double re, double im);
  static Arg tensors(std::span<const Val> v);
  static Arg object(void* p) {
    Arg a;
    a.tag_ = ArgTag::Object;
    a.u_.ptr = p;
    return a;
  }

  ArgTag tag() const { return tag_; }
  bool is_none() const { return tag_ == ArgTag::None; }
  bool is_tensor() const { return tag_ == ArgTag::Tensor; }
  bool is_number() const { return tag_ == ArgTag::Bool || tag_ == ArgTag::Int || tag_ == ArgTag::Float; }
  Val val() const { return tag_ == ArgTag::Tensor ? u_.val : Val{}; }
  bool as_bool() const {
    FJ_DCHECK(tag_ == ArgTag::Bool || tag_ == ArgTag::Int);
    return u_.i != 0;
  }
  bool is_complex() const { return tag_ == ArgTag::Complex; }
  // The parts of any number.
  double real() const { return is_complex() ? list_->floats[0] : as_double(); }
  double imag() const { return is_complex() ? list_->floats[1] : 0; }
  int64_t as_int() const { return tag_ == ArgTag::Float ? static_cast<int64_t>(u_.d) : u_.i; }
  double as_double() const { return tag_ == ArgTag::Float ? u_.d : static_cast<double>(u_.i); }
  DType as_dtype() const {
    FJ_DCHECK(tag_ == ArgTag::DType);
    return static_cast<DType>(u_.i);
  }
  Device as_device() const { return u_.dev; }
  MemoryFormat as_memory_format() const { return static_cast<MemoryFormat>(u_.i); }
  const std::string& as_str() const { return list_->str; }
  void* as_object() const { return u_.ptr; }
  std::span<const int64_t> as_ints() const { return list_->ints; }
  std::span<const double> as_floats() const { return list_->floats; }
  std::span<const Val> as_vals() const { return list_->vals; }
  // The kind of a Python number, for promotion.
  DTypeClass number_class() const {
    return tag_ == ArgTag::Bool      ? DTypeClass::Bool
           : tag_ == ArgTag::Int     ? DTypeClass::Int
           : tag_ == ArgTag::Complex ? DTypeClass::Complex
                                     : DTypeClass::Float;
  }
  // Equal as attributes: same tag and value; tensors by identity.
  friend bool operator==(const Arg& a, const Arg& b);
  uint64_t hash() const;  // tensors hash as their presence only

 private:
  Arg(ArgTag tag, Rc<ArgList> list) : tag_(tag), list_(std::move(list)) {}

  ArgTag tag_ = ArgTag::None;
  union U {
    int64_t i = 0;
    double d;
    Val val;
    Device dev;
    void* ptr;
    constexpr U() : i(0) {}
  } u_;
  Rc<ArgList> list_;
};

using Args = std::span<const Arg>;
using ArgVec = SmallVec<Arg, 6>;

std::string to_string(const Arg& a);  // attributes as Python would write them; tensors as "Tensor"

// Calls f(Val) for every tensor among the arguments, lists included, absent ones left out.
template <class F>
void for_each_val(Args args, F&& f) {
  for (const Arg& a : args) {
    if (a.tag() == ArgTag::Tensor)
      f(a.val());
    else if (a.tag() == ArgTag::TensorList)
      for (Val v : a.as_vals())
        if (v) f(v);
  }
}
// A copy with every tensor replaced by f(Val).
template <class F>
Arg map_vals(const Arg& a, F&& f) {
  if (a.tag() == ArgTag::Tensor) return Arg(f(a.val()));
  if (a.tag() != ArgTag::TensorList) return a;
  SmallVec<Val, 8> out;
  for (Val v : a.as_vals()) out.push_back(v ? f(v) : Val{});
  return Arg::tensors(out);
}

}  // namespace fj
