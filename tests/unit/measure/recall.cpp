// measure/recall.hpp, ask.hpp: against one prompt at a time, read whole and answered token by token.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include <headcount/edit/null.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/measure/ask.hpp>
#include <headcount/measure/recall.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/task/language/facts_task.hpp>
#include <headcount/task/language/recall_task.hpp>
#include <unit/reference/support/models.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// One sequence under one policy, a pass at a time.
class reader {
 public:
  reader(reference::model const& model, any_policy const& policy, std::size_t row, std::span<any_edit const> edits = {})
      : model_{model}, policy_{policy}, row_{row}, edits_{edits}, state_{model.empty_state()} {}

  /// Reads tokens in one pass; the last one's logits.
  std::vector<float> read(sentence_tokens const& tokens, phase when) {
    reference::step const step{.tokens = tokens, .state = &state_, .sequence_id = row_, .edits = edits_};
    auto const logits = reference::forward(model_, std::span{&step, 1}, {.phase = when}, policy_);
    auto const last = reference::row_of(logits, 0);
    return {last.begin(), last.end()};
  }

  /// What the model says after a prompt.
  sentence_tokens say(sentence_tokens const& prompt, std::size_t words) {
    sentence_tokens said{best(read(prompt, phase::prefill))};
    while (said.size() < words) said.push_back(best(read({said.back()}, phase::generation)));
    return said;
  }

  /// Which tokens of an answer the model says, each after the right ones before it.
  std::vector<bool> follow(sentence_tokens const& prompt, sentence_tokens const& answer) {
    std::vector<bool> right{best(read(prompt, phase::prefill)) == answer[0]};
    for (std::size_t t = 1; t < answer.size(); ++t)
      right.push_back(best(read({answer[t - 1]}, phase::generation)) == answer[t]);
    return right;
  }

 private:
  static token best(std::vector<float> const& logits) {
    std::size_t best = 0;
    for (std::size_t id = 1; id < logits.size(); ++id)
      if (logits[id] > logits[best]) best = id;
    return static_cast<token>(best);
  }

  reference::model const& model_;
  any_policy const& policy_;
  std::size_t row_;
  std::span<any_edit const> edits_;
  reference::state state_;
};

std::vector<any_policy> parse_all(std::vector<char const*> const& sentences) {
  std::vector<any_policy> policies;
  for (auto const* text : sentences) policies.push_back(parse_policy(text));
  return policies;
}

/// [policy][prompt], one prompt and one policy at a time.
std::vector<outcomes> recall_one_by_one(reference::model const& model, std::vector<needle_prompt> const& prompts,
                                        std::vector<any_policy> const& policies) {
  std::vector<outcomes> found;
  for (auto const& policy : policies) {
    found.emplace_back();
    for (std::size_t i = 0; i < prompts.size(); ++i)
      found.back().push_back(reader{model, policy, i}.say(prompts[i].prompt(), prompts[i].answer.size()) ==
                             prompts[i].answer);
  }
  return found;
}

std::vector<any_policy> const some_policies =
    parse_all({"dense", "none @ generation", "entropy | top_k(1)", "random(seed=3) | top_k(2)", "none @ prefill",
               "l2 | top_k(2) @ generation", "random | top_k(1) @ generation, layers=3", "none"});

/// Prompts of any words. A random model recalls nothing, so each answer is what it says under one of the policies;
/// every second prompt shares the context of the one before.
std::vector<needle_prompt> prompts_for(reference::model const& model, std::size_t count) {
  test::numbers random{1};
  std::vector<needle_prompt> prompts(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& prompt = prompts[i];
    prompt.context = i % 2 == 1 ? prompts[i - 1].context : random.text(3 + random.below(9), model.vocabulary());
    prompt.question = random.text(1 + random.below(3), model.vocabulary());
    prompt.answer = reader{model, some_policies[i % some_policies.size()], i}.say(prompt.prompt(), 2 + i % 3);
  }
  return prompts;
}

/// Facts by their numbers, each a sequence of its number.
task facts_of(std::span<fact_prompt const> facts) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < facts.size(); ++i) names.push_back(text_of(i));
  auto made = make_task_of_facts({}, names, facts);
  number_sequences(made);
  return made;
}

/// Runs a step on so many threads, where there are any.
template <class Step>
auto on_threads(int count, Step const& step) {
#ifdef _OPENMP
  auto const before = omp_get_max_threads();
  omp_set_num_threads(count);
  auto const result = step();
  omp_set_num_threads(before);
  return result;
#else
  (void)count;
  return step();
#endif
}

}  // namespace

TEST_CASE("recall: needles found are those of one prompt at a time, whatever the number of threads") {
  auto const check = [](reference::model const& model) {
    auto const prompts = prompts_for(model, prompts_at_once + 7);
    auto const expected = recall_one_by_one(model, prompts, some_policies);
    for (std::size_t p = 0; p < some_policies.size(); ++p) {
      auto const found = share_of(expected[p]);
      CHECK(found.hits >= prompts.size() / some_policies.size());  // the answers that are its own
      CHECK(found.hits < found.n);
    }
    for (int const threads : {1, 3})
      CHECK(on_threads(threads, [&] { return recall_needles(reference_model{model}, prompts, some_policies); }) ==
            expected);
  };
  check(test::made_model{test::small_recurrent_gemma()}.model);
  check(test::made_model{test::small_jamba()}.model);
}

TEST_CASE(
    "recall: tokens of an answer are judged one by one, each after the right ones, under the edits of its prompt") {
  auto const check = [](reference::model const& model) {
    auto const prompts = prompts_for(model, 12);
    std::vector<recall_prompt> asked_for;
    for (auto const& one : prompts)
      for (auto const& edits : {std::vector<any_edit>{},
                                {any_edit{edit::omit{{{0, 1}}}}.during(phase::generation)},
                                {any_edit{edit::only{{{1, 2}}}}.during(phase::prefill)},
                                {edit::null{}}})
        asked_for.push_back({.name = text_of(asked_for.size()), .needle = one, .edits = edits});
    auto const asking = make_recall_task({}, asked_for);
    std::vector<std::size_t> every(asked_for.size());
    std::iota(every.begin(), every.end(), std::size_t{0});
    work done;
    auto const found = answers_to(reference_model{model}, asking, every, some_policies, done);
    auto const judged = right_answers(reference_model{model}, asking, some_policies);
    REQUIRE(found.size() == some_policies.size());
    std::size_t right = 0;
    std::size_t all = 0;
    std::size_t changed_by_edits = 0;
    for (std::size_t p = 0; p < found.size(); ++p) {
      REQUIRE(found[p].size() == asked_for.size());
      for (std::size_t i = 0; i < asked_for.size(); ++i) {
        CAPTURE(p);
        CAPTURE(i);
        auto const tokens = asked_for[i].needle.prompt();
        auto const& answer = prompts[i / 4].answer;
        auto const expected = reader{model, some_policies[p], i, asked_for[i].edits}.follow(tokens, answer);
        auto const& choices = found[p][i].likelihoods.front().choices;
        for (std::size_t t = 0; t < answer.size(); ++t) CHECK((choices[t] == answer[t]) == expected[t]);
        CHECK(judged.at("exact_match")[p][i] == std::ranges::all_of(expected, std::identity{}));
        CHECK(judged.at("exact_match_after_first")[p][i] ==
              std::all_of(expected.begin() + 1, expected.end(), std::identity{}));
        right += share_of(expected).hits;
        all += answer.size();
        changed_by_edits += expected != reader{model, some_policies[p], i}.follow(tokens, answer) ? 1 : 0;
      }
    }
    CHECK(right > 0);
    CHECK(right < all);
    CHECK(changed_by_edits > 0);
  };
  check(test::made_model{test::small_recurrent_gemma()}.model);
  check(test::made_model{test::small_jamba()}.model);
}

TEST_CASE("recall: facts known are those of one prompt at a time, the first of equal choices winning") {
  test::made_model const made{test::small_jamba()};
  test::numbers random{2};
  std::vector<fact_prompt> prompts(prompts_at_once + 20);
  for (auto& prompt : prompts) {
    prompt.prompt = random.text(2 + random.below(8), made.model.vocabulary());
    prompt.choices = random.text(4, made.model.vocabulary());
    prompt.gold = random.below(4);
  }
  prompts[5].choices = {7, 7, 7, 7};
  prompts[5].gold = 0;
  prompts[6].choices = {7, 7, 7, 7};
  prompts[6].gold = 1;

  std::vector<outcomes> expected;
  for (auto const& policy : some_policies) {
    expected.emplace_back();
    for (std::size_t i = 0; i < prompts.size(); ++i) {
      auto const logits = reader{made.model, policy, i}.read(prompts[i].prompt, phase::prefill);
      auto const of = [&](std::size_t choice) { return logits[static_cast<std::size_t>(prompts[i].choices[choice])]; };
      std::size_t best = 0;
      for (std::size_t choice = 1; choice < 4; ++choice)
        if (of(choice) > of(best)) best = choice;
      expected.back().push_back(best == prompts[i].gold);
    }
  }
  CHECK(expected[0][5]);
  CHECK(!expected[0][6]);
  CHECK(expected.front() != expected.back());
  for (int const threads : {1, 3})
    CHECK(on_threads(threads, [&] {
            return right_answers(reference_model{made.model}, facts_of(prompts), some_policies)["acc"];
          }) == expected);
}

TEST_CASE("recall: no prompts and no policies give no outcomes") {
  test::made_model const made{test::small_recurrent_gemma()};
  auto const prompts = prompts_for(made.model, 2);
  CHECK(recall_needles(reference_model{made.model}, prompts, {}).empty());
  CHECK(recall_needles(reference_model{made.model}, {}, some_policies).empty());
  CHECK(right_answers(reference_model{made.model}, make_recall_task({}, prompts), {}).empty());
}

TEST_CASE("recall: a trained model finds needles with few heads and none without") {
  std::filesystem::path const models = HEADCOUNT_MODELS;
  auto const snapshot = reference::load_snapshot(models / "tiny-recurrent-gemma");
  small_language const language{models / "language.json"};
  random_stream random{3};
  auto const prompts = make_needle_prompts(language, {.length = 64, .depths = {0.2, 0.8}}, random);
  auto const policies = parse_all({"dense", "entropy | top_k(5) @ generation", "none @ generation"});
  auto const found = recall_needles(reference_model{snapshot.model}, prompts, policies);
  CHECK(found == recall_one_by_one(snapshot.model, prompts, policies));
  CHECK(found == std::vector<outcomes>{{true, true}, {true, true}, {false, false}});
}
