#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/checkpoint/model_identity.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/text/tokenizer.hpp>

namespace headcount::v0::reference {

/// A model folder in Hugging Face's layout, ready to run.
struct snapshot {
  std::string name;  ///< the folder's own name
  model_config config;
  reference::model model;
  std::optional<reference::tokenizer> tokenizer;  ///< when the folder has one
  checkpoint files;

  /// What it is, whatever its folder is called: see model_identity. Reads all weights.
  [[nodiscard]] std::string identity() const { return model_identity(files.folder(), files.tensors()); }
  /// Numbers in all tensors.
  [[nodiscard]] std::size_t parameters() const {
    std::size_t count = 0;
    for (auto const& [name_of_tensor, tensor] : files.tensors())
      count += tensor.bytes.size() / safetensors_dtype_bytes(tensor.dtype).value_or(1);
    return count;
  }
};

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
