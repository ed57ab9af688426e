// What a convolution adds to its result: inputs that each may be left out.
#ifndef MELSTROM_ADDENDS_H_
#define MELSTROM_ADDENDS_H_

#include "common.h"

namespace melstrom {

// Each null where it is left out. For a result [B, ..., C]: bias [C], residual that of the result, embedding [B, C].
struct Addends {
  const float *bias = nullptr, *residual = nullptr, *embedding = nullptr;
};

// The attributes N, M and E: how many of each kind an operation has, 0 or 1.
class AddendCounts {
 public:
  // What is wrong is set in `construction`.
  explicit AddendCounts(tensorflow::OpKernelConstruction* construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("N", &bias_));
    OP_REQUIRES_OK(construction, construction->GetAttr("M", &residual_));
    OP_REQUIRES_OK(construction, construction->GetAttr("E", &embedding_));
  }

  // Reads the inputs from `first` on for a result of that shape. False, and the reason set in `context`, when one does not fit.
  bool Read(tensorflow::OpKernelContext* context, int first, const tensorflow::TensorShape& shape, Addends* addends) const {
    const int64_t channels = shape.dim_size(shape.dims() - 1);
    const auto next = [&](int count, bool fits, const char* complaint, const float** values) {
      if (count == 0) return true;
      if (!fits) context->SetStatus(absl::InvalidArgumentError(complaint));
      else *values = context->input(first++).flat<float>().data();
      return fits;
    };
    const auto size = [&](int count) { return count == 0 ? 0 : context->input(first).NumElements(); };
    return next(bias_, size(bias_) == channels, "convolution: the bias must be [Cout]", &addends->bias) &&
           next(residual_, residual_ > 0 && context->input(first).shape() == shape, "convolution: the residual must have the shape of the result", &addends->residual) &&
           next(embedding_, size(embedding_) == shape.dim_size(0) * channels, "convolution: the embedding must be [B, Cout]", &addends->embedding);
  }

 private:
  int bias_ = 0, residual_ = 0, embedding_ = 0;
};

}  // namespace melstrom

#endif  // MELSTROM_ADDENDS_H_
