#pragma once

// The methods of `headcount rank`, by name.

#include <span>
#include <string>

#include <headcount/ranking/calibration.hpp>
#include <headcount/reference/model/model.hpp>

namespace tool {

/// What the methods are called, for help and error messages.
inline constexpr char const* ranking_methods =
    "mean(SCORER), keep_frequency(POLICY), needle_attention, retrieval, retrieval_counted, qr_head, leave_one_out, "
    "all_but_one, greedy, ov_copying, ov_own_token, ov_norm, qk_previous_token, qk_induction, recurrent_composition, "
    "retrieval_head(FILE), duo_attention(FILE), qr_head_list(FILE), minference(FILE)";

/// Whether a method looks at weights or a file alone, so that it needs no texts.
[[nodiscard]] bool needs_no_texts(std::string const& method);

/// Scores every head of a model by a method, e.g. "mean(entropy)". Throws headcount::error when there is no such
/// method, or it cannot work with this model or these texts.
[[nodiscard]] headcount::evaluate::head_table score_all_heads(
    headcount::reference::model const& model, std::string const& method,
    std::span<headcount::evaluate::calibration_text const> texts);

}  // namespace tool
