#pragma once

// The methods of `headcount rank`, by name.

#include <filesystem>
#include <span>
#include <string>

#include <headcount/evaluate/rank/calibration.hpp>
#include <headcount/reference/model/model.hpp>

namespace tool {

/// What the methods are called, for help and error messages.
inline constexpr char const* ranking_methods =
    "mean(SCORER), keep_frequency(POLICY), needle_attention, retrieval, retrieval_counted, leave_one_out, all_but_one, "
    "greedy, ov_copying, ov_own_token, ov_norm";

/// Whether a method looks at weights alone, so that it needs no texts.
[[nodiscard]] bool is_from_weights(std::string const& method);

/// Scores every head of a model by a method, e.g. "mean(entropy)". Throws headcount::error when there is no such
/// method, or it cannot work with this model or these texts.
[[nodiscard]] headcount::evaluate::head_table score_all_heads(
    headcount::reference::model const& model, std::string const& method,
    std::span<headcount::evaluate::calibration_text const> texts);

/// The language that a model's needles are in: the file that was chosen, else the one beside the model's folder. Throws
/// headcount::error when there is none.
[[nodiscard]] std::filesystem::path language_of(std::string const& model, std::string const& chosen);

}  // namespace tool
