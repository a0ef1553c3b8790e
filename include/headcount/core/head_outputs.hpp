#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/content_digest.hpp>

namespace headcount::v0 {

/// Outputs of attention heads before the output projection, as a model gave them on some texts: what masks may put in
/// the place of a dropped head's. Sample i of every layer comes from the same token.
struct head_outputs {
  struct layer {
    std::size_t heads = 0;         ///< 0 in a layer without attention
    std::size_t dim = 0;           ///< features of a head's output
    std::vector<float> mean{};     ///< [head, dim], over all tokens that were looked at
    std::vector<float> samples{};  ///< [sample, head, dim], of some of those tokens

    void add_to(content_digest& digest) const noexcept {
      digest.add(heads);
      digest.add(dim);
      digest.add(mean);
      digest.add(samples);
    }
    /// A head's mean output.
    [[nodiscard]] std::span<float const> mean_of(std::size_t head) const noexcept {
      return std::span{mean}.subspan(head * dim, dim);
    }
    /// A head's output at one of the sampled tokens.
    [[nodiscard]] std::span<float const> sample_of(std::size_t sample, std::size_t head) const noexcept {
      return std::span{samples}.subspan((sample * heads + head) * dim, dim);
    }
  };

  void add_to(content_digest& digest) const noexcept {
    digest.add(samples);
    digest.add(layers);
  }

  std::vector<layer> layers{};  ///< one a layer of the model
  std::size_t samples = 0;      ///< in every layer with attention

  /// The layer's outputs; null where there are none of so many heads.
  [[nodiscard]] layer const* of(std::size_t at, std::size_t heads) const noexcept {
    return at < layers.size() && heads != 0 && layers[at].heads == heads ? &layers[at] : nullptr;
  }
};

}  // namespace headcount::v0
