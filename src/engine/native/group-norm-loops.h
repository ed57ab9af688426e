// The inner loops of group normalisation and its gradient, over runs of lanes.
#ifndef MELSTROM_GROUP_NORM_LOOPS_H_
#define MELSTROM_GROUP_NORM_LOOPS_H_

#include "common.h"

namespace melstrom {

// The inner loops stand alone because the compiler trusts __restrict only on parameters.

static void AddMoments(int64_t count, const float* __restrict in, const float* __restrict pivot, float* __restrict sum, float* __restrict square) {
  for (int64_t lane = 0; lane < count; ++lane) {
    const float value = in[lane] - pivot[lane];
    sum[lane] += value;
    square[lane] += value * value;
  }
}

template <typename Stored>
static void Normalise(int64_t count, const float* __restrict in, const float* __restrict scale, const float* __restrict centre,
                      const float* __restrict shift, Stored* __restrict out) {
  for (int64_t lane = 0; lane < count; ++lane) Store((in[lane] - centre[lane]) * scale[lane] + shift[lane], out + lane);
}

template <typename Stored>
static void NormaliseSilu(int64_t count, const float* __restrict in, const float* __restrict scale, const float* __restrict centre,
                          const float* __restrict shift, Stored* __restrict out) {
  for (int64_t lane = 0; lane < count; ++lane) {
    const float value = (in[lane] - centre[lane]) * scale[lane] + shift[lane];
    Store(value * Sigmoid(value), out + lane);
  }
}

// The gradient before the SiLU.
template <typename Stored>
static void InnerGradient(int64_t count, const Stored* __restrict gradient, const float* __restrict in, const float* __restrict scale,
                          const float* __restrict centre, const float* __restrict shift, float* __restrict out) {
  for (int64_t lane = 0; lane < count; ++lane) {
    const float value = (in[lane] - centre[lane]) * scale[lane] + shift[lane];
    const float gate = Sigmoid(value);
    out[lane] = ToFloat(gradient[lane]) * (gate * (1.0f + value * (1.0f - gate)));
  }
}

template <typename Stored>
static void CopyAsFloat(int64_t count, const Stored* __restrict in, float* __restrict out) {
  for (int64_t lane = 0; lane < count; ++lane) out[lane] = ToFloat(in[lane]);
}

static void AddProjections(int64_t count, const float* __restrict gradient, const float* __restrict in, const float* __restrict centre,
                           float* __restrict sum, float* __restrict projection) {
  for (int64_t lane = 0; lane < count; ++lane) {
    sum[lane] += gradient[lane];
    projection[lane] += gradient[lane] * (in[lane] - centre[lane]);
  }
}

// `gradient` may be `out`.
static void InputGradient(int64_t count, const float* gradient, const float* __restrict in, const float* __restrict scale,
                          const float* __restrict centre, const float* __restrict constant, const float* __restrict slope, float* out) {
#pragma GCC ivdep
  for (int64_t lane = 0; lane < count; ++lane)
    out[lane] = gradient[lane] * scale[lane] + (constant[lane] + (in[lane] - centre[lane]) * slope[lane]);
}

}  // namespace melstrom

#endif  // MELSTROM_GROUP_NORM_LOOPS_H_
