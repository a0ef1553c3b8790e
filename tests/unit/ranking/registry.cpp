// ranking/registry: methods by name, and what each asks for. What they score is tested where they are.

#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/engine/reference_model.hpp>
#include <headcount/ranking/registry.hpp>
#include <unit/reference/support/models.hpp>
#include <unit/support/slow_reading.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

std::string problem_of(auto const& work) {
  try {
    work();
  } catch (error const& wrong) {
    return wrong.what();
  }
  return {};
}

}  // namespace

TEST_CASE("registry: a method is found by its name, and by what stands in its parentheses") {
  std::set<std::string> forms;
  for (auto const& method : ranking_methods) {
    CHECK(forms.insert(method.form()).second);
    auto const found =
        find_ranking(method.argument.empty() ? std::string{method.name} : std::string{method.name} + "(f(x), 2)");
    CHECK(found.method == &method);
    CHECK(found.argument == (method.argument.empty() ? "" : "f(x), 2"));
  }
  for (auto const* unknown : {"mean", "best", "greedy(2)", "mean(l2", ""})
    CHECK(problem_of([&] { (void)find_ranking(unknown); }) ==
          std::string{"ranking "} + unknown + ": no ranking has this name (allowed: " + list_ranking_methods() + ")");
}

TEST_CASE("registry: scores are those of the method's own function") {
  test::for_both([](reference::model const& model) {
    auto const texts = test::some_texts(model);
    ranking_ground const from{.model = reference_model{model}, .weights = &model, .texts = texts};
    CHECK(score_all_heads(from, "mean(entropy)") == mean_scores(from.model, texts, score::entropy{}));
    CHECK(score_all_heads(from, "retrieval_counted") == retrieval_score(from.model, texts, copies::as_counted));
    CHECK(score_all_heads(from, "ov_norm") == ov_norm(model));
    CHECK(find_ranking("greedy").method->by_measure(from.model, answer_loglik{from.model, texts}, phase::generation) ==
          score_all_heads(from, "greedy"));
    CHECK(problem_of([&] { (void)score_all_heads({.model = from.model}, "retrieval"); }).find("no text") !=
          std::string::npos);
    CHECK(problem_of([&] { (void)score_all_heads({.model = from.model}, "ov_norm"); }).find("level 3") !=
          std::string::npos);
  });
}
