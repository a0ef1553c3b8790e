#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <headcount/core/error.hpp>
#include <headcount/core/fill.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/part/part.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/head_predictor.hpp>
#include <headcount/score/scorer.hpp>

namespace headcount::v0::score {

/// What a head's score is going to be, guessed from the attention block's input by maps that were learned from earlier
/// decisions.
///
///     scores = W x + b      or      scores = W2 f(W1 x + b1) + b2,  f the identity or max(0, .)
///
/// In the unit of what was learned: scores, or log-odds of being kept. Higher is kept first.
/// Reads the block's input, so heads are chosen before attention and dropped ones cost nothing; O(width * heads), or
/// O((width + heads) * hidden); no allocation.
/// Errors: validate throws when the file predicts no such layer, other heads or another width.
/// Source: Liu et al. 2023, arXiv 2310.17157 (Deja Vu), two maps without a nonlinearity, fed one layer earlier.
struct predictor {
  static constexpr std::string_view name = "predictor";
  static constexpr part_about about{"what learned maps foretell from the attention block's input",
                                    "W x + b, or W2 f(W1 x + b1) + b2", "Liu et al. 2023 (Deja Vu), arXiv 2310.17157"};
  static constexpr bool depends_on_sequence = false;

  from_file<head_predictor> file{};  ///< the maps, a JSON file

  static constexpr auto fields = field_list{leading_field("file", &predictor::file, "the maps that were learned")};

  [[nodiscard]] static constexpr reading_set reads() noexcept { return reading::input; }
  [[nodiscard]] static constexpr std::size_t state_size() noexcept { return 0; }

  void operator()(site const& where, attention_tensors const& tensors, std::span<double> scores) const noexcept {
    auto const input = tensors.input.values;
    auto const* const layer = file.content ? file.content->at(where.layer) : nullptr;
    if (layer != nullptr && layer->inputs() == input.size() && layer->heads() == scores.size()) (*layer)(input, scores);
    else fill(scores, std::numeric_limits<double>::quiet_NaN());
  }
};

/// A mistake when the predictor has no maps for a layer like this one.
[[nodiscard]] inline std::optional<error> find_mistake(predictor const& part, site const& where) {
  auto const refuse = [&](std::string const& problem, std::string const& allowed) {
    return error{text_of("predictor ", part.file.name), problem, allowed};
  };
  if (!part.file.content) return refuse("its file was not read", "a sentence read with files, or in_memory(...)");
  auto const* const layer = part.file.content->at(where.layer);
  if (layer == nullptr) {
    std::string known;
    for (auto const& other : part.file.content->layers) add_to_list(known, text_of(other.layer));
    return refuse(text_of("it has no layer ", where.layer), text_of("layers ", known));
  }
  if (layer->heads() != where.heads)
    return refuse(text_of("it predicts ", layer->heads(), " heads of layer ", where.layer, ", which has ", where.heads),
                  {});
  if (where.width != 0 && layer->inputs() != where.width)
    return refuse(
        text_of("it reads inputs of width ", layer->inputs(), ", those of layer ", where.layer, " have ", where.width),
        {});
  return std::nullopt;
}

}  // namespace headcount::v0::score
