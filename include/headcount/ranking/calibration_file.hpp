#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token_positions.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/sentence/parse_value.hpp>
#include <headcount/text/pair_texts.hpp>
#include <headcount/text/prompt_file.hpp>

namespace headcount::v0::evaluate {

namespace detail {

/// Positions in an item's prompt; none when it does not say.
[[nodiscard]] inline token_positions read_positions(nlohmann::json const& item, char const* key, std::size_t tokens,
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

}  // namespace detail

/// The items of a JSON file: {"items": [{"prompt", "answer", "source", "query", "null_query"}, ...]}. Prompt and answer
/// are token ids or texts; where the prompt holds the answer and asks for it, and what asks for nothing, may be left
/// out. Throws headcount::error that names what is not as it should be.
[[nodiscard]] inline std::vector<calibration_text> read_calibration_items(std::filesystem::path const& path,
                                                                          reference::prompt_reader const& reader) {
  static constexpr auto form = R"({"items": [{"prompt": ids or text, "answer": ids or text, "source": "12-22"}, ...]})";
  using enum reference::text_place;
  std::vector<calibration_text> texts;
  for (auto const& item : reference::read_list(path, "items", form)) {
    auto const what = text_of(path.string(), ", items[", texts.size(), "]");
    if (!item.is_object() || !item.contains("prompt") || !item.contains("answer"))
      throw error{what, "it has no \"prompt\" or no \"answer\"", form};
    auto const read = [&](char const* key, reference::text_place place) {
      return reference::read_text(item[key], reader, text_of(what, ", ", key), place);
    };
    calibration_text text{.prompt = read("prompt", beginning), .answer = read("answer", continuation)};
    text.source = detail::read_positions(item, "source", text.prompt.size(), what);
    text.query = detail::read_positions(item, "query", text.prompt.size(), what);
    if (item.contains("null_query")) text.null_query = read("null_query", continuation);
    texts.push_back(std::move(text));
  }
  return texts;
}

/// A text file in pieces of `piece` tokens, each of whose tokens but the first is an answer to those before it. Throws
/// headcount::error when it has fewer than two tokens, or the model no tokenizer.
[[nodiscard]] inline std::vector<calibration_text> read_calibration_text(std::filesystem::path const& path,
                                                                         reference::prompt_reader const& reader,
                                                                         std::size_t piece = 256) {
  auto const what = path.string();
  reference::mapped_file const file{path};
  auto const bytes = file.bytes();
  auto const tokens = encode_with_bos(reference::tokenizer_of(reader, what),
                                      {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
  validate(tokens, reader.vocabulary, what);
  std::vector<calibration_text> texts;
  for (std::size_t at = 0; at + 1 < tokens.size(); at += piece) {
    auto const some = std::span{tokens}.subspan(at, (std::min)(piece, tokens.size() - at));
    if (some.size() > 1) texts.push_back({.prompt = {some.front()}, .answer = {some.begin() + 1, some.end()}});
  }
  if (texts.empty()) throw error{what, "it has fewer than two tokens", "a longer text"};
  return texts;
}

}  // namespace headcount::v0::evaluate
