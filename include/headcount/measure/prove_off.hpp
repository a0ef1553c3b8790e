#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/index_range.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/observed.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::evaluate {

/// A head, and how much the logits changed with what it holds.
struct head_change {
  std::size_t layer = 0;
  std::size_t head = 0;
  double change = 0;  ///< of the logit that changed most
};

/// Whether a policy's dropped heads are off in an engine, and its kept heads on.
struct off_proof {
  std::size_t dropped = 0;           ///< heads of tokens that were dropped; all were changed at once
  double change = 0;                 ///< of the logit that changed most with them; 0 where they are off
  std::vector<head_change> leaks{};  ///< where it is not 0: the heads that change a logit alone
  std::vector<head_change> kept{};   ///< kept heads that were changed one by one

  /// Whether changing dropped heads changes no logit, and changing a kept one does.
  [[nodiscard]] bool holds() const noexcept {
    return !(change > 0) && std::ranges::all_of(kept, [](head_change const& one) { return one.change > 0; });
  }
};

namespace detail {

/// Turns the row of some queries round and doubles it, so that whatever the head holds there is another thing.
struct turn_round {
  static constexpr std::string_view name = "turn_round";
  static constexpr part_about about{"makes a head hold something else", "p_j = 2 p_(n - 1 - j)", "own"};

  token_positions queries;  ///< positions of the rows

  static constexpr auto fields = field_list{leading_field("queries", &turn_round::queries, "positions of the rows")};

  void operator()(std::span<float> weights, seen_keys seen) const noexcept {
    queries.for_each_in_row(seen.first + weights.size() - 1, 1, [&](std::size_t, std::size_t) {
      std::ranges::reverse(weights);
      for (auto& weight : weights) weight *= 2;
    });
  }
};

/// Heads of layers, and at which tokens.
using heads_at = std::map<std::pair<std::size_t, std::size_t>, token_positions>;

[[nodiscard]] inline any_edit change_of(heads_at::value_type const& one) {
  layer_set layers;
  layers.insert(one.first.first);
  head_set heads;
  heads.insert(one.first.second);
  return any_edit{turn_round{one.second}, {.during = {}, .layers = layers}}.in_heads(heads);
}

/// The logits of every token, and which heads were kept.
struct read_text {
  std::vector<float> logits{};
  heads_at kept{};
  heads_at dropped{};
};

[[nodiscard]] inline read_text read_under(any_model const& model, any_policy const& policy,
                                          std::span<token const> tokens, std::size_t prefill,
                                          std::span<any_edit const> edits, bool watched) {
  read_text made;
  observer watch;
  watch.kept = [&](site const& where, head_set const& kept) {
    for (std::size_t head = 0; head < where.heads; ++head)
      (kept.contains(head) ? made.kept : made.dropped)[{where.layer, head}].insert({where.position, where.position});
  };
  auto state = model.start();
  auto const run = [&](std::span<token const> some, phase when) {
    if (some.empty()) return;
    std::vector<step<any_model::state>> const steps{{some, &state, 0, edits}};
    pass const how{.phase = when, .every_token = true};
    logits_user const use = [&](std::size_t, std::size_t, std::span<float const> logits) {
      made.logits.insert(made.logits.end(), logits.begin(), logits.end());
    };
    if (watched) model.run(steps, how, policy, use, watch);
    else model.run(steps, how, policy, use);
  };
  run(tokens.first(prefill), phase::prefill);
  for (auto at = prefill; at < tokens.size(); ++at) run(tokens.subspan(at, 1), phase::generation);
  return made;
}

/// How far the logit that changed most is from what it was; infinite where one is no number any more.
[[nodiscard]] inline double furthest_change(std::span<float const> before, std::span<float const> after) noexcept {
  double most = before.size() == after.size() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < (std::min)(before.size(), after.size()); ++i) {
    if (std::isnan(before[i]) && std::isnan(after[i])) continue;
    auto const change = std::abs(static_cast<double>(after[i]) - static_cast<double>(before[i]));
    most = std::isnan(change) ? std::numeric_limits<double>::infinity() : (std::max)(most, change);
  }
  return most;
}

}  // namespace detail

/// Proves on some tokens that dropped heads are off in an engine: reads them under a policy, the first `prefill` at
/// once and the rest one by one; reads them again with every dropped head made to hold something else (its attention
/// row turned round and doubled), which must change no logit by a bit; and again for kept heads, one by one, at most
/// `most_kept` of them, evenly spread, each of which must change one. The engine must be observed and take edits;
/// scores are taken before edits, so the same heads are dropped. Throws headcount::error for a policy that drops none
/// of these tokens' heads, that lets dropped heads attend, or whose scorer reads outputs, which what a head holds may
/// well change. At most most_kept + 2 readings, and another for each dropped head where they leak.
[[nodiscard]] inline off_proof prove_off(any_model const& model, any_policy const& policy,
                                         std::span<token const> tokens, std::size_t prefill,
                                         std::size_t most_kept = 64) {
  auto const name = text_of("policy \"", print(policy), "\"");
  if (attention_of(policy.mask, 1))
    throw error{name, "its mask lets dropped heads attend", "zero, mean(FILE), rescale"};
  if (policy.reads().last() >= reading::output)
    throw error{name, "its scorer reads outputs, so that what a head holds decides whether it is kept",
                "scorers that read rows or less"};
  auto const before = detail::read_under(model, policy, tokens, prefill, {}, true);
  if (before.dropped.empty()) throw error{name, text_of("it drops no head of ", tokens.size(), " tokens")};
  auto const change_with = [&](std::span<any_edit const> edits) {
    auto const after = detail::read_under(model, policy, tokens, prefill, edits, false);
    return detail::furthest_change(before.logits, after.logits);
  };

  off_proof proof;
  std::vector<any_edit> all;
  for (auto const& one : before.dropped) {
    all.push_back(detail::change_of(one));
    for (auto const range : one.second) proof.dropped += range.last + 1 - range.first;
  }
  proof.change = change_with(all);
  if (proof.change > 0)
    for (auto const& one : before.dropped) {
      auto const edit = detail::change_of(one);
      if (auto const change = change_with(std::span{&edit, 1}); change > 0)
        proof.leaks.push_back({one.first.first, one.first.second, change});
    }
  auto const count = (std::min)(most_kept, before.kept.size());
  for (std::size_t i = 0; i < count; ++i) {
    auto const one = std::next(before.kept.begin(), static_cast<std::ptrdiff_t>(i * before.kept.size() / count));
    auto const edit = detail::change_of(*one);
    proof.kept.push_back({one->first.first, one->first.second, change_with(std::span{&edit, 1})});
  }
  return proof;
}

}  // namespace headcount::v0::evaluate
