// Between float and bfloat16: single casts, and the gradient of a layer's output cast and summed for its bias in one pass.
#include "common.h"
#include "requirements.h"

namespace melstrom {

using namespace tensorflow;

REGISTER_OP("MelstromToHalf").Input("x: float").Output("y: bfloat16").SetShapeFn(shape_inference::UnchangedShape);
REGISTER_OP("MelstromToFloat").Input("x: bfloat16").Output("y: float").SetShapeFn(shape_inference::UnchangedShape);
// half = bfloat16(dy), sum [C] its sums per channel; item_sums [B, C] those of each item, or [1, C] if not per_item.
REGISTER_OP("MelstromHalveGradient")
    .Input("dy: float").Output("half: bfloat16").Output("sum: float").Output("item_sums: float")
    .Attr("per_item: bool").SetShapeFn(shape_inference::UnknownShape);

template <typename From, typename To>
static void Convert(int64_t count, const From* __restrict in, To* __restrict out) {
  for (int64_t i = 0; i < count; ++i) Store(ToFloat(in[i]), out + i);
}

template <typename From, typename To>
class ConvertOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    const From* source = Values<From>(x);
    To* target = Values<To>(y);
    const Lanes layout(x.NumElements(), 1);
    ParallelFor(context, layout.chunks, kChunkValues, [&](int64_t chunk) {
      const int64_t begin = layout.Begin(chunk);
      Convert(layout.End(chunk) - begin, source + begin, target + begin);
    });
  }
};

static void ConvertAndAdd(int64_t count, const float* __restrict in, Half* __restrict out, float* __restrict sum) {
  for (int64_t lane = 0; lane < count; ++lane) {
    Store(in[lane], out + lane);
    sum[lane] += in[lane];
  }
}

class HalveGradientOp : public OpKernel {
 public:
  explicit HalveGradientOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("per_item", &per_item_));
  }
  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    if (!RequireChannels(context, per_item_)) return;
    const int64_t channels = dy.dim_size(dy.dims() - 1), items = per_item_ ? dy.dim_size(0) : 1;
    const Lanes layout(dy.NumElements() / (items * channels), channels);
    Tensor *half = nullptr, *sum = nullptr, *item_sums = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, dy.shape(), &half));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({channels}), &sum));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({items, channels}), &item_sums));
    const float* source = dy.flat<float>().data();
    Half* target = Values<Half>(half);
    std::vector<double> parts(items * layout.chunks * channels);
    ParallelFor(context, items * layout.chunks, kChunkValues, [&](int64_t unit) {
      const int64_t base = unit / layout.chunks * layout.values;
      std::vector<float> total(layout.lanes, 0.0f);
      ForEachRun(layout, unit % layout.chunks, [&](int64_t offset, int64_t count) {
        ConvertAndAdd(count, source + base + offset, target + base + offset, total.data());
      });
      layout.Fold(total.data(), parts.data() + unit * channels);
    });
    float *sum_data = sum->flat<float>().data(), *item_data = item_sums->flat<float>().data();
    std::vector<double> whole(channels, 0.0), item_total(channels);
    for (int64_t item = 0; item < items; ++item) {
      std::fill(item_total.begin(), item_total.end(), 0.0);
      for (int64_t chunk = 0; chunk < layout.chunks; ++chunk)
        for (int64_t c = 0; c < channels; ++c) item_total[c] += parts[(item * layout.chunks + chunk) * channels + c];
      for (int64_t c = 0; c < channels; ++c) {
        whole[c] += item_total[c];
        item_data[item * channels + c] = static_cast<float>(item_total[c]);
      }
    }
    for (int64_t c = 0; c < channels; ++c) sum_data[c] = static_cast<float>(whole[c]);
  }

 private:
  bool per_item_;
};

REGISTER_KERNEL_BUILDER(Name("MelstromToHalf").Device(DEVICE_CPU), ConvertOp<float, Half>);
REGISTER_KERNEL_BUILDER(Name("MelstromToFloat").Device(DEVICE_CPU), ConvertOp<Half, float>);
REGISTER_KERNEL_BUILDER(Name("MelstromHalveGradient").Device(DEVICE_CPU), HalveGradientOp);

}  // namespace melstrom
