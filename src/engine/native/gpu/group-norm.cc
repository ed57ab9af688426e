// Group normalisation and its gradient on NVIDIA GPUs.
#include "outputs.h"

namespace melstrom {

using namespace tensorflow;

namespace {

class GpuGroupNormBase : public OpKernel {
 public:
  explicit GpuGroupNormBase(OpKernelConstruction* construction) : OpKernel(construction) {
    float epsilon;
    bool silu;
    OP_REQUIRES_OK(construction, construction->GetAttr("groups", &groups_));
    OP_REQUIRES_OK(construction, construction->GetAttr("epsilon", &epsilon));
    OP_REQUIRES_OK(construction, construction->GetAttr("silu", &silu));
    epsilon_ = epsilon;
    silu_ = silu ? 1 : 0;
  }

 protected:
  // One block for each item and group.
  Grid GroupGrid(int64_t items) const { return {static_cast<unsigned>(items * groups_)}; }

  int groups_;
  float epsilon_;
  int silu_;
};

template <typename Stored>
class GpuGroupNormOp : public GpuGroupNormBase {
 public:
  using GpuGroupNormBase::GpuGroupNormBase;
  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &gamma = context->input(1), &beta = context->input(2);
    if (!RequireGroupNorm(context, x, gamma, beta, groups_)) return;
    const int64_t items = x.dim_size(0), rows = x.dim_size(1) * x.dim_size(2), channels = x.dim_size(3);
    Tensor *y = Make(context, 0, x.shape()), *mean = Make(context, 1, TensorShape({items, groups_})), *inverse = Make(context, 2, TensorShape({items, groups_}));
    if (y == nullptr || mean == nullptr || inverse == nullptr) return;
    GpuQueue queue(context);
    const char* kernel = std::is_same<Stored, Half>::value ? "group_norm_half" : "group_norm";
    queue.Launch(kernel, GroupGrid(items), Floats(x), Floats(gamma), Floats(beta), Values<Stored>(y), Floats(mean), Floats(inverse), rows, channels, groups_, epsilon_, silu_);
  }
};

template <typename Stored>
class GpuGroupNormGradOp : public GpuGroupNormBase {
 public:
  using GpuGroupNormBase::GpuGroupNormBase;
  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1), &gamma = context->input(2), &beta = context->input(3);
    const Tensor &mean = context->input(4), &inverse = context->input(5);
    if (!RequireGroupNormGrad(context, groups_)) return;
    const int64_t items = x.dim_size(0), rows = x.dim_size(1) * x.dim_size(2), channels = x.dim_size(3);
    Tensor *dx = Make(context, 0, x.shape()), *dgamma = Make(context, 1, TensorShape({channels})), *dbeta = Make(context, 2, TensorShape({channels}));
    Tensor sums;
    if (dx == nullptr || dgamma == nullptr || dbeta == nullptr || !MakeScratch(context, items * 2 * channels, &sums)) return;
    GpuQueue queue(context);
    const char* kernel = std::is_same<Stored, Half>::value ? "group_norm_gradient_half" : "group_norm_gradient";
    queue.Launch(kernel, GroupGrid(items), Values<Stored>(dy), Floats(x), Floats(gamma), Floats(beta), Floats(mean), Floats(inverse), Floats(dx), Doubles(&sums), rows, channels, groups_, silu_);
    queue.Launch("group_norm_scales", GridFor(channels), static_cast<const double*>(Doubles(&sums)), Floats(inverse), Floats(dgamma), Floats(dbeta), items, channels, groups_);
  }
};

}  // namespace

REGISTER_KERNEL_BUILDER(Name("MelstromGroupNorm").Device(DEVICE_GPU).TypeConstraint<float>("T"), GpuGroupNormOp<float>);
REGISTER_KERNEL_BUILDER(Name("MelstromGroupNorm").Device(DEVICE_GPU).TypeConstraint<bfloat16>("T"), GpuGroupNormOp<Half>);
REGISTER_KERNEL_BUILDER(Name("MelstromGroupNormGrad").Device(DEVICE_GPU).TypeConstraint<float>("T"), GpuGroupNormGradOp<float>);
REGISTER_KERNEL_BUILDER(Name("MelstromGroupNormGrad").Device(DEVICE_GPU).TypeConstraint<bfloat16>("T"), GpuGroupNormGradOp<Half>);

}  // namespace melstrom
