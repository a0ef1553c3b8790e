// run/follow.hpp, complete.hpp, likelihood.hpp: many policies at once, against one prompt at a time read from its
// start.

#include <algorithm>
#include <any>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/measure/likelihood.hpp>
#include <headcount/measure/teacher_force.hpp>
#include <headcount/sentence/parse.hpp>
#include <unit/reference/support/models.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// An engine without a fork of its own, and not to be run by several threads.
struct plain_model {
  using state = reference::state;
  reference_model inner;

  [[nodiscard]] std::size_t vocabulary() const { return inner.vocabulary(); }
  [[nodiscard]] state start() const { return inner.start(); }
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use) {
    inner.run(steps, how, policy, use);
  }
};
static_assert(language_model<plain_model> && !language_model<plain_model const> &&
              !forking_language_model<plain_model>);

/// The naive loop: one sequence under one policy, every token in a pass of its own.
struct naive {
  any_model const& model;
  any_policy const& policy;
  prompt const& asked;
  any_model::state state = model.start();

  std::vector<float> read(std::span<token const> tokens, phase when) {
    std::vector<float> last;
    for (auto const& one : tokens) {
      step<any_model::state> const next{std::span{&one, 1}, &state, asked.sequence_id.value_or(0), asked.edits};
      model.run(
          std::span{&next, 1}, {.phase = when}, policy,
          [&](std::size_t, std::size_t, std::span<float const> logits) { last.assign(logits.begin(), logits.end()); });
    }
    return last;
  }
};

std::vector<any_policy> const policies = [] {
  std::vector<any_policy> all;
  for (auto const* text : {"dense", "none @ generation", "entropy | top_k(1)", "random(seed=3) | top_k(2)",
                           "none @ prefill", "l2 | top_k(2) @ generation", "entropy | top_k(2) @ prefill", "none",
                           "l2 | random_k(1)", "entropy | random_like(top_k(1))", "sum(l2, random) | top_k(1)",
                           "ema(0.5, sum(entropy, contribution_norm)) | top_k(2)"})
    all.push_back(parse_policy(text));
  return all;
}();

/// Questions of every kind: alone or with a beginning in common, with edits in either phase, with continuations of one
/// token or more.
std::vector<loglikelihood_request> questions_for(std::size_t count) {
  test::numbers random{5};
  std::vector<loglikelihood_request> questions(count);
  for (std::size_t i = 0; i < count; ++i) {
    auto& [asked, continuations, ignored] = questions[i];
    asked.tokens = random.text(5 + random.below(6), 37);
    asked.sequence_id = 100 + i;
    if (i % 3 != 0) {
      auto const& before = questions[i - 1].prompt;
      asked.shared = i % 3 == 1 ? 4 : before.shared;
      for (std::size_t t = 0; t < asked.shared; ++t) asked.tokens[t] = before.tokens[t];
    } else {
      asked.shared = 4;
    }
    if (i % 5 == 2) asked.edits = parse_edits("omit(1-2) @ generation");
    if (i % 5 == 4) asked.edits = parse_edits("only(2-3); balanced(0-1) @ generation");
    for (std::size_t c = 0; c < 1 + i % 4; ++c) continuations.push_back(random.text(1 + random.below(3), 37));
  }
  return questions;
}

bool close(std::span<float const> a, std::vector<float> const& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (std::abs(a[i] - b[i]) > 2e-4f) return false;
  return true;
}

/// Requests whose continuations count as this phase.
std::vector<loglikelihood_request> read_as(std::vector<loglikelihood_request> requests, phase when) {
  for (auto& one : requests) one.read_as = when;
  return requests;
}

}  // namespace

TEST_CASE("teacher_force: every token is predicted as by a loop that shares nothing, in both phases, by any engine") {
  test::made_model const gemma{test::small_recurrent_gemma()};
  test::made_model const jamba{test::small_jamba()};
  auto const questions = questions_for(11);
  std::size_t tokens = 0;
  for (auto const& one : questions)
    for (auto const& text : one.continuations) tokens += one.prompt.tokens.size() + text.size() - 1;
  for (any_model const& model : {any_model{reference_model{gemma.model}}, any_model{reference_model{jamba.model}},
                                 any_model{plain_model{reference_model{gemma.model}}}}) {
    CHECK(model.vocabulary() == 37);
    for (auto const when : {phase::prefill, phase::generation}) {
      // What a loop that shares nothing gives: [policy][question][continuation][token].
      std::vector<std::vector<std::vector<std::vector<std::vector<float>>>>> expected;
      for (auto const& policy : policies) {
        auto& of_policy = expected.emplace_back();
        for (auto const& [asked, continuations, ignored] : questions) {
          auto& of_question = of_policy.emplace_back();
          for (auto const& text : continuations) {
            naive one{model, policy, asked};
            auto& logits = of_question.emplace_back();
            logits.push_back(one.read(asked.tokens, phase::prefill));
            for (auto const& next : std::span{text}.first(text.size() - 1))
              logits.push_back(one.read(std::span{&next, 1}, when));
          }
        }
      }
      work done;
      std::size_t calls = 0;
      std::size_t wrong = 0;
      teacher_force(model, read_as(questions, when), policies, done,
                    [&](forced_token at, std::span<float const> logits) {
                      if (!close(logits, expected[at.policy][at.request][at.continuation][at.token])) ++wrong;
                      ++calls;
                    });
      CHECK(wrong == 0);
      std::size_t expected_calls = 0;
      for (auto const& one : questions)
        for (auto const& text : one.continuations) expected_calls += text.size();
      CHECK(calls == policies.size() * expected_calls);
      CHECK(done.tokens_without_sharing == policies.size() * tokens);
      CHECK(done.computed < done.tokens_without_sharing / 2);
    }
  }
}

TEST_CASE("teacher_force: what is shared is read once") {
  test::made_model const made{test::small_recurrent_gemma()};
  std::vector<loglikelihood_request> const questions{
      {.prompt = {.tokens = {1, 2, 3, 4}, .shared = 3}, .continuations = {{5}, {6}, {7, 8, 9}}},
      {.prompt = {.tokens = {1, 2, 3, 5, 6}, .shared = 3}, .continuations = {{5}}}};
  auto const computed = [&](std::vector<char const*> const& sentences, phase when) {
    std::vector<any_policy> some;
    for (auto const* text : sentences) some.push_back(parse_policy(text));
    work done;
    teacher_force(reference_model{made.model}, read_as(questions, when), some, done, [](auto&&...) {});
    return done.computed.load();
  };
  std::size_t const prompts = 3 + 1 + 2;
  CHECK(computed({"dense"}, phase::prefill) == prompts + 2);
  CHECK(computed({"dense", "none @ generation", "l2 | top_k(1) @ generation"}, phase::prefill) == prompts + 2);
  CHECK(computed({"dense", "none @ generation", "l2 | top_k(1) @ generation"}, phase::generation) == prompts + 3 * 2);
  CHECK(computed({"none", "l2 | top_k(1)"}, phase::prefill) == 2 * (prompts + 2));
  for (auto const* draws : {"random | top_k(1)", "l2 | random_k(1)", "l2 | random_like(top_k(1))",
                            "sum(l2, random) | top_k(1)", "normalised(random) | top_k(1)"})
    CHECK(computed({draws}, phase::prefill) == 4 + 5 + 2);  // other rows draw other heads
  for (auto const* reads :
       {"span_mass(0-1) | top_k(1)", "normalised(l2) | top_groups(1)", "previous(l2) | threshold(0)"})
    CHECK(computed({reads}, phase::prefill) == prompts + 2);
  CHECK(computed({}, phase::prefill) == 0);
}

TEST_CASE("likelihood: sums of log-softmax in float64, and whether each token is the likeliest") {
  test::made_model const made{test::small_jamba()};
  any_model const model{reference_model{made.model}};
  auto questions = questions_for(110);
  questions[11].continuations.push_back({0, 0});
  work done;
  auto const values = likelihoods(model, questions, policies, done);
  std::size_t greedy = 0;
  for (std::size_t p = 0; p < policies.size(); ++p) {
    for (std::size_t i = 0; i < questions.size(); i += 11) {
      for (std::size_t c = 0; c < questions[i].continuations.size(); ++c) {
        naive one{model, policies[p], questions[i].prompt};
        auto logits = one.read(questions[i].prompt.tokens, phase::prefill);
        double expected = 0;
        bool best = true;
        for (auto const& next : questions[i].continuations[c]) {
          double sum = 0;
          for (auto const logit : logits) sum += std::exp(static_cast<double>(logit));
          expected += static_cast<double>(logits[static_cast<std::size_t>(next)]) - std::log(sum);
          for (auto const logit : logits) best = best && logit <= logits[static_cast<std::size_t>(next)];
          logits = one.read(std::span{&next, 1}, phase::prefill);
        }
        CHECK(values[p][i][c].nats == doctest::Approx(expected).epsilon(1e-4));
        CHECK(values[p][i][c].greedy == best);
        greedy += best ? 1u : 0u;
      }
    }
  }
  CHECK(greedy > 0);
}

TEST_CASE(
    "complete: greedy tokens are those of one pass a token, whatever the draft or the lead, until a stop or the "
    "limit") {
  test::made_model const made{test::small_recurrent_gemma()};
  any_model const model{reference_model{made.model}};
  auto const questions = questions_for(16);
  std::vector<std::vector<std::vector<token>>> expected(policies.size());
  std::vector<generation_request> requests;
  for (auto const& one : questions) requests.push_back({.prompt = one.prompt, .max_new_tokens = 6});
  requests[3].max_new_tokens = 1;
  requests[5].stop = {2, 9, 11, 17, 21, 30};
  requests[6].lead = {3, 5, 2};
  requests[7].lead = {2};
  requests[7].stop = {2};  // what is read is not said
  requests[11].lead = {1, 2, 3, 4};
  requests[11].max_new_tokens = 1;
  for (std::size_t p = 0; p < policies.size(); ++p) {
    for (auto const& opening : requests) {
      naive one{model, policies[p], opening.prompt};
      auto logits = one.read(opening.prompt.tokens, phase::prefill);
      if (!opening.lead.empty()) logits = one.read(opening.lead, phase::generation);
      std::vector<token> said{best_token(logits)};
      while (said.size() < opening.max_new_tokens &&
             std::find(opening.stop.begin(), opening.stop.end(), said.back()) == opening.stop.end())
        said.push_back(best_token(one.read(std::span{&said.back(), 1}, phase::generation)));
      expected[p].push_back(said);
    }
  }
  auto const check = [&] {
    std::vector<std::vector<std::vector<token>>> said(policies.size(), std::vector<std::vector<token>>(16));
    work done;
    complete(model, requests, policies, done,
             [&](std::size_t p, std::size_t i, completion&& one) { said[p][i] = std::move(one.tokens); });
    CHECK(said == expected);
    return done.computed.load();
  };
  auto const without = check();
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].draft = expected[i % policies.size()][i];
  requests[8].draft.resize(2);
  requests[9].draft.insert(requests[9].draft.end(), {1, 2});
  requests[10].draft[2] = (requests[10].draft[2] + 1) % 37;
  auto const with = check();
  CHECK(with != without);
  CHECK(expected[0] != expected[7]);
}

TEST_CASE("any_model: a state of another engine is refused") {
  test::made_model const made{test::small_jamba()};
  any_model const model{reference_model{made.model}};
  any_model::state other = 3;
  token const one = 1;
  step<any_model::state> const next{.tokens = std::span{&one, 1}, .state = &other};
  CHECK_THROWS_AS(model.run(std::span{&next, 1}, {}, dense, [](auto&&...) {}), std::bad_any_cast);
  CHECK(model.concurrent());
  CHECK_FALSE(any_model{plain_model{reference_model{made.model}}}.concurrent());
}

TEST_CASE("likelihood: a token that the model does not have is refused") {
  test::made_model const made{test::small_jamba()};
  std::vector<loglikelihood_request> const questions{{.prompt = {.tokens = {1}}, .continuations = {{2, 37}}}};
  work done;
  CHECK_THROWS_WITH_AS((void)likelihoods(reference_model{made.model}, questions, policies, done),
                       "continuation: token 37 is not in the vocabulary (allowed: 0 to 36)", error);
}
