// Tells that the kernels are loaded, of which version, and what the devices can do; and the export Node asks for.
#include <cstdlib>
#include <string>

#include "common.h"
#include "half-product.h"
#include "tensorflow/core/framework/device_attributes.pb.h"
#include "tensorflow/core/framework/kernel_def.pb.h"
#include "tsl/platform/tensor_float_32_utils.h"

namespace melstrom {

using namespace tensorflow;

// Must equal KERNEL_VERSION in src/engine/ops/native-kernels.ts. Raise both when an operation's signature changes.
constexpr int32_t kKernelVersion = 5;

REGISTER_OP("MelstromKernelVersion").Output("version: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);
// Whether MelstromConv2DHalf and its gradient are there: they need AMX, and the system's leave to use it.
REGISTER_OP("MelstromHasTiles").Output("supported: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);
REGISTER_OP("MelstromHasBfloat16").Output("supported: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);
// Whether an operation on numbers of this format can run on a device of this type, 'CPU' or 'GPU'.
REGISTER_OP("MelstromHasKernel")
    .Attr("device: string")
    .Attr("operation: string")
    .Attr("format: type")
    .Output("supported: int32")
    .SetIsStateful()
    .SetShapeFn(shape_inference::ScalarShape);
// Whether products of float32 on an NVIDIA GPU may keep only ten bits of each factor; the answer is what was in force before.
REGISTER_OP("MelstromAllowTf32").Attr("allowed: bool").Output("before: int32").SetIsStateful().SetShapeFn(shape_inference::ScalarShape);

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

// Every NVIDIA GPU from compute capability 8.0 on multiplies bfloat16.
static bool GpuHasBfloat16(const std::string& description) {
  static const std::string kLabel = "compute capability: ";
  const size_t at = description.find(kLabel);
  return at != std::string::npos && std::atoi(description.c_str() + at + kLabel.size()) >= 8;
}

static void Answer(OpKernelContext* context, int32_t number) {
  Tensor* answer = nullptr;
  OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({}), &answer));
  answer->scalar<int32_t>()() = number;
}

// Answers with one number.
template <int32_t (*kAnswer)()>
class AnswerOp : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override { Answer(context, kAnswer()); }
};

class GpuHasBfloat16Op : public OpKernel {
 public:
  using OpKernel::OpKernel;
  void Compute(OpKernelContext* context) override {
    Answer(context, GpuHasBfloat16(context->device()->attributes().physical_device_desc()) ? 1 : 0);
  }
};

class HasKernelOp : public OpKernel {
 public:
  explicit HasKernelOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("device", &device_));
    OP_REQUIRES_OK(construction, construction->GetAttr("operation", &operation_));
    OP_REQUIRES_OK(construction, construction->GetAttr("format", &format_));
  }
  void Compute(OpKernelContext* context) override {
    const KernelList kernels = GetRegisteredKernelsForOp(operation_);
    const auto fits = [this](const KernelDef& kernel) { return Fits(kernel); };
    Answer(context, std::any_of(kernels.kernel().begin(), kernels.kernel().end(), fits) ? 1 : 0);
  }

 private:
  // Kernels of the type DEFAULT are for every device. Where the format is free there is no constraint on the attribute T.
  bool Fits(const KernelDef& kernel) const {
    if (kernel.device_type() != device_ && kernel.device_type() != "DEFAULT") return false;
    for (const auto& constraint : kernel.constraint()) {
      if (constraint.name() != "T") continue;
      const auto& formats = constraint.allowed_values().list().type();
      if (std::find(formats.begin(), formats.end(), static_cast<int>(format_)) == formats.end()) return false;
    }
    return true;
  }

  std::string device_;
  std::string operation_;
  DataType format_;
};

class AllowTf32Op : public OpKernel {
 public:
  explicit AllowTf32Op(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("allowed", &allowed_));
  }
  void Compute(OpKernelContext* context) override {
    const bool before = tsl::tensor_float_32_execution_enabled();
    tsl::enable_tensor_float_32_execution(allowed_);
    Answer(context, before ? 1 : 0);
  }

 private:
  bool allowed_;
};

REGISTER_KERNEL_BUILDER(Name("MelstromKernelVersion").Device(DEVICE_CPU), AnswerOp<Version>);
REGISTER_KERNEL_BUILDER(Name("MelstromHasTiles").Device(DEVICE_CPU), AnswerOp<TilesAreGranted>);
REGISTER_KERNEL_BUILDER(Name("MelstromHasBfloat16").Device(DEVICE_CPU), AnswerOp<CpuHasBfloat16>);
REGISTER_KERNEL_BUILDER(Name("MelstromHasBfloat16").Device(DEVICE_GPU).HostMemory("supported"), GpuHasBfloat16Op);
REGISTER_KERNEL_BUILDER(Name("MelstromHasKernel").Device(DEVICE_CPU), HasKernelOp);
REGISTER_KERNEL_BUILDER(Name("MelstromAllowTf32").Device(DEVICE_CPU), AllowTf32Op);

}  // namespace melstrom

// process.dlopen keeps the library only if it looks like a Node module; its exports stay as they are.
extern "C" __attribute__((visibility("default"))) void* napi_register_module_v1(void*, void* exports) { return exports; }
