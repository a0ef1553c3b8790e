#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/text/any_tokenizer.hpp>
#include <headcount/text/chat_turns.hpp>

namespace headcount::v0::evaluate {

/// The model that a task is made for and asked of.
struct model_under_test {
  std::string name{};      ///< as result rows say it
  std::string identity{};  ///< of its weights, configuration, tokenizer and generation settings
  any_model model;
  std::optional<any_tokenizer> tokenizer{};  ///< none: tasks of texts cannot be asked
  std::optional<chat_turns> turns{};         ///< of its chat, when it was tuned for one; none: form=instruct is refused
  std::vector<token> end{};                  ///< tokens that end a text, e.g. the tokenizer's EOS
  std::filesystem::path language{};  ///< language.json, for tasks in the language of the small hybrids; often empty
  std::size_t longest = 2048;        ///< most tokens it reads at once; longer texts lose their start

  /// The tokenizer; throws headcount::error, which names the task, when there is none.
  [[nodiscard]] any_tokenizer const& tokenizer_for(std::string_view task) const {
    if (!tokenizer)
      throw error{text_of("task ", task),
                  text_of("it asks in words, and ", name, " has no tokenizer.model or tokenizer.json")};
    return *tokenizer;
  }

  /// Its language; throws headcount::error, which names the task, when there is none.
  [[nodiscard]] std::filesystem::path const& language_for(std::string_view task) const {
    if (language.empty())
      throw error{text_of("task ", task), text_of("there is no language.json for ", name),
                  "a model in the language of the small hybrids"};
    return language;
  }

  /// The turns of its chat; throws headcount::error, which names the task, when it has none or its tokenizer does not
  /// know them.
  [[nodiscard]] chat_turns const& turns_for(std::string_view task) const {
    auto const& known = tokenizer_for(task);
    if (!turns) throw error{text_of("task ", task), text_of(name, " has no chat"), "form=base"};
    for (auto const& mark : marks_of(*turns))
      if (auto const tokens = known.encode(mark).size(); tokens > 2)  // a space may go before it
        throw error{text_of("task ", task), text_of("the tokenizer reads ", mark, " as ", tokens, " tokens"),
                    "form=base, or a model that was tuned for chats, with its tokenizer_config.json"};
    return *turns;
  }
};

}  // namespace headcount::v0::evaluate
