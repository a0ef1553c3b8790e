#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/model_identity.hpp>
#include <headcount/reference/model/config.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/text/prompt_file.hpp>
#include <headcount/text/tokenizer.hpp>

namespace headcount::v0::reference {

/// A model folder in Hugging Face's layout, ready to run; load_snapshot.hpp reads one.
struct snapshot {
  std::string name;  ///< the folder's own name
  model_config config;
  reference::model model;
  std::optional<reference::tokenizer> tokenizer;  ///< when the folder has one
  checkpoint files;

  /// What it is, whatever its folder is called: see model_identity. Reads all weights.
  [[nodiscard]] std::string identity() const { return model_identity(files.folder(), files.tensors()); }
  /// Reads its prompts.
  [[nodiscard]] prompt_reader reader() const {
    prompt_reader made{.model = name, .vocabulary = model.vocabulary()};
    if (tokenizer) made.tokenizer = *tokenizer;
    return made;
  }
  /// Numbers in all tensors.
  [[nodiscard]] std::size_t parameters() const {
    std::size_t count = 0;
    for (auto const& [name_of_tensor, tensor] : files.tensors())
      count += tensor.bytes.size() / safetensors_dtype_bytes(tensor.dtype).value_or(1);
    return count;
  }
};

}  // namespace headcount::v0::reference
