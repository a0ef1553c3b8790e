// headcount bridge: runtime or static? Needles found at an equal number of heads kept, by runtime policies, by static
// rankings distilled or computed in other ways, and by controls, on the same prompts.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <headcount/core/random.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/measure/recall.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/ranking/agreement.hpp>
#include <headcount/ranking/budget.hpp>
#include <headcount/ranking/calibration.hpp>
#include <headcount/ranking/calibration_needles.hpp>
#include <headcount/ranking/registry.hpp>
#include <headcount/ranking/runtime_budget.hpp>
#include <headcount/ranking/train_predictor.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/score/predictor.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_k.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "engine.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

struct bridge_options {
  std::string model;
  std::vector<std::size_t> k{2, 3, 5};
  std::string language;
  std::size_t calibration = 30;
  std::size_t test = 120;
  std::uint64_t seed = 1;
  std::string output;
};

/// A policy to be measured, and what a row says of it.
struct contender {
  std::string method;
  std::string kind;    ///< "runtime", "static" or "control"
  std::string budget;  ///< "layer": k heads of every layer; "global": as many of the whole model
  std::size_t k = 0;
  std::size_t heads = 0;  ///< kept in the whole model at a token, on average
  any_policy policy;
};

struct named_ranking {
  std::string method;
  std::string kind;
  headcount::ranking ranking;
};

constexpr char const* oracle = "entropy";  // the runtime scorer that static ones are held against
constexpr std::uint64_t random_draws = 5;

/// The runtime policy that others are distilled from.
std::string oracle_of(std::size_t k) { return fmt::format("{} | top_k({}) @ generation", oracle, k); }

/// Every ranking that is compared: distilled from the runtime policy, calibrated, from weights, and controls.
std::vector<named_ranking> make_rankings(ranking_ground const& from, bridge_options const& chosen) {
  auto const& model = from.model;
  std::vector<named_ranking> rankings;
  auto const add = [&](std::string const& method, std::string const& kind, head_table scores) {
    rankings.push_back({method, kind, {.scores = std::move(scores), .source = {.method = method}}});
  };
  std::vector<std::string> methods;
  for (auto const k : chosen.k) methods.push_back(fmt::format("keep_frequency({})", oracle_of(k)));
  methods.insert(methods.end(), {"mean(entropy)", "needle_attention", "retrieval", "leave_one_out", "all_but_one",
                                 "greedy", "qr_head", "ov_copying", "ov_own_token", "ov_norm", "qk_previous_token",
                                 "qk_induction", "recurrent_composition"});
  for (auto const& method : methods) {
    fmt::print(stderr, "ranking heads by {} ...\n", method);
    add(method, "static", score_all_heads(from, method));
  }
  auto uniform = score_all_heads(from, "mean(entropy)");
  for (auto& layer : uniform)
    for (auto& score : layer) score = -score;
  add("most_uniform", "control", std::move(uniform));
  for (std::uint64_t draw = 0; draw < random_draws; ++draw) {
    auto scores = every_head(model.layers(), 0);
    for (std::size_t layer = 0; layer < scores.size(); ++layer)
      for (std::size_t head = 0; head < scores[layer].size(); ++head)
        scores[layer][head] = uniform_number(mix_bits(chosen.seed) + draw, {.layer = layer}, head);
    add(fmt::format("random_heads({})", draw + 1), "control", std::move(scores));
  }
  return rankings;
}

std::vector<contender> make_contenders(any_model const& model, bridge_options const& chosen,
                                       std::span<calibration_text const> texts,
                                       std::span<named_ranking const> rankings) {
  std::size_t layers = 0;
  std::size_t all = 0;
  for (auto const& layer : every_head(model.layers(), 0)) {
    layers += layer.empty() ? 0 : 1;
    all += layer.size();
  }
  std::vector<contender> contenders{{"dense", "control", "layer", all / layers, all, dense},
                                    {"none", "control", "layer", 0, 0, parse_policy("none @ generation")}};
  for (auto const k : chosen.k) {
    auto const add_on_average = [&](std::string const& method, any_scorer const& scorer) {
      any_policy const on_average{scorer, select::threshold{threshold_of_budget(model, texts, scorer, k * layers)}};
      contenders.push_back({method, "runtime", "global", k, k * layers, on_average.during(phase::generation)});
    };
    score::entropy const comparable{.normalised = true};  // over layers and lengths
    add_on_average(print(comparable), comparable);
    fmt::print(stderr, "learning to foretell {} ...\n", oracle_of(k));
    auto const foretells = fmt::format("predictor({})", oracle_of(k));
    score::predictor const predictor{
        in_memory(foretells, train_predictor(model, texts, parse_policy(oracle_of(k))).predictor)};
    any_policy const foretold = predictor | select::top_k{k};
    contenders.push_back({foretells, "runtime", "layer", k, k * layers, foretold.during(phase::generation)});
    add_on_average(foretells, predictor);
    for (auto const* scorer : {oracle, "l2"})
      contenders.push_back({scorer, "runtime", "layer", k, k * layers,
                            parse_policy(fmt::format("{} | top_k({}) @ generation", scorer, k))});
    contenders.push_back({"random", "control", "layer", k, k * layers,
                          parse_policy(fmt::format("random(seed={}) | top_k({}) @ generation", chosen.seed, k))});
    for (auto const& [method, kind, ranking] : rankings) {
      if (method.starts_with("keep_frequency(") && method.find(fmt::format("top_k({})", k)) == method.npos) continue;
      any_policy const in_layers = score::fixed{in_memory(method, ranking)} | select::top_k{k};
      any_policy const in_model =
          score::fixed{in_memory(method, best_of_model(ranking, k * layers))} | select::threshold{0.5};
      contenders.push_back({method, kind, "layer", k, k * layers, in_layers.during(phase::generation)});
      contenders.push_back({method, kind, "global", k, k * layers, in_model.during(phase::generation)});
    }
  }
  return contenders;
}

/// Needles that nothing was learned from.
std::vector<needle_prompt> test_needles(small_language const& language, bridge_options const& chosen,
                                        std::span<needle_prompt const> calibration) {
  auto prompts = mixed_needles(language, chosen.test, mix_bits(chosen.seed) + 1);
  std::erase_if(prompts, [&](needle_prompt const& one) {
    return std::ranges::any_of(calibration, [&](needle_prompt const& other) { return other.prompt() == one.prompt(); });
  });
  return prompts;
}

/// A share of resampled prompts less another's.
double difference(outcomes const& a, outcomes const& b, std::span<std::size_t const> prompts) {
  double sum = 0;
  for (auto const i : prompts) sum += (a[i] ? 1 : 0) - (b[i] ? 1 : 0);
  return sum / static_cast<double>(prompts.size());
}

void print_contender(contender const& one, share found, interval found_in, double regret, interval regret_in) {
  fmt::print("{:>2}  {:<48} {:<8} {:<7} {:.2f} [{:.2f}, {:.2f}]  {:+.2f} [{:+.2f}, {:+.2f}]\n", one.k, one.method,
             one.kind, one.budget, found.value(), found_in.low, found_in.high, regret, regret_in.low, regret_in.high);
}

nlohmann::ordered_json agreement_of(std::span<named_ranking const> rankings, std::vector<std::size_t> const& ks) {
  auto rows = nlohmann::ordered_json::array();
  for (std::size_t a = 0; a < rankings.size(); ++a)
    for (std::size_t b = 0; b < a; ++b) {
      auto const add = [&](char const* metric, nlohmann::ordered_json k, double value) {
        rows.push_back({{"a", rankings[b].method},
                        {"b", rankings[a].method},
                        {"metric", metric},
                        {"k", std::move(k)},
                        {"value", std::isfinite(value) ? nlohmann::ordered_json(value) : nullptr}});
      };
      add("kendall_tau_b", nullptr, kendall_tau_b(rankings[b].ranking, rankings[a].ranking));
      for (auto const k : ks) add("jaccard_at_k", k, jaccard_at(k, rankings[b].ranking, rankings[a].ranking));
    }
  return rows;
}

void print_agreement(std::span<named_ranking const> rankings) {
  fmt::print("\nAgreement of the rankings, Kendall's tau-b\n");
  for (std::size_t a = 0; a < rankings.size(); ++a) {
    fmt::print("{:>2} {:<48}", a + 1, rankings[a].method);
    for (std::size_t b = 0; b < a; ++b) fmt::print(" {:+.2f}", kendall_tau_b(rankings[a].ranking, rankings[b].ranking));
    fmt::print("\n");
  }
}

void build_bridge(bridge_options const& chosen) {
  auto const snapshot = load_model(chosen.model);
  auto const& model = snapshot.model;
  small_language const language{language_of(chosen.model, chosen.language)};
  for (auto const k : chosen.k) {
    if (k == 0) throw error{"--k", "0 heads are the control \"none\"", "1 or more"};
    validate(score::unscored{} | select::top_k{k}, model);
  }
  auto const needles = mixed_needles(language, chosen.calibration, chosen.seed);
  std::vector<calibration_text> texts;
  for (auto const& prompt : needles) {
    texts.push_back(as_calibration(prompt));
    reference::validate(texts.back().prompt, model, "the needles' prompt");
  }
  auto const prompts = test_needles(language, chosen, needles);

  auto const engine = as_language_model(model);
  auto const rankings = make_rankings({.model = engine, .weights = &model, .texts = texts}, chosen);
  auto const contenders = make_contenders(engine, chosen, texts, rankings);
  fmt::print(stderr, "measuring {} policies on {} needles ...\n", contenders.size(), prompts.size());
  std::vector<any_policy> policies;
  for (auto const& one : contenders) policies.push_back(one.policy);
  auto const found = recall_needles(engine, prompts, policies);

  fmt::print(
      "{}: needles found of {}, none of which anything was learned from, and what is lost against {} at run\n"
      "time with the same k; 95% intervals; seed {}\n",
      snapshot.name, prompts.size(), oracle, chosen.seed);
  fmt::print("{:>2}  {:<48} {:<8} {:<7} {:<18} {}\n", "k", "method", "kind", "budget", "found", "regret");
  auto rows = nlohmann::ordered_json::array();
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    auto const& one = contenders[i];
    auto const add = [&](char const* metric, double value, interval in) {
      rows.push_back({{"method", one.method},
                      {"kind", one.kind},
                      {"budget", one.budget},
                      {"k", one.k},
                      {"heads", one.heads},
                      {"metric", metric},
                      {"value", value},
                      {"ci95", {in.low, in.high}},
                      {"n", prompts.size()}});
    };
    auto const share = share_of(found[i]);
    add("exact_match", share.value(), wilson(share));
    auto const best = std::ranges::find_if(contenders, [&](contender const& other) {
      return other.method == oracle && other.budget == "layer" && other.k == one.k;
    });
    if (best == contenders.end()) continue;  // dense and none have no runtime policy of as many heads
    auto const& of_oracle = found[static_cast<std::size_t>(best - contenders.begin())];
    auto const regret = share_of(of_oracle).value() - share.value();
    auto const in = bootstrap(
        prompts.size(), [&](std::span<std::size_t const> some) { return difference(of_oracle, found[i], some); },
        random_stream{chosen.seed + 2});
    add("regret", regret, in);
    print_contender(one, share, wilson(share), regret, in);
  }
  print_agreement(rankings);
  nlohmann::ordered_json const result{
      {"model", snapshot.name},  {"model_identity", snapshot.identity()},        {"seed", chosen.seed},
      {"version", version},      {"calibration_prompts", needles.size()},        {"test_prompts", prompts.size()},
      {"rows", std::move(rows)}, {"agreement", agreement_of(rankings, chosen.k)}};
  reference::write_text(chosen.output, result.dump(1) + "\n");
}

}  // namespace

void add_bridge(CLI::App& app) {
  auto* const command =
      app.add_subcommand("bridge", "Runtime or static? Needles found with the same number of heads, chosen either way");
  auto const chosen = std::make_shared<bridge_options>();
  command->add_option("--model", chosen->model, "model folder")->required();
  command->add_option("--k", chosen->k, "numbers of heads kept in a layer, e.g. 2,3,5")
      ->delimiter(',')
      ->capture_default_str();
  command->add_option("--language", chosen->language,
                      "language.json for needles; the one beside the model when left out");
  command->add_option("--calibration", chosen->calibration, "needles that rankings and predictors learn from")
      ->check(CLI::Range(2, 100000))
      ->capture_default_str();
  command->add_option("--test", chosen->test, "other needles, which policies are measured on")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--seed", chosen->seed, "another seed makes other needles")->capture_default_str();
  command->add_option("--output", chosen->output, "JSON file to write")->required();
  command->footer("Example:\n  headcount bridge --model examples/models/tiny-jamba --k 2,3,5 --output B.json");
  command->callback([chosen] { build_bridge(*chosen); });
}

}  // namespace tool
