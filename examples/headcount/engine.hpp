#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/text/prompt_file.hpp>

namespace headcount::v0::reference {
struct model;
struct snapshot;
}  // namespace headcount::v0::reference

namespace tool {

/// A model of a folder in Hugging Face's layout, see load_snapshot, or of a GGUF file. Copies share it; what is made of
/// it must not outlive them. The passes of models are compiled in engine.cpp and nowhere else in the tool.
struct loaded_model {
  std::shared_ptr<headcount::reference::snapshot const> snapshot{};  ///< for what looks at weights; null of a file
  std::filesystem::path file{};                                      ///< empty of a folder
  std::string name{};                                                ///< the folder's or the file's own
  std::string architecture{};                                        ///< as config.json or the file calls it
  headcount::evaluate::any_model model;
  headcount::reference::prompt_reader reader{};
  std::vector<headcount::token> end{};                   ///< tokens that end a text
  headcount::reference::model const* weights = nullptr;  ///< the snapshot's
  bool has_gates = false;                                ///< of heads' outputs
  std::size_t longest = 0;                               ///< most tokens of a text
  std::size_t parameters = 0;                            ///< numbers in all tensors
  std::string dtype{};                                   ///< of its tensors
  /// Throws headcount::error when a policy does not fit it.
  std::function<void(headcount::any_policy const&)> fits{};

  /// What it is, whatever its folder or file is called. Reads all weights.
  [[nodiscard]] std::string identity() const;
};

/// Throws headcount::error when a path is neither a GGUF file nor a folder with a model that is read.
[[nodiscard]] loaded_model load_model(std::filesystem::path const& path);

/// Throws headcount::error when a model is none of a folder, whose weights can be read; `what` needs them.
void require_weights(loaded_model const& loaded, std::string_view what);

}  // namespace tool
