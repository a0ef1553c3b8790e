// Several policies from one reading.

#include <array>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/step.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>
#include <headcount/sentence/parse.hpp>

#include "../support/batch.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;

TEST_CASE("fork: several policies from one prefill are as each on its own for every size of a pass") {
  test::numbers random{12};
  std::vector<std::vector<token>> const some{random.text(7, 37), random.text(1, 37), random.text(12, 37)};
  std::vector<std::vector<token>> const more{random.text(5, 37), random.text(2, 37), random.text(1, 37)};
  any_policy const smooth = parse_policy("ema(0.5, sum(entropy, contribution_norm)) | top_k(2)");
  std::vector const policies{any_policy{dense},
                             parse_policy("entropy | top_k(2) @ generation"),
                             parse_policy("random(seed=5) | top_k(1)"),
                             any_policy{none},
                             smooth,
                             parse_policy("rank_mean(previous(max), random) | top_k(1) @ generation")};
  test::for_both([&](model const& model) {
    // Each has read its text under the policy that remembers, so that a fork may go on with what it remembers.
    std::vector started(some.size(), model.empty_state());
    for (std::size_t i = 0; i < some.size(); ++i) {
      std::array const steps{step{.tokens = some[i], .state = &started[i], .sequence_id = 20 + i}};
      (void)forward(model, steps, {}, smooth);
    }
    std::vector<evaluate::step<state const>> forked;
    for (std::size_t i = 0; i < more.size(); ++i)
      forked.push_back({.tokens = more[i], .state = &started[i], .sequence_id = 20 + i});
    for (bool const every_token : {true, false})
      for (std::size_t const at_once : {1u, 6u, 512u}) {
        pass const how{.phase = phase::generation, .every_token = every_token};
        std::size_t used = 0;
        auto const use = [&](std::size_t p, std::size_t i, matrix const& logits, state&& after) {
          CAPTURE(p);
          ++used;
          auto alone = started[i];
          std::array const steps{step{.tokens = more[i], .state = &alone, .sequence_id = 20 + i}};
          CHECK(test::distance(logits, forward(model, steps, how, policies[p])) < 5e-5);
          CHECK(after.position == some[i].size() + more[i].size());
          std::array<token, 1> const next{7};
          std::array const one{step{.tokens = next, .state = &after, .sequence_id = 20 + i}};
          std::array const other{step{.tokens = next, .state = &alone, .sequence_id = 20 + i}};
          CHECK(test::distance(forward(model, one, how, policies[p]), forward(model, other, how, policies[p])) < 5e-5);
        };
        fork_steps(model, std::span{std::as_const(forked)}, how, std::span{std::as_const(policies)}, use, at_once);
        CHECK(used == policies.size() * more.size());
      }
    for (std::size_t i = 0; i < some.size(); ++i) CHECK(started[i].position == some[i].size());
  });
}
