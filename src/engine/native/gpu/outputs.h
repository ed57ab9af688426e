// What the operations on GPUs share: where values lie, results and scratch.
#ifndef MELSTROM_GPU_OUTPUTS_H_
#define MELSTROM_GPU_OUTPUTS_H_

#include "../requirements.h"
#include "queue.h"

namespace melstrom {

inline const float* Floats(const tensorflow::Tensor& tensor) { return tensor.flat<float>().data(); }
inline float* Floats(tensorflow::Tensor* tensor) { return tensor->flat<float>().data(); }
inline double* Doubles(tensorflow::Tensor* tensor) { return tensor->flat<double>().data(); }

// The output of this number, or null, with the operation's status set, when there is no memory for it.
inline tensorflow::Tensor* Make(tensorflow::OpKernelContext* context, int index, const tensorflow::TensorShape& shape) {
  tensorflow::Tensor* tensor = nullptr;
  const absl::Status status = context->allocate_output(index, shape, &tensor);
  if (!status.ok()) context->SetStatus(status);
  return status.ok() ? tensor : nullptr;
}

// Memory for one call, or false as above.
inline bool MakeScratch(tensorflow::OpKernelContext* context, int64_t doubles, tensorflow::Tensor* scratch) {
  const absl::Status status = context->allocate_temp(tensorflow::DT_DOUBLE, tensorflow::TensorShape({std::max<int64_t>(1, doubles)}), scratch);
  if (!status.ok()) context->SetStatus(status);
  return status.ok();
}

}  // namespace melstrom

#endif  // MELSTROM_GPU_OUTPUTS_H_
