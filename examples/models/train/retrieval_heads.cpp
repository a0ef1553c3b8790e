// Which attention heads of trained models carry retrieval, and how many heads each scorer needs to keep it. One JSON
// object a line for every model folder given, for table.py; policies act in generation, after a dense prefill.
//
//     headcount_retrieval_heads LANGUAGE.json PROMPTS SEED MODEL...

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>
#include <span>
#include <string>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/evaluate/model/reference_model.hpp>
#include <headcount/evaluate/run/recall.hpp>
#include <headcount/evaluate/task/facts.hpp>
#include <headcount/evaluate/task/needle.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/sentence.hpp>
#include <headcount/reference/load/snapshot.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/version.hpp>

namespace {

using namespace headcount;
using namespace headcount::evaluate;

constexpr std::size_t lengths[] = {96, 128, 192, 240};  // tokens of a prompt: what the models were trained at
constexpr double depths[] = {0, 0.25, 0.5, 0.75, 1};
constexpr std::size_t other_needles = 3;
constexpr std::size_t filler_before_fact = 12;
constexpr double enough = 0.9;  // of what all heads find
constexpr std::size_t prompts_to_choose = 40;
constexpr std::size_t most_heads_to_drop = 40;  // dropping takes a time of the square of the heads

/// Every length with every depth in turn, and other needles to confuse.
std::vector<needle_prompt> make_prompts(small_language const& language, std::size_t count, std::uint64_t seed) {
  std::vector<needle_prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    random_stream random{mix_bits(seed) + i};
    needle_plan plan{.length = lengths[i % std::size(lengths)],
                     .depths = {depths[i / std::size(lengths) % std::size(depths)]}};
    for (std::size_t other = 0; other < other_needles; ++other) plan.depths.push_back(random.number());
    prompts.push_back(make_needle_prompts(language, plan, random).front());
  }
  return prompts;
}

/// Heads of a model, `[layer][head]`: 1 where one is kept, 0 where not; a layer without attention has none.
using kept_heads = std::vector<std::vector<double>>;

kept_heads all_heads(reference::model const& model) {
  kept_heads kept(model.layers.size());
  for (std::size_t layer = 0; layer < kept.size(); ++layer)
    if (auto const* attention = model.attention_at(layer)) kept[layer].assign(attention->heads, 1);
  return kept;
}

any_policy keeping(kept_heads const& kept) {
  auto const scorer = score::fixed{in_memory("kept", ranking{.scores = kept})};
  return any_policy{(scorer | select::threshold{0.5}).during(phase::generation)};
}

/// Few heads that find `enough` of what all heads find: drops what is missed least, as long as the others do. Whole
/// layers are tried first, then one head after the other. Of equals the first is dropped.
kept_heads few_heads(reference::model const& model, std::span<needle_prompt const> prompts) {
  auto kept = all_heads(model);
  auto const dense_policy = parse_policy("dense");
  auto const goal =
      enough * share_of(recall_needles(reference_model{model}, prompts, std::span{&dense_policy, 1}).front()).value();
  for (bool whole_layers = true;;) {
    std::vector<kept_heads> fewer;
    for (std::size_t layer = 0; layer < kept.size(); ++layer)
      for (std::size_t head = 0; head < kept[layer].size(); ++head) {
        if (kept[layer][head] == 0 || (whole_layers && head > 0)) continue;
        fewer.push_back(kept);
        if (whole_layers) fewer.back()[layer].assign(kept[layer].size(), 0);
        else fewer.back()[layer][head] = 0;
      }
    std::vector<any_policy> policies;
    for (auto const& heads : fewer) policies.push_back(keeping(heads));
    std::vector<double> shares;
    for (auto const& found : recall_needles(reference_model{model}, prompts, policies))
      shares.push_back(share_of(found).value());
    auto const best = std::ranges::max_element(shares);
    if (best != shares.end() && *best >= goal) kept = fewer[static_cast<std::size_t>(best - shares.begin())];
    else if (whole_layers) whole_layers = false;
    else return kept;
  }
}

nlohmann::ordered_json measure(reference::snapshot const& snapshot, small_language const& language, std::size_t count,
                               std::uint64_t seed) {
  auto const& model = snapshot.model;
  nlohmann::ordered_json row{{"model", snapshot.name},
                             {"n", count},
                             {"seed", seed},
                             {"version", version},
                             {"fingerprint", snapshot.fingerprint()}};
  std::vector<std::string> names{"dense", "none @ generation"};
  std::vector<any_policy> policies{parse_policy(names[0]), parse_policy(names[1])};
  std::size_t heads = 0;
  auto layers = nlohmann::ordered_json::array();
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer)
    if (auto const* attention = model.attention_at(layer)) {
      layers.push_back(layer);
      heads = attention->heads;
    }
  row["attention_layers"] = layers;
  row["heads"] = heads;

  for (auto const* scorer : {"entropy", "l2", "random"})
    for (std::size_t k = 1; k < heads; ++k) {
      names.push_back(fmt::format("{} | top_k({}) @ generation", scorer, k));
      policies.push_back(parse_policy(names.back()));
    }
  for (std::size_t const layer : layers) {
    names.push_back(fmt::format("none @ generation, layers={}", layer));
    policies.push_back(parse_policy(names.back()));
    for (std::size_t head = 0; head < heads; ++head) {
      names.push_back(fmt::format("without head {} of layer {} @ generation", head, layer));
      auto all_but_one = all_heads(model);
      all_but_one[layer][head] = 0;
      policies.push_back(keeping(all_but_one));
    }
  }
  // Chosen on prompts of their own, and tried on those of all other policies.
  if (!layers.empty() && heads * layers.size() <= most_heads_to_drop) {
    auto const few = few_heads(model, make_prompts(language, prompts_to_choose, seed + 1));
    for (std::size_t const layer : layers)
      for (std::size_t head = 0; head < heads; ++head)
        if (few[layer][head] != 0) row["few_heads"][std::to_string(layer)].push_back(head);
    names.emplace_back("few_heads");
    policies.push_back(keeping(few));
  }
  auto const prompts = make_prompts(language, count, seed);
  auto const found = recall_needles(reference_model{model}, prompts, policies);
  for (std::size_t i = 0; i < names.size(); ++i) row["exact_match"][names[i]] = share_of(found[i]).value();

  auto const dense_share = share_of(found.front()).value();
  for (auto const* scorer : {"entropy", "l2", "random"}) {
    if (heads == 0 || dense_share == 0) break;  // nothing to recover
    std::size_t k = 1;
    while (k < heads && row["exact_match"][fmt::format("{} | top_k({}) @ generation", scorer, k)].get<double>() <
                            enough * dense_share)
      ++k;
    row["smallest_k_with_0.9_of_dense"][scorer] = k;
  }

  random_stream order{mix_bits(seed + 2)};
  std::vector<fact_prompt> facts;
  for (auto const person : order.some_of(language.people(), count))
    facts.push_back(make_fact_prompt(language, person, filler_before_fact, order));
  std::vector<any_policy> const for_facts{parse_policy("dense"), parse_policy("none")};
  auto const known = recall_facts(reference_model{model}, facts, for_facts);
  row["facts"] = {{"dense", share_of(known[0]).value()}, {"none", share_of(known[1]).value()}};
  return row;
}

template <class Number>
Number number(char const* text, char const* what) {
  Number value{};
  auto const* const end = text + std::strlen(text);
  if (auto const [stop, code] = std::from_chars(text, end, value); code != std::errc{} || stop != end || value == 0)
    throw error{what, fmt::format("\"{}\" is no such number", text), "a whole number from 1"};
  return value;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 5) throw error{"command line", "too few arguments", "LANGUAGE.json PROMPTS SEED MODEL..."};
    small_language const language{argv[1]};
    auto const count = number<std::size_t>(argv[2], "PROMPTS");
    auto const seed = number<std::uint64_t>(argv[3], "SEED");
    for (char** folder = argv + 4; folder != argv + argc; ++folder) {
      fmt::print("{}\n", measure(reference::load_snapshot(*folder), language, count, seed).dump());
      std::fflush(stdout);
    }
    return 0;
  } catch (error const& wrong) {
    fmt::print(stderr, "error: {}\n", wrong.what());
    return 2;
  } catch (std::exception const& failure) {
    fmt::print(stderr, "error: {}\n", failure.what());
    return 1;
  }
}
