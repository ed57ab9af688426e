// SiLU and its gradient, bias with residuals, time embedding, and sums per channel.
#include "common.h"
#include "requirements.h"

namespace melstrom {

using namespace tensorflow;

REGISTER_OP("MelstromSilu").Input("x: float").Output("y: float").SetShapeFn(shape_inference::UnchangedShape);
REGISTER_OP("MelstromSiluGrad").Input("dy: float").Input("x: float").Output("dx: float").SetShapeFn(shape_inference::UnchangedShape);
// y = float(x) + bias + the sum of the residuals + for each item its embedding, in one pass.
REGISTER_OP("MelstromAddBias")
    .Input("x: T").Input("bias: float").Input("residuals: N * float").Input("embedding: M * float").Output("y: float")
    .Attr("T: {float, bfloat16}").Attr("N: int >= 0").Attr("M: int >= 0").SetShapeFn(shape_inference::UnchangedShape);
REGISTER_OP("MelstromAddTimeEmbedding").Input("x: float").Input("embedding: float").Output("y: float").SetShapeFn(shape_inference::UnchangedShape);
REGISTER_OP("MelstromChannelSum").Input("x: float").Output("sum: float").Attr("per_item: bool").SetShapeFn(shape_inference::UnknownShape);

class SiluOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    const float* source = x.flat<float>().data();
    float* target = y->flat<float>().data();
    const Lanes layout(x.NumElements(), 1);
    ParallelFor(context, layout.chunks, 4 * kChunkValues, [&](int64_t chunk) {
      const float* __restrict in = source;
      float* __restrict out = target;
      const int64_t end = layout.End(chunk);
      for (int64_t i = layout.Begin(chunk); i < end; ++i) out[i] = in[i] * Sigmoid(in[i]);
    });
  }
};

class SiluGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1);
    OP_REQUIRES(context, dy.shape() == x.shape(), absl::InvalidArgumentError("silu gradient: dy must have the shape of x"));
    Tensor* dx = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    const float *gradient_data = dy.flat<float>().data(), *source = x.flat<float>().data();
    float* target = dx->flat<float>().data();
    const Lanes layout(x.NumElements(), 1);
    ParallelFor(context, layout.chunks, 4 * kChunkValues, [&](int64_t chunk) {
      const float *__restrict gradient = gradient_data, *__restrict in = source;
      float* __restrict out = target;
      const int64_t end = layout.End(chunk);
      for (int64_t i = layout.Begin(chunk); i < end; ++i) {
        const float gate = Sigmoid(in[i]);
        out[i] = gradient[i] * (gate * (1.0f + in[i] * (1.0f - gate)));
      }
    });
  }
};

// Bias, and for each item an embedding, laid over the lanes of an item: [items, lanes], or one row for all items.
static std::vector<float> SpreadShifts(const Lanes& layout, const float* bias, const float* embedding, int64_t items) {
  std::vector<float> shifts((embedding == nullptr ? 1 : items) * layout.lanes), sum(layout.channels);
  for (int64_t item = 0; item * layout.lanes < static_cast<int64_t>(shifts.size()); ++item) {
    for (int64_t c = 0; c < layout.channels; ++c) sum[c] = bias[c] + (embedding == nullptr ? 0.0f : embedding[item * layout.channels + c]);
    layout.Spread(sum.data(), shifts.data() + item * layout.lanes);
  }
  return shifts;
}

template <typename Stored>
class AddBiasOp : public OpKernel {
 public:
  explicit AddBiasOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &residual_count_));
  }
  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &bias = context->input(1);
    const int64_t channels = bias.NumElements();
    if (!RequireAddBias(context, residual_count_)) return;
    const bool has_embedding = context->num_inputs() > 2 + residual_count_;
    const int64_t items = has_embedding ? x.dim_size(0) : 1;
    const float* embedding = has_embedding ? context->input(2 + residual_count_).flat<float>().data() : nullptr;
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    if (x.NumElements() == 0) return;
    const Lanes layout(x.NumElements() / (items * channels), channels);
    const Stored* source = Values<Stored>(x);
    float* target = y->flat<float>().data();
    const std::vector<float> shifts = SpreadShifts(layout, bias.flat<float>().data(), embedding, items);
    const float* residual_data = residual_count_ > 0 ? context->input(2).flat<float>().data() : nullptr;
    ParallelFor(context, items * layout.chunks, kChunkValues, [&](int64_t unit) {
      const int64_t item = unit / layout.chunks, chunk = unit % layout.chunks, base = item * layout.values;
      ForEachRun(layout, chunk, [&](int64_t offset, int64_t count) {
        const Stored* __restrict in = source + base + offset;
        const float* __restrict shift = shifts.data() + item * layout.lanes;
        float* __restrict out = target + base + offset;
        if (residual_data == nullptr) {
          for (int64_t lane = 0; lane < count; ++lane) out[lane] = ToFloat(in[lane]) + shift[lane];
          return;
        }
        const float* __restrict residual = residual_data + base + offset;
        for (int64_t lane = 0; lane < count; ++lane) out[lane] = ToFloat(in[lane]) + shift[lane] + residual[lane];
      });
      for (int r = 1; r < residual_count_; ++r) {
        const float* __restrict more = context->input(2 + r).flat<float>().data() + base;
        float* __restrict out = target + base;
        const int64_t end = layout.End(chunk);
        for (int64_t i = layout.Begin(chunk); i < end; ++i) out[i] += more[i];
      }
    });
  }

 private:
  int residual_count_;
};

class AddTimeEmbeddingOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &embedding = context->input(1);
    if (!RequireTimeEmbedding(context)) return;
    const int64_t items = x.dim_size(0), channels = x.dim_size(3);
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    const Lanes layout(x.dim_size(1) * x.dim_size(2), channels);
    const float *x_data = x.flat<float>().data(), *embedding_data = embedding.flat<float>().data();
    float* y_data = y->flat<float>().data();
    std::vector<float> lanes(items * layout.lanes);
    for (int64_t item = 0; item < items; ++item) layout.Spread(embedding_data + item * channels, lanes.data() + item * layout.lanes);
    ParallelFor(context, items * layout.chunks, kChunkValues, [&](int64_t unit) {
      const int64_t item = unit / layout.chunks, base = item * layout.values;
      const float* __restrict shift = lanes.data() + item * layout.lanes;
      ForEachRun(layout, unit % layout.chunks, [&](int64_t offset, int64_t count) {
        const float* __restrict in = x_data + base + offset;
        float* __restrict out = y_data + base + offset;
        for (int64_t lane = 0; lane < count; ++lane) out[lane] = in[lane] + shift[lane];
      });
    });
  }
};

// Sums all rows per channel, of the whole tensor or of each item; floats within a chunk, doubles across chunks.
class ChannelSumOp : public OpKernel {
 public:
  explicit ChannelSumOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("per_item", &per_item_));
  }
  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    if (!RequireChannels(context, per_item_)) return;
    const int64_t channels = x.dim_size(x.dims() - 1), items = per_item_ ? x.dim_size(0) : 1;
    const Lanes layout(x.NumElements() / (items * channels), channels);
    Tensor* sum = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, per_item_ ? TensorShape({items, channels}) : TensorShape({channels}), &sum));
    const float* source = x.flat<float>().data();
    float* target = sum->flat<float>().data();
    std::vector<double> parts(items * layout.chunks * channels);
    ParallelFor(context, items * layout.chunks, kChunkValues, [&](int64_t unit) {
      const float* item_source = source + unit / layout.chunks * layout.values;
      std::vector<float> work(layout.lanes, 0.0f);
      float* __restrict total = work.data();
      ForEachRun(layout, unit % layout.chunks, [&](int64_t offset, int64_t count) {
        const float* __restrict in = item_source + offset;
        for (int64_t lane = 0; lane < count; ++lane) total[lane] += in[lane];
      });
      layout.Fold(total, parts.data() + unit * channels);
    });
    std::vector<double> total(channels);
    for (int64_t item = 0; item < items; ++item) {
      std::fill(total.begin(), total.end(), 0.0);
      for (int64_t chunk = 0; chunk < layout.chunks; ++chunk)
        for (int64_t c = 0; c < channels; ++c) total[c] += parts[(item * layout.chunks + chunk) * channels + c];
      for (int64_t c = 0; c < channels; ++c) target[item * channels + c] = static_cast<float>(total[c]);
    }
  }

 private:
  bool per_item_;
};

REGISTER_KERNEL_BUILDER(Name("MelstromSilu").Device(DEVICE_CPU), SiluOp);
REGISTER_KERNEL_BUILDER(Name("MelstromSiluGrad").Device(DEVICE_CPU), SiluGradOp);
REGISTER_KERNEL_BUILDER(Name("MelstromAddBias").Device(DEVICE_CPU).TypeConstraint<float>("T"), AddBiasOp<float>);
REGISTER_KERNEL_BUILDER(Name("MelstromAddBias").Device(DEVICE_CPU).TypeConstraint<bfloat16>("T"), AddBiasOp<Half>);
REGISTER_KERNEL_BUILDER(Name("MelstromAddTimeEmbedding").Device(DEVICE_CPU), AddTimeEmbeddingOp);
REGISTER_KERNEL_BUILDER(Name("MelstromChannelSum").Device(DEVICE_CPU), ChannelSumOp);

}  // namespace melstrom
