// Hands our CUDA kernels to the GPU on the stream that TensorFlow's own operations use. Compiles them at the first use in a process.
#ifndef MELSTROM_GPU_QUEUE_H_
#define MELSTROM_GPU_QUEUE_H_

#include <string>

#include "../common.h"
#include "kernels.h"

namespace melstrom {

// Blocks of a launch, and the threads of each.
struct Grid {
  unsigned blocks_x = 1, blocks_y = 1, blocks_z = 1;
  unsigned threads_x = kThreads, threads_y = 1;
};

// One thread for each of so many values, up to a limit beyond which threads take several.
inline Grid GridFor(int64_t count) { return {static_cast<unsigned>(std::max<int64_t>(1, std::min<int64_t>(BlocksOf(count, kThreads), 1 << 16)))}; }

// The queue of one call of an operation. A failure becomes the status of the operation, and what follows is left out.
class GpuQueue {
 public:
  explicit GpuQueue(tensorflow::OpKernelContext* context);
  ~GpuQueue();
  GpuQueue(const GpuQueue&) = delete;

  // False once anything failed.
  bool ok() const { return is_ready_; }

  // Arguments must have the very types of the kernel's parameters.
  template <typename... Arguments>
  void Launch(const char* kernel, const Grid& grid, Arguments... arguments) {
    void* pointers[] = {&arguments...};
    if (is_ready_) LaunchPointers(kernel, grid, pointers);
  }

 private:
  void LaunchPointers(const char* kernel, const Grid& grid, void** arguments);
  std::string Open();
  void Fail(const std::string& what);

  tensorflow::OpKernelContext* context_;
  void* stream_ = nullptr;
  bool has_context_ = false;
  bool is_ready_ = false;
};

}  // namespace melstrom

#endif  // MELSTROM_GPU_QUEUE_H_
