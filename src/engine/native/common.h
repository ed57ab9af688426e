// What all kernels share: parallel loops, the layout of channels in lanes, and a vectorisable sigmoid.
//
// Build: g++ -std=c++17 -O3 -march=native -fPIC -shared, against the headers of the TensorFlow wheel. The loops are
// written so that the compiler vectorises them without -ffast-math, which would hide values that are not finite.
#ifndef MELSTROM_COMMON_H_
#define MELSTROM_COMMON_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "tensorflow/core/framework/common_shape_fns.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"
#include "tensorflow/core/util/work_sharder.h"

namespace melstrom {

// Values per unit of parallel work. It depends on nothing, so that sums do not depend on the number of threads.
constexpr int64_t kChunkValues = 8192;
// Shortest inner loop: narrower rows are laid side by side until they are this long.
constexpr int64_t kMinLanes = 64;

// How many units hold `count`, and how much they hold when all are full.
inline int64_t BlocksOf(int64_t count, int64_t unit) { return (count + unit - 1) / unit; }
inline int64_t UpTo(int64_t count, int64_t unit) { return BlocksOf(count, unit) * unit; }

// Runs body(unit) for each unit in [0, total), on the threads of TensorFlow's pool. Cost is per unit, in cycles.
template <typename Body>
void ParallelFor(tensorflow::OpKernelContext* context, int64_t total, int64_t cost, const Body& body) {
  auto* workers = context->device()->tensorflow_cpu_worker_threads();
  tensorflow::Shard(workers->num_threads, workers->workers, total, cost, [&body](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) body(unit);
  });
}

// True when whole items can be handed to the threads without leaving one of them idle for long.
inline bool SplitsByItem(tensorflow::OpKernelContext* context, int64_t items) {
  const int64_t threads = context->device()->tensorflow_cpu_worker_threads()->num_threads;
  return items % threads == 0 || items >= 4 * threads;
}

// Rows of `channels` values, seen as rows of `lanes` values with lane j holding channel j % channels, cut into chunks.
struct Lanes {
  int64_t channels, repeats, lanes, values, chunk_values, chunks;

  Lanes(int64_t rows, int64_t channels_in) : channels(channels_in) {
    repeats = channels >= kMinLanes ? 1 : (kMinLanes + channels - 1) / channels;
    lanes = channels * repeats;
    values = rows * channels;
    chunk_values = std::max<int64_t>(1, kChunkValues / lanes) * lanes;
    chunks = (values + chunk_values - 1) / chunk_values;
  }
  int64_t Begin(int64_t chunk) const { return chunk * chunk_values; }
  int64_t End(int64_t chunk) const { return std::min(values, (chunk + 1) * chunk_values); }

  // Lays one value per channel over all lanes.
  void Spread(const float* per_channel, float* per_lane) const {
    for (int64_t lane = 0; lane < lanes; ++lane) per_lane[lane] = per_channel[lane % channels];
  }
  // Sums lanes into one double per channel.
  void Fold(const float* per_lane, double* per_channel) const {
    std::fill(per_channel, per_channel + channels, 0.0);
    for (int64_t repeat = 0; repeat < repeats; ++repeat)
      for (int64_t c = 0; c < channels; ++c) per_channel[c] += per_lane[repeat * channels + c];
  }
};

// Calls body(offset, count) for each run of at most `lanes` values of a chunk.
template <typename Body>
inline void ForEachRun(const Lanes& layout, int64_t chunk, const Body& body) {
  const int64_t end = layout.End(chunk);
  for (int64_t offset = layout.Begin(chunk); offset < end; offset += layout.lanes)
    body(offset, std::min(layout.lanes, end - offset));
}

// exp(x) to about 2e-7 relative, clamped to the float range; NaN stays NaN. No branches, so that it vectorises.
inline float Exp(float x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float shifted = x * 1.44269504f + kRound;
  const float n = shifted - kRound;
  const float f = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  const float p = 1.0f + f * (1.0f + f * (0.5f + f * (0.166666667f + f * (0.0416666667f + f * (0.00833333333f + f * 0.00138888889f)))));
  int32_t bits;
  std::memcpy(&bits, &shifted, 4);
  bits = (bits << 23) + 0x3f800000;
  float scale;
  std::memcpy(&scale, &bits, 4);
  return p * scale;
}

inline float Sigmoid(float x) { return 1.0f / (1.0f + Exp(-x)); }

// A bfloat16 as it lies in memory: the upper half of a float.
using Half = uint16_t;

inline float ToFloat(float value) { return value; }
inline float ToFloat(Half value) {
  const uint32_t bits = static_cast<uint32_t>(value) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}

inline void Store(float value, float* target) { *target = value; }
// Rounds to nearest, ties to even; NaN stays NaN.
inline void Store(float value, Half* target) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const uint32_t quiet = (bits >> 16) | 0x40u;
  *target = static_cast<Half>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
}

// How TensorFlow names the number formats that Half and float stand for.
template <typename Stored>
struct TensorType;
template <>
struct TensorType<float> { using Type = float; };
template <>
struct TensorType<Half> { using Type = tensorflow::bfloat16; };

template <typename Stored>
inline const Stored* Values(const tensorflow::Tensor& tensor) {
  return reinterpret_cast<const Stored*>(tensor.flat<typename TensorType<Stored>::Type>().data());
}
template <typename Stored>
inline Stored* Values(tensorflow::Tensor* tensor) {
  return reinterpret_cast<Stored*>(tensor->flat<typename TensorType<Stored>::Type>().data());
}

// Room for so many values while the operation runs; null, and the reason set in `context`, when there is none.
template <typename Stored>
Stored* AllocateValues(tensorflow::OpKernelContext* context, int64_t count, tensorflow::Tensor* holder) {
  const absl::Status status = context->allocate_temp(tensorflow::DataTypeToEnum<typename TensorType<Stored>::Type>::value, tensorflow::TensorShape({count}), holder);
  if (!status.ok()) {
    context->SetStatus(status);
    return nullptr;
  }
  return Values<Stored>(holder);
}

}  // namespace melstrom

#endif  // MELSTROM_COMMON_H_
