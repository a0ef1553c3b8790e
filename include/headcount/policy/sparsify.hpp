#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <type_traits>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/core/tensor.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/mask_heads.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/scorer_state.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0 {

/// What the tensors of one attention layer do not say themselves.
struct layer_pass {
  std::size_t layer = 0;                                  ///< index of the layer in its model
  headcount::phase phase = headcount::phase::generation;  ///< what the pass is for
  std::size_t group = 1;                                  ///< query heads per key/value head
  std::size_t first_sequence = 0;                         ///< site::sequence_id of the first batch row
  std::size_t first_key = 0;  ///< position of the first key; above 0 when a window dropped older ones
};

/// Calls `visit(site, batch, query, rows)` for every query of a tensor of weights, `[batch, head, query, key]`, batch
/// by batch; `rows(head)` is the head's attention row at that query. The queries are the newest tokens: query t of Q
/// sees the first K - Q + t + 1 of K keys. Throws headcount::error when there are more queries than keys.
template <class Element, class Visit>
void for_each_query(layer_pass const& pass, strided_view<Element, 4> weights, Visit&& visit) {
  auto const heads = weights.extent(1);
  auto const queries = weights.extent(2);
  auto const keys = weights.extent(3);
  if (queries > keys)
    fail("weights", text_of(queries, " queries cannot see ", keys, " keys"),
         "[batch, head, query, key] with at least as many keys as queries");
  for (std::size_t batch = 0; batch < weights.extent(0); ++batch) {
    for (std::size_t query = 0; query < queries; ++query) {
      auto const visible = keys - queries + query + 1;
      site const where{.layer = pass.layer,
                       .phase = pass.phase,
                       .sequence_id = pass.first_sequence + batch,
                       .position = pass.first_key + visible - 1,
                       .heads = heads,
                       .group = pass.group};
      visit(where, batch, query, [&](std::size_t head) { return weights[batch][head][query].slice(0, visible); });
    }
  }
}

/// Throws headcount::error when rows are no probabilities: a weight below 0, or a sum over the visible keys above 1 by
/// more than what half formats round. Outputs given as weights always fit in shape; this is how a debug build finds
/// them out. O(weights).
template <class Element>
void check_rows(strided_view<Element, 4> weights) {
  auto const keys = weights.extent(3);
  for (std::size_t batch = 0; batch < weights.extent(0); ++batch)
    for (std::size_t head = 0; head < weights.extent(1); ++head)
      for (std::size_t query = 0; query < weights.extent(2); ++query) {
        auto const later = weights.extent(2) - query - 1;  // keys after the query
        double sum = 0;
        bool negative = false;
        for (double const weight : weights[batch][head][query].slice(0, later < keys ? keys - later : 0)) {
          sum += weight;
          negative = negative || weight < 0;
        }
        if (negative || sum > 1.03)
          fail("weights",
               text_of("the row of head ", head, " at query ", query,
                       negative ? " has a weight below 0" : " sums to more than 1"),
               "rows after softmax, [batch, head, query, key]; are weights and outputs swapped?");
      }
}

/// Applies a policy to one attention layer of anybody's engine: chooses heads from `weights` and masks the dropped
/// ones in `outputs`, in place.
///
///     weights  [batch, head, query, key], after softmax, see for_each_query
///     outputs  [batch, query, head, dim], before the output projection
///     values   [batch, kv_head, key, dim], for masks that let dropped heads attend otherwise; others do without
///
/// Any tensor will do: strided_view, std::mdspan, or what an adapter header makes one. `memories` has one scorer_state
/// a batch row for policies that remember (policy::state_size() above 0), kept from call to call; others need none.
/// O(the size of what the scorer reads), no allocation. Throws headcount::error before anything is written when shapes
/// disagree, when the policy cannot work with so many heads, when its scorer reads what is not here, or when its mask
/// needs values and there are none. What a mask makes of the output projection's bias is left to the engine: see
/// mask_factors.
template <class Policy, class Weights, class Outputs, class Values = strided_view<float const, 4>>
void sparsify(Policy const& policy, layer_pass const& pass, Weights const& weights, Outputs&& outputs,
              std::span<scorer_state> memories = {}, Values const& values = {}) {
  static_assert(head_policy<Policy>, "headcount: sparsify takes a policy, e.g. score::entropy{} | select::top_k{5}");
  static_assert(
      Policy::may_read(reading::row) || !(Policy::may_read(reading::input) || Policy::may_read(reading::gate) ||
                                          Policy::may_read(reading::query) || Policy::may_read(reading::contribution)),
      "headcount: sparsify sees attention weights and outputs, this policy's scorer reads something else");
  static_assert(tensor<Weights const, 4>,
                "headcount: weights are a tensor [batch, head, query, key]; include the adapter of its library "
                "(headcount/adapt/), see as_tensor for memory and tensor_access for a tensor of your own");
  static_assert(tensor<Outputs, 4>, "headcount: outputs are a tensor [batch, query, head, dim], see view_of");
  static_assert(std::is_lvalue_reference_v<Outputs> || borrowed_tensor<Outputs>,
                "headcount: these outputs die with this line, masked; give the engine's own, or a view of them");
  static_assert(tensor<Values const, 4>, "headcount: values are a tensor [batch, kv_head, key, dim], see view_of");
  auto const rows_of = view_of<4>(weights);
  auto const outputs_of = view_of<4>(outputs);
  auto const values_of = view_of<4>(values);
  using weight = std::remove_const_t<typename decltype(rows_of)::element_type>;
  static_assert(
      !std::integral<weight>,
      "headcount: weights are numbers, these are integers; if they are the bits of halves, give them as a half "
      "type, e.g. _Float16 or Eigen::half");
  static_assert(std::convertible_to<weight, float>,
                "headcount: weights convert to float without being asked; a half type that converts explicitly needs "
                "widening, or one that converts, e.g. _Float16 or Eigen::half");
  using output = decltype(outputs_of[0][0][0]);
  static_assert(
      !std::integral<std::remove_const_t<typename output::element_type>>,
      "headcount: outputs are numbers, these are integers; if they are the bits of halves, give them as a half "
      "type, e.g. _Float16 or Eigen::half");
  static_assert(!std::is_const_v<typename output::element_type>,
                "headcount: sparsify writes to the outputs, these are const");
  static_assert(std::convertible_to<output, output_view> ||
                    !(Policy::may_read(reading::output) || is_erased_part<decltype(policy.mask)>),
                "headcount: any_policy and scorers of outputs take outputs of float; convert them, or use a policy of "
                "known parts");
  if (outputs_of.extent(0) != rows_of.extent(0) || outputs_of.extent(1) != rows_of.extent(2) ||
      outputs_of.extent(2) != rows_of.extent(1))
    fail("outputs", "their shape does not fit the weights'",
         "[batch, query, head, dim] for weights [batch, head, query, key]");
#ifndef NDEBUG
  check_rows(rows_of);
#endif
  validate(policy, site{.layer = pass.layer,
                        .phase = pass.phase,
                        .heads = rows_of.extent(1),
                        .group = pass.group,
                        .head_dim = outputs_of.extent(3)});
  if (attention_of(policy.mask, 1) &&
      (values_of.extent(0) != rows_of.extent(0) || values_of.extent(1) * pass.group != rows_of.extent(1) ||
       values_of.extent(2) != rows_of.extent(3) || values_of.extent(3) != outputs_of.extent(3)))
    fail("values", "the policy's mask needs them, and they are not there or do not fit the weights",
         "[batch, kv_head, key, dim] for weights [batch, head, query, key]");
  require_readings(policy, reading::row | reading_set{reading::output}, "scorers that read rows, outputs or nothing");
  if (policy.state_size() > 0 && memories.size() != rows_of.extent(0))
    fail("policy", text_of("its scorer remembers, and ", memories.size(), " memories were given"),
         text_of("one for each of ", rows_of.extent(0), " batch rows"));

  for_each_query(pass, rows_of, [&](site const& where, std::size_t batch, std::size_t query, auto const& rows) {
    auto const kept = [&] {
      auto const size = policy.state_size();
      auto const memory = size > 0 ? memories[batch].of(where.layer, size, where.heads) : std::span<double>{};
      if constexpr (Policy::may_read(reading::output)) {
        auto const output_of = [&](std::size_t head) { return head_output{outputs_of[batch][query][head]}; };
        attention_tensors tensors;
        if constexpr (Policy::may_read(reading::row)) tensors = tensors_from(rows);
        tensors.outputs = output_of;
        tensors.memory = memory;
        return decide(policy, where, tensors);
      } else {  // rows of any numbers; a scorer that reads nothing else remembers nothing
        if (!policy.where.covers(where)) return head_set::first(where.heads);
        head_scores scores;
        return decide(policy, where, rows, scores, memory);
      }
    }();
    auto const seen = attention_of(policy.mask, 1) ? values_of[batch] : decltype(values_of[batch]){};
    mask_heads(policy.mask, where, kept, rows, seen, outputs_of[batch][query]);
  });
}

}  // namespace headcount::v0
