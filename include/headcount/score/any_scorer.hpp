#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include <headcount/core/site.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/part/sequence_dependence.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/score_heads.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/unscored.hpp>

namespace headcount::v0 {

/// Any scorer, chosen at run time. Copies share the scorer, which never changes; calls allocate nothing.
class any_scorer {
 public:
  any_scorer() : any_scorer{score::unscored{}} {}

  template <scorer Score>
  any_scorer(Score score) : held_{std::make_shared<holder<Score>>(std::move(score))} {}

  [[nodiscard]] reading_set needs() const noexcept { return held_->needs(); }
  [[nodiscard]] headcount::reading reads() const noexcept { return needs().most(); }
  [[nodiscard]] std::size_t state_size() const noexcept { return held_->state_size(); }
  /// Whether it may score the same tokens differently in two sequences.
  [[nodiscard]] bool depends_on_sequence() const { return held_->depends_on_sequence(); }

  /// Writes the score of every head, as score_heads does.
  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    held_->score_all(where, tensors, scores);
  }

  void validate(site const& where) const { held_->validate(where); }
  [[nodiscard]] friend std::string print(any_scorer const& part, files_as files = files_as::names) {
    return part.held_->print(files);
  }

  /// Equal sentences with equal files are equal scorers.
  [[nodiscard]] friend bool operator==(any_scorer const& a, any_scorer const& b) {
    return print(a, files_as::contents) == print(b, files_as::contents);
  }

 private:
  struct interface {
    virtual ~interface() = default;
    [[nodiscard]] virtual reading_set needs() const noexcept = 0;
    [[nodiscard]] virtual std::size_t state_size() const noexcept = 0;
    [[nodiscard]] virtual bool depends_on_sequence() const = 0;
    virtual void score_all(site const&, attention_tensors const&, std::span<double>) const noexcept = 0;
    virtual void validate(site const&) const = 0;
    [[nodiscard]] virtual std::string print(files_as) const = 0;
  };

  template <class Score>
  struct holder final : interface {
    explicit holder(Score part) : score{std::move(part)} {}

    reading_set needs() const noexcept override { return needs_of(score); }
    std::size_t state_size() const noexcept override { return state_size_of(score); }
    bool depends_on_sequence() const override {
      return part_depends_on_sequence(
          score, site_scorer<Score> || input_scorer<Score> || placed_row_scorer<Score> || layer_scorer<Score>);
    }
    void score_all(site const& where, attention_tensors const& tensors,
                   std::span<double> scores) const noexcept override {
      score_heads(score, where, tensors, scores);
    }
    void validate(site const& where) const override { validate_part(score, where); }
    std::string print(files_as files) const override { return headcount::print(score, files); }

    Score score;
  };

  std::shared_ptr<interface const> held_;
};

template <>
inline constexpr bool is_erased_part<any_scorer> = true;

}  // namespace headcount::v0
