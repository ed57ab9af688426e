// Nearest-neighbour doubling of rows and columns, and its gradient.
#include "common.h"
#include "requirements.h"

namespace melstrom {

using namespace tensorflow;

REGISTER_OP("MelstromUpsampleNearest2x").Input("x: float").Output("y: float").SetShapeFn(shape_inference::UnknownShape);
REGISTER_OP("MelstromUpsampleNearest2xGrad").Input("dy: float").Output("dx: float").SetShapeFn(shape_inference::UnknownShape);

class UpsampleNearest2xOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() == 4, absl::InvalidArgumentError("upsample: x must be [B, H, W, C]"));
    const int64_t rows = x.dim_size(0) * x.dim_size(1), columns = x.dim_size(2), channels = x.dim_size(3);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({x.dim_size(0), 2 * x.dim_size(1), 2 * columns, channels}), &y));
    const float* source = x.flat<float>().data();
    float* target = y->flat<float>().data();
    const int64_t length = columns * channels;
    ParallelFor(context, rows, 4 * length, [&](int64_t row) {
      const float* in = source + row * length;
      float* out = target + 4 * row * length;
      for (int64_t column = 0; column < columns; ++column) {
        std::copy_n(in + column * channels, channels, out + 2 * column * channels);
        std::copy_n(in + column * channels, channels, out + (2 * column + 1) * channels);
      }
      std::copy_n(out, 2 * length, out + 2 * length);
    });
  }
};

class UpsampleNearest2xGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    if (!RequireDoubled(context)) return;
    const int64_t height = dy.dim_size(1) / 2, columns = dy.dim_size(2) / 2, channels = dy.dim_size(3);
    Tensor* dx = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({dy.dim_size(0), height, columns, channels}), &dx));
    const float* source = dy.flat<float>().data();
    float* target = dx->flat<float>().data();
    const int64_t length = columns * channels;
    ParallelFor(context, dy.dim_size(0) * height, 4 * length, [&](int64_t row) {
      for (int64_t column = 0; column < columns; ++column) {
        const float* __restrict upper = source + 4 * row * length + 2 * column * channels;
        const float* __restrict lower = upper + 2 * length;
        float* __restrict out = target + row * length + column * channels;
        for (int64_t c = 0; c < channels; ++c) out[c] = (upper[c] + upper[c + channels]) + (lower[c] + lower[c + channels]);
      }
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromUpsampleNearest2x").Device(DEVICE_CPU), UpsampleNearest2xOp);
REGISTER_KERNEL_BUILDER(Name("MelstromUpsampleNearest2xGrad").Device(DEVICE_CPU), UpsampleNearest2xGradOp);

}  // namespace melstrom
