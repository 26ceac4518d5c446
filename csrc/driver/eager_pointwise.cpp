#include "driver/eager_pointwise.h"

#include <cstring>
#include <vector>

#include "base/hash.h"
#include "codegen/codegen.h"
#include "driver/stats.h"
#include "runtime/program.h"
#include "schedule/body.h"
#include "schedule/layout.h"
#include "schedule/pointwise.h"

namespace fj::driver {
namespace {

constexpr int kMaxTensors = 8;
constexpr size_t kKeyBytes = 56;
constexpr size_t kMaxEntries = 8192;

struct Key {
  uint8_t bytes[kKeyBytes];
  uint32_t size = 0;
  uint32_t hash = 0;

  void byte(int v) {
    FJ_CHECK(size < kKeyBytes, "pointwise op with too many arguments");
    bytes[size++] = static_cast<uint8_t>(v);
  }
  void word(uint64_t v) {
    FJ_CHECK(size + 8 <= kKeyBytes, "pointwise op with too many arguments");
    std::memcpy(bytes + size, &v, 8);
    size += 8;
  }
  void finish() {
    uint64_t h = size;
    while (size % 8) bytes[size++] = 0;
    for (uint32_t i = 0; i < size; i += 8) {
      uint64_t w;
      std::memcpy(&w, bytes + i, 8);
      h = (h ^ w) * 0x9E3779B97F4A7C15ull;
      h ^= h >> 32;
    }
    hash = static_cast<uint32_t>(h);
  }
  bool operator==(const Key& o) const {
    return hash == o.hash && size == o.size && std::memcmp(bytes, o.bytes, size) == 0;
  }
};

struct Entry {
  Key key;
  KernelRef kernel;
};

// Open addressing; guarded by the interpreter's lock. Full tables are emptied: kernels stay in codegen's own cache.
class Table {
 public:
  Table() : slots_(1024) {}

  const Entry* find(const Key& key) const {
    for (uint32_t i = key.hash;; ++i) {
      const Entry& e = slots_[i & (slots_.size() - 1)];
      if (!e.kernel) return nullptr;
      if (e.key == key) return &e;
    }
  }
  const Entry* add(const Key& key, KernelRef kernel) {
    if (count_ >= kMaxEntries) clear();
    if (count_ * 2 >= slots_.size()) grow();
    ++count_;
    return put(Entry{key, std::move(kernel)});
  }
  void clear() {
    slots_.assign(1024, Entry());
    count_ = 0;
  }
  size_t count() const { return count_; }

 private:
  const Entry* put(Entry e) {
    uint32_t i = e.key.hash;
    while (slots_[i & (slots_.size() - 1)].kernel) ++i;
    Entry& slot = slots_[i & (slots_.size() - 1)];
    slot = std::move(e);
    return &slot;
  }
  void grow() {
    std::vector<Entry> old(slots_.size() * 2);
    old.swap(slots_);
    for (Entry& e : old)
      if (e.kernel) put(std::move(e));
  }
  std::vector<Entry> slots_;
  size_t count_ = 0;
};

Table& table() {
  static Table* t = new Table;
  return *t;
}

// What a launch needs, in the order of the kernel's operands and axes.
struct Call {
  int operands = 0, rank = 0;
  void* ptrs[kMaxTensors + 1];
  int64_t sizes[8];
  int64_t strides[(kMaxTensors + 1) * 8];
  loop::VecClass classes[kMaxTensors + 1];
  ParamValue params[16];
};

// One dimension of contiguous elements, or one element: by far the most calls.
bool plan_flat(Call& c, std::span<const TensorMeta* const> metas, int64_t n) {
  for (const TensorMeta* m : metas) {
    if (n != 1 && !(m->sizes == metas[0]->sizes && m->is_contiguous())) return false;
  }
  c.rank = 1;
  c.sizes[0] = n;
  for (int i = 0; i < c.operands; ++i) {
    c.strides[i] = size_of(metas[static_cast<size_t>(i)]->dtype);
    c.classes[i] = loop::VecClass::Contig;
  }
  return true;
}

void plan_strided(Call& c, std::span<const TensorMeta* const> metas) {
  const Shape& sizes = metas[0]->sizes;
  schedule::Space space;
  space.sizes.assign(sizes.begin(), sizes.end());
  for (const TensorMeta* m : metas) space.steps.push_back(schedule::broadcast_steps(*m, sizes));
  schedule::simplify_space(space);
  c.rank = static_cast<int>(space.sizes.size());
  FJ_CHECK(c.rank <= 8, "more than 8 dimensions that do not merge");
  for (int d = 0; d < c.rank; ++d) c.sizes[d] = space.sizes[d];
  for (int i = 0; i < c.operands; ++i) {
    int item = size_of(metas[static_cast<size_t>(i)]->dtype);
    for (int d = 0; d < c.rank; ++d) c.strides[i * c.rank + d] = space.steps[i][d] * item;
    c.classes[i] = schedule::vec_class(space.steps[i][c.rank - 1], space.sizes[c.rank - 1]);
    if (space.sizes[c.rank - 1] == 1) c.strides[i * c.rank + c.rank - 1] = item;
  }
}

// Describes the arguments in the key and collects the run-time numbers.
void describe(Key& key, Call& c, const OpDef& op, Args args, DType out) {
  key.byte(static_cast<int>(op.id) & 255);
  key.byte(static_cast<int>(op.id) >> 8);
  key.byte(static_cast<int>(out) | c.rank << 4);
  key.byte(static_cast<int>(c.classes[0]) | static_cast<int>(default_dtype()) << 2);
  int tensor = 0, param = 0;
  for (size_t i = 0; i < args.size(); ++i) {
    const Arg& a = args[i];
    if (a.is_tensor()) {
      ++tensor;
      key.byte(0x80 | static_cast<int>(a.val()->dtype) | static_cast<int>(c.classes[tensor]) << 4 |
               (a.val()->dim() == 0) << 6);
    } else if (a.is_number()) {
      int code = schedule::baked_code(a), kind = static_cast<int>(a.tag()) - static_cast<int>(ArgTag::Bool);
      if (code >= 0) {
        key.byte(0x40 | code << 2 | kind);
      } else if (schedule::is_baked(op, i, a)) {
        key.byte(0x08 | kind);
      } else {
        key.byte(0x04 | kind);
        if (a.tag() == ArgTag::Float)
          c.params[param++].f = a.as_double();
        else
          c.params[param++].i = a.as_int();
      }
    } else if (a.is_none()) {
      key.byte(0x01);
    } else {
      key.byte(0x02);
      key.word(a.hash());
    }
  }
  key.finish();
}

const Entry* compile(const Key& key, const Call& c, const OpDef& op, Args args, DType out) {
  CompileTimer timer;
  loop::Kernel kernel =
      schedule::lower_single_pointwise(op, args, out, c.rank, {c.classes, static_cast<size_t>(c.operands)});
  return table().add(key, codegen::compile(kernel));
}

}  // namespace

void run_pointwise(const OpDef& op, Args args, std::span<void* const> in, const TensorMeta& out, void* out_data) {
  int64_t n = out.numel();
  if (n == 0) return;
  const TensorMeta* metas[kMaxTensors + 1];
  Call c;
  metas[0] = &out;
  c.ptrs[0] = out_data;
  c.operands = 1;
  for (const Arg& a : args) {
    if (!a.is_tensor()) continue;
    FJ_CHECK(c.operands <= kMaxTensors);
    c.ptrs[c.operands] = in[static_cast<size_t>(c.operands) - 1];
    metas[c.operands++] = a.val().m;
  }
  std::span<const TensorMeta* const> all(metas, static_cast<size_t>(c.operands));
  if (!plan_flat(c, all, n)) plan_strided(c, all);
  Key key;
  describe(key, c, op, args, out.dtype);
  const Entry* e = table().find(key);
  if (!e) e = compile(key, c, op, args, out.dtype);
  static const int64_t kZero[12] = {};
  LaunchArgs launch_args{nullptr, c.ptrs, c.strides, c.sizes, kZero, c.params, nullptr};
  KernelRef keep;  // a long kernel may run without the lock, and the table be emptied meanwhile
  double ns = static_cast<double>(n) * e->kernel->cost;
  const CompiledKernel* kernel = e->kernel.get();
  if (ns > kReleaseLockNs) keep = e->kernel;
  LockRelease unlocked(ns);
  if (int32_t status = runtime::run_kernel(*kernel, launch_args, ns, nullptr))
    runtime::raise_status(status, schedule::kCheckMessages);
}

int64_t pointwise_cache_size() { return static_cast<int64_t>(table().count()); }
void clear_pointwise_cache() { table().clear(); }

}  // namespace fj::driver
