#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include <headcount/score/any_scorer.hpp>
#include <headcount/select/any_selector.hpp>

namespace headcount::v0 {

/// What the scorer of one policy remembers of one sequence, for scorers that look back (`previous`, `ema`). Policies
/// themselves never change, so whoever runs the model keeps one of these beside each sequence's keys and values. A
/// plain value: copy it where the sequence is continued in several ways.
class scorer_state {
 public:
  /// What is remembered in a layer, `[number, head]`: NaN where nothing is yet. Allocates when a layer is met first; a
  /// layer that is asked for in another size forgets.
  [[nodiscard]] std::span<double> of(std::size_t layer, std::size_t per_head, std::size_t heads) {
    if (layer >= layers_.size()) layers_.resize(layer + 1);
    auto& numbers = layers_[layer];
    if (numbers.size() != per_head * heads) numbers.assign(per_head * heads, std::numeric_limits<double>::quiet_NaN());
    return numbers;
  }

  /// Forgets everything, unless the state is already that of this scorer and selector: what a policy reads in its past
  /// is its own.
  void belong_to(any_scorer const& score, any_selector const& select) {
    if (score_ == score && select_ == select) return;
    layers_.clear();
    score_ = score;
    select_ = select;
  }

 private:
  std::optional<any_scorer> score_;
  std::optional<any_selector> select_;
  std::vector<std::vector<double>> layers_;
};

/// Its name before 0.2.0.
using score_memory = scorer_state;

}  // namespace headcount::v0
