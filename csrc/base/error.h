// The three kinds of failure (see docs/architecture.md): a user's error carries the Python exception type that it
// becomes at the boundary; "cannot compile" is DataDependent or Unsupported; Internal is our own bug.
// Errors travel as C++ exceptions inside csrc and never cross a CPython frame: `py/error.h` converts.
#pragma once
#include <exception>
#include <string>

#include "base/str.h"

namespace fj {

enum class ErrorKind : unsigned char {
  Runtime,         // RuntimeError
  Type,            // TypeError
  Value,           // ValueError
  Index,           // IndexError
  NotImplemented,  // NotImplementedError
  Overflow,        // OverflowError
  ZeroDivision,    // ZeroDivisionError
  Attribute,       // AttributeError
  Memory,          // MemoryError-like: out of memory, absurd sizes (RuntimeError for users, as in PyTorch)
  Linalg,          // linalg.LinAlgError
  DataDependent,   // a fake tensor was asked for its data: capture breaks the graph here
  Unsupported,     // an op cannot be taken by the present layer: capture breaks the graph here
  Internal,        // a check of ours failed
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const std::string& message() const { return message_; }
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
  std::string message_;
};

[[noreturn]] void raise(ErrorKind kind, std::string message);

template <class... Ts>
[[noreturn]] void raise(ErrorKind kind, const Ts&... parts) {
  raise(kind, cat(parts...));
}

[[noreturn]] void check_failed(const char* file, int line, const char* condition, std::string message);

}  // namespace fj

// Our own invariants: active in every build, since a wrong answer costs more than a compare.
#define FJ_CHECK(condition, ...)                                                                    \
  do {                                                                                              \
    if (__builtin_expect(!(condition), 0))                                                          \
      ::fj::check_failed(__FILE__, __LINE__, #condition, ::fj::cat("" __VA_OPT__(, ) __VA_ARGS__)); \
  } while (0)

#ifdef NDEBUG
#define FJ_DCHECK(condition, ...) ((void)0)
#else
#define FJ_DCHECK(condition, ...) FJ_CHECK(condition __VA_OPT__(, ) __VA_ARGS__)
#endif

// A user's mistake: raises `kind` unless the condition holds.
#define FJ_USER_CHECK(condition, kind, ...)                                      \
  do {                                                                           \
    if (__builtin_expect(!(condition), 0)) ::fj::raise(::fj::kind, __VA_ARGS__); \
  } while (0)
