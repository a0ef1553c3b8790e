#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <headcount/core/site.hpp>
#include <headcount/select/bottom_k.hpp>
#include <headcount/select/fraction.hpp>
#include <headcount/select/per_layer.hpp>
#include <headcount/select/random_k.hpp>
#include <headcount/select/random_like.hpp>
#include <headcount/select/relative_threshold.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_groups.hpp>
#include <headcount/select/top_k.hpp>
#include <headcount/select/top_p.hpp>
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

/// The heads from the best to the worst: a stable sort with NaN last.
std::vector<std::size_t> ranked(std::vector<double> const& scores) {
  std::vector<std::size_t> order(scores.size());
  for (std::size_t head = 0; head < order.size(); ++head) order[head] = head;
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return std::isnan(scores[b]) ? !std::isnan(scores[a]) : scores[a] > scores[b];
  });
  return order;
}

/// The first `count` heads of a ranking.
head_set first_of(std::vector<std::size_t> const& order, std::size_t count) {
  head_set set;
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) set.insert(order[i]);
  return set;
}

bool is_subset(head_set const& fewer, head_set const& more) {
  return std::ranges::all_of(fewer, [&](std::size_t head) { return more.contains(head); });
}

double random_share() { return static_cast<double>(*rc::gen::inRange(0, 101)) / 100; }

}  // namespace

TEST_CASE("property: top_k keeps the first k heads of a stable sort with NaN last") {
  support::check_property(300, [] {
    auto const scores = random_scores();
    auto const k = *rc::gen::inRange<std::size_t>(0, scores.size() + 2);
    RC_ASSERT(select::top_k{k}(scores) == first_of(ranked(scores), k));
  });
}

TEST_CASE("property: one more head kept is one more head, and the others stay") {
  support::check_property(200, [] {
    auto const scores = random_scores();
    for (std::size_t k = 0; k < scores.size(); ++k) {
      site const where{.layer = k % 3, .position = k, .heads = scores.size()};
      auto const check = [&](auto const& less, auto const& more) {
        auto const set = select_heads(more, scores, where);
        RC_ASSERT(set.size() == k + 1);
        RC_ASSERT(is_subset(select_heads(less, scores, where), set));
      };
      check(select::top_k{k}, select::top_k{k + 1});
      check(select::bottom_k{k}, select::bottom_k{k + 1});
      check(select::random_k{k, 3}, select::random_k{k + 1, 3});
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

TEST_CASE("property: bottom_k keeps the k worst of the heads that have a score, then the others") {
  support::check_property(300, [] {
    auto const scores = random_scores();
    auto const k = *rc::gen::inRange<std::size_t>(0, scores.size() + 2);
    auto negated = scores;
    for (auto& score : negated) score = -score;
    RC_ASSERT(select::bottom_k{k}(scores) == first_of(ranked(negated), k));
  });
}

TEST_CASE("property: fraction keeps the fewest heads that are no less than the share asked for") {
  support::check_property(300, [] {
    auto const scores = random_scores();
    auto const percent = *rc::gen::inRange<std::size_t>(0, 101);
    auto const count = (percent * scores.size() + 99) / 100;  // the ceiling, in whole numbers
    RC_ASSERT(select::fraction{static_cast<double>(percent) / 100}(scores) == first_of(ranked(scores), count));
  });
}

TEST_CASE("property: top_p keeps the fewest best heads that hold the share, and a larger share holds them all") {
  support::check_property(300, [] {
    std::vector<double> scores;
    for (auto const score : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-4, 9)))
      scores.push_back(score == 8 ? support::not_a_number : score);
    scores.resize(std::min(scores.size(), head_set::capacity()));
    auto const softmax = *rc::gen::arbitrary<bool>();
    auto const p = random_share();
    auto const order = ranked(scores);
    std::vector<long double> held{0};  // by the first n heads
    for (auto const head : order) {
      auto const score = static_cast<long double>(scores[head]);
      auto const mass = std::isnan(scores[head]) ? 0 : softmax ? std::exp(score) : std::max(score, 0.0L);
      held.push_back(held.back() + mass);
    }
    auto const set = select::top_p{p, softmax}(scores);
    RC_ASSERT(set == first_of(order, set.size()));
    if (held.back() == 0) {
      RC_ASSERT(set.size() == (p > 0 ? scores.size() : 0));
    } else {
      auto const asked = static_cast<long double>(p) * held.back();
      RC_ASSERT(held[set.size()] >= asked * (1 - 1e-12L));
      if (!set.empty()) RC_ASSERT(held[set.size() - 1] < asked * (1 + 1e-12L));
    }
    auto const more = random_share();
    if (more >= p) RC_ASSERT(is_subset(set, select::top_p{more, softmax}(scores)));
  });
}

TEST_CASE("property: relative_threshold keeps what comes as near the best as its share says") {
  support::check_property(300, [] {
    auto const whole = *rc::gen::container<std::vector<int>>(rc::gen::inRange(-8, 9));
    std::vector<double> const scores(
        whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(std::min(whole.size(), head_set::capacity())));
    auto const eighths = *rc::gen::inRange(0, 9);
    auto const set = select::relative_threshold{eighths / 8.0}(scores);
    auto const best = scores.empty() ? 0 : *std::ranges::max_element(scores);
    for (std::size_t head = 0; head < scores.size(); ++head)
      RC_ASSERT(set.contains(head) == (8 * (best - scores[head]) <= (8 - eighths) * std::abs(best)));
  });
}

TEST_CASE("property: top_groups keeps whole groups, those of the best heads first") {
  support::check_property(300, [] {
    auto scores = random_scores();
    auto const group = *rc::gen::inRange<std::size_t>(1, 6);
    scores.resize(scores.size() / group * group);
    auto const g = *rc::gen::inRange<std::size_t>(0, scores.size() / group + 2);
    head_set expected;
    std::vector<bool> taken(scores.size() / group);
    std::size_t left = g;
    for (auto const head : ranked(scores)) {
      if (taken[head / group] || left == 0) continue;
      taken[head / group] = true;
      --left;
    }
    for (std::size_t head = 0; head < scores.size(); ++head)
      if (taken[head / group]) expected.insert(head);
    RC_ASSERT(select::top_groups{g}(scores, {.heads = scores.size(), .group = group}) == expected);
  });
}

TEST_CASE("property: per_layer is top_k with the layer's k") {
  support::check_property(200, [] {
    auto const scores = random_scores();
    auto const layer = *rc::gen::inRange<std::size_t>(0, 8);
    select::per_layer const table{{{{0, 2}, 3}, {{3, 3}, 0}, {{4, 7}, 1}}};
    auto const k = layer <= 2 ? 3u : layer == 3 ? 0u : 1u;
    RC_ASSERT(table(scores, {.layer = layer, .heads = scores.size()}) == first_of(ranked(scores), k));
  });
}

TEST_CASE(
    "property: random_like keeps as many heads as its selector, in each layer or group, and others while there are") {
  support::check_property(400, [] {
    auto scores = random_scores();
    auto const group = *rc::gen::inRange<std::size_t>(2, 9);
    scores.resize(scores.size() / group * group);
    site const where{.layer = *rc::gen::inRange<std::size_t>(0, 9),
                     .sequence_id = *rc::gen::inRange<std::size_t>(0, 9),
                     .position = *rc::gen::inRange<std::size_t>(0, 99),
                     .heads = scores.size(),
                     .group = group};
    auto const k = *rc::gen::inRange<std::size_t>(0, scores.size() + 1);
    any_selector const inner =
        *rc::gen::element<any_selector>(select::top_k{k}, select::bottom_k{k}, select::threshold{0.5},
                                        select::top_groups{k / group}, select::random_k{k, 5}, select::fraction{0.3});
    auto const like = inner(scores, where);
    for (auto const match : {head_match::layer, head_match::group}) {
      select::random_like control{.inner = inner, .match = match, .seed = *rc::gen::arbitrary<std::uint64_t>()};
      for (bool const once : {false, true}) {
        control.once = once;
        auto const kept = select_heads(control, scores, where);
        RC_ASSERT(select_heads(control, scores, where) == kept);
        auto const size = match == head_match::layer ? std::max<std::size_t>(scores.size(), 1) : group;
        for (std::size_t first = 0; first < scores.size(); first += size) {
          std::size_t of_like = 0, of_kept = 0, shared = 0;
          for (auto head = first; head < first + size; ++head) {
            of_like += like.contains(head) ? 1 : 0;
            of_kept += kept.contains(head) ? 1 : 0;
            shared += like.contains(head) && kept.contains(head) ? 1 : 0;
          }
          RC_ASSERT(of_kept == of_like);
          RC_ASSERT(shared == (2 * of_like > size ? 2 * of_like - size : 0));  // no more than there must be
        }
        auto elsewhere = where;
        elsewhere.sequence_id += 1;
        elsewhere.position += 1;
        // With one draw for all tokens, only the selector inside can make a difference.
        if (once && inner(scores, elsewhere) == like) RC_ASSERT(select_heads(control, scores, elsewhere) == kept);
      }
    }
  });
}
