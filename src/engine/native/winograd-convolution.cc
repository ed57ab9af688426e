// 3 × 3 convolution of stride 1 that keeps the size of the image, and its gradients, in float32 with a quarter of the products.
#include "addends.h"
#include "common.h"
#include "winograd-layout.h"

namespace melstrom {

using namespace tensorflow;

// y [B, H, W, Cout] = convolution of x [B, H, W, Cin] with kernel [3, 3, Cin, Cout], or if `turned` the gradient of its input for the
// gradient x [B, H, W, Cout] of its output; + bias [Cout] + the residual + for each item its embedding [B, Cout].
REGISTER_OP("MelstromWinograd")
    .Input("x: float").Input("kernel: float").Input("bias: N * float").Input("residual: M * float").Input("embedding: E * float").Output("y: float")
    .Attr("N: int >= 0").Attr("M: int >= 0").Attr("E: int >= 0").Attr("turned: bool")
    .SetShapeFn(shape_inference::UnknownShape);
// The gradient of the kernel: x [B, H, W, Cin], dy [B, H, W, Cout] -> [3, 3, Cin, Cout].
REGISTER_OP("MelstromWinogradKernelGrad").Input("x: float").Input("dy: float").Output("dkernel: float").SetShapeFn(shape_inference::UnknownShape);

// Rows of a block of the products, so that its sums fill the registers: 32 vectors or 16.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRows = 12, kKernelRows = 8;
#else
constexpr int kRows = 6, kKernelRows = 4;
#endif

class WinogradOp : public OpKernel {
 public:
  explicit WinogradOp(OpKernelConstruction* construction) : OpKernel(construction), addend_counts_(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("turned", &turned_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &kernel = context->input(1);
    OP_REQUIRES(context, x.dims() == 4 && kernel.dims() == 4 && kernel.dim_size(0) == 3 && kernel.dim_size(1) == 3, absl::InvalidArgumentError("convolution: x must be [B, H, W, Cin], the kernel [3, 3, Cin, Cout]"));
    const int64_t inputs = kernel.dim_size(2), outputs = kernel.dim_size(3), depth = turned_ ? outputs : inputs, columns = turned_ ? inputs : outputs;
    OP_REQUIRES(context, x.dim_size(3) == depth, absl::InvalidArgumentError("convolution: x must have the channels of the kernel"));
    TensorShape shape = x.shape();
    shape.set_dim(3, columns);
    Addends addends;
    if (!addend_counts_.Read(context, 2, shape, &addends)) return;
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &y));
    if (y->NumElements() == 0) return;

    const Tiling tiling(x.dim_size(0), x.dim_size(1), x.dim_size(2));
    Convolve(context, tiling, {kernel.flat<float>().data(), inputs, outputs, turned_}, x.flat<float>().data(), addends, y->flat<float>().data());
  }

 private:
  // How the work is cut: into runs of tiles whose points stay in the cache, and with few runs into parts of their columns. No sum depends on it.
  struct Plan {
    int64_t width, panels, run, runs, splits, kernel_step, image_step, product_step;

    Plan(const Tiling& tiling, const Kernel& kernel, int64_t threads) {
      constexpr int64_t kCacheValues = 128 * 1024, kLeastRun = 2 * kRows, kFew = 4 * kRows;
      width = UpTo(kernel.depth(), kLanes);
      panels = BlocksOf(kernel.columns(), kPanel);
      const int64_t most = std::max(kLeastRun, kCacheValues / (kPoints * width) / kRows * kRows);
      const int64_t wanted = tiling.count() <= kFew ? 1 : UpTo(BlocksOf(tiling.count(), most), threads);
      run = UpTo(BlocksOf(tiling.count(), wanted), kRows);
      runs = BlocksOf(tiling.count(), run);
      splits = std::min(panels, BlocksOf(threads, runs));
      kernel_step = PointStep(width * kPanel);
      image_step = PointStep(run * width);
      product_step = PointStep(run * kPanel);
    }
    // With one run only each panel of the kernel is used once, and need not leave the cache.
    bool KeepsKernel() const { return runs > 1; }
    int64_t ScratchValues() const { return kPoints * (image_step + product_step + (KeepsKernel() ? 0 : kernel_step)); }
  };

  static void Convolve(OpKernelContext* context, const Tiling& tiling, const Kernel& kernel, const float* x, const Addends& addends, float* y) {
    const Plan plan(tiling, kernel, context->device()->tensorflow_cpu_worker_threads()->num_threads);
    const std::vector<float> zeros(kernel.depth());
    Tensor holder;
    float* points = nullptr;
    if (plan.KeepsKernel()) {
      points = AllocateValues<float>(context, plan.panels * kPoints * plan.kernel_step, &holder);
      if (points == nullptr) return;
      const int64_t chunks = plan.width / kLanes;
      ParallelFor(context, plan.panels * chunks, kLanes * 400, [&](int64_t unit) {
        const int64_t first = unit % chunks * kLanes, panel = unit / chunks;
        kernel.ToPoints(first, panel * kPanel, plan.kernel_step, points + panel * kPoints * plan.kernel_step + first * kPanel);
      });
    }
    ParallelFor(context, plan.runs * plan.splits, plan.run * kPoints * plan.width * kPanel * plan.panels / plan.splits / 16, [&](int64_t unit) {
      const int64_t first = unit / plan.splits * plan.run, count = std::min(plan.run, tiling.count() - first), split = unit % plan.splits;
      const int64_t first_panel = split * plan.panels / plan.splits, last_panel = (split + 1) * plan.panels / plan.splits;
      // Kept for the next unit, and the next convolution, unless it is large: there may be many threads.
      constexpr int64_t kKeptValues = 2 * 1024 * 1024;
      static thread_local std::vector<float> scratch;
      if (static_cast<int64_t>(scratch.size()) < plan.ScratchValues()) scratch.resize(plan.ScratchValues());
      float *image = scratch.data(), *products = image + kPoints * plan.image_step, *own = products + kPoints * plan.product_step;
      for (int64_t tile = 0; tile < count; ++tile) {
        const Square<kSpan> square(tiling, first + tile, 1, x, kernel.depth(), zeros.data());
        TileToPoints<ImageToPoints>(square, kernel.depth(), plan.image_step, [&](int64_t channel) { return image + tile * plan.width + channel; });
      }
      for (int64_t panel = first_panel; panel < last_panel; ++panel) {
        if (points == nullptr)
          for (int64_t k = 0; k < plan.width; k += kLanes) kernel.ToPoints(k, panel * kPanel, plan.kernel_step, own + k * kPanel);
        const int64_t column = panel * kPanel;
        MultiplyPanel(plan, image, count, points == nullptr ? own : points + panel * kPoints * plan.kernel_step, kernel.columns() - column, products);
        for (int64_t tile = 0; tile < count; ++tile) Put(tiling, first + tile, column, kernel.columns(), products + tile * kPanel, plan.product_step, addends, y);
      }
      if (plan.ScratchValues() > kKeptValues) std::vector<float>().swap(scratch);
    });
  }

  static void MultiplyPanel(const Plan& plan, const float* image, int64_t count, const float* kernel, int64_t columns, float* products) {
    for (int64_t point = 0; point < kPoints; ++point, image += plan.image_step, kernel += plan.kernel_step, products += plan.product_step)
      for (int64_t row = 0; row < count; row += kRows)
        Multiply<kRows>({image + row * plan.width, plan.width, 1, kernel, plan.width, false, products + row * kPanel, kernel + plan.kernel_step}, columns);
  }

  // The pixels of a tile, with what is added to them.
  static void Put(const Tiling& tiling, int64_t tile, int64_t first, int64_t columns, const float* products, int64_t step, const Addends& addends, float* y) {
    const int64_t item = tiling.Item(tile), first_line = tiling.Line(tile), first_column = tiling.Column(tile);
    const int64_t lines = std::min(kTile, tiling.height - first_line), width = std::min(kTile, tiling.width - first_column);
    for (int64_t c = first; c < std::min(columns, first + kPanel); c += kLanes, products += kLanes) {
      Vector pixels[kTile * kTile], shift{};
      TransformBothWays<PointsToOutput>([&](int64_t point) { return Load(products + point * step); }, [&](int64_t pixel, const Vector& value) { pixels[pixel] = value; });
      if (addends.bias != nullptr) shift += LoadSome(addends.bias + c, columns - c);
      if (addends.embedding != nullptr) shift += LoadSome(addends.embedding + item * columns + c, columns - c);
      for (int64_t line = 0; line < lines; ++line) {
        for (int64_t column = 0; column < width; ++column) {
          const int64_t offset = (((item * tiling.height + first_line + line) * tiling.width) + first_column + column) * columns + c;
          Vector value = pixels[line * kTile + column] + shift;
          if (addends.residual != nullptr) value += LoadSome(addends.residual + offset, columns - c);
          SaveSome(value, y + offset, columns - c);
        }
      }
    }
  }

  AddendCounts addend_counts_;
  bool turned_;
};

class WinogradKernelGradOp : public OpKernel {
 public:
  using OpKernel::OpKernel;

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &dy = context->input(1);
    OP_REQUIRES(context, x.dims() == 4 && dy.dims() == 4, absl::InvalidArgumentError("gradient of a kernel: x and dy must have 4 dimensions each"));
    for (int dimension = 0; dimension < 3; ++dimension)
      OP_REQUIRES(context, x.dim_size(dimension) == dy.dim_size(dimension), absl::InvalidArgumentError("gradient of a kernel: x and dy must be of one size"));
    const int64_t inputs = x.dim_size(3), outputs = dy.dim_size(3);
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, TensorShape({3, 3, inputs, outputs}), &gradient));
    if (gradient->NumElements() == 0) return;
    const Tiling tiling(x.dim_size(0), x.dim_size(1), x.dim_size(2));
    // Tiles are taken in runs that bound the memory, and summed one run after the other, whatever the number of threads.
    constexpr int64_t kRunValues = 1024 * 1024, kLeastRun = 128;
    const int64_t left = BlocksOf(inputs, kPanel), right = BlocksOf(outputs, kPanel), values = (left + right) * kPoints * kPanel;
    const int64_t run = std::min(tiling.count(), std::max(kLeastRun, kRunValues / values)), step = PointStep(run * kPanel);
    Tensor held_points, held_sums;
    float* points = AllocateValues<float>(context, (left + right) * kPoints * step, &held_points);
    float* sums = points == nullptr ? nullptr : AllocateValues<float>(context, left * right * kPoints * kPanel * kPanel, &held_sums);
    if (sums == nullptr) return;
    if (inputs % kPanel != 0 || outputs % kPanel != 0) std::fill_n(points, (left + right) * kPoints * step, 0.0f);
    const std::vector<float> zeros(std::max(inputs, outputs));
    float* right_points = points + left * kPoints * step;
    for (int64_t first = 0; first < tiling.count(); first += run) {
      const int64_t count = std::min(run, tiling.count() - first);
      ParallelFor(context, count, (inputs + outputs) * 32, [&](int64_t tile) {
        const auto target = [&](float* base) {
          return [=](int64_t channel) { return base + channel / kPanel * kPoints * step + tile * kPanel + channel % kPanel; };
        };
        TileToPoints<ImageToPoints>({tiling, first + tile, 1, x.flat<float>().data(), inputs, zeros.data()}, inputs, step, target(points));
        TileToPoints<OutputToPoints>({tiling, first + tile, 0, dy.flat<float>().data(), outputs, zeros.data()}, outputs, step, target(right_points));
      });
      MultiplyRun(context, inputs, outputs, {points, right_points, step}, count, first > 0, sums);
    }
    FromPoints(context, inputs, outputs, sums, gradient->flat<float>().data());
  }

 private:
  struct Points {
    const float *left, *right;
    int64_t step;
  };

  static void MultiplyRun(OpKernelContext* context, int64_t inputs, int64_t outputs, const Points& points, int64_t count, bool adds, float* sums) {
    constexpr int64_t kDepth = 128;  // tiles of which both factors stay in the first cache
    const int64_t left = BlocksOf(inputs, kPanel), right = BlocksOf(outputs, kPanel);
    ParallelFor(context, left * right * kPoints, count * kPanel * kPanel / 16, [&](int64_t unit) {
      const int64_t point = unit % kPoints, row_panel = unit / kPoints / right, column_panel = unit / kPoints % right;
      const float* a = points.left + (row_panel * kPoints + point) * points.step;
      const float* b = points.right + (column_panel * kPoints + point) * points.step;
      float* c = sums + unit * kPanel * kPanel;
      for (int64_t tile = 0; tile < count; tile += kDepth, a += kDepth * kPanel, b += kDepth * kPanel)
        for (int64_t row = 0; row < std::min(kPanel, inputs - row_panel * kPanel); row += kKernelRows)
          Multiply<kKernelRows>({a + row, 1, kPanel, b, std::min(kDepth, count - tile), adds || tile > 0, c + row * kPanel, b + kDepth * kPanel}, outputs - column_panel * kPanel);
    });
  }

  static void FromPoints(OpKernelContext* context, int64_t inputs, int64_t outputs, const float* sums, float* gradient) {
    const int64_t right = BlocksOf(outputs, kPanel);
    ParallelFor(context, inputs, outputs * 16, [&](int64_t input) {
      for (int64_t output = 0; output < outputs; output += kLanes) {
        const float* in = sums + ((input / kPanel * right + output / kPanel) * kPoints * kPanel + input % kPanel) * kPanel + output % kPanel;
        TransformBothWays<PointsToKernel>(
            [&](int64_t point) { return Load(in + point * kPanel * kPanel); },
            [&](int64_t tap, const Vector& value) { SaveSome(value, gradient + (tap * inputs + input) * outputs + output, outputs - output); });
      }
    });
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromWinograd").Device(DEVICE_CPU), WinogradOp);
REGISTER_KERNEL_BUILDER(Name("MelstromWinogradKernelGrad").Device(DEVICE_CPU), WinogradKernelGradOp);

}  // namespace melstrom
