#include <doctest/doctest.h>

#include <vector>

#include <headcount/headcount.hpp>

using namespace headcount;

TEST_CASE("validate: a site whose heads nobody said is refused") {
  auto const policy = score::entropy{} | select::top_k{0};
  CHECK_THROWS_WITH_AS(validate(policy, site{.layer = 3}),
                       "layer 3: site::heads is 0, and nobody keeps heads of none (allowed: 1 or more)", error);
  CHECK_NOTHROW(validate(policy, site{.layer = 3, .heads = 1}));
}

TEST_CASE("validate: layers of a model without attention have no heads, and need none") {
  auto const policy = score::entropy{} | select::top_k{2};
  std::vector<site> const layers{{.layer = 0}, {.layer = 1, .heads = 4}};
  CHECK_NOTHROW(validate(policy, layers));
}

TEST_CASE("validate: heads that share key/value heads unevenly are refused") {
  CHECK_THROWS_AS(validate(score::entropy{} | select::top_k{1}, site{.heads = 6, .group = 4}), error);
}
