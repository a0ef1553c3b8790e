#include <algorithm>
#include <cstddef>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/measure/read_prompts.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/sentence/parse.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("read_prompts: policies that treat sequences apart are not read with those that share what prompts share") {
  std::vector<any_policy> policies;
  for (auto const* sentence : {"l2 | top_k(1)", "random | top_k(1)", "dense", "l2 | top_k(1) @ generation",
                               "random(seed=3) | top_k(2)", "max | top_k(1)"})
    policies.push_back(parse_policy(sentence));
  std::vector<std::vector<std::vector<std::size_t>>> serves;
  for (auto const& group : group_policies(policies)) {
    serves.push_back(group.serves);
    REQUIRE(group.read_under.size() == group.serves.size());
    CHECK(std::ranges::all_of(group.read_under, depends_on_sequence) !=
          std::ranges::none_of(group.read_under, depends_on_sequence));
  }
  CHECK(serves == std::vector<std::vector<std::vector<std::size_t>>>{{{2, 3}}, {{0}, {5}}, {{1}, {4}}});
}

TEST_CASE("read_prompts: no more policies than a few are read at once") {
  std::vector<any_policy> const policies(19, parse_policy("l2 | top_k(1)"));
  std::vector<std::size_t> sizes;
  for (auto const& group : group_policies(policies)) sizes.push_back(group.serves.size());
  CHECK(sizes == std::vector<std::size_t>{8, 8, 3});
}
