#pragma once

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/digest.hpp>

namespace headcount::v0::evaluate {

/// One of several parts of a sweep, which several machines work on.
struct shard {
  std::size_t index = 1;  ///< 1 to count
  std::size_t count = 1;

  /// Whether this part has a piece of work: by a hash of its name, so that every part knows without asking.
  [[nodiscard]] bool has(std::string_view name) const noexcept { return hash_of(name) % count == index - 1; }
};

/// Reads "I/N". Throws headcount::error unless 1 <= I <= N.
[[nodiscard]] inline shard parse_shard(std::string_view text, std::string_view between = "/") {
  shard part;
  auto const* const end = text.data() + text.size();
  auto const [slash, first] = std::from_chars(text.data(), end, part.index);
  std::string_view const rest{slash, end};
  bool good = first == std::errc{} && rest.size() > between.size() && rest.starts_with(between);
  if (good) {
    auto const [stop, second] = std::from_chars(slash + between.size(), end, part.count);
    good = second == std::errc{} && stop == end && part.index >= 1 && part.index <= part.count;
  }
  if (!good)
    throw error{"shard", std::string{text},
                "I/N with I from 1 to N, e.g. 3/8; one more than the index of an array from 0"};
  return part;
}

/// Where the rows of a part go: R.jsonl becomes R.3-of-8.jsonl.
[[nodiscard]] inline std::filesystem::path path_of_shard(std::filesystem::path const& output, shard const& part) {
  return output.parent_path() /
         text_of(output.stem().string(), ".", part.index, "-of-", part.count, output.extension().string());
}

/// The parts that lack beside these files, of those that path_of_shard names.
[[nodiscard]] inline std::vector<std::filesystem::path> missing_shards(std::span<std::string const> files) {
  std::map<std::pair<std::filesystem::path, std::size_t>, std::set<std::size_t>> found;  // by output and count
  for (std::filesystem::path const file : files) {
    auto const stem = file.stem();
    auto const number = stem.extension().string();
    if (number.find("-of-") == number.npos) continue;
    try {
      auto const part = parse_shard(number.substr(1), "-of-");
      auto output = file.parent_path() / stem.stem();
      found[{output += file.extension(), part.count}].insert(part.index);
    } catch (error const&) {
    }
  }
  std::vector<std::filesystem::path> missing;
  for (auto const& [of, indices] : found)
    for (std::size_t index = 1; index <= of.second; ++index)
      if (!indices.contains(index)) missing.push_back(path_of_shard(of.first, {index, of.second}));
  return missing;
}

}  // namespace headcount::v0::evaluate
