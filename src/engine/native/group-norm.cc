// Group normalisation with an optional SiLU, and its gradient, in two passes over each item.
#include "group-norm-loops.h"
#include "requirements.h"

namespace melstrom {

using namespace tensorflow;

REGISTER_OP("MelstromGroupNorm")
    .Input("x: float").Input("gamma: float").Input("beta: float")
    .Output("y: T").Output("mean: float").Output("inverse_deviation: float")
    .Attr("T: {float, bfloat16}").Attr("groups: int").Attr("epsilon: float").Attr("silu: bool")
    .SetShapeFn(shape_inference::UnknownShape);
REGISTER_OP("MelstromGroupNormGrad")
    .Input("dy: T").Input("x: float").Input("gamma: float").Input("beta: float")
    .Input("mean: float").Input("inverse_deviation: float")
    .Output("dx: float").Output("dgamma: float").Output("dbeta: float")
    .Attr("T: {float, bfloat16}").Attr("groups: int").Attr("epsilon: float").Attr("silu: bool")
    .SetShapeFn(shape_inference::UnknownShape);

class GroupNormBase : public OpKernel {
 public:
  explicit GroupNormBase(OpKernelConstruction* construction) : OpKernel(construction) {
    OP_REQUIRES_OK(construction, construction->GetAttr("groups", &groups_));
    OP_REQUIRES_OK(construction, construction->GetAttr("epsilon", &epsilon_));
    OP_REQUIRES_OK(construction, construction->GetAttr("silu", &silu_));
  }

 protected:
  // Runs first(item, chunk) on all chunks, between(item), then second(item, chunk). Items that fit the threads are
  // finished one after the other while they are in the cache; otherwise the chunks of all items are shared out.
  template <typename First, typename Between, typename Second>
  void RunPasses(OpKernelContext* context, int64_t items, const Lanes& layout, const First& first, const Between& between,
                 const Second& second) const {
    const int64_t cost = layout.chunk_values * (silu_ ? 4 : 2);
    if (SplitsByItem(context, items)) {
      ParallelFor(context, items, 2 * cost * layout.chunks, [&](int64_t item) {
        for (int64_t chunk = 0; chunk < layout.chunks; ++chunk) first(item, chunk);
        between(item);
        for (int64_t chunk = 0; chunk < layout.chunks; ++chunk) second(item, chunk);
      });
      return;
    }
    ParallelFor(context, items * layout.chunks, cost, [&](int64_t unit) { first(unit / layout.chunks, unit % layout.chunks); });
    for (int64_t item = 0; item < items; ++item) between(item);
    ParallelFor(context, items * layout.chunks, cost, [&](int64_t unit) { second(unit / layout.chunks, unit % layout.chunks); });
  }

  int groups_;
  float epsilon_;
  bool silu_;
};

// Stored is the number format of the result.
template <typename Stored>
class GroupNormOp : public GroupNormBase {
 public:
  using GroupNormBase::GroupNormBase;

  void Compute(OpKernelContext* context) override {
    const Tensor& x = context->input(0);
    if (!RequireGroupNorm(context, x, context->input(1), context->input(2), groups_)) return;
    const int64_t items = x.dim_size(0), rows = x.dim_size(1) * x.dim_size(2), channels = x.dim_size(3);
    const Lanes layout(rows, channels);
    Tensor *y = nullptr, *mean = nullptr, *inverse_deviation = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &y));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({items, groups_}), &mean));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({items, groups_}), &inverse_deviation));
    const float* x_data = x.flat<float>().data();
    Stored* y_data = Values<Stored>(y);
    const float* gamma = context->input(1).flat<float>().data();
    const float* beta = context->input(2).flat<float>().data();
    float* mean_data = mean->flat<float>().data();
    float* inverse_data = inverse_deviation->flat<float>().data();
    std::vector<double> sums(items * layout.chunks * 2 * channels);
    std::vector<float> lanes(items * 3 * layout.lanes);  // scale, mean and shift

    const auto first = [&](int64_t item, int64_t chunk) {
      const float* source = x_data + item * layout.values;
      std::vector<float> work(3 * layout.lanes, 0.0f);
      float *pivot = work.data(), *sum = pivot + layout.lanes, *square = sum + layout.lanes;
      layout.Spread(source, pivot);
      ForEachRun(layout, chunk, [&](int64_t offset, int64_t count) { AddMoments(count, source + offset, pivot, sum, square); });
      double* out = sums.data() + (item * layout.chunks + chunk) * 2 * channels;
      layout.Fold(sum, out);
      layout.Fold(square, out + channels);
    };
    const auto between = [&](int64_t item) {
      const float* pivot = x_data + item * layout.values;
      std::vector<double> total(2 * channels, 0.0);
      for (int64_t chunk = 0; chunk < layout.chunks; ++chunk) {
        const double* part = sums.data() + (item * layout.chunks + chunk) * 2 * channels;
        for (int64_t c = 0; c < 2 * channels; ++c) total[c] += part[c];
      }
      std::vector<float> scale(channels), centre(channels);
      const int64_t width = channels / groups_;
      for (int64_t group = 0; group < groups_; ++group) {
        const int64_t begin = group * width;
        double group_mean = 0.0, spread = 0.0;
        for (int64_t c = begin; c < begin + width; ++c) group_mean += pivot[c] + total[c] / rows;
        group_mean /= width;
        for (int64_t c = begin; c < begin + width; ++c) {
          const double offset = pivot[c] + total[c] / rows - group_mean;
          spread += total[channels + c] - total[c] * total[c] / rows + rows * offset * offset;
        }
        const double variance = std::max(spread / (rows * width), 0.0);
        // max() returns 0 for NaN; a sum that is not finite must stay visible.
        const double inverse = std::isfinite(spread) ? 1.0 / std::sqrt(variance + epsilon_) : std::nan("");
        mean_data[item * groups_ + group] = static_cast<float>(group_mean);
        inverse_data[item * groups_ + group] = static_cast<float>(inverse);
        for (int64_t c = begin; c < begin + width; ++c) {
          scale[c] = static_cast<float>(gamma[c] * inverse);
          centre[c] = static_cast<float>(group_mean);
        }
      }
      float* lane_data = lanes.data() + item * 3 * layout.lanes;
      layout.Spread(scale.data(), lane_data);
      layout.Spread(centre.data(), lane_data + layout.lanes);
      layout.Spread(beta, lane_data + 2 * layout.lanes);
    };
    const auto second = [&](int64_t item, int64_t chunk) {
      const float* scale = lanes.data() + item * 3 * layout.lanes;
      const float *centre = scale + layout.lanes, *shift = centre + layout.lanes;
      const int64_t base = item * layout.values;
      const auto body = silu_ ? NormaliseSilu<Stored> : Normalise<Stored>;
      ForEachRun(layout, chunk, [&](int64_t offset, int64_t count) {
        body(count, x_data + base + offset, scale, centre, shift, y_data + base + offset);
      });
    };
    RunPasses(context, items, layout, first, between, second);
  }
};

// Stored is the number format of the gradient that comes in.
template <typename Stored>
class GroupNormGradOp : public GroupNormBase {
 public:
  using GroupNormBase::GroupNormBase;

  void Compute(OpKernelContext* context) override {
    const Tensor &dy = context->input(0), &x = context->input(1);
    if (!RequireGroupNormGrad(context, groups_)) return;
    const int64_t items = x.dim_size(0), rows = x.dim_size(1) * x.dim_size(2), channels = x.dim_size(3);
    const Lanes layout(rows, channels);
    Tensor *dx = nullptr, *dgamma = nullptr, *dbeta = nullptr;
    OP_REQUIRES_OK(context, context->allocate_output(0, x.shape(), &dx));
    OP_REQUIRES_OK(context, context->allocate_output(1, TensorShape({channels}), &dgamma));
    OP_REQUIRES_OK(context, context->allocate_output(2, TensorShape({channels}), &dbeta));
    const Stored* dy_data = Values<Stored>(dy);
    const float* x_data = x.flat<float>().data();
    float* dx_data = dx->flat<float>().data();
    const float* gamma = context->input(2).flat<float>().data();
    const float* beta = context->input(3).flat<float>().data();
    const float* mean = context->input(4).flat<float>().data();
    const float* inverse = context->input(5).flat<float>().data();
    const int64_t width = channels / groups_;
    std::vector<double> sums(items * layout.chunks * 2 * channels);
    std::vector<double> item_sums(items * 2 * channels, 0.0);  // per item: sum of g, sum of g * (x - mean)
    enum { kScale, kCentre, kShift, kConstant, kSlope, kLaneKinds };
    std::vector<float> lanes(items * kLaneKinds * layout.lanes);
    const auto lane_of = [&](int64_t item, int which) { return lanes.data() + (item * kLaneKinds + which) * layout.lanes; };

    for (int64_t item = 0; item < items; ++item) {
      std::vector<float> scale(channels), centre(channels);
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t group = item * groups_ + c / width;
        scale[c] = gamma[c] * inverse[group];
        centre[c] = mean[group];
      }
      layout.Spread(scale.data(), lane_of(item, kScale));
      layout.Spread(centre.data(), lane_of(item, kCentre));
      layout.Spread(beta, lane_of(item, kShift));
    }
    const auto first = [&](int64_t item, int64_t chunk) {
      const float *scale = lane_of(item, kScale), *centre = lane_of(item, kCentre), *shift = lane_of(item, kShift);
      const int64_t base = item * layout.values;
      std::vector<float> work(2 * layout.lanes, 0.0f);
      float *sum = work.data(), *projection = sum + layout.lanes;
      ForEachRun(layout, chunk, [&](int64_t offset, int64_t count) {
        const float* in = x_data + base + offset;
        float* inner = dx_data + base + offset;
        if (silu_) InnerGradient(count, dy_data + base + offset, in, scale, centre, shift, inner);
        else CopyAsFloat(count, dy_data + base + offset, inner);
        AddProjections(count, inner, in, centre, sum, projection);
      });
      double* part = sums.data() + (item * layout.chunks + chunk) * 2 * channels;
      layout.Fold(sum, part);
      layout.Fold(projection, part + channels);
    };
    const auto between = [&](int64_t item) {
      double* total = item_sums.data() + item * 2 * channels;
      for (int64_t chunk = 0; chunk < layout.chunks; ++chunk) {
        const double* part = sums.data() + (item * layout.chunks + chunk) * 2 * channels;
        for (int64_t c = 0; c < 2 * channels; ++c) total[c] += part[c];
      }
      std::vector<float> constant(channels), slope(channels);
      for (int64_t group = 0; group < groups_; ++group) {
        const double deviation = inverse[item * groups_ + group];
        double mean_gradient = 0.0, mean_projection = 0.0;
        for (int64_t c = group * width; c < (group + 1) * width; ++c) {
          mean_gradient += total[c] * gamma[c];
          mean_projection += total[channels + c] * gamma[c];
        }
        mean_gradient /= rows * width;
        mean_projection /= rows * width;
        for (int64_t c = group * width; c < (group + 1) * width; ++c) {
          constant[c] = static_cast<float>(-deviation * mean_gradient);
          slope[c] = static_cast<float>(-deviation * deviation * deviation * mean_projection);
        }
      }
      layout.Spread(constant.data(), lane_of(item, kConstant));
      layout.Spread(slope.data(), lane_of(item, kSlope));
    };
    const auto second = [&](int64_t item, int64_t chunk) {
      const float *scale = lane_of(item, kScale), *centre = lane_of(item, kCentre);
      const float *constant = lane_of(item, kConstant), *slope = lane_of(item, kSlope);
      const int64_t base = item * layout.values;
      ForEachRun(layout, chunk, [&](int64_t offset, int64_t count) {
        float* inner = dx_data + base + offset;
        InputGradient(count, inner, x_data + base + offset, scale, centre, constant, slope, inner);
      });
    };
    RunPasses(context, items, layout, first, between, second);

    float *dgamma_data = dgamma->flat<float>().data(), *dbeta_data = dbeta->flat<float>().data();
    for (int64_t c = 0; c < channels; ++c) {
      double scale_sum = 0.0, shift_sum = 0.0;
      for (int64_t item = 0; item < items; ++item) {
        shift_sum += item_sums[item * 2 * channels + c];
        scale_sum += item_sums[item * 2 * channels + channels + c] * inverse[item * groups_ + c / width];
      }
      dgamma_data[c] = static_cast<float>(scale_sum);
      dbeta_data[c] = static_cast<float>(shift_sum);
    }
  }
};

REGISTER_KERNEL_BUILDER(Name("MelstromGroupNorm").Device(DEVICE_CPU).TypeConstraint<float>("T"), GroupNormOp<float>);
REGISTER_KERNEL_BUILDER(Name("MelstromGroupNorm").Device(DEVICE_CPU).TypeConstraint<bfloat16>("T"), GroupNormOp<Half>);
REGISTER_KERNEL_BUILDER(Name("MelstromGroupNormGrad").Device(DEVICE_CPU).TypeConstraint<float>("T"), GroupNormGradOp<float>);
REGISTER_KERNEL_BUILDER(Name("MelstromGroupNormGrad").Device(DEVICE_CPU).TypeConstraint<bfloat16>("T"), GroupNormGradOp<Half>);

}  // namespace melstrom
