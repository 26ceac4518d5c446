/* Runs a compiled program on buffers of its own: aot_client PROGRAM INPUT... ; writes the outputs to stdout as text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "framejit.h"

static int fail(const char* what) {
  fprintf(stderr, "%s: %s\n", what, framejit_last_error());
  return 1;
}

int main(int argc, char** argv) {
  framejit_program* p = framejit_load(argv[1]);
  if (!p) return fail("load");
  int variant = argc > 2 ? atoi(argv[2]) : 0, n = framejit_num_inputs(p), m = framejit_num_outputs(p);
  const void** inputs = calloc((size_t)n + 1, sizeof *inputs);
  void** outputs = calloc((size_t)m + 1, sizeof *outputs);
  printf("%d variants, %s\n", framejit_num_variants(p), framejit_isa(p));
  for (int i = 0; i < n; ++i) {
    framejit_tensor t;
    if (!framejit_input(p, variant, i, &t)) return fail("input");
    printf("in %s type %d rank %d bytes %zu\n", t.name, (int)t.dtype, t.rank, t.nbytes);
    void* data = malloc(t.nbytes + 1);
    FILE* file = fopen(argv[3 + i], "rb");
    if (!file || fread(data, 1, t.nbytes, file) != t.nbytes) return 2;
    fclose(file);
    inputs[i] = data;
  }
  for (int i = 0; i < m; ++i) {
    framejit_tensor t;
    if (!framejit_output(p, variant, i, &t)) return fail("output");
    outputs[i] = malloc(t.nbytes + 1);
  }
  for (int times = 0; times < 2; ++times)
    if (!framejit_run(p, variant, inputs, outputs)) return fail("run");
  for (int i = 0; i < m; ++i) {
    framejit_tensor t;
    framejit_output(p, variant, i, &t);
    printf("out %d", (int)t.dtype);
    for (int d = 0; d < t.rank; ++d) printf(" %lld", (long long)t.sizes[d]);
    printf(" :");
    for (size_t k = 0; k < t.nbytes; ++k) printf("%02x", ((unsigned char*)outputs[i])[k]);
    printf("\n");
    free(outputs[i]);
  }
  for (int i = 0; i < n; ++i) free((void*)inputs[i]);
  free(inputs);
  free(outputs);
  framejit_free(p);
  return 0;
}
