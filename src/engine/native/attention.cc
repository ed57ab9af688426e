// softmax(q·kᵀ·scale + bias)·v for each item and head, and its gradient, a few queries at a time: the scores are never held.
#include "common.h"
#include "small-product.h"

namespace melstrom {

using namespace tensorflow;

// q [B, T, heads, dim], k and v [B, S, heads, dim], bias [B, S] -> y [B, T, heads, dim].
REGISTER_OP("MelstromAttention")
    .Input("q: float").Input("k: float").Input("v: float").Input("bias: N * float").Output("y: float")
    .Attr("N: int >= 0").Attr("scale: float").SetShapeFn(shape_inference::UnknownShape);
REGISTER_OP("MelstromAttentionGrad")
    .Input("dy: float").Input("q: float").Input("k: float").Input("v: float").Input("bias: N * float")
    .Output("dq: float").Output("dk: float").Output("dv: float")
    .Attr("N: int >= 0").Attr("scale: float").SetShapeFn(shape_inference::UnknownShape);

constexpr int64_t kQueries = 48;  // worked on together: a multiple of the tile's rows, small enough for the cache

// Makes matrices in memory that is zero at first and kept for the next unit of work.
class Scratch {
 public:
  Matrix Make(int64_t rows, int64_t columns) {
    blocks_.emplace_back(rows * RoundUp(columns), 0.0f);
    return {blocks_.back().data(), RoundUp(columns)};
  }

 private:
  std::vector<std::vector<float>> blocks_;
};

// The rows of one head in a tensor [B, length, heads, dim].
struct Head {
  const float* data;
  int64_t stride, width;
  const float* Row(int64_t row) const { return data + row * stride; }
};

static void CopyRows(const Head& from, int64_t begin, int64_t count, float scale, const Matrix& to) {
  for (int64_t row = 0; row < count; ++row)
    for (int64_t d = 0; d < from.width; ++d) to.Row(row)[d] = from.Row(begin + row)[d] * scale;
}

static void CopyTransposed(const Head& from, int64_t count, const Matrix& to) {
  for (int64_t row = 0; row < count; ++row)
    for (int64_t d = 0; d < from.width; ++d) to.Row(d)[row] = from.Row(row)[d];
}

// The softmax of a row of scores in place; what lies beyond `count` becomes 0.
static void Softmax(int64_t count, int64_t stride, const float* __restrict bias, float* __restrict row) {
  if (bias != nullptr)
    for (int64_t i = 0; i < count; ++i) row[i] += bias[i];
  float highest[kVec], total[kVec] = {0.0f};
  for (int64_t lane = 0; lane < kVec; ++lane) highest[lane] = row[0];
  int64_t i = 0;
  for (; i + kVec <= count; i += kVec)
    for (int64_t lane = 0; lane < kVec; ++lane) highest[lane] = row[i + lane] > highest[lane] ? row[i + lane] : highest[lane];
  for (; i < count; ++i) highest[0] = std::max(highest[0], row[i]);
  const float top = *std::max_element(highest, highest + kVec);
  for (i = 0; i + kVec <= count; i += kVec)
    for (int64_t lane = 0; lane < kVec; ++lane) {
      row[i + lane] = Exp(row[i + lane] - top);
      total[lane] += row[i + lane];
    }
  for (; i < count; ++i) {
    row[i] = Exp(row[i] - top);
    total[0] += row[i];
  }
  float sum = 0.0f;
  for (const float lane : total) sum += lane;
  const float share = 1.0f / sum;
  for (i = 0; i < count; ++i) row[i] *= share;
  std::fill(row + count, row + stride, 0.0f);
}

// dScores = weights · (dWeights − Σ weights·dWeights), in place of dWeights.
static void SoftmaxGradient(int64_t count, const float* __restrict weights, float* __restrict gradient) {
  float lanes[kVec] = {0.0f};
  int64_t i = 0;
  for (; i + kVec <= count; i += kVec)
    for (int64_t lane = 0; lane < kVec; ++lane) lanes[lane] += weights[i + lane] * gradient[i + lane];
  for (; i < count; ++i) lanes[0] += weights[i] * gradient[i];
  float projection = 0.0f;
  for (const float lane : lanes) projection += lane;
  for (i = 0; i < count; ++i) gradient[i] = weights[i] * (gradient[i] - projection);
}

class AttentionBase : public OpKernel {
 public:
  explicit AttentionBase(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &bias_count_));
    OP_REQUIRES_OK(construction, construction->GetAttr("scale", &scale_));
  }

 protected:
  // Reads shapes; q is the input at `first`.
  bool Resolve(OpKernelContext* context, int first) {
    const Tensor &q = context->input(first), &k = context->input(first + 1), &v = context->input(first + 2);
    const bool fits = q.dims() == 4 && k.dims() == 4 && v.shape() == k.shape() && k.dim_size(0) == q.dim_size(0) &&
                      k.dim_size(2) == q.dim_size(2) && k.dim_size(3) == q.dim_size(3) && k.dim_size(1) > 0 &&
                      (bias_count_ == 0 || context->input(first + 3).NumElements() == k.dim_size(0) * k.dim_size(1));
    if (!fits) context->SetStatus(absl::InvalidArgumentError("attention: q must be [B, T, heads, dim], k and v [B, S, heads, dim], bias [B, S]"));
    return fits;
  }
  static Head HeadOf(const Tensor& tensor, int64_t unit) {
    const int64_t length = tensor.dim_size(1), heads = tensor.dim_size(2), width = tensor.dim_size(3);
    return {tensor.flat<float>().data() + (unit / heads * length * heads + unit % heads) * width, heads * width, width};
  }
  const float* BiasOf(OpKernelContext* context, int input, int64_t item, int64_t keys) const {
    return bias_count_ == 0 ? nullptr : context->input(input).flat<float>().data() + item * keys;
  }
  // The weights of `count` queries, which lie in `q`, scaled.
  static void Weigh(int64_t count, int64_t keys, int64_t width, const Matrix& q, const Matrix& transposed_k, const float* bias, const Matrix& weights) {
    Multiply(count, RoundUp(keys), width, q, transposed_k, weights);
    for (int64_t row = 0; row < count; ++row) Softmax(keys, weights.stride, bias, weights.Row(row));
  }

  int bias_count_;
  float scale_;
};

class AttentionOp : public AttentionBase {
 public:
  using AttentionBase::AttentionBase;
  void Compute(OpKernelContext* context) override {
    if (!Resolve(context, 0)) return;
    const Tensor &q = context->input(0), &k = context->input(1), &v = context->input(2);
    const int64_t queries = q.dim_size(1), keys = k.dim_size(1), heads = q.dim_size(2), width = q.dim_size(3);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, q.shape(), &y));
    float* target = y->flat<float>().data();
    const int64_t blocks = (queries + 8 * kQueries - 1) / (8 * kQueries);  // several to a unit, since each unit lays out the keys
    ParallelFor(context, q.dim_size(0) * heads * blocks, std::min(queries, 8 * kQueries) * keys * width / 4, [&](int64_t unit) {
      const int64_t pair = unit / blocks, end = std::min(queries, (unit % blocks + 1) * 8 * kQueries);
      const Head query = HeadOf(q, pair), key = HeadOf(k, pair), value = HeadOf(v, pair);
      const float* bias = BiasOf(context, 3, pair / heads, keys);
      Scratch scratch;
      const Matrix transposed_k = scratch.Make(width, keys), values = scratch.Make(keys, width);
      const Matrix rows = scratch.Make(kQueries, width), weights = scratch.Make(kQueries, keys), mixed = scratch.Make(kQueries, width);
      CopyTransposed(key, keys, transposed_k);
      CopyRows(value, 0, keys, 1.0f, values);
      for (int64_t begin = unit % blocks * 8 * kQueries; begin < end; begin += kQueries) {
        const int64_t count = std::min(kQueries, end - begin);
        CopyRows(query, begin, count, scale_, rows);
        Weigh(count, keys, width, rows, transposed_k, bias, weights);
        Multiply(count, RoundUp(width), keys, weights, values, mixed);
        for (int64_t row = 0; row < count; ++row)
          std::copy_n(mixed.Row(row), width, target + (query.Row(begin + row) - q.flat<float>().data()));
      }
    });
  }
};

class AttentionGradOp : public AttentionBase {
 public:
  using AttentionBase::AttentionBase;
  void Compute(OpKernelContext* context) override {
    if (!Resolve(context, 1)) return;
    const Tensor &dy = context->input(0), &q = context->input(1), &k = context->input(2), &v = context->input(3);
    OP_REQUIRES(context, dy.shape() == q.shape(), absl::InvalidArgumentError("attention gradient: dy must have the shape of q"));
    const int64_t queries = q.dim_size(1), keys = k.dim_size(1), heads = q.dim_size(2), width = q.dim_size(3);
    float* outputs[3];
    for (int i = 0; i < 3; ++i) {
      Tensor* output = nullptr;
      OP_REQUIRES_OK(context, context->allocate_output(i, context->input(1 + i).shape(), &output));
      outputs[i] = output->flat<float>().data();
    }
    ParallelFor(context, q.dim_size(0) * heads, queries * keys * width, [&](int64_t pair) {
      const Head query = HeadOf(q, pair), key = HeadOf(k, pair), value = HeadOf(v, pair), gradient = HeadOf(dy, pair);
      const float* bias = BiasOf(context, 4, pair / heads, keys);
      Scratch scratch;
      const Matrix transposed_k = scratch.Make(width, keys), transposed_v = scratch.Make(width, keys), keys_rows = scratch.Make(keys, width);
      const Matrix dk = scratch.Make(keys, width), dv = scratch.Make(keys, width), dq = scratch.Make(kQueries, width);
      const Matrix rows = scratch.Make(kQueries, width), dy_rows = scratch.Make(kQueries, width);
      const Matrix weights = scratch.Make(kQueries, keys), scores = scratch.Make(kQueries, keys);
      CopyTransposed(key, keys, transposed_k);
      CopyTransposed(value, keys, transposed_v);
      CopyRows(key, 0, keys, scale_, keys_rows);
      for (int64_t begin = 0; begin < queries; begin += kQueries) {
        const int64_t count = std::min(kQueries, queries - begin);
        CopyRows(query, begin, count, scale_, rows);
        CopyRows(gradient, begin, count, 1.0f, dy_rows);
        Weigh(count, keys, width, rows, transposed_k, bias, weights);
        Multiply(count, RoundUp(keys), width, dy_rows, transposed_v, scores);
        for (int64_t row = 0; row < count; ++row) SoftmaxGradient(keys, weights.Row(row), scores.Row(row));
        Multiply(count, RoundUp(width), keys, scores, keys_rows, dq);
        Multiply<true, true>(keys, RoundUp(width), count, scores, rows, dk);
        Multiply<true, true>(keys, RoundUp(width), count, weights, dy_rows, dv);
        const int64_t offset = query.data - q.flat<float>().data();
        for (int64_t row = 0; row < count; ++row) std::copy_n(dq.Row(row), width, outputs[0] + offset + (begin + row) * query.stride);
      }
      const int64_t offset = key.data - k.flat<float>().data();
      for (int64_t row = 0; row < keys; ++row) {
        std::copy_n(dk.Row(row), width, outputs[1] + offset + row * key.stride);
        std::copy_n(dv.Row(row), width, outputs[2] + offset + row * key.stride);
      }
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromAttention").Device(DEVICE_CPU), AttentionOp);
REGISTER_KERNEL_BUILDER(Name("MelstromAttentionGrad").Device(DEVICE_CPU), AttentionGradOp);

}  // namespace melstrom
