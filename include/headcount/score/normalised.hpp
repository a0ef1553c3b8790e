#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <string_view>

#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::score {

/// Another scorer in units of its own spread over the heads of a site, so that scorers of different units, and sites of
/// different layers, compare.
///
///     score = (inner - mean) / deviation,    over the heads whose inner score is finite; deviation^2 = mean of squares
///
/// Without unit; mean 0 and deviation 1 at every site. Where all heads score alike they score 0. A score of NaN or
/// infinity stays what it is. The order of heads does not change.
/// Reads what the inner scorer reads; O(heads) beside it, no allocation.
/// Source: the standard score; for heads, after the per-layer normalisation of Michel et al. 2019, arXiv 1905.10650,
/// section 4.1, which divides by the l2 norm instead.
struct normalised {
  static constexpr std::string_view name = "normalised";
  static constexpr part_about about{"another scorer's score in units of its spread over the heads of a site",
                                    "(inner - mean) / deviation",
                                    "the standard score; after Michel et al. 2019, arXiv 1905.10650"};

  any_scorer inner{};  ///< whose scores are standardised

  static constexpr auto fields =
      field_list{leading_field("inner", &normalised::inner, "whose scores are standardised")};

  [[nodiscard]] reading_set reads() const noexcept { return inner.reads(); }
  [[nodiscard]] std::size_t state_size() const noexcept { return inner.state_size(); }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    inner(where, tensors, scores);
    double const mean = mean_of_finite(scores, [](double score) { return score; });
    double const variance = mean_of_finite(scores, [&](double score) { return (score - mean) * (score - mean); });
    for (auto& score : scores)
      if (std::isfinite(score)) score = variance > 0 ? (score - mean) / std::sqrt(variance) : 0;
  }

 private:
  [[nodiscard]] static double mean_of_finite(std::span<double const> scores, auto const& term) noexcept {
    double sum = 0;
    std::size_t finite = 0;
    for (double const score : scores) {
      if (!std::isfinite(score)) continue;
      sum += term(score);
      ++finite;
    }
    return finite == 0 ? 0 : sum / static_cast<double>(finite);
  }
};

}  // namespace headcount::v0::score
