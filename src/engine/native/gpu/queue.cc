// CUDA's driver and its compiler library, as far as we need them, found at run time: nothing of CUDA is needed to build this.
#include "queue.h"

#include <dlfcn.h>

#include <mutex>
#include <string>
#include <unordered_map>

#include "xla/stream_executor/stream.h"

namespace melstrom {

using namespace tensorflow;

namespace {

// What the driver's and the compiler's headers declare, where 0 is success.
using Result = int;
struct Driver {
  Result (*stream_context)(void*, void**);
  Result (*push)(void*);
  Result (*pop)(void**);
  Result (*current_device)(int*);
  Result (*device_attribute)(int*, int, int);
  Result (*load)(void**, const void*);
  Result (*function)(void**, void*, const char*);
  Result (*launch)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**);
  Result (*error_name)(Result, const char**);
};
struct Compiler {
  Result (*create)(void**, const char*, const char*, int, const char* const*, const char* const*);
  Result (*compile)(void*, int, const char* const*);
  Result (*log_size)(void*, size_t*);
  Result (*log)(void*, char*);
  Result (*binary_size)(void*, size_t*);
  Result (*binary)(void*, char*);
  Result (*destroy)(void**);
};
constexpr int kCapabilityMajor = 75, kCapabilityMinor = 76;

// Everything loaded, once in a process. `problem` says why it could not be.
struct Loaded {
  std::mutex mutex;
  bool is_tried = false;
  std::string problem;
  Driver driver;
  void* context = nullptr;
  void* module = nullptr;
  std::unordered_map<std::string, void*> functions;
};

Loaded& TheLoaded() {
  static Loaded* loaded = new Loaded();  // never destroyed: the GPU may still be at work when the process ends
  return *loaded;
}

template <typename Function>
bool Find(void* library, const char* name, Function* function) {
  *function = reinterpret_cast<Function>(dlsym(library, name));
  return *function != nullptr;
}

void* OpenOneOf(std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL)) return library;
  return nullptr;
}

bool FindDriver(Driver* driver) {
  void* library = OpenOneOf({"libcuda.so.1", "libcuda.so"});
  return library != nullptr && Find(library, "cuStreamGetCtx", &driver->stream_context) && Find(library, "cuCtxPushCurrent_v2", &driver->push) &&
         Find(library, "cuCtxPopCurrent_v2", &driver->pop) && Find(library, "cuCtxGetDevice", &driver->current_device) &&
         Find(library, "cuDeviceGetAttribute", &driver->device_attribute) && Find(library, "cuModuleLoadData", &driver->load) &&
         Find(library, "cuModuleGetFunction", &driver->function) && Find(library, "cuLaunchKernel", &driver->launch) &&
         Find(library, "cuGetErrorName", &driver->error_name);
}

bool FindCompiler(Compiler* compiler) {
  void* library = OpenOneOf({"libnvrtc.so.12", "libnvrtc.so.13", "libnvrtc.so"});
  return library != nullptr && Find(library, "nvrtcCreateProgram", &compiler->create) && Find(library, "nvrtcCompileProgram", &compiler->compile) &&
         Find(library, "nvrtcGetProgramLogSize", &compiler->log_size) && Find(library, "nvrtcGetProgramLog", &compiler->log) &&
         Find(library, "nvrtcGetCUBINSize", &compiler->binary_size) && Find(library, "nvrtcGetCUBIN", &compiler->binary) &&
         Find(library, "nvrtcDestroyProgram", &compiler->destroy);
}

// Machine code of all kernels for one architecture such as sm_90; empty, with the reason, when that fails.
std::string Compile(const std::string& architecture, std::string* problem) {
  Compiler compiler;
  if (!FindCompiler(&compiler)) {
    *problem = "CUDA's compiler library, libnvrtc.so.12, was not found";
    return "";
  }
  void* program = nullptr;
  if (compiler.create(&program, kGpuKernels, "melstrom.cu", 0, nullptr, nullptr) != 0) {
    *problem = "CUDA's compiler library could not be started";
    return "";
  }
  const auto define = [](const char* name, unsigned value) { return std::string("-D") + name + "=" + std::to_string(value); };
  const std::string options[] = {"--gpu-architecture=" + architecture, "--std=c++17", define("THREADS", kThreads), define("SUM_COLUMNS", kSumColumns),
                                 define("SUM_ROWS", kSumRows), define("NORM_VALUES", kNormValues)};
  std::vector<const char*> texts;
  for (const std::string& option : options) texts.push_back(option.c_str());
  const Result result = compiler.compile(program, static_cast<int>(texts.size()), texts.data());
  size_t size = 0;
  std::string code;
  if (result != 0) {
    compiler.log_size(program, &size);
    std::string log(size, '\0');
    compiler.log(program, &log[0]);
    *problem = "CUDA's compiler library refused the kernels for " + architecture + ": " + log;
  } else {
    compiler.binary_size(program, &size);
    code.resize(size);
    compiler.binary(program, &code[0]);
  }
  compiler.destroy(&program);
  return code;
}

// Needs the lock, and the stream's context to be the current one.
void LoadModule(Loaded* loaded) {
  int device = 0, major = 0, minor = 0;
  loaded->driver.current_device(&device);
  loaded->driver.device_attribute(&major, kCapabilityMajor, device);
  loaded->driver.device_attribute(&minor, kCapabilityMinor, device);
  const std::string code = Compile("sm_" + std::to_string(major) + std::to_string(minor), &loaded->problem);
  if (!loaded->problem.empty()) return;
  if (loaded->driver.load(&loaded->module, code.data()) != 0) loaded->problem = "the driver could not load the kernels";
}

}  // namespace

GpuQueue::GpuQueue(OpKernelContext* context) : context_(context) {
  const std::string problem = Open();
  is_ready_ = problem.empty();
  if (!is_ready_) Fail(problem);
}

// Returns why it can't be used; nothing when it can.
std::string GpuQueue::Open() {
  auto* device_context = context_->op_device_context();
  if (device_context == nullptr || device_context->stream() == nullptr) return "the operation has no stream";
  stream_ = device_context->stream()->platform_specific_handle().stream;
  Loaded& loaded = TheLoaded();
  std::lock_guard<std::mutex> lock(loaded.mutex);
  const bool is_first = !loaded.is_tried;
  loaded.is_tried = true;
  if (is_first && !FindDriver(&loaded.driver)) loaded.problem = "CUDA's driver library, libcuda.so.1, was not found";
  if (!loaded.problem.empty()) return loaded.problem;
  void* own = nullptr;
  if (loaded.driver.stream_context(stream_, &own) != 0 || loaded.driver.push(own) != 0) return "the stream has no context";
  has_context_ = true;
  if (is_first) {
    loaded.context = own;
    LoadModule(&loaded);
  }
  if (!loaded.problem.empty()) return loaded.problem;
  return own == loaded.context ? "" : "they were loaded for another GPU of this process";
}

GpuQueue::~GpuQueue() {
  void* popped = nullptr;
  if (has_context_) TheLoaded().driver.pop(&popped);
}

void GpuQueue::LaunchPointers(const char* kernel, const Grid& grid, void** arguments) {
  Loaded& loaded = TheLoaded();
  void* function = nullptr;
  {
    std::lock_guard<std::mutex> lock(loaded.mutex);
    void*& known = loaded.functions[kernel];
    if (known == nullptr && loaded.driver.function(&known, loaded.module, kernel) != 0) return Fail(std::string("no kernel ") + kernel);
    function = known;
  }
  const Result result = loaded.driver.launch(function, grid.blocks_x, grid.blocks_y, grid.blocks_z, grid.threads_x, grid.threads_y, 1, 0, stream_, arguments, nullptr);
  if (result == 0) return;
  const char* name = nullptr;
  loaded.driver.error_name(result, &name);
  Fail(std::string("kernel ") + kernel + " could not be launched: " + (name == nullptr ? "unknown error" : name));
}

void GpuQueue::Fail(const std::string& what) {
  is_ready_ = false;
  context_->SetStatus(absl::InternalError("our kernels for the GPU: " + what));
}

}  // namespace melstrom
