#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/random.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/language/facts.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

inline constexpr std::array facts_metrics{
    metric{.name = "acc", .unit = "share", .better = direction::higher, .values = right_or_wrong}};

/// Asks facts of a model, each prompt by a name: which of the choices is the likeliest next token, the first of equals.
/// The prompt is one prefill.
[[nodiscard]] inline task make_task_of_facts(task made, std::span<std::string const> names,
                                             std::span<fact_prompt const> facts) {
  made.metrics = {facts_metrics.begin(), facts_metrics.end()};
  std::vector<std::size_t> gold;
  for (std::size_t i = 0; i < facts.size(); ++i) {
    loglikelihood_request one{.prompt = {.tokens = facts[i].prompt}};
    for (auto const choice : facts[i].choices) one.continuations.push_back({choice});
    gold.push_back(facts[i].gold);
    made.prompts.push_back({.name = names[i],
                            .request = std::vector{std::move(one)},
                            .factors = {{"question", names[i]}},
                            .tokens = facts[i].prompt.size()});
  }
  made.judge = [gold = std::move(gold)](std::size_t i, answer const& found) -> std::vector<judgement> {
    auto const best = std::ranges::max_element(found.likelihoods, {}, &likelihood::nats) - found.likelihoods.begin();
    std::vector<double> nats;
    for (auto const& one : found.likelihoods) nats.push_back(one.nats);
    return {{.metric = "acc",
             .value = rightness(found.likelihoods, static_cast<std::size_t>(best), gold[i]),
             .more = {{"loglik", nats}}}};
  };
  return made;
}

/// What a person of the small language works as, four choices of one token each. Option `context`: tokens of filler
/// before the question; `prompts`: how many people are asked about. A prompt is named by its person.
[[nodiscard]] inline std::vector<task> make_facts(model_under_test const& asked, std::string_view name,
                                                  task_options& options) {
  small_language const language{asked.language_for(name)};
  options.add_content(asked.language);
  task made{.name = std::string{name}, .seed = options.take_seed()};
  auto const context = options.take<std::size_t>("context", 12);
  auto const most = options.take<std::size_t>("prompts", language.people().size(), option_role::selects);
  auto const limit = (std::min)(most, options.take_limit());
  made.setting = options.setting();

  random_stream order{mix_bits(made.seed)};
  std::vector<std::string> names;
  std::vector<fact_prompt> facts;
  for (auto const person : order.some_of(language.people(), (std::min)(limit, language.people().size()))) {
    names.push_back(language.text({person}));
    random_stream random{mix_bits(made.seed) ^ hash_of(names.back())};
    facts.push_back(make_fact_prompt(language, person, context, random));
  }
  return {make_task_of_facts(std::move(made), names, facts)};
}

}  // namespace headcount::v0::evaluate
