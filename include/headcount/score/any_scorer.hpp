#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include <headcount/core/site.hpp>
#include <headcount/part/any_part.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/score_heads.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/unscored.hpp>

namespace headcount::v0 {

/// What any_scorer needs of a scorer.
struct scorer_interface : part_interface {
  template <class Score>
  static constexpr bool is_told_site = layer_scorer<Score> || takes_site<Score>;

  [[nodiscard]] virtual reading_set reads() const noexcept = 0;
  [[nodiscard]] virtual std::size_t state_size() const noexcept = 0;
  virtual void score_all(site const&, attention_tensors const&, std::span<double>) const noexcept = 0;
};

template <class Score>
struct scorer_holder final : part_holder<Score, scorer_interface> {
  using part_holder<Score, scorer_interface>::part_holder;
  reading_set reads() const noexcept override { return reads_of(this->part); }
  std::size_t state_size() const noexcept override { return state_size_of(this->part); }
  void score_all(site const& where, attention_tensors const& tensors,
                 std::span<double> scores) const noexcept override {
    score_heads(this->part, where, tensors, scores);
  }
};

/// Any scorer, chosen at run time: a layer scorer, whatever it holds.
class any_scorer : public any_part<scorer_interface> {
 public:
  any_scorer() : any_scorer{score::unscored{}} {}

  template <scorer Score>
  any_scorer(Score score) : any_part{shared<scorer_interface>::template make<scorer_holder<Score>>(std::move(score))} {}

  [[nodiscard]] reading_set reads() const noexcept { return held().reads(); }
  [[nodiscard]] std::size_t state_size() const noexcept { return held().state_size(); }

  /// Writes the score of every head, as score_heads does.
  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    held().score_all(where, tensors, scores);
  }
};

template <>
inline constexpr bool is_erased_part<any_scorer> = true;

}  // namespace headcount::v0
