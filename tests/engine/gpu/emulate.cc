// Runs the CUDA kernels of src/engine/native/gpu/kernels.h on the processor, one thread of the system for each of a block, and compares
// them with plain loops in double precision. Prints a line for each: name, largest error, largest allowed.
#include <algorithm>
#include <barrier>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <random>
#include <thread>
#include <vector>

struct Dim {
  unsigned x = 1, y = 1, z = 1;
};
static thread_local Dim threadIdx, blockIdx;
static Dim blockDim, gridDim;
static std::barrier<>* meeting;

#define __global__
#define __device__
#define __shared__ static
static void __syncthreads() { meeting->arrive_and_wait(); }
static float __uint_as_float(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}
static unsigned __float_as_uint(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, 4);
  return bits;
}
#define THREADS 32
#define SUM_COLUMNS 8
#define SUM_ROWS 4
#define NORM_VALUES 64
#include "kernels.cu"

static void Run(Dim grid, Dim threads, const std::function<void()>& kernel) {
  gridDim = grid;
  blockDim = threads;
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        std::barrier<> barrier(threads.x * threads.y);
        meeting = &barrier;
        std::vector<std::thread> all;
        for (unsigned row = 0; row < threads.y; ++row)
          for (unsigned column = 0; column < threads.x; ++column)
            all.emplace_back([&, row, column] {
              threadIdx = {column, row, 0};
              blockIdx = {x, y, z};
              kernel();
            });
        for (std::thread& one : all) one.join();
      }
}

static std::mt19937 generator(7);
static std::vector<float> Random(size_t count, float mean = 0.0f) {
  std::normal_distribution<float> normal(mean, 1.0f);
  std::vector<float> values(count);
  for (float& value : values) value = normal(generator);
  return values;
}
static std::vector<Half> Halves(const std::vector<float>& values) {
  std::vector<Half> halves(values.size());
  for (size_t i = 0; i < values.size(); ++i) Store(halves.data(), i, values[i]);
  return halves;
}
static std::vector<float> Floats(const std::vector<Half>& halves) {
  std::vector<float> values(halves.size());
  for (size_t i = 0; i < values.size(); ++i) values[i] = Load(halves.data(), i);
  return values;
}
// Relative to the largest value; a result that is not finite is never right.
template <typename A, typename B>
static void Report(const char* name, const std::vector<A>& got, const std::vector<B>& expected, double allowed) {
  double error = got.size() == expected.size() ? 0.0 : INFINITY, size = 1e-30;
  for (size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
    const double difference = std::abs(static_cast<double>(got[i]) - expected[i]);
    error = std::isfinite(difference) ? std::max(error, difference) : INFINITY;
    size = std::max(size, std::abs(static_cast<double>(expected[i])));
  }
  std::printf("%s %g %g\n", name, error / size, allowed);
}
static double SigmoidOf(double x) { return 1.0 / (1.0 + std::exp(-x)); }
static double SlopeOf(double x) { return SigmoidOf(x) * (1.0 + x * (1.0 - SigmoidOf(x))); }

static void CheckElementwise() {
  const Int items = 3, values = 14 * 5, channels = 5, count = items * values;
  const std::vector<float> x = Random(count), dy = Random(count), bias = Random(channels), embedding = Random(items * channels), residual = Random(count);
  std::vector<float> y(count);
  std::vector<double> expected(count);
  Run({2}, {THREADS}, [&] { silu(x.data(), y.data(), count); });
  for (Int i = 0; i < count; ++i) expected[i] = x[i] * SigmoidOf(x[i]);
  Report("silu", y, expected, 1e-6);
  Run({2}, {THREADS}, [&] { silu_gradient(dy.data(), x.data(), y.data(), count); });
  for (Int i = 0; i < count; ++i) expected[i] = dy[i] * SlopeOf(x[i]);
  Report("silu_gradient", y, expected, 1e-6);

  const std::vector<Half> half = Halves(x);
  std::vector<Half> copy(count);
  Run({2}, {THREADS}, [&] { to_half(x.data(), copy.data(), count); });
  Report("to_half", Floats(copy), x, 1.0 / 256);
  Run({2}, {THREADS}, [&] { to_float(half.data(), y.data(), count); });
  Report("to_float", y, Floats(half), 0.0);

  Run({2}, {THREADS}, [&] { add_bias(x.data(), bias.data(), embedding.data(), residual.data(), y.data(), channels, values, count); });
  for (Int i = 0; i < count; ++i) expected[i] = static_cast<double>(x[i]) + bias[i % channels] + embedding[i / values * channels + i % channels] + residual[i];
  Report("add_bias", y, expected, 1e-6);
  Run({2}, {THREADS}, [&] { add_bias_half(half.data(), bias.data(), nullptr, nullptr, y.data(), channels, count, count); });
  for (Int i = 0; i < count; ++i) expected[i] = static_cast<double>(Load(half.data(), i)) + bias[i % channels];
  Report("add_bias_half", y, expected, 1e-6);
  Run({2}, {THREADS}, [&] { add_bias(x.data(), nullptr, embedding.data(), nullptr, y.data(), channels, values, count); });
  for (Int i = 0; i < count; ++i) expected[i] = static_cast<double>(x[i]) + embedding[i / values * channels + i % channels];
  Report("add_embedding", y, expected, 1e-6);
  Run({2}, {THREADS}, [&] { accumulate(residual.data(), y.data(), count); });
  for (Int i = 0; i < count; ++i) expected[i] += residual[i];
  Report("accumulate", y, expected, 1e-6);
}

static void CheckSums() {
  for (const Int channels : {1, 11, 24}) {
    const Int items = 2, rows = 53, chunk_rows = 20, chunks = 3;
    const std::vector<float> x = Random(items * rows * channels, 3.0f);
    std::vector<Half> copy(x.size());
    std::vector<double> parts(items * chunks * channels), expected(items * channels), whole(channels);
    std::vector<float> item_sums(items * channels), sum(channels);
    const unsigned columns = static_cast<unsigned>((channels + SUM_COLUMNS - 1) / SUM_COLUMNS);
    Run({columns, static_cast<unsigned>(chunks), static_cast<unsigned>(items)}, {SUM_COLUMNS, SUM_ROWS}, [&] { sum_rows(x.data(), copy.data(), parts.data(), rows, channels, chunk_rows); });
    Run({1}, {THREADS}, [&] { sum_parts(parts.data(), item_sums.data(), sum.data(), items, chunks, channels); });
    for (size_t i = 0; i < x.size(); ++i) {
      expected[i / (rows * channels) * channels + i % channels] += x[i];
      whole[i % channels] += x[i];
    }
    Report("item_sums", item_sums, expected, 1e-6);
    Report("sum", sum, whole, 1e-6);
    Report("copy", Floats(copy), x, 1.0 / 256);
  }
}

static void CheckUpsample() {
  const Int rows = 6, columns = 5, channels = 3;
  const std::vector<float> x = Random(rows * columns * channels), dy = Random(4 * x.size());
  std::vector<float> y(dy.size()), dx(x.size());
  std::vector<double> expected(dy.size()), gradient(x.size());
  for (Int row = 0; row < 2 * rows; ++row)
    for (Int column = 0; column < 2 * columns; ++column)
      for (Int channel = 0; channel < channels; ++channel) {
        const Int small = (row / 2 * columns + column / 2) * channels + channel, large = (row * 2 * columns + column) * channels + channel;
        expected[large] = x[small];
        gradient[small] += dy[large];
      }
  Run({3}, {THREADS}, [&] { upsample(x.data(), y.data(), columns, channels, static_cast<Int>(y.size())); });
  Report("upsample", y, expected, 0.0);
  Run({3}, {THREADS}, [&] { upsample_gradient(dy.data(), dx.data(), columns, channels, static_cast<Int>(dx.size())); });
  Report("upsample_gradient", dx, gradient, 1e-6);
}

// Widths of a group below, at and above the threads of a block, and some that do not divide them.
static void CheckGroupNorm(Int channels, int groups, int silu, bool is_half) {
  const Int items = 2, rows = 21, width = channels / groups, count = items * rows * channels;
  const std::vector<float> x = Random(count, 5.0f), gamma = Random(channels, 1.0f), beta = Random(channels);
  const std::vector<Half> half_dy = Halves(Random(count));
  const std::vector<float> dy = Floats(half_dy);
  std::vector<float> y(count), dx(count), mean(items * groups), inverse(items * groups), dgamma(channels), dbeta(channels);
  std::vector<Half> half_y(count);
  std::vector<double> item_sums(items * 2 * channels), e_y(count), e_dx(count), e_dgamma(channels), e_dbeta(channels);
  const float epsilon = 1e-5f;
  for (Int item = 0; item < items; ++item)
    for (int group = 0; group < groups; ++group) {
      const auto each = [&](const std::function<void(Int, Int)>& body) {
        for (Int row = 0; row < rows; ++row)
          for (Int c = group * width; c < (group + 1) * width; ++c) body((item * rows + row) * channels + c, c);
      };
      double total = 0.0, square = 0.0, gradient = 0.0, projection = 0.0;
      each([&](Int i, Int) { total += x[i]; });
      const double centre = total / (rows * width);
      each([&](Int i, Int) { square += (x[i] - centre) * (x[i] - centre); });
      const double deviation = 1.0 / std::sqrt(square / (rows * width) + epsilon);
      const auto inner = [&](Int i, Int c) { return dy[i] * (silu ? SlopeOf((x[i] - centre) * deviation * gamma[c] + beta[c]) : 1.0); };
      each([&](Int i, Int c) {
        const double value = (x[i] - centre) * deviation * gamma[c] + beta[c];
        e_y[i] = silu ? value * SigmoidOf(value) : value;
        gradient += inner(i, c) * gamma[c] / (rows * width);
        projection += inner(i, c) * gamma[c] * (x[i] - centre) * deviation / (rows * width);
        e_dgamma[c] += inner(i, c) * (x[i] - centre) * deviation;
        e_dbeta[c] += inner(i, c);
      });
      each([&](Int i, Int c) { e_dx[i] = deviation * (inner(i, c) * gamma[c] - gradient - projection * (x[i] - centre) * deviation); });
    }
  const Dim grid = {static_cast<unsigned>(items * groups)};
  if (is_half) Run(grid, {THREADS}, [&] { group_norm_half(x.data(), gamma.data(), beta.data(), half_y.data(), mean.data(), inverse.data(), rows, channels, groups, epsilon, silu); });
  else Run(grid, {THREADS}, [&] { group_norm(x.data(), gamma.data(), beta.data(), y.data(), mean.data(), inverse.data(), rows, channels, groups, epsilon, silu); });
  Report("group_norm", is_half ? Floats(half_y) : y, e_y, is_half ? 1.0 / 256 : 5e-6);
  if (is_half) Run(grid, {THREADS}, [&] { group_norm_gradient_half(half_dy.data(), x.data(), gamma.data(), beta.data(), mean.data(), inverse.data(), dx.data(), item_sums.data(), rows, channels, groups, silu); });
  else Run(grid, {THREADS}, [&] { group_norm_gradient(dy.data(), x.data(), gamma.data(), beta.data(), mean.data(), inverse.data(), dx.data(), item_sums.data(), rows, channels, groups, silu); });
  Run({1}, {THREADS}, [&] { group_norm_scales(item_sums.data(), inverse.data(), dgamma.data(), dbeta.data(), items, channels, groups); });
  Report("group_norm_dx", dx, e_dx, 1e-5);
  Report("group_norm_dgamma", dgamma, e_dgamma, 1e-5);
  Report("group_norm_dbeta", dbeta, e_dbeta, 1e-5);
}

static void CheckOptimiser() {
  const Int count = 150;
  const std::vector<float> p = Random(count), g = Random(count), m = Random(count);
  std::vector<float> v = Random(count), p_out(count), m_out(count), v_out(count), norm(1);
  for (float& value : v) value = std::abs(value);
  const std::vector<float> scalars = {1e-3f, 0.9f, 0.99f, 1e-8f, 0.5f, 2e-3f, 0.7f, 0.0f, 0.01f};
  std::vector<double> e_p(count), e_m(count), e_v(count), e_next(count), parts(3);
  double squares = 0.0;
  for (Int i = 0; i < count; ++i) {
    const double gradient = g[i] * 0.5;
    e_m[i] = m[i] * 0.9 + gradient * 0.1;
    e_v[i] = v[i] * 0.99 + gradient * gradient * 0.01;
    e_p[i] = p[i] * (1.0 - 1e-3 * 0.01) - 2e-3 * e_m[i] / (std::sqrt(e_v[i]) / 0.7 + 1e-8);
    e_next[i] = p[i] + 0.125 * (g[i] - p[i]);
    squares += static_cast<double>(p[i]) * p[i];
  }
  Run({2}, {THREADS}, [&] { adamw(scalars.data(), 1, p.data(), g.data(), m.data(), v.data(), p_out.data(), m_out.data(), v_out.data(), count); });
  Report("adamw_parameter", p_out, e_p, 1e-6);
  Report("adamw_first", m_out, e_m, 1e-6);
  Report("adamw_second", v_out, e_v, 1e-6);
  Run({2}, {THREADS}, [&] { moving_average(p.data(), g.data(), p_out.data(), 0.125f, count); });
  Report("moving_average", p_out, e_next, 1e-6);
  Run({3}, {THREADS}, [&] { sum_squares(p.data(), parts.data(), count); });
  Run({1}, {THREADS}, [&] { root_of_sum(parts.data(), norm.data(), 3); });
  Report("norm", norm, std::vector<double>{std::sqrt(squares)}, 1e-6);
}

int main() {
  CheckElementwise();
  CheckSums();
  CheckUpsample();
  for (const int silu : {0, 1})
    for (const bool is_half : {false, true}) {
      CheckGroupNorm(12, 3, silu, is_half);
      CheckGroupNorm(64, 2, silu, is_half);
      CheckGroupNorm(45, 1, silu, is_half);
      CheckGroupNorm(6, 6, silu, is_half);
    }
  CheckOptimiser();
}
