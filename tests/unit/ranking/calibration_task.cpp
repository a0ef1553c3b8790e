// ranking/calibration_task.hpp and the identity of calibration texts.

#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/ranking/calibration_task.hpp>
#include <headcount/task/registry/task_kinds.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

std::vector<calibration_text> some_texts() {
  return {{.prompt = {1, 2, 3}, .answer = {4}, .factors = {{"needle", "a"}}},
          {.prompt = {5}, .answer = {6, 7}, .source = {{0, 0}}, .factors = {{"needle", "b"}}}};
}

}  // namespace

TEST_CASE("calibration texts: their identity is their tokens and what is known of them") {
  auto const texts = some_texts();
  auto const identity = identity_of(texts);
  CHECK(identity.size() == 32);
  CHECK(identity == identity_of(some_texts()));
  using texts_type = std::vector<calibration_text>;
  std::vector<void (*)(texts_type&)> const changes{
      [](texts_type& of) { of[0].prompt.back() = 9; },
      [](texts_type& of) { of[0].prompt.pop_back(); },
      [](texts_type& of) { of[0].answer.push_back(4); },
      [](texts_type& of) {  // a token goes over from a prompt to its answer
        of[0].prompt.pop_back();
        of[0].answer = {3, 4};
      },
      [](texts_type& of) { of[1].source = {}; },
      [](texts_type& of) { of[1].query = {{0, 0}}; },
      [](texts_type& of) { of[1].null_query = {1}; },
      [](texts_type& of) { std::swap(of[0], of[1]); },
      [](texts_type& of) { of.pop_back(); },
  };
  for (auto const change : changes) {
    auto other = texts;
    change(other);
    CHECK(identity_of(other) != identity);
  }
}

TEST_CASE("calibration texts as a task: a prompt a text, with what it shares, and metrics that reports know") {
  auto const texts = some_texts();
  for (auto const* name : {"answers", "foretold"}) {
    auto const made = task_of_texts(name, "data=d", 3, metrics_of(name), texts);
    CHECK(made.name == name);
    CHECK(made.setting == "data=d");
    CHECK(made.identity == identity_of(texts));
    CHECK(made.seed == 3);
    CHECK(made.metrics.size() == (std::string{"answers"} == name ? 4 : 3));
    REQUIRE(made.prompts.size() == 2);
    CHECK(names_of(made) == std::vector<std::string>{"0", "1"});
    CHECK(made.prompts[1].factors == std::vector<factor>{{"needle", "b"}});
    CHECK(made.prompts[1].tokens == 3);
    CHECK(std::get<comparison_request>(made.prompts[0].request).text.prompt.tokens == std::vector<token>{1, 2, 3});
  }
  // Tokens count alike, whatever text they are of.
  auto const& how = find_metric(metrics_of("foretold"), "predicted").total;
  auto sums = how.of_row(0.5, {10, 0});
  auto const other = how.of_row(1, {30, 0});
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += other[i];
  CHECK(how.total(sums) == 0.875);
}
