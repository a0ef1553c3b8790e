#pragma once

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>

#include <headcount/core/attention_row.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>

// Parts as a user would write them: one scorer for each thing that can be read, a selector, a mask and an edit.

namespace support {

/// Reads nothing: a later head scores higher.
struct last_first {
  static constexpr std::string_view name = "last_first";
  double operator()(headcount::site const&, std::size_t head) const noexcept { return static_cast<double>(head); }
};

/// Reads the query: its first feature.
struct query_feature {
  static constexpr std::string_view name = "query_feature";
  double operator()(headcount::head_query query) const noexcept { return static_cast<double>(query.values[0]); }
};

/// Reads the row: the weight of the newest key.
struct newest_weight {
  static constexpr std::string_view name = "newest_weight";
  double operator()(headcount::attention_row auto const& weights) const noexcept {
    return static_cast<double>(weights[weights.size() - 1]);
  }
};

/// Reads the output: its first feature.
struct output_feature {
  static constexpr std::string_view name = "output_feature";
  double operator()(headcount::head_output output) const noexcept { return static_cast<double>(output.values[0]); }
};

/// Keeps heads whose index is even, whatever their scores.
struct even_heads {
  static constexpr std::string_view name = "even_heads";
  headcount::head_set operator()(std::span<double const> scores) const noexcept {
    headcount::head_set kept;
    for (std::size_t head = 0; head < scores.size(); head += 2) kept.insert(head);
    return kept;
  }
};

/// Makes a dropped head's output `value`.
struct constant {
  static constexpr std::string_view name = "constant";
  double value = 7;
  static constexpr auto fields =
      headcount::field_list{headcount::leading_field("value", &constant::value, "what a dropped head puts out")};
  [[nodiscard]] headcount::mask_factors factors(std::size_t, std::size_t) const noexcept { return {}; }
  void operator()(auto&& output) const noexcept {
    for (auto& number : output) number = static_cast<std::remove_reference_t<decltype(number)>>(value);
  }
};

/// A part with a field of every type of value, named and leading, required and not.
struct many_fields {
  static constexpr std::string_view name = "many_fields";
  std::size_t count = 1;
  std::size_t limit = 9;
  double weight = 0.5;
  bool strict = false;
  headcount::token_positions where;
  static constexpr auto fields =
      headcount::field_list{headcount::leading_field("count", &many_fields::count, "how many", {1, 20}),
                            headcount::optional_leading_field("limit", &many_fields::limit, "at most so many"),
                            headcount::named_field("weight", &many_fields::weight, "how much", {0.0, 1.0}),
                            headcount::named_field("strict", &many_fields::strict, "or not"),
                            headcount::named_field("where", &many_fields::where, "on which tokens")};
  double operator()(headcount::site const&, std::size_t) const noexcept { return weight; }
};

}  // namespace support
