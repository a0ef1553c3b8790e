#pragma once

#include <cstddef>
#include <type_traits>

#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/mask/attention_pattern.hpp>
#include <headcount/mask/mask.hpp>

namespace headcount::v0 {

/// A dropped head's output, `[dim]`, where it attends otherwise, from its row of weights and the values `[key, dim]`:
///
///     output = sum_j w_j v_j / sum_j w_j      over the keys of `to`
///
/// Softmax over some keys is softmax over all of them, divided by their mass. A row whose weights on them are all 0, as
/// float32 may round them, attends to them evenly. O(keys * dim), no allocation.
template <class Row, class Value, class Output>
void attend_otherwise(attention_pattern const& to, Row const& weights, strided_view<Value, 2> values,
                      strided_view<Output, 1> output) noexcept {
  auto const sum_over_keys = [&](auto const& term) {
    double sum = 0;
    to.for_each_range(weights.size(), [&](std::size_t begin, std::size_t end) {
      for (auto key = begin; key < end; ++key) sum += term(key);
    });
    return sum;
  };
  double const mass = to.even ? 0 : sum_over_keys([&](std::size_t key) { return static_cast<double>(weights[key]); });
  for (std::size_t feature = 0; feature < output.size(); ++feature) {
    double const sum = sum_over_keys([&](std::size_t key) {
      return (mass > 0 ? static_cast<double>(weights[key]) : 1) * static_cast<double>(values(key, feature));
    });
    output[feature] =
        static_cast<std::remove_cv_t<Output>>(sum / (mass > 0 ? mass : static_cast<double>(to.size(weights.size()))));
  }
}

/// What a mask makes of the outputs of one site, `[head, dim]`, in place, after all of them were computed. `rows(head)`
/// is a head's attention row, over the visible keys; `values` `[kv_head, key, dim]` are those keys' values or more,
/// which a mask that lets dropped heads attend needs.
template <class Mask, class Rows, class Value, class Output>
void mask_heads(Mask const& mask, site const& where, head_set const& kept, Rows const& rows,
                strided_view<Value, 3> values, strided_view<Output, 2> outputs) noexcept {
  double const factor = mask.factors(kept.size(), where.heads).outputs;
  for (std::size_t head = 0; head < where.heads; ++head) {
    auto const output = outputs[head];
    if (!kept.contains(head)) {
      if (auto const otherwise = attention_of(mask, rows(head).size()))
        attend_otherwise(*otherwise, rows(head), values[head / where.group], output);
      else mask_output(mask, where, head, output);
    } else if (factor != 1) {
      for (auto& value : output) value = static_cast<Output>(static_cast<double>(value) * factor);
    }
  }
}

}  // namespace headcount::v0
