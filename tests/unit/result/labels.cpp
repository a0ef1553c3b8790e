// result/labels.hpp: one name for one identity, whatever rows call it.

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/labels.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount::evaluate;

namespace {

row one_row(std::string model, std::string policy, std::string setting) {
  row one{.model = std::move(model), .policy = std::move(policy), .task = "choices", .setting = std::move(setting)};
  one.model_identity = "0f";
  one.policy_identity = "aa";
  one.task_identity = "bb";
  return one;
}

}  // namespace

TEST_CASE("labels: an identity has the first of its names, in whatever order rows come") {
  auto const a = one_row("b", "fixed(S.json) | top_k(1)", "data=2.jsonl");
  auto const b = one_row("a", "fixed(R.json) | top_k(1)", "data=1.jsonl");
  for (auto const& rows : {std::vector{a, b}, std::vector{b, a}}) {
    labels names;
    for (auto const& one : rows) names.take("r.jsonl", one);
    for (auto one : rows) {
      names.apply(one);
      CHECK(one.model == "a");
      CHECK(one.policy == "fixed(R.json) | top_k(1)");
      CHECK(one.setting == "data=1.jsonl");
    }
  }
}

TEST_CASE("labels: where an identity is empty the name stands for it, and sentences are what they say") {
  auto dense = one_row("m", "dense", "");
  auto none = one_row("m", " none", "");
  for (auto* one : {&dense, &none}) one->model_identity = one->policy_identity = one->task_identity = "";
  canonical_policies canonical;
  std::vector<row const*> const rows{&dense, &none};
  auto const names = names_of_rows("r.jsonl", rows, canonical);
  CHECK(names[0].policy == "dense");
  CHECK(names[1].policy == "none");
  CHECK(names[1].model == "m");
}

TEST_CASE("labels: a name of two identities is refused with both") {
  labels names;
  auto one = one_row("m", "dense", "");
  names.take("r.jsonl", one);
  one.task_identity = "cc";
  CHECK(test::message_of([&] { names.take("r.jsonl", one); }) ==
        "r.jsonl: the task choices of model 0f stands for two: in some rows it has identity bb, in others cc (allowed: "
        "rows of one of the two, or a name of its own for each)");
  one.model_identity = "1e";  // of another model a task may have that name
  one.model = "other";
  CHECK(test::message_of([&] { names.take("r.jsonl", one); }).empty());
}
