// headcount rank: a static ranking of a model's heads, as a file that fixed(...) reads in any sentence.

#include <algorithm>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/policy_file/published_rankings.hpp>
#include <headcount/policy_file/ranking_json.hpp>
#include <headcount/policy_file/sentence_files.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/importance.hpp>
#include <headcount/ranking/keep_frequency.hpp>
#include <headcount/ranking/mean_score.hpp>
#include <headcount/ranking/position_circuit.hpp>
#include <headcount/ranking/qr_head.hpp>
#include <headcount/ranking/source_attention.hpp>
#include <headcount/ranking/weight_circuit.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
#include "inputs.hpp"
#include "ranking_method.hpp"
#include "task_importance.hpp"

namespace tool {

using namespace headcount;
using evaluate::calibration_text;
using evaluate::head_table;
using texts_view = std::span<calibration_text const>;

namespace {

using weight_method = std::function<head_table(reference::model const&)>;
using text_method = std::function<head_table(reference::model const&, texts_view)>;

std::map<std::string, weight_method, std::less<>> const& from_weights() {
  static std::map<std::string, weight_method, std::less<>> const methods{
      {"ov_copying", evaluate::ov_copying},
      {"ov_own_token", [](reference::model const& model) { return evaluate::ov_own_token(model); }},
      {"ov_norm", evaluate::ov_norm},
      {"qk_previous_token", [](reference::model const& model) { return evaluate::qk_previous_token(model); }},
      {"qk_induction", [](reference::model const& model) { return evaluate::qk_induction(model); }},
      {"recurrent_composition", evaluate::recurrent_composition}};
  return methods;
}

/// The files of other projects that hold scores of heads.
struct published_form {
  head_table (*read)(std::filesystem::path const&, reference::ranked_heads const&);
  std::string (*write)(ranking const&, std::size_t group);
};

std::map<std::string, published_form, std::less<>> const& published_forms() {
  static std::map<std::string, published_form, std::less<>> const forms{
      {"duo_attention", {reference::read_duo_attention, reference::write_duo_attention}},
      {"minference",
       {reference::read_minference, [](ranking const& of, std::size_t) { return reference::write_minference(of); }}},
      {"qr_head_list",
       {reference::read_qr_head, [](ranking const& of, std::size_t) { return reference::write_qr_head(of); }}},
      {"retrieval_head", {reference::read_retrieval_head, [](ranking const& of, std::size_t) {
                            return reference::write_retrieval_head(of);
                          }}}};
  return forms;
}

/// The heads of a model, as files of other projects have to fit them. Throws headcount::error for one without
/// attention.
reference::ranked_heads heads_of(reference::model const& model) {
  reference::ranked_heads of;
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
    auto const* const block = model.attention_at(layer);
    of.heads.push_back(block == nullptr ? 0 : block->heads);
    if (block != nullptr) of.group = block->group();
  }
  return of;
}

std::map<std::string, text_method, std::less<>> const& from_texts() {
  static std::map<std::string, text_method, std::less<>> const methods{
      {"needle_attention", evaluate::needle_attention},
      {"retrieval", [](auto const& model, texts_view texts) { return evaluate::retrieval_score(model, texts); }},
      {"retrieval_counted",
       [](auto const& model, texts_view texts) {
         return evaluate::retrieval_score(model, texts, evaluate::copies::as_counted);
       }},
      {"qr_head", evaluate::qr_head_score},
      {"leave_one_out", [](auto const& model, texts_view texts) { return evaluate::leave_one_out(model, texts); }},
      {"all_but_one", [](auto const& model, texts_view texts) { return evaluate::all_but_one(model, texts); }},
      {"greedy", [](auto const& model, texts_view texts) { return evaluate::greedy_selection(model, texts); }}};
  return methods;
}

/// What stands inside the parentheses of "name(...)"; nullopt when the method is another.
std::optional<std::string> inside(std::string const& method, std::string_view name) {
  if (!method.starts_with(text_of(name, "(")) || !method.ends_with(")")) return std::nullopt;
  return method.substr(name.size() + 1, method.size() - name.size() - 2);
}

struct rank_options {
  std::string method;
  calibration_choice calibration;
  std::string task;
  std::string metric;
  std::string phase = "generation";
  std::string format = "headcount";
  std::string output;
};

/// What the ranking's file says of the data.
std::string data_name(rank_options const& chosen) {
  for (auto const& [name, form] : published_forms())
    if (auto const file = inside(chosen.method, name)) return *file;
  return needs_no_texts(chosen.method) ? "" : data_name(chosen.calibration);
}

/// The scores of all heads, and what they were computed on.
task_ranking scores_and_data(rank_options const& chosen, reference::snapshot const& snapshot) {
  if (!chosen.task.empty()) {
    std::optional<phase> during;
    for (auto const when : {phase::prefill, phase::generation})
      if (chosen.phase == name_of(when)) during = when;
    return rank_by_task(
        snapshot, chosen.calibration.model, chosen.method,
        {.task = chosen.task, .metric = chosen.metric, .during = during, .seed = chosen.calibration.seed});
  }
  bool const without_texts = needs_no_texts(chosen.method);
  if (without_texts && !(chosen.calibration.items.empty() && chosen.calibration.text.empty()))
    throw error{"--method " + chosen.method, "it looks at weights alone, or at a file", "no --items and no --text"};
  auto const texts = without_texts ? std::vector<calibration_text>{} : read_texts(chosen.calibration, snapshot);
  return {score_all_heads(snapshot.model, chosen.method, texts), data_name(chosen)};
}

void rank_heads(rank_options const& chosen) {
  auto const snapshot = load_model(chosen.calibration.model);
  auto [scores_of_heads, data] = scores_and_data(chosen, snapshot);
  ranking const result{.scores = std::move(scores_of_heads),
                       .source = {.method = chosen.method,
                                  .model = snapshot.name,
                                  .model_identity = snapshot.identity(),
                                  .data = std::move(data),
                                  .seed = chosen.calibration.seed,
                                  .version = version}};
  if (auto const form = published_forms().find(chosen.format); form != published_forms().end())
    reference::write_text(chosen.output, form->second.write(result, heads_of(snapshot.model).group));
  else reference::write_ranking(chosen.output, result);
  for (std::size_t layer = 0; layer < result.scores.size(); ++layer) {
    auto const& scores = result.scores[layer];
    if (scores.empty()) continue;
    std::vector<std::size_t> order(scores.size());
    for (std::size_t head = 0; head < order.size(); ++head) order[head] = head;
    std::ranges::sort(
        order, [&](std::size_t a, std::size_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
    fmt::print("layer {}, best first: {}\n", layer, fmt::join(order, " "));
  }
}

}  // namespace

bool needs_no_texts(std::string const& method) {
  return from_weights().contains(method) || std::ranges::any_of(published_forms(), [&](auto const& form) {
           return inside(method, form.first).has_value();
         });
}

head_table score_all_heads(reference::model const& model, std::string const& method, texts_view texts) {
  if (auto const found = from_weights().find(method); found != from_weights().end()) return found->second(model);
  if (auto const found = from_texts().find(method); found != from_texts().end()) return found->second(model, texts);
  if (auto const scorer = inside(method, "mean")) return evaluate::mean_scores(model, texts, read_scorer(*scorer));
  if (auto const policy = inside(method, "keep_frequency"))
    return evaluate::keep_frequency(model, texts, read_policy(*policy));
  for (auto const& [name, form] : published_forms())
    if (auto const file = inside(method, name)) return form.read(*file, heads_of(model));
  throw error{"--method " + method, "no ranking has this name", ranking_methods};
}

void add_rank(CLI::App& app) {
  auto* const command =
      app.add_subcommand("rank", "Rank a model's heads once and for all, for fixed(FILE) in sentences");
  auto const chosen = std::make_shared<rank_options>();
  add_calibration_options(*command, chosen->calibration);
  command->add_option("--method", chosen->method, std::string{"one of "} + ranking_methods)->required();
  auto* const task = command
                         ->add_option("--task", chosen->task,
                                      "task of `headcount evaluate` that leave_one_out, all_but_one and greedy measure "
                                      "heads by: its name, or {\"task\": NAME, option: value, ...}")
                         ->excludes("--items")
                         ->excludes("--text");
  command->add_option("--metric", chosen->metric, "of the task; its first when left out")->needs(task);
  command->add_option("--phase", chosen->phase, "when the task's policies drop heads")
      ->needs(task)
      ->check(CLI::IsMember({"prefill", "generation", "all"}))
      ->capture_default_str();
  command->add_option("--format", chosen->format, "of the file: this project's, or that of another")
      ->check(CLI::IsMember({"headcount", "retrieval_head", "duo_attention", "qr_head_list", "minference"}))
      ->capture_default_str();
  command->add_option("--output", chosen->output, "file to write")->required();
  command->footer(
      "Example:\n  headcount rank --model examples/models/tiny-jamba --method \"mean(entropy)\" --output R.json\n"
      "  headcount generate --model examples/models/tiny-jamba --prompts prompts.json --policy \"fixed(R.json) | "
      "top_k(5) @ generation\"");
  command->callback([chosen] { rank_heads(*chosen); });
}

}  // namespace tool
