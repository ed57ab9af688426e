// What operations ask of their inputs, on processors and GPUs alike. Each returns false, with the operation's status set, when it does not hold.
#ifndef MELSTROM_REQUIREMENTS_H_
#define MELSTROM_REQUIREMENTS_H_

#include "tensorflow/core/framework/op_kernel.h"

namespace melstrom {

inline bool Require(tensorflow::OpKernelContext* context, bool holds, const char* expected) {
  if (!holds) context->SetStatus(absl::InvalidArgumentError(expected));
  return holds;
}

// That `lists` lists of `count` tensors, from input `first` on, have the same sizes.
inline bool RequireSameSizes(tensorflow::OpKernelContext* context, int first, int count, int lists) {
  bool are_same = true;
  for (int i = count; i < lists * count; ++i) are_same &= context->input(first + i).NumElements() == context->input(first + i % count).NumElements();
  return Require(context, are_same, "optimiser: the tensors of all lists must have the same sizes");
}

// Of scalars, parameters, gradients and both moments.
inline bool RequireAdamW(tensorflow::OpKernelContext* context, int count) {
  return RequireSameSizes(context, 1, count, 4) &&
         Require(context, context->input(0).NumElements() == 7 + count, "adamw: expected 7 scalars and one decay per parameter");
}

inline bool RequireGroupNorm(tensorflow::OpKernelContext* context, const tensorflow::Tensor& x, const tensorflow::Tensor& gamma, const tensorflow::Tensor& beta, int groups) {
  const bool holds = x.dims() == 4 && x.NumElements() > 0 && groups >= 1 && x.dim_size(3) % groups == 0 && gamma.NumElements() == x.dim_size(3) &&
                     beta.NumElements() == x.dim_size(3);
  return Require(context, holds, "group norm: x must be [B, H, W, C] with groups dividing C, gamma and beta [C]");
}

// Of dy, x, gamma, beta, mean and inverse deviation.
inline bool RequireGroupNormGrad(tensorflow::OpKernelContext* context, int groups) {
  const tensorflow::Tensor& x = context->input(1);
  if (!RequireGroupNorm(context, x, context->input(2), context->input(3), groups)) return false;
  const int64_t statistics = x.dim_size(0) * groups;
  const bool holds = context->input(0).shape() == x.shape() && context->input(4).NumElements() == statistics && context->input(5).NumElements() == statistics;
  return Require(context, holds, "group norm gradient: dy must have the shape of x, statistics [B, groups]");
}

// Of x, bias, residuals and on request an embedding.
inline bool RequireAddBias(tensorflow::OpKernelContext* context, int residuals) {
  const tensorflow::Tensor& x = context->input(0);
  const int64_t channels = context->input(1).NumElements();
  if (!Require(context, x.dims() > 0 && x.dim_size(x.dims() - 1) == channels && channels > 0, "add bias: bias must have one value per channel")) return false;
  for (int r = 0; r < residuals; ++r)
    if (!Require(context, context->input(2 + r).shape() == x.shape(), "add bias: residuals must have the shape of x")) return false;
  return context->num_inputs() == 2 + residuals ||
         Require(context, context->input(2 + residuals).NumElements() == x.dim_size(0) * channels, "add bias: the embedding must be [B, C]");
}

inline bool RequireTimeEmbedding(tensorflow::OpKernelContext* context) {
  const tensorflow::Tensor &x = context->input(0), &embedding = context->input(1);
  return Require(context, x.dims() == 4 && x.NumElements() > 0 && embedding.NumElements() == x.dim_size(0) * x.dim_size(3),
                 "time embedding: x must be [B, H, W, C], the embedding [B, C]");
}

// Of a first input whose channels are summed, over all items or for each.
inline bool RequireChannels(tensorflow::OpKernelContext* context, bool per_item) {
  const tensorflow::Tensor& x = context->input(0);
  return Require(context, x.dims() > (per_item ? 1 : 0) && x.NumElements() > 0, "channel sum: x must have channels, and items where it is summed for each");
}

inline bool RequireDoubled(tensorflow::OpKernelContext* context) {
  const tensorflow::Tensor& dy = context->input(0);
  return Require(context, dy.dims() == 4 && dy.dim_size(1) % 2 == 0 && dy.dim_size(2) % 2 == 0, "upsample gradient: dy must be [B, 2H, 2W, C]");
}

}  // namespace melstrom

#endif  // MELSTROM_REQUIREMENTS_H_
