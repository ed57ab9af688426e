// Convolution of stride 1 that keeps the size of the image, and its gradients, in bfloat16 with sums in float32. A matrix product is
// one of a single line and a kernel of one value.
#include "addends.h"
#include "common.h"
#include "half-product.h"
#ifdef MELSTROM_HAS_TILES
#include "half-layout.h"
#endif

namespace melstrom {

using namespace tensorflow;

// y [.., Cout] = convolution of x [.., Cin] with kernel [k, k, Cin, Cout] (k odd), or if `turned` the gradient of its input for the
// gradient x [.., Cout] of its output; + bias [Cout] + the residual + for each item its embedding [B, Cout]. Shape of x: [B, H, W, C]
// with a kernel of four dimensions, [N, C] with one of two.
REGISTER_OP("MelstromConv2DHalf")
    .Input("x: bfloat16").Input("kernel: float").Input("bias: N * float").Input("residual: M * float").Input("embedding: E * float").Output("y: To")
    .Attr("To: {float, bfloat16}").Attr("N: int >= 0").Attr("M: int >= 0").Attr("E: int >= 0").Attr("turned: bool")
    .SetShapeFn(shape_inference::UnknownShape);
// The gradient of the kernel: x [.., Cin], dy [.., Cout] -> [size, size, Cin, Cout], or [Cin, Cout] for inputs of two dimensions.
REGISTER_OP("MelstromConv2DHalfKernelGrad")
    .Input("x: bfloat16").Input("dy: bfloat16").Output("dkernel: float").Attr("size: int").SetShapeFn(shape_inference::UnknownShape);

#ifdef MELSTROM_HAS_TILES

static Grid GridOf(const Tensor& x, int64_t size) {
  return x.dims() == 4 ? Grid(x.dim_size(0), x.dim_size(1), x.dim_size(2), size) : Grid(1, 1, x.dim_size(0), 1);
}

template <typename To>
class HalfConvOp : public OpKernel {
 public:
  explicit HalfConvOp(OpKernelConstruction* construction) : OpKernel(construction), addend_counts_(construction) {
    OP_REQUIRES(construction, HasTiles(), absl::UnimplementedError("convolution: this processor, or its system, has no AMX tiles for bfloat16"));
    OP_REQUIRES_OK(construction, construction->GetAttr("turned", &turned_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &kernel = context->input(1);
    const int kernel_dims = kernel.dims();
    OP_REQUIRES(context, (x.dims() == 4 && kernel_dims == 4) || (x.dims() == 2 && kernel_dims == 2), absl::InvalidArgumentError("convolution: x and kernel must have 4 dimensions each, or 2"));
    const int64_t inputs = kernel.dim_size(kernel_dims - 2), outputs = kernel.dim_size(kernel_dims - 1), size = kernel_dims == 4 ? kernel.dim_size(0) : 1;
    OP_REQUIRES(context, size % 2 == 1 && (kernel_dims == 2 || kernel.dim_size(1) == size), absl::InvalidArgumentError("convolution: the kernel must be square, of odd size"));
    const int64_t depth = turned_ ? outputs : inputs, columns = turned_ ? inputs : outputs;
    OP_REQUIRES(context, x.dim_size(x.dims() - 1) == depth, absl::InvalidArgumentError("convolution: x must have the channels of the kernel"));
    TensorShape shape = x.shape();
    shape.set_dim(x.dims() - 1, columns);
    Addends addends;
    if (!addend_counts_.Read(context, 2, shape, &addends)) return;
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, shape, &y));
    if (y->NumElements() == 0) return;

    const Grid grid = GridOf(x, size);
    const int64_t width = UpTo(depth, kBlock), blocks = UpTo(columns, kBlock) / kBlock;
    Tensor packed_kernel, packed_x;
    Half* weights = AllocateValues<Half>(context, blocks * grid.taps() * width * kBlock, &packed_kernel);
    if (weights == nullptr) return;
    PackKernel(context, grid.taps(), inputs, outputs, turned_, kernel.flat<float>().data(), weights);
    const Half* rows = Values<Half>(x);
    if (grid.pad > 0 || width != depth || grid.count % kBlock != 0) {
      Half* packed = AllocateValues<Half>(context, (grid.count + 2 * grid.lead + kBlock) * width, &packed_x);
      if (packed == nullptr) return;
      PackPositions(context, grid, depth, rows, packed);
      rows = packed + grid.lead * width;
    }
    Multiply(context, grid, width, columns, rows, weights, addends, Values<To>(y));
  }

 private:
  void Multiply(OpKernelContext* context, const Grid& grid, int64_t width, int64_t columns, const Half* rows, const Half* weights, const Addends& addends, To* y) const {
    constexpr int64_t kPositions = 8 * kBlock;  // of one unit of work
    const int64_t steps = width / kBlock, blocks = UpTo(columns, kBlock) / kBlock, chunks = (grid.count + kPositions - 1) / kPositions;
    std::vector<int64_t> starts(grid.taps());
    for (int64_t tap = 0; tap < grid.taps(); ++tap) starts[tap] = grid.Shift(tap) * width;
    ParallelFor(context, chunks * blocks, kPositions / kBlock * grid.taps() * steps * 64, [&](int64_t unit) {
      const int64_t block = unit % blocks, first = unit / blocks * kPositions, end = std::min(grid.count, first + kPositions);
      const TileScope scope;
      alignas(64) float sums[kBlock * kBlock];
      for (int64_t position = first; position < end; position += kBlock) {
        MultiplyBlock({rows + position * width, width, starts.data(), grid.taps(), steps, weights + block * grid.taps() * width * kBlock}, false, sums);
        Put(grid, position, std::min(kBlock, end - position), block * kBlock, columns, sums, addends, y);
      }
    });
  }

  // Those of the block's rows that are pixels, with what is added to them.
  static void Put(const Grid& grid, int64_t position, int64_t count, int64_t first, int64_t columns, const float* sums, const Addends& addends, To* y) {
    const int64_t width = std::min(kBlock, columns - first);
    float shift[kBlock] = {};
    if (addends.bias != nullptr) std::copy_n(addends.bias + first, width, shift);
    int64_t line = position / grid.stride, column = position % grid.stride;
    for (int64_t row = 0; row < count; ++row) {
      const int64_t source = column < grid.width ? grid.Source(line) : -1;
      if (source >= 0) {
        const int64_t offset = (source + column) * columns + first;
        const float* __restrict in = sums + row * kBlock;
        float line_sums[kBlock];
        for (int64_t c = 0; c < width; ++c) line_sums[c] = in[c] + shift[c];
        if (addends.embedding != nullptr) {
          const float* __restrict embedding = addends.embedding + line / grid.lines * columns + first;
          for (int64_t c = 0; c < width; ++c) line_sums[c] += embedding[c];
        }
        if (addends.residual != nullptr) {
          const float* __restrict residual = addends.residual + offset;
          for (int64_t c = 0; c < width; ++c) line_sums[c] += residual[c];
        }
        To* __restrict out = y + offset;
        for (int64_t c = 0; c < width; ++c) Store(line_sums[c], out + c);
      }
      if (++column == grid.stride) {
        column = 0;
        ++line;
      }
    }
  }

  AddendCounts addend_counts_;
  bool turned_;
};

class HalfConvKernelGradOp : public OpKernel {
 public:
  explicit HalfConvKernelGradOp(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES(construction, HasTiles(), absl::UnimplementedError("convolution: this processor, or its system, has no AMX tiles for bfloat16"));
    OP_REQUIRES_OK(construction, construction->GetAttr("size", &size_));
  }

  void Compute(OpKernelContext* context) override {
    const Tensor &x = context->input(0), &dy = context->input(1);
    OP_REQUIRES(context, x.dims() == dy.dims() && (x.dims() == 4 || (x.dims() == 2 && size_ == 1)) && size_ % 2 == 1, absl::InvalidArgumentError("gradient of a kernel: x and dy must have 4 dimensions each, or 2"));
    for (int dimension = 0; dimension + 1 < x.dims(); ++dimension)
      OP_REQUIRES(context, x.dim_size(dimension) == dy.dim_size(dimension), absl::InvalidArgumentError("gradient of a kernel: x and dy must be of one size"));
    const int64_t inputs = x.dim_size(x.dims() - 1), outputs = dy.dim_size(x.dims() - 1);
    Tensor* gradient = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.dims() == 4 ? TensorShape({size_, size_, inputs, outputs}) : TensorShape({inputs, outputs}), &gradient));
    if (gradient->NumElements() == 0) return;
    const Grid grid = GridOf(x, size_);
    // Rows a multiple of 4096 bytes long would all lie in the same few sets of the cache.
    const int64_t depth = UpTo(grid.count, kBlock), lead = UpTo(grid.lead, kBlock), bare = depth + 2 * lead, length = bare % 512 == 0 ? bare + kBlock : bare;
    Tensor packed_x, packed_dy;
    Half* left = AllocateValues<Half>(context, UpTo(inputs, kBlock) * length, &packed_x);
    Half* right = left == nullptr ? nullptr : AllocateValues<Half>(context, depth * UpTo(outputs, kBlock), &packed_dy);
    if (right == nullptr) return;
    PackChannels(context, grid, inputs, Values<Half>(x), lead, length, left);
    PackPairs(context, grid, outputs, Values<Half>(dy), right);
    Multiply(context, grid, inputs, outputs, left + lead, length, right, depth, gradient->flat<float>().data());
  }

 private:
  // Parts of the depth are summed one after the other, so that the sum does not depend on the number of threads.
  void Multiply(OpKernelContext* context, const Grid& grid, int64_t inputs, int64_t outputs, const Half* left, int64_t length, const Half* right, int64_t depth, float* gradient) const {
    constexpr int64_t kUnits = 8, kDepth = 2048;  // units of work that are enough; depth of which both factors stay in the cache
    const int64_t rows = UpTo(inputs, kBlock) / kBlock, columns = UpTo(outputs, kBlock) / kBlock, size = grid.taps() * inputs * outputs;
    const int64_t parts = std::max<int64_t>(1, std::min((kUnits + rows * columns - 1) / (rows * columns), depth / kDepth));
    const int64_t part_depth = UpTo((depth + parts - 1) / parts, kBlock);
    std::vector<float> more((parts - 1) * size);
    ParallelFor(context, rows * columns * parts, part_depth / kBlock * grid.taps() * 64, [&](int64_t unit) {
      const int64_t column = unit % columns, row = unit / columns % rows, part = unit / columns / rows;
      const int64_t end = std::min(depth, (part + 1) * part_depth);
      const TileScope scope;
      std::vector<float> sums(grid.taps() * kBlock * kBlock, 0.0f);
      for (int64_t begin = part * part_depth; begin < end; begin += kDepth) {
        const int64_t steps = (std::min(end, begin + kDepth) - begin) / kBlock;
        for (int64_t tap = 0; tap < grid.taps(); ++tap) {
          const int64_t start = grid.Shift(tap) + begin;
          MultiplyBlock({left + row * kBlock * length, length, &start, 1, steps, right + (column * depth + begin) * kBlock}, begin > part * part_depth, sums.data() + tap * kBlock * kBlock);
        }
      }
      float* target = part == 0 ? gradient : more.data() + (part - 1) * size;
      const int64_t height = std::min(kBlock, inputs - row * kBlock), width = std::min(kBlock, outputs - column * kBlock);
      for (int64_t tap = 0; tap < grid.taps(); ++tap)
        for (int64_t r = 0; r < height; ++r)
          std::copy_n(sums.data() + (tap * kBlock + r) * kBlock, width, target + (tap * inputs + row * kBlock + r) * outputs + column * kBlock);
    });
    const Lanes layout(size, 1);
    ParallelFor(context, parts == 1 ? 0 : layout.chunks, kChunkValues * parts, [&](int64_t chunk) {
      for (int64_t part = 0; part + 1 < parts; ++part) {
        const float* __restrict in = more.data() + part * size;
        float* __restrict out = gradient;
        for (int64_t i = layout.Begin(chunk); i < layout.End(chunk); ++i) out[i] += in[i];
      }
    });
  }

  int64_t size_;
};

REGISTER_KERNEL_BUILDER(Name("MelstromConv2DHalf").Device(DEVICE_CPU).TypeConstraint<float>("To"), HalfConvOp<float>);
REGISTER_KERNEL_BUILDER(Name("MelstromConv2DHalf").Device(DEVICE_CPU).TypeConstraint<bfloat16>("To"), HalfConvOp<Half>);
REGISTER_KERNEL_BUILDER(Name("MelstromConv2DHalfKernelGrad").Device(DEVICE_CPU), HalfConvKernelGradOp);

#endif  // MELSTROM_HAS_TILES

}  // namespace melstrom
