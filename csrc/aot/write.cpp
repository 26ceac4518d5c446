// From compiled programs to bytes.
#include <unordered_map>

#include "aot/bytes.h"
#include "aot/checksum.h"
#include "aot/file.h"
#include "codegen/machine_code.h"
#include "ops/opdef.h"

namespace fj::aot {

KernelRef KernelTable::add(const loop::Kernel& kernel) {
  KernelRef made = codegen::compile(kernel);
  if (index_of(made.get()) >= 0) return made;
  kernels_.push_back(kernel);
  refs_.push_back(made);
  return made;
}

int32_t KernelTable::index_of(const CompiledKernel* k) const {
  for (size_t i = 0; i < refs_.size(); ++i)
    if (refs_[i].get() == k) return static_cast<int32_t>(i);
  return -1;
}

namespace {

constexpr codegen::Isa kIsas[] = {codegen::Isa::Avx2, codegen::Isa::Avx512};

void put_spec(Writer& w, const TensorSpec& s) {
  w.text(s.name);
  w.put(static_cast<uint8_t>(s.dtype));
  w.numbers(s.sizes);
  w.numbers(s.strides);
}

void put_place(Writer& w, const runtime::Place& p) {
  w.put(p.base);
  w.put(p.offset);
}

void put_kernel(Writer& w, const loop::Kernel& k) {
  w.text(loop::print(k));
  w.put<uint8_t>(std::size(kIsas));
  for (codegen::Isa isa : kIsas) {
    codegen::MachineCode code = codegen::machine_code(k, isa);
    w.put(static_cast<uint8_t>(isa));
    w.put(code.cost);
    w.text(code.bytes);
    w.put<uint64_t>(code.externals.size());
    for (auto& [offset, name] : code.externals) {
      w.put(offset);
      w.text(name);
    }
  }
}

class ProgramWriter {
 public:
  ProgramWriter(Writer& w, const runtime::Program& p, const KernelTable& kernels) : w_(w), p_(p), kernels_(kernels) {}

  void write() {
    w_.put(p_.ninputs);
    w_.put(p_.noutputs);
    w_.put(p_.arena_bytes);
    w_.put(p_.ns);
    w_.put<uint64_t>(p_.metas.size());
    for (const TensorMeta& m : p_.metas) {
      numbers_.emplace(&m, static_cast<int32_t>(numbers_.size()));
      meta(m);
    }
    w_.put<uint64_t>(p_.constants.size());
    for (auto& [data, n] : p_.constants) w_.text({reinterpret_cast<const char*>(data.get()), n});
    w_.put<uint64_t>(p_.kernels.size());
    for (const runtime::KernelCall& c : p_.kernels) kernel(c);
    w_.put<uint64_t>(p_.natives.size());
    for (const runtime::NativeCall& c : p_.natives) native(c);
    w_.put<uint64_t>(p_.steps.size());
    for (const runtime::Step& s : p_.steps) {
      w_.put(s.kernel);
      w_.put(s.native);
    }
  }

 private:
  void meta(const TensorMeta& m) {
    w_.put(static_cast<uint8_t>(m.dtype));
    w_.numbers(m.sizes);
    w_.numbers(m.strides);
    w_.put(m.offset);
  }
  int32_t number(Val v) {
    if (!v) return -1;
    auto found = numbers_.find(v.m);
    FJ_CHECK(found != numbers_.end(), "a tensor that is none of the program's");
    return found->second;
  }
  void places(std::span<const runtime::Place> v) {
    w_.put<uint64_t>(v.size());
    for (const runtime::Place& p : v) put_place(w_, p);
  }

  void kernel(const runtime::KernelCall& c) {
    int32_t index = kernels_.index_of(c.kernel.get());
    FJ_CHECK(index >= 0);
    w_.put(index);
    places(c.operands);
    w_.numbers(c.strides);
    w_.numbers(c.sizes);
    w_.put<uint64_t>(c.params.size());
    for (const ParamValue& v : c.params) w_.put(v.i);
    w_.put(c.ns);
    int codes = 0;
    for (const loop::Inst& in : kernels_.kernels()[static_cast<size_t>(index)].insts)
      if (in.op == loop::Op::Check) codes = std::max(codes, static_cast<int>(in.index));
    if (!c.messages) codes = 0;
    w_.put<uint64_t>(static_cast<uint64_t>(codes));
    for (int i = 0; i < codes; ++i) w_.text(c.messages[i]);
  }

  void native(const runtime::NativeCall& c) {
    w_.text(c.op->full_name);
    w_.put<uint64_t>(c.args.size());
    for (const Arg& a : c.args) arg(*c.op, a);
    places(c.inputs);
    w_.put<uint64_t>(c.lists.size());
    for (auto& list : c.lists) places(list);
    w_.put<uint64_t>(c.outs.size());
    for (Val v : c.outs) w_.put(number(v));
    places(c.out_places);
  }

  void arg(const OpDef& op, const Arg& a) {
    w_.put(static_cast<uint8_t>(a.tag()));
    switch (a.tag()) {
      case ArgTag::None: return;
      case ArgTag::Tensor: return w_.put(number(a.val()));
      case ArgTag::TensorList:
        w_.put<uint64_t>(a.as_vals().size());
        for (Val v : a.as_vals()) w_.put(number(v));
        return;
      case ArgTag::Bool:
      case ArgTag::Int: return w_.put(a.as_int());
      case ArgTag::Float: return w_.put(a.as_double());
      case ArgTag::Complex: w_.put(a.real()); return w_.put(a.imag());
      case ArgTag::IntList:
      case ArgTag::BoolList: return w_.numbers(a.as_ints());
      case ArgTag::FloatList:
        w_.put<uint64_t>(a.as_floats().size());
        for (double d : a.as_floats()) w_.put(d);
        return;
      case ArgTag::Str: return w_.text(a.as_str());
      case ArgTag::DType: return w_.put(static_cast<uint8_t>(a.as_dtype()));
      case ArgTag::Device: return;  // the CPU
      case ArgTag::MemoryFormat: return w_.put(static_cast<uint8_t>(a.as_memory_format()));
      case ArgTag::Object:
        raise(ErrorKind::NotImplemented, "aot_compile: ", op.full_name, " takes an object that no file can hold");
    }
  }

  Writer& w_;
  const runtime::Program& p_;
  const KernelTable& kernels_;
  std::unordered_map<const TensorMeta*, int32_t> numbers_;
};

}  // namespace

int64_t TensorSpec::nbytes() const { return checked_extent(sizes, strides, 0) * size_of(dtype); }

std::string write(const File& file, const KernelTable& kernels) {
  Writer w;
  w.text(file.about);
  w.put<uint64_t>(file.held.size());
  for (const Held& h : file.held) {
    put_spec(w, h.spec);
    w.text(h.bytes);
  }
  w.put<uint64_t>(kernels.kernels().size());
  for (const loop::Kernel& k : kernels.kernels()) put_kernel(w, k);
  w.put<uint64_t>(file.variants.size());
  for (const Variant& v : file.variants) {
    for (auto* specs : {&v.inputs, &v.outputs}) {
      w.put<uint64_t>(specs->size());
      for (const TensorSpec& s : *specs) put_spec(w, s);
    }
    w.put<uint64_t>(v.sources.size());
    for (const Source& s : v.sources) {
      w.put(static_cast<uint8_t>(s.held));
      w.put(s.index);
    }
    w.put<uint64_t>(v.changes.size());
    for (int32_t i : v.changes) w.put(i);
    ProgramWriter(w, *v.program, kernels).write();
  }
  return framed(w.out);
}

}  // namespace fj::aot
