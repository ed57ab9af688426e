// AdamW, moving average and norm over all parameters of a network in one call each.
#include "common.h"
#include "requirements.h"

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

// The square root of x >= 0 by Newton's method, to about 1e-7 relative; NaN stays NaN. The library's own may set errno,
// and so would keep the loop from being vectorised.
inline float SquareRoot(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, 4);
  bits = 0x5f375a86u - (bits >> 1);
  float y;
  std::memcpy(&y, &bits, 4);
  for (int i = 0; i < 3; ++i) y *= 1.5f - 0.5f * x * y * y;
  const float root = x * y;
  return root + 0.5f * y * (x - root * root);
}

// The numbers of one AdamW step that all parameters share, and the decay of one of them.
struct AdamWNumbers {
  float keep, beta1, beta2, epsilon, gradient_scale, step, inverse_correction;
};

// The loops stand alone because the compiler trusts __restrict only on parameters.
static void StepAdamW(int64_t count, AdamWNumbers n, const float* __restrict p, const float* __restrict g, const float* __restrict m,
                      const float* __restrict v, float* __restrict p_out, float* __restrict m_out, float* __restrict v_out) {
  const float rest1 = 1.0f - n.beta1, rest2 = 1.0f - n.beta2;
  for (int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] * n.gradient_scale;
    const float first = m[i] * n.beta1 + gradient * rest1;
    const float second = v[i] * n.beta2 + gradient * gradient * rest2;
    m_out[i] = first;
    v_out[i] = second;
    p_out[i] = p[i] * n.keep - n.step * first / (SquareRoot(second) * n.inverse_correction + n.epsilon);
  }
}

static void StepEma(int64_t count, float rest, const float* __restrict average, const float* __restrict value, float* __restrict next) {
  for (int64_t i = 0; i < count; ++i) next[i] = average[i] + rest * (value[i] - average[i]);
}

class AdamWOp : public OpKernel {
 public:
  explicit AdamWOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &count_));
  }
  void Compute(OpKernelContext* context) override {
    const int count = count_;
    if (!RequireAdamW(context, count)) return;
    const float* scalars = context->input(0).flat<float>().data();
    std::vector<const float*> in(4 * count);
    std::vector<float*> out(3 * count);
    for (int i = 0; i < 4 * count; ++i) in[i] = context->input(1 + i).flat<float>().data();
    for (int i = 0; i < 3 * count; ++i) {
      Tensor* tensor = nullptr;
      OP_REQUIRES_OK(context, context->allocate_output(i, context->input(1 + i % count).shape(), &tensor));
      out[i] = tensor->flat<float>().data();
    }
    const std::vector<Piece> pieces = CutPieces(context, 1, count);
    ParallelFor(context, pieces.size(), 4 * kChunkValues, [&](int64_t unit) {
      const Piece& piece = pieces[unit];
      const int t = piece.tensor;
      const int64_t at = piece.begin;
      const AdamWNumbers numbers = {1.0f - scalars[0] * scalars[7 + t], scalars[1], scalars[2], scalars[3], scalars[4], scalars[5], 1.0f / scalars[6]};
      StepAdamW(piece.end - at, numbers, in[t] + at, in[count + t] + at, in[2 * count + t] + at, in[3 * count + t] + at, out[t] + at,
                out[count + t] + at, out[2 * count + t] + at);
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
    if (!RequireSameSizes(context, 0, count, 2)) return;
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
      const int64_t at = piece.begin;
      StepEma(piece.end - at, rest, in[piece.tensor] + at, in[count + piece.tensor] + at, out[piece.tensor] + at);
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
