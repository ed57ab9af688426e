// Products of bfloat16 matrices on AMX tiles, summed in float32, for blocks of 32 rows and 32 columns of the result.
#ifndef MELSTROM_HALF_PRODUCT_H_
#define MELSTROM_HALF_PRODUCT_H_

#if defined(__AMX_BF16__) && defined(__linux__)
#define MELSTROM_HAS_TILES 1
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace melstrom {

// Rows and columns of a block, and how much of the depth one step takes.
constexpr int64_t kBlock = 32;

// A block C = A·B. The depth is walked in steps of 32: `steps` of them from each of `start_count` starts in A, while B goes on. Of A a
// step reads 32 rows of 32 values, `stride` values apart; of B 16 rows of 32 pairs that lie one after the other, a pair being two values
// of one column that follow each other in depth.
struct BlockProduct {
  const uint16_t* a;
  int64_t stride;
  const int64_t* starts;
  int64_t start_count;
  int64_t steps;
  const uint16_t* b;
};

// Whether Linux lets this process use the tiles. Asked once; it must be asked before their first use.
inline bool HasTiles() {
  static const bool granted = [] {
    constexpr long kRequestPermission = 0x1023, kTileData = 18;
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return granted;
}

// Sets the block, of 32 × 32 values without gaps, or adds to it. Within a TileScope.
inline void MultiplyBlock(const BlockProduct& product, bool adds, float* c) {
  constexpr int64_t kHalf = kBlock / 2, kRowBytes = kBlock * 4;
  if (adds) {
    _tile_loadd(0, c, kRowBytes);
    _tile_loadd(1, c + kHalf, kRowBytes);
    _tile_loadd(2, c + kHalf * kBlock, kRowBytes);
    _tile_loadd(3, c + kHalf * kBlock + kHalf, kRowBytes);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  const int64_t a_bytes = product.stride * 2, b_bytes = 4 * kBlock;
  const uint16_t* b = product.b;
  // Loads are what takes the time, more than products; what the next step reads of B is asked for between them.
  const auto prefetch = [&b](int64_t quarter) {
    for (int64_t line = 8 * quarter; line < 8 * quarter + 8; ++line) _mm_prefetch(reinterpret_cast<const char*>(b + kBlock * (kBlock + line)), _MM_HINT_T0);
  };
  for (int64_t start = 0; start < product.start_count; ++start) {
    const uint16_t* a = product.a + product.starts[start];
    for (int64_t step = 0; step < product.steps; ++step, a += kBlock, b += kBlock * kBlock) {
      _tile_loadd(4, a, a_bytes);
      _tile_loadd(6, b, b_bytes);
      prefetch(0);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, b + kBlock, b_bytes);
      prefetch(1);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, a + kHalf * product.stride, a_bytes);
      prefetch(2);
      _tile_dpbf16ps(2, 5, 6);
      prefetch(3);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, c, kRowBytes);
  _tile_stored(1, c + kHalf, kRowBytes);
  _tile_stored(2, c + kHalf * kBlock, kRowBytes);
  _tile_stored(3, c + kHalf * kBlock + kHalf, kRowBytes);
}

// Sets this thread's tiles to 16 rows of 64 bytes, and back to what they were: oneDNN, on the same threads, remembers its own setting.
class TileScope {
 public:
  TileScope() {
    _tile_storeconfig(before_);
    alignas(64) uint8_t wanted[64] = {};
    wanted[0] = 1;
    for (int tile = 0; tile < 8; ++tile) {
      wanted[16 + 2 * tile] = 64;
      wanted[48 + tile] = 16;
    }
    _tile_loadconfig(wanted);
  }
  ~TileScope() {
    if (before_[0] == 0) _tile_release();
    else _tile_loadconfig(before_);
  }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;

 private:
  alignas(64) uint8_t before_[64];
};

}  // namespace melstrom

#endif  // MELSTROM_HAS_TILES

#endif  // MELSTROM_HALF_PRODUCT_H_
