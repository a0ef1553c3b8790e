#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <headcount/select/threshold.hpp>
#include <headcount/select/top_k.hpp>
#include <support/numbers.hpp>
#include <support/property.hpp>

using namespace headcount;

namespace {

/// Scores of some heads: often equal, sometimes NaN or infinite.
std::vector<double> random_scores() {
  auto scores = *rc::gen::container<std::vector<double>>(
      rc::gen::oneOf(rc::gen::map(rc::gen::inRange(-3, 4), [](int score) { return static_cast<double>(score); }),
                     rc::gen::arbitrary<double>(),
                     rc::gen::element(support::not_a_number, support::infinity, -support::infinity, -0.0)));
  scores.resize(std::min(scores.size(), head_set::capacity()));
  return scores;
}

}  // namespace

TEST_CASE("property: top_k keeps the first k heads of a stable sort with NaN last") {
  support::check_property(300, [] {
    auto const scores = random_scores();
    auto const k = *rc::gen::inRange<std::size_t>(0, scores.size() + 2);
    std::vector<std::size_t> order(scores.size());
    for (std::size_t head = 0; head < order.size(); ++head) order[head] = head;
    std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
      return std::isnan(scores[b]) ? !std::isnan(scores[a]) : scores[a] > scores[b];
    });
    order.resize(std::min(k, order.size()));
    head_set expected;
    for (auto const head : order) expected.insert(head);
    RC_ASSERT(select::top_k{k}(scores) == expected);
  });
}

TEST_CASE("property: one more head kept is one more head, and the others stay") {
  support::check_property(200, [] {
    auto const scores = random_scores();
    for (std::size_t k = 0; k < scores.size(); ++k) {
      auto more = select::top_k{k + 1}(scores);
      auto const kept = select::top_k{k}(scores);
      RC_ASSERT(more.size() == k + 1);
      RC_ASSERT(std::ranges::all_of(kept, [&](std::size_t head) { return more.contains(head); }));
    }
  });
}

TEST_CASE("property: a higher bar keeps no head that a lower one drops") {
  support::check_property(200, [] {
    auto const scores = random_scores();
    auto const bars = *rc::gen::pair(rc::gen::inRange(-4, 5), rc::gen::inRange(-4, 5));
    auto const [low, high] = std::minmax(bars.first, bars.second);
    auto const generous = select::threshold{static_cast<double>(low)}(scores);
    for (auto const head : select::threshold{static_cast<double>(high)}(scores)) RC_ASSERT(generous.contains(head));
    for (std::size_t head = 0; head < scores.size(); ++head)
      RC_ASSERT(generous.contains(head) == (scores[head] >= low));
  });
}
