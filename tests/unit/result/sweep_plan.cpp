#include <cstdint>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/sweep_plan.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("sweep_plan: what is there twice is taken once, and what is no plan is named") {
  test::temporary_folder const folder;
  auto const plan = read_plan(folder.write("p.json", R"x({"models": ["a", "./a", "b/"], "seeds": [2, 1, 2],
    "policies": ["dense", "entropy|top_k(2)@generation", "entropy | top_k(2) @ generation", "dense"],
    "tasks": [{"task": "needle", "lengths": [96]}, {"lengths": [96], "task": "needle"}, {"task": "needle"}]})x"));
  CHECK(plan.models == std::vector<std::string>{"a", "b/"});
  REQUIRE(plan.policies.size() == 2);
  CHECK(print(plan.policies[0]) == "dense");
  CHECK(print(plan.policies[1]) == "entropy | top_k(2) @ generation");
  CHECK(plan.tasks.size() == 2);
  CHECK(plan.seeds == std::vector<std::uint64_t>{2, 1});
  CHECK(plan.duplicates == 5);
  CHECK(read_plan(folder.write("p.json", R"({"models": ["a"], "policies": ["dense"], "tasks": [{"task": "x"}]})"))
            .seeds.empty());

  auto const message = [&](std::string const& models, std::string const& policies, std::string const& tasks,
                           std::string const& more) {
    return test::message_of([&] {
      (void)read_plan(folder.write(
          "p.json", "{\"models\": " + models + ", \"policies\": " + policies + ", \"tasks\": " + tasks + more + "}"));
    });
  };
  auto const* const good = R"([{"task": "x"}])";
  CHECK(test::contains(message("[]", R"(["dense"])", good, ""),
                       "p.json: models = [] (allowed: a list of model folders)"));
  CHECK(test::contains(message(R"("a")", R"(["dense"])", good, ""), "models = \"a\""));
  CHECK(test::contains(message(R"(["a"])", "[]", good, ""), "policies = []"));
  CHECK(test::contains(message(R"(["a"])", R"x(["entropi | top_k(2)"])x", good, ""),
                       "p.json, policies: policy sentence"));
  for (auto const* tasks : {"[]", "null", "{}", "[3]", "[{}]", R"([{"task": 3}])"})
    CHECK(test::contains(message(R"(["a"])", R"(["dense"])", tasks, ""), "(allowed: a list of {\"task\": NAME, ...})"));
  for (auto const* seeds : {"[]", "1", "[-1]", "[1.5]"})
    CHECK(test::contains(message(R"(["a"])", R"(["dense"])", good, std::string{", \"seeds\": "} + seeds),
                         "(allowed: a list of whole numbers from 0)"));
  CHECK(test::contains(message(R"(["a"])", R"(["dense"])", good, ", \"policy\": 1"),
                       "the key \"policy\" is not known (allowed: models, policies, tasks, seeds)"));
}
