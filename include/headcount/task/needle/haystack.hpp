#pragma once

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/file/list_files.hpp>
#include <headcount/file/mapped_file.hpp>

namespace headcount::v0::evaluate {

/// What needles are hidden in.
struct haystack {
  std::string text{};                    ///< all files, one after the other
  std::vector<std::string> sentences{};  ///< of the text, with single spaces
};

/// The sentences of a text: they end with ".", "!" or "?" and the quotes and brackets closing there, where white space
/// or the end follows, with an empty line, and with the full stops of Chinese and Japanese, which nothing need follow.
/// White space becomes single spaces. O(text).
[[nodiscard]] inline std::vector<std::string> split_sentences(std::string_view text) {
  static constexpr std::array<std::string_view, 4> wide_ends{"\u3002", "\uff01", "\uff1f", "\uff0e"};
  std::vector<std::string> sentences;
  std::string sentence;
  bool gap = false;
  std::size_t line_ends = 0;
  auto const finish = [&] {
    if (!sentence.empty()) sentences.push_back(std::move(sentence));
    sentence.clear();
  };
  for (char const sign : text) {
    if (std::isspace(static_cast<unsigned char>(sign)) == 0) {
      if (gap && !sentence.empty()) sentence += ' ';
      gap = false;
      line_ends = 0;
      sentence += sign;
      if (std::ranges::any_of(wide_ends, [&](std::string_view end) { return sentence.ends_with(end); })) finish();
      continue;
    }
    auto const last = sentence.find_last_not_of("\"')]");
    bool const ends =
        !gap && last != sentence.npos && std::string_view{".!?"}.find(sentence[last]) != std::string_view::npos;
    gap = true;
    line_ends += sign == '\n' ? 1 : 0;
    if (ends || line_ends == 2) finish();
  }
  finish();
  return sentences;
}

/// Reads a folder's *.txt files, sorted by name, so that the order is the same everywhere. Throws headcount::error when
/// there is none, one cannot be read, or they hold no sentence.
[[nodiscard]] inline haystack read_haystack(std::filesystem::path const& folder) {
  static constexpr auto form = "a folder of .txt files";
  auto const files = list_files(folder, ".txt", form);
  if (files.empty()) throw error{folder.string(), "it has no .txt file", form};
  haystack all;
  for (auto const& path : files) {
    reference::mapped_file const file{path};
    all.text.append(file.text(path.string()));
  }
  all.sentences = split_sentences(all.text);
  if (all.sentences.empty()) throw error{folder.string(), "its files are empty", form};
  return all;
}

}  // namespace headcount::v0::evaluate
