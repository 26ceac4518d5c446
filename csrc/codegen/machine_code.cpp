#include "codegen/machine_code.h"

#include <cstring>
#include <map>
#include <unordered_map>

#include "base/error.h"
#include "codegen/cpu/cpu.h"
#include "codegen/cpu/cpu_kernel.h"
#include "codegen/ref/scalar_table.h"

namespace fj::codegen {
namespace {

struct Names {
  std::unordered_map<const void*, std::string> of;
  std::map<std::string, const void*> by_name;

  void add(std::string name, const void* fn) {
    if (!fn) return;
    of.emplace(fn, name);
    by_name.emplace(std::move(name), fn);
  }
  template <class Fn>
  void add_fn(std::string name, Fn fn) {
    add(std::move(name), reinterpret_cast<const void*>(fn));
  }
  Names() {
    add_fn("run_interpreted", &cpu::run_interpreted);
    add_fn("convert_slowly", &cpu::convert_slowly);
    add_fn("arg_reduce f32", &cpu::arg_reduce<float>);
    add_fn("arg_reduce i32", &cpu::arg_reduce<int32_t>);
    add_fn("arg_reduce f64", &cpu::arg_reduce<double>);
    add_fn("arg_reduce i64", &cpu::arg_reduce<int64_t>);
    add_fn("philox", philox_fn());
    for (int a = 0; a < kRealDTypeCount; ++a) {
      DType from = static_cast<DType>(a);
      for (int b = 0; b < kRealDTypeCount; ++b)
        add_fn(cat("cast ", loop::text_of(from), " ", loop::text_of(static_cast<DType>(b))),
               cast_fn(from, static_cast<DType>(b)));
      for (int i = loop::kFirstScalarOp; i < loop::kOpCount; ++i)
        add_fn(cat("scalar ", loop::kOpInfo[i].text, " ", loop::text_of(from)),
               scalar_fn(static_cast<loop::Op>(i), from));
    }
  }
};

const Names& names() {
  static const Names* n = new Names;
  return *n;
}

}  // namespace

MachineCode machine_code(const loop::Kernel& kernel, Isa isa) {
  int64_t bytes = 0;
  auto made = std::static_pointer_cast<cpu::CpuKernel>(cpu::assemble(kernel, isa, &bytes));
  MachineCode out;
  out.bytes.assign(reinterpret_cast<const char*>(made->code), made->code_bytes);
  out.cost = made->cost;
  for (auto [offset, fn] : made->externals) {
    auto found = names().of.find(fn);
    FJ_CHECK(found != names().of.end(), "machine code calls a function that has no name");
    out.externals.push_back({offset, found->second});
    std::memset(out.bytes.data() + offset, 0, 8);  // the same kernel gives the same bytes in every process
  }
  return out;
}

KernelRef load_code(const loop::Kernel& kernel, const MachineCode& code) {
  std::string bytes = code.bytes;
  for (auto& [offset, name] : code.externals) {
    auto found = names().by_name.find(name);
    FJ_USER_CHECK(found != names().by_name.end(), ErrorKind::Runtime, "its code calls ", name, ", which is not there");
    FJ_USER_CHECK(bytes.size() >= 8 && offset <= bytes.size() - 8, ErrorKind::Runtime, "its code is cut off");
    std::memcpy(bytes.data() + offset, &found->second, 8);
  }
  return cpu::place(kernel, bytes, code.cost);
}

}  // namespace fj::codegen
