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

// The transforms of one line. `get(i)` gives its value i, `put(i, value)` takes the result's.

// Six values of the image at the six points.
struct ImageToPoints {
  static constexpr int64_t kFrom = kSpan, kTo = kSpan;
  template <typename Get, typename Put>
  [[gnu::always_inline]] static void Apply(const Get& get, const Put& put) {
    const Vector d0 = get(0), d1 = get(1), d2 = get(2), d3 = get(3), d4 = get(4), d5 = get(5);
    const Vector even_near = d4 - 2.0f * d2, odd_near = kNear * (d3 - 2.0f * d1), even_far = d4 - 0.5f * d2, odd_far = kFar * (d3 - 0.5f * d1);
    put(0, d0 + d4 - 2.5f * d2);
    put(1, even_near + odd_near);
    put(2, even_near - odd_near);
    put(3, even_far + odd_far);
    put(4, even_far - odd_far);
    put(5, d1 + d5 - 2.5f * d3);
  }
};

// The products at the six points as four values of the output.
struct PointsToOutput {
  static constexpr int64_t kFrom = kSpan, kTo = kTile;
  template <typename Get, typename Put>
  [[gnu::always_inline]] static void Apply(const Get& get, const Put& put) {
    const Vector m0 = get(0), m1 = get(1), m2 = get(2), m3 = get(3), m4 = get(4), m5 = get(5);
    const Vector even_near = m1 + m2, odd_near = m1 - m2, even_far = m3 + m4, odd_far = m3 - m4;
    put(0, m0 + even_near + even_far);
    put(1, kNear * odd_near + kFar * odd_far);
    put(2, 0.5f * even_near + 2.0f * even_far);
    put(3, kNearCube * odd_near + kFarCube * odd_far + m5);
  }
};

// Four values of the output's gradient at the six points: PointsToOutput turned about.
struct OutputToPoints {
  static constexpr int64_t kFrom = kTile, kTo = kSpan;
  template <typename Get, typename Put>
  [[gnu::always_inline]] static void Apply(const Get& get, const Put& put) {
    const Vector g0 = get(0), g1 = get(1), g2 = get(2), g3 = get(3);
    const Vector even_near = g0 + 0.5f * g2, odd_near = kNear * g1 + kNearCube * g3, even_far = g0 + 2.0f * g2, odd_far = kFar * g1 + kFarCube * g3;
    put(0, g0);
    put(1, even_near + odd_near);
    put(2, even_near - odd_near);
    put(3, even_far + odd_far);
    put(4, even_far - odd_far);
    put(5, g3);
  }
};

constexpr float kNearWeight = -2.0f / 3.0f, kFarWeight = 1.0f / 6.0f;

// Three values of the kernel at the six points.
struct KernelToPoints {
  static constexpr int64_t kFrom = 3, kTo = kSpan;
  template <typename Get, typename Put>
  [[gnu::always_inline]] static void Apply(const Get& get, const Put& put) {
    const Vector k0 = get(0), k1 = get(1), k2 = get(2);
    const Vector even_near = kNearWeight * (k0 + 0.5f * k2), odd_near = kNearWeight * kNear * k1;
    const Vector even_far = kFarWeight * (k0 + 2.0f * k2), odd_far = kFarWeight * kFar * k1;
    put(0, k0);
    put(1, even_near + odd_near);
    put(2, even_near - odd_near);
    put(3, even_far + odd_far);
    put(4, even_far - odd_far);
    put(5, k2);
  }
};

// The products at the six points as three values of the kernel's gradient: KernelToPoints turned about.
struct PointsToKernel {
  static constexpr int64_t kFrom = kSpan, kTo = 3;
  template <typename Get, typename Put>
  [[gnu::always_inline]] static void Apply(const Get& get, const Put& put) {
    const Vector s0 = get(0), s1 = get(1), s2 = get(2), s3 = get(3), s4 = get(4), s5 = get(5);
    const Vector even_near = kNearWeight * (s1 + s2), odd_near = kNearWeight * kNear * (s1 - s2);
    const Vector even_far = kFarWeight * (s3 + s4), odd_far = kFarWeight * kFar * (s3 - s4);
    put(0, s0 + even_near + even_far);
    put(1, odd_near + odd_far);
    put(2, 0.5f * even_near + 2.0f * even_far + s5);
  }
};

// The transform of all columns of a square, then of all rows. `get(i)` gives value i, line by line, and `put(i, value)` takes the result's.
template <typename Transform, typename Get, typename Put>
[[gnu::always_inline]] inline void TransformBothWays(const Get& get, const Put& put) {
  constexpr int64_t kFrom = Transform::kFrom, kTo = Transform::kTo;
  Vector half[kTo * kFrom];
#pragma GCC unroll 6
  for (int64_t column = 0; column < kFrom; ++column)
    Transform::Apply([&](int64_t row) { return get(row * kFrom + column); }, [&](int64_t row, const Vector& value) { half[row * kFrom + column] = value; });
#pragma GCC unroll 6
  for (int64_t row = 0; row < kTo; ++row)
    Transform::Apply([&](int64_t column) { return half[row * kFrom + column]; }, [&](int64_t column, const Vector& value) { put(row * kTo + column, value); });
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
