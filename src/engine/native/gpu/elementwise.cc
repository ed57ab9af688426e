// SiLU, casts, bias with residuals, embeddings, sums per channel and doubling on NVIDIA GPUs; what they are is said where they are registered for processors.
#include "outputs.h"

namespace melstrom {

using namespace tensorflow;

// Answers 1 where the kernels can be had; fails, and says why, where they can't.
REGISTER_OP("MelstromGpuReady").Output("ready: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);

namespace {

class GpuReadyOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const GpuQueue queue(context);
    if (!queue.ok()) return;
    if (Tensor* ready = Make(context, 0, TensorShape({}))) ready->scalar<int32_t>()() = 1;
  }
};

// One value for each value: from one or two inputs of one shape, by a kernel (inputs, output, count).
template <typename From, typename To>
void MapValues(OpKernelContext* context, const char* kernel) {
  Tensor* y = Make(context, 0, context->input(0).shape());
  if (y == nullptr) return;
  const int64_t count = y->NumElements();
  if (count == 0) return;
  GpuQueue queue(context);
  queue.Launch(kernel, GridFor(count), Values<From>(context->input(0)), Values<To>(y), count);
}

class GpuSiluOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override { MapValues<float, float>(context, "silu"); }
};

class GpuToHalfOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override { MapValues<float, Half>(context, "to_half"); }
};

class GpuToFloatOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override { MapValues<Half, float>(context, "to_float"); }
};

class GpuSiluGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1);
    OP_REQUIRES(context, dy.shape() == x.shape(), absl::InvalidArgumentError("silu gradient: dy must have the shape of x"));
    Tensor* dx = Make(context, 0, x.shape());
    if (dx == nullptr || x.NumElements() == 0) return;
    GpuQueue queue(context);
    queue.Launch("silu_gradient", GridFor(x.NumElements()), Floats(dy), Floats(x), Floats(dx), x.NumElements());
  }
};

template <typename Stored>
class GpuAddBiasOp : public OpKernel {
 public:
  explicit GpuAddBiasOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &residual_count_));
  }
  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &bias = context->input(1);
    const int64_t channels = bias.NumElements(), count = x.NumElements();
    if (!RequireAddBias(context, residual_count_)) return;
    const bool has_embedding = context->num_inputs() > 2 + residual_count_;
    const int64_t items = has_embedding ? x.dim_size(0) : 1;
    Tensor* y = Make(context, 0, x.shape());
    if (y == nullptr || count == 0) return;
    GpuQueue queue(context);
    const float* embedding = has_embedding ? Floats(context->input(2 + residual_count_)) : nullptr;
    const float* residual = residual_count_ > 0 ? Floats(context->input(2)) : nullptr;
    const char* kernel = std::is_same<Stored, Half>::value ? "add_bias_half" : "add_bias";
    queue.Launch(kernel, GridFor(count), Values<Stored>(x), Floats(bias), embedding, residual, Floats(y), channels, count / items, count);
    for (int r = 1; r < residual_count_; ++r) queue.Launch("accumulate", GridFor(count), Floats(context->input(2 + r)), Floats(y), count);
  }

 private:
  int residual_count_;
};

class GpuAddTimeEmbeddingOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &embedding = context->input(1);
    if (!RequireTimeEmbedding(context)) return;
    Tensor* y = Make(context, 0, x.shape());
    if (y == nullptr) return;
    const int64_t count = x.NumElements();
    const float* nothing = nullptr;
    GpuQueue queue(context);
    queue.Launch("add_bias", GridFor(count), Floats(x), nothing, Floats(embedding), nothing, Floats(y), x.dim_size(3), count / x.dim_size(0), count);
  }
};

// Sums over rows for each channel, of all items and of each; targets and copy may be null. Rows are cut into at most kMostChunks chunks.
constexpr int64_t kMostChunks = 64, kLeastRows = 64;

void SumRows(OpKernelContext* context, const Tensor& x, int64_t items, Half* copy, float* item_sums, float* sum) {
  const int64_t channels = x.dim_size(x.dims() - 1), rows = x.NumElements() / (items * channels);
  const int64_t chunk_rows = std::max(kLeastRows, BlocksOf(rows, kMostChunks)), chunks = BlocksOf(rows, chunk_rows);
  Tensor parts;
  if (!MakeScratch(context, items * chunks * channels, &parts)) return;
  GpuQueue queue(context);
  const Grid grid = {static_cast<unsigned>(BlocksOf(channels, kSumColumns)), static_cast<unsigned>(chunks), static_cast<unsigned>(items), kSumColumns, kSumRows};
  queue.Launch("sum_rows", grid, Floats(x), copy, Doubles(&parts), rows, channels, chunk_rows);
  queue.Launch("sum_parts", GridFor(channels), static_cast<const double*>(Doubles(&parts)), item_sums, sum, items, chunks, channels);
}

class GpuChannelSumOp : public OpKernel {
 public:
  explicit GpuChannelSumOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("per_item", &per_item_));
  }
  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    if (!RequireChannels(context, per_item_)) return;
    const int64_t channels = x.dim_size(x.dims() - 1), items = per_item_ ? x.dim_size(0) : 1;
    Tensor* sum = Make(context, 0, per_item_ ? TensorShape({items, channels}) : TensorShape({channels}));
    if (sum != nullptr) SumRows(context, x, items, nullptr, per_item_ ? Floats(sum) : nullptr, per_item_ ? nullptr : Floats(sum));
  }

 private:
  bool per_item_;
};

class GpuHalveGradientOp : public OpKernel {
 public:
  explicit GpuHalveGradientOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("per_item", &per_item_));
  }
  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    if (!RequireChannels(context, per_item_)) return;
    const int64_t channels = dy.dim_size(dy.dims() - 1), items = per_item_ ? dy.dim_size(0) : 1;
    Tensor *half = Make(context, 0, dy.shape()), *sum = Make(context, 1, TensorShape({channels})), *item_sums = Make(context, 2, TensorShape({items, channels}));
    if (half != nullptr && sum != nullptr && item_sums != nullptr) SumRows(context, dy, items, Values<Half>(half), Floats(item_sums), Floats(sum));
  }

 private:
  bool per_item_;
};

class GpuUpsampleOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    OP_REQUIRES(context, x.dims() == 4, absl::InvalidArgumentError("upsample: x must be [B, H, W, C]"));
    Tensor* y = Make(context, 0, TensorShape({x.dim_size(0), 2 * x.dim_size(1), 2 * x.dim_size(2), x.dim_size(3)}));
    if (y == nullptr || y->NumElements() == 0) return;
    GpuQueue queue(context);
    queue.Launch("upsample", GridFor(y->NumElements()), Floats(x), Floats(y), x.dim_size(2), x.dim_size(3), y->NumElements());
  }
};

class GpuUpsampleGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    const Tensor& dy = context->input(0);
    if (!RequireDoubled(context)) return;
    const int64_t columns = dy.dim_size(2) / 2, channels = dy.dim_size(3);
    Tensor* dx = Make(context, 0, TensorShape({dy.dim_size(0), dy.dim_size(1) / 2, columns, channels}));
    if (dx == nullptr || dx->NumElements() == 0) return;
    GpuQueue queue(context);
    queue.Launch("upsample_gradient", GridFor(dx->NumElements()), Floats(dy), Floats(dx), columns, channels, dx->NumElements());
  }
};

}  // namespace

REGISTER_KERNEL_BUILDER(Name("MelstromGpuReady").Device(DEVICE_GPU).HostMemory("ready"), GpuReadyOp);
REGISTER_KERNEL_BUILDER(Name("MelstromSilu").Device(DEVICE_GPU), GpuSiluOp);
REGISTER_KERNEL_BUILDER(Name("MelstromSiluGrad").Device(DEVICE_GPU), GpuSiluGradOp);
REGISTER_KERNEL_BUILDER(Name("MelstromAddBias").Device(DEVICE_GPU).TypeConstraint<float>("T"), GpuAddBiasOp<float>);
REGISTER_KERNEL_BUILDER(Name("MelstromAddBias").Device(DEVICE_GPU).TypeConstraint<bfloat16>("T"), GpuAddBiasOp<Half>);
REGISTER_KERNEL_BUILDER(Name("MelstromAddTimeEmbedding").Device(DEVICE_GPU), GpuAddTimeEmbeddingOp);
REGISTER_KERNEL_BUILDER(Name("MelstromChannelSum").Device(DEVICE_GPU), GpuChannelSumOp);
REGISTER_KERNEL_BUILDER(Name("MelstromToHalf").Device(DEVICE_GPU), GpuToHalfOp);
REGISTER_KERNEL_BUILDER(Name("MelstromToFloat").Device(DEVICE_GPU), GpuToFloatOp);
REGISTER_KERNEL_BUILDER(Name("MelstromHalveGradient").Device(DEVICE_GPU), GpuHalveGradientOp);
REGISTER_KERNEL_BUILDER(Name("MelstromUpsampleNearest2x").Device(DEVICE_GPU), GpuUpsampleOp);
REGISTER_KERNEL_BUILDER(Name("MelstromUpsampleNearest2xGrad").Device(DEVICE_GPU), GpuUpsampleGradOp);

}  // namespace melstrom
