#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/random.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/model_under_test.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/statistics/metric.hpp>
#include <headcount/task/answer.hpp>
#include <headcount/task/recall/mqar.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>
#include <headcount/task/task_options.hpp>

namespace headcount::v0::evaluate {

inline constexpr std::array mqar_metrics{
    metric{.name = "recall", .unit = "share of keys", .better = direction::higher, .values = between(0, 1)}};

/// Multi-query associative recall: the share of keys after which the likeliest token is their value. Pairs are read in
/// prefill, queries as option `queries` says: "generation" or "prefill". Other options: `length`, `pairs`, `vocabulary`
/// (of the model, 8192 at most), `power`, `prompts`.
[[nodiscard]] inline std::vector<task> make_mqar_task(model_under_test const& asked, std::string_view name,
                                                      task_options& options) {
  task made{
      .name = std::string{name}, .seed = options.take_seed(), .metrics = {mqar_metrics.begin(), mqar_metrics.end()}};
  mqar_plan plan;
  plan.vocabulary = options.take("vocabulary", std::min<std::size_t>(asked.model.vocabulary(), plan.vocabulary));
  plan.length = options.take("length", plan.length);
  plan.pairs = options.take("pairs", plan.pairs);
  plan.power = options.take("power", plan.power);
  auto const queries_are =
      options.take_one_of("queries", {"generation", "prefill"}) == "prefill" ? phase::prefill : phase::generation;
  auto const most = options.take<std::size_t>("prompts", 100, option_role::selects);
  auto const count = (std::min)(most, options.take_limit());
  made.setting = options.setting();
  if (plan.vocabulary > asked.model.vocabulary())
    throw error{text_of("task ", name), text_of("vocabulary = ", plan.vocabulary),
                text_of("at most the model's ", asked.model.vocabulary())};

  std::vector<mqar_text> texts;
  for (std::size_t i = 0; i < count; ++i) {
    auto number = text_of(i);
    random_stream random{mix_bits(made.seed) ^ hash_of(number)};
    texts.push_back(make_mqar(plan, random));
    auto queries = texts.back().queries;
    queries.push_back(0);  // what follows the last query is asked, too; the token itself is never read
    loglikelihood_request one{
        .prompt = {.tokens = texts.back().pairs}, .continuations = {std::move(queries)}, .read_as = queries_are};
    made.prompts.push_back({.name = std::move(number),
                            .request = std::vector{std::move(one)},
                            .factors = {{"keys", print_keys(texts.back())}},
                            .tokens = plan.length});
  }
  made.judge = [texts = std::move(texts)](std::size_t i, answer const& found) -> std::vector<judgement> {
    auto const& choices = found.likelihoods.front().choices;
    auto const& wanted = texts[i].wanted;
    auto const is_recalled = [&](auto const& one) { return choices[one.first + 1] == one.second; };
    auto const recalled = std::ranges::count_if(wanted, is_recalled);
    return {{.metric = "recall", .value = static_cast<double>(recalled) / static_cast<double>(wanted.size())}};
  };
  return {std::move(made)};
}

}  // namespace headcount::v0::evaluate
