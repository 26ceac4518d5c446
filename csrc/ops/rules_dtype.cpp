// Result and compute types beyond the common rules of rules_common.cpp, and infer rules of odd pointwise ops.
#include <cmath>

#include "ops/rules.h"

namespace fj {
namespace {

DType integral(const InferCtx& c, DType t) {
  FJ_USER_CHECK(!is_float(t), ErrorKind::NotImplemented, "\"", c.op.name, "_cpu\" not implemented for '",
                scalar_type_name(t), "'");
  return t;
}

const char* c_type_name(DType t) {
  switch (t) {
    case DType::U8: return "uint8_t";
    case DType::I8: return "int8_t";
    case DType::I16: return "int16_t";
    case DType::I32: return "int";
    case DType::U16: return "uint16_t";
    case DType::U32: return "uint32_t";
    case DType::U64: return "uint64_t";
    default: return "int64_t";
  }
}

}  // namespace

DType dtype_promote_integral(const InferCtx& c) { return integral(c, result_type(c.op, c.args)); }
DType dtype_same_integral(const InferCtx& c) { return integral(c, c.val(0)->dtype); }

DType dtype_subtract(const InferCtx& c) {
  auto is_bool = [](const Arg& a) { return a.is_tensor() ? a.val()->dtype == DType::Bool : a.tag() == ArgTag::Bool; };
  FJ_USER_CHECK(!(is_bool(c.args[0]) && is_bool(c.args[1])), ErrorKind::Runtime,
                "Subtraction, the `-` operator, with two bool tensors is not supported. "
                "Use the `^` or `logical_xor()` operator instead.");
  FJ_USER_CHECK(!is_bool(c.args[0]) && !is_bool(c.args[1]), ErrorKind::Runtime,
                "Subtraction, the `-` operator, with a bool tensor is not supported. "
                "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.");
  return result_type(c.op, c.args);
}
DType dtype_negate(const InferCtx& c) {
  FJ_USER_CHECK(c.val(0)->dtype != DType::Bool, ErrorKind::Runtime,
                "Negation, the `-` operator, on a bool tensor is not supported. "
                "If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.");
  return c.val(0)->dtype;
}
DType dtype_not_bool(const InferCtx& c) {
  FJ_USER_CHECK(c.val(0)->dtype != DType::Bool, ErrorKind::Runtime,
                "The `+` operator, on a bool tensor is not supported.");
  return c.val(0)->dtype;
}
// any and all keep uint8, PyTorch's old bool.
// Powers of bools are integers; signs of bools are bools, computed in bytes.
DType dtype_square(const InferCtx& c) { return c.val(0)->dtype == DType::Bool ? DType::I64 : c.val(0)->dtype; }
DType compute_square(const OpDef&, Args args) {
  return args[0].val()->dtype == DType::Bool ? DType::I64 : compute_type(args[0].val()->dtype);
}
DType compute_sign(const OpDef&, Args args) {
  return args[0].val()->dtype == DType::Bool ? DType::U8 : compute_type(args[0].val()->dtype);
}

DType dtype_truth(const InferCtx& c) { return c.val(0)->dtype == DType::U8 ? DType::U8 : DType::Bool; }
DType dtype_pow(const InferCtx& c) {
  DType t = result_type(c.op, c.args);
  const Arg& e = c.args[1];
  FJ_USER_CHECK(is_float(t) || e.is_tensor() || e.as_double() >= 0, ErrorKind::Runtime,
                "Integers to negative integer powers are not allowed.");
  return t;
}

void infer_clamp(InferCtx& c) {
  FJ_USER_CHECK(!c.args[1].is_none() || !c.args[2].is_none(), ErrorKind::Runtime,
                "torch.clamp: At least one of 'min' or 'max' must not be None");
  Shape sizes;
  for_each_val(c.args, [&](Val v) { sizes = broadcast_shapes(sizes, v->sizes); });
  set_out(c, sizes, result_type(c.args));
  c.out[0].strides = pointwise_strides(c.args, c.out[0].sizes);
}

void infer_where(InferCtx& c) {
  Shape sizes;
  for_each_val(c.args, [&](Val v) { sizes = broadcast_shapes(sizes, v->sizes); });
  DType t = c.val(0)->dtype;
  FJ_USER_CHECK(t == DType::Bool || t == DType::U8, ErrorKind::Runtime,
                "where expected condition to be a boolean tensor, but got a tensor with dtype ", scalar_type_name(t));
  set_out(c, sizes, result_type(c.args.subspan(1)));
  c.out[0].strides = pointwise_strides(c.args.subspan(1), c.out[0].sizes);
}
DType compute_where(const OpDef&, Args args) { return result_type(args.subspan(1)); }

void check_fits(DType t, const Arg& number) {
  if (!number.is_number() || number.is_complex() || !is_integral(t)) return;
  // Negative integers wrap around in unsigned types, as in PyTorch; other numbers are between the least and the
  // greatest.
  const int bits = 8 * size_of(t) - (is_unsigned(t) ? 0 : 1);
  bool fits = bits >= 63;
  if (number.tag() == ArgTag::Float) {
    const double v = number.as_double(), top = std::ldexp(1.0, bits);
    fits = v >= (is_unsigned(t) ? 0 : -top) && (bits >= 63 ? v < top : v <= top - 1);
  } else if (!fits) {
    const int64_t v = number.as_int(), top = int64_t{1} << bits;
    fits = v >= -top && v < top;
  }
  FJ_USER_CHECK(fits, ErrorKind::Runtime, "value cannot be converted to type ", c_type_name(t), " without overflow");
}

void infer_masked_fill(InferCtx& c) {
  const TensorMeta& mask = *c.val(1);
  FJ_USER_CHECK(mask.dtype == DType::Bool, ErrorKind::Runtime,
                "masked_fill_ only supports boolean masks, but got mask with dtype ", name_of(mask.dtype));
  if (c.args[2].is_tensor())
    FJ_USER_CHECK(c.val(2)->dim() == 0, ErrorKind::Runtime,
                  "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ", c.val(2)->dim(),
                  " dimension(s).");
  DType self = c.val(0)->dtype;
  check_fits(self, c.args[2]);
  set_out(c, broadcast_shapes(c.val(0)->sizes, mask.sizes), self);
  c.out[0].strides = pointwise_strides(c.args.first(1), c.out[0].sizes);
}

// Factories shaped like another tensor: (self, …, *, dtype, layout, device, memory_format).
void infer_like(InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  const Arg& t = c.arg("dtype");
  const Arg& f = c.arg("memory_format");
  set_out(c, in.sizes, t.is_none() ? in.dtype : t.as_dtype());
  if (int value = c.op.arg_index("fill_value"); value >= 0)
    check_fits(c.out[0].dtype, c.args[static_cast<size_t>(value)]);
  MemoryFormat format = f.is_none() ? MemoryFormat::Preserve : f.as_memory_format();
  if (is_channels_last(format))
    c.out[0].strides = channels_last_strides(in.sizes, format);
  else if (format == MemoryFormat::Preserve)
    c.out[0].strides = in.is_dense() ? in.strides : pointwise_strides(c.args.first(1), in.sizes);
}
DType compute_like(const OpDef& op, Args args) {
  const Arg& t = args[static_cast<size_t>(op.arg_index("dtype"))];
  return t.is_none() ? args[0].val()->dtype : t.as_dtype();
}

// max and min over `dim`, argmax, argmin: sizes of a reduction, which must not be over nothing.
Shape shape_reduce_nonempty(const InferCtx& c) {
  const TensorMeta& in = *c.val(0);
  int at_dim = c.op.arg_index("dim");
  const Arg dim = at_dim < 0 ? Arg() : c.args[static_cast<size_t>(at_dim)];
  if (in.numel() == 0) {
    if (dim.is_none() || (dim.tag() == ArgTag::IntList && dim.as_ints().empty()))
      raise(std::string_view(c.op.name).starts_with("arg") ? ErrorKind::Index : ErrorKind::Runtime, c.op.name,
            "(): Expected reduction dim to be specified for input.numel() == 0. Specify the reduction dim with the "
            "'dim' argument.");
    for (int64_t d : wrap_dims(dim, in.dim()))
      FJ_USER_CHECK(in.dim() == 0 || in.sizes[d] != 0, ErrorKind::Index, c.op.name, "(): Expected reduction dim ", d,
                    " to have non-zero size.");
  }
  int at_keep = c.op.arg_index("keepdim");
  bool keep = at_keep >= 0 && c.args[static_cast<size_t>(at_keep)].as_bool();
  auto dims = wrap_dims(dim, in.dim());
  Shape out;
  for (int64_t d = 0; d < in.dim(); ++d) {
    if (!is_dim_in(dims, d))
      out.push_back(in.sizes[d]);
    else if (keep)
      out.push_back(1);
  }
  return out;
}

// mean, var, std: floating only, or `dtype`.
DType dtype_float_only(const InferCtx& c) {
  int at = c.op.arg_index("dtype");
  DType t = at >= 0 && !c.args[static_cast<size_t>(at)].is_none() ? c.args[static_cast<size_t>(at)].as_dtype()
                                                                  : c.val(0)->dtype;
  FJ_USER_CHECK(is_float(t), ErrorKind::Runtime, c.op.name,
                "(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: ",
                scalar_type_name(t));
  return t;
}

}  // namespace fj
