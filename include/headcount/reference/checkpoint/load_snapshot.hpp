#pragma once

#include <filesystem>
#include <utility>

#include <headcount/core/error.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/text/tokenizer.hpp>

namespace headcount::v0::reference {

/// Loads a folder with `config.json`, weights (see checkpoint) and, when there is one, its tokenizer.
/// Weights are mapped, not read: they come in as they are used. Throws headcount::error, which names the file and what
/// is wrong in it: a key, a tensor that is missing, unknown or misshapen.
[[nodiscard]] inline snapshot load_snapshot(std::filesystem::path const& folder) {
  if (!std::filesystem::is_directory(folder))
    throw error{folder.string(), "no such model folder", "a folder with config.json and model.safetensors"};
  auto config = read_config(folder / "config.json");
  checkpoint files{folder};
  auto model = config.make(files);
  files.require_all_taken(model.left_out);
  model.storage = files.kept();
  auto words = tokenizer::of_folder(folder);
  auto const absolute = std::filesystem::weakly_canonical(folder);
  return {absolute.filename().string(), std::move(config), std::move(model), std::move(words), std::move(files)};
}

}  // namespace headcount::v0::reference
