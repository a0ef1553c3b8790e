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
#include <headcount/evaluate/rank/calibration.hpp>
#include <headcount/evaluate/rank/importance.hpp>
#include <headcount/evaluate/rank/keep_frequency.hpp>
#include <headcount/evaluate/rank/mean_score.hpp>
#include <headcount/evaluate/rank/source_attention.hpp>
#include <headcount/evaluate/rank/weight_circuit.hpp>
#include <headcount/policy/sentence.hpp>
#include <headcount/reference/load/ranking_json.hpp>
#include <headcount/reference/load/sentence_files.hpp>
#include <headcount/reference/load/snapshot.hpp>
#include <headcount/version.hpp>

#include "calibration_texts.hpp"
#include "commands.hpp"
#include "inputs.hpp"
#include "ranking_method.hpp"

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
      {"ov_norm", evaluate::ov_norm}};
  return methods;
}

std::map<std::string, text_method, std::less<>> const& from_texts() {
  static std::map<std::string, text_method, std::less<>> const methods{
      {"needle_attention", evaluate::needle_attention},
      {"retrieval", [](auto const& model, texts_view texts) { return evaluate::retrieval_score(model, texts); }},
      {"retrieval_counted",
       [](auto const& model, texts_view texts) {
         return evaluate::retrieval_score(model, texts, evaluate::copies::as_counted);
       }},
      {"leave_one_out", evaluate::leave_one_out},
      {"all_but_one", evaluate::all_but_one},
      {"greedy", evaluate::greedy_selection}};
  return methods;
}

/// The scorer of a sentence's first part alone.
any_scorer read_scorer(std::string_view text) {
  sentence_reader sentence{"scorer", text};
  auto const part = read_part(sentence);
  auto scorer =
      make_any<any_scorer, registry>(sentence, "scorer", registry::scorers{}, part, reference::sentence_files{});
  if (!sentence.at_end())
    sentence.fail(sentence.position(), text_of("not understood: ", sentence.found(sentence.position())), "the end");
  return scorer;
}

/// What stands inside the parentheses of "name(...)"; nullopt when the method is another.
std::optional<std::string> inside(std::string const& method, std::string_view name) {
  if (!method.starts_with(text_of(name, "(")) || !method.ends_with(")")) return std::nullopt;
  return method.substr(name.size() + 1, method.size() - name.size() - 2);
}

struct options {
  std::string method;
  calibration_choice calibration;
  std::string output;
};

/// What the ranking's file says of the data.
std::string data_name(options const& chosen) {
  return is_from_weights(chosen.method) ? "" : data_name(chosen.calibration);
}

void rank_heads(options const& chosen) {
  auto const snapshot = reference::load_snapshot(chosen.calibration.model);
  bool const weights_only = is_from_weights(chosen.method);
  if (weights_only && !(chosen.calibration.items.empty() && chosen.calibration.text.empty()))
    throw error{"--method " + chosen.method, "it looks at weights alone", "no --items and no --text"};
  auto const texts = weights_only ? std::vector<calibration_text>{} : read_texts(chosen.calibration, snapshot);
  ranking const result{.scores = score_all_heads(snapshot.model, chosen.method, texts),
                       .source = {.method = chosen.method,
                                  .model = snapshot.name,
                                  .fingerprint = snapshot.fingerprint(),
                                  .data = data_name(chosen),
                                  .seed = chosen.calibration.seed,
                                  .version = version}};
  reference::write_ranking(chosen.output, result);
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

bool is_from_weights(std::string const& method) { return from_weights().contains(method); }

head_table score_all_heads(reference::model const& model, std::string const& method, texts_view texts) {
  if (auto const found = from_weights().find(method); found != from_weights().end()) return found->second(model);
  if (auto const found = from_texts().find(method); found != from_texts().end()) return found->second(model, texts);
  if (auto const scorer = inside(method, "mean")) return evaluate::mean_scores(model, texts, read_scorer(*scorer));
  if (auto const policy = inside(method, "keep_frequency"))
    return evaluate::keep_frequency(model, texts, read_policy(*policy));
  throw error{"--method " + method, "no ranking has this name", ranking_methods};
}

void add_rank(CLI::App& app) {
  auto* const command =
      app.add_subcommand("rank", "Rank a model's heads once and for all, for fixed(FILE) in sentences");
  auto const chosen = std::make_shared<options>();
  add_calibration_options(*command, chosen->calibration);
  command->add_option("--method", chosen->method, std::string{"one of "} + ranking_methods)->required();
  command->add_option("--output", chosen->output, "JSON file to write")->required();
  command->footer(
      "Example:\n  headcount rank --model examples/models/tiny-jamba --method \"mean(entropy)\" --output R.json\n"
      "  headcount generate --model examples/models/tiny-jamba --prompts prompts.json --policy \"fixed(R.json) | "
      "top_k(5) @ generation\"");
  command->callback([chosen] { rank_heads(*chosen); });
}

}  // namespace tool
