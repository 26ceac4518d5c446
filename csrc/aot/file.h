// Compiled programs as one file: for each combination of sizes a runtime::Program with the machine code of its kernels,
// the tensors that the module held, and what Python needs to put arguments and results together (opaque here).
//
// A kernel is in the file twice: as its definition in the loop IR, and as machine code for AVX2 and AVX-512 with the
// places where addresses of this process go. Loading takes the code for the CPU at hand; where there is none, the
// definition is compiled or interpreted, which needs no tracing and no graph either. Machine code is trusted as a
// shared library is; everything else is checked while it is read, and a checksum over the file finds damage first.
#pragma once
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "codegen/codegen.h"
#include "runtime/program.h"

namespace fj::aot {

inline constexpr uint32_t kVersion = 1;

struct TensorSpec {
  std::string name;
  DType dtype = DType::F32;
  Shape sizes, strides;  // in elements
  int64_t nbytes() const;
};

// A tensor that the program owns: a parameter, a buffer, a constant.
struct Held {
  TensorSpec spec;
  std::string bytes;
};

// Where an input of the program comes from: a held tensor, or an argument.
struct Source {
  bool held = false;
  int32_t index = 0;
};

struct Variant {
  std::vector<TensorSpec> inputs, outputs;  // what the caller gives and gets
  std::vector<Source> sources;              // of the program's inputs
  std::vector<int32_t> changes;             // for each output of the program: the held tensor that becomes it, or -1
  std::unique_ptr<runtime::Program> program;
};

struct File {
  std::string about;  // for Python
  std::vector<Held> held;
  std::vector<Variant> variants;
};

// Collects the kernels of programs while they are compiled.
class KernelTable {
 public:
  KernelRef add(const loop::Kernel& kernel);
  int32_t index_of(const CompiledKernel* k) const;
  const std::vector<loop::Kernel>& kernels() const { return kernels_; }

 private:
  std::vector<loop::Kernel> kernels_;
  std::vector<KernelRef> refs_;
};

std::string write(const File& file, const KernelTable& kernels);

struct Loaded {
  File file;
  codegen::Isa isa = codegen::Isa::Ref;  // what its kernels were taken from
  bool compiled_here = false;            // from definitions: the file has no code for this CPU
  std::vector<void*> memory;             // of the held tensors
  std::mutex changing;                   // held while a program that changes them runs
  ~Loaded();
  // `outputs` are the caller's, in order. Raises what a routine raises.
  void run(size_t variant, void* const* inputs, void* const* outputs);
};

// Raises Runtime for a file that is damaged, of another version, or for another machine.
std::unique_ptr<Loaded> read(std::string_view data);

}  // namespace fj::aot
