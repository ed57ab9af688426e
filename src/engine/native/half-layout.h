// How images and kernels are laid out for products of bfloat16: positions in one row with zeros between, channels in whole blocks.
#ifndef MELSTROM_HALF_LAYOUT_H_
#define MELSTROM_HALF_LAYOUT_H_

#include "common.h"
#include "half-product.h"

namespace melstrom {

// Images in one row of positions. After each line of an image stand `pad` zeros, after each image `pad` lines of zeros, so that one
// step of the kernel is one distance in the row for all positions: (line - pad) * stride + column - pad.
struct Grid {
  int64_t items, height, width, size, pad, stride, lines, count, lead;

  Grid(int64_t items_in, int64_t height_in, int64_t width_in, int64_t size_in)
      : items(items_in), height(height_in), width(width_in), size(size_in), pad((size - 1) / 2), stride(width + pad), lines(height + pad),
        count(items * lines * stride), lead(pad * stride + pad) {}
  int64_t taps() const { return size * size; }
  int64_t Shift(int64_t tap) const { return (tap / size - pad) * stride + tap % size - pad; }
  // Where the line starts in the dense tensor, or -1 for one of zeros.
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

// 32 values of a row of bfloat16, zeros beyond `count`, or for no row.
inline __m512i LoadRow(const Half* row, int64_t count) {
  if (row == nullptr) return _mm512_setzero_si512();
  return count >= kBlock ? _mm512_loadu_si512(row) : _mm512_maskz_loadu_epi16((1u << count) - 1, row);
}

// The pairs of two rows of 32 values, of columns 0 to 15 and 16 to 31.
struct PairedRows {
  __m512i left, right;
};

inline PairedRows Pair(__m512i first, __m512i second) {
  const auto spread = [](__m256i halves) { return _mm512_cvtepu16_epi32(halves); };
  const __m512i left = _mm512_or_si512(spread(_mm512_castsi512_si256(first)), _mm512_slli_epi32(spread(_mm512_castsi512_si256(second)), 16));
  const __m512i right = _mm512_or_si512(spread(_mm512_extracti64x4_epi64(first, 1)), _mm512_slli_epi32(spread(_mm512_extracti64x4_epi64(second, 1)), 16));
  return {left, right};
}

// Exchanges rows and columns of 16 × 16 pairs.
inline void Transpose(__m512i* rows) {
  __m512i other[16];
  for (int i = 0; i < 16; i += 2) {
    other[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
    other[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    rows[i] = _mm512_unpacklo_epi64(other[i], other[i + 2]);
    rows[i + 1] = _mm512_unpackhi_epi64(other[i], other[i + 2]);
    rows[i + 2] = _mm512_unpacklo_epi64(other[i + 1], other[i + 3]);
    rows[i + 3] = _mm512_unpackhi_epi64(other[i + 1], other[i + 3]);
  }
  for (int i = 0; i < 16; i += 8)
    for (int j = 0; j < 4; ++j) {
      other[i + j] = _mm512_shuffle_i32x4(rows[i + j], rows[i + j + 4], 0x88);
      other[i + j + 4] = _mm512_shuffle_i32x4(rows[i + j], rows[i + j + 4], 0xdd);
    }
  for (int j = 0; j < 8; ++j) {
    rows[j] = _mm512_shuffle_i32x4(other[j], other[j + 8], 0x88);
    rows[j + 8] = _mm512_shuffle_i32x4(other[j], other[j + 8], 0xdd);
  }
}

// A block of B whose depth the rows are: pairs of rows that follow each other. Shape: rows of 32 values -> [16, 32, 2].
inline void StorePairs(const __m512i* rows, Half* out) {
  for (int i = 0; i < 16; ++i) {
    const PairedRows pair = Pair(rows[2 * i], rows[2 * i + 1]);
    _mm512_storeu_si512(out + 2 * i * kBlock, pair.left);
    _mm512_storeu_si512(out + (2 * i + 1) * kBlock, pair.right);
  }
}

// A block of B whose columns the rows are: pairs of values that follow each other in a row. Shape: rows of 32 values -> [16, 32, 2].
inline void StoreTurned(__m512i* rows, Half* out) {
  Transpose(rows);
  Transpose(rows + 16);
  for (int i = 0; i < 16; ++i) {
    _mm512_storeu_si512(out + 2 * i * kBlock, rows[i]);
    _mm512_storeu_si512(out + (2 * i + 1) * kBlock, rows[16 + i]);
  }
}

// Rows and columns exchanged, the new rows `stride` values apart.
inline void StoreTransposed(const __m512i* rows, Half* out, int64_t stride) {
  __m512i left[16], right[16];
  for (int i = 0; i < 16; ++i) {
    const PairedRows pair = Pair(rows[2 * i], rows[2 * i + 1]);
    left[i] = pair.left;
    right[i] = pair.right;
  }
  Transpose(left);
  Transpose(right);
  for (int i = 0; i < 16; ++i) {
    _mm512_storeu_si512(out + i * stride, left[i]);
    _mm512_storeu_si512(out + (i + 16) * stride, right[i]);
  }
}

// Where the pixels of 32 positions stand in the dense tensor, null for zeros.
inline void RowsAt(const Grid& grid, int64_t position, int64_t channels, const Half* x, const Half** rows) {
  int64_t line = position / grid.stride, column = position % grid.stride;
  for (int64_t i = 0; i < kBlock; ++i) {
    const int64_t source = position + i < grid.count && column < grid.width ? grid.Source(line) : -1;
    rows[i] = source < 0 ? nullptr : x + (source + column) * channels;
    if (++column == grid.stride) {
      column = 0;
      ++line;
    }
  }
}

inline void LoadRows(const Half* const* rows, int64_t first, int64_t channels, __m512i* values) {
  for (int64_t i = 0; i < kBlock; ++i) values[i] = LoadRow(rows[i] == nullptr ? nullptr : rows[i] + first, channels - first);
}

// A row of positions for each channel, `length` long, the first position at `lead`: shape [blocks * 32, length], zeros wherever there
// is no pixel.
inline void PackChannels(tensorflow::OpKernelContext* context, const Grid& grid, int64_t channels, const Half* x, int64_t lead, int64_t length, Half* packed) {
  const int64_t blocks = (grid.count + kBlock - 1) / kBlock, end = lead + blocks * kBlock, height = UpTo(channels, kBlock);
  ParallelFor(context, height, lead, [&](int64_t row) {
    std::memset(packed + row * length, 0, lead * sizeof(Half));
    std::memset(packed + row * length + end, 0, (length - end) * sizeof(Half));
  });
  ParallelFor(context, blocks, height * 8, [&](int64_t block) {
    const Half* rows[kBlock];
    RowsAt(grid, block * kBlock, channels, x, rows);
    for (int64_t first = 0; first < channels; first += kBlock) {
      __m512i values[kBlock];
      LoadRows(rows, first, channels, values);
      StoreTransposed(values, packed + first * length + lead + block * kBlock, length);
    }
  });
}

// Pairs of positions that follow each other, channel by channel: shape [column blocks, positions / 2, 32, 2], zeros wherever there is no
// pixel.
inline void PackPairs(tensorflow::OpKernelContext* context, const Grid& grid, int64_t channels, const Half* x, Half* packed) {
  const int64_t blocks = (grid.count + kBlock - 1) / kBlock;
  ParallelFor(context, blocks, UpTo(channels, kBlock) * 4, [&](int64_t block) {
    const Half* rows[kBlock];
    RowsAt(grid, block * kBlock, channels, x, rows);
    for (int64_t first = 0; first < channels; first += kBlock) {
      __m512i values[kBlock];
      LoadRows(rows, first, channels, values);
      StorePairs(values, packed + (first * blocks + block * kBlock) * kBlock);
    }
  });
}

// 32 values of a row of floats as bfloat16, rounded to nearest, zeros beyond `count` or for no row.
inline __m512i RoundRow(const float* row, int64_t count) {
  if (row == nullptr || count <= 0) return _mm512_setzero_si512();
  const auto load = [&](int64_t first) {
    const int64_t left = count - first;
    return left >= 16 ? _mm512_loadu_ps(row + first) : left <= 0 ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps((1u << left) - 1, row + first);
  };
  return (__m512i)_mm512_cvtne2ps_pbh(load(16), load(0));
}

// A kernel [taps, inputs, outputs] as pairs of inputs: shape [output blocks, taps, input blocks, 16, 32, 2]. Turned, it is that of the
// gradient of the input: taps from the last to the first, inputs and outputs exchanged.
inline void PackKernel(tensorflow::OpKernelContext* context, int64_t taps, int64_t inputs, int64_t outputs, bool turned, const float* kernel, Half* packed) {
  const int64_t depth = turned ? outputs : inputs, columns = turned ? inputs : outputs;
  const int64_t depth_blocks = UpTo(depth, kBlock) / kBlock, column_blocks = UpTo(columns, kBlock) / kBlock;
  ParallelFor(context, column_blocks * taps * depth_blocks, kBlock * kBlock / 4, [&](int64_t unit) {
    const int64_t d0 = unit % depth_blocks * kBlock, tap = unit / depth_blocks % taps, c0 = unit / depth_blocks / taps * kBlock;
    Half* out = packed + unit * kBlock * kBlock;
    const int64_t row0 = turned ? c0 : d0, column0 = turned ? d0 : c0;  // of the kernel as it lies in memory
    const float* in = kernel + ((turned ? taps - 1 - tap : tap) * inputs + row0) * outputs + column0;
    const auto load = [&](int64_t row) { return RoundRow(row0 + row < inputs ? in + row * outputs : nullptr, outputs - column0); };
    __m512i values[kBlock];
    for (int64_t i = 0; i < kBlock; ++i) values[i] = load(i);
    if (turned) StoreTurned(values, out);
    else StorePairs(values, out);
  });
}

}  // namespace melstrom

#endif  // MELSTROM_HALF_LAYOUT_H_
