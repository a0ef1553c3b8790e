#pragma once

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/utf8.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/text/tokenizer.hpp>

namespace headcount::v0::reference {

/// The tokens that end a text: generation_config.json's eos_token_id, as generation with transformers takes it, or
/// without that the configuration's. Throws headcount::error where it is malformed.
[[nodiscard]] inline std::vector<token> read_end_tokens(std::filesystem::path const& folder,
                                                        common_config const& config) {
  auto const path = folder / "generation_config.json";
  if (!std::filesystem::exists(std::filesystem::symlink_status(path))) return config.eos;
  auto const json = read_json(path);
  if (!json.is_object()) throw error{path.string(), text_of("it is ", in_short(json)), "an object"};
  config_reader const file{path.string(), json};
  return file.has("eos_token_id") ? file.tokens("eos_token_id") : config.eos;
}

/// What a model folder is called: the name it was given by, whatever that links to; of a snapshot in Hugging Face's
/// cache (models--ORGANISATION--NAME/snapshots/COMMIT), NAME. Always UTF-8: other bytes as "\xe9".
[[nodiscard]] inline std::string name_of_folder(std::filesystem::path const& folder) {
  auto const path = (std::filesystem::absolute(folder) / "").lexically_normal().parent_path();
  auto const repository = path.parent_path().parent_path().filename().string();
  if (path.parent_path().filename() == "snapshots" && repository.starts_with("models--"))
    return escaped_utf8(repository.substr(repository.rfind("--") + 2));
  return escaped_utf8(path.filename().string());
}

/// Throws headcount::error where a folder is of Hugging Face's cache and holds snapshots: names those that are there.
inline void require_snapshot(std::filesystem::path const& folder) {
  auto const all = folder.filename() == "snapshots" ? folder : folder / "snapshots";
  std::error_code problem;
  if (std::filesystem::exists(folder / "config.json", problem) || !std::filesystem::is_directory(all, problem)) return;
  std::string found;
  for (std::filesystem::directory_iterator at{all, problem}, end; !problem && at != end; at.increment(problem))
    add_to_list(found, at->path().string());
  throw error{folder.string(), "it is a folder of Hugging Face's cache, which holds snapshots of a model",
              found.empty() ? "a snapshot; none is there" : text_of("a snapshot: ", found)};
}

/// Loads a folder with `config.json`, weights (see checkpoint) and, when there is one, its tokenizer.
/// Weights are mapped, not read: they come in as they are used. Throws headcount::error, which names the file and what
/// is wrong in it: a key, a tensor that is missing, unknown or misshapen.
[[nodiscard]] inline snapshot load_snapshot(std::filesystem::path const& folder) {
  if (!std::filesystem::is_directory(folder))
    throw error{folder.string(), "no such model folder", "a folder with config.json and model.safetensors"};
  require_snapshot(folder);
  auto config = read_config(folder / "config.json");
  config.eos = read_end_tokens(folder, config);
  checkpoint files{folder};
  auto model = config.make(files);
  files.require_all_taken(model.left_out);
  model.storage = files.kept();
  auto words = tokenizer::of_folder(folder);
  return {name_of_folder(folder), std::move(config), std::move(model), std::move(words), std::move(files)};
}

}  // namespace headcount::v0::reference
