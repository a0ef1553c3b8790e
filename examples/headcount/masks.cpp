// headcount masks: how much it matters what becomes of dropped heads. The same policy under each mask.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/head_outputs.hpp>
#include <headcount/core/random.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/ranking/calibration_task.hpp>
#include <headcount/ranking/disagreement.hpp>
#include <headcount/ranking/head_output_calibration.hpp>
#include <headcount/result/row.hpp>
#include <headcount/result/run_task.hpp>
#include <headcount/result/total.hpp>
#include <headcount/sentence/parse_part.hpp>
#include <headcount/sentence/registry.hpp>
#include <headcount/sentence/sentence_reader.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/text/calibrated.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
#include "model_under_test.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

constexpr std::string_view calibrated = "calibrated";  // stands for a file of outputs that is not there

struct masks_options {
  calibration_choice texts;
  std::string policy;
  std::string masks =
      "zero; zero(bias=drop); mean(calibrated); resample(calibrated); uniform; streaming(4, 16); rescale";
  std::string rows;
  bool json = false;
};

/// Reads files of outputs; one of them was collected just now.
struct mask_files {
  head_outputs const& collected;

  [[nodiscard]] head_outputs operator()(std::string const& name, std::type_identity<head_outputs>) const {
    return name == calibrated ? collected : reference::read_head_outputs(name);
  }
};

/// Masks joined by ";".
std::vector<any_mask> read_masks(std::string const& text, head_outputs const& collected) {
  sentence_reader sentence{"masks", text};
  std::vector<any_mask> masks;
  do {
    masks.push_back(
        *make_any<any_mask, registry>(sentence, "mask", registry::masks{}, read_part(sentence), mask_files{collected}));
  } while (sentence.take(';'));
  if (!sentence.at_end())
    sentence.fail(sentence.position(), text_of("not understood: ", sentence.found(sentence.position())),
                  "\";\" and a mask, the end");
  return masks;
}

/// What heads put out on other texts than those that masks are compared on: other needles, or the texts themselves
/// where there are no others.
head_outputs collect_outputs(masks_options const& chosen, loaded_model const& loaded) {
  auto others = chosen.texts;
  others.seed = mix_bits(chosen.texts.seed) + 1;
  constexpr std::size_t samples = 64;
  return calibrate_outputs(loaded.model, read_texts(others, loaded), samples, others.seed);
}

/// What each policy made of each text, in each metric, as rows: `[policy][metric]`.
std::vector<std::vector<std::vector<row>>> rows_of(disagreement const& found, model_under_test const& asked,
                                                   task const& asking, std::span<any_policy const> policies) {
  std::vector<std::vector<std::vector<row>>> all;
  for (std::size_t a = 0; a < policies.size(); ++a) {
    auto& of_policy = all.emplace_back();
    for (auto const& metric : asking.metrics) {
      auto& rows = of_policy.emplace_back();
      for (std::size_t i = 0; i < asking.prompts.size(); ++i) {
        rows.push_back(make_row(asked, asking, policies[a], i, std::string{metric.name}));
        rows.back().value = metric.name == "kl"             ? found.between[0][a][i].kl
                            : metric.name == "other_choice" ? found.between[0][a][i].other_choice
                            : metric.name == "loglik"       ? found.loglik[a][i]
                                                            : (found.right[a][i] ? 1.0 : 0.0);
      }
    }
  }
  return all;
}

std::string print(estimate const& of) {
  return of.ci95 ? fmt::format("{:.3f} [{:.3f}, {:.3f}]", of.value, of.ci95->low, of.ci95->high)
                 : fmt::format("{:.3f}", of.value);
}
nlohmann::ordered_json to_json(estimate const& of) {
  return {{"value", of.value},
          {"ci95", of.ci95 ? nlohmann::ordered_json{of.ci95->low, of.ci95->high} : nlohmann::ordered_json{}},
          {"n", of.prompts},
          {"clusters", of.clusters}};
}

/// One number for each pair of policies, rows against columns.
template <class Number>
void print_matrix(char const* title, std::vector<std::string> const& names, Number const& number) {
  fmt::print("\n{}\n{:<24}", title, "");
  for (std::size_t b = 0; b < names.size(); ++b) fmt::print(" {:>7}", b);
  for (std::size_t a = 0; a < names.size(); ++a) {
    fmt::print("\n{} {:<22}", a, names[a]);
    for (std::size_t b = 0; b < names.size(); ++b) fmt::print(" {:>7.3f}", number(a, b));
  }
  fmt::print("\n");
}

void compare_masks(masks_options const& chosen) {
  auto const loaded = load_model(chosen.texts.model);
  auto const policy = read_policy(chosen.policy);
  bool const collects = chosen.masks.find(calibrated) != std::string::npos;
  auto const masks = read_masks(chosen.masks, collects ? collect_outputs(chosen, loaded) : head_outputs{});
  std::vector<std::string> names{"dense"};
  std::vector<any_policy> policies{dense};
  for (auto const& mask : masks) {
    names.push_back(print(mask));
    policies.push_back(any_policy{policy.score, policy.select, mask, policy.where});
  }
  require_fit(policies, loaded);
  auto const texts = read_texts(chosen.texts, loaded);
  auto const found = compare_predictions(loaded.model, texts, policies);

  auto const asked = as_model_under_test(loaded, chosen.texts.model);
  auto const asking = task_of_texts("answers", setting_of(chosen.texts), chosen.texts.seed, answers_metrics, texts);
  auto const rows = rows_of(found, asked, asking, policies);
  if (!chosen.rows.empty()) {
    std::vector<row> all;
    for (auto const& of_policy : rows)
      for (auto const& of_metric : of_policy) all.insert(all.end(), of_metric.begin(), of_metric.end());
    write_rows(chosen.rows, all);
  }
  auto const value_between = [&](double text_disagreement::* what) {
    return [&found, &texts, what](std::size_t a, std::size_t b) {
      double sum = 0;
      for (auto const& text : found.between[a][b]) sum += text.*what;
      return sum / static_cast<double>(texts.size());
    };
  };
  auto const table = [&](double text_disagreement::* what) {
    auto lines = nlohmann::ordered_json::array();
    for (std::size_t a = 0; a < names.size(); ++a) {
      auto& line = lines.emplace_back(nlohmann::ordered_json::array());
      for (std::size_t b = 0; b < names.size(); ++b) line.push_back(value_between(what)(a, b));
    }
    return lines;
  };

  if (!chosen.json) {
    fmt::print("{} under \"{}\", {} tokens of the answers to {}, each after the right ones before it; 95% intervals\n",
               loaded.name, print(policy), found.tokens, data_name(chosen.texts));
    fmt::print("{:<24} {:<22} {:<22} {:<25} {}\n", "  dropped heads", "KL(dense, mask), nats", "other greedy choice",
               "log-likelihood, nats", "answers right");
  }
  auto lines = nlohmann::ordered_json::array();
  for (std::size_t a = 0; a < names.size(); ++a) {
    std::vector<estimate> totals;
    for (std::size_t m = 0; m < asking.metrics.size(); ++m) {
      std::vector<row const*> of_metric;
      for (auto const& one : rows[a][m]) of_metric.push_back(&one);
      totals.push_back(estimate_of(of_metric, asking.metrics[m]));
    }
    if (!chosen.json)
      fmt::print("{} {:<22} {:<22} {:<22} {:<25} {}\n", a, names[a], print(totals[0]), print(totals[1]),
                 print(totals[2]), print(totals[3]));
    auto& line = lines.emplace_back(nlohmann::ordered_json{{"mask", names[a]}});
    for (std::size_t m = 0; m < totals.size(); ++m) line[std::string{asking.metrics[m].name}] = to_json(totals[m]);
  }
  if (chosen.json) {
    nlohmann::ordered_json const result{{"model", loaded.name},
                                        {"model_identity", asked.identity},
                                        {"policy", print(policy)},
                                        {"data", data_name(chosen.texts)},
                                        {"task", asking.name},
                                        {"task_identity", asking.identity},
                                        {"texts", texts.size()},
                                        {"tokens", found.tokens},
                                        {"seed", chosen.texts.seed},
                                        {"version", version},
                                        {"rows", std::move(lines)},
                                        {"kl", table(&text_disagreement::kl)},
                                        {"other_choice", table(&text_disagreement::other_choice)}};
    fmt::print("{}\n", headcount::reference::json_text(result, 1));
    return;
  }
  print_matrix("KL(row, column), nats a token", names, value_between(&text_disagreement::kl));
  print_matrix("Share of tokens where the greedy choices differ", names,
               value_between(&text_disagreement::other_choice));
}

}  // namespace

void add_masks(CLI::App& app) {
  auto* const command =
      app.add_subcommand("masks", "Run one policy under every mask: how much it matters what becomes of dropped heads");
  auto const chosen = std::make_shared<masks_options>();
  add_calibration_options(*command, chosen->texts);
  command->add_option("--policy", chosen->policy, "sentence; its mask is replaced")->required();
  command
      ->add_option(
          "--masks", chosen->masks,
          "masks joined by \";\"; the file \"calibrated\" stands for outputs that are collected on other needles")
      ->capture_default_str();
  command->add_option("--rows", chosen->rows, "result file for a row of every text, mask and metric");
  command->add_flag("--json", chosen->json, "print JSON");
  command->footer(
      "Example:\n  headcount masks --model examples/models/tiny-jamba --policy \"entropy | top_k(3) @ generation\"");
  command->callback([chosen] { compare_masks(*chosen); });
}

}  // namespace tool
