#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <vector>

#include <headcount/core/decision_trace.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/words.hpp>

namespace headcount::v0::record {

/// Which sites of one sequence and layer are recorded.
enum class occurrence : unsigned char { first, last, all };

/// Which attention rows are recorded: none, or those before or after the run's edits.
enum class row_form : unsigned char { none, before_edits, after_edits };

/// One head's attention over the keys that its query saw.
struct recorded_row {
  std::size_t head = 0;
  std::vector<float> weights{};  ///< of the last keys up to the query's own position

  [[nodiscard]] friend bool operator==(recorded_row const&, recorded_row const&) = default;
};

/// What was recorded at one site.
struct recorded_site {
  site where{};
  head_set kept{};
  std::vector<double> scores{};      ///< `[head]`; empty where heads were not scored, as out of a policy's scope
  std::vector<recorded_row> rows{};  ///< of the heads whose weights were computed
};

/// What was recorded of a run, by sequence, layer and position.
struct recording {
  std::vector<recorded_site> sites{};
  std::size_t left_out = 0;  ///< sites that found no more room

  /// The decisions alone, which score::replay takes.
  [[nodiscard]] decision_trace trace() const {
    decision_trace all;
    for (auto const& one : sites)
      all.decisions.push_back({one.where.sequence_id, one.where.layer, one.where.position, one.where.heads, one.kept});
    return all;
  }
};

}  // namespace headcount::v0::record

namespace headcount::v0 {

template <>
inline constexpr std::array<std::string_view, 3> words_of<record::occurrence>{"first", "last", "all"};
template <>
inline constexpr std::array<std::string_view, 3> words_of<record::row_form>{"none", "before", "after"};

}  // namespace headcount::v0
