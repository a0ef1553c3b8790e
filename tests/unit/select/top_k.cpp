#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/site.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/select/bottom_k.hpp>
#include <headcount/select/selector.hpp>
#include <headcount/select/top_k.hpp>
#include <support/numbers.hpp>

using namespace headcount;
using support::infinity;
using support::not_a_number;

namespace {

std::vector<std::size_t> kept(std::size_t k, std::vector<double> const& scores) {
  auto const set = select::top_k{k}(scores);
  return {set.begin(), set.end()};
}

using heads = std::vector<std::size_t>;

constexpr std::array constant_scores{0.5, 2.0, 1.0};
static_assert(select::top_k{1}(constant_scores).contains(1), "it works in constant expressions");
static_assert(select::bottom_k{1}(constant_scores).contains(0));
static_assert(selector<select::top_k> && selector<select::bottom_k>);

}  // namespace

TEST_CASE("top_k: keeps the k highest scores") {
  CHECK(kept(2, {0.1, 0.9, 0.5, 0.7}) == heads{1, 3});
  CHECK(kept(3, {-5, -1, -3, -2}) == heads{1, 2, 3});
  CHECK(kept(1, {-infinity, -1e300, infinity}) == heads{2});
}

TEST_CASE("top_k: of equal scores the lower head index is kept") {
  CHECK(kept(2, {1, 1, 1, 1}) == heads{0, 1});
  CHECK(kept(2, {0, 3, 1, 1}) == heads{1, 2});
  CHECK(kept(1, {0.0, -0.0}) == heads{0});
  CHECK(kept(1, {-0.0, 0.0}) == heads{0});
  CHECK(kept(1, {-infinity, -infinity}) == heads{0});
}

TEST_CASE("top_k: k = 0 keeps none, k = heads keeps all") {
  CHECK(kept(0, {3, 2, 1}).empty());
  CHECK(kept(3, {3, not_a_number, 1}) == heads{0, 1, 2});
  CHECK(kept(0, {}).empty());
}

TEST_CASE("top_k: a k beyond the heads keeps all, without reading further") { CHECK(kept(256, {1, 2}) == heads{0, 1}); }

TEST_CASE("top_k: a head scored NaN is kept only when every other head is") {
  CHECK(kept(1, {not_a_number, -infinity, not_a_number}) == heads{1});
  CHECK(kept(2, {not_a_number, -infinity, not_a_number}) == heads{0, 1});
  CHECK(kept(2, {not_a_number, 1, not_a_number, 2, not_a_number}) == heads{1, 3});
  CHECK(kept(3, {not_a_number, 1, not_a_number, 2, not_a_number}) == heads{0, 1, 3});
  CHECK(kept(1, {not_a_number, not_a_number}) == heads{0});
}

TEST_CASE("top_k: the capacity's worth of heads can be kept") {
  std::vector<double> const scores(head_set::capacity(), 1.0);
  CHECK(select::top_k{head_set::capacity()}(scores) == head_set::first(head_set::capacity()));
}

TEST_CASE("top_k: k above the layer's heads is an error that says both") {
  CHECK_THROWS_WITH_AS(validate_part(select::top_k{5}, {.layer = 2, .heads = 4}),
                       "top_k(5): layer 2 has 4 heads (allowed: k from 0 to 4)", error);
  CHECK_NOTHROW(validate_part(select::top_k{4}, {.heads = 4}));
  CHECK_NOTHROW(validate_part(select::top_k{0}, {.heads = 0}));
}

TEST_CASE("top_k: the published default keeps 2 heads") { CHECK(select::top_k{}.k == 2); }

TEST_CASE("bottom_k: keeps the k lowest scores, of equal ones the lower head, and NaN last") {
  auto const lowest = [](std::size_t k, std::vector<double> const& scores) {
    auto const set = select::bottom_k{k}(scores);
    return heads{set.begin(), set.end()};
  };
  CHECK(lowest(2, {0.1, 0.9, 0.5, 0.7}) == heads{0, 2});
  CHECK(lowest(2, {1, 1, 0, 1}) == heads{0, 2});
  CHECK(lowest(1, {0.0, -0.0}) == heads{0});
  CHECK(lowest(1, {not_a_number, infinity, not_a_number}) == heads{1});
  CHECK(lowest(2, {not_a_number, infinity, not_a_number}) == heads{0, 1});
  CHECK(lowest(1, {-infinity, -1e300, infinity}) == heads{0});
  CHECK(lowest(0, {3, 2, 1}).empty());
  CHECK(lowest(9, {3, 2, 1}) == heads{0, 1, 2});
}

TEST_CASE("bottom_k: k above the layer's heads is an error that says both") {
  CHECK_THROWS_WITH_AS(validate_part(select::bottom_k{5}, {.layer = 2, .heads = 4}),
                       "bottom_k(5): layer 2 has 4 heads (allowed: k from 0 to 4)", error);
  CHECK_NOTHROW(validate_part(select::bottom_k{4}, {.heads = 4}));
}

TEST_CASE("best_head_outside: is the number of heads when all are taken") {
  std::vector<double> const scores{1, 2};
  CHECK(select::best_head_outside(head_set::first(2), scores) == 2);
  CHECK(select::best_head_outside({}, {}) == 0);
}
