#include "tensor/meta_device.h"

#include "ops/infer.h"
#include "tensor/autograd.h"
#include "tensor/execute_internal.h"

namespace fj::meta_device {

namespace {

class MetaLayer final : public Layer {
 public:
  void dispatch(const OpDef& op, Args, Outs&) override { raise(ErrorKind::Internal, op.name, "() of a meta layer"); }
  TensorObj* data_access(TensorObj* t, const char* what) override {
    const std::string_view wanted = what;
    if (wanted == "data_ptr" || wanted == "untyped_storage" || wanted == "memory")
      return t;  // there is none, which may be seen
    raise(ErrorKind::NotImplemented, "Cannot copy out of meta tensor; no data! (", what, ")");
  }
  void execute(const OpDef& op, Args args, Outs& outs) override { meta_device::execute(op, args, outs); }
};
MetaLayer layer;

struct WithoutMemory final : Wrapper {
  WithoutMemory() {
    layer = &meta_device::layer;
    keeps_memory = true;
  }
  Wrapper* clone() const override { return new WithoutMemory(); }
};

TensorRef make(TensorMeta meta) {
  meta.requires_grad = false;
  meta.device = {DeviceType::Meta, -1};
  const int64_t bytes = extent_nbytes(meta);
  TensorRef t = new_tensor(meta, StorageRef::steal(new_fake_storage(bytes)));
  set_wrapper(t.get(), new WithoutMemory());
  return t;
}

// Everything on the device, but numbers of another one.
void check_devices(const OpDef& op, Args args) {
  if (op.id == OpId::copy_) {
    FJ_USER_CHECK(is_meta(tensor_of(args[0].val())), ErrorKind::NotImplemented,
                  "Cannot copy out of meta tensor; no data!");
    return;
  }
  for_each_val(args, [&](Val v) {
    FJ_USER_CHECK(v->device.type == DeviceType::Meta || v->dim() == 0, ErrorKind::Runtime,
                  "Expected all tensors to be on the same device, but found at least two devices, meta and cpu! (when "
                  "checking arguments for ",
                  op.name, ")");
  });
}

}  // namespace

bool involves(Args args) {
  bool found = false;
  for (const Arg& a : args) found |= a.tag() == ArgTag::Device && a.as_device().type == DeviceType::Meta;
  for_each_val(args, [&](Val v) { found |= v->device.type == DeviceType::Meta; });
  return found;
}

namespace {

// zeros_like(x, device="cpu"): only the sizes of x count.
void make_elsewhere(const OpDef& op, Args args, Outs& outs, lazy::Proceed proceed) {
  Outs stand_ins;
  ArgVec own(args.begin(), args.end());
  for (Arg& a : own)
    a = map_vals(a, [&](Val v) {
      if (v->device.type != DeviceType::Meta) return v;
      TensorMeta meta = *v;
      meta.device = {};
      meta.requires_grad = false;
      meta.offset = 0;
      stand_ins.push_back(empty(std::move(meta)));
      return stand_ins.back().val();
    });
  RecorderScope none(nullptr);
  proceed(op, own, outs);
}

}  // namespace

void call(const OpDef& op, Args args, Outs& outs, lazy::Proceed proceed) {
  const int at = op.arg_index("device");
  const bool says = at >= 0 && !args[static_cast<size_t>(at)].is_none();
  if (says && args[static_cast<size_t>(at)].as_device().type == DeviceType::CPU)
    return make_elsewhere(op, args, outs, proceed);
  RecorderScope recorder(&layer);
  proceed(op, args, outs);
  for (TensorRef& t : outs)  // new_zeros() and its kin are made of other factories
    if (at >= 0 && !is_meta(t.get())) t = like(t.get());
}

void execute(const OpDef& op, Args given, Outs& outs) {
  if (!involves(given)) {  // a part of an op on numbers elsewhere
    RecorderScope none(nullptr);
    return execute_op(op, given, outs);
  }
  check_devices(op, given);
  FJ_USER_CHECK(!op.has(kDynamicShape) && !op.has(kDataAccess), ErrorKind::NotImplemented, "aten::", op.name,
                ": attempted to run this operator with Meta tensors, but its result depends on their elements");
  ArgVec args(given.begin(), given.end());
  for (Arg& a : args)
    if (a.tag() == ArgTag::Device) a = Arg(Device{});
  if (!op.args.empty() && op.args[0].mutated) {
    check_inplace_call(op, args);
    TensorObj* self = tensor_of(args[0].val());
    bump_version(self);
    outs.push_back(TensorRef::borrow(self));
    return;
  }
  SmallVec<TensorMeta, 2> metas;
  infer_op(op, args, metas);
  for (TensorMeta& m : metas) {
    TensorObj* self = op.is_view() ? tensor_of(args[0].val()) : nullptr;
    if (!self) {
      outs.push_back(make(std::move(m)));
      continue;
    }
    m.requires_grad = false;
    m.device = self->meta.device;
    TensorRef t = op.id == OpId::detach ? make_alias(self) : make_view(self, m);
    if (!t->wrapper) set_wrapper(t.get(), new WithoutMemory());
    if (!thread_state().grad_mode) t->flags |= kNoGradView;
    outs.push_back(std::move(t));
  }
}

void settle(TensorObj* t) {
  if (is_meta(t) != (t->wrapper != nullptr)) set_wrapper(t, is_meta(t) ? new WithoutMemory() : nullptr);
}

namespace {
thread_local Device the_default;
}

Device default_device() { return the_default; }
void set_default_device(Device d) { the_default = d; }

bool fill_device(const OpDef& op, Args args, ArgVec* filled) {
  if (the_default.type == DeviceType::CPU) return false;
  const int at = op.arg_index("device");
  if (at < 0 || static_cast<size_t>(at) >= args.size() || !args[static_cast<size_t>(at)].is_none()) return false;
  bool tensors = false;
  for_each_val(args, [&](Val) { tensors = true; });
  if (tensors) return false;  // zeros_like and its kin follow their argument
  filled->assign(args.begin(), args.end());
  (*filled)[static_cast<size_t>(at)] = Arg(the_default);
  return true;
}

TensorRef like(const TensorObj* t) {
  TensorMeta meta = t->meta;
  meta.offset = 0;
  return make(std::move(meta));
}

}  // namespace fj::meta_device
