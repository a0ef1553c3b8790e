#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/result/journal.hpp>
#include <headcount/result/merge.hpp>
#include <unit/reference/support/files.hpp>
#include <unit/result/support/some_rows.hpp>

using namespace headcount;
using namespace headcount::evaluate;

using test::some_row;
using test::some_rows;

TEST_CASE("merge: what was renamed between runs gets one name, and one name for two things is refused") {
  test::temporary_folder const folder;
  auto const make = [&](std::string const& name, std::size_t prompt, auto const& change) {
    auto rows = some_rows(prompt, prompt + 1);
    rows[0].task_identity = "t";
    change(rows[0]);
    journal{folder.path() / name}.append(rows);
    return folder.path() / name;
  };
  auto const rename = [](row& one) {
    one.model = "a";
    one.policy = "another";
    one.setting = "data=other.jsonl";
  };
  for (auto const order : {0, 1}) {
    merged_rows all;
    auto const plain = make("plain" + std::to_string(order), 0, [](row&) {});
    auto const renamed = make("renamed" + std::to_string(order), 1, rename);
    for (auto const which : {order, 1 - order}) all.add(which == 0 ? plain : renamed);
    all.add(make("same" + std::to_string(order), 0, rename));  // the same answer under other names
    CHECK(all.repeated() == 1);
    all.write(folder.path() / "m");
    auto const rows = read_journal(folder.path() / "m").rows;
    REQUIRE(rows.size() == 2);
    for (auto const& one : rows) {
      CHECK(one.model == "a");
      CHECK(one.policy == "another");
      CHECK(one.setting.empty());
    }
  }
  int count = 0;
  auto const message = [&](auto const& change) {
    merged_rows all;
    all.add(make("first" + std::to_string(++count), 0, [](row&) {}));
    return test::message_of([&] { all.add(make("second" + std::to_string(count), 1, change)); });
  };
  CHECK(test::contains(message([](row& one) { one.model_identity = "g"; }),
                       "the model \"m\" stands for two: in some rows it has identity f, in others g"));
  CHECK(test::contains(message([](row& one) { one.policy_identity = "g"; }),
                       "the policy \"dense\" stands for two: in some rows it has identity d, in others g"));
  CHECK(test::contains(message([](row& one) { one.task_identity = "g"; }), "the task needle"));
  CHECK(message([](row& one) { one.model = one.model_identity = "g"; }).empty());
}

TEST_CASE("merge: the same rows make the same bytes, whatever files and order they come in") {
  test::temporary_folder const folder;
  auto const make = [&](std::string const& name, std::vector<row> const& rows) {
    journal{folder.path() / name}.append(rows);
    return folder.path() / name;
  };
  auto backwards = some_rows(0, 5);
  std::ranges::reverse(backwards);
  merged_rows one;
  one.add(make("all", backwards));
  merged_rows other;
  other.add(make("late", some_rows(2, 5)));
  other.add(make("early", some_rows(0, 3)));
  CHECK(one.size() == 5);
  CHECK(one.repeated() == 0);
  CHECK(other.size() == 5);
  CHECK(other.repeated() == 1);
  one.write(folder.path() / "1");
  other.write(folder.path() / "2");
  CHECK(test::read_all(folder.path() / "1") == test::read_all(folder.path() / "2"));
  CHECK(journal{folder.path() / "1"}.rows().size() == 5);

  auto const message = test::message_of([&] { one.add(make("contrary", {some_row("p3", 0.5)})); });
  CHECK(test::contains(message, "contrary: two rows answer the same question in different ways: \"p3\" of needle"));
}
