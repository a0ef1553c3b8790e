#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/mapped_file.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/sentence/parse.hpp>

namespace headcount::v0::reference {

/// Which model a ranking, a predictor, a recording or outputs of heads were made of, as their file says it; empty where
/// it does not.
struct file_origin {
  std::string file{};
  std::string model{};           ///< its name
  std::string model_identity{};  ///< a digest of what it is
};

/// Reads it from a file that a sentence may name, JSON or safetensors. Throws headcount::error when it is neither.
[[nodiscard]] inline file_origin read_origin(std::filesystem::path const& path) {
  constexpr std::string_view keys[]{"model", "model_identity"};
  std::string found[2];
  mapped_file const file{path};
  auto const bytes = file.bytes();
  std::string_view const text{reinterpret_cast<char const*>(bytes.data()), bytes.size()};
  auto const first = text.find_first_not_of(" \t\r\n");
  if (first != text.npos && text[first] == '{') {
    auto const json = read_json(path);
    for (std::size_t i = 0; i < 2; ++i)
      if (auto const at = json.find(keys[i]); at != json.end() && at->is_string()) at->get_to(found[i]);
  } else {
    auto about = open_safetensors(path).about;
    for (std::size_t i = 0; i < 2; ++i) found[i] = about[std::string{keys[i]}];
  }
  return {path.string(), found[0], found[1]};
}

/// The origins of the files that a policy's sentence names, of those that say one. Files that are not there, as what is
/// held in memory, are passed over. Throws headcount::error when the sentence cannot be read, or a file.
[[nodiscard]] inline std::vector<file_origin> origins_of(any_policy const& policy) {
  std::vector<std::string> names;
  (void)parse_policy(print(policy), sentence_files{.reads = false, .names = &names});
  std::vector<file_origin> origins;
  for (auto const& name : names) {
    if (!std::filesystem::is_regular_file(name)) continue;
    if (auto from = read_origin(name); !from.model_identity.empty()) origins.push_back(std::move(from));
  }
  return origins;
}

/// What is to be said of a file where it is used on the model of an identity; empty where it was made of that.
[[nodiscard]] inline std::string doubt_of(file_origin const& from, std::string_view model_identity) {
  if (from.model_identity == model_identity) return {};
  return text_of(from.file, " was made of another model, ", in_quotes(from.model), " of identity ", from.model_identity,
                 "; this one has identity ", model_identity);
}

}  // namespace headcount::v0::reference
