// Tells that the kernels are loaded, of which version, and what the processor can do; and the export Node asks for.
#include "common.h"
#include "half-product.h"

namespace melstrom {

using namespace tensorflow;

// Must equal KERNEL_VERSION in src/engine/ops/native-kernels.ts. Raise both when an operation's signature changes.
constexpr int32_t kKernelVersion = 4;

REGISTER_OP("MelstromKernelVersion").Output("version: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);
// Whether MelstromConv2DHalf and its gradient are there: they need AMX, and the system's leave to use it.
REGISTER_OP("MelstromHasTiles").Output("supported: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);
REGISTER_OP("MelstromCpuHasBfloat16").Output("supported: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);

static int32_t Version() { return kKernelVersion; }

static int32_t TilesAreGranted() {
#ifdef MELSTROM_HAS_TILES
  return HasTiles() ? 1 : 0;
#else
  return 0;
#endif
}

static int32_t CpuHasBfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") ? 1 : 0;
#else
  return 0;
#endif
}

// Answers with one number.
template <int32_t (*kAnswer)()>
class AnswerOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Tensor* answer = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &answer));
    answer->scalar<int32_t>()() = kAnswer();
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromKernelVersion").Device(DEVICE_CPU), AnswerOp<Version>);
REGISTER_KERNEL_BUILDER(Name("MelstromHasTiles").Device(DEVICE_CPU), AnswerOp<TilesAreGranted>);
REGISTER_KERNEL_BUILDER(Name("MelstromCpuHasBfloat16").Device(DEVICE_CPU), AnswerOp<CpuHasBfloat16>);

}  // namespace melstrom

// process.dlopen keeps the library only if it looks like a Node module; its exports stay as they are.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void* exports) { return exports; }
