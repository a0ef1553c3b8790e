#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>

#include <headcount/core/head_set.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/site.hpp>
#include <headcount/cost/dropped_work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/select/selector.hpp>

namespace headcount::v0::kernel {

/// How many heads a policy keeps in one layer and phase, and which it ever could.
struct kept_heads {
  std::size_t least = 0;
  std::size_t most = 0;
  head_set possible{};  ///< kept at some position; another head's keys and values are only needed by its mask
  head_set dropped{};   ///< dropped at some position
};

/// Learns what a policy keeps by trying it: where its scorer reads nothing, at 1024 positions; otherwise on scores that
/// put every head first in turn, and on equal ones from very low to very high, as a threshold may keep any number.
[[nodiscard]] inline kept_heads kept_by(any_policy const& policy, site where) {
  kept_heads found{.least = where.heads};
  auto const add = [&](head_set const& kept) {
    found.least = (std::min)(found.least, kept.size());
    found.most = (std::max)(found.most, kept.size());
    for (std::size_t head = 0; head < where.heads; ++head)
      (kept.contains(head) ? found.possible : found.dropped).insert(head);
  };
  bool const is_blind = policy.reads() == reading::nothing || !policy.where.covers(where);
  head_scores scores;
  auto const scored = std::span{scores}.first(where.heads);
  for (where.position = 0; where.position < 1024; ++where.position) {
    if (is_blind) {
      add(decide(policy, where, attention_tensors{}));
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
  std::size_t width = 1;  ///< of the block's input
  std::size_t heads = 1;
  std::size_t key_value_heads = 1;
  std::size_t head_dim = 1;
  std::optional<std::size_t> window{};  ///< keys a query sees, its own included; all when empty
  std::size_t output_width = 1;
  bool gated = false;  ///< a gate a feature, of every head that is projected
};

/// The key/value heads whose keys, and whose values, some position could need.
struct cache_need {
  head_set keys{};  ///< of all visible positions
  head_set values{};
  head_set masked_keys{};  ///< of the positions that a mask lets dropped heads attend to
  head_set masked_values{};

  /// How many heads' keys and values are made at every token.
  [[nodiscard]] std::size_t size() const noexcept {
    return (keys | masked_keys).size() + (values | masked_values).size();
  }
  /// How many keys and values stay, of `visible` positions and the `stored` ones that dropped heads need.
  [[nodiscard]] std::size_t stored(std::size_t visible, std::size_t stored) const noexcept {
    auto const whole = keys.size() + values.size();
    return whole * visible + (size() - whole) * (std::min)(visible, stored);
  }
  /// What either of two phases needs: prefill makes what generation reads.
  [[nodiscard]] cache_need joined_with(cache_need const& other) const noexcept {
    return {keys | other.keys, values | other.values, masked_keys | other.masked_keys,
            masked_values | other.masked_values};
  }
};

/// A scorer of rows needs the keys of every head, and one of outputs the values too, unless no head is ever kept.
[[nodiscard]] inline cache_need needed_by(attention_shape const& shape, reading reads, kept_heads const& kept,
                                          dropped_work const& work) {
  auto const all = head_set::first(kept.possible.empty() ? 0 : shape.key_value_heads);
  auto const groups_of = [&](head_set const& heads) {
    head_set groups;
    for (auto const head : heads) groups.insert(head / (shape.heads / shape.key_value_heads));
    return groups;
  };
  auto const used = groups_of(kept.possible);
  auto const masked = groups_of(kept.dropped);
  return {.keys = reads >= reading::row ? all : used,
          .values = reads >= reading::output ? all : used,
          .masked_keys = work.weighed > 0 ? masked : head_set{},
          .masked_values = work.summed > 0 ? masked : head_set{}};
}

/// What attention must do for one token under a policy, at most.
///
/// FLOPs are those of the products, 2 a multiplication with its addition; softmax, scores and norms are not counted.
/// With a scorer of nothing, only kept heads are computed. One of gates needs every head's gate. One of queries needs
/// every head's query. One of rows needs every head's queries and keys too, and saves the values; one of outputs saves
/// the output projection, and one of contributions nothing. Masks add what dropped heads do besides.
struct attention_cost {
  std::size_t projections = 0;  ///< FLOPs: query, key, value and output
  std::size_t weights = 0;      ///< FLOPs of queries with keys
  std::size_t values = 0;       ///< FLOPs of weights with values
  std::size_t parameters = 0;   ///< numbers of the projections that are used
  std::size_t cache_read = 0;   ///< numbers of cached keys and values that are read
};

/// What dropped heads do at the tokens whose cost is asked.
struct masked_heads {
  bool projected = false;  ///< they put out something
  dropped_work work{};     ///< of each
};

/// The cost of one token that sees `keys` keys, its own included, and makes the keys and values of `made`. `keys`, and
/// the work of `masked`, may be summed over tokens: then so are `weights` and `values`.
[[nodiscard]] inline attention_cost cost_of(attention_shape const& shape, reading reads, kept_heads const& kept,
                                            masked_heads const& masked, cache_need const& made, std::size_t keys) {
  bool const off = kept.possible.empty();  // then no score is worth computing
  auto const at_least = [&](reading what) { return !off && reads >= what ? shape.heads : kept.most; };
  auto const& work = masked.work;
  auto const dropped = masked.projected ? shape.heads - kept.most : 0;
  auto const queries = (std::max)(at_least(reading::query), kept.most + (work.weighed > 0 ? dropped : 0));
  auto const projected = (std::max)(at_least(reading::contribution), kept.most + dropped);
  auto const weighed = at_least(reading::row);
  auto const summed = at_least(reading::output);
  auto const read = needed_by(shape, reads, kept, work);
  auto const weighed_again = weighed == shape.heads ? 0 : dropped * work.weighed;
  auto const sums = work.shared ? (std::min)(dropped, read.masked_values.size()) : dropped;

  attention_cost cost;
  auto const gates = !shape.gated ? 0 : reads == reading::gate ? at_least(reads) : projected;
  cost.parameters = shape.head_dim * (shape.width * (queries + made.size() + gates) + shape.output_width * projected);
  cost.projections = 2 * cost.parameters;
  cost.weights = 2 * shape.head_dim * (weighed * keys + weighed_again);
  cost.values = 2 * shape.head_dim * (summed * keys + sums * work.summed);

  // Kept heads read their key/value heads whole; dropped ones read of the others what their mask names, or, of a
  // running sum, the sum and what leaves it.
  auto const whole_keys = (std::min)(weighed, read.keys.size());
  auto const whole_values = (std::min)(summed, read.values.size());
  auto const other_keys = (std::min)(dropped, (read.keys | read.masked_keys).size() - whole_keys);
  auto const other_values = (std::min)(dropped, (read.values | read.masked_values).size() - whole_values);
  cost.cache_read = shape.head_dim * ((whole_keys + whole_values) * keys + other_keys * work.weighed +
                                      (work.shared ? sums : other_values) * work.summed);
  return cost;
}

}  // namespace headcount::v0::kernel
