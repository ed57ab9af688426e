// Winograd's minimal filtering F(4 × 4, 3 × 3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2015) in float32: 36
// products in place of 144 for sixteen pixels. Points 0, ±√½, ±√2 and infinity: with them rounding is half of that with 0, ±1, ±2.
#ifndef MELSTROM_WINOGRAD_H_
#define MELSTROM_WINOGRAD_H_

#include <cstdint>
#include <cstring>

namespace melstrom {

// As many floats as the processor handles at once.
#if defined(__AVX512F__)
constexpr int64_t kLanes = 16;
#elif defined(__AVX__)
constexpr int64_t kLanes = 8;
#else
constexpr int64_t kLanes = 4;
#endif
typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

inline Vector Load(const float* source) {
  Vector value;
  std::memcpy(&value, source, sizeof(value));
  return value;
}
inline void Save(const Vector& value, float* target) { std::memcpy(target, &value, sizeof(value)); }
// The first `count` values, zeros after them.
inline Vector LoadSome(const float* source, int64_t count) {
  if (count >= kLanes) return Load(source);
  Vector value{};
  std::memcpy(&value, source, count * sizeof(float));
  return value;
}
inline void SaveSome(const Vector& value, float* target, int64_t count) {
  if (count >= kLanes) Save(value, target);
  else std::memcpy(target, &value, count * sizeof(float));
}

// Pixels of an output tile and values of a transformed one, each way.
constexpr int64_t kTile = 4, kSpan = 6, kPoints = kSpan * kSpan;
// Columns of a block of the products.
constexpr int64_t kPanel = 2 * kLanes;

// The points √½ and √2, their squares and cubes.
constexpr float kNear = 0.70710678f, kFar = 1.41421356f, kNearCube = 0.35355339f, kFarCube = 2.82842712f;

// Six values of the image, `step` vectors apart, at the six points.
struct ImageToPoints {
  [[gnu::always_inline]] static void Apply(const Vector* in, int64_t step, Vector* out, int64_t out_step) {
    const Vector d0 = in[0], d1 = in[step], d2 = in[2 * step], d3 = in[3 * step], d4 = in[4 * step], d5 = in[5 * step];
    const Vector even_near = d4 - 2.0f * d2, odd_near = kNear * (d3 - 2.0f * d1), even_far = d4 - 0.5f * d2, odd_far = kFar * (d3 - 0.5f * d1);
    out[0] = d0 + d4 - 2.5f * d2;
    out[out_step] = even_near + odd_near;
    out[2 * out_step] = even_near - odd_near;
    out[3 * out_step] = even_far + odd_far;
    out[4 * out_step] = even_far - odd_far;
    out[5 * out_step] = d1 + d5 - 2.5f * d3;
  }
};

// The way back of ImageToPoints' products: from six points to four values.
struct PointsToOutput {
  [[gnu::always_inline]] static void Apply(const Vector* in, int64_t step, Vector* out, int64_t out_step) {
    const Vector even_near = in[step] + in[2 * step], odd_near = in[step] - in[2 * step];
    const Vector even_far = in[3 * step] + in[4 * step], odd_far = in[3 * step] - in[4 * step];
    out[0] = in[0] + even_near + even_far;
    out[out_step] = kNear * odd_near + kFar * odd_far;
    out[2 * out_step] = 0.5f * even_near + 2.0f * even_far;
    out[3 * out_step] = kNearCube * odd_near + kFarCube * odd_far + in[5 * step];
  }
};

// Four values of the output's gradient at the six points: PointsToOutput turned about.
struct OutputToPoints {
  [[gnu::always_inline]] static void Apply(const Vector* in, int64_t step, Vector* out, int64_t out_step) {
    const Vector g0 = in[0], g1 = in[step], g2 = in[2 * step], g3 = in[3 * step];
    const Vector even_near = g0 + 0.5f * g2, odd_near = kNear * g1 + kNearCube * g3, even_far = g0 + 2.0f * g2, odd_far = kFar * g1 + kFarCube * g3;
    out[0] = g0;
    out[out_step] = even_near + odd_near;
    out[2 * out_step] = even_near - odd_near;
    out[3 * out_step] = even_far + odd_far;
    out[4 * out_step] = even_far - odd_far;
    out[5 * out_step] = g3;
  }
};

constexpr float kNearWeight = -2.0f / 3.0f, kFarWeight = 1.0f / 6.0f;

// Three values of the kernel at the six points.
struct KernelToPoints {
  [[gnu::always_inline]] static void Apply(const Vector* in, int64_t step, Vector* out, int64_t out_step) {
    const Vector k0 = in[0], k1 = in[step], k2 = in[2 * step];
    const Vector even_near = kNearWeight * (k0 + 0.5f * k2), odd_near = kNearWeight * kNear * k1;
    const Vector even_far = kFarWeight * (k0 + 2.0f * k2), odd_far = kFarWeight * kFar * k1;
    out[0] = k0;
    out[out_step] = even_near + odd_near;
    out[2 * out_step] = even_near - odd_near;
    out[3 * out_step] = even_far + odd_far;
    out[4 * out_step] = even_far - odd_far;
    out[5 * out_step] = k2;
  }
};

// KernelToPoints turned about: from six points to the three values of the kernel's gradient.
struct PointsToKernel {
  [[gnu::always_inline]] static void Apply(const Vector* in, int64_t step, Vector* out, int64_t out_step) {
    const Vector even_near = kNearWeight * (in[step] + in[2 * step]), odd_near = kNearWeight * kNear * (in[step] - in[2 * step]);
    const Vector even_far = kFarWeight * (in[3 * step] + in[4 * step]), odd_far = kFarWeight * kFar * (in[3 * step] - in[4 * step]);
    out[0] = in[0] + even_near + even_far;
    out[out_step] = odd_near + odd_far;
    out[2 * out_step] = 0.5f * even_near + 2.0f * even_far + in[5 * step];
  }
};

// The one-dimensional transform of all columns, then of all rows. From `from` × `from` vectors to `to` × `to`.
template <typename Transform, int64_t from, int64_t to>
inline void TransformBothWays(const Vector* in, Vector* out) {
  Vector half[to * from];
#pragma GCC unroll 6
  for (int64_t column = 0; column < from; ++column) Transform::Apply(in + column, from, half + column, from);
#pragma GCC unroll 6
  for (int64_t row = 0; row < to; ++row) Transform::Apply(half + row * from, 1, out + row * to, 1);
}

// C = A·B, or C += A·B if it `adds`.
struct PointProduct {
  const float* a;
  int64_t row_step, step;  // how far apart A's rows lie, and the values of one
  const float* b;          // rows of kPanel values without gaps
  int64_t depth;
  bool adds;
  float* c;                // rows of kPanel values without gaps
  const float* next;       // what the next product reads as B, asked for meanwhile
};

template <int rows, int vectors>
inline void MultiplyVectors(const PointProduct& product) {
  const float *a = product.a, *b = product.b, *next = product.next;
  const int64_t row_step = product.row_step, step = product.step;
  float* c = product.c;
  Vector sums[rows][vectors] = {};
  for (int64_t k = 0; k < product.depth; ++k, a += step, b += kPanel, next += kPanel) {
    Vector right[vectors];
    for (int v = 0; v < vectors; ++v) right[v] = Load(b + v * kLanes);
    for (int64_t line = 0; line < vectors * kLanes; line += 16) __builtin_prefetch(next + line);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
      const float left = a[r * row_step];
      for (int v = 0; v < vectors; ++v) sums[r][v] += left * right[v];
    }
  }
  // What is there is added at the end: the sum of sums of parts rounds less than one long sum.
  for (int r = 0; r < rows; ++r) {
    for (int v = 0; v < vectors; ++v) {
      float* target = c + r * kPanel + v * kLanes;
      Save(product.adds ? Load(target) + sums[r][v] : sums[r][v], target);
    }
  }
}

// For `rows` rows of C and its first `columns` columns; the others up to kPanel may be set too.
template <int rows>
inline void Multiply(const PointProduct& product, int64_t columns) {
  if (columns > kLanes) MultiplyVectors<rows, 2>(product);
  else MultiplyVectors<rows, 1>(product);
}

}  // namespace melstrom

#endif  // MELSTROM_WINOGRAD_H_
