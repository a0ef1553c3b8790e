#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>

namespace headcount::v0::reference {

/// A sequence and what was read of it. A plain value: copies go on independently.
struct sequence {
  reference::state state{};
  std::size_t sequence_id = 0;  ///< site::sequence_id: a number that names the sequence, whatever batch it is in
  token next = 0;               ///< the greedy choice after what was read, where somebody asked for it
};

/// Sequences that have read nothing; sequence i gets row `first_sequence` + i.
[[nodiscard]] inline std::vector<sequence> start_sequences(model const& model, std::size_t count,
                                                           std::size_t first_sequence = 0) {
  std::vector<sequence> sequences(count);
  for (std::size_t i = 0; i < count; ++i)
    sequences[i] = {.state = model.empty_state(), .sequence_id = first_sequence + i};
  return sequences;
}

/// The token with the largest logit; of equal logits the lowest id.
[[nodiscard]] inline token best_token(std::span<float const> logits) noexcept {
  return static_cast<token>(std::ranges::max_element(logits) - logits.begin());
}

/// Continues each sequence with its text under several policies, each on a copy of its own. `use(p, i, logits, after)`
/// gets what `policies[p]` makes of `texts[i]`: the logits that `how` asks for, `[token, vocabulary]`, and the sequence
/// after the text. What comes before the first attention layer is the same under every policy and is computed once.
/// A pass takes about `tokens_at_once` tokens, so that activations stay in cache. Throws what `forward` throws.
template <head_policy Policy, class Use>
void fork_texts(model const& model, std::span<sequence const> sequences, std::span<std::vector<token> const> texts,
                pass const& how, std::span<Policy const> policies, Use const& use, std::size_t tokens_at_once = 512) {
  if (policies.empty()) return;
  for (auto const& policy : policies) validate(policy, model);
  for (std::size_t begin = 0; begin < texts.size();) {
    std::size_t tokens = 0;
    auto end = begin;
    while (end < texts.size() && (tokens == 0 || tokens + texts[end].size() <= tokens_at_once))
      tokens += texts[end++].size();
    auto const steps_of = [&](std::vector<sequence>& copies) {
      std::vector<step> steps;
      for (auto i = begin; i < end; ++i)
        steps.push_back(
            {.tokens = texts[i], .state = &copies[i - begin].state, .sequence_id = copies[i - begin].sequence_id});
      return steps;
    };

    auto const some = sequences.subspan(begin, end - begin);
    std::vector<sequence> before_attention(some.begin(), some.end());
    auto const first_steps = steps_of(before_attention);
    auto shared = begin_pass(model, first_steps, how);
    run_layers(model, first_steps, shared, model.first_attention(), how, policies.front());
    for (std::size_t p = 0; p < policies.size(); ++p) {
      auto copies = before_attention;
      auto const steps = steps_of(copies);
      auto at = shared;
      run_layers(model, steps, at, model.layers.size(), how, policies[p]);
      auto const logits = end_pass(model, steps, std::move(at), how);
      Eigen::Index row = 0;
      for (auto i = begin; i < end; ++i) {
        auto const rows = how.logits_of == wanted::all_tokens ? index(texts[i].size()) : 1;
        use(p, i, matrix{logits.middleRows(row, rows)}, std::move(copies[i - begin]));
        row += rows;
      }
    }
    begin = end;
  }
}

}  // namespace headcount::v0::reference
