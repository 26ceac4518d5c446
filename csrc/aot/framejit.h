/* framejit: programs compiled ahead of time, run without Python.
 *
 * `framejit.export.aot_compile` writes a file; this interface loads it, says what it takes and gives, and runs it on
 * the caller's buffers. Link with libframejit.so, which lies beside this header's folder in the installed package:
 *
 *     cc program.c -I$(python -m framejit.export --include) -L$(python -m framejit.export --lib) -lframejit
 *
 * A program has one variant for each combination of sizes that it was compiled for. Buffers are dense in row-major
 * order. What can fail gives 0 (or NULL) and leaves a text for framejit_last_error, which is kept for each thread. A
 * program may run on several threads at once; one that changes its own buffers does so one run after the other. The
 * file holds machine code: load only what you trust. */
#ifndef FRAMEJIT_H
#define FRAMEJIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FRAMEJIT_API __attribute__((visibility("default")))

typedef struct framejit_program framejit_program;

typedef enum {
  FRAMEJIT_BOOL,
  FRAMEJIT_UINT8,
  FRAMEJIT_INT8,
  FRAMEJIT_INT16,
  FRAMEJIT_INT32,
  FRAMEJIT_INT64,
  FRAMEJIT_FLOAT16,
  FRAMEJIT_BFLOAT16,
  FRAMEJIT_FLOAT32,
  FRAMEJIT_FLOAT64,
  FRAMEJIT_COMPLEX64,
  FRAMEJIT_COMPLEX128,
  FRAMEJIT_UINT16,
  FRAMEJIT_UINT32,
  FRAMEJIT_UINT64
} framejit_dtype;

/* An input or output of a variant; name and sizes live as long as the program. */
typedef struct {
  const char* name;
  framejit_dtype dtype;
  int rank;
  const int64_t* sizes;
  size_t nbytes;
} framejit_tensor;

FRAMEJIT_API framejit_program* framejit_load(const char* path);
FRAMEJIT_API framejit_program* framejit_load_bytes(const void* data, size_t size);
FRAMEJIT_API void framejit_free(framejit_program* program);

FRAMEJIT_API int framejit_num_variants(const framejit_program* program);
FRAMEJIT_API int framejit_num_inputs(const framejit_program* program);
FRAMEJIT_API int framejit_num_outputs(const framejit_program* program);
FRAMEJIT_API int framejit_input(const framejit_program* program, int variant, int index, framejit_tensor* out);
FRAMEJIT_API int framejit_output(const framejit_program* program, int variant, int index, framejit_tensor* out);
/* The variant whose inputs have these sizes (for each input a pointer to as many as it has dimensions), or -1. */
FRAMEJIT_API int framejit_find_variant(const framejit_program* program, const int64_t* const* sizes);

FRAMEJIT_API int framejit_run(framejit_program* program, int variant, const void* const* inputs, void* const* outputs);

/* "avx512", "avx2" or "ref": what runs. */
FRAMEJIT_API const char* framejit_isa(const framejit_program* program);
FRAMEJIT_API const char* framejit_last_error(void);
/* Threads that work on one run; by default as many as the process may use. */
FRAMEJIT_API void framejit_set_num_threads(int n);
/* A library with cblas_sgemm64_ (an OpenBLAS with 64-bit integers) for matrix products, before the first run; also by
 * the environment's FRAMEJIT_BLAS. Without one products are plain C++. */
FRAMEJIT_API void framejit_set_blas(const char* path);

#ifdef __cplusplus
}
#endif
#endif
