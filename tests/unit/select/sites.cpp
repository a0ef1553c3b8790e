#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/score/random.hpp>
#include <headcount/select/hysteresis.hpp>
#include <headcount/select/per_layer.hpp>
#include <headcount/select/random_k.hpp>
#include <headcount/select/random_like.hpp>
#include <headcount/select/selector.hpp>
#include <headcount/select/top_groups.hpp>
#include <headcount/select/top_k.hpp>
#include <support/numbers.hpp>

using namespace headcount;
using support::not_a_number;

namespace {

using heads = std::vector<std::size_t>;

template <class Select>
heads kept(Select const& select, std::vector<double> const& scores, site where = {}) {
  where.heads = scores.size();
  auto const set = select_heads(select, scores, where);
  return {set.begin(), set.end()};
}

/// Asks for both, so that it is no selector: it would be unclear which is meant.
struct of_both {
  static constexpr std::string_view name = "of_both";
  head_set operator()(std::span<double const>) const noexcept { return {}; }
  head_set operator()(std::span<double const>, site const&) const noexcept { return {}; }
};
struct not_noexcept {
  static constexpr std::string_view name = "not_noexcept";
  head_set operator()(std::span<double const>, site const&) const { return {}; }
};

static_assert(selector_takes<select::top_k> == selector_arguments{.scores = true});
static_assert(selector_takes<select::random_k> == selector_arguments{.site = true});
static_assert(selector_takes<select::random_like> == selector_arguments{.state = true});
static_assert(selector<select::random_k> && selector<select::top_groups> && selector<select::per_layer>);
static_assert(!selector<of_both> && !selector<not_noexcept>);

}  // namespace

TEST_CASE("select_heads: tells the site to selectors that ask for it, and calls the others without") {
  CHECK(kept(select::top_k{1}, {1, 2}) == heads{1});
  CHECK(kept(select::top_groups{1}, {1, 2, 3, 0}, {.group = 2}) == heads{2, 3});
}

TEST_CASE("top_groups: keeps all heads of the groups whose best head scores highest") {
  CHECK(kept(select::top_groups{1}, {5, 0, 4, 4, 1, 6}, {.group = 2}) == heads{4, 5});
  CHECK(kept(select::top_groups{2}, {5, 0, 4, 4, 1, 6}, {.group = 2}) == heads{0, 1, 4, 5});
  CHECK(kept(select::top_groups{2}, {5, 0, 4, 4, 1, 6}, {.group = 3}) == heads{0, 1, 2, 3, 4, 5});
  CHECK(kept(select::top_groups{0}, {5, 0, 4, 4}, {.group = 2}).empty());
}

TEST_CASE("top_groups: of equal groups the lower is kept, and one whose heads are all NaN comes last") {
  CHECK(kept(select::top_groups{1}, {1, 3, 3, 1}, {.group = 2}) == heads{0, 1});
  CHECK(kept(select::top_groups{1}, {not_a_number, not_a_number, not_a_number, -9}, {.group = 2}) == heads{2, 3});
}

TEST_CASE("top_groups: with one head a group it is top_k, with one group all or none") {
  std::vector<double> const scores{3, 1, not_a_number, 2, 2};
  for (std::size_t k = 0; k <= 5; ++k) CHECK(kept(select::top_groups{k}, scores) == kept(select::top_k{k}, scores));
  CHECK(kept(select::top_groups{1}, scores, {.group = 5}) == heads{0, 1, 2, 3, 4});
}

TEST_CASE("top_groups: more groups than the layer has is an error that says both") {
  CHECK_THROWS_WITH_AS(validate_part(select::top_groups{3}, {.layer = 4, .heads = 8, .group = 4}),
                       "top_groups(3): layer 4 has 2 key/value heads (allowed: g from 0 to 2)", error);
  CHECK_NOTHROW(validate_part(select::top_groups{2}, {.heads = 8, .group = 4}));
}

TEST_CASE("per_layer: keeps as many heads as the table says for the layer") {
  select::per_layer const table{{{{2, 2}, 1}, {{5, 8}, 2}, {{9, 9}, 0}}};
  std::vector<double> const scores{1, 3, 2};
  CHECK(kept(table, scores, {.layer = 2}) == heads{1});
  CHECK(kept(table, scores, {.layer = 5}) == heads{1, 2});
  CHECK(kept(table, scores, {.layer = 8}) == heads{1, 2});
  CHECK(kept(table, scores, {.layer = 9}).empty());
  CHECK(kept(table, scores, {.layer = 3}) == heads{0, 1, 2});
}

TEST_CASE("per_layer: a layer without a k, or with one above its heads, is an error that says so") {
  select::per_layer const table{{{{2, 2}, 1}, {{5, 8}, 5}}};
  CHECK_THROWS_WITH_AS(validate_part(table, {.layer = 3, .heads = 4}),
                       "per_layer(2:1,5-8:5): no k is given for layer 3 (allowed: layer:k for every attention layer in "
                       "the policy's scope)",
                       error);
  CHECK_THROWS_WITH_AS(validate_part(table, {.layer = 6, .heads = 4}),
                       "per_layer(2:1,5-8:5): layer 6 has 4 heads (allowed: k from 0 to 4)", error);
  CHECK_NOTHROW(validate_part(table, {.layer = 6, .heads = 5}));
}

TEST_CASE("random_k: keeps k heads, whatever their scores, the same ones for the same seed and site") {
  for (std::size_t position = 0; position < 20; ++position) {
    site const where{.layer = 3, .sequence_id = 1, .position = position};
    auto const drawn = kept(select::random_k{3, 7}, {1, 2, 3, 4, 5, 6}, where);
    CHECK(drawn.size() == 3);
    CHECK(kept(select::random_k{3, 7}, {9, not_a_number, 0, 0, -5, 1}, where) == drawn);
  }
}

TEST_CASE("random_k: draws as score::random with its seed does, so the two controls are one") {
  for (std::size_t position = 0; position < 20; ++position) {
    site const where{.layer = 5, .position = position, .heads = 9};
    std::vector<double> draws;
    for (std::size_t head = 0; head < 9; ++head) draws.push_back(score::random{4}(where, head));
    CHECK(kept(select::random_k{4, 4}, std::vector<double>(9), where) == kept(select::top_k{4}, draws));
  }
}

TEST_CASE("random_k: every set of heads is drawn equally often") {
  // 6 sets of 2 of 4 heads; chi-squared with 5 degrees of freedom is above 20.5 once in 1000 times.
  std::array<int, 16> seen{};
  constexpr int times = 6000;
  for (std::size_t position = 0; position < times; ++position) {
    auto const drawn = kept(select::random_k{2, 1}, {9, 8, 0, 0}, {.position = position});
    ++seen[(std::size_t{1} << drawn[0]) | (std::size_t{1} << drawn[1])];
  }
  double chi_squared = 0;
  for (std::size_t const set : {3u, 5u, 6u, 9u, 10u, 12u})
    chi_squared += std::pow(seen[set] - times / 6.0, 2) / (times / 6.0);
  CHECK(chi_squared < 20.5);
}

TEST_CASE("random_k: another seed, layer, sequence or position is another draw") {
  std::vector<double> const scores(64);
  auto const drawn = kept(select::random_k{8, 1}, scores, {.layer = 1});
  CHECK(kept(select::random_k{8, 2}, scores, {.layer = 1}) != drawn);
  CHECK(kept(select::random_k{8, 1}, scores, {.layer = 2}) != drawn);
  CHECK(kept(select::random_k{8, 1}, scores, {.layer = 1, .sequence_id = 1}) != drawn);
  CHECK(kept(select::random_k{8, 1}, scores, {.layer = 1, .position = 1}) != drawn);
  CHECK(kept(select::random_k{8, 1}, scores, {.layer = 1, .phase = phase::prefill}) == drawn);
}

TEST_CASE("random_k: k above the layer's heads is an error that says both") {
  CHECK_THROWS_WITH_AS(validate_part(select::random_k{5}, {.layer = 2, .heads = 4}),
                       "random_k(5): layer 2 has 4 heads (allowed: k from 0 to 4)", error);
}

TEST_CASE("random_like: every set of as many other heads is drawn equally often") {
  // top_k(2) of 6 heads keeps 1 and 4, which leaves 6 sets of 2; chi-squared with 5 degrees of freedom is above 20.5
  // once in 1000 times.
  std::vector<double> const scores{0, 9, 1, 2, 8, 3};
  auto const count = [&](select::random_like control, site const& where, auto const& next) {
    std::map<heads, int> seen;
    for (std::uint64_t i = 0; i < 6000; ++i) {
      auto at = where;
      next(control, at, i);
      ++seen[kept(control, scores, at)];
    }
    return seen;
  };
  auto const chi_squared = [](std::map<heads, int> const& seen) {
    double sum = 0;
    auto const expected = 6000.0 / static_cast<double>(seen.size());
    for (auto const& [set, times] : seen) sum += std::pow(times - expected, 2) / expected;
    return sum;
  };
  auto const position = [](auto&, site& at, std::uint64_t i) { at.position = i; };
  auto const seed = [](auto& control, site&, std::uint64_t i) { control.seed = i; };
  for (auto const& seen : {count({select::top_k{2}}, {}, position), count({select::top_k{2}}, {}, seed),
                           count({.inner = select::top_k{2}, .once = true}, {}, seed)}) {
    CHECK(seen.size() == 6);
    for (auto const& [set, times] : seen)
      for (auto const head : set) CHECK((head != 1 && head != 4));
    CHECK(chi_squared(seen) < 20.5);
  }
  // In groups of 3, each of which has one kept head, one of the two others: 4 sets, 3 degrees of freedom, 16.3.
  auto const grouped = count({.inner = select::top_k{2}, .match = head_match::group}, {.group = 3}, position);
  CHECK(grouped.size() == 4);
  CHECK(grouped.contains({0, 3}));
  CHECK(grouped.contains({2, 5}));
  CHECK(chi_squared(grouped) < 16.3);
  // From all heads: 15 sets of 2 of 6, 14 degrees of freedom, 36.2.
  auto const of_all = count({.inner = select::top_k{2}, .exclude = false}, {}, position);
  CHECK(of_all.size() == 15);
  CHECK(chi_squared(of_all) < 36.2);
  // Of 4 of 6 heads, 2 must be the selector's own: any of 6 pairs of them.
  std::map<heads, int> crowded;
  for (std::size_t i = 0; i < 6000; ++i) {
    auto const set = kept(select::random_like{select::top_k{4}}, scores, {.position = i});
    CHECK(std::ranges::count(set, 0u) + std::ranges::count(set, 2u) == 2);
    ++crowded[set];
  }
  CHECK(crowded.size() == 6);
  CHECK(chi_squared(crowded) < 20.5);
}

TEST_CASE("random_like: one draw serves all tokens if asked to, and a selector inside remembers as it would alone") {
  std::vector<double> const scores{5, 1, 2, 3, 4, 0, 6, 7};
  select::random_like const once{.inner = select::top_k{3}, .once = true, .seed = 2};
  auto const drawn = kept(once, scores, {.layer = 1});
  CHECK(kept(once, scores, {.layer = 1, .sequence_id = 3, .position = 8}) == drawn);
  select::random_like const anew{.inner = select::top_k{3}, .seed = 2};
  std::set<heads> others;
  for (std::size_t position = 0; position < 20; ++position)
    others.insert(kept(anew, scores, {.layer = 1, .position = position}));
  CHECK(others.size() > 5);

  select::random_like const control{select::hysteresis{2, 1}};
  CHECK(control.state_size() == 1);
  std::vector<double> memory(4, not_a_number), alone(4, not_a_number);
  site const where{.heads = 4};
  for (auto const& now : {std::vector<double>{3, 0, 0, 0}, {1.5, 0, 3, 0}, {0, 0, 1.5, 0}}) {
    auto const like = select::hysteresis{2, 1}(now, where, alone);
    auto const set = select_heads(control, now, where, memory);
    CHECK(set.size() == like.size());
    CHECK((set & like).empty());
    CHECK(memory == alone);
  }
}

TEST_CASE("random_like: what its selector refuses it refuses, and groups of one head") {
  select::random_like const control{.inner = select::top_k{3}, .match = head_match::group};
  CHECK_THROWS_WITH_AS(validate_part(control, {.layer = 2, .heads = 4}),
                       "random_like(top_k(3), match=group): layer 2 has one head a key/value head, so no other one is "
                       "like it (allowed: match=layer)",
                       error);
  CHECK_NOTHROW(validate_part(control, {.heads = 4, .group = 2}));
  CHECK_THROWS_WITH_AS(validate_part(control, {.layer = 2, .heads = 2, .group = 2}),
                       "top_k(3): layer 2 has 2 heads (allowed: k from 0 to 2)", error);
}
