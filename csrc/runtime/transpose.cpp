// A block is one cache line each way. It goes through a buffer on the stack, so that every line is read and written
// once: lines a power of two apart share a few places of the cache and would not wait there to be used again. Tiles of
// sixteen bytes each way are turned in registers.
#include "runtime/transpose.h"

#include <emmintrin.h>

#include <algorithm>
#include <cstring>

#include "runtime/threads.h"

namespace fj::runtime {
namespace {

constexpr int64_t kLine = 64, kLeast = 8;

template <int Size>
__m128i low(__m128i a, __m128i b) {
  if constexpr (Size == 1) return _mm_unpacklo_epi8(a, b);
  if constexpr (Size == 2) return _mm_unpacklo_epi16(a, b);
  if constexpr (Size == 4) return _mm_unpacklo_epi32(a, b);
  return _mm_unpacklo_epi64(a, b);
}
template <int Size>
__m128i high(__m128i a, __m128i b) {
  if constexpr (Size == 1) return _mm_unpackhi_epi8(a, b);
  if constexpr (Size == 2) return _mm_unpackhi_epi16(a, b);
  if constexpr (Size == 4) return _mm_unpackhi_epi32(a, b);
  return _mm_unpackhi_epi64(a, b);
}

// Interleaving the first half of the rows with the second, once for each bit of a row's number, transposes.
template <int Size>
void turn_tile(const char* from, int64_t from_step, char* to, int64_t to_step) {
  constexpr int kRows = 16 / Size;
  __m128i a[kRows], b[kRows];
  for (int i = 0; i < kRows; ++i) a[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * from_step));
  for (int bit = 1; bit < kRows; bit *= 2) {
    for (int i = 0; i < kRows / 2; ++i) {
      b[2 * i] = low<Size>(a[i], a[i + kRows / 2]);
      b[2 * i + 1] = high<Size>(a[i], a[i + kRows / 2]);
    }
    std::copy(b, b + kRows, a);
  }
  for (int i = 0; i < kRows; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i * to_step), a[i]);
}

// to[r * to_step + c * Size] = from[c * from_step + r * Size]
template <int Size>
void turn_block(const char* from, int64_t from_step, char* to, int64_t to_step) {
  constexpr int64_t kSide = kLine / Size, kTile = 16 / Size;
  alignas(64) char lines[kSide * kLine];
  for (int64_t c = 0; c < kSide; ++c) std::memcpy(lines + c * kLine, from + c * from_step, kLine);
  for (int64_t r = 0; r < kSide; r += kTile)
    for (int64_t c = 0; c < kSide; c += kTile)
      turn_tile<Size>(lines + c * kLine + r * Size, kLine, to + r * to_step + c * Size, to_step);
}

template <int Size>
void turn_slowly(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t rows, int64_t columns) {
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; ++c)
      std::memcpy(to + r * to_step + c * Size, from + c * from_step + r * Size, Size);
}

template <int Size>
void turn(const char* from, int64_t from_step, char* to, int64_t to_step, int64_t rows, int64_t columns) {
  constexpr int64_t kSide = kLine / Size;
  int64_t r = 0;
  for (; r + kSide <= rows; r += kSide) {
    int64_t c = 0;
    for (; c + kSide <= columns; c += kSide)
      turn_block<Size>(from + c * from_step + r * Size, from_step, to + r * to_step + c * Size, to_step);
    turn_slowly<Size>(from + c * from_step + r * Size, from_step, to + r * to_step + c * Size, to_step, kSide,
                      columns - c);
  }
  turn_slowly<Size>(from + r * Size, from_step, to + r * to_step, to_step, rows - r, columns);
}

using Turn = void (*)(const char*, int64_t, char*, int64_t, int64_t, int64_t);
Turn turn_of(int size) { return size == 1 ? turn<1> : size == 2 ? turn<2> : size == 4 ? turn<4> : turn<8>; }

// One copy: the axes along which source and target are contiguous, and the others.
struct Plan {
  const LaunchArgs* args;
  int rank, in, out, row, column, size;

  int64_t step(int operand, int axis) const { return args->strides[operand * rank + axis]; }
  int64_t band() const { return kLine / size; }

  // Rows [begin, end) at all coordinates of the other axes.
  void rows(int64_t begin, int64_t end) const {
    int64_t at[12] = {};
    const char* from = static_cast<const char*>(args->ptrs[in]) + begin * size;
    char* to = static_cast<char*>(args->ptrs[out]) + begin * step(out, row);
    for (;;) {
      turn_of(size)(from, step(in, column), to, step(out, row), end - begin, args->sizes[column]);
      int axis = rank - 1;
      for (; axis >= 0; --axis) {
        if (axis == row || axis == column) continue;
        from += step(in, axis);
        to += step(out, axis);
        if (++at[axis] < args->sizes[axis]) break;
        from -= step(in, axis) * at[axis];
        to -= step(out, axis) * at[axis];
        at[axis] = 0;
      }
      if (axis < 0) return;
    }
  }
};

void run_band(void* state, int64_t i, int) {
  const Plan& p = *static_cast<const Plan*>(state);
  p.rows(i * p.band(), std::min(p.args->sizes[p.row], (i + 1) * p.band()));
}

}  // namespace

bool copy_transposed(const CompiledKernel& k, const LaunchArgs& args, bool threaded) {
  Plan p{&args, k.rank, k.copy_from, 1 - k.copy_from, -1, k.rank - 1, k.copy_bytes};
  if (p.rank < 2 || p.step(p.out, p.column) != p.size || p.step(p.in, p.column) == p.size ||
      args.sizes[p.column] < kLeast)
    return false;
  for (int axis = 0; axis < p.column; ++axis) {
    if (args.sizes[axis] == 0) return false;
    if (p.step(p.in, axis) == p.size && args.sizes[axis] >= kLeast) p.row = axis;
  }
  if (p.row < 0) return false;
  int64_t rows = args.sizes[p.row];
  if (threaded && rows >= 4 * p.band())
    run_chunks((rows + p.band() - 1) / p.band(), run_band, &p);
  else
    p.rows(0, rows);
  return true;
}

}  // namespace fj::runtime
