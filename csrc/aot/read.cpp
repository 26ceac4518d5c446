// From bytes to programs that run.
#include <map>

#include "aot/bytes.h"
#include "aot/checksum.h"
#include "aot/file.h"
#include "codegen/machine_code.h"
#include "ops/opdef.h"
#include "runtime/memory.h"

namespace fj::aot {
namespace {

void check(bool ok) { Reader::check(ok); }

DType get_dtype(Reader& r) {
  uint8_t t = r.get<uint8_t>();
  check(t < kDTypeCount);
  return static_cast<DType>(t);
}

TensorSpec get_spec(Reader& r) {
  TensorSpec s;
  s.name = r.text();
  s.dtype = get_dtype(r);
  s.sizes = r.numbers<Shape>();
  s.strides = r.numbers<Shape>();
  check(s.sizes.size() == s.strides.size());
  for (int64_t n : s.sizes) check(n >= 0);
  for (int64_t n : s.strides) check(n >= 0);
  s.nbytes();
  return s;
}

// The code for this process's instruction set, or for a smaller one; else the definition.
KernelRef get_kernel(Reader& r, Loaded& out) {
  loop::Kernel kernel = loop::parse(r.text());
  codegen::Isa wanted = codegen::default_isa(), best = codegen::Isa::Ref;
  codegen::MachineCode chosen;
  for (int n = r.get<uint8_t>(); n > 0; --n) {
    uint8_t isa = r.get<uint8_t>();
    codegen::MachineCode code;
    code.cost = r.get<float>();
    code.bytes = r.text();
    for (size_t k = r.count(12); k > 0; --k) {
      uint32_t offset = r.get<uint32_t>();
      code.externals.push_back({offset, std::string(r.text())});
    }
    check(isa <= static_cast<uint8_t>(codegen::Isa::Avx512) && isa > 0);
    if (isa > static_cast<uint8_t>(wanted) || isa < static_cast<uint8_t>(best)) continue;
    best = static_cast<codegen::Isa>(isa);
    chosen = std::move(code);
  }
  if (best == codegen::Isa::Ref) {
    out.compiled_here = true;
    out.isa = wanted;
    return codegen::compile(kernel, wanted);
  }
  out.isa = best;
  return codegen::load_code(kernel, chosen);
}

// What failed checks say, kept as long as the process, once each: programs do not own their messages.
const char* const* lasting(std::vector<std::string> texts) {
  static std::mutex mutex;
  static auto* known = new std::map<std::vector<std::string>, std::unique_ptr<const char*[]>>;
  std::lock_guard lock(mutex);
  auto [at, fresh] = known->try_emplace(std::move(texts));
  if (fresh) {
    at->second = std::make_unique<const char*[]>(at->first.size());
    for (size_t i = 0; i < at->first.size(); ++i) at->second[i] = at->first[i].c_str();
  }
  return at->second.get();
}

class ProgramReader {
 public:
  ProgramReader(Reader& r, const std::vector<KernelRef>& kernels) : r_(r), kernels_(kernels) {}

  std::unique_ptr<runtime::Program> read() {
    p_->ninputs = r_.get<int32_t>();
    p_->noutputs = r_.get<int32_t>();
    p_->arena_bytes = r_.get<int64_t>();
    p_->ns = r_.get<double>();
    check(p_->ninputs >= 0 && p_->noutputs >= 0 && p_->arena_bytes >= 0);
    for (size_t n = r_.count(8); n > 0; --n) meta();
    for (size_t n = r_.count(8); n > 0; --n) {
      std::string_view data = r_.text();
      p_->constants.push_back({std::make_unique<std::byte[]>(data.size()), data.size()});
      std::memcpy(p_->constants.back().first.get(), data.data(), data.size());
    }
    for (size_t n = r_.count(8); n > 0; --n) kernel();
    for (size_t n = r_.count(8); n > 0; --n) native();
    for (size_t n = r_.count(8); n > 0; --n) {
      runtime::Step s{r_.get<int32_t>(), r_.get<int32_t>()};
      check(s.kernel >= 0 ? s.kernel < static_cast<int32_t>(p_->kernels.size())
                          : s.native >= 0 && s.native < static_cast<int32_t>(p_->natives.size()));
      p_->steps.push_back(s);
    }
    return std::move(p_);
  }

 private:
  void meta() {
    TensorMeta m;
    m.dtype = get_dtype(r_);
    m.sizes = r_.numbers<Shape>();
    m.strides = r_.numbers<Shape>();
    m.offset = r_.get<int64_t>();
    check(m.sizes.size() == m.strides.size());
    p_->metas.push_back(std::move(m));
  }
  Val val() {
    int32_t i = r_.get<int32_t>();
    check(i >= -1 && i < static_cast<int32_t>(p_->metas.size()));
    return i < 0 ? Val{} : Val{&p_->metas[static_cast<size_t>(i)]};
  }
  runtime::Place place() {
    runtime::Place p{r_.get<int32_t>(), r_.get<int64_t>()};
    check(p.base >= -1 && p.base <= p_->arena_base() && p.offset >= 0);
    return p;
  }
  template <class Vec>
  Vec places() {
    Vec v;
    for (size_t n = r_.count(12); n > 0; --n) v.push_back(place());
    return v;
  }

  void kernel() {
    runtime::KernelCall c;
    int32_t index = r_.get<int32_t>();
    check(index >= 0 && index < static_cast<int32_t>(kernels_.size()));
    c.kernel = kernels_[static_cast<size_t>(index)];
    c.operands = places<decltype(c.operands)>();
    c.strides = r_.numbers<decltype(c.strides)>();
    c.sizes = r_.numbers<decltype(c.sizes)>();
    size_t rank = static_cast<size_t>(c.kernel->rank), operands = static_cast<size_t>(c.kernel->operands);
    check(c.operands.size() == operands && c.sizes.size() == rank && c.strides.size() == rank * operands);
    for (size_t n = r_.count(8); n > 0; --n) c.params.push_back({.i = r_.get<int64_t>()});
    c.ns = r_.get<double>();
    std::vector<std::string> texts;
    for (size_t n = r_.count(8); n > 0; --n) texts.emplace_back(r_.text());
    if (!texts.empty()) c.messages = lasting(std::move(texts));
    p_->kernels.push_back(std::move(c));
  }

  void native() {
    runtime::NativeCall c;
    std::string name(r_.text());
    c.op = find_op(name);
    FJ_USER_CHECK(c.op && c.op->native, ErrorKind::Runtime, "the file calls ", name, ", which is not there");
    for (size_t n = r_.count(); n > 0; --n) c.args.push_back(arg());
    c.inputs = places<decltype(c.inputs)>();
    check(c.inputs.size() == c.args.size());
    for (size_t n = r_.count(8); n > 0; --n) c.lists.push_back(places<std::vector<runtime::Place>>());
    for (size_t n = r_.count(4); n > 0; --n) {
      c.outs.push_back(val());
      check(static_cast<bool>(c.outs.back()));
    }
    c.out_places = places<decltype(c.out_places)>();
    check(c.out_places.size() == c.outs.size() && c.lists.size() <= c.args.size());
    for (size_t i = 0; i < c.inputs.size(); ++i) check(c.inputs[i].base < 0 || c.args[i].is_tensor());
    p_->natives.push_back(std::move(c));
  }

  Arg arg() {
    uint8_t tag = r_.get<uint8_t>();
    check(tag < static_cast<uint8_t>(ArgTag::Object));
    switch (static_cast<ArgTag>(tag)) {
      case ArgTag::Tensor: return Arg(val());
      case ArgTag::TensorList: {
        SmallVec<Val, 8> v;
        for (size_t n = r_.count(4); n > 0; --n) v.push_back(val());
        return Arg::tensors(v);
      }
      case ArgTag::Bool: return Arg(r_.get<int64_t>() != 0);
      case ArgTag::Int: return Arg(r_.get<int64_t>());
      case ArgTag::Float: return Arg(r_.get<double>());
      case ArgTag::Complex: {
        double re = r_.get<double>(), im = r_.get<double>();
        return Arg::complex(re, im);
      }
      case ArgTag::IntList: return Arg::ints(r_.numbers<SmallVec<int64_t, 6>>());
      case ArgTag::BoolList: return Arg::bools(r_.numbers<SmallVec<int64_t, 6>>());
      case ArgTag::FloatList: {
        std::vector<double> v;
        for (size_t n = r_.count(8); n > 0; --n) v.push_back(r_.get<double>());
        return Arg::floats(v);
      }
      case ArgTag::Str: return Arg(std::string(r_.text()));
      case ArgTag::DType: return Arg(get_dtype(r_));
      case ArgTag::Device: return Arg(Device{});
      case ArgTag::MemoryFormat: {
        uint8_t f = r_.get<uint8_t>();
        check(f <= static_cast<uint8_t>(MemoryFormat::ChannelsLast3d));
        return Arg(static_cast<MemoryFormat>(f));
      }
      default: return {};
    }
  }

  Reader& r_;
  const std::vector<KernelRef>& kernels_;
  std::unique_ptr<runtime::Program> p_ = std::make_unique<runtime::Program>();
};

Variant get_variant(Reader& r, const std::vector<KernelRef>& kernels, size_t held) {
  Variant v;
  for (auto* specs : {&v.inputs, &v.outputs})
    for (size_t n = r.count(8); n > 0; --n) specs->push_back(get_spec(r));
  for (size_t n = r.count(5); n > 0; --n) {
    bool is_held = r.get<uint8_t>() != 0;
    int32_t index = r.get<int32_t>();
    check(index >= 0 && static_cast<size_t>(index) < (is_held ? held : v.inputs.size()));
    v.sources.push_back({is_held, index});
  }
  size_t own = 0;
  for (size_t n = r.count(4); n > 0; --n) {
    v.changes.push_back(r.get<int32_t>());
    check(v.changes.back() >= -1 && v.changes.back() < static_cast<int32_t>(held));
    own += v.changes.back() < 0;
  }
  v.program = ProgramReader(r, kernels).read();
  check(static_cast<size_t>(v.program->ninputs) == v.sources.size());
  check(static_cast<size_t>(v.program->noutputs) == v.changes.size() && own == v.outputs.size());
  return v;
}

}  // namespace

std::unique_ptr<Loaded> read(std::string_view data) {
  Reader r(unframed(data));
  auto out = std::make_unique<Loaded>();
  out->file.about = r.text();
  for (size_t n = r.count(8); n > 0; --n) {
    TensorSpec spec = get_spec(r);
    std::string_view bytes = r.text();
    check(static_cast<int64_t>(bytes.size()) == spec.nbytes());
    out->memory.push_back(runtime::alloc_bytes(bytes.size()));
    std::memcpy(out->memory.back(), bytes.data(), bytes.size());
    out->file.held.push_back({std::move(spec), {}});
  }
  std::vector<KernelRef> kernels;
  for (size_t n = r.count(8); n > 0; --n) kernels.push_back(get_kernel(r, *out));
  for (size_t n = r.count(8); n > 0; --n) out->file.variants.push_back(get_variant(r, kernels, out->file.held.size()));
  check(r.at_end());
  return out;
}

Loaded::~Loaded() {
  for (size_t i = 0; i < memory.size(); ++i)
    runtime::free_bytes(memory[i], static_cast<size_t>(file.held[i].spec.nbytes()));
}

void Loaded::run(size_t variant, void* const* inputs, void* const* outputs) {
  const Variant& v = file.variants[variant];
  SmallVec<void*, 16> in, out;
  for (const Source& s : v.sources) in.push_back(s.held ? memory[static_cast<size_t>(s.index)] : inputs[s.index]);
  struct Fresh {
    std::vector<std::pair<void*, size_t>> blocks;
    ~Fresh() {
      for (auto& [p, n] : blocks) runtime::free_bytes(p, n);
    }
  } fresh;
  size_t own = 0;
  for (int32_t target : v.changes) {
    if (target < 0) {
      out.push_back(outputs[own++]);
      continue;
    }
    size_t n = static_cast<size_t>(file.held[static_cast<size_t>(target)].spec.nbytes());
    fresh.blocks.push_back({runtime::alloc_bytes(n), n});
    out.push_back(fresh.blocks.back().first);
  }
  std::unique_lock lock(changing, std::defer_lock);
  if (!fresh.blocks.empty()) lock.lock();
  v.program->run(in.data(), out.data());
  size_t block = 0;
  for (int32_t target : v.changes)
    if (target >= 0) {
      std::memcpy(memory[static_cast<size_t>(target)], fresh.blocks[block].first, fresh.blocks[block].second);
      ++block;
    }
}

}  // namespace fj::aot
