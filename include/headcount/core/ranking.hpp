#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <headcount/core/content_digest.hpp>

namespace headcount::v0 {

/// How much a ranking depends on the texts that it was calibrated on: how alike two halves of them rank.
struct ranking_stability {
  /// How much the best k heads of every layer overlap: those that both halves keep over those that either keeps.
  struct best_heads {
    std::size_t k = 0;
    double share = 0;

    [[nodiscard]] friend bool operator==(best_heads const&, best_heads const&) = default;
  };

  std::size_t texts = 0;  ///< of both halves
  double tau = 0;         ///< Kendall's tau-b of the halves, mean over layers; NaN where there is no order
  double p = 1;           ///< of halves that agree as much by chance
  std::vector<best_heads> overlap{};

  [[nodiscard]] friend bool operator==(ranking_stability const&, ranking_stability const&) = default;
};

/// Where the scores of a ranking come from, so that they can be made again.
struct ranking_source {
  std::string method{};                          ///< what was computed, as `headcount rank --method` takes it
  std::string model{};                           ///< the model's name
  std::string model_identity{};                  ///< empty when nobody knows it
  std::string data{};                            ///< what it was computed on; empty for a ranking from weights alone
  std::string data_identity{};                   ///< a digest of these data; empty when nobody knows it
  std::uint64_t seed = 0;                        ///< that the data was drawn with
  std::string version{};                         ///< of headcount
  std::optional<ranking_stability> stability{};  ///< where it was calibrated on two texts or more

  [[nodiscard]] friend bool operator==(ranking_source const&, ranking_source const&) = default;
};

/// A static ranking: one score for each attention head of a model, the higher the sooner it is kept. Scores of one
/// layer are always comparable; whether those of two layers are is up to the method.
struct ranking {
  std::vector<std::vector<double>> scores{};  ///< `[layer][head]`, finite; a layer without attention has no head
  ranking_source source{};

  /// How many heads it ranks.
  [[nodiscard]] std::size_t heads() const noexcept {
    std::size_t count = 0;
    for (auto const& layer : scores) count += layer.size();
    return count;
  }

  /// Its scores; what it says of its source changes nothing that it does.
  void add_to(content_digest& digest) const noexcept { digest.add(scores); }

  [[nodiscard]] friend bool operator==(ranking const&, ranking const&) = default;
};

}  // namespace headcount::v0
