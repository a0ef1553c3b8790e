#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/any_edit.hpp>

namespace headcount::v0::evaluate {

/// A text that a model reads in a prefill pass before it is asked for more.
struct prompt {
  std::vector<token> tokens{};  ///< at least one
  std::size_t shared = 0;       ///< how many of the first tokens prompts beside it may begin with too: read once if so
  std::optional<std::size_t>
      sequence_id{};  ///< site::sequence_id, whatever is run beside it; none: as its task names it
  std::vector<any_edit> edits{};

  /// The edits, if any of them acts in this phase.
  [[nodiscard]] std::span<any_edit const> edits_in(phase when) const {
    auto const acts = [&](any_edit const& edit) { return edit.where.during.value_or(when) == when; };
    return std::ranges::any_of(edits, acts) ? std::span<any_edit const>{edits} : std::span<any_edit const>{};
  }
};

/// A prompt to be continued greedily.
struct generation_request {
  evaluate::prompt prompt{};
  std::vector<token> lead{};  ///< the prompt's end where it is to be read as generation: the completion comes after it
  std::size_t max_new_tokens = 1;
  std::vector<token> stop{};   ///< the completion ends after any of these
  std::vector<token> draft{};  ///< a guess of the completion: it costs one pass to check, and saves many if it is right

  /// Whether a completion ends here; `generated` begins with the lead.
  [[nodiscard]] bool ends(std::vector<token> const& generated) const {
    if (generated.size() <= lead.size()) return false;
    return generated.size() - lead.size() >= max_new_tokens || std::ranges::find(stop, generated.back()) != stop.end();
  }
};

/// A prompt and texts that may follow it: how likely is each, and which of its tokens would the model choose?
struct loglikelihood_request {
  evaluate::prompt prompt{};
  std::vector<std::vector<token>> continuations{};  ///< of at least one token each
  phase read_as = phase::prefill;                   ///< what the continuations count as; prefill predicts their first
                                                    ///< tokens either way
};

/// A prompt and the text that follows it: how far are a policy's distributions of each of its tokens from the dense
/// model's?
struct comparison_request {
  loglikelihood_request text{};  ///< one continuation
  std::size_t skip = 0;          ///< its first tokens that are left out
};

/// What a prompt is asked: to be continued, how likely texts are after one prompt or several, or to be compared.
using task_request = std::variant<generation_request, std::vector<loglikelihood_request>, comparison_request>;

/// Tokens that a request has a model read before it answers.
[[nodiscard]] inline std::size_t length_of(generation_request const& one) noexcept {
  return one.prompt.tokens.size() + one.lead.size();
}
[[nodiscard]] inline std::size_t length_of(loglikelihood_request const& one) noexcept {
  return one.prompt.tokens.size();
}

}  // namespace headcount::v0::evaluate
