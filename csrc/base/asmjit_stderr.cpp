// Lets Debian's libasmjit.a be linked into a shared object; cmake/asmjit.cmake tells why.
//
// With --wrap=stderr every reference to `stderr` in this module, asmjit's included, becomes `__wrap_stderr`, and
// `__real_stderr` is the C library's. The constructor runs before any other code of the module.
#ifdef FJ_WRAP_STDERR
#include <cstdio>

extern "C" {
extern FILE* __real_stderr;
__attribute__((visibility("hidden"))) FILE* __wrap_stderr;
}

__attribute__((constructor(101))) static void fill_in_stderr() { __wrap_stderr = __real_stderr; }
#endif
