// How images and kernels are laid out for products of bfloat16: positions in one row with zeros between, channels in whole blocks.
#ifndef MELSTROM_HALF_LAYOUT_H_
#define MELSTROM_HALF_LAYOUT_H_

#include "common.h"
#include "half-product.h"

namespace melstrom {

inline int64_t UpTo(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }

// Images in one row of positions. After each line of an image stand `pad` zeros, after each image `pad` lines of zeros, so that one
// step of the kernel is one distance in the row for all positions: (line - pad) * stride + column - pad.
struct Grid {
  int64_t items, height, width, size, pad, stride, lines, count, lead;

  Grid(int64_t items_in, int64_t height_in, int64_t width_in, int64_t size_in)
      : items(items_in), height(height_in), width(width_in), size(size_in), pad((size - 1) / 2), stride(width + pad), lines(height + pad),
        count(items * lines * stride), lead(pad * stride + pad) {}
  int64_t taps() const { return size * size; }
  int64_t Shift(int64_t tap) const { return (tap / size - pad) * stride + tap % size - pad; }
  // Where the line starts in the row and, if it is one of an image, in the dense tensor, else -1.
  int64_t Source(int64_t line) const {
    const int64_t item = line / lines, row = line % lines;
    return row < height ? (item * height + row) * width : -1;
  }
};

// Rows of positions, each `channels` values in a whole number of blocks, zeros before the first and after the last. Shape of x: dense
// [positions, channels].
inline void PackPositions(tensorflow::OpKernelContext* context, const Grid& grid, int64_t channels, const Half* x, Half* packed) {
  const int64_t width = UpTo(channels, kBlock), lines = grid.items * grid.lines;
  std::memset(packed, 0, grid.lead * width * sizeof(Half));
  std::memset(packed + (grid.lead + grid.count) * width, 0, (grid.lead + kBlock) * width * sizeof(Half));
  ParallelFor(context, lines, grid.stride * width / 4, [&](int64_t line) {
    Half* target = packed + (grid.lead + line * grid.stride) * width;
    const int64_t source = grid.Source(line);
    if (source < 0 || width != channels) std::memset(target, 0, grid.stride * width * sizeof(Half));
    if (source < 0) return;
    if (width == channels) {
      std::memcpy(target, x + source * channels, grid.width * channels * sizeof(Half));
      std::memset(target + grid.width * width, 0, grid.pad * width * sizeof(Half));
      return;
    }
    for (int64_t column = 0; column < grid.width; ++column)
      std::memcpy(target + column * width, x + (source + column) * channels, channels * sizeof(Half));
  });
}

// A row of positions for each channel, `length` long: shape [blocks * 32, length], zeros wherever there is no pixel.
inline void PackChannels(tensorflow::OpKernelContext* context, const Grid& grid, int64_t channels, const Half* x, int64_t length, Half* packed) {
  const int64_t rows = UpTo(channels, kBlock), lines = grid.items * grid.lines, end = grid.lead + grid.count;
  ParallelFor(context, rows, length / 8, [&](int64_t row) {
    if (row >= channels) {
      std::memset(packed + row * length, 0, length * sizeof(Half));
      return;
    }
    std::memset(packed + row * length, 0, grid.lead * sizeof(Half));
    std::memset(packed + row * length + end, 0, (length - end) * sizeof(Half));
  });
  ParallelFor(context, lines, grid.stride * channels, [&](int64_t line) {
    const int64_t source = grid.Source(line), begin = grid.lead + line * grid.stride;
    const int64_t filled = source < 0 ? 0 : grid.width;
    for (int64_t first = 0; first < channels; first += kBlock) {
      const int64_t count = std::min(kBlock, channels - first);
      for (int64_t c = 0; c < count; ++c) {
        const Half* __restrict in = x + source * channels + first + c;
        Half* __restrict out = packed + (first + c) * length + begin;
        for (int64_t column = 0; column < filled; ++column) out[column] = in[column * channels];
        for (int64_t column = filled; column < grid.stride; ++column) out[column] = 0;
      }
    }
  });
}

// Pairs of positions that follow each other, channel by channel: shape [length / 2, blocks * 32, 2], zeros wherever there is no pixel.
inline void PackPairs(tensorflow::OpKernelContext* context, const Grid& grid, int64_t channels, const Half* x, int64_t length, Half* packed) {
  const int64_t width = UpTo(channels, kBlock);
  const auto row_of = [&](int64_t position) -> const Half* {
    const int64_t column = position % grid.stride;
    const int64_t source = position < grid.count && column < grid.width ? grid.Source(position / grid.stride) : -1;
    return source < 0 ? nullptr : x + (source + column) * channels;
  };
  ParallelFor(context, length / 2, width, [&](int64_t pair) {
    const Half *first = row_of(2 * pair), *second = row_of(2 * pair + 1);
    Half* __restrict out = packed + pair * 2 * width;
    if (first == nullptr || second == nullptr || channels != width) std::memset(out, 0, 2 * width * sizeof(Half));
    if (first != nullptr && second != nullptr) {
      const Half *__restrict a = first, *__restrict b = second;
      for (int64_t c = 0; c < channels; ++c) {
        out[2 * c] = a[c];
        out[2 * c + 1] = b[c];
      }
    } else if (first != nullptr) {
      for (int64_t c = 0; c < channels; ++c) out[2 * c] = first[c];
    } else if (second != nullptr) {
      for (int64_t c = 0; c < channels; ++c) out[2 * c + 1] = second[c];
    }
  });
}

// A kernel [taps, inputs, outputs] as pairs of inputs: shape [output blocks, taps, input blocks, 16, 32, 2]. Turned, it is that of the
// gradient of the input: taps from the last to the first, inputs and outputs exchanged.
inline void PackKernel(tensorflow::OpKernelContext* context, int64_t taps, int64_t inputs, int64_t outputs, bool turned, const float* kernel, Half* packed) {
  const int64_t depth = turned ? outputs : inputs, columns = turned ? inputs : outputs;
  const int64_t depth_blocks = UpTo(depth, kBlock) / kBlock, column_blocks = UpTo(columns, kBlock) / kBlock;
  ParallelFor(context, column_blocks * taps * depth_blocks, kBlock * kBlock, [&](int64_t unit) {
    const int64_t d0 = unit % depth_blocks * kBlock, tap = unit / depth_blocks % taps, c0 = unit / depth_blocks / taps * kBlock;
    const int64_t rows = std::min(kBlock, depth - d0), width = std::min(kBlock, columns - c0);
    Half* __restrict out = packed + unit * kBlock * kBlock;
    if (rows < kBlock || width < kBlock) std::memset(out, 0, kBlock * kBlock * sizeof(Half));
    const float* __restrict in = kernel + (turned ? (taps - 1 - tap) * inputs * outputs + c0 * outputs + d0 : tap * inputs * outputs + d0 * outputs + c0);
    if (turned) {
      for (int64_t column = 0; column < width; ++column)
        for (int64_t row = 0; row < rows; ++row) Store(in[column * outputs + row], out + (row / 2 * kBlock + column) * 2 + row % 2);
      return;
    }
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < width; ++column) Store(in[row * outputs + column], out + (row / 2 * kBlock + column) * 2 + row % 2);
  });
}

}  // namespace melstrom

#endif  // MELSTROM_HALF_LAYOUT_H_
