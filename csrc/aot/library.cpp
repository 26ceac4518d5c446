// The C interface, framejit.h. No exception leaves it.
#include <cstdlib>
#include <string>

#include "aot/file.h"
#include "aot/framejit.h"
#include "runtime/blas.h"
#include "runtime/threads.h"

struct framejit_program {
  std::unique_ptr<fj::aot::Loaded> loaded;
};

namespace {

using fj::aot::TensorSpec;

thread_local std::string last_error;

std::string& blas_path() {
  static std::string path;
  return path;
}

std::string find_blas() {
  const char* set = std::getenv("FRAMEJIT_BLAS");
  return blas_path().empty() && set ? set : blas_path();
}

template <class T, class F>
T guarded(T failed, F&& f) {
  try {
    return f();
  } catch (const std::exception& e) {
    last_error = e.what();
  } catch (...) {
    last_error = "unknown failure";
  }
  return failed;
}

std::string contents(const char* path) {
  std::FILE* file = std::fopen(path, "rb");
  FJ_USER_CHECK(file, ErrorKind::Runtime, "cannot open ", path);
  std::string data;
  char block[1 << 16];
  for (size_t n; (n = std::fread(block, 1, sizeof block, file)) > 0;) data.append(block, n);
  std::fclose(file);
  return data;
}

framejit_program* load(std::string_view data) {
  fj::blas::set_path_provider(find_blas);
  return new framejit_program{fj::aot::read(data)};
}

int describe(const std::vector<TensorSpec>& specs, int index, framejit_tensor* out) {
  FJ_USER_CHECK(index >= 0 && static_cast<size_t>(index) < specs.size() && out, ErrorKind::Runtime, "no tensor ",
                static_cast<int64_t>(index));
  const TensorSpec& s = specs[static_cast<size_t>(index)];
  *out = {s.name.c_str(), static_cast<framejit_dtype>(s.dtype), static_cast<int>(s.sizes.size()), s.sizes.data(),
          static_cast<size_t>(s.nbytes())};
  return 1;
}

const fj::aot::Variant& variant_of(const framejit_program* p, int variant) {
  FJ_USER_CHECK(p && variant >= 0 && static_cast<size_t>(variant) < p->loaded->file.variants.size(), ErrorKind::Runtime,
                "no variant ", static_cast<int64_t>(variant));
  return p->loaded->file.variants[static_cast<size_t>(variant)];
}

using fj::ErrorKind;

}  // namespace

extern "C" {

framejit_program* framejit_load(const char* path) {
  return guarded<framejit_program*>(nullptr, [&] { return load(contents(path)); });
}

framejit_program* framejit_load_bytes(const void* data, size_t size) {
  return guarded<framejit_program*>(nullptr, [&] { return load({static_cast<const char*>(data), size}); });
}

void framejit_free(framejit_program* p) { delete p; }

int framejit_num_variants(const framejit_program* p) { return static_cast<int>(p->loaded->file.variants.size()); }
int framejit_num_inputs(const framejit_program* p) {
  return guarded(0, [&] { return static_cast<int>(variant_of(p, 0).inputs.size()); });
}
int framejit_num_outputs(const framejit_program* p) {
  return guarded(0, [&] { return static_cast<int>(variant_of(p, 0).outputs.size()); });
}
int framejit_input(const framejit_program* p, int variant, int index, framejit_tensor* out) {
  return guarded(0, [&] { return describe(variant_of(p, variant).inputs, index, out); });
}
int framejit_output(const framejit_program* p, int variant, int index, framejit_tensor* out) {
  return guarded(0, [&] { return describe(variant_of(p, variant).outputs, index, out); });
}

int framejit_find_variant(const framejit_program* p, const int64_t* const* sizes) {
  const auto& variants = p->loaded->file.variants;
  for (size_t v = 0; v < variants.size(); ++v) {
    bool fits = true;
    for (size_t i = 0; i < variants[v].inputs.size(); ++i)
      for (size_t d = 0; d < variants[v].inputs[i].sizes.size(); ++d)
        fits &= variants[v].inputs[i].sizes[d] == sizes[i][d];
    if (fits) return static_cast<int>(v);
  }
  return -1;
}

int framejit_run(framejit_program* p, int variant, const void* const* inputs, void* const* outputs) {
  return guarded(0, [&] {
    variant_of(p, variant);
    p->loaded->run(static_cast<size_t>(variant), const_cast<void* const*>(inputs), outputs);
    return 1;
  });
}

const char* framejit_isa(const framejit_program* p) { return fj::codegen::name_of(p->loaded->isa); }
const char* framejit_last_error(void) { return last_error.c_str(); }
void framejit_set_num_threads(int n) { fj::runtime::set_num_threads(n); }
void framejit_set_blas(const char* path) { blas_path() = path ? path : ""; }

}  // extern "C"
