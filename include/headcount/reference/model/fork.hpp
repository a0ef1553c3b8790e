#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <headcount/policy/policy.hpp>
#include <headcount/policy/step.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>

namespace headcount::v0::reference {

/// Continues states under several policies, each on copies of its own. `use(p, i, logits, after)` gets what
/// `policies[p]` makes of step i: the logits that `how` asks for, `[token, vocabulary]`, and the state after its
/// tokens. What comes before the first attention layer is the same under every policy and is computed once. A pass
/// takes about `tokens_at_once` tokens, so that activations stay in cache. Throws what `forward` throws.
template <head_policy Policy, class Use>
void fork_steps(model const& model, std::span<evaluate::step<state const> const> steps, pass const& how,
                std::span<Policy const> policies, Use const& use, std::size_t tokens_at_once = 512) {
  if (policies.empty()) return;
  for (auto const& policy : policies) validate(policy, model);
  for (std::size_t begin = 0; begin < steps.size();) {
    std::size_t tokens = 0;
    auto end = begin;
    while (end < steps.size() && (tokens == 0 || tokens + steps[end].tokens.size() <= tokens_at_once))
      tokens += steps[end++].tokens.size();
    auto const some = steps.subspan(begin, end - begin);
    auto const steps_on = [&](std::vector<state>& states) {
      std::vector<step> own;
      for (std::size_t i = 0; i < some.size(); ++i)
        own.push_back({some[i].tokens, &states[i], some[i].sequence_id, some[i].edits});
      return own;
    };

    std::vector<state> before_attention;
    for (auto const& one : some) before_attention.push_back(*one.state);
    auto const first_steps = steps_on(before_attention);
    auto shared = begin_pass(model, first_steps);
    run_layers(model, first_steps, shared, model.first_attention(), how, policies.front());
    for (std::size_t p = 0; p < policies.size(); ++p) {
      bool const is_last = p + 1 == policies.size();
      auto states = is_last ? std::move(before_attention) : before_attention;
      auto const own = steps_on(states);
      auto at = is_last ? std::move(shared) : shared;
      run_layers(model, own, at, model.layers.size(), how, policies[p]);
      auto const logits = end_pass(model, own, std::move(at), how);
      Eigen::Index row = 0;
      for (std::size_t i = 0; i < some.size(); ++i) {
        auto const rows = how.every_token ? index(some[i].tokens.size()) : 1;
        use(p, begin + i, matrix{logits.middleRows(row, rows)}, std::move(states[i]));
        row += rows;
      }
    }
    begin = end;
  }
}

}  // namespace headcount::v0::reference
