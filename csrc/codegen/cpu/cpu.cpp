// Ties the parts together and owns the executable memory.
#include "codegen/cpu/cpu.h"

#include "base/error.h"
#include "base/flags.h"
#include "codegen/cpu/cpu_kernel.h"
#include "codegen/cpu/emit.h"
#include "codegen/ref/interp.h"

namespace fj::codegen::cpu {

namespace {

asmjit::JitRuntime& runtime() {
  static asmjit::JitRuntime* rt = new asmjit::JitRuntime;  // outlives every kernel
  return *rt;
}

// The first error of an emission; kernels that verify cause none.
struct FirstError : asmjit::ErrorHandler {
  std::string message;
  void handleError(asmjit::Error, const char* text, asmjit::BaseEmitter*) override {
    if (message.empty()) message = text;
  }
};

float estimate_cost(const MKernel& mir, Isa isa) {
  float calls = 0;
  for (const MStage& s : mir.stages)
    for (const MInst& in : s.insts) calls += in.op == MOp::Call;
  float lanes = (isa == Isa::Avx512 ? 16.0f : 8.0f) / (mir.wide ? 2.0f : 1.0f);
  return static_cast<float>(mir.insts) * 0.3f / lanes + calls * 10;
}

}  // namespace

CpuKernel::~CpuKernel() {
  if (code) runtime().release(code);
}

void run_interpreted(const LaunchArgs* args) {
  const CpuKernel* k = static_cast<const CpuKernel*>(args->self);
  LaunchArgs again = *args;
  launch(*k->interpreted, again);
}

Emitter::Emitter(const loop::Kernel& kernel, const MKernel& mir, Isa isa)
    : k_(kernel),
      mir_(mir),
      isa_(isa),
      vb_(isa == Isa::Avx512 ? 64 : 32),
      lanes_(vb_ / (mir.wide ? 8 : 4)),
      nregs_(isa == Isa::Avx512 ? 32 : 16),
      s0_(nregs_ - 1),
      s1_(nregs_ - 2) {}

size_t Emitter::run(KernelFn* fn) {
  while (outer_ < k_.rank() - (k_.is_row() ? 0 : 1) && k_.axes[static_cast<size_t>(outer_)] == loop::AxisKind::Parallel)
    ++outer_;
  for (const MStage& s : mir_.stages)
    for (const MInst& in : s.insts)
      if (in.op == MOp::Index) indexed_ |= 1u << in.index;
  plan();
  lay_out_frame();
  FirstError errors;
  code_.init(runtime().environment());
  code_.setErrorHandler(&errors);
  asmjit::StringLogger logger;
  if (flags::log_on("asm")) code_.setLogger(&logger);
  code_.attach(&as_);
  pool_ = as_.newLabel();
  exit_ = as_.newLabel();
  prologue();
  nest();
  epilogue();
  emit_cold_parts();
  emit_pool();
  if (flags::log_on("asm")) std::fprintf(stderr, "%s\n", logger.data());
  FJ_CHECK(errors.message.empty(), "asmjit: ", errors.message, "\n", loop::print(k_));
  asmjit::Error err = runtime().add(fn, &code_);
  FJ_CHECK(err == asmjit::kErrorOk, "asmjit: ", asmjit::DebugUtils::errorAsString(err));
  return code_.codeSize();
}

bool supports(Isa isa) {
  const auto& f = asmjit::CpuInfo::host().features().x86();
  bool avx2 = f.hasAVX2() && f.hasFMA() && f.hasF16C() && f.hasBMI2();
  if (isa == Isa::Avx2) return avx2;
  return avx2 && f.hasAVX512_F() && f.hasAVX512_BW() && f.hasAVX512_DQ() && f.hasAVX512_VL();
}

std::shared_ptr<CompiledKernel> assemble(const loop::Kernel& kernel, Isa isa, int64_t* bytes) {
  MKernel mir = lower(kernel, isa == Isa::Avx512);
  auto out = std::make_shared<CpuKernel>();
  describe(kernel, out.get());
  out->self = out.get();
  out->cost = estimate_cost(mir, isa);
  for (const loop::Operand& o : kernel.operands)
    if (o.vec == loop::VecClass::Strided && size_of(o.dtype) >= 4 && !out->interpreted)
      out->interpreted = interpret(kernel);
  Emitter emitter(kernel, mir, isa);
  out->code_bytes = emitter.run(&out->code);
  out->externals = emitter.externals();
  *bytes += static_cast<int64_t>(out->code_bytes);
  out->fn = out->code;
  return out;
}

std::shared_ptr<CompiledKernel> place(const loop::Kernel& kernel, std::span<const char> code, float cost) {
  auto out = std::make_shared<CpuKernel>();
  describe(kernel, out.get());
  out->self = out.get();
  out->cost = cost;
  out->interpreted = interpret(kernel);
  asmjit::CodeHolder holder;
  holder.init(runtime().environment());
  x86::Assembler as(&holder);
  asmjit::Error err = as.embed(code.data(), code.size());
  if (err == asmjit::kErrorOk) err = runtime().add(&out->code, &holder);
  FJ_CHECK(err == asmjit::kErrorOk, "asmjit: ", asmjit::DebugUtils::errorAsString(err));
  out->fn = out->code;
  return out;
}

}  // namespace fj::codegen::cpu
