#pragma once

#include <filesystem>
#include <span>
#include <string>

#include <headcount/core/text.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/file/safetensors.hpp>

namespace headcount::v0::reference {

/// Files beside the weights that change what a model says: configuration, tokenizer, generation settings, chat.
inline constexpr char const* files_of_identity[]{
    "config.json",       "generation_config.json", "tokenizer.model",
    "tokenizer.json",    "tokenizer_config.json",  "special_tokens_map.json",
    "added_tokens.json", "chat_template.jinja",    "chat_template.json"};

/// What weights are, as 32 hexadecimal digits that change when any of them does: a digest of every tensor's name,
/// dtype, shape and bytes, in name order, so that sharding does not matter. Reads all weights once.
[[nodiscard]] inline std::string weights_identity(safetensors const& tensors) {
  digest all;
  for (auto const& [name, tensor] : tensors) {
    auto const head = text_of(name, " ", tensor.dtype, " ", print_shape(tensor.shape), "\n");
    all.add(std::as_bytes(std::span{head})).add(tensor.bytes);
  }
  return all.text();
}

/// What a model is, as 32 hexadecimal digits: a digest of its weights and of the files of files_of_identity that are
/// there. The folder's name, and other files in it, do not count. Throws headcount::error when a file cannot be read.
[[nodiscard]] inline std::string model_identity(std::filesystem::path const& folder, safetensors const& tensors) {
  digest all;
  all.add(weights_identity(tensors));
  for (auto const* name : files_of_identity)
    if (std::filesystem::exists(folder / name)) all.add(name).add_file(folder / name);
  return all.text();
}

}  // namespace headcount::v0::reference
