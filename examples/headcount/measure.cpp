// What the demo measures on one model: needles inside and beyond the sliding window, and facts, under each policy.

#include "measure.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/core.h>

#include <headcount/engine/any_model.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/measure/recall.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/statistics/interval.hpp>
#include <headcount/statistics/paired.hpp>
#include <headcount/task/language/facts_task.hpp>
#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/recall_task.hpp>

#include "collector.hpp"
#include "engine.hpp"
#include "requirements.hpp"
#include "sentences.hpp"

namespace tool {
namespace {

using namespace headcount;
using namespace headcount::evaluate;

constexpr std::size_t beyond_window = 304;  // tokens of the prompts longer than the window of 256
constexpr std::size_t filler_before_fact = 12;
constexpr char const* scorers[] = {"entropy", "l2", "random"};

std::string sentence(std::string const& scorer, std::size_t k, char const* where = "") {
  return fmt::format("{} | top_k({}){}", scorer, k, where);
}

/// Prompts longer than the window: each context has an early needle, which the window no longer reaches when the answer
/// begins, and a late one, and is asked for both: prompts 2i and 2i + 1.
task beyond_the_window(small_language const& language, demo_plan const& plan) {
  std::vector<recall_prompt> prompts;
  for (std::size_t i = 0; i < plan.prompts; ++i) {
    random_stream random{mix_bits(plan.seed + 1) + i};
    auto made = make_needle_prompts(
        language, {.length = beyond_window, .depths = {0, 0.5 + 0.5 * random.number(), random.number()}}, random);
    for (auto const which : {0u, 1u})
      prompts.push_back({.name = fmt::format("{}/{}", i, which == 0 ? "early" : "late"),
                         .needle = std::move(made[which]),
                         .factors = {{"context", std::to_string(i)}}});
  }
  return make_recall_task({.name = "needle_beyond_window", .seed = plan.seed}, prompts);
}

task facts_about_people(small_language const& language, demo_plan const& plan) {
  random_stream order{mix_bits(plan.seed + 2)};
  std::vector<std::string> names;
  std::vector<fact_prompt> facts;
  for (auto const person : order.some_of(language.people(), std::min(plan.prompts, language.people().size()))) {
    random_stream random{mix_bits(plan.seed + 3) + facts.size()};
    names.push_back(language.text({person}));
    facts.push_back(make_fact_prompt(language, person, filler_before_fact, random));
  }
  auto made = make_task_of_facts({.name = "facts", .seed = plan.seed}, names, facts);
  number_sequences(made);
  return made;
}

/// The share of resampled prompts that were answered.
double share_among(outcomes const& answered, std::span<std::size_t const> indices) {
  auto const hits = std::ranges::count_if(indices, [&](std::size_t i) { return answered[i]; });
  return static_cast<double>(hits) / static_cast<double>(indices.size());
}

/// The smallest number of heads that finds at least 0.9 as many needles as all heads do; all heads when none tried
/// does.
void add_smallest_k(collector& rows, measurement const& model, std::map<std::string, outcomes> const& found,
                    std::string const& scorer, demo_plan const& plan) {
  auto const& all_heads = found.at("dense");
  auto const smallest = [&](std::span<std::size_t const> indices) {
    for (auto const k : model.kept)
      if (share_among(found.at(sentence(scorer, k, " @ generation")), indices) >= 0.9 * share_among(all_heads, indices))
        return static_cast<double>(k);
    return static_cast<double>(model.heads);
  };
  std::vector<std::size_t> every(all_heads.size());
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = i;
  rows.add("needle_inside_window", scorer + " | top_k(k) @ generation", "smallest_k_with_0.9_of_dense", smallest(every),
           bootstrap(every.size(), smallest, random_stream{plan.seed + 4}), every.size());
}

/// Entropy against random at the same k, on the same prompts.
void add_comparison(collector& rows, measurement const& model, std::map<std::string, outcomes> const& found,
                    demo_plan const& plan) {
  std::vector<double> p;
  for (auto const k : model.kept)
    p.push_back(
        mcnemar(found.at(sentence("entropy", k, " @ generation")), found.at(sentence("random", k, " @ generation"))));
  auto const corrected = holm(p);
  for (std::size_t i = 0; i < model.kept.size(); ++i) {
    auto const policy = sentence("entropy", model.kept[i], " @ generation");
    auto const& a = found.at(policy);
    auto const& b = found.at(sentence("random", model.kept[i], " @ generation"));
    auto const difference = [&](std::span<std::size_t const> indices) {
      return share_among(a, indices) - share_among(b, indices);
    };
    auto& row =
        rows.add("needle_inside_window", policy, "difference_from_random", share_of(a).value() - share_of(b).value(),
                 bootstrap(a.size(), difference, random_stream{plan.seed + 5}), a.size());
    row.more = {{"p", corrected[i]}, {"test", "exact McNemar, two-sided, Holm over k"}};
  }
}

/// The policies whose prefill is dense, and those that act in both phases.
std::vector<std::string> needle_policies(measurement const& model) {
  std::vector<std::string> sentences{"dense", "none @ generation", "none"};
  for (auto const* scorer : scorers) {
    for (auto const k : model.kept) sentences.push_back(sentence(scorer, k, " @ generation"));
    for (auto const k : model.kept_everywhere) sentences.push_back(sentence(scorer, k));
  }
  return sentences;
}

/// What some policies that leave prefill dense say to one prompt.
spoken_example speak(any_model const& model, small_language const& language, needle_prompt const& prompt,
                     std::vector<std::string> const& sentences) {
  spoken_example example{.question = language.text(prompt.question), .answer = language.text(prompt.answer)};
  generation_request const asked{.prompt = {.tokens = prompt.prompt()}, .max_new_tokens = prompt.answer.size()};
  work done;
  complete(model, std::span{&asked, 1}, read_policies(sentences), done,
           [&](std::size_t policy, std::size_t, sentence_tokens&& said) {
             example.said.emplace_back(sentences[policy], language.text(said));
           });
  return example;
}

void measure_inside(collector& rows, measurement& result, any_model const& model, small_language const& language,
                    std::span<needle_prompt const> prompts, demo_plan const& plan) {
  auto const sentences = needle_policies(result);
  auto const recalled = recall_needles(model, prompts, read_policies(sentences));
  std::map<std::string, outcomes> found;
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    found[sentences[i]] = recalled[i];
    rows.add_share("needle_inside_window", sentences[i], "exact_match", found[sentences[i]]);
  }
  for (auto const* scorer : scorers) add_smallest_k(rows, result, found, scorer, plan);
  add_comparison(rows, result, found, plan);

  result.example =
      speak(model, language, prompts.front(),
            {"dense", sentence("entropy", result.kept_everywhere.front(), " @ generation"), "none @ generation"});
}

void measure_beyond(collector& rows, measurement const& result, any_model const& model, small_language const& language,
                    demo_plan const& plan) {
  std::vector<std::string> const sentences{"dense", "none @ generation",
                                           sentence("entropy", result.kept_everywhere.front(), " @ generation")};
  auto const policies = read_policies(sentences);
  auto const recalled = right_answers(model, beyond_the_window(language, plan), policies).at("exact_match");
  for (std::size_t i = 0; i < sentences.size(); ++i) {
    auto const& found = recalled[i];
    outcomes early;
    outcomes late;
    for (std::size_t prompt = 0; prompt < found.size(); prompt += 2) {
      early.push_back(found[prompt]);
      late.push_back(found[prompt + 1]);
    }
    rows.add_share("needle_beyond_window_early", sentences[i], "exact_match", early);
    rows.add_share("needle_beyond_window_late", sentences[i], "exact_match", late);
  }
}

void measure_facts(collector& rows, measurement const& result, any_model const& model, small_language const& language,
                   demo_plan const& plan) {
  std::vector<std::string> sentences{"dense", "none"};
  for (auto const* scorer : scorers)
    for (auto const k : result.kept_everywhere) sentences.push_back(sentence(scorer, k));
  auto const known = right_answers(model, facts_about_people(language, plan), read_policies(sentences)).at("acc");
  for (std::size_t i = 0; i < sentences.size(); ++i) rows.add_share("facts", sentences[i], "accuracy", known[i]);
}

}  // namespace

measurement measure(reference::snapshot const& snapshot, small_language const& language, demo_plan const& plan) {
  measurement result{.model = snapshot.name, .longest = beyond_window};
  for (std::size_t layer = 0; layer < snapshot.model.layers.size(); ++layer) {
    auto const* attention = snapshot.model.attention_at(layer);
    if (attention == nullptr) continue;
    result.heads = attention->heads;
    result.window = attention->window;
    ++result.layers_with_attention;
  }
  for (std::size_t k = 1; k <= result.heads / 2; ++k) result.kept.push_back(k);
  result.kept_everywhere = {(result.heads + 1) / 3, result.heads / 2};
  collector rows{result, snapshot.identity(), plan};
  auto const model = as_language_model(snapshot.model);
  auto const inside = mixed_needles(language, plan.prompts, plan.seed);
  measure_inside(rows, result, model, language, inside, plan);
  measure_requirements(rows, model, language, inside);
  measure_beyond(rows, result, model, language, plan);
  measure_facts(rows, result, model, language, plan);
  return result;
}

}  // namespace tool
