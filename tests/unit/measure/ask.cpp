// measure/ask.hpp on an engine whose logits are not always numbers.

#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/token.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/measure/ask.hpp>
#include <headcount/measure/compare_distributions.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/task/request.hpp>
#include <headcount/task/task.hpp>

#include <unit/reference/support/models.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// An engine that overflows in sequence 1.
struct overflowing_model {
  using state = reference::state;
  reference_model inner;

  [[nodiscard]] std::size_t vocabulary() const { return inner.vocabulary(); }
  [[nodiscard]] state start() const { return inner.start(); }
  void run(std::span<step<state> const> steps, pass const& how, any_policy const& policy, logits_user const& use) {
    inner.run(steps, how, policy, [&](std::size_t i, std::size_t t, std::span<float const> logits) {
      std::vector<float> given{logits.begin(), logits.end()};
      if (steps[i].sequence_id == 1) given[5] = std::numeric_limits<float>::quiet_NaN();
      use(i, t, given);
    });
  }
};

/// What every judgement is worth, by the name of its prompt.
std::map<std::string, double> values_of(any_model const& model, task const& asking) {
  any_policy const plain = dense;
  work done;
  std::map<std::string, double> values;
  ask(model, asking, std::span{&plain, 1}, done,
      [&](std::size_t, std::size_t i, judgement&& one) { values[asking.prompts[i].name] = one.value; });
  return values;
}

}  // namespace

TEST_CASE("ask: what logits that are not numbers say is worth NaN, and the others are what they were") {
  test::made_model const made{test::small_jamba()};
  any_model const model{overflowing_model{reference_model{made.model}}};
  task open{.name = "open", .identity = "1"};
  task compared{.name = "compared", .identity = "2"};
  for (std::size_t i = 0; i < 3; ++i) {
    prompt const read{.tokens = {1, 2, static_cast<token>(3 + i)}, .sequence_id = i};
    open.prompts.push_back(
        {.name = std::to_string(i), .request = generation_request{.prompt = read, .max_new_tokens = 4}});
    compared.prompts.push_back({.name = std::to_string(i),
                                .request = comparison_request{.text = {.prompt = read, .continuations = {{4, 5}}}}});
  }
  open.judge = [](std::size_t, answer const& found) {
    return std::vector{judgement{.metric = "length", .value = static_cast<double>(found.tokens.size())}};
  };
  compared.judge = [](std::size_t, answer const& found) {
    return std::vector{judgement{.metric = "top1", .value = found.agreements.at(1).top1 ? 1.0 : 0.0}};
  };
  for (auto const& [asking, right] : {std::pair{&open, 4.0}, std::pair{&compared, 1.0}}) {
    auto const values = values_of(model, *asking);
    CAPTURE(asking->name);
    CHECK(values.at("0") == right);
    CHECK(std::isnan(values.at("1")));
    CHECK(values.at("2") == right);
  }
}

TEST_CASE("logits: name a best token where all are numbers and the largest is finite") {
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  CHECK(has_best_token(std::vector{1.0f, -infinity, 2.0f}));
  CHECK_FALSE(has_best_token(std::vector{1.0f, std::nanf(""), 2.0f}));
  CHECK_FALSE(has_best_token(std::vector{1.0f, infinity}));
  CHECK_FALSE(has_best_token(std::vector{-infinity, -infinity}));
}

TEST_CASE("compare_distributions: a token that both models rule out adds nothing") {
  constexpr auto infinity = std::numeric_limits<float>::infinity();
  std::vector const ruled_out{0.0f, -infinity, 0.0f};
  auto const same = compare_logits(ruled_out, ruled_out);
  CHECK(same.kl == 0);
  CHECK(same.top1);
  // (1/2, 0, 1/2) against (1/3, 1/3, 1/3): ln 1.5.
  CHECK(compare_logits(ruled_out, std::vector{1.0f, 1.0f, 1.0f}).kl == doctest::Approx(std::log(1.5)));
}
