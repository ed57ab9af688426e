// Matrix products of a size that stays in the cache, on one thread: the inner work of attention.
#ifndef MELSTROM_SMALL_PRODUCT_H_
#define MELSTROM_SMALL_PRODUCT_H_

#include <cstdint>

namespace melstrom {

// Sixteen floats; the compiler cuts them to what the processor has.
typedef float Vec __attribute__((vector_size(64), aligned(4), may_alias));
constexpr int64_t kVec = 16;

inline int64_t RoundUp(int64_t count) { return (count + kVec - 1) / kVec * kVec; }

// Rows of floats in memory, `stride` floats apart.
struct Matrix {
  float* data;
  int64_t stride;
  float* Row(int64_t row) const { return data + row * stride; }
};

// A tile of kRows rows and kVecs * 16 columns of C (+)= A·B, or of Aᵀ·B, held in registers while it is summed.
template <int kRows, int kVecs, bool kTransposeA, bool kAdd>
inline void Tile(int64_t depth, const Matrix& a, const Matrix& b, const Matrix& c, int64_t row, int64_t column) {
  Vec sum[kRows][kVecs];
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVecs; ++v) {
      if (kAdd) sum[r][v] = *reinterpret_cast<const Vec*>(c.Row(row + r) + column + v * kVec);
      else sum[r][v] = Vec{};
    }
  for (int64_t k = 0; k < depth; ++k) {
    const float* right = b.Row(k) + column;
    Vec factor[kVecs];
    for (int v = 0; v < kVecs; ++v) factor[v] = *reinterpret_cast<const Vec*>(right + v * kVec);
    for (int r = 0; r < kRows; ++r) {
      const float left = kTransposeA ? a.Row(k)[row + r] : a.Row(row + r)[k];
      for (int v = 0; v < kVecs; ++v) sum[r][v] += left * factor[v];
    }
  }
  for (int r = 0; r < kRows; ++r)
    for (int v = 0; v < kVecs; ++v) *reinterpret_cast<Vec*>(c.Row(row + r) + column + v * kVec) = sum[r][v];
}

template <int kVecs, bool kTransposeA, bool kAdd>
inline void TileColumn(int64_t rows, int64_t depth, const Matrix& a, const Matrix& b, const Matrix& c, int64_t column) {
  int64_t row = 0;
  for (; row + 6 <= rows; row += 6) Tile<6, kVecs, kTransposeA, kAdd>(depth, a, b, c, row, column);
  for (; row + 2 <= rows; row += 2) Tile<2, kVecs, kTransposeA, kAdd>(depth, a, b, c, row, column);
  for (; row < rows; ++row) Tile<1, kVecs, kTransposeA, kAdd>(depth, a, b, c, row, column);
}

// C = A·B, with Aᵀ for A and += for = on request. Shapes: A [rows, depth] ([depth, rows] if transposed), B [depth, columns],
// C [rows, columns]; columns is a multiple of 16.
template <bool kTransposeA = false, bool kAdd = false>
inline void Multiply(int64_t rows, int64_t columns, int64_t depth, const Matrix& a, const Matrix& b, const Matrix& c) {
  int64_t column = 0;
  for (; column + 4 * kVec <= columns; column += 4 * kVec) TileColumn<4, kTransposeA, kAdd>(rows, depth, a, b, c, column);
  for (; column + 2 * kVec <= columns; column += 2 * kVec) TileColumn<2, kTransposeA, kAdd>(rows, depth, a, b, c, column);
  for (; column < columns; column += kVec) TileColumn<1, kTransposeA, kAdd>(rows, depth, a, b, c, column);
}

}  // namespace melstrom

#endif  // MELSTROM_SMALL_PRODUCT_H_
