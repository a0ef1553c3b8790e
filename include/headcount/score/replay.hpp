#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include <headcount/core/decision_trace.hpp>
#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>
#include <headcount/part/print_part.hpp>

namespace headcount::v0::score {

/// What a recorded run decided: `replay(trace.safetensors) | threshold(0.5)` keeps the heads that it kept.
///
///     score = 1 for a head that was kept at this sequence, layer and position, 0 for one that was dropped
///
/// 1 for every head where nothing was recorded: there the run was out of its policy's scope, or of the recording. Reads
/// nothing, so heads are chosen before attention whatever the recorded policy had to read; O(log decisions), no
/// allocation. Errors: validate throws when the trace has decisions of this layer with another number of heads.
/// Source: own.
struct replay {
  static constexpr std::string_view name = "replay";
  static constexpr part_about about{
      "1 if a recorded run kept the head at this sequence, layer and position, or has no record of them, otherwise 0",
      "kept[sequence, layer, position, head]", "own"};

  from_file<decision_trace> trace{};  ///< a file that `headcount record` wrote

  static constexpr auto fields =
      field_list{leading_field("trace", &replay::trace, "the file that `headcount record` wrote")};

  [[nodiscard]] double operator()(site const& where, std::size_t head) const noexcept {
    auto const* const made = trace.content ? trace.content->find(where) : nullptr;
    return made == nullptr || made->kept.contains(head) ? 1 : 0;
  }
};

/// A mistake when a decision of this layer is about another number of heads.
[[nodiscard]] inline std::optional<error> find_mistake(replay const& part, site const& where) {
  auto const file = print_file_name(part.trace.name);
  if (!part.trace.content) return error{text_of("replay(", file, ")"), "no trace was read"};
  for (auto const& made : part.trace.content->decisions)
    if (made.layer == where.layer && made.heads != where.heads)
      return error{text_of("replay(", file, ")"),
                   text_of("it records ", made.heads, " heads of layer ", where.layer, ", which has ", where.heads),
                   "a trace of this model"};
  return std::nullopt;
}

}  // namespace headcount::v0::score
