// AdamW, moving average and norm over all parameters of a network on NVIDIA GPUs.
#include "outputs.h"

namespace melstrom {

using namespace tensorflow;

namespace {

class GpuAdamWOp : public OpKernel {
 public:
  explicit GpuAdamWOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &count_));
  }
  void Compute(OpKernelContext* context) override {
    if (!RequireAdamW(context, count_)) return;
    GpuQueue queue(context);
    const auto input = [&](int list, int index) { return Floats(context->input(1 + list * count_ + index)); };
    for (int index = 0; index < count_; ++index) {
      const Tensor& parameter = context->input(1 + index);
      Tensor* next[3];
      for (int list = 0; list < 3; ++list) {
        next[list] = Make(context, list * count_ + index, parameter.shape());
        if (next[list] == nullptr) return;
      }
      const int64_t size = parameter.NumElements();
      if (size == 0) continue;
      queue.Launch("adamw", GridFor(size), Floats(context->input(0)), index, input(0, index), input(1, index), input(2, index), input(3, index), Floats(next[0]), Floats(next[1]), Floats(next[2]), size);
    }
  }

 private:
  int count_;
};

class GpuEmaOp : public OpKernel {
 public:
  explicit GpuEmaOp(OpKernelConstruction* construction) : OpKernel(construction) {
    float decay;
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &count_));
    OP_REQUIRES_OK(construction, construction->GetAttr("decay", &decay));
    rest_ = static_cast<float>(1.0 - static_cast<double>(decay));
  }
  void Compute(OpKernelContext* context) override {
    if (!RequireSameSizes(context, 0, count_, 2)) return;
    GpuQueue queue(context);
    for (int index = 0; index < count_; ++index) {
      const Tensor& average = context->input(index);
      Tensor* next = Make(context, index, average.shape());
      if (next == nullptr) return;
      if (average.NumElements() > 0) queue.Launch("moving_average", GridFor(average.NumElements()), Floats(average), Floats(context->input(count_ + index)), Floats(next), rest_, average.NumElements());
    }
  }

 private:
  int count_;
  float rest_;
};

class GpuGlobalNormOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Tensor* norm = Make(context, 0, TensorShape({}));
    int64_t total = 0;
    for (int i = 0; i < context->num_inputs(); ++i) total += BlocksOf(context->input(i).NumElements(), kNormValues);
    Tensor parts;
    if (norm == nullptr || !MakeScratch(context, total, &parts)) return;
    GpuQueue queue(context);
    int64_t done = 0;
    for (int i = 0; i < context->num_inputs(); ++i) {
      const int64_t size = context->input(i).NumElements(), blocks = BlocksOf(size, kNormValues);
      if (blocks > 0) queue.Launch("sum_squares", {static_cast<unsigned>(blocks)}, Floats(context->input(i)), Doubles(&parts) + done, size);
      done += blocks;
    }
    queue.Launch("root_of_sum", Grid(), static_cast<const double*>(Doubles(&parts)), Floats(norm), total);
  }
};

}  // namespace

REGISTER_KERNEL_BUILDER(Name("MelstromAdamW").Device(DEVICE_GPU), GpuAdamWOp);
REGISTER_KERNEL_BUILDER(Name("MelstromEma").Device(DEVICE_GPU), GpuEmaOp);
REGISTER_KERNEL_BUILDER(Name("MelstromGlobalNorm").Device(DEVICE_GPU), GpuGlobalNormOp);

}  // namespace melstrom
