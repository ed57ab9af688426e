// The kernels for NVIDIA GPUs, as text in CUDA C++: they are compiled at the first use, for the GPU that is there, by the compiler
// library (NVRTC) that comes with the CUDA libraries. Sums are cut into parts by sizes alone and added in a fixed order, so that
// the same numbers give the same bits in every run.
#ifndef MELSTROM_GPU_KERNELS_H_
#define MELSTROM_GPU_KERNELS_H_

namespace melstrom {

// The text knows these as THREADS, SUM_COLUMNS, SUM_ROWS and NORM_VALUES.
// Threads of a block where rows are summed by channel: so many channels beside each other, so many rows below each other.
constexpr unsigned kSumColumns = 32, kSumRows = 8;
// Threads of all other blocks.
constexpr unsigned kThreads = 256;
// Values of a tensor that one block squares and sums.
constexpr unsigned kNormValues = 8192;

constexpr char kGpuKernels[] = R"cuda(
typedef unsigned short Half;  // bfloat16
typedef long long Int;

__device__ inline float Load(const float* from, Int i) { return from[i]; }
__device__ inline float Load(const Half* from, Int i) { return __uint_as_float(static_cast<unsigned>(from[i]) << 16); }
__device__ inline void Store(float* to, Int i, float value) { to[i] = value; }
// To the nearest, an even one of two; NaN stays NaN.
__device__ inline void Store(Half* to, Int i, float value) {
  const unsigned bits = __float_as_uint(value);
  to[i] = value != value ? 0x7fc0 : static_cast<Half>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

__device__ inline float Sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }
__device__ inline float SiluSlope(float x) {
  const float gate = Sigmoid(x);
  return gate * (1.0f + x * (1.0f - gate));
}

#define EACH(i, count) for (Int i = blockIdx.x * static_cast<Int>(blockDim.x) + threadIdx.x; i < (count); i += static_cast<Int>(gridDim.x) * blockDim.x)

// The sum over all threads of a block, told to all of them.
__device__ double SumOfBlock(double value) {
  __shared__ double parts[THREADS];
  __syncthreads();
  parts[threadIdx.x] = value;
  for (int half = THREADS / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
  }
  __syncthreads();
  return parts[0];
}

extern "C" __global__ void silu(const float* x, float* y, Int count) {
  EACH(i, count) y[i] = x[i] * Sigmoid(x[i]);
}

extern "C" __global__ void silu_gradient(const float* dy, const float* x, float* dx, Int count) {
  EACH(i, count) dx[i] = dy[i] * SiluSlope(x[i]);
}

extern "C" __global__ void to_half(const float* x, Half* y, Int count) {
  EACH(i, count) Store(y, i, x[i]);
}

extern "C" __global__ void to_float(const Half* x, float* y, Int count) {
  EACH(i, count) y[i] = Load(x, i);
}

// Bias, embedding and residual are null where there is none. An item has `values` values.
template <typename Stored>
__device__ inline void AddBias(const Stored* x, const float* bias, const float* embedding, const float* residual, float* y, Int channels, Int values, Int count) {
  EACH(i, count) {
    const Int channel = i % channels;
    float sum = Load(x, i);
    if (bias != nullptr) sum += bias[channel] + (embedding == nullptr ? 0.0f : embedding[i / values * channels + channel]);
    else sum += embedding[i / values * channels + channel];
    y[i] = residual == nullptr ? sum : sum + residual[i];
  }
}
extern "C" __global__ void add_bias(const float* x, const float* bias, const float* embedding, const float* residual, float* y, Int channels, Int values, Int count) {
  AddBias(x, bias, embedding, residual, y, channels, values, count);
}
extern "C" __global__ void add_bias_half(const Half* x, const float* bias, const float* embedding, const float* residual, float* y, Int channels, Int values, Int count) {
  AddBias(x, bias, embedding, residual, y, channels, values, count);
}

extern "C" __global__ void accumulate(const float* x, float* y, Int count) {
  EACH(i, count) y[i] += x[i];
}

// Sums of some rows of an item for each channel, and on request a copy in bfloat16. Blocks: [channels / SUM_COLUMNS, chunks, items].
extern "C" __global__ void sum_rows(const float* x, Half* copy, double* parts, Int rows, Int channels, Int chunk_rows) {
  __shared__ float sums[SUM_ROWS][SUM_COLUMNS];
  const Int channel = blockIdx.x * SUM_COLUMNS + threadIdx.x;
  const Int first = blockIdx.y * chunk_rows, last = first + chunk_rows < rows ? first + chunk_rows : rows;
  float sum = 0.0f;
  if (channel < channels) {
    for (Int row = first + threadIdx.y; row < last; row += SUM_ROWS) {
      const Int at = (blockIdx.z * rows + row) * channels + channel;
      sum += x[at];
      if (copy != nullptr) Store(copy, at, x[at]);
    }
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || channel >= channels) return;
  double total = 0.0;
  for (int row = 0; row < SUM_ROWS; ++row) total += sums[row][threadIdx.x];
  parts[(blockIdx.z * static_cast<Int>(gridDim.y) + blockIdx.y) * channels + channel] = total;
}

// The parts of each item, and of all items. Either target may be null. One thread for each channel.
extern "C" __global__ void sum_parts(const double* parts, float* item_sums, float* sum, Int items, Int chunks, Int channels) {
  EACH(channel, channels) {
    double whole = 0.0;
    for (Int item = 0; item < items; ++item) {
      double total = 0.0;
      for (Int chunk = 0; chunk < chunks; ++chunk) total += parts[(item * chunks + chunk) * channels + channel];
      if (item_sums != nullptr) item_sums[item * channels + channel] = static_cast<float>(total);
      whole += total;
    }
    if (sum != nullptr) sum[channel] = static_cast<float>(whole);
  }
}

// One block for each item and group. Differences to the group's first value are summed, so that a large mean costs no digits.
template <typename Stored>
__device__ inline void GroupNorm(const float* x, const float* gamma, const float* beta, Stored* y, float* mean, float* inverse, Int rows, Int channels, int groups, float epsilon, int silu) {
  const Int width = channels / groups, count = rows * width;
  const int group = blockIdx.x % groups;
  const Int base = blockIdx.x / groups * rows * channels + group * width;
  const float pivot = x[base];
  float sum = 0.0f;
  for (Int i = threadIdx.x; i < count; i += THREADS) sum += x[base + i / width * channels + i % width] - pivot;
  const double offset = SumOfBlock(sum) / count;
  const float centre = static_cast<float>(pivot + offset);
  float square = 0.0f;
  for (Int i = threadIdx.x; i < count; i += THREADS) {
    const float difference = x[base + i / width * channels + i % width] - centre;
    square += difference * difference;
  }
  const float scale = static_cast<float>(1.0 / sqrt(SumOfBlock(square) / count + epsilon));
  if (threadIdx.x == 0) {
    mean[blockIdx.x] = centre;
    inverse[blockIdx.x] = scale;
  }
  for (Int i = threadIdx.x; i < count; i += THREADS) {
    const Int channel = group * width + i % width, at = base + i / width * channels + i % width;
    const float value = (x[at] - centre) * (scale * gamma[channel]) + beta[channel];
    Store(y, at, silu ? value * Sigmoid(value) : value);
  }
}
extern "C" __global__ void group_norm(const float* x, const float* gamma, const float* beta, float* y, float* mean, float* inverse, Int rows, Int channels, int groups, float epsilon, int silu) {
  GroupNorm(x, gamma, beta, y, mean, inverse, rows, channels, groups, epsilon, silu);
}
extern "C" __global__ void group_norm_half(const float* x, const float* gamma, const float* beta, Half* y, float* mean, float* inverse, Int rows, Int channels, int groups, float epsilon, int silu) {
  GroupNorm(x, gamma, beta, y, mean, inverse, rows, channels, groups, epsilon, silu);
}

// One block for each item and group. item_sums: for each item the sums per channel of g, then of g * (x - mean), where g is the gradient before SiLU.
template <typename Stored>
__device__ inline void GroupNormGradient(const Stored* dy, const float* x, const float* gamma, const float* beta, const float* mean, const float* inverse, float* dx, double* item_sums, Int rows, Int channels, int groups, int silu) {
  __shared__ float sums[THREADS], projections[THREADS];
  const Int width = channels / groups;
  const int group = blockIdx.x % groups;
  const Int item = blockIdx.x / groups, base = item * rows * channels + group * width;
  const float centre = mean[blockIdx.x], deviation = inverse[blockIdx.x];
  double gradient_sum = 0.0, projection_sum = 0.0;
  for (Int first = 0; first < width; first += THREADS) {
    const int columns = width - first < THREADS ? static_cast<int>(width - first) : THREADS, lanes = THREADS / columns;
    const int column = threadIdx.x % columns, lane = threadIdx.x / columns;
    const Int channel = group * width + first + column;
    float sum = 0.0f, projection = 0.0f;
    if (lane < lanes) {
      for (Int row = lane; row < rows; row += lanes) {
        const Int at = base + row * channels + first + column;
        const float difference = x[at] - centre;
        float inner = Load(dy, at);
        if (silu) inner *= SiluSlope(difference * (deviation * gamma[channel]) + beta[channel]);
        sum += inner;
        projection += inner * difference;
      }
    }
    __syncthreads();
    sums[threadIdx.x] = sum;
    projections[threadIdx.x] = projection;
    __syncthreads();
    if (threadIdx.x < columns) {
      double total = 0.0, projected = 0.0;
      for (int other = 0; other < lanes; ++other) {
        total += sums[other * columns + column];
        projected += projections[other * columns + column];
      }
      item_sums[item * 2 * channels + channel] = total;
      item_sums[item * 2 * channels + channels + channel] = projected;
      gradient_sum += total * gamma[channel];
      projection_sum += projected * gamma[channel];
    }
  }
  const Int count = rows * width;
  const double mean_gradient = SumOfBlock(gradient_sum) / count, mean_projection = SumOfBlock(projection_sum) / count;
  const float constant = static_cast<float>(-deviation * mean_gradient);
  const float slope = static_cast<float>(-static_cast<double>(deviation) * deviation * deviation * mean_projection);
  for (Int i = threadIdx.x; i < count; i += THREADS) {
    const Int channel = group * width + i % width, at = base + i / width * channels + i % width;
    const float scale = deviation * gamma[channel], difference = x[at] - centre;
    float inner = Load(dy, at);
    if (silu) inner *= SiluSlope(difference * scale + beta[channel]);
    dx[at] = inner * scale + constant + slope * difference;
  }
}
extern "C" __global__ void group_norm_gradient(const float* dy, const float* x, const float* gamma, const float* beta, const float* mean, const float* inverse, float* dx, double* item_sums, Int rows, Int channels, int groups, int silu) {
  GroupNormGradient(dy, x, gamma, beta, mean, inverse, dx, item_sums, rows, channels, groups, silu);
}
extern "C" __global__ void group_norm_gradient_half(const Half* dy, const float* x, const float* gamma, const float* beta, const float* mean, const float* inverse, float* dx, double* item_sums, Int rows, Int channels, int groups, int silu) {
  GroupNormGradient(dy, x, gamma, beta, mean, inverse, dx, item_sums, rows, channels, groups, silu);
}

extern "C" __global__ void group_norm_scales(const double* item_sums, const float* inverse, float* dgamma, float* dbeta, Int items, Int channels, int groups) {
  EACH(channel, channels) {
    double scale = 0.0, shift = 0.0;
    for (Int item = 0; item < items; ++item) {
      shift += item_sums[item * 2 * channels + channel];
      scale += item_sums[item * 2 * channels + channels + channel] * inverse[item * groups + channel / (channels / groups)];
    }
    dgamma[channel] = static_cast<float>(scale);
    dbeta[channel] = static_cast<float>(shift);
  }
}

// Of x [rows, columns, channels], rows counting all items.
extern "C" __global__ void upsample(const float* x, float* y, Int columns, Int channels, Int count) {
  EACH(i, count) {
    const Int channel = i % channels, column = i / channels % (2 * columns), row = i / channels / (2 * columns);
    y[i] = x[(row / 2 * columns + column / 2) * channels + channel];
  }
}

extern "C" __global__ void upsample_gradient(const float* dy, float* dx, Int columns, Int channels, Int count) {
  EACH(i, count) {
    const Int channel = i % channels, column = i / channels % columns, row = i / channels / columns;
    const float* upper = dy + (2 * row * 2 * columns + 2 * column) * channels + channel;
    const float* lower = upper + 2 * columns * channels;
    dx[i] = (upper[0] + upper[channels]) + (lower[0] + lower[channels]);
  }
}

// Scalars as in MelstromAdamW; `index` is the parameter's place in the list.
extern "C" __global__ void adamw(const float* scalars, int index, const float* p, const float* g, const float* m, const float* v, float* p_out, float* m_out, float* v_out, Int count) {
  const float keep = 1.0f - scalars[0] * scalars[7 + index], beta1 = scalars[1], beta2 = scalars[2], epsilon = scalars[3];
  const float gradient_scale = scalars[4], step = scalars[5], inverse_correction = 1.0f / scalars[6];
  EACH(i, count) {
    const float gradient = g[i] * gradient_scale;
    const float first = m[i] * beta1 + gradient * (1.0f - beta1);
    const float second = v[i] * beta2 + gradient * gradient * (1.0f - beta2);
    m_out[i] = first;
    v_out[i] = second;
    p_out[i] = p[i] * keep - step * first / (sqrtf(second) * inverse_correction + epsilon);
  }
}

extern "C" __global__ void moving_average(const float* average, const float* value, float* next, float rest, Int count) {
  EACH(i, count) next[i] = average[i] + rest * (value[i] - average[i]);
}

// One block for each part of a tensor.
extern "C" __global__ void sum_squares(const float* x, double* parts, Int count) {
  const Int first = blockIdx.x * static_cast<Int>(NORM_VALUES), last = first + NORM_VALUES < count ? first + NORM_VALUES : count;
  double sum = 0.0;
  for (Int i = first + threadIdx.x; i < last; i += THREADS) sum += static_cast<double>(x[i]) * x[i];
  sum = SumOfBlock(sum);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

// One block.
extern "C" __global__ void root_of_sum(const double* parts, float* root, Int count) {
  double sum = 0.0;
  for (Int i = threadIdx.x; i < count; i += THREADS) sum += parts[i];
  sum = SumOfBlock(sum);
  if (threadIdx.x == 0) *root = static_cast<float>(sqrt(sum));
}
)cuda";

}  // namespace melstrom

#endif  // MELSTROM_GPU_KERNELS_H_
