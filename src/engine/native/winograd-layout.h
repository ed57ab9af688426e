// How images and kernels are cut and laid out for Winograd's products: tiles of images, blocks of channels, points apart.
#ifndef MELSTROM_WINOGRAD_LAYOUT_H_
#define MELSTROM_WINOGRAD_LAYOUT_H_

#include "common.h"
#include "winograd.h"

namespace melstrom {

// Rows a multiple of 4096 bytes apart would all lie in the same few places of the cache, so points lie a line of it further apart.
inline int64_t PointStep(int64_t values) { return values + 16; }

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

// The pixels of the square that one tile's transform reads, which may reach beyond its image: there it is zero.
template <int64_t size>
struct Square {
  const float* pixels[size * size];

  // It begins `before` lines and columns before the tile. `zeros`: as many as there are channels.
  Square(const Tiling& tiling, int64_t tile, int64_t before, const float* images, int64_t channels, const float* zeros) {
    for (int64_t index = 0; index < size * size; ++index) {
      const int64_t line = tiling.Line(tile) - before + index / size, column = tiling.Column(tile) - before + index % size;
      const bool is_pixel = line >= 0 && line < tiling.height && column >= 0 && column < tiling.width;
      pixels[index] = is_pixel ? images + ((tiling.Item(tile) * tiling.height + line) * tiling.width + column) * channels : zeros;
    }
  }
};

// The points of a tile's image, or of the gradient of its output: point p of channels c to c + kLanes goes to target(c) + p * step.
template <typename Transform, typename Target>
inline void TileToPoints(const Square<Transform::kFrom>& square, int64_t channels, int64_t step, const Target& target) {
  int64_t channel = 0;
  for (; channel + kLanes <= channels; channel += kLanes) {
    float* out = target(channel);
    TransformBothWays<Transform>([&](int64_t i) { return Load(square.pixels[i] + channel); }, [&](int64_t point, const Vector& value) { Save(value, out + point * step); });
  }
  if (channel == channels) return;
  float* out = target(channel);
  TransformBothWays<Transform>([&](int64_t i) { return LoadSome(square.pixels[i] + channel, channels - channel); }, [&](int64_t point, const Vector& value) { Save(value, out + point * step); });
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
    Vector taps[kLanes][9];
    for (int64_t half = 0; half < kPanel; half += kLanes) {
      Read(first, column + half, taps);
      for (int64_t k = 0; k < kLanes; ++k) {
        float* out = target + k * kPanel + half;
        TransformBothWays<KernelToPoints>([&](int64_t tap) { return taps[k][tap]; }, [&](int64_t point, const Vector& value) { Save(value, out + point * step); });
      }
    }
  }
};

}  // namespace melstrom

#endif  // MELSTROM_WINOGRAD_LAYOUT_H_
