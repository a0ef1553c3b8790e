#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include <headcount/core/site.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/score_heads.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::score {

// What the scorers that join several others (sum, product, rank_mean) are made of.

/// What several scorers read together.
[[nodiscard]] inline reading_set reads_of_all(std::vector<any_scorer> const& scorers) noexcept {
  reading_set reads;
  for (auto const& scorer : scorers) reads = reads | scorer.reads();
  return reads;
}

/// The numbers a head that several scorers remember together.
[[nodiscard]] inline std::size_t state_size_of_all(std::vector<any_scorer> const& scorers) noexcept {
  std::size_t size = 0;
  for (auto const& scorer : scorers) size += scorer.state_size();
  return size;
}

/// Calls `use(i, scores)` with what each scorer makes of the heads, `[head]`.
template <class Use>
void for_each_scorer(std::vector<any_scorer> const& scorers, site const& where, attention_tensors const& tensors,
                     std::size_t heads, Use const& use) noexcept {
  head_scores room;
  auto const scores = std::span{room}.first(heads);
  auto rest = tensors;
  for (std::size_t i = 0; i < scorers.size(); ++i) {
    auto own = tensors;
    own.memory = take_memory(rest, scorers[i].state_size() * heads);
    scorers[i](where, own, scores);
    use(i, std::span<double const>{scores});
  }
}

}  // namespace headcount::v0::score
