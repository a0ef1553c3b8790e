#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/content_digest.hpp>

namespace headcount::v0::score {

/// output = weight * input + bias.
struct affine_map {
  std::size_t inputs = 0;
  std::vector<float> weight{};  ///< `[output, input]`
  std::vector<float> bias{};    ///< `[output]`

  [[nodiscard]] std::size_t outputs() const noexcept { return bias.size(); }

  void add_to(content_digest& digest) const noexcept {
    digest.add(inputs);
    digest.add(weight);
    digest.add(bias);
  }

  /// One output. O(inputs).
  [[nodiscard]] double operator()(std::span<float const> input, std::size_t output) const noexcept {
    double sum = static_cast<double>(bias[output]);
    float const* const row = weight.data() + output * inputs;
    for (std::size_t i = 0; i < inputs; ++i) sum += static_cast<double>(row[i]) * static_cast<double>(input[i]);
    return sum;
  }
};

/// Guesses the scores of one layer's heads from the attention block's input: by one map to the heads, or by one to
/// hidden units and another to the heads.
struct layer_predictor {
  std::size_t layer = 0;
  std::vector<affine_map> maps{};  ///< one or two; the last has an output for each head
  bool relu = false;               ///< whether hidden units below 0 count as 0

  [[nodiscard]] std::size_t inputs() const noexcept { return maps.front().inputs; }
  [[nodiscard]] std::size_t heads() const noexcept { return maps.back().outputs(); }

  void add_to(content_digest& digest) const noexcept {
    digest.add(layer);
    digest.add(relu);
    digest.add(maps);
  }

  /// The scores of all heads. O(inputs * hidden + hidden * heads), or O(inputs * heads); no allocation.
  void operator()(std::span<float const> input, std::span<double> scores) const noexcept {
    auto const& last = maps.back();
    if (maps.size() == 1) {
      for (std::size_t head = 0; head < scores.size(); ++head) scores[head] = last(input, head);
      return;
    }
    for (std::size_t head = 0; head < scores.size(); ++head) scores[head] = last.bias[head];
    for (std::size_t unit = 0; unit < last.inputs; ++unit) {
      double value = maps.front()(input, unit);
      if (relu && value < 0) value = 0;
      for (std::size_t head = 0; head < scores.size(); ++head)
        scores[head] += static_cast<double>(last.weight[head * last.inputs + unit]) * value;
    }
  }
};

/// A predictor of every attention layer of a model.
struct head_predictor {
  std::vector<layer_predictor> layers{};

  /// The predictor of a layer; null when there is none.
  [[nodiscard]] layer_predictor const* at(std::size_t layer) const noexcept {
    for (auto const& one : layers)
      if (one.layer == layer) return &one;
    return nullptr;
  }

  void add_to(content_digest& digest) const noexcept { digest.add(layers); }
};

}  // namespace headcount::v0::score
