#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/site.hpp>
#include <headcount/engine/language_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/block/matrix.hpp>
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

  /// What heads there are.
  [[nodiscard]] std::vector<site> layers() const { return reference::layers_of(*model_); }

  /// Throws what reference::forward throws.
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy,
           logits_user const& use) const {
    hand_out(steps, how, reference::forward(*model_, steps, how, policy), use);
  }
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use,
           observer const& watch) const {
    hand_out(steps, how, reference::forward(*model_, steps, how, policy, watch), use);
  }

  /// What comes before the first attention layer is computed once for all policies. Throws what run throws.
  void fork(std::span<step<state const> const> steps, pass const& how, std::span<any_policy const> policies,
            fork_user<state> const& use) const {
    reference::fork_steps(*model_, steps, how, policies,
                          [&](std::size_t p, std::size_t i, reference::matrix const& logits, state&& after) {
                            auto const begin = how.every_token ? 0 : steps[i].tokens.size() - 1;
                            for (auto t = begin; t < steps[i].tokens.size(); ++t)
                              use.logits(p, i, t, reference::row_of(logits, t - begin));
                            use.state(p, i, std::move(after));
                          });
  }

 private:
  static void hand_out(std::span<step<state> const> steps, pass const& how, reference::matrix const& logits,
                       logits_user const& use) {
    std::size_t row = 0;
    for (std::size_t i = 0; i < steps.size(); ++i)
      for (auto t = how.every_token ? 0 : steps[i].tokens.size() - 1; t < steps[i].tokens.size(); ++t)
        use(i, t, reference::row_of(logits, row++));
  }

  reference::model const* model_;
};

static_assert(forking_language_model<reference_model const> && observed<reference_model const>);

}  // namespace headcount::v0::evaluate
