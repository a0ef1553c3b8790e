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
#include <headcount/engine/logits.hpp>
#include <headcount/file/digest.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/statistics/metric.hpp>
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
  auto const count = std::min(most, options.take_limit());
  made.setting = options.setting();
  if (plan.vocabulary > asked.model.vocabulary())
    throw error{text_of("task ", name), text_of("vocabulary = ", plan.vocabulary),
                text_of("at most the model's ", asked.model.vocabulary())};

  std::vector<mqar_text> texts;
  std::vector<loglikelihood_request> questions;
  for (std::size_t i = 0; i < count; ++i) {
    made.prompts.push_back(text_of(i));
    random_stream random{mix_bits(made.seed) ^ hash_of(made.prompts.back())};
    texts.push_back(make_mqar(plan, random));
    auto queries = texts.back().queries;
    queries.push_back(0);  // what follows the last query is asked, too; the token itself is never read
    questions.push_back({.prompt = {.tokens = texts.back().pairs, .sequence_id = hash_of(made.prompts.back())},
                         .continuations = {queries}});
    made.tokens.push_back(plan.length);
  }
  made.ask = [texts = std::move(texts), questions = std::move(questions), queries_are](
                 any_model const& model, std::span<std::size_t const> which, std::span<any_policy const> policies,
                 work& done, answer_user const& use) {
    for (auto const i : which) {
      std::vector<std::size_t> recalled(policies.size());
      teacher_force(model, std::span{questions}.subspan(i, 1), queries_are, policies, done,
                    [&](forced_token at, std::span<float const> logits) {
                      for (auto const& [place, value] : texts[i].wanted)
                        if (place + 1 == at.token && best_token(logits) == value) ++recalled[at.policy];
                    });
      for (std::size_t p = 0; p < policies.size(); ++p)
        use({.policy = p,
             .prompt = i,
             .metric = "recall",
             .value = static_cast<double>(recalled[p]) / static_cast<double>(texts[i].wanted.size())});
    }
  };
  return {std::move(made)};
}

}  // namespace headcount::v0::evaluate
