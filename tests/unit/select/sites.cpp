#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/score/random.hpp>
#include <headcount/select/per_layer.hpp>
#include <headcount/select/random_k.hpp>
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

static_assert(site_selector<select::random_k> && site_selector<select::top_groups> && site_selector<select::per_layer>);
static_assert(selector<select::random_k> && !score_selector<select::random_k> && !site_selector<select::top_k>);
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
  CHECK_THROWS_WITH_AS(validate(select::top_groups{3}, {.layer = 4, .heads = 8, .group = 4}),
                       "top_groups(3): layer 4 has 2 key/value heads (allowed: g from 0 to 2)", error);
  CHECK_NOTHROW(validate(select::top_groups{2}, {.heads = 8, .group = 4}));
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
  CHECK_THROWS_WITH_AS(validate(table, {.layer = 3, .heads = 4}),
                       "per_layer(2:1,5-8:5): no k is given for layer 3 (allowed: layer:k for every attention layer in "
                       "the policy's scope)",
                       error);
  CHECK_THROWS_WITH_AS(validate(table, {.layer = 6, .heads = 4}),
                       "per_layer(2:1,5-8:5): layer 6 has 4 heads (allowed: k from 0 to 4)", error);
  CHECK_NOTHROW(validate(table, {.layer = 6, .heads = 5}));
}

TEST_CASE("random_k: keeps k heads, whatever their scores, the same ones for the same seed and site") {
  for (std::size_t position = 0; position < 20; ++position) {
    site const where{.layer = 3, .row = 1, .position = position};
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
  CHECK(kept(select::random_k{8, 1}, scores, {.layer = 1, .row = 1}) != drawn);
  CHECK(kept(select::random_k{8, 1}, scores, {.layer = 1, .position = 1}) != drawn);
  CHECK(kept(select::random_k{8, 1}, scores, {.layer = 1, .phase = phase::prefill}) == drawn);
}

TEST_CASE("random_k: k above the layer's heads is an error that says both") {
  CHECK_THROWS_WITH_AS(validate(select::random_k{5}, {.layer = 2, .heads = 4}),
                       "random_k(5): layer 2 has 4 heads (allowed: k from 0 to 4)", error);
}
