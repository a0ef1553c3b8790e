#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/text/prompt_file.hpp>

namespace headcount::v0::reference {
struct model;
struct snapshot;
}  // namespace headcount::v0::reference

namespace tool {

/// A model of a folder in Hugging Face's layout, see load_snapshot. Copies share it; what is made of it must not
/// outlive them. The passes of models are compiled in engine.cpp and nowhere else in the tool.
struct loaded_model {
  std::shared_ptr<headcount::reference::snapshot const> snapshot;  ///< for what looks at weights
  std::string name{};                                              ///< the folder's own name
  std::string architecture{};                                      ///< as config.json calls it
  headcount::evaluate::any_model model;
  headcount::reference::prompt_reader reader{};
  std::vector<headcount::token> end{};                   ///< tokens that end a text
  headcount::reference::model const* weights = nullptr;  ///< the snapshot's
  bool has_gates = false;                                ///< of heads' outputs

  /// What it is, whatever its folder is called. Reads all weights.
  [[nodiscard]] std::string identity() const;
};

/// Throws headcount::error when the folder holds no model that is read.
[[nodiscard]] loaded_model load_model(std::filesystem::path const& folder);

}  // namespace tool
