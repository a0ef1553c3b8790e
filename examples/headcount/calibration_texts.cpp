#include "calibration_texts.hpp"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/sentence/parse_value.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/text/pair_texts.hpp>

#include "inputs.hpp"

namespace tool {

using namespace headcount;
using evaluate::calibration_text;

namespace {

/// Positions in an item's prompt; none when it does not say.
token_positions read_positions(nlohmann::json const& item, char const* key, std::size_t tokens,
                               std::string const& what) {
  token_positions positions;
  if (!item.contains(key)) return positions;
  if (!item[key].is_string() || !parse_value(item[key].get<std::string>(), positions))
    throw error{text_of(what, ", ", key), text_of(reference::in_short(item[key]), " are no positions"),
                "positions such as \"3-5,9\""};
  if (!positions.empty() && (positions.end() - 1)->last >= tokens)
    throw error{text_of(what, ", ", key), "it ends beyond the prompt", text_of("0 to ", tokens - 1)};
  return positions;
}

/// An answer or a question: token ids, or a text without BOS.
std::vector<token> read_words(nlohmann::json const& words, reference::snapshot const& snapshot,
                              std::string const& what) {
  if (!words.is_string()) return read_tokens(words, snapshot.model, what);
  auto tokens = tokenizer_of(snapshot, what).encode(words.get<std::string>());
  if (tokens.empty()) throw error{what, "it has no token", "a text that is not empty"};
  reference::validate(tokens, snapshot.model, what);
  return tokens;
}

/// Items with a prompt, an answer and, if it is known, where the prompt holds it and asks for it.
std::vector<calibration_text> read_items(calibration_choice const& chosen, reference::snapshot const& snapshot) {
  static constexpr auto form = R"({"items": [{"prompt": ids or text, "answer": ids or text, "source": "12-22"}, ...]})";
  std::vector<calibration_text> texts;
  for (auto const& item : read_list(chosen.items, "items", form)) {
    auto const what = text_of(chosen.items, ", items[", texts.size(), "]");
    if (!item.is_object() || !item.contains("prompt") || !item.contains("answer"))
      throw error{what, "it has no \"prompt\" or no \"answer\"", form};
    calibration_text text{.prompt = read_prompt(item["prompt"], snapshot, what + ", prompt"),
                          .answer = read_words(item["answer"], snapshot, what + ", answer")};
    text.source = read_positions(item, "source", text.prompt.size(), what);
    text.query = read_positions(item, "query", text.prompt.size(), what);
    if (item.contains("null_query")) text.null_query = read_words(item["null_query"], snapshot, what + ", null_query");
    texts.push_back(std::move(text));
  }
  return texts;
}

/// A text in pieces of 256 tokens, each of whose tokens but the first is an answer to those before it.
std::vector<calibration_text> read_text(calibration_choice const& chosen, reference::snapshot const& snapshot) {
  constexpr std::size_t piece = 256;
  reference::mapped_file const file{chosen.text};
  auto const bytes = file.bytes();
  auto const tokens = evaluate::encode_with_bos(tokenizer_of(snapshot, chosen.text),
                                                {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
  reference::validate(tokens, snapshot.model, chosen.text);
  std::vector<calibration_text> texts;
  for (std::size_t at = 0; at + 1 < tokens.size(); at += piece) {
    auto const some = std::span{tokens}.subspan(at, std::min(piece, tokens.size() - at));
    if (some.size() > 1) texts.push_back({.prompt = {some.front()}, .answer = {some.begin() + 1, some.end()}});
  }
  if (texts.empty()) throw error{chosen.text, "it has fewer than two tokens", "a longer text"};
  return texts;
}

}  // namespace

std::filesystem::path language_of(std::string const& model, std::string const& chosen) {
  if (!chosen.empty()) return chosen;
  auto const beside = std::filesystem::weakly_canonical(model).parent_path() / "language.json";
  if (std::filesystem::exists(beside)) return beside;
  throw error{model, "there is no language.json beside it, so there are no needles in its language",
              "--language, or texts of your own"};
}

std::vector<calibration_text> read_texts(calibration_choice const& chosen, reference::snapshot const& snapshot) {
  if (!chosen.items.empty()) return read_items(chosen, snapshot);
  if (!chosen.text.empty()) return read_text(chosen, snapshot);
  std::vector<calibration_text> texts;
  for (auto const& prompt : evaluate::mixed_needles(
           evaluate::small_language{language_of(chosen.model, chosen.language)}, chosen.prompts, chosen.seed)) {
    auto text = evaluate::as_calibration(prompt);
    reference::validate(text.prompt, snapshot.model, "the needles' prompt");
    reference::validate(text.answer, snapshot.model, "the needles' answer");
    texts.push_back(std::move(text));
  }
  return texts;
}

std::string data_name(calibration_choice const& chosen) {
  if (!chosen.items.empty()) return chosen.items;
  if (!chosen.text.empty()) return chosen.text;
  return fmt::format("{} needles of the small language", chosen.prompts);
}

void add_calibration_options(CLI::App& command, calibration_choice& chosen) {
  command.add_option("--model", chosen.model, "model folder")->required();
  auto* const items = command.add_option("--items", chosen.items,
                                         R"(JSON file to calibrate on, {"items": [{"prompt", "answer", "source"}]})");
  command.add_option("--text", chosen.text, "text file to calibrate on, in pieces of 256 tokens")->excludes(items);
  command.add_option("--language", chosen.language,
                     "language.json for needles, if neither is given; the one beside the model when left out");
  command.add_option("--prompts", chosen.prompts, "needles to calibrate on")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--seed", chosen.seed, "another seed makes other needles")->capture_default_str();
}

}  // namespace tool
