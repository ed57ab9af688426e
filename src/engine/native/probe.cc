// Tells that the kernels are loaded, of which version, and what the processor can do; and the export Node asks for.
#include "common.h"
#include "half-product.h"

namespace melstrom {

using namespace tensorflow;

// Must equal KERNEL_VERSION in src/engine/ops/native-kernels.ts. Raise both when an operation's signature changes.
constexpr int32_t kKernelVersion = 3;

REGISTER_OP("MelstromKernelVersion").Output("version: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);
// Whether MelstromConv2DHalf and its gradient are there: they need AMX, and the system's leave to use it.
REGISTER_OP("MelstromHasTiles").Output("supported: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);
REGISTER_OP("MelstromCpuHasBfloat16").Output("supported: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);

class KernelVersionOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Tensor* version = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &version));
    version->scalar<int32_t>()() = kKernelVersion;
  }
};

class CpuHasBfloat16Op : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Tensor* supported = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &supported));
#if defined(__x86_64__)
    supported->scalar<int32_t>()() = __builtin_cpu_supports("avx512bf16") ? 1 : 0;
#else
    supported->scalar<int32_t>()() = 0;
#endif
  }
};

class HasTilesOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Tensor* supported = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &supported));
#ifdef MELSTROM_HAS_TILES
    supported->scalar<int32_t>()() = HasTiles() ? 1 : 0;
#else
    supported->scalar<int32_t>()() = 0;
#endif
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromHasTiles").Device(DEVICE_CPU), HasTilesOp);
REGISTER_KERNEL_BUILDER(Name("MelstromKernelVersion").Device(DEVICE_CPU), KernelVersionOp);
REGISTER_KERNEL_BUILDER(Name("MelstromCpuHasBfloat16").Device(DEVICE_CPU), CpuHasBfloat16Op);

}  // namespace melstrom

// process.dlopen keeps the library only if it looks like a Node module; its exports stay as they are.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void* exports) { return exports; }
