#include "tensor/batched.h"

#include "ops/calls.h"
#include "ops/infer.h"
#include "tensor/autograd.h"
#include "tensor/tape_api.h"

namespace fj {

namespace {

struct BatchedWrapper final : Wrapper {
  BatchedWrapper(std::shared_ptr<VmapLayer> owner, TensorRef v, int64_t dim)
      : keep(std::move(owner)), value(std::move(v)), bdim(dim) {
    layer = keep.get();
  }
  int traverse(visitproc visit, void* arg) override {
    Py_VISIT(as_object(value.get()));
    return 0;
  }
  std::shared_ptr<VmapLayer> keep;
  TensorRef value;
  int64_t bdim;
};

bool mutates(const OpDef& op) { return op.has(kInplace) || (!op.args.empty() && op.args[0].mutated); }

VmapLayer* as_vmap(Layer* layer) { return dynamic_cast<VmapLayer*>(layer); }

[[noreturn]] void refuse_inplace(const OpDef& op) {
  raise(ErrorKind::Runtime, "vmap: ", op.name,
        "(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args that has more "
        "elements than `self`. This happened due to `other` being vmapped over but `self` not being vmapped over in a "
        "vmap. Please try to use "
        "out-of-place operators instead of ",
        op.name, ".");
}

[[noreturn]] void refuse_rule(const OpDef& op) {
  if (op.has(kDynamicShape))
    raise(ErrorKind::Runtime,
          "vmap: We do not support batching operators that can output dynamic shape. Attempted to batch ", op.name);
  raise(ErrorKind::Runtime, "vmap: ", op.name, " has no batching rule", op.no_batch ? ": " : "",
        op.no_batch ? op.no_batch : "");
}

}  // namespace

// A call whose tensors of this layer are replaced by their values.
struct VmapLayer::Call {
  const OpDef& op;
  Args args;  // as given
  ArgVec values;
  SmallVec<int64_t, 6> bdims;  // an argument each
  std::vector<SmallVec<int64_t, 4>> list_bdims;
  Outs keep;  // owns what `values` point to
  bool any = false;
  bool scalars = false;  // some batched argument is logically 0-d

  Call(const VmapLayer& layer, const OpDef& o, Args a) : op(o), args(a), bdims(a.size(), -1), list_bdims(a.size()) {
    for (size_t i = 0; i < a.size(); ++i) {
      values.push_back(map_vals(a[i], [&](Val v) {
        int64_t bdim;
        keep.push_back(layer.unwrap(tensor_of(v), &bdim));
        if (a[i].tag() == ArgTag::Tensor) bdims[i] = bdim;
        any = any || bdim >= 0;
        scalars = scalars || (bdim >= 0 && v->dim() == 0);
        return keep.back().val();
      }));
      if (a[i].tag() != ArgTag::TensorList) continue;
      for (Val v : a[i].as_vals()) {
        int64_t bdim = -1;
        if (v) layer.unwrap(tensor_of(v), &bdim);
        list_bdims[i].push_back(bdim);
      }
    }
  }
};

TensorRef VmapLayer::unwrap(TensorObj* t, int64_t* bdim) const {
  if (!is_mine(t)) {
    *bdim = -1;
    return TensorRef::borrow(t);
  }
  auto* w = static_cast<BatchedWrapper*>(t->wrapper);
  *bdim = w->bdim;
  return w->value;
}

TensorRef VmapLayer::wrap(TensorRef value, int64_t bdim) {
  TensorMeta meta = value->meta;
  meta.sizes.erase(meta.sizes.begin() + bdim);
  meta.strides.erase(meta.strides.begin() + bdim);
  meta.requires_grad = tape_needs(value.get());
  TensorRef t = new_tensor(std::move(meta), StorageRef::borrow(value->storage));
  if (t->meta.requires_grad) t->flags |= kNonLeaf;
  set_wrapper(t.get(), new BatchedWrapper(shared_from_this(), std::move(value), bdim));
  return t;
}

TensorObj* VmapLayer::data_access(TensorObj*, const char* what) {
  if (std::string_view(what) == "bool")
    raise(ErrorKind::Runtime,
          "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. We don't support "
          "that yet, "
          "please shout over at https://github.com/pytorch/functorch/issues/257 .");
  raise(ErrorKind::Runtime, "vmap: It looks like you're calling .", what,
        "() on a Tensor. We don't support vmap over calling .", what,
        "() on a Tensor, please try to rewrite what you're doing with other operations.");
}

// Data is the same for every entry: it is for the layers below, a trace above all.
TensorRef VmapLayer::adopt(TensorRef fresh) {
  LayerPause under(below);
  return below ? below->adopt(std::move(fresh)) : fresh;
}

void VmapLayer::dispatch(const OpDef& op, Args args, Outs& outs) {
  Call c(*this, op, args);
  if (op.has(kRandom)) return run_random(c, outs);
  if (!c.any) {
    // A composite that draws random numbers must still meet this layer.
    if (is_transparent(op) && !op.has(kInplace)) return decompose(op, args, outs);
    return call_op(op, args, outs);
  }
  if (mutates(op)) return run_inplace(c, outs);
  bool by_parts = op.decompose && (!op.batch || op.batch == op_def(OpId::reshape).batch);
  if (by_parts) return decompose(op, args, outs);
  run_rule(c, outs);
}

// The parts of a composite are calls on this layer again.
void VmapLayer::decompose(const OpDef& op, Args args, Outs& outs) {
  LayerScope again(*this);
  EagerBuilder b;
  SmallVec<Val, 2> vals;
  op.decompose(b, op, args, vals);
  for (Val v : vals) outs.push_back(b.take(v));
}

// A scalar per batch entry is a vector below, which would outrank other operands in type promotion.
static void cast_results(const SmallVec<TensorMeta, 2>& metas, EagerBuilder& b, SmallVec<Val, 2>& results) {
  for (size_t i = 0; i < results.size() && i < metas.size(); ++i)
    if (results[i]->dtype != metas[i].dtype) results[i] = t::_to_dtype(b, results[i], metas[i].dtype);
}

void VmapLayer::run_rule(const Call& c, Outs& outs) {
  if (!c.op.batch || c.op.has(kDynamicShape)) refuse_rule(c.op);
  EagerBuilder b;
  // What an entry may not do, the batch of all may not either, though with its one dimension more it often could.
  SmallVec<TensorMeta, 2> metas;
  infer_op(c.op, c.args, metas);
  BatchCtx ctx{b, c.op, c.values, c.bdims, c.list_bdims, size_};
  c.op.batch(ctx);
  if (c.scalars && c.op.kind == OpKind::Pointwise) cast_results(metas, b, ctx.outs);
  for (size_t i = 0; i < ctx.outs.size(); ++i) {
    TensorRef v = b.take(ctx.outs[i]);
    outs.push_back(ctx.out_bdims[i] < 0 ? std::move(v) : wrap(std::move(v), ctx.out_bdims[i]));
  }
}

// `self` keeps being the same object: the functional result is copied into its value.
void VmapLayer::run_inplace(const Call& c, Outs& outs) {
  TensorObj* self = tensor_of(c.args[0].val());
  if (!is_mine(self)) refuse_inplace(c.op);
  if (!c.op.partner) refuse_rule(c.op);
  bool taped = false;
  if (thread_state().grad_mode) for_each_val(c.values, [&](Val v) { taped |= tape_needs(tensor_of(v)); });
  TensorRef made, before;
  {
    LayerScope again(*this);
    ArgVec args(c.args.begin(), c.args.end());
    if (taped) {  // what the tape keeps of self is what it was
      before = call1(OpId::clone, {args[0], Arg(MemoryFormat::Preserve)});
      args[0] = Arg(before.val());
    }
    Outs results;
    call_op(*c.op.partner, args, results);
    made = results[0];
  }
  int64_t self_dim, dim;
  TensorRef target = unwrap(self, &self_dim), value = unwrap(made.get(), &dim);
  FJ_USER_CHECK(made->meta.sizes == self->meta.sizes, ErrorKind::Runtime, "output with shape ", self->meta.sizes,
                " doesn't match the broadcast shape ", made->meta.sizes);
  EagerBuilder b;
  Val v = value.val();
  if (dim < 0)
    v = t::unsqueeze(b, v, Arg(self_dim));
  else if (dim != self_dim)
    v = t::movedim(b, v, Arg::ints({dim}), Arg::ints({self_dim}));
  t::copy_(b, target.val(), v);
  self->meta.requires_grad = tape_needs(target.get());
  facts_changed(self);
  outs.push_back(TensorRef::borrow(self));
}

// An element-wise draw on values with the batch axis in front, or one whose `size` gets it: a draw for every entry.
static bool draw_at_once(const OpDef& op, ArgVec args, std::span<const int64_t> bdims, Dim batch, EagerBuilder& b,
                         SmallVec<Val, 2>& drawn) {
  int size_at = op.arg_index("size");
  bool from_tensors = false;
  for (size_t i = 0; i < args.size(); ++i) {
    if (!args[i].is_tensor()) continue;
    from_tensors = true;
    Val v = args[i].val();
    Shape sizes{batch};
    if (bdims[i] < 0) {
      for (Dim s : v->sizes) sizes.push_back(s);
      v = t::expand(b, v, sizes);
    } else if (bdims[i] > 0) {
      v = t::movedim(b, v, Arg::ints({bdims[i]}), Arg::ints({0}));
    }
    args[i] = Arg(v);
  }
  if (!from_tensors && size_at < 0) return false;
  if (size_at >= 0) {
    Shape sizes{batch};
    for (Dim s : args[static_cast<size_t>(size_at)].as_ints()) sizes.push_back(s);
    args[static_cast<size_t>(size_at)] = Arg(sizes);
  }
  b.emit(op, args, drawn);
  return true;
}

void VmapLayer::run_random(const Call& c, Outs& outs) {
  FJ_USER_CHECK(randomness_ != VmapRandomness::Error, ErrorKind::Runtime,
                "vmap: called random operation while in randomness error mode. Please either use the 'same' or "
                "'different' randomness flags on vmap or "
                "perform the randomness operation out of vmap");
  bool different = randomness_ == VmapRandomness::Different;
  if (mutates(c.op)) {
    TensorObj* self = tensor_of(c.args[0].val());
    FJ_USER_CHECK(
        !different || is_mine(self), ErrorKind::Runtime,
        "vmap: Cannot ask for different inplace randomness on an unbatched tensor. This will "
        "appear like same randomness. If this is necessary for your usage, please file an issue with functorch.");
    int64_t bdim;
    TensorRef value = unwrap(self, &bdim);
    ArgVec args = c.values;
    if (!different && bdim >= 0) {  // one draw, copied to every entry
      EagerBuilder b;
      Val first = t::clone(b, t::select(b, value.val(), Arg(bdim), Arg(int64_t{0})), Arg());
      args[0] = Arg(first);
      Outs drawn;
      call_op(c.op, args, drawn);
      t::copy_(b, value.val(), t::unsqueeze(b, drawn[0].val(), Arg(bdim)));
    } else {
      Outs drawn;
      call_op(c.op, args, drawn);
    }
    outs.push_back(TensorRef::borrow(self));
    return;
  }
  bool shape_only = std::string_view(c.op.name).ends_with("_like");
  EagerBuilder b;
  ArgVec args = c.values;
  if (!different && (!c.any || shape_only)) {
    if (c.any) args[0] = Arg(t::select(b, args[0].val(), Arg(c.bdims[0]), Arg(int64_t{0})));
    return call_op(c.op, args, outs);
  }
  SmallVec<Val, 2> drawn;
  bool whole = draw_at_once(c.op, args, c.bdims, size_, b, drawn);
  FJ_USER_CHECK(whole, ErrorKind::Runtime, "vmap: ", c.op.name,
                " cannot draw differently for every entry; use randomness='same'");
  for (Val v : drawn) outs.push_back(wrap(b.take(v), 0));
}

VmapLayer* top_vmap() { return as_vmap(thread_state().top); }

int active_vmaps() {
  int n = 0;
  for (Layer* l = thread_state().top; l; l = l->below) n += as_vmap(l) != nullptr;
  return n;
}

FuncDepth& func_depth() {
  static thread_local FuncDepth depth;
  return depth;
}

int batch_level(TensorObj* t, TensorRef* value, int64_t* bdim) {
  VmapLayer* layer = t->wrapper ? as_vmap(t->wrapper->layer) : nullptr;
  if (!layer) return 0;
  *value = layer->unwrap(t, bdim);
  int level = 0;
  for (Layer* l = thread_state().top; l; l = l->below) level = l == layer ? 1 : level + (level && as_vmap(l));
  return level;
}

bool is_batched(const TensorObj* t) { return t->wrapper && as_vmap(t->wrapper->layer); }

TensorRef opened(TensorObj* t) {
  EagerBuilder b;
  TensorRef at = TensorRef::borrow(t);
  for (Layer* l = thread_state().top; l; l = l->below) {
    VmapLayer* layer = as_vmap(l);
    if (!layer) continue;
    LayerPause under(layer->below);
    int64_t bdim;
    TensorRef value = layer->unwrap(at.get(), &bdim);
    Shape sizes{layer->size()};
    for (Dim s : value->meta.sizes) sizes.push_back(s);
    if (bdim < 0)
      at = b.take(t::expand(b, value.val(), sizes));
    else
      at = bdim ? b.take(t::movedim(b, value.val(), Arg::ints({bdim}), Arg::ints({0}))) : value;
  }
  return at;
}

TensorRef closed(TensorRef plain) {
  std::vector<VmapLayer*> layers;
  for (Layer* l = thread_state().top; l; l = l->below)
    if (VmapLayer* layer = as_vmap(l)) layers.push_back(layer);
  for (auto it = layers.rbegin(); it != layers.rend(); ++it) plain = (*it)->wrap(std::move(plain), 0);
  return plain;
}

TensorRef plain_tensor(TensorObj* t) {
  TensorRef at = TensorRef::borrow(t);
  while (at->wrapper) {
    VmapLayer* layer = as_vmap(at->wrapper->layer);
    if (!layer) break;
    int64_t bdim;
    at = layer->unwrap(at.get(), &bdim);
  }
  return at;
}

namespace {

// `t` with its batch dimension in `layer` as an ordinary one at `*at` (-1: it has none), also where layers above wrap
// it.
TensorRef exposed(TensorObj* t, const VmapLayer& layer, int64_t* at) {
  VmapLayer* own = t->wrapper ? as_vmap(t->wrapper->layer) : nullptr;
  *at = -1;
  if (!own) return TensorRef::borrow(t);
  int64_t dim;
  TensorRef value = own->unwrap(t, &dim);
  if (own == &layer) {
    *at = dim;
    return value;
  }
  int64_t inner;
  TensorRef open = exposed(value.get(), layer, &inner);
  if (inner < 0) return TensorRef::borrow(t);
  if (inner <= dim) ++dim;
  *at = inner > dim ? inner - 1 : inner;
  return own->wrap(std::move(open), dim);
}

// The reverse: dimension `at` of `t` becomes the batch in `layer`, beneath later layers that wrap t.
TensorRef covered(TensorRef t, VmapLayer& layer, int64_t at) {
  VmapLayer* own = t->wrapper ? as_vmap(t->wrapper->layer) : nullptr;
  if (!own || layer.is_above(*own)) return layer.wrap(std::move(t), at);
  int64_t dim;
  TensorRef value = own->unwrap(t.get(), &dim);
  if (dim <= at)
    ++at;
  else
    --dim;
  return own->wrap(covered(std::move(value), layer, at), dim);
}

}  // namespace

TensorRef wrapped_like(TensorRef plain, TensorObj* like) {
  VmapLayer* layer = like->wrapper ? as_vmap(like->wrapper->layer) : nullptr;
  if (!layer) return plain;
  int64_t bdim;
  TensorRef inner = layer->unwrap(like, &bdim);
  return covered(wrapped_like(std::move(plain), inner.get()), *layer, bdim);
}

TensorRef aligned_seed(TensorObj* seed, TensorObj* out) {
  TensorRef s = TensorRef::borrow(seed), o = TensorRef::borrow(out);
  EagerBuilder b;
  while (VmapLayer* layer = o->wrapper ? as_vmap(o->wrapper->layer) : nullptr) {
    int64_t want, have;
    o = layer->unwrap(o.get(), &want);
    s = exposed(s.get(), *layer, &have);
    if (have >= 0 && have != want) {
      s = b.take(t::movedim(b, s.val(), Arg::ints({have}), Arg::ints({want})));
    } else if (have < 0) {
      Val wide = t::unsqueeze(b, s.val(), Arg(want));
      Shape sizes = wide->sizes;
      sizes[want] = layer->size();
      s = b.take(t::expand(b, wide, sizes));
    }
  }
  return s;
}

bool is_batched_like(TensorObj* out, TensorObj* like) {
  for (TensorRef at = TensorRef::borrow(like); at->wrapper;) {
    VmapLayer* layer = as_vmap(at->wrapper->layer);
    if (!layer) return true;
    bool found = false;
    for (TensorRef o = TensorRef::borrow(out); o->wrapper && !found;) {
      VmapLayer* l = as_vmap(o->wrapper->layer);
      found = l == layer;
      if (!l) break;
      int64_t d;
      o = l->unwrap(o.get(), &d);
    }
    if (!found) return false;
    int64_t d;
    at = layer->unwrap(at.get(), &d);
  }
  return true;
}

namespace {

TensorRef differentiable_in(TensorObj* x, Layer* layer, bool* tracked) {
  VmapLayer* vmap = as_vmap(layer);
  if (!vmap) {
    *tracked = *tracked || tape_needs(x);
    if (tape_needs(x)) return call1(OpId::alias, {Arg(val_of(x))});
    TensorRef leaf = make_alias(x);
    leaf->meta.requires_grad = true;
    return leaf;
  }
  int64_t bdim;
  TensorRef value = vmap->unwrap(x, &bdim);
  LayerPause below(vmap->below);
  if (bdim < 0) {
    Shape sizes{vmap->size()};
    for (Dim s : x->meta.sizes) sizes.push_back(s);
    value = call1(OpId::expand, {Arg(val_of(x)), Arg(sizes), Arg(false)});
    bdim = 0;
  }
  return vmap->wrap(differentiable_in(value.get(), vmap->below, tracked), bdim);
}

}  // namespace

namespace {

TensorRef writable_in(TensorObj* x, Layer* layer) {
  VmapLayer* vmap = as_vmap(layer);
  if (!vmap) {
    if (!tape_needs(x)) return TensorRef::borrow(x);
    TensorRef out = call1(OpId::alias, {Arg(val_of(x))});
    if (out->base && tape::is_leaf(out->base)) {
      TensorObj* leaf = std::exchange(out->base, nullptr);
      Py_DECREF(as_object(leaf));
      facts_changed(out.get());
    }
    return out;
  }
  int64_t bdim;
  TensorRef value = vmap->unwrap(x, &bdim);
  if (bdim < 0) return TensorRef::borrow(x);
  LayerPause below(vmap->below);
  return vmap->wrap(writable_in(value.get(), vmap->below), bdim);
}

}  // namespace

TensorRef make_writable(TensorObj* x) { return writable_in(x, thread_state().top); }

TensorRef make_differentiable(TensorObj* x, bool* tracked) { return differentiable_in(x, thread_state().top, tracked); }

}  // namespace fj
