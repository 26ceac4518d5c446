// Little-endian bytes, written and read. Reading never leaves the buffer: what is cut off raises Runtime.
#pragma once
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/error.h"

namespace fj::aot {

class Writer {
 public:
  template <class T>
  void put(T v) {
    static_assert(std::is_trivially_copyable_v<T>);
    out.append(reinterpret_cast<const char*>(&v), sizeof v);
  }
  void text(std::string_view s) {
    put<uint64_t>(s.size());
    out.append(s);
  }
  void numbers(std::span<const int64_t> v) {
    put<uint64_t>(v.size());
    out.append(reinterpret_cast<const char*>(v.data()), v.size_bytes());
  }
  std::string out;
};

class Reader {
 public:
  explicit Reader(std::string_view data) : rest_(data) {}

  template <class T>
  T get() {
    T v;
    std::memcpy(&v, take(sizeof v).data(), sizeof v);
    return v;
  }
  std::string_view text() { return take(get<uint64_t>()); }
  // How many things follow, each of at least `bytes` bytes.
  size_t count(size_t bytes = 1) {
    uint64_t n = get<uint64_t>();
    check(n <= rest_.size() / bytes);
    return static_cast<size_t>(n);
  }
  template <class Vec>
  Vec numbers() {
    Vec v;
    for (size_t n = count(8); n > 0; --n) v.push_back(get<int64_t>());
    return v;
  }
  bool at_end() const { return rest_.empty(); }
  static void check(bool ok) { FJ_USER_CHECK(ok, ErrorKind::Runtime, "the file is damaged"); }

 private:
  std::string_view take(uint64_t n) {
    check(n <= rest_.size());
    std::string_view head = rest_.substr(0, static_cast<size_t>(n));
    rest_.remove_prefix(static_cast<size_t>(n));
    return head;
  }
  std::string_view rest_;
};

}  // namespace fj::aot
