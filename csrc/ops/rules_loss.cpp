// Losses, written over the Builder.
#include "ops/rules_util.h"

namespace fj {

using Outs = SmallVec<Val, 2>;

namespace {

Val reduced(Builder& b, Val loss, const Arg& reduction) {
  const std::string& r = reduction.as_str();
  if (r == "none") return loss;
  if (r == "mean") return t::mean(b, loss);
  if (r == "sum") return t::sum(b, loss);
  raise(ErrorKind::Value, r, " is not a valid value for reduction");
}

const Arg& named(const OpDef& op, Args args, const char* name) { return args[static_cast<size_t>(op.arg_index(name))]; }

// relu-like hinge: max(0, x)
Val hinge(Builder& b, Val x) { return t::clamp_min(b, x, 0); }

}  // namespace

void decompose_mse_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val d = t::sub(b, args[0], args[1]);
  outs.push_back(reduced(b, t::mul(b, d, d), named(op, args, "reduction")));
}
void decompose_l1_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  outs.push_back(reduced(b, t::abs(b, t::sub(b, args[0], args[1])), named(op, args, "reduction")));
}
void decompose_smooth_l1_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  double beta = named(op, args, "beta").as_double();
  FJ_USER_CHECK(beta >= 0, ErrorKind::Runtime, "smooth_l1_loss does not support negative values for beta.");
  Val d = t::sub(b, args[0], args[1]), a = t::abs(b, d);
  Val loss = a;
  if (beta > 0)
    loss = t::where(b, t::lt(b, a, beta), t::div(b, t::mul(b, t::mul(b, d, d), 0.5), beta), t::sub(b, a, 0.5 * beta));
  outs.push_back(reduced(b, loss, named(op, args, "reduction")));
}
void decompose_huber_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  double delta = named(op, args, "delta").as_double();
  FJ_USER_CHECK(delta > 0, ErrorKind::Runtime, "huber_loss does not support non-positive values for delta.");
  Val d = t::sub(b, args[0], args[1]), a = t::abs(b, d);
  Val loss =
      t::where(b, t::lt(b, a, delta), t::mul(b, t::mul(b, d, d), 0.5), t::mul(b, t::sub(b, a, 0.5 * delta), delta));
  outs.push_back(reduced(b, loss, named(op, args, "reduction")));
}

void decompose_binary_cross_entropy(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val x = args[0].val(), y = args[1].val();
  FJ_USER_CHECK(x->sizes == y->sizes, ErrorKind::Value, "Using a target size (torch.Size(", y->sizes,
                ")) that is different to the input size (torch.Size(", x->sizes,
                ")) is deprecated. Please ensure they have the same size.");
  Val pos = t::mul(b, y, t::clamp_min(b, t::log(b, x), -100.0));
  Val neg = t::mul(b, t::sub(b, y, 1), t::clamp_min(b, t::log1p(b, t::neg(b, x)), -100.0));
  Val loss = t::sub(b, neg, pos);
  if (args[2].is_tensor()) loss = t::mul(b, loss, args[2]);
  outs.push_back(reduced(b, loss, named(op, args, "reduction")));
}

// (1 - y) x - w log(sigmoid(x)) with w = 1 + (pos_weight - 1) y
void decompose_binary_cross_entropy_with_logits(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val x = args[0].val(), y = args[1].val();
  FJ_USER_CHECK(x->sizes == y->sizes, ErrorKind::Value, "Target size (torch.Size(", y->sizes,
                ")) must be the same as input size (torch.Size(", x->sizes, "))");
  FJ_USER_CHECK(is_float(x->dtype), ErrorKind::NotImplemented, "\"log_sigmoid_cpu\" not implemented for '",
                scalar_type_name(x->dtype), "'");
  Val tail = t::neg(b, t::log_sigmoid(b, x));
  if (args[3].is_tensor()) tail = t::mul(b, tail, t::add(b, t::mul(b, t::sub(b, args[3], 1), y), 1));
  Val loss = t::add(b, t::mul(b, t::rsub(b, y, 1), x), tail);
  if (args[2].is_tensor()) loss = t::mul(b, loss, args[2]);
  outs.push_back(reduced(b, loss, named(op, args, "reduction")));
}

void decompose_kl_div(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val x = args[0].val(), y = args[1].val();
  Val loss = named(op, args, "log_target").as_bool() ? t::mul(b, t::exp(b, y), t::sub(b, y, x))
                                                     : t::sub(b, t::xlogy(b, y, y), t::mul(b, y, x));
  const Arg& r = named(op, args, "reduction");
  if (r.as_str() == "batchmean")
    outs.push_back(t::div(b, t::sum(b, loss), double(x->dim() ? x->sizes[0] : 1)));
  else
    outs.push_back(reduced(b, loss, r));
}

namespace {

// Class indices: picks -w[t] x[t] over the class dimension; entries at ignore_index are zero and do not count.
void nll(Builder& b, Val x, Val target, const Arg& weight, const std::string& reduction, int64_t ignore, Outs& outs) {
  int64_t cls = x->dim() == 1 ? 0 : 1;
  FJ_USER_CHECK(x->dim() > 0 && target->dim() == x->dim() - 1, ErrorKind::Value, "Expected target to have ",
                x->dim() - 1, " dimensions, got ", target->dim());
  FJ_USER_CHECK(target->dtype == DType::I64 || target->dtype == DType::U8, ErrorKind::Runtime,
                "expected target dtype to be Long or Byte, but got ", scalar_type_name(target->dtype));
  for (int64_t d = 0; d < target->dim(); ++d)
    FJ_USER_CHECK(target->sizes[d] == x->sizes[d < cls ? d : d + 1], ErrorKind::Value, "Expected input batch_size (",
                  x->sizes[0], ") to match target batch_size (", target->dim() ? target->sizes[0] : 1, ").");
  Val ignored = t::eq(b, target, ignore);
  Val index = t::unsqueeze(b, t::masked_fill(b, target, ignored, 0), cls);
  Val picked = t::neg(b, t::squeeze_dim(b, t::_pick(b, x, cls, cast_to(b, index, DType::I64)), Arg::ints({cls})));
  Val w;
  if (weight.is_tensor()) {
    FJ_USER_CHECK(weight.val()->numel() == x->sizes[cls], ErrorKind::Runtime,
                  "weight tensor should be defined either for all ", x->sizes[cls],
                  " classes or no classes but got weight tensor of shape: ", weight.val()->sizes);
    Shape flat{index->numel()};
    w = t::reshape(b, t::index_select(b, weight, 0, t::reshape(b, index, flat)), target->sizes);
    picked = t::mul(b, picked, w);
  }
  picked = t::masked_fill(b, picked, ignored, 0);
  if (reduction == "none") {
    outs.push_back(picked);
    return;
  }
  Val total = t::sum(b, picked);
  if (reduction == "sum") {
    outs.push_back(total);
    return;
  }
  FJ_USER_CHECK(reduction == "mean", ErrorKind::Value, reduction, " is not a valid value for reduction");
  Val count = w ? t::sum(b, t::masked_fill(b, w, ignored, 0)) : t::sum(b, t::logical_not(b, ignored));
  outs.push_back(t::div(b, total, count));
}

}  // namespace

void decompose_nll_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  nll(b, args[0].val(), args[1].val(), args[2], named(op, args, "reduction").as_str(),
      named(op, args, "ignore_index").as_int(), outs);
}

void decompose_cross_entropy(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val x = args[0].val(), target = args[1].val();
  const std::string& reduction = named(op, args, "reduction").as_str();
  double smooth = named(op, args, "label_smoothing").as_double();
  int64_t ignore = named(op, args, "ignore_index").as_int();
  FJ_USER_CHECK(smooth >= 0 && smooth <= 1, ErrorKind::Runtime,
                "label_smoothing must be between 0.0 and 1.0. Got: ", smooth);
  const bool probabilities = target->sizes == x->sizes;
  FJ_USER_CHECK(!probabilities || is_float(target->dtype), ErrorKind::Runtime,
                "Expected floating point type for target with class probabilities, got ",
                scalar_type_name(target->dtype));
  FJ_USER_CHECK(!probabilities || ignore < 0, ErrorKind::Runtime,
                "ignore_index is not supported for floating point target");
  FJ_USER_CHECK(x->dim() > 0, ErrorKind::Index, "Dimension specified as 1 but tensor has no dimensions");
  int64_t cls = x->dim() == 1 ? 0 : 1;
  Val logp = t::log_softmax(b, x, cls);
  Dim classes = x->sizes[cls];
  Val w = args[2].val();
  FJ_USER_CHECK(!w || w->sizes == Shape{classes}, ErrorKind::Runtime,
                "cross_entropy: weight tensor should be defined either for all ", classes,
                " classes or no classes but got weight tensor of shape: ", w ? w->sizes : Shape{});
  if (w && x->dim() > 1) {
    Shape sizes(static_cast<size_t>(x->dim()), 1);
    sizes[1] = classes;
    w = t::reshape(b, w, sizes);
  }
  if (probabilities) {
    Val y = smooth > 0 ? t::add(b, t::mul(b, target, 1 - smooth), smooth / double(classes)) : target;
    Val loss = t::mul(b, logp, y);
    if (w) loss = t::mul(b, loss, w);
    loss = t::neg(b, t::sum(b, loss, Arg::ints({cls})));
    Dim n = x->dim() > 1 ? loss->numel() : 1;
    outs.push_back(reduction == "mean" ? t::div(b, t::sum(b, loss), double(n)) : reduced(b, loss, Arg(reduction)));
    return;
  }
  if (smooth == 0) {
    nll(b, logp, target, args[2], reduction, ignore, outs);
    return;
  }
  Outs hard;
  nll(b, logp, target, args[2], reduction, ignore, hard);
  Val ignored = t::eq(b, target, ignore);
  Val all = t::neg(b, t::sum(b, w ? t::mul(b, logp, w) : logp, Arg::ints({cls})));
  all = t::masked_fill(b, all, ignored, 0);
  if (reduction == "sum") all = t::sum(b, all);
  if (reduction == "mean") {
    Val count = t::sum(b, t::logical_not(b, ignored));
    if (w) {
      Val index = t::masked_fill(b, target, ignored, 0);
      Val picked = t::index_select(b, args[2], 0, t::reshape(b, index, Shape{index->numel()}));
      count = t::sum(b, t::masked_fill(b, t::reshape(b, picked, target->sizes), ignored, 0));
    }
    all = t::div(b, t::sum(b, all), count);
  }
  outs.push_back(t::add(b, t::mul(b, hard[0], 1 - smooth), t::mul(b, all, smooth / double(classes))));
}

void decompose_soft_margin_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val z = t::neg(b, t::mul(b, args[0], args[1]));
  outs.push_back(reduced(b, t::log1p(b, t::exp(b, z)), named(op, args, "reduction")));
}
void decompose_hinge_embedding_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val x = args[0].val(), y = args[1].val();
  Val far = t::where(b, t::ne(b, y, 1), hinge(b, t::rsub(b, x, named(op, args, "margin"))), 0);
  Val near = t::where(b, t::ne(b, y, -1), x, 0);
  outs.push_back(reduced(b, t::add(b, far, near), named(op, args, "reduction")));
}
void decompose_margin_ranking_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val d = t::mul(b, t::neg(b, args[2]), t::sub(b, args[0], args[1]));
  outs.push_back(reduced(b, hinge(b, t::add(b, d, named(op, args, "margin"))), named(op, args, "reduction")));
}

void decompose_cosine_similarity(Builder& b, const OpDef&, Args args, Outs& outs) {
  Arg dim = Arg::ints({args[2].as_int()});
  Val x = args[0].val(), y = args[1].val();
  Shape sizes = broadcast_shapes(x->sizes, y->sizes);
  x = expand_to(b, x, sizes);  // before the norms: a dimension that is spread over counts as often as it is used
  y = expand_to(b, y, sizes);
  const DType common = promote(x->dtype, y->dtype);
  FJ_USER_CHECK(is_float(common), ErrorKind::Runtime,
                "expected common dtype to be floating point, yet common dtype is ", scalar_type_name(common));
  x = cast_to(b, x, common);
  y = cast_to(b, y, common);
  Val nx = t::clamp_min(b, t::norm(b, x, 2, dim, true), args[3]),
      ny = t::clamp_min(b, t::norm(b, y, 2, dim, true), args[3]);
  outs.push_back(t::sum(b, t::mul(b, t::div(b, x, nx), t::div(b, y, ny)), dim));
}
void decompose_cosine_embedding_loss(Builder& b, const OpDef& op, Args args, Outs& outs) {
  Val x = args[0].val(), y = args[2].val();
  FJ_USER_CHECK(y->dim() <= 1, ErrorKind::Runtime, "0D or 1D target tensor expected, multi-target not supported");
  FJ_USER_CHECK(x->dim() == y->dim() + 1 && args[1].val()->dim() == y->dim() + 1, ErrorKind::Runtime, y->dim(),
                "D target tensor expects ", y->dim() + 1, "D input tensors, but found inputs with sizes ", x->sizes,
                " and ", args[1].val()->sizes, ".");
  Val cos = t::cosine_similarity(b, args[0], args[1], x->dim() > 1 ? 1 : 0, 1e-8);
  Val near = t::where(b, t::eq(b, y, 1), t::rsub(b, cos, 1), 0);
  Val far = t::where(b, t::eq(b, y, -1), hinge(b, t::sub(b, cos, named(op, args, "margin"))), 0);
  outs.push_back(reduced(b, t::add(b, near, far), named(op, args, "reduction")));
}
void decompose_pairwise_distance(Builder& b, const OpDef&, Args args, Outs& outs) {
  Val d = t::add(b, t::sub(b, args[0], args[1]), args[3]);
  outs.push_back(t::norm(b, d, args[2], Arg::ints({-1}), args[4]));
}

}  // namespace fj
