// headcount masks: how much it matters what becomes of dropped heads. The same policy under each mask.

#include <cmath>
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
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy_file/head_outputs_file.hpp>
#include <headcount/ranking/disagreement.hpp>
#include <headcount/ranking/head_output_calibration.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/sentence/parse_part.hpp>
#include <headcount/sentence/registry.hpp>
#include <headcount/sentence/sentence_reader.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"
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
        make_any<any_mask, registry>(sentence, "mask", registry::masks{}, read_part(sentence), mask_files{collected}));
  } while (sentence.take(';'));
  if (!sentence.at_end())
    sentence.fail(sentence.position(), text_of("not understood: ", sentence.found(sentence.position())),
                  "\";\" and a mask, the end");
  return masks;
}

/// What heads put out on other texts than those that masks are compared on: other needles, or the texts themselves
/// where there are no others.
head_outputs collect_outputs(masks_options const& chosen, reference::snapshot const& snapshot) {
  auto others = chosen.texts;
  others.seed = mix_bits(chosen.texts.seed) + 1;
  constexpr std::size_t samples = 64;
  return calibrate_outputs(as_language_model(snapshot.model), read_texts(others, snapshot), samples, others.seed);
}

/// A mean over texts and its bootstrap interval.
struct figure {
  double value = 0;
  interval ci95{};
};

template <class Number>
figure mean_of_texts(std::size_t texts, std::uint64_t seed, Number const& number) {
  auto const mean = [&](std::span<std::size_t const> some) {
    double sum = 0;
    for (auto const i : some) sum += number(i);
    return sum / static_cast<double>(some.size());
  };
  std::vector<std::size_t> all(texts);
  for (std::size_t i = 0; i < texts; ++i) all[i] = i;
  return {mean(all), bootstrap(texts, mean, random_stream{seed})};
}

std::string print(figure const& of) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", of.value, of.ci95.low, of.ci95.high);
}
nlohmann::ordered_json to_json(figure const& of) {
  return {{"value", of.value}, {"ci95", {of.ci95.low, of.ci95.high}}};
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
  auto const snapshot = load_model(chosen.texts.model);
  auto const policy = read_policy(chosen.policy);
  bool const collects = chosen.masks.find(calibrated) != std::string::npos;
  auto const masks = read_masks(chosen.masks, collects ? collect_outputs(chosen, snapshot) : head_outputs{});
  std::vector<std::string> names{"dense"};
  std::vector<any_policy> policies{dense};
  for (auto const& mask : masks) {
    names.push_back(print(mask));
    policies.push_back(any_policy{policy.score, policy.select, mask, policy.where});
    validate(policies.back(), snapshot.model);
  }
  auto const texts = read_texts(chosen.texts, snapshot);
  auto const found = compare_predictions(as_language_model(snapshot.model), texts, policies);

  auto const seed = mix_bits(chosen.texts.seed) + 2;
  auto const mean_between = [&](std::size_t a, std::size_t b, double text_disagreement::* what) {
    return mean_of_texts(texts.size(), seed, [&](std::size_t i) { return found.between[a][b][i].*what; });
  };
  auto const value_between = [&](double text_disagreement::* what) {
    return [&found, &texts, what](std::size_t a, std::size_t b) {
      double sum = 0;
      for (auto const& text : found.between[a][b]) sum += text.*what;
      return sum / static_cast<double>(texts.size());
    };
  };
  auto const table = [&](double text_disagreement::* what) {
    auto rows = nlohmann::ordered_json::array();
    for (std::size_t a = 0; a < names.size(); ++a) {
      auto& row = rows.emplace_back(nlohmann::ordered_json::array());
      for (std::size_t b = 0; b < names.size(); ++b) row.push_back(value_between(what)(a, b));
    }
    return rows;
  };

  if (!chosen.json) {
    fmt::print("{} under \"{}\", {} tokens of the answers to {}, each after the right ones before it; 95% intervals\n",
               snapshot.name, print(policy), found.tokens, data_name(chosen.texts));
    fmt::print("{:<24} {:<22} {:<22} {:<25} {}\n", "  dropped heads", "KL(dense, mask), nats", "other greedy choice",
               "log-likelihood, nats", "answers right");
  }
  auto rows = nlohmann::ordered_json::array();
  for (std::size_t a = 0; a < names.size(); ++a) {
    auto const kl = mean_between(0, a, &text_disagreement::kl);
    auto const other = mean_between(0, a, &text_disagreement::other_choice);
    auto const loglik = mean_of_texts(texts.size(), seed, [&](std::size_t i) { return found.loglik[a][i]; });
    auto const right = share_of(found.right[a]);
    figure const exact{right.value(), wilson(right)};
    if (!chosen.json)
      fmt::print("{} {:<22} {:<22} {:<22} {:<25} {}\n", a, names[a], print(kl), print(other), print(loglik),
                 print(exact));
    rows.push_back({{"mask", names[a]},
                    {"kl", to_json(kl)},
                    {"other_choice", to_json(other)},
                    {"loglik", to_json(loglik)},
                    {"exact_match", to_json(exact)}});
  }
  if (chosen.json) {
    nlohmann::ordered_json const result{{"model", snapshot.name},
                                        {"model_identity", snapshot.identity()},
                                        {"policy", print(policy)},
                                        {"data", data_name(chosen.texts)},
                                        {"texts", texts.size()},
                                        {"tokens", found.tokens},
                                        {"seed", chosen.texts.seed},
                                        {"version", version},
                                        {"rows", std::move(rows)},
                                        {"kl", table(&text_disagreement::kl)},
                                        {"other_choice", table(&text_disagreement::other_choice)}};
    fmt::print("{}\n", result.dump(1));
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
  command->add_flag("--json", chosen->json, "print JSON");
  command->footer(
      "Example:\n  headcount masks --model examples/models/tiny-jamba --policy \"entropy | top_k(3) @ generation\"");
  command->callback([chosen] { compare_masks(*chosen); });
}

}  // namespace tool
