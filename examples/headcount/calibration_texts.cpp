#include "calibration_texts.hpp"

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/ranking/calibration_file.hpp>
#include <headcount/result/ground.hpp>
#include <headcount/result/journal.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/small_language.hpp>

namespace tool {

using namespace headcount;
using evaluate::calibration_text;

std::filesystem::path language_of(std::string const& model, std::string const& chosen) {
  if (!chosen.empty()) return chosen;
  auto const beside = std::filesystem::weakly_canonical(model).parent_path() / "language.json";
  if (std::filesystem::exists(beside)) return beside;
  throw error{model, "there is no language.json beside it, so there are no needles in its language",
              "--language, or texts of your own"};
}

std::vector<std::vector<calibration_text>> as_texts(std::span<std::vector<evaluate::needle_prompt> const> draws,
                                                    loaded_model const& loaded) {
  std::vector<std::vector<calibration_text>> all;
  for (auto const& draw : draws) {
    auto& texts = all.emplace_back();
    for (auto const& prompt : draw) {
      auto const& text = texts.emplace_back(evaluate::as_calibration(prompt));
      validate(text.prompt, loaded.reader.vocabulary, "the needles' prompt");
      validate(text.answer, loaded.reader.vocabulary, "the needles' answer");
    }
  }
  return all;
}

std::vector<calibration_text> read_texts(calibration_choice const& chosen, loaded_model const& loaded) {
  if (!chosen.items.empty()) return evaluate::read_calibration_items(chosen.items, loaded.reader);
  if (!chosen.text.empty()) return evaluate::read_calibration_text(chosen.text, loaded.reader);
  evaluate::small_language const language{language_of(chosen.model, chosen.language)};
  std::vector<std::vector<evaluate::needle_prompt>> const draw{
      evaluate::mixed_needles(language, chosen.prompts, chosen.seed)};
  return as_texts(draw, loaded).front();
}

std::string data_name(calibration_choice const& chosen) {
  if (!chosen.items.empty()) return chosen.items;
  if (!chosen.text.empty()) return chosen.text;
  return fmt::format("{} needles of the small language", chosen.prompts);
}

std::string setting_of(calibration_choice const& chosen) {
  bool const draws = chosen.items.empty() && chosen.text.empty();
  return text_of("data=", std::filesystem::path{data_name(chosen)}.filename().string(),
                 draws ? text_of(", seed=", chosen.seed) : std::string{});
}

void write_rows(std::string const& path, std::span<evaluate::row const> rows) {
  evaluate::journal file{path};
  evaluate::ground now;
  for (auto const& one : rows) {
    now.add_model(one.model, one.model_identity);
    now.add_policy(one.policy, one.policy_identity);
    now.add_task(one.model_identity, evaluate::ground::label_of_task(one), one.task_identity);
  }
  now.require_unchanged(path, file.rows());
  std::vector<evaluate::row> missing;
  for (auto const& one : rows)
    if (!file.has(key_of(one))) missing.push_back(one);
  file.append(missing);
}

void add_calibration_options(CLI::App& command, calibration_choice& chosen) {
  command.add_option("--model", chosen.model, "model folder, or a GGUF file")->required();
  auto* const items = command.add_option("--items", chosen.items,
                                         R"(JSON file to calibrate on, {"items": [{"prompt", "answer", "source"}]})");
  command.add_option("--text", chosen.text, "text file to calibrate on, in pieces of 256 tokens")->excludes(items);
  command.add_option("--language", chosen.language,
                     "language.json for needles, if neither is given; the one beside the model when left out");
  command.add_option("--prompts", chosen.prompts, "needles to calibrate on")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command.add_option("--seed", chosen.seed, "another seed makes other needles")->capture_default_str();
}

}  // namespace tool
