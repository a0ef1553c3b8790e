#include <memory>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/ranking.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/score/sum.hpp>
#include <headcount/select/top_k.hpp>

using namespace headcount;

namespace {

ranking ranks(double last) { return {.scores = {{}, {0.5, last}}, .source = {}}; }
from_file<ranking> unread(std::string name) { return {.name = std::move(name), .content = {}}; }

}  // namespace

TEST_CASE("from_file: files are equal by what is in them, and by their names where they were not read") {
  CHECK(in_memory("heads", ranks(1)) == in_memory("heads", ranks(1)));
  CHECK(in_memory("heads", ranks(1)) == in_memory("others", ranks(1)));
  CHECK(in_memory("heads", ranks(1)) != in_memory("heads", ranks(2)));
  CHECK(unread("a") == unread("a"));
  CHECK(unread("a") != unread("b"));
  CHECK(unread("a") != in_memory("a", ranks(1)));
  auto told = ranks(1);
  told.source.method = "greedy";  // where scores come from changes nothing that they do
  CHECK(in_memory("heads", ranks(1)) == in_memory("heads", told));
}

TEST_CASE(
    "from_file: scorers and policies are equal when their sentences and their files' contents are, at any depth") {
  auto const fixed = [](char const* name, double last) {
    return any_scorer{score::fixed{in_memory(name, ranks(last))}};
  };
  CHECK(fixed("heads", 1) != fixed("heads", 2));
  CHECK(fixed("heads", 1) == fixed("others", 1));
  auto const inside = [&](char const* name, double last) {
    return any_scorer{score::sum{.scorers = {fixed(name, last)}, .weights = {}}};
  };
  CHECK(inside("heads", 1) != inside("heads", 2));
  CHECK(inside("heads", 1) == inside("others", 1));
  auto const policy = [&](char const* name, double last, std::size_t k) {
    return any_policy{score::fixed{in_memory(name, ranks(last))} | select::top_k{k}};
  };
  CHECK(policy("heads", 1, 2) != policy("heads", 2, 2));
  CHECK(policy("heads", 1, 2) != policy("heads", 1, 1));
  CHECK(policy("heads", 1, 2) == policy("others", 1, 2));
  CHECK(policy("heads", 1, 2) != policy("heads", 1, 2).during(phase::generation));
  CHECK(print(policy("heads", 1, 2)) == "fixed(heads) | top_k(2)");
  CHECK(print(policy("heads", 1, 2), files_as::contents) == print(policy("others", 1, 2), files_as::contents));
}
