// How images and kernels are cut and laid out for Winograd's products: tiles of images, blocks of channels, points apart.
#ifndef MELSTROM_WINOGRAD_LAYOUT_H_
#define MELSTROM_WINOGRAD_LAYOUT_H_

#include "common.h"
#include "winograd.h"

namespace melstrom {

// Rows a multiple of 4096 bytes apart would all lie in the same few places of the cache, so points lie a line of it further apart.
inline int64_t PointStep(int64_t values) { return values + 16; }

inline int64_t BlocksOf(int64_t count, int64_t unit) { return (count + unit - 1) / unit; }

// Images [items, height, width] in tiles of 4 × 4 pixels, each image in tiles of its own: its result does not depend on what stands beside it.
struct Tiling {
  int64_t items, height, width, rows, columns;

  Tiling(int64_t items_in, int64_t height_in, int64_t width_in)
      : items(items_in), height(height_in), width(width_in), rows(BlocksOf(height, kTile)), columns(BlocksOf(width, kTile)) {}
  int64_t count() const { return items * rows * columns; }
  int64_t Item(int64_t tile) const { return tile / (rows * columns); }
  // The tile's first line and column in its image.
  int64_t Line(int64_t tile) const { return tile / columns % rows * kTile; }
  int64_t Column(int64_t tile) const { return tile % columns * kTile; }
};

// A square of pixels, which may reach beyond its image: there it is zero.
template <int64_t size>
struct Square {
  const float* lines[size];
  int64_t first_column, width, channels;

  // It begins `before` lines and columns before the tile.
  Square(const Tiling& tiling, int64_t tile, int64_t before, const float* images, int64_t channels_in)
      : first_column(tiling.Column(tile) - before), width(tiling.width), channels(channels_in) {
    for (int64_t index = 0; index < size; ++index) {
      const int64_t line = tiling.Line(tile) - before + index;
      lines[index] = line >= 0 && line < tiling.height ? images + (tiling.Item(tile) * tiling.height + line) * width * channels : nullptr;
    }
  }
  void Read(int64_t channel, Vector* out) const {
    for (int64_t line = 0; line < size; ++line) {
      for (int64_t column = 0; column < size; ++column) {
        const int64_t at = first_column + column;
        const bool is_pixel = lines[line] != nullptr && at >= 0 && at < width;
        out[line * size + column] = is_pixel ? LoadSome(lines[line] + at * channels + channel, channels - channel) : Vector{};
      }
    }
  }
};

// The points of a tile's image, or of the gradient of its output, for all channels: point p of channels c to c + kLanes goes to
// target(c) + p * step.
template <typename Transform, int64_t size, typename Target>
inline void ToPoints(const Square<size>& square, int64_t step, const Target& target) {
  Vector pixels[size * size], points[kPoints];
  for (int64_t channel = 0; channel < square.channels; channel += kLanes) {
    square.Read(channel, pixels);
    TransformBothWays<Transform, size, kSpan>(pixels, points);
    float* out = target(channel);
    for (int64_t point = 0; point < kPoints; ++point) Save(points[point], out + point * step);
  }
}

// The kernel of a product, [3, 3, inputs, outputs]. Turned, it is that of the gradient of the input: taps from the last to the first, inputs and
// outputs exchanged.
struct Kernel {
  const float* values;
  int64_t inputs, outputs;
  bool turned;

  int64_t depth() const { return turned ? outputs : inputs; }
  int64_t columns() const { return turned ? inputs : outputs; }

  // The taps of kLanes × kLanes values from there on, zeros beyond the last ones.
  void Read(int64_t first, int64_t column, Vector (*taps)[9]) const {
    for (int64_t tap = 0; tap < 9; ++tap) {
      for (int64_t lane = 0; lane < kLanes; ++lane) {
        if (!turned) {
          const bool is_there = first + lane < inputs && column < outputs;
          taps[lane][tap] = is_there ? LoadSome(values + (tap * inputs + first + lane) * outputs + column, outputs - column) : Vector{};
        } else {
          const Vector row = column + lane < inputs ? LoadSome(values + ((8 - tap) * inputs + column + lane) * outputs + first, outputs - first) : Vector{};
          for (int64_t k = 0; k < kLanes; ++k) taps[k][tap][lane] = row[k];
        }
      }
    }
  }

  // kLanes values of the depth and a panel of columns at their points: point p goes to target + p * step, a row of kPanel for each value.
  void ToPoints(int64_t first, int64_t column, int64_t step, float* target) const {
    Vector taps[kLanes][9], points[kPoints];
    for (int64_t half = 0; half < kPanel; half += kLanes) {
      Read(first, column + half, taps);
      for (int64_t k = 0; k < kLanes; ++k) {
        TransformBothWays<KernelToPoints, 3, kSpan>(taps[k], points);
        for (int64_t point = 0; point < kPoints; ++point) Save(points[point], target + point * step + k * kPanel + half);
      }
    }
  }
};

}  // namespace melstrom

#endif  // MELSTROM_WINOGRAD_LAYOUT_H_
