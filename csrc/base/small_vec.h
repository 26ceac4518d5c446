// A vector with room for N elements inside itself: shapes, argument lists, index maps.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <new>
#include <span>
#include <utility>

namespace fj {

template <class T, size_t N>
class SmallVec {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallVec() = default;
  explicit SmallVec(size_t n, const T& v = T()) { resize(n, v); }
  SmallVec(std::initializer_list<T> init) { assign(init.begin(), init.end()); }
  template <class It>
  requires(!std::is_integral_v<It>) SmallVec(It first, It last) { assign(first, last); }
  SmallVec(std::span<const T> s) { assign(s.begin(), s.end()); }
  SmallVec(const SmallVec& o) { assign(o.begin(), o.end()); }
  SmallVec(SmallVec&& o) noexcept { take(o); }
  SmallVec& operator=(const SmallVec& o) {
    if (this != &o) assign(o.begin(), o.end());
    return *this;
  }
  SmallVec& operator=(SmallVec&& o) noexcept {
    if (this != &o) {
      destroy();
      take(o);
    }
    return *this;
  }
  ~SmallVec() { destroy(); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data_; }
  T* end() { return data_ + size_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + size_; }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }
  T& front() { return data_[0]; }
  T& back() { return data_[size_ - 1]; }
  const T& front() const { return data_[0]; }
  const T& back() const { return data_[size_ - 1]; }
  operator std::span<const T>() const { return {data_, size_}; }
  operator std::span<T>() { return {data_, size_}; }

  void clear() {
    std::destroy_n(data_, size_);
    size_ = 0;
  }
  void reserve(size_t n) {
    if (n > capacity_) grow(n);
  }
  void push_back(const T& v) {
    if (size_ == capacity_) {
      T copy(v);
      grow(size_ + 1);
      new (data_ + size_++) T(std::move(copy));
      return;
    }
    new (data_ + size_++) T(v);
  }
  void push_back(T&& v) {
    if (size_ == capacity_) {
      T moved(std::move(v));
      grow(size_ + 1);
      new (data_ + size_++) T(std::move(moved));
      return;
    }
    new (data_ + size_++) T(std::move(v));
  }
  template <class... A>
  T& emplace_back(A&&... args) {
    push_back(T(std::forward<A>(args)...));
    return back();
  }
  void pop_back() { data_[--size_].~T(); }
  void resize(size_t n, const T& v = T()) {
    if (n < size_) {
      std::destroy_n(data_ + n, size_ - n);
      size_ = n;
      return;
    }
    reserve(n);
    while (size_ < n) new (data_ + size_++) T(v);
  }
  template <class It>
  void assign(It first, It last) {
    clear();
    if constexpr (std::is_trivially_copyable_v<T> && std::is_pointer_v<It>) {
      size_t n = static_cast<size_t>(last - first);
      reserve(n);
      if (n) std::memcpy(static_cast<void*>(data_), first, n * sizeof(T));
      size_ = n;
    } else {
      for (; first != last; ++first) push_back(*first);
    }
  }
  T* insert(const T* at, const T& v) {
    size_t i = static_cast<size_t>(at - data_);
    push_back(v);
    std::rotate(data_ + i, data_ + size_ - 1, data_ + size_);
    return data_ + i;
  }
  T* erase(const T* at) {
    size_t i = static_cast<size_t>(at - data_);
    std::move(data_ + i + 1, data_ + size_, data_ + i);
    pop_back();
    return data_ + i;
  }
  friend bool operator==(const SmallVec& a, const SmallVec& b) {
    return a.size_ == b.size_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  bool inlined() const { return data_ == reinterpret_cast<const T*>(inline_); }
  void destroy() {
    std::destroy_n(data_, size_);
    if (!inlined()) ::operator delete(data_);
    data_ = reinterpret_cast<T*>(inline_);
    size_ = 0;
    capacity_ = N;
  }
  void take(SmallVec& o) {
    if (o.inlined()) {
      std::uninitialized_move_n(o.data_, o.size_, data_);
      size_ = o.size_;
      o.clear();
      return;
    }
    data_ = std::exchange(o.data_, reinterpret_cast<T*>(o.inline_));
    size_ = std::exchange(o.size_, 0);
    capacity_ = std::exchange(o.capacity_, N);
  }
  void grow(size_t n) {
    size_t cap = std::max(n, capacity_ * 2);
    T* fresh = static_cast<T*>(::operator new(cap * sizeof(T)));
    std::uninitialized_move_n(data_, size_, fresh);
    std::destroy_n(data_, size_);
    if (!inlined()) ::operator delete(data_);
    data_ = fresh;
    capacity_ = cap;
  }

  alignas(T) std::byte inline_[N * sizeof(T)];
  T* data_ = reinterpret_cast<T*>(inline_);
  size_t size_ = 0;
  size_t capacity_ = N;
};

}  // namespace fj
