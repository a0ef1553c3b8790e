#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/site.hpp>
#include <headcount/engine/language_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/kernel/observer.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>

namespace headcount::v0::evaluate {

/// A reference model as a language model. The model must outlive it.
class reference_model {
 public:
  using state = reference::state;

  explicit reference_model(reference::model const& model) noexcept : model_{&model} {}

  [[nodiscard]] std::size_t vocabulary() const noexcept { return model_->vocabulary(); }
  [[nodiscard]] state start() const { return model_->empty_state(); }

  /// Throws what reference::forward throws.
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy,
           logits_user const& use) const {
    run_watched(steps, how, policy, use, kernel::no_observer{});
  }
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use,
           observer const& watch) const {
    run_watched(steps, how, policy, use, watch);
  }

  /// What heads there are.
  [[nodiscard]] std::vector<site> layers() const { return reference::layers_of(*model_); }

 private:
  template <class Observer>
  void run_watched(std::span<step<state> const> steps, pass const& how, any_policy const& policy,
                   logits_user const& use, Observer const& watch) const {
    for_each_edit(steps, [&](std::size_t first, std::span<step<state> const> alike) {
      std::vector<reference::step> own;
      for (auto const& one : alike)
        own.push_back({.tokens = one.tokens, .state = one.state, .sequence_id = one.sequence_id});
      auto const logits = reference::forward(*model_, own, translate(how, alike.front().edits), policy, watch);
      std::size_t row = 0;
      for (std::size_t i = 0; i < alike.size(); ++i)
        for (auto t = first_wanted(how, alike[i].tokens); t < alike[i].tokens.size(); ++t)
          use(first + i, t, reference::row_of(logits, row++));
    });
  }

 public:
  /// What comes before the first attention layer is computed once for all policies. Throws what run throws.
  void fork(std::span<step<state const> const> steps, pass const& how, std::span<any_policy const> policies,
            fork_user<state> const& use) const {
    for_each_edit(steps, [&](std::size_t first, std::span<step<state const> const> alike) {
      std::vector<reference::sequence> sequences;
      std::vector<std::vector<token>> texts;
      for (auto const& one : alike) {
        sequences.push_back({.state = *one.state, .sequence_id = one.sequence_id});
        texts.emplace_back(one.tokens.begin(), one.tokens.end());
      }
      reference::fork_texts(
          *model_, std::span<reference::sequence const>{sequences}, texts, translate(how, alike.front().edits),
          policies, [&](std::size_t p, std::size_t i, reference::matrix const& logits, reference::sequence&& after) {
            auto const begin = first_wanted(how, texts[i]);
            for (auto t = begin; t < texts[i].size(); ++t)
              use.logits(p, first + i, t, reference::row_of(logits, t - begin));
            use.state(p, first + i, std::move(after.state));
          });
    });
  }

 private:
  /// Edits belong to a pass here and to a step there, so only steps with the same edits run together. Calls
  /// `work(first, steps)` with each run of them.
  template <class Step, class Work>
  static void for_each_edit(std::span<Step> steps, Work const& work) {
    auto const alike = [&](std::size_t a, std::size_t b) {
      return std::ranges::equal(
          steps[a].edits, steps[b].edits, {}, [](any_edit const& edit) { return print(edit); },
          [](any_edit const& edit) { return print(edit); });
    };
    for (std::size_t begin = 0, end = 0; begin < steps.size(); begin = end) {
      end = begin + 1;
      while (end < steps.size() && alike(begin, end)) ++end;
      work(begin, steps.subspan(begin, end - begin));
    }
  }

  [[nodiscard]] static reference::pass translate(pass const& how, std::span<any_edit const> edits) noexcept {
    return {.phase = how.phase,
            .edits = edits,
            .logits_of = how.every_token ? reference::wanted::all_tokens : reference::wanted::last_token};
  }

  /// The first token of a step that gets logits.
  [[nodiscard]] static std::size_t first_wanted(pass const& how, std::span<token const> tokens) noexcept {
    return how.every_token ? 0 : tokens.size() - 1;
  }

  reference::model const* model_;
};

static_assert(forking_language_model<reference_model const> && observed<reference_model const>);

}  // namespace headcount::v0::evaluate
