#include <string>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/sentence/parse.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

ranking some_ranking() { return {.scores = {{}, {0.25, -1, 3}, {}, {1, 2, 2}}}; }

struct one_file {
  ranking operator()(std::string const& name, std::type_identity<ranking>) const {
    if (name != "some.json") throw error{name, "no such file"};
    return some_ranking();
  }
};

template <class Step>
std::string message_of(Step const& step) {
  try {
    step();
  } catch (error const& problem) {
    return problem.what();
  }
  return "";
}

}  // namespace

TEST_CASE("fixed: a head scores as in its ranking, at every token and in both phases") {
  score::fixed const score{in_memory("some.json", some_ranking())};
  for (auto const when : {phase::prefill, phase::generation})
    for (auto const position : {std::size_t{0}, std::size_t{7}, std::size_t{4096}}) {
      CHECK(score({.layer = 1, .phase = when, .position = position, .heads = 3}, 2) == 3);
      CHECK(score({.layer = 3, .phase = when, .sequence_id = 9, .position = position, .heads = 3}, 0) == 1);
    }
  CHECK(score({.layer = 0, .heads = 3}, 0) == -support::infinity);
  CHECK(score({.layer = 4, .heads = 3}, 0) == -support::infinity);
  CHECK(score({.layer = 1, .heads = 4}, 3) == -support::infinity);
  CHECK(score::fixed{}({.layer = 1, .heads = 3}, 0) == -support::infinity);
}

TEST_CASE("fixed: chooses the same heads in any sentence, of equal ones the lowest") {
  auto const policy = parse_policy("fixed(some.json) | top_k(2) @ generation", one_file{});
  CHECK(print(policy) == "fixed(some.json) | top_k(2) @ generation");
  CHECK(policy.reads() == reading::nothing);
  auto const kept = [&](std::size_t layer) { return decide(policy, {.layer = layer, .heads = 3}, no_evidence{}); };
  head_set first_and_last;
  first_and_last.insert(0);
  first_and_last.insert(2);
  CHECK(kept(1) == first_and_last);
  head_set last_two;
  last_two.insert(1);
  last_two.insert(2);
  CHECK(kept(3) == last_two);
  auto const one = parse_policy("fixed(some.json) | top_k(1)", one_file{});
  CHECK(*decide(one, {.layer = 3, .heads = 3}, no_evidence{}).begin() == 1);
}

TEST_CASE("fixed: refuses a layer that its file does not rank as it is, and a file that was not read") {
  auto const policy = parse_policy("fixed(some.json) | top_k(2)", one_file{});
  CHECK_NOTHROW(validate(policy, {.layer = 1, .heads = 3}));
  CHECK(message_of([&] { validate(policy, {.layer = 1, .heads = 4}); }) ==
        "fixed(some.json): it ranks 3 heads of layer 1, which has 4 (allowed: a ranking of this model)");
  CHECK(message_of([&] { validate(policy, {.layer = 2, .heads = 3}); }).find("0 heads of layer 2") !=
        std::string::npos);
  CHECK(message_of([&] { validate(policy, {.layer = 9, .heads = 3}); }).find("0 heads of layer 9") !=
        std::string::npos);
  CHECK(message_of([&] {
          validate(score::fixed{} | select::top_k{1}, {.layer = 1, .heads = 3});
        }).find("no ranking was read") != std::string::npos);
  CHECK(message_of([&] {
          (void)parse_policy("fixed(other.json) | top_k(2)", one_file{});
        }).find("column 7: other.json") != std::string::npos);
  CHECK(message_of([&] { (void)parse_policy("fixed | top_k(2)", one_file{}); }).find("needs its ranking") !=
        std::string::npos);
}
