#pragma once

// The texts that rankings and predictors are made from, as the command line names them.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include <headcount/ranking/calibration.hpp>
#include <headcount/result/row.hpp>
#include <headcount/task/language/needle.hpp>

#include "engine.hpp"

namespace CLI {
class App;
}

namespace tool {

struct calibration_choice {
  std::string model{};
  std::string items{};
  std::string text{};
  std::string language{};
  std::size_t prompts = 32;
  std::uint64_t seed = 1;
};

/// Adds --model, --items, --text, --language, --prompts and --seed to a command.
void add_calibration_options(CLI::App& command, calibration_choice& chosen);

/// Needles to calibrate on, those of each draw. Throws headcount::error when the model does not know their tokens.
[[nodiscard]] std::vector<std::vector<headcount::evaluate::calibration_text>> as_texts(
    std::span<std::vector<headcount::evaluate::needle_prompt> const> draws, loaded_model const& loaded);

/// The texts that were chosen; needles of the small language where nothing else was. Throws headcount::error.
[[nodiscard]] std::vector<headcount::evaluate::calibration_text> read_texts(calibration_choice const& chosen,
                                                                            loaded_model const& loaded);

/// What files say of the data.
[[nodiscard]] std::string data_name(calibration_choice const& chosen);

/// The same as a setting of rows, with the seed where that chose the texts.
[[nodiscard]] std::string setting_of(calibration_choice const& chosen);

/// Writes rows to a result file, those that are not there; rows that are there must be of what is asked now. Throws
/// headcount::error.
void write_rows(std::string const& path, std::span<headcount::evaluate::row const> rows);

/// The language that a model's needles are in: the file that was chosen, else the one beside the model's folder. Throws
/// headcount::error when there is none.
[[nodiscard]] std::filesystem::path language_of(std::string const& model, std::string const& chosen);

}  // namespace tool
