// What both kernels of attention share: the rows of a head, softmax and its gradient, and how inputs are read.
#ifndef MELSTROM_ATTENTION_PARTS_H_
#define MELSTROM_ATTENTION_PARTS_H_

#include "common.h"

namespace melstrom {

// Values side by side in the loops below.
constexpr int64_t kSide = 16;

// The rows of one head in a tensor [B, length, heads, dim].
struct Head {
  const float* data;
  int64_t stride, width;
  const float* Row(int64_t row) const { return data + row * stride; }
};

// The softmax of a row of scores in place; what lies beyond `count` becomes 0.
inline void Softmax(int64_t count, int64_t stride, const float* __restrict bias, float* __restrict row) {
  if (bias != nullptr)
    for (int64_t i = 0; i < count; ++i) row[i] += bias[i];
  float highest[kSide], total[kSide] = {0.0f};
  for (int64_t lane = 0; lane < kSide; ++lane) highest[lane] = row[0];
  int64_t i = 0;
  for (; i + kSide <= count; i += kSide)
    for (int64_t lane = 0; lane < kSide; ++lane) highest[lane] = row[i + lane] > highest[lane] ? row[i + lane] : highest[lane];
  for (; i < count; ++i) highest[0] = std::max(highest[0], row[i]);
  const float top = *std::max_element(highest, highest + kSide);
  for (i = 0; i + kSide <= count; i += kSide)
    for (int64_t lane = 0; lane < kSide; ++lane) {
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
inline void SoftmaxGradient(int64_t count, const float* __restrict weights, float* __restrict gradient) {
  float lanes[kSide] = {0.0f};
  int64_t i = 0;
  for (; i + kSide <= count; i += kSide)
    for (int64_t lane = 0; lane < kSide; ++lane) lanes[lane] += weights[i + lane] * gradient[i + lane];
  for (; i < count; ++i) lanes[0] += weights[i] * gradient[i];
  float projection = 0.0f;
  for (const float lane : lanes) projection += lane;
  for (i = 0; i < count; ++i) gradient[i] = weights[i] * (gradient[i] - projection);
}

class AttentionBase : public tensorflow::OpKernel {
 public:
  explicit AttentionBase(tensorflow::OpKernelConstruction* construction) : tensorflow::OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &bias_count_));
    OP_REQUIRES_OK(construction, construction->GetAttr("scale", &scale_));
  }

 protected:
  // Reads shapes; q is the input at `first`.
  bool Resolve(tensorflow::OpKernelContext* context, int first) {
    const tensorflow::Tensor &q = context->input(first), &k = context->input(first + 1), &v = context->input(first + 2);
    const bool fits = q.dims() == 4 && k.dims() == 4 && v.shape() == k.shape() && k.dim_size(0) == q.dim_size(0) &&
                      k.dim_size(2) == q.dim_size(2) && k.dim_size(3) == q.dim_size(3) && k.dim_size(1) > 0 &&
                      (bias_count_ == 0 || context->input(first + 3).NumElements() == k.dim_size(0) * k.dim_size(1));
    if (!fits) context->SetStatus(absl::InvalidArgumentError("attention: q must be [B, T, heads, dim], k and v [B, S, heads, dim], bias [B, S]"));
    return fits;
  }
  static Head HeadOf(const tensorflow::Tensor& tensor, int64_t unit) {
    const int64_t length = tensor.dim_size(1), heads = tensor.dim_size(2), width = tensor.dim_size(3);
    return {tensor.flat<float>().data() + (unit / heads * length * heads + unit % heads) * width, heads * width, width};
  }
  const float* BiasOf(tensorflow::OpKernelContext* context, int input, int64_t item, int64_t keys) const {
    return bias_count_ == 0 ? nullptr : context->input(input).flat<float>().data() + item * keys;
  }
  int bias_count_;
  float scale_;
};

}  // namespace melstrom

#endif  // MELSTROM_ATTENTION_PARTS_H_
