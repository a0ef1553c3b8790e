#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/text/chat_turns.hpp>

namespace headcount::v0::evaluate {

/// How often a prompt shows its context: once, or again for models that have to know the question before they read.
enum class context_reading {
  once,
  twice,           ///< context and question, and both again: the paper's just-read-twice prompt
  question_first,  ///< question, context, context, question: HazyResearch's, for reading comprehension
};

/// The words around context and question. The defaults are the published ones for base models.
struct prompt_form {
  std::string before_context = "CONTEXT: ";
  std::string before_question = "\n\nQUESTION: ";
  std::string after_question = "\n\nANSWER: Here is the most relevant sentence in the context: ";
  std::string between = "\n\n";  ///< between two readings
  context_reading read = context_reading::once;
  std::string turn_begin{};  ///< of a chat, before everything
  std::string turn_end{};    ///< and after it
};

/// The published form for instruction-tuned models: one user message that asks for the sentence.
[[nodiscard]] inline prompt_form instruct_form(chat_turns const& turns) {
  return {.after_question = "\n\nReturn the most relevant sentence in the context, word for word.",
          .turn_begin = begin_chat(turns),
          .turn_end = turns.user_end + turns.cue};
}

/// HazyResearch's just-read-twice prompt for questions about a text: nothing but the pieces, a line each.
/// Source: Arora et al. 2024, "Just read twice", arXiv 2407.05483.
[[nodiscard]] inline prompt_form question_first_form() {
  return {.before_context = "",
          .before_question = "",
          .after_question = "",
          .between = "\n",
          .read = context_reading::question_first};
}

/// HazyResearch's just-read-twice prompt for a value that a document gives for a key: the key, the document, the
/// document again, and the key as a cue. Source: as above.
[[nodiscard]] inline std::string document_twice(std::string_view document, std::string_view key) {
  std::string text{"information about "};
  text.append(key).append(". ").append(document).append("\n").append(document).append("\n").append(key).append(":");
  return text;
}

/// What a piece of a prompt is.
enum class piece_kind { words, context, needle, question };

struct text_piece {
  piece_kind kind = piece_kind::words;
  std::string text{};
};

/// A prompt in pieces, which joined are its text.
[[nodiscard]] inline std::vector<text_piece> pieces_of_prompt(prompt_form const& form,
                                                              std::span<text_piece const> context,
                                                              std::string_view question) {
  std::vector<text_piece> pieces{{piece_kind::words, form.turn_begin}};
  auto const add_context = [&] {
    pieces.push_back({piece_kind::words, form.before_context});
    pieces.insert(pieces.end(), context.begin(), context.end());
  };
  auto const add_question = [&] {
    pieces.push_back({piece_kind::question, form.before_question + std::string{question}});
  };
  auto const add_between = [&] { pieces.push_back({piece_kind::words, form.between}); };
  if (form.read == context_reading::question_first) {
    add_question();
    add_between();
    add_context();
    add_between();
    add_context();
    add_between();
    add_question();
  } else {
    add_context();
    add_question();
    if (form.read == context_reading::twice) {
      add_between();
      add_context();
      add_question();
    }
  }
  pieces.push_back({piece_kind::words, form.after_question + form.turn_end});
  return pieces;
}

}  // namespace headcount::v0::evaluate
