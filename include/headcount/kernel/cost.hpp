#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include <headcount/core/head_set.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/site.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::inline v0::kernel {

/// How many heads a policy keeps in one layer and phase, and which it ever could.
struct kept_heads {
  std::size_t least = 0;
  std::size_t most = 0;
  head_set possible{};  ///< kept at some position; another head's keys and values are never needed
};

/// Learns what a policy keeps by trying it: where its scorer reads nothing, at 1024 positions; otherwise on scores that
/// put every head first in turn, and on equal ones from very low to very high, as a threshold may keep any number.
[[nodiscard]] inline kept_heads kept_by(any_policy const& policy, site where) {
  kept_heads found{.least = where.heads};
  auto const add = [&](head_set const& kept) {
    found.least = std::min(found.least, kept.size());
    found.most = std::max(found.most, kept.size());
    for (auto const head : kept) found.possible.insert(head);
  };
  bool const is_blind = policy.reads() == reading::nothing || !policy.where.covers(where);
  head_scores scores;
  auto const scored = std::span{scores}.first(where.heads);
  for (where.position = 0; where.position < 1024; ++where.position) {
    if (is_blind) {
      add(decide(policy, where, no_evidence{}));
      continue;
    }
    for (std::size_t head = 0; head < where.heads; ++head) scored[head] = uniform_number(0, where, head) - 1;
    if (where.heads != 0) scored[where.position % where.heads] = 1;
    add(select_heads(policy.select, std::span<double const>{scored}, where));
  }
  if (is_blind) return found;
  for (double const equal : {-1e6, 0.0, 1e6}) {
    std::ranges::fill(scored, equal);
    add(select_heads(policy.select, std::span<double const>{scored}, where));
  }
  return found;
}

/// The sizes that attention's cost depends on.
struct attention_shape {
  std::size_t width = 1;  ///< of the model
  std::size_t heads = 1;
  std::size_t key_value_heads = 1;
  std::size_t head_dim = 1;
  std::optional<std::size_t> window{};  ///< keys a query sees, its own included; all when empty
};

/// The key/value heads whose keys, and whose values, some position could need.
struct cache_need {
  head_set keys{};
  head_set values{};

  [[nodiscard]] std::size_t size() const noexcept { return keys.size() + values.size(); }
  /// What either of two phases needs: prefill makes what generation reads.
  [[nodiscard]] cache_need joined_with(cache_need other) const noexcept {
    for (auto const shared : keys) other.keys.insert(shared);
    for (auto const shared : values) other.values.insert(shared);
    return other;
  }
};

/// A scorer of rows needs the keys of every head, and one of outputs the values too, unless no head is ever kept.
[[nodiscard]] inline cache_need needed_by(attention_shape const& shape, reading reads, kept_heads const& kept) {
  auto const all = head_set::first(kept.possible.empty() ? 0 : shape.key_value_heads);
  head_set used;
  for (auto const head : kept.possible) used.insert(head / (shape.heads / shape.key_value_heads));
  return {.keys = reads == reading::row || reads == reading::output ? all : used,
          .values = reads == reading::output ? all : used};
}

/// What attention must do for one token under a policy, at most.
///
/// FLOPs are those of the products, 2 a multiplication with its addition; softmax, scores and norms are not counted.
/// With a scorer of nothing, only kept heads are computed. One of queries needs every head's query. One of rows needs
/// every head's queries and keys too, and saves the values; one of outputs saves nothing but the output projection.
struct attention_cost {
  std::size_t projections = 0;  ///< FLOPs: query, key, value and output
  std::size_t weights = 0;      ///< FLOPs of queries with keys
  std::size_t values = 0;       ///< FLOPs of weights with values
  std::size_t parameters = 0;   ///< numbers of the projections that are used
  std::size_t cache_read = 0;   ///< numbers of cached keys and values that are read
};

/// The cost of one token that sees `keys` keys, its own included, and makes the keys and values of `made`.
[[nodiscard]] inline attention_cost cost_of(attention_shape const& shape, reading reads, kept_heads const& kept,
                                            cache_need const& made, std::size_t keys) {
  bool const off = kept.possible.empty();  // then no score is worth computing
  auto const at_least = [&](reading what) { return !off && reads >= what ? shape.heads : kept.most; };
  auto const weighed = at_least(reading::row);
  auto const summed = at_least(reading::output);
  auto const read = needed_by(shape, reads, kept);
  attention_cost cost;
  cost.parameters = shape.width * shape.head_dim * (at_least(reading::query) + made.size() + kept.most);
  cost.projections = 2 * cost.parameters;
  cost.weights = 2 * weighed * keys * shape.head_dim;
  cost.values = 2 * summed * keys * shape.head_dim;
  cost.cache_read =
      (std::min(weighed, read.keys.size()) + std::min(summed, read.values.size())) * keys * shape.head_dim;
  return cost;
}

}  // namespace headcount::inline v0::kernel
