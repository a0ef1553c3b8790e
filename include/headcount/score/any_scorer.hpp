#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/part.hpp>
#include <headcount/core/print_part.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/validate_part.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/unscored.hpp>

namespace headcount::inline v0 {

/// Any scorer, chosen at run time. Copies share the scorer, which never changes; calls allocate nothing.
/// The call operators are those of the four kinds of scorer; the ones that are not this scorer's must not be called.
class any_scorer {
 public:
  any_scorer() : any_scorer{score::unscored{}} {}

  template <scorer Score>
  any_scorer(Score score) : held_{std::make_shared<holder<Score>>(std::move(score))} {}

  [[nodiscard]] headcount::reading reads() const noexcept { return held_->reads(); }
  [[nodiscard]] double operator()(site const& where, std::size_t head) const noexcept { return held_->at(where, head); }
  [[nodiscard]] double operator()(head_query query) const noexcept { return held_->of(query); }
  [[nodiscard]] double operator()(row_view weights) const noexcept { return held_->of(weights); }
  [[nodiscard]] double operator()(head_output output) const noexcept { return held_->of(output); }

  void validate(site const& where) const { held_->validate(where); }
  [[nodiscard]] friend std::string print(any_scorer const& part) { return part.held_->print(); }

  /// Equal sentences are equal scorers.
  [[nodiscard]] friend bool operator==(any_scorer const& a, any_scorer const& b) { return print(a) == print(b); }

 private:
  struct interface {
    virtual ~interface() = default;
    [[nodiscard]] virtual headcount::reading reads() const noexcept = 0;
    [[nodiscard]] virtual double at(site const&, std::size_t) const noexcept = 0;
    [[nodiscard]] virtual double of(head_query) const noexcept = 0;
    [[nodiscard]] virtual double of(row_view) const noexcept = 0;
    [[nodiscard]] virtual double of(head_output) const noexcept = 0;
    virtual void validate(site const&) const = 0;
    [[nodiscard]] virtual std::string print() const = 0;
  };

  template <class Score>
  struct holder final : interface {
    explicit holder(Score part) : score{std::move(part)} {}

    headcount::reading reads() const noexcept override { return reading_of<Score>; }
    double at(site const& where, std::size_t head) const noexcept override { return call(where, head); }
    double of(head_query query) const noexcept override { return call(query); }
    double of(row_view weights) const noexcept override {
      return weights.is_contiguous() ? call(weights.as_span()) : call(weights);
    }
    double of(head_output output) const noexcept override { return call(output); }
    void validate(site const& where) const override { validate_part(score, where); }
    std::string print() const override { return headcount::print(score); }

    template <class... Evidence>
    double call(Evidence const&... evidence) const noexcept {
      if constexpr (std::invocable<Score const&, Evidence const&...>) return score(evidence...);
      else return 0;
    }

    Score score;
  };

  std::shared_ptr<interface const> held_;
};

template <>
inline constexpr bool is_erased_part<any_scorer> = true;

}  // namespace headcount::inline v0
