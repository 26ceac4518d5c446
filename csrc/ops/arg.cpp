#include "ops/arg.h"

#include "base/hash.h"

namespace fj {

Arg::Arg(const char* s) : Arg(std::string(s)) {}
Arg::Arg(std::string s) : tag_(ArgTag::Str), list_(make_rc<ArgList>()) { list_->str = std::move(s); }
Arg::Arg(const Shape& ints) : Arg(Arg::ints(ints)) {}

Arg Arg::ints(std::span<const int64_t> v) {
  Arg a(ArgTag::IntList, make_rc<ArgList>());
  a.list_->ints.assign(v.begin(), v.end());
  return a;
}
Arg Arg::bools(std::span<const int64_t> v) {
  Arg a = ints(v);
  a.tag_ = ArgTag::BoolList;
  return a;
}
Arg Arg::floats(std::span<const double> v) {
  Arg a(ArgTag::FloatList, make_rc<ArgList>());
  a.list_->floats.assign(v.begin(), v.end());
  return a;
}
Arg Arg::complex(double re, double im) {
  Arg a(ArgTag::Complex, make_rc<ArgList>());
  a.list_->floats = {re, im};
  return a;
}
Arg Arg::tensors(std::span<const Val> v) {
  Arg a(ArgTag::TensorList, make_rc<ArgList>());
  a.list_->vals.assign(v.begin(), v.end());
  return a;
}

bool operator==(const Arg& a, const Arg& b) {
  if (a.tag_ != b.tag_) return false;
  switch (a.tag_) {
    case ArgTag::None: return true;
    case ArgTag::Tensor: return a.u_.val == b.u_.val;
    case ArgTag::Float: return a.u_.d == b.u_.d || (a.u_.d != a.u_.d && b.u_.d != b.u_.d);
    case ArgTag::TensorList: return a.list_->vals == b.list_->vals;
    case ArgTag::IntList:
    case ArgTag::BoolList: return a.list_->ints == b.list_->ints;
    case ArgTag::Complex:
    case ArgTag::FloatList: return a.list_->floats == b.list_->floats;
    case ArgTag::Str: return a.list_->str == b.list_->str;
    case ArgTag::Device: return a.u_.dev == b.u_.dev;
    case ArgTag::Object: return a.u_.ptr == b.u_.ptr;
    default: return a.u_.i == b.u_.i;
  }
}

uint64_t Arg::hash() const {
  Hasher h;
  h.add(static_cast<uint64_t>(tag_));
  switch (tag_) {
    case ArgTag::None:
    case ArgTag::Tensor: break;
    case ArgTag::Float: h.add(u_.d); break;
    case ArgTag::TensorList: h.add(static_cast<uint64_t>(list_->vals.size())); break;
    case ArgTag::IntList:
    case ArgTag::BoolList:
      for (int64_t v : list_->ints) h.add(static_cast<uint64_t>(v));
      break;
    case ArgTag::Complex:
    case ArgTag::FloatList:
      for (double v : list_->floats) h.add(v);
      break;
    case ArgTag::Str: h.add(std::string_view(list_->str)); break;
    case ArgTag::Device: h.add(static_cast<uint64_t>(u_.dev.type) * 256 + static_cast<uint8_t>(u_.dev.index)); break;
    case ArgTag::Object: h.add(reinterpret_cast<uint64_t>(u_.ptr)); break;
    default: h.add(static_cast<uint64_t>(u_.i));
  }
  return h.value();
}

std::string to_string(const Arg& a) {
  switch (a.tag()) {
    case ArgTag::None: return "None";
    case ArgTag::Tensor: return "Tensor";
    case ArgTag::TensorList: return cat("Tensor[", a.as_vals().size(), "]");
    case ArgTag::Bool: return cat(a.as_bool());
    case ArgTag::Int: return cat(a.as_int());
    case ArgTag::Float: return cat(a.as_double());
    case ArgTag::Complex: return cat("complex(", a.real(), ", ", a.imag(), ")");
    case ArgTag::IntList:
    case ArgTag::BoolList: return cat(a.as_ints());
    case ArgTag::FloatList: return cat(a.as_floats());
    case ArgTag::Str: return cat("'", a.as_str(), "'");
    case ArgTag::DType: return name_of(a.as_dtype());
    case ArgTag::Device: return "device";
    case ArgTag::MemoryFormat:
      return a.as_memory_format() == MemoryFormat::ChannelsLast     ? "channels_last"
             : a.as_memory_format() == MemoryFormat::ChannelsLast3d ? "channels_last_3d"
             : a.as_memory_format() == MemoryFormat::Preserve       ? "preserve_format"
                                                                    : "contiguous_format";
    case ArgTag::Object: return "object";
  }
  return "?";
}

}  // namespace fj
