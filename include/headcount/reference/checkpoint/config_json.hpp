#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include <headcount/file/config_reader.hpp>
#include <headcount/reference/checkpoint/architectures.hpp>
#include <headcount/reference/model/config.hpp>

namespace headcount::v0::reference {

/// A model's configuration from the JSON of `name`, its config.json. Throws headcount::error that names the file and
/// the key where something is missing, of the wrong type or out of range, and the architectures that are known when it
/// is another.
[[nodiscard]] inline model_config read_config(std::string const& name, nlohmann::json const& json) {
  config_reader const file{name, json};
  auto const type = file.text("model_type");
  for (auto const& one : architectures)
    if (one.type == type) return one.read(file);
  file.fail("model_type", model_types());
}

/// Reads a model's config.json; throws as above, and when it cannot be read.
[[nodiscard]] inline model_config read_config(std::filesystem::path const& path) {
  return read_config(path.string(), read_config_json(path));
}

}  // namespace headcount::v0::reference
