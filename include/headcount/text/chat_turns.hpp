#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <headcount/version.hpp>

namespace headcount::v0::evaluate {

/// The words around the messages of a chat, as a model's own template has them; the BOS goes before all of it.
struct chat_turns {
  std::string system_begin{};  ///< around what the system says, and around nothing when it says nothing;
  std::string system_end{};    ///< where both are empty, the first user's message begins with it
  std::string user_begin{};
  std::string user_end{};
  std::string answer_begin{};  ///< around an answer that was given before
  std::string answer_end{};
  std::string cue{};  ///< what the model answers after
};

/// Gemma's turns. Source: Gemma's formatting for instruction-tuned models, which RecurrentGemma shares.
[[nodiscard]] inline chat_turns gemma_turns() {
  return {.user_begin = "<start_of_turn>user\n",
          .user_end = "<end_of_turn>\n",
          .answer_begin = "<start_of_turn>model\n",
          .answer_end = "<end_of_turn>\n",
          .cue = "<start_of_turn>model\n"};
}

/// Jamba's turns, from version 1.5 on; the system's is there even when it is empty.
/// Source: the template of AI21's Jamba models as other engines render it for a user's message and no system's.
[[nodiscard]] inline chat_turns jamba_turns() {
  return {.system_begin = "<|bom|><|system|> ",
          .system_end = "<|eom|>",
          .user_begin = "<|bom|><|user|> ",
          .user_end = "<|eom|>",
          .answer_begin = "<|bom|><|assistant|> ",
          .answer_end = "<|eom|>",
          .cue = "<|bom|><|assistant|>"};
}

/// What a chat begins with, up to the first user's words.
[[nodiscard]] inline std::string begin_chat(chat_turns const& turns, std::string_view system = {}) {
  bool const has_system = !turns.system_begin.empty() || !turns.system_end.empty();
  std::string text;
  if (has_system) text.append(turns.system_begin).append(system).append(turns.system_end);
  text += turns.user_begin;
  if (!has_system) text += system;
  return text;
}

/// The marks in a chat's words that a tokenizer must know as tokens: "<start_of_turn>", "<|bom|>".
[[nodiscard]] inline std::vector<std::string> marks_of(chat_turns const& turns) {
  std::vector<std::string> marks;
  auto const text = begin_chat(turns) + turns.user_end + turns.cue;
  for (auto open = text.find('<'); open != text.npos; open = text.find('<', open + 1))
    marks.push_back(text.substr(open, text.find('>', open) - open + 1));
  return marks;
}

}  // namespace headcount::v0::evaluate
