#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0::select {

/// Keeps a head once its score reaches one bar, until it falls below a lower one: fewer heads come and go from token to
/// token than with a threshold.
///
///     kept_t = score >= enter, or kept_(t-1) and score >= leave
///
/// The token before is the last one at which the policy was asked, in the same sequence and layer. Remembers one number
/// a head (scorer_state), 1 if it was kept; where nobody keeps a memory, no head was. NaN is not kept. O(heads), no
/// allocation. Errors: validate throws when `leave` is above `enter`. Source: own; a Schmitt trigger.
struct hysteresis {
  static constexpr std::string_view name = "hysteresis";
  static constexpr part_about about{"heads whose score reaches one bar, until it falls below a lower one",
                                    "score >= enter, or kept before and score >= leave", "own, a Schmitt trigger"};

  double enter = 0;  ///< a score at which a head is taken
  double leave = 0;  ///< a score below which it is dropped again; at most `enter`

  static constexpr auto fields =
      field_list{leading_field("enter", &hysteresis::enter, "a score at which a head is taken"),
                 leading_field("leave", &hysteresis::leave, "a score below which it is dropped again, at most enter")};

  [[nodiscard]] constexpr std::size_t state_size() const noexcept { return 1; }

  [[nodiscard]] head_set operator()(std::span<double const> scores, site const&,
                                    std::span<double> state) const noexcept {
    head_set kept;
    for (std::size_t head = 0; head < scores.size(); ++head) {
      bool const was_kept = head < state.size() && state[head] > 0;
      bool const is_kept = scores[head] >= (was_kept ? leave : enter);
      if (is_kept) kept.insert(head);
      if (head < state.size()) state[head] = is_kept ? 1 : 0;
    }
    return kept;
  }
};

/// A mistake when a head could be dropped where it is taken.
[[nodiscard]] inline std::optional<error> find_mistake(hysteresis const& part, site const&) {
  if (part.leave > part.enter)
    return error{print(part),
                 text_of("it drops heads at ", print_value(part.leave), " and takes them at ", print_value(part.enter)),
                 "leave at most enter"};
  return std::nullopt;
}

}  // namespace headcount::v0::select
