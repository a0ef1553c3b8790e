// headcount train-predictor: learns to foretell what a runtime policy keeps, as a file that predictor(...) reads in any
// sentence.

#include <memory>
#include <string>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/file/write_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/predictor_json.hpp>
#include <headcount/ranking/train_predictor.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
#include "sentences.hpp"

namespace tool {

using namespace headcount;

namespace {

struct train_predictor_options {
  calibration_choice calibration;
  std::string policy;
  double penalty = 0.01;
  std::string output;
};

void train(train_predictor_options const& chosen) {
  auto const snapshot = load_model(chosen.calibration.model);
  auto const policy = read_policy(chosen.policy);
  auto const texts = read_texts(chosen.calibration, snapshot);
  auto const trained = evaluate::train_predictor(as_language_model(snapshot.model), texts, policy, chosen.penalty);

  nlohmann::ordered_json file{{"policy", print(policy)},
                              {"model", snapshot.name},
                              {"model_identity", snapshot.identity()},
                              {"data", data_name(chosen.calibration)},
                              {"texts", texts.size()},
                              {"held_out_texts", evaluate::held_out(texts.size())},
                              {"seed", chosen.calibration.seed},
                              {"penalty", chosen.penalty},
                              {"version", version}};
  auto& recall = file["recall"] = nlohmann::ordered_json::array();
  for (auto const& layer : trained.recall) {
    recall.push_back({{"layer", layer.layer},
                      {"tokens", layer.tokens},
                      {"predicted", layer.predicted},
                      {"constant", layer.constant},
                      {"random", layer.random}});
    fmt::print(
        "layer {}: of the heads kept at {} held-out tokens {:.3f} foretold, {:.3f} by those kept most often, "
        "{:.3f} by chance\n",
        layer.layer, layer.tokens, layer.predicted, layer.constant, layer.random);
  }
  file.update(reference::to_json(trained.predictor));
  reference::write_text(chosen.output, file.dump() + "\n");
}

}  // namespace

void add_train_predictor(CLI::App& app) {
  auto* const command = app.add_subcommand(
      "train-predictor", "Learn to foretell what a runtime policy keeps, for predictor(FILE) in sentences");
  auto const chosen = std::make_shared<train_predictor_options>();
  add_calibration_options(*command, chosen->calibration);
  command->add_option("--policy", chosen->policy, "sentence to learn from, e.g. \"entropy | top_k(5) @ generation\"")
      ->required();
  command->add_option("--penalty", chosen->penalty, "of the ridge regression")
      ->check(CLI::Range(1e-9, 1e9))
      ->capture_default_str();
  command->add_option("--output", chosen->output, "JSON file to write")->required();
  command->footer(
      "Example:\n  headcount train-predictor --model examples/models/tiny-jamba --policy \"entropy | top_k(5) @ "
      "generation\" --output P.json\n  headcount generate --model examples/models/tiny-jamba --prompts prompts.json "
      "--policy \"predictor(P.json) | top_k(5) @ generation\"");
  command->callback([chosen] { train(*chosen); });
}

}  // namespace tool
