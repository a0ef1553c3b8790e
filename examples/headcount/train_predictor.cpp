// headcount train-predictor: learns to foretell what a runtime policy keeps, as a file that predictor(...) reads in any
// sentence.

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/policy_identity.hpp>
#include <headcount/policy_file/predictor_json.hpp>
#include <headcount/ranking/calibration_task.hpp>
#include <headcount/ranking/train_predictor.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/result/total.hpp>
#include <headcount/task/text/calibrated.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
#include "model_under_test.hpp"
#include "sentences.hpp"

namespace tool {

using namespace headcount;

namespace {

using evaluate::row;

struct train_predictor_options {
  calibration_choice calibration;
  std::string policy;
  double penalty = 0.01;
  std::string output;
  std::string rows;
};

/// How well each layer is foretold, as rows: of each text that nothing was learned from, in each metric.
std::map<std::size_t, std::vector<row>> rows_of(evaluate::trained_predictor const& trained,
                                                evaluate::model_under_test const& asked, any_policy const& policy,
                                                train_predictor_options const& chosen,
                                                std::span<evaluate::calibration_text const> texts) {
  auto const learned = evaluate::task_of_texts("foretold", setting_of(chosen.calibration), chosen.calibration.seed,
                                               evaluate::foretold_metrics, texts);
  std::map<std::size_t, std::vector<row>> rows;
  for (auto const& one : trained.recall)
    for (auto const& [metric, value] : {std::pair{"predicted", one.predicted}, std::pair{"constant", one.constant},
                                        std::pair{"random", one.random}}) {
      auto& made = rows[one.layer].emplace_back(evaluate::make_row(asked, learned, policy, one.text, metric));
      add_to_list(made.setting, text_of("penalty=", print_value(chosen.penalty), ", layer=", one.layer));
      made.task_identity = digest{}.add(learned.identity).add(made.setting).text();
      made.value = value;
      made.more = {{"tokens", one.tokens}};
    }
  return rows;
}

/// The totals of a layer's rows, printed, and as what the predictor's file says of itself.
nlohmann::ordered_json recall_of(std::size_t layer, std::span<row const> rows) {
  nlohmann::ordered_json json{{"layer", layer}, {"tokens", 0}};
  std::vector<std::string> texts;
  for (auto const& metric : evaluate::foretold_metrics) {
    std::vector<row const*> all;
    std::size_t tokens = 0;
    for (auto const& one : rows)
      if (one.metric == metric.name) {
        all.push_back(&one);
        tokens += one.more["tokens"].get<std::size_t>();
      }
    auto const found = evaluate::make_total(all, metric).found;
    json["tokens"] = tokens;
    json[std::string{metric.name}] = found.value;
    texts.push_back(fmt::format("{:.3f}", found.value));
    if (metric.name == "random" || !found.ci95) continue;
    json["ci95"][std::string{metric.name}] = {found.ci95->low, found.ci95->high};
    texts.back() += fmt::format(" [{:.3f}, {:.3f}]", found.ci95->low, found.ci95->high);
  }
  fmt::print(
      "layer {}: of the heads kept at {} held-out tokens {} foretold, {} by those kept most often, {} by chance\n",
      layer, json["tokens"].get<std::size_t>(), texts[0], texts[1], texts[2]);
  return json;
}

void train(train_predictor_options const& chosen) {
  auto const loaded = load_model(chosen.calibration.model);
  auto const policy = read_policy(chosen.policy);
  require_fit(std::span{&policy, 1}, loaded);
  auto const texts = read_texts(chosen.calibration, loaded);
  auto const trained = evaluate::train_predictor(loaded.model, texts, policy, chosen.penalty);

  auto const asked = as_model_under_test(loaded, chosen.calibration.model);
  auto const rows = rows_of(trained, asked, policy, chosen, texts);
  nlohmann::ordered_json file{{"policy", print(policy)},
                              {"policy_identity", policy_identity(policy)},
                              {"model", loaded.name},
                              {"model_identity", asked.identity},
                              {"data", data_name(chosen.calibration)},
                              {"data_identity", evaluate::identity_of(texts)},
                              {"texts", texts.size()},
                              {"held_out_texts", evaluate::held_out(texts.size())},
                              {"seed", chosen.calibration.seed},
                              {"penalty", chosen.penalty},
                              {"version", version}};
  auto& recall = file["recall"] = nlohmann::ordered_json::array();
  std::vector<row> all;
  for (auto const& [layer, of_layer] : rows) {
    recall.push_back(recall_of(layer, of_layer));
    all.insert(all.end(), of_layer.begin(), of_layer.end());
  }
  if (!chosen.rows.empty()) write_rows(chosen.rows, all);
  file.update(reference::to_json(trained.predictor));
  reference::write_text(chosen.output, headcount::reference::json_text(file) + "\n");
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
  command->add_option("--rows", chosen->rows, "result file for a row of every text, layer and metric");
  command->footer(
      "Example:\n  headcount train-predictor --model examples/models/tiny-jamba --policy \"entropy | top_k(5) @ "
      "generation\" --output P.json\n  headcount generate --model examples/models/tiny-jamba --prompts prompts.json "
      "--policy \"predictor(P.json) | top_k(5) @ generation\"");
  command->callback([chosen] { train(*chosen); });
}

}  // namespace tool
