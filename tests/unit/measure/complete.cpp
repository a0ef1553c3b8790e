// Greedy completions against float64 models. teacher_force.cpp has them against a loop that shares nothing.

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/token.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/task/request.hpp>

#include <unit/reference/support/float64_model.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/reference/support/numbers.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("complete: each token has the largest float64 logit after all before it") {
  auto const check = [](auto const& config) {
    test::made_model const made{config};
    test::numbers random{11};
    std::vector<generation_request> requests;
    for (std::size_t const length : {7u, 1u, 12u})
      requests.push_back({.prompt = {.tokens = random.text(length, 37)}, .max_new_tokens = 10});
    any_policy const plain = dense;
    work done;
    std::size_t answers = 0;
    complete(reference_model{made.model}, requests, std::span{&plain, 1}, done,
             [&](std::size_t, std::size_t i, completion&& made_of_it) {
               auto const& answer = made_of_it.tokens;
               CHECK(made_of_it.finite);
               ++answers;
               CHECK(answer.size() == 10);
               auto text = requests[i].prompt.tokens;
               for (auto const said : answer) {
                 auto last = test::slow::logits(config, made.weights, text).back();
                 auto const chosen = std::exchange(last[static_cast<std::size_t>(said)], -1e300);
                 CHECK(chosen > *std::ranges::max_element(last));
                 text.push_back(said);
               }
             });
    CHECK(answers == requests.size());
  };
  check(test::small_recurrent_gemma());
  check(test::small_jamba());
}
