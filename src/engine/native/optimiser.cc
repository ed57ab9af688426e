// AdamW, moving average and norm over all parameters of a network in one call each.
#include "common.h"

namespace melstrom {

using namespace tensorflow;

REGISTER_OP("MelstromAdamW")
    .Input("scalars: float")  // rate, beta1, beta2, epsilon, gradient scale, corrected rate, correction of v, decays
    .Input("parameters: N * float").Input("gradients: N * float").Input("first: N * float").Input("second: N * float")
    .Output("next_parameters: N * float").Output("next_first: N * float").Output("next_second: N * float")
    .Attr("N: int >= 1").SetShapeFn(shape_inference::UnknownShape);
REGISTER_OP("MelstromEma")
    .Input("averages: N * float").Input("values: N * float").Output("next: N * float")
    .Attr("N: int >= 1").Attr("decay: float").SetShapeFn(shape_inference::UnknownShape);
REGISTER_OP("MelstromGlobalNorm").Input("values: N * float").Output("norm: float").Attr("N: int >= 1").SetShapeFn(shape_inference::ScalarShape);

// A piece of one tensor of a list.
struct Piece {
  int tensor;
  int64_t begin, end;
};

// Cuts the tensors at inputs [first, first + count) into pieces of similar size.
inline std::vector<Piece> CutPieces(OpKernelContext* context, int first, int count) {
  std::vector<Piece> pieces;
  for (int tensor = 0; tensor < count; ++tensor) {
    const int64_t size = context->input(first + tensor).NumElements();
    for (int64_t begin = 0; begin < size; begin += kChunkValues) pieces.push_back({tensor, begin, std::min(size, begin + kChunkValues)});
  }
  return pieces;
}

// Checks that `lists` lists of `count` tensors, from input `first` on, have the same sizes.
inline bool SameSizes(OpKernelContext* context, int first, int count, int lists) {
  for (int list = 1; list < lists; ++list)
    for (int tensor = 0; tensor < count; ++tensor)
      if (context->input(first + list * count + tensor).NumElements() != context->input(first + tensor).NumElements()) {
        context->SetStatus(absl::InvalidArgumentError("optimiser: the tensors of all lists must have the same sizes"));
        return false;
      }
  return true;
}

class AdamWOp : public OpKernel {
 public:
  explicit AdamWOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &count_));
  }
  void Compute(OpKernelContext* context) override {
    const int count = count_;
    if (!SameSizes(context, 1, count, 4)) return;
    OP_REQUIRES(context, context->input(0).NumElements() == 7 + count, absl::InvalidArgumentError("adamw: expected 7 scalars and one decay per parameter"));
    const float* scalars = context->input(0).flat<float>().data();
    std::vector<const float*> in(4 * count);
    std::vector<float*> out(3 * count);
    for (int i = 0; i < 4 * count; ++i) in[i] = context->input(1 + i).flat<float>().data();
    for (int i = 0; i < 3 * count; ++i) {
      Tensor* tensor = nullptr;
      OP_REQUIRES_OK(context, context->allocate_output(i, context->input(1 + i % count).shape(), &tensor));
      out[i] = tensor->flat<float>().data();
    }
    const float rate = scalars[0], beta1 = scalars[1], beta2 = scalars[2], epsilon = scalars[3], gradient_scale = scalars[4];
    const float step = scalars[5], inverse_correction = 1.0f / scalars[6];
    const float rest1 = 1.0f - beta1, rest2 = 1.0f - beta2;
    const std::vector<Piece> pieces = CutPieces(context, 1, count);
    ParallelFor(context, pieces.size(), 4 * kChunkValues, [&](int64_t unit) {
      const Piece& piece = pieces[unit];
      const int t = piece.tensor;
      const float keep = 1.0f - rate * scalars[7 + t];
      const float *__restrict p = in[t], *__restrict g = in[count + t], *__restrict m = in[2 * count + t], *__restrict v = in[3 * count + t];
      float *__restrict p_out = out[t], *__restrict m_out = out[count + t], *__restrict v_out = out[2 * count + t];
      for (int64_t i = piece.begin; i < piece.end; ++i) {
        const float gradient = g[i] * gradient_scale;
        const float first = m[i] * beta1 + gradient * rest1;
        const float second = v[i] * beta2 + gradient * gradient * rest2;
        m_out[i] = first;
        v_out[i] = second;
        p_out[i] = p[i] * keep - step * first / (__builtin_sqrtf(second) * inverse_correction + epsilon);
      }
    });
  }

 private:
  int count_;
};

class EmaOp : public OpKernel {
 public:
  explicit EmaOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &count_));
    OP_REQUIRES_OK(construction, construction->GetAttr("decay", &decay_));
  }
  void Compute(OpKernelContext* context) override {
    const int count = count_;
    if (!SameSizes(context, 0, count, 2)) return;
    std::vector<const float*> in(2 * count);
    std::vector<float*> out(count);
    for (int i = 0; i < 2 * count; ++i) in[i] = context->input(i).flat<float>().data();
    for (int i = 0; i < count; ++i) {
      Tensor* tensor = nullptr;
      OP_REQUIRES_OK(context, context->allocate_output(i, context->input(i).shape(), &tensor));
      out[i] = tensor->flat<float>().data();
    }
    const float rest = static_cast<float>(1.0 - static_cast<double>(decay_));
    const std::vector<Piece> pieces = CutPieces(context, 0, count);
    ParallelFor(context, pieces.size(), kChunkValues, [&](int64_t unit) {
      const Piece& piece = pieces[unit];
      const float *__restrict average = in[piece.tensor], *__restrict value = in[count + piece.tensor];
      float* __restrict next = out[piece.tensor];
      for (int64_t i = piece.begin; i < piece.end; ++i) next[i] = average[i] + rest * (value[i] - average[i]);
    });
  }

 private:
  int count_;
  float decay_;
};

class GlobalNormOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Tensor* norm = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &norm));
    const std::vector<Piece> pieces = CutPieces(context, 0, context->num_inputs());
    std::vector<double> parts(pieces.size());
    ParallelFor(context, pieces.size(), kChunkValues, [&](int64_t unit) {
      const Piece& piece = pieces[unit];
      const float* __restrict in = context->input(piece.tensor).flat<float>().data();
      double lanes[16] = {0.0};
      int64_t i = piece.begin;
      for (; i + 16 <= piece.end; i += 16)
        for (int lane = 0; lane < 16; ++lane) lanes[lane] += static_cast<double>(in[i + lane]) * in[i + lane];
      for (; i < piece.end; ++i) lanes[0] += static_cast<double>(in[i]) * in[i];
      double total = 0.0;
      for (const double lane : lanes) total += lane;
      parts[unit] = total;
    });
    double total = 0.0;
    for (const double part : parts) total += part;
    norm->scalar<float>()() = static_cast<float>(std::sqrt(total));
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromAdamW").Device(DEVICE_CPU), AdamWOp);
REGISTER_KERNEL_BUILDER(Name("MelstromEma").Device(DEVICE_CPU), EmaOp);
REGISTER_KERNEL_BUILDER(Name("MelstromGlobalNorm").Device(DEVICE_CPU), GlobalNormOp);

}  // namespace melstrom
