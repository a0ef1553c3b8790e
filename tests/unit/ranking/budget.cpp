#include <cstddef>

#include <doctest/doctest.h>

#include <headcount/core/ranking.hpp>
#include <headcount/ranking/budget.hpp>
#include <support/numbers.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("budget: the best heads of a model, of equal ones the first") {
  ranking const some{.scores = {{}, {3, 1, 2}, {}, {2, 5, -1}}, .source = {.method = "some"}};
  CHECK(best_of_model(some, 3).scores == std::vector<std::vector<double>>{{}, {1, 0, 1}, {}, {0, 1, 0}});
  CHECK(best_of_model(some, 0).scores == std::vector<std::vector<double>>{{}, {0, 0, 0}, {}, {0, 0, 0}});
  CHECK(best_of_model(some, 99).scores == std::vector<std::vector<double>>{{}, {1, 1, 1}, {}, {1, 1, 1}});
  CHECK(best_of_model(some, 3).source == some.source);

  support::numbers draw{3};
  for (int round = 0; round < 40; ++round) {
    ranking drawn{.scores = {{}, {}}, .source = {}};
    for (auto& layer : drawn.scores)
      for (std::size_t head = 0; head < 6; ++head) layer.push_back(static_cast<double>(draw.below(5)));
    auto const n = draw.below(13);
    auto const best = best_of_model(drawn, n);
    for (std::size_t head = 0; head < 12; ++head) {
      std::size_t before = 0;  // heads that come before this one
      auto const score = drawn.scores[head / 6][head % 6];
      for (std::size_t other = 0; other < 12; ++other) {
        auto const its = drawn.scores[other / 6][other % 6];
        if (its > score || (its == score && other < head)) ++before;
      }
      CHECK(best.scores[head / 6][head % 6] == (before < n ? 1 : 0));
    }
  }
}
