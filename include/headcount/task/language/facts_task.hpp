#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/measure/likelihood.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/judge.hpp>
#include <headcount/task/language/facts.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

inline constexpr std::array facts_metrics{
    metric{.name = "acc", .unit = "share", .better = direction::higher, .values = right_or_wrong}};

/// What a person of the small language works as, four choices of one token each. Option `context`: tokens of filler
/// before the question; `prompts`: how many people are asked about. A prompt is named by its person.
[[nodiscard]] inline std::vector<task> make_facts(model_under_test const& asked, std::string_view name,
                                                  task_options& options) {
  if (asked.language.empty())
    throw error{text_of("task ", name), text_of("there is no language.json for ", asked.name),
                "a model in the language of the small hybrids"};
  small_language const language{asked.language};
  task made{
      .name = std::string{name}, .seed = options.take_seed(), .metrics = {facts_metrics.begin(), facts_metrics.end()}};
  auto const context = options.take<std::size_t>("context", 12);
  auto const most = options.take<std::size_t>("prompts", language.people().size(), option_role::selects);
  auto const limit = std::min(most, options.take_limit());
  made.setting = options.setting();

  random_stream order{mix_bits(made.seed)};
  std::vector<std::vector<loglikelihood_request>> questions;
  std::vector<std::size_t> gold;
  for (auto const person : order.some_of(language.people(), std::min(limit, language.people().size()))) {
    made.prompts.push_back(language.text({person}));
    random_stream random{mix_bits(made.seed) ^ hash_of(made.prompts.back())};
    auto const fact = make_fact_prompt(language, person, context, random);
    loglikelihood_request one{.prompt = {.tokens = fact.prompt}};
    for (auto const choice : fact.choices) one.continuations.push_back({choice});
    made.tokens.push_back(fact.prompt.size());
    gold.push_back(fact.gold);
    questions.push_back({std::move(one)});
  }
  made.ask = judge_likelihoods(
      made.prompts, std::move(questions), phase::prefill,
      [gold = std::move(gold)](std::size_t i, std::span<likelihood const> choices) -> std::vector<answer> {
        auto const best = std::ranges::max_element(choices, {}, &likelihood::nats) - choices.begin();
        std::vector<double> nats;
        for (auto const& one : choices) nats.push_back(one.nats);
        return {{.metric = "acc",
                 .value = static_cast<std::size_t>(best) == gold[i] ? 1.0 : 0.0,
                 .more = {{"loglik", nats}}}};
      });
  return {std::move(made)};
}

}  // namespace headcount::v0::evaluate
