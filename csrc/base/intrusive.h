// A counted pointer to objects that carry their own count. The count is atomic: objects may be dropped by a kernel
// thread that does not hold the interpreter's lock.
#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

namespace fj {

class Counted {
 public:
  void retain() const { count_.fetch_add(1, std::memory_order_relaxed); }
  void release() const {
    if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

 protected:
  Counted() = default;
  Counted(const Counted&) {}
  Counted& operator=(const Counted&) { return *this; }
  virtual ~Counted() = default;

 private:
  mutable std::atomic<uint32_t> count_{0};
};

template <class T>
class Rc {
 public:
  constexpr Rc() = default;
  Rc(std::nullptr_t) {}
  Rc(T* p) : p_(p) {
    if (p_) p_->retain();
  }
  Rc(const Rc& o) : p_(o.p_) {
    if (p_) p_->retain();
  }
  Rc(Rc&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  Rc& operator=(Rc o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }
  constexpr ~Rc() {
    if (p_) p_->release();
  }
  T* get() const { return p_; }
  T* operator->() const { return p_; }
  T& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }
  friend bool operator==(const Rc& a, const Rc& b) { return a.p_ == b.p_; }

 private:
  T* p_ = nullptr;
};

template <class T, class... A>
Rc<T> make_rc(A&&... args) {
  return Rc<T>(new T(std::forward<A>(args)...));
}

}  // namespace fj
