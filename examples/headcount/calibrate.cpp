// headcount calibrate: what attention heads put out on some texts, as a file that mean(...) and resample(...) read.

#include <cstddef>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include <headcount/core/text.hpp>
#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/ranking/head_output_calibration.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"

namespace tool {
namespace {

using namespace headcount;

struct calibrate_options {
  calibration_choice texts;
  std::size_t samples = 64;
  std::string output;
};

void calibrate_heads(calibrate_options const& chosen) {
  auto const loaded = load_model(chosen.texts.model);
  auto const texts = read_texts(chosen.texts, loaded);
  auto const outputs = evaluate::calibrate_outputs(loaded.model, texts, chosen.samples, chosen.texts.seed);
  reference::write_head_outputs(chosen.output, outputs,
                                {{"model", loaded.name},
                                 {"model_identity", loaded.identity()},
                                 {"data", data_name(chosen.texts)},
                                 {"data_identity", evaluate::identity_of(texts)},
                                 {"seed", text_of(chosen.texts.seed)},
                                 {"version", version}});
}

}  // namespace

void add_calibrate(CLI::App& app) {
  auto* const command = app.add_subcommand(
      "calibrate", "Collect what a model's heads put out, for the masks mean(FILE) and resample(FILE) in sentences");
  auto const chosen = std::make_shared<calibrate_options>();
  add_calibration_options(*command, chosen->texts);
  command->add_option("--samples", chosen->samples, "tokens whose outputs are kept for resample, beside the mean")
      ->check(CLI::Range(0, 1000000))
      ->capture_default_str();
  command->add_option("--output", chosen->output, "safetensors file to write")->required();
  command->footer(
      "Example:\n  headcount calibrate --model examples/models/tiny-jamba --output O.safetensors\n"
      "  headcount generate --model examples/models/tiny-jamba --prompts prompts.json --policy \"entropy | top_k(5) | "
      "mean(O.safetensors) @ generation\"");
  command->callback([chosen] { calibrate_heads(*chosen); });
}

}  // namespace tool
