// headcount rank: a static ranking of a model's heads, as a file that fixed(...) reads in any sentence.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
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
#include <headcount/evaluate/rank/calibration_needles.hpp>
#include <headcount/evaluate/rank/importance.hpp>
#include <headcount/evaluate/rank/keep_frequency.hpp>
#include <headcount/evaluate/rank/mean_score.hpp>
#include <headcount/evaluate/rank/source_attention.hpp>
#include <headcount/evaluate/rank/weight_circuit.hpp>
#include <headcount/evaluate/run/pair_texts.hpp>
#include <headcount/evaluate/task/small_language.hpp>
#include <headcount/policy/sentence.hpp>
#include <headcount/reference/load/mapped_file.hpp>
#include <headcount/reference/load/ranking_json.hpp>
#include <headcount/reference/load/sentence_files.hpp>
#include <headcount/reference/load/snapshot.hpp>
#include <headcount/version.hpp>

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
  std::string model;
  std::string method;
  std::string items;
  std::string text;
  std::string language;
  std::size_t prompts = 32;
  std::uint64_t seed = 1;
  std::string output;
};

/// Items with a prompt, an answer and, if it is known, where the prompt holds it.
std::vector<calibration_text> read_items(options const& chosen, reference::snapshot const& snapshot) {
  static constexpr auto form = R"({"items": [{"prompt": ids or text, "answer": ids or text, "source": "12-22"}, ...]})";
  std::vector<calibration_text> texts;
  for (auto const& item : read_list(chosen.items, "items", form)) {
    auto const what = text_of(chosen.items, ", items[", texts.size(), "]");
    if (!item.is_object() || !item.contains("prompt") || !item.contains("answer"))
      throw error{what, "it has no \"prompt\" or no \"answer\"", form};
    calibration_text text{.prompt = read_prompt(item["prompt"], snapshot, what + ", prompt"), .answer = {}};
    if (item["answer"].is_string()) {
      text.answer = tokenizer_of(snapshot, what + ", answer").encode(item["answer"].get<std::string>());
      if (text.answer.empty()) throw error{what + ", answer", "it has no token", "a text that is not empty"};
      reference::validate(text.answer, snapshot.model, what + ", answer");
    } else {
      text.answer = read_tokens(item["answer"], snapshot.model, what + ", answer");
    }
    if (item.contains("source")) {
      if (!item["source"].is_string() || !parse_value(item["source"].get<std::string>(), text.source))
        throw error{what + ", source", text_of(reference::in_short(item["source"]), " are no positions"),
                    "positions such as \"3-5,9\""};
      if (text.source.begin() != text.source.end() && (text.source.end() - 1)->last >= text.prompt.size())
        throw error{what + ", source", "it ends beyond the prompt", text_of("0 to ", text.prompt.size() - 1)};
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

/// A text in pieces of 256 tokens, each of whose tokens but the first is an answer to those before it.
std::vector<calibration_text> read_text(options const& chosen, reference::snapshot const& snapshot) {
  constexpr std::size_t piece = 256;
  reference::mapped_file const file{chosen.text};
  auto const bytes = file.bytes();
  auto const tokens = evaluate::encode_with_bos(tokenizer_of(snapshot, chosen.text),
                                                {reinterpret_cast<char const*>(bytes.data()), bytes.size()});
  reference::validate(tokens, snapshot.model, chosen.text);
  std::vector<calibration_text> texts;
  for (std::size_t at = 0; at + 1 < tokens.size(); at += piece) {
    auto const some = std::span{tokens}.subspan(at, std::min(piece, tokens.size() - at));
    if (some.size() > 1) texts.push_back({.prompt = {some.front()}, .answer = {some.begin() + 1, some.end()}});
  }
  if (texts.empty()) throw error{chosen.text, "it has fewer than two tokens", "a longer text"};
  return texts;
}

std::vector<calibration_text> read_texts(options const& chosen, reference::snapshot const& snapshot) {
  if (!chosen.items.empty()) return read_items(chosen, snapshot);
  if (!chosen.text.empty()) return read_text(chosen, snapshot);
  std::vector<calibration_text> texts;
  for (auto const& prompt : evaluate::mixed_needles(
           evaluate::small_language{language_of(chosen.model, chosen.language)}, chosen.prompts, chosen.seed)) {
    auto text = evaluate::as_calibration(prompt);
    reference::validate(text.prompt, snapshot.model, "the needles' prompt");
    reference::validate(text.answer, snapshot.model, "the needles' answer");
    texts.push_back(std::move(text));
  }
  return texts;
}

/// What the ranking's file says of the data.
std::string data_name(options const& chosen) {
  if (is_from_weights(chosen.method)) return "";
  if (!chosen.items.empty()) return chosen.items;
  if (!chosen.text.empty()) return chosen.text;
  return fmt::format("{} needles of the small language", chosen.prompts);
}

void rank_heads(options const& chosen) {
  auto const snapshot = reference::load_snapshot(chosen.model);
  bool const weights_only = is_from_weights(chosen.method);
  if (weights_only && !(chosen.items.empty() && chosen.text.empty()))
    throw error{"--method " + chosen.method, "it looks at weights alone", "no --items and no --text"};
  auto const texts = weights_only ? std::vector<calibration_text>{} : read_texts(chosen, snapshot);
  ranking const result{.scores = score_all_heads(snapshot.model, chosen.method, texts),
                       .source = {.method = chosen.method,
                                  .model = snapshot.name,
                                  .fingerprint = snapshot.fingerprint(),
                                  .data = data_name(chosen),
                                  .seed = chosen.seed,
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

std::filesystem::path language_of(std::string const& model, std::string const& chosen) {
  if (!chosen.empty()) return chosen;
  auto const beside = std::filesystem::weakly_canonical(model).parent_path() / "language.json";
  if (std::filesystem::exists(beside)) return beside;
  throw error{model, "there is no language.json beside it, so there are no needles in its language",
              "--language, or texts of your own"};
}

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
  command->add_option("--model", chosen->model, "model folder")->required();
  command->add_option("--method", chosen->method, std::string{"one of "} + ranking_methods)->required();
  auto* const items = command->add_option("--items", chosen->items,
                                          R"(JSON file to calibrate on, {"items": [{"prompt", "answer", "source"}]})");
  command->add_option("--text", chosen->text, "text file to calibrate on, in pieces of 256 tokens")->excludes(items);
  command->add_option("--language", chosen->language,
                      "language.json for needles, if neither is given; the one beside the model when left out");
  command->add_option("--prompts", chosen->prompts, "needles to calibrate on")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  command->add_option("--seed", chosen->seed, "another seed makes other needles")->capture_default_str();
  command->add_option("--output", chosen->output, "JSON file to write")->required();
  command->footer(
      "Example:\n  headcount rank --model examples/models/tiny-jamba --method \"mean(entropy)\" --output R.json\n"
      "  headcount generate --model examples/models/tiny-jamba --prompts prompts.json --policy \"fixed(R.json) | "
      "top_k(5) @ generation\"");
  command->callback([chosen] { rank_heads(*chosen); });
}

}  // namespace tool
