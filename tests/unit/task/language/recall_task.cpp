#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/task/language/mixed_needles.hpp>
#include <headcount/task/language/recall_task.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/task_options.hpp>

#include <unit/reference/support/files.hpp>
#include <unit/support/toy_model_under_test.hpp>

using namespace headcount::evaluate;

namespace {

task make(nlohmann::json options) {
  task_options given{"recall", std::move(options)};
  auto made = make_recall(test::toy_model_under_test(), "recall", given).front();
  made.identity = given.identity(made.name);
  return made;
}

std::string needle_of(task const& of, std::size_t i) {
  REQUIRE(of.prompts.at(i).factors.size() == 1);
  REQUIRE(of.prompts[i].factors[0].name == "needle");
  return of.prompts[i].factors[0].value;
}

}  // namespace

TEST_CASE("recall_task: prompts are the needles that are held out of a calibration, whatever their number") {
  auto const few = make({{"prompts", 5}});
  auto const more = make({{"limit", 20}});
  auto const other = make({{"prompts", 5}, {"seed", 2}});
  auto const held_out =
      draw_needles(small_language{std::filesystem::path{HEADCOUNT_MODELS} / "language.json"}, 2, 3, 5, 1).held_out;
  REQUIRE(few.prompts.size() == 5);
  REQUIRE(more.prompts.size() == 20);
  CHECK(few.seed == 1);
  std::set<std::string> needles;
  for (std::size_t i = 0; i < 20; ++i) needles.insert(needle_of(more, i));
  CHECK(needles.size() == 20);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(few.prompts[i].name == std::to_string(i));
    CHECK(needle_of(few, i) == needle_of(more, i));
    CHECK(needle_of(few, i) == held_out[i].sentence);
    CHECK(few.prompts[i].tokens == held_out[i].prompt().size());
  }
  CHECK(needle_of(few, 0) != needle_of(other, 0));
  CHECK(few.identity == more.identity);
  CHECK(few.setting.empty());
}

TEST_CASE("recall_task: a model without a language is refused") {
  auto asked = test::toy_model_under_test();
  asked.language.clear();
  task_options options{"recall"};
  CHECK(test::contains(test::message_of([&] { (void)make_recall(asked, "recall", options); }),
                       "there is no language.json for toy"));
}
