// Attention as in attention.cc, its products in bfloat16 on AMX tiles, softmax and all sums in float32.
#include "attention-parts.h"
#include "half-product.h"
#ifdef MELSTROM_HAS_TILES
#include <new>

#include "half-layout.h"
#endif

namespace melstrom {

using namespace tensorflow;

// Inputs and outputs as those of MelstromAttention and its gradient.
REGISTER_OP("MelstromAttentionHalf")
    .Input("q: float").Input("k: float").Input("v: float").Input("bias: N * float").Output("y: float")
    .Attr("N: int >= 0").Attr("scale: float").SetShapeFn(shape_inference::UnknownShape);
REGISTER_OP("MelstromAttentionHalfGrad")
    .Input("dy: float").Input("q: float").Input("k: float").Input("v: float").Input("bias: N * float")
    .Output("dq: float").Output("dk: float").Output("dv: float")
    .Attr("N: int >= 0").Attr("scale: float").SetShapeFn(shape_inference::UnknownShape);

#ifdef MELSTROM_HAS_TILES

// Blocks of queries whose weights are kept for the gradients of keys and values, and blocks of one unit of the way there.
constexpr int64_t kKept = 4, kUnit = 8;
constexpr int64_t kCells = kBlock * kBlock;

// Uninitialised memory for one unit of work, aligned to a line of the cache.
template <typename T>
class Room {
 public:
  explicit Room(int64_t count) : data_(static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(64)))) {}
  ~Room() { ::operator delete(data_, std::align_val_t(64)); }
  Room(const Room&) = delete;
  Room& operator=(const Room&) = delete;
  T* data() const { return data_; }
  T* Block(int64_t block) const { return data_ + block * kCells; }

 private:
  T* data_;
};

// 32 rows of a head, rounded, of 32 values from `column` on; zeros beyond the last of both.
static void RoundRows(const Head& head, int64_t first, int64_t count, int64_t column, __m512i* rows) {
  for (int64_t i = 0; i < kBlock; ++i) rows[i] = RoundRow(i < count ? head.Row(first + i) + column : nullptr, head.width - column);
}

// How one head is cut into blocks of 32.
struct Cut {
  int64_t width, keys;
  int64_t wide, deep;  // blocks in width and in keys

  Cut(int64_t width_in, int64_t keys_in) : width(width_in), keys(keys_in), wide(UpTo(width, kBlock) / kBlock), deep(UpTo(keys, kBlock) / kBlock) {}
  int64_t blocks() const { return wide * deep; }

  // B for products with a row of `width` values: for each block of keys its blocks in width.
  void PackColumns(const Head& head, const Room<Half>& packed) const {
    __m512i rows[kBlock];
    for (int64_t block = 0; block < blocks(); ++block) {
      RoundRows(head, block / wide * kBlock, keys - block / wide * kBlock, block % wide * kBlock, rows);
      StoreTurned(rows, packed.Block(block));
    }
  }
  // B for products with a row of `keys` values: for each block in width its blocks of keys.
  void PackDepth(const Head& head, const Room<Half>& packed) const {
    __m512i rows[kBlock];
    for (int64_t block = 0; block < blocks(); ++block) {
      RoundRows(head, block % deep * kBlock, keys - block % deep * kBlock, block / deep * kBlock, rows);
      StorePairs(rows, packed.Block(block));
    }
  }
};

// A row of A, from 32 rows of a head.
static void PackRows(const Head& head, int64_t first, int64_t count, int64_t wide, Half* packed) {
  for (int64_t row = 0; row < kBlock; ++row)
    for (int64_t block = 0; block < wide; ++block)
      _mm512_storeu_si512(packed + (row * wide + block) * kBlock, RoundRow(row < count ? head.Row(first + row) + block * kBlock : nullptr, head.width - block * kBlock));
}

// 32 rows of `steps` blocks times `columns` blocks of B, each value times `scale`: shape [32, columns * 32].
static void MultiplyRows(const Half* rows, int64_t steps, const Half* b, int64_t columns, float scale, float* result) {
  const int64_t start = 0, stride = columns * kBlock;
  alignas(64) float sums[kCells];
  for (int64_t column = 0; column < columns; ++column) {
    MultiplyBlock({rows, steps * kBlock, &start, 1, steps, b + column * steps * kCells}, false, sums);
    for (int64_t row = 0; row < kBlock; ++row)
      for (int64_t i = 0; i < kBlock; ++i) result[row * stride + column * kBlock + i] = sums[row * kBlock + i] * scale;
  }
}

// Rounds 32 rows of `blocks` blocks, zeros from row `count` on.
static void RoundAll(const float* rows, int64_t count, int64_t blocks, Half* rounded) {
  for (int64_t row = 0; row < kBlock; ++row)
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t at = (row * blocks + block) * kBlock;
      _mm512_storeu_si512(rounded + at, RoundRow(row < count ? rows + at : nullptr, kBlock));
    }
}

// Puts `count` rows of `width` values, in rows of `stride`, where a head's rows lie.
static void PutRows(const float* rows, int64_t stride, int64_t count, int64_t width, float* target, int64_t target_stride) {
  for (int64_t row = 0; row < count; ++row) std::copy_n(rows + row * stride, width, target + row * target_stride);
}

class AttentionHalfOp : public AttentionBase {
 public:
  explicit AttentionHalfOp(OpKernelConstruction* construction) : AttentionBase(construction) {
    OP_REQUIRES(construction, HasTiles(), absl::UnimplementedError("attention: this processor, or its system, has no AMX tiles for bfloat16"));
  }
  void Compute(OpKernelContext* context) override {
    if (!Resolve(context, 0)) return;
    const Tensor &q = context->input(0), &k = context->input(1), &v = context->input(2);
    const int64_t queries = q.dim_size(1), heads = q.dim_size(2);
    const Cut cut(q.dim_size(3), k.dim_size(1));
    Tensor* y = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, q.shape(), &y));
    float* target = y->flat<float>().data();
    const int64_t units = (queries + kUnit * kBlock - 1) / (kUnit * kBlock);
    ParallelFor(context, q.dim_size(0) * heads * units, std::min(queries, kUnit * kBlock) * cut.keys * 8, [&](int64_t unit) {
      const int64_t pair = unit / units, end = std::min(queries, (unit % units + 1) * kUnit * kBlock);
      const Head query = HeadOf(q, pair), key = HeadOf(k, pair), value = HeadOf(v, pair);
      const float* bias = BiasOf(context, 3, pair / heads, cut.keys);
      const int64_t offset = query.data - q.flat<float>().data(), stride = cut.deep * kBlock;
      const TileScope scope;
      const Room<Half> keys(cut.blocks() * kCells), values(cut.blocks() * kCells), rows(cut.wide * kCells), rounded(cut.deep * kCells);
      const Room<float> weights(cut.deep * kCells), mixed(cut.wide * kCells);
      cut.PackColumns(key, keys);
      cut.PackDepth(value, values);
      for (int64_t begin = unit % units * kUnit * kBlock; begin < end; begin += kBlock) {
        const int64_t count = std::min(kBlock, end - begin);
        PackRows(query, begin, count, cut.wide, rows.data());
        MultiplyRows(rows.data(), cut.wide, keys.data(), cut.deep, scale_, weights.data());
        for (int64_t row = 0; row < count; ++row) Softmax(cut.keys, stride, bias, weights.data() + row * stride);
        RoundAll(weights.data(), count, cut.deep, rounded.data());
        MultiplyRows(rounded.data(), cut.deep, values.data(), cut.wide, 1.0f, mixed.data());
        PutRows(mixed.data(), cut.wide * kBlock, count, cut.width, target + offset + begin * query.stride, query.stride);
      }
    });
  }
};

class AttentionHalfGradOp : public AttentionBase {
 public:
  explicit AttentionHalfGradOp(OpKernelConstruction* construction) : AttentionBase(construction) {
    OP_REQUIRES(construction, HasTiles(), absl::UnimplementedError("attention: this processor, or its system, has no AMX tiles for bfloat16"));
  }
  void Compute(OpKernelContext* context) override {
    if (!Resolve(context, 1)) return;
    const Tensor &dy = context->input(0), &q = context->input(1), &k = context->input(2);
    OP_REQUIRES(context, dy.shape() == q.shape(), absl::InvalidArgumentError("attention gradient: dy must have the shape of q"));
    float* outputs[3];
    for (int i = 0; i < 3; ++i) {
      Tensor* output = nullptr;
      OP_REQUIRES_OK(context, context->allocate_output(i, context->input(1 + i).shape(), &output));
      outputs[i] = output->flat<float>().data();
    }
    ParallelFor(context, q.dim_size(0) * q.dim_size(2), q.dim_size(1) * k.dim_size(1) * 24, [&](int64_t pair) { ComputeHead(context, pair, outputs); });
  }

 private:
  void ComputeHead(OpKernelContext* context, int64_t pair, float* const* outputs) const {
    const Tensor &dy = context->input(0), &q = context->input(1), &k = context->input(2), &v = context->input(3);
    const Head gradient = HeadOf(dy, pair), query = HeadOf(q, pair), key = HeadOf(k, pair), value = HeadOf(v, pair);
    const int64_t queries = q.dim_size(1), query_offset = query.data - q.flat<float>().data(), key_offset = key.data - k.flat<float>().data();
    const float* bias = BiasOf(context, 4, pair / q.dim_size(2), k.dim_size(1));
    const Cut cut(q.dim_size(3), k.dim_size(1));
    const int64_t stride = cut.deep * kBlock, kept = std::min(kKept, UpTo(queries, kBlock) / kBlock), kept_stride = kept * kBlock;
    const TileScope scope;
    const Room<Half> keys(cut.blocks() * kCells), values(cut.blocks() * kCells), key_depth(cut.blocks() * kCells);
    const Room<Half> rows(cut.wide * kCells), rounded(cut.deep * kCells);
    const Room<Half> query_pairs(cut.wide * kept * kCells), gradient_pairs(cut.wide * kept * kCells), weights_turned(cut.deep * kept * kCells), scores_turned(cut.deep * kept * kCells);
    const Room<float> weights(cut.deep * kCells), scores(cut.deep * kCells), dq(cut.wide * kCells), dk(cut.blocks() * kCells), dv(cut.blocks() * kCells);
    cut.PackColumns(key, keys);
    cut.PackColumns(value, values);
    cut.PackDepth(key, key_depth);
    for (int64_t first = 0; first < queries; first += kept_stride) {
      const int64_t held = std::min(kept, UpTo(queries - first, kBlock) / kBlock);
      for (int64_t block = 0; block < held; ++block) {
        const int64_t begin = first + block * kBlock, count = std::min(kBlock, queries - begin);
        PackRows(query, begin, count, cut.wide, rows.data());
        PairRows(rows.data(), cut.wide, block, held, query_pairs.data());
        MultiplyRows(rows.data(), cut.wide, keys.data(), cut.deep, scale_, weights.data());
        for (int64_t row = 0; row < count; ++row) Softmax(cut.keys, stride, bias, weights.data() + row * stride);
        PackRows(gradient, begin, count, cut.wide, rows.data());
        PairRows(rows.data(), cut.wide, block, held, gradient_pairs.data());
        MultiplyRows(rows.data(), cut.wide, values.data(), cut.deep, 1.0f, scores.data());
        for (int64_t row = 0; row < count; ++row) SoftmaxGradient(cut.keys, weights.data() + row * stride, scores.data() + row * stride);
        RoundAll(weights.data(), count, cut.deep, rounded.data());
        TurnRows(rounded.data(), cut.deep, weights_turned.data() + block * kBlock, kept_stride);
        RoundAll(scores.data(), count, cut.deep, rounded.data());
        TurnRows(rounded.data(), cut.deep, scores_turned.data() + block * kBlock, kept_stride);
        MultiplyRows(rounded.data(), cut.deep, key_depth.data(), cut.wide, scale_, dq.data());
        PutRows(dq.data(), cut.wide * kBlock, count, cut.width, outputs[0] + query_offset + begin * query.stride, query.stride);
      }
      const int64_t start = 0;
      for (int64_t block = 0; block < cut.blocks(); ++block) {
        const int64_t row = block / cut.wide * kBlock * kept_stride, column = block % cut.wide * held * kCells;
        MultiplyBlock({scores_turned.data() + row, kept_stride, &start, 1, held, query_pairs.data() + column}, first > 0, dk.Block(block));
        MultiplyBlock({weights_turned.data() + row, kept_stride, &start, 1, held, gradient_pairs.data() + column}, first > 0, dv.Block(block));
      }
    }
    for (int64_t block = 0; block < cut.blocks(); ++block) {
      const int64_t row = block / cut.wide * kBlock, column = block % cut.wide * kBlock;
      const int64_t count = std::min(kBlock, cut.keys - row), width = std::min(kBlock, cut.width - column), at = key_offset + row * key.stride + column;
      for (int64_t i = 0; i < kCells; ++i) dk.Block(block)[i] *= scale_;
      PutRows(dk.Block(block), kBlock, count, width, outputs[1] + at, key.stride);
      PutRows(dv.Block(block), kBlock, count, width, outputs[2] + at, key.stride);
    }
  }

  // B of 32 rows that are one of `held` blocks of its depth.
  static void PairRows(const Half* rows, int64_t wide, int64_t block, int64_t held, Half* packed) {
    __m512i values[kBlock];
    for (int64_t column = 0; column < wide; ++column) {
      for (int64_t row = 0; row < kBlock; ++row) values[row] = _mm512_loadu_si512(rows + (row * wide + column) * kBlock);
      StorePairs(values, packed + (column * held + block) * kCells);
    }
  }

  // 32 rows of `blocks` blocks as columns.
  static void TurnRows(const Half* rows, int64_t blocks, Half* turned, int64_t stride) {
    __m512i values[kBlock];
    for (int64_t block = 0; block < blocks; ++block) {
      for (int64_t row = 0; row < kBlock; ++row) values[row] = _mm512_loadu_si512(rows + (row * blocks + block) * kBlock);
      StoreTransposed(values, turned + block * kBlock * stride, stride);
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromAttentionHalf").Device(DEVICE_CPU), AttentionHalfOp);
REGISTER_KERNEL_BUILDER(Name("MelstromAttentionHalfGrad").Device(DEVICE_CPU), AttentionHalfGradOp);

#endif  // MELSTROM_HAS_TILES

}  // namespace melstrom
