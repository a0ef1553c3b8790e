#include <cmath>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/result/parse_row.hpp>
#include <headcount/result/read_rows.hpp>
#include <headcount/result/row.hpp>

#include <unit/reference/support/files.hpp>

using headcount::evaluate::json_number;
using headcount::evaluate::key_of;
using headcount::evaluate::number_from;
using headcount::evaluate::parse_row;
using headcount::evaluate::read_rows;
using headcount::evaluate::row;

namespace {

row example() {
  row one{.model = "tiny",
          .model_identity = "0f",
          .policy = "none @ generation",
          .policy_identity = "1e",
          .task = "needle",
          .setting = "needles=2",
          .task_identity = "2d",
          .metric = "exact_match",
          .prompt = "240/50/3",
          .factors = {{"needle", "7"}},
          .seed = 18446744073709551615u,
          .value = 0.1};
  one.more["length"] = 240;
  one.more["completion"] = "a\nb";
  return one;
}

}  // namespace

TEST_CASE("row, parse_row: a row is one line of JSON with its own keys first, and reads back") {
  auto const line = print(example());
  CHECK(line ==
        R"({"model":"tiny","model_identity":"0f","policy":"none @ generation","policy_identity":"1e","task":"needle",)"
        R"("setting":"needles=2","task_identity":"2d","metric":"exact_match","prompt":"240/50/3",)"
        R"("factors":{"needle":"7"},"seed":18446744073709551615,"value":0.1,"version":")" +
            std::string{headcount::version} +
            R"(",)"
            R"("length":240,"completion":"a\nb"})");
  auto const back = parse_row("line", line);
  CHECK(print(back) == line);
  CHECK(back.seed == 18446744073709551615u);
  CHECK(back.more["length"] == 240);
}

TEST_CASE("row: text that is not UTF-8 does not spoil a row") {
  auto one = example();
  one.more["completion"] = "\xff";
  CHECK(parse_row("line", print(one)).more["completion"] == "\xEF\xBF\xBD");
}

TEST_CASE("row, parse_row: numbers that are not finite are words in a row, wherever they stand, and read back") {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  constexpr auto nan = std::numeric_limits<double>::quiet_NaN();
  auto one = example();
  one.value = infinity;
  one.more = {{"loglik", -infinity}, {"positions", {0.5, nan, {{"deep", infinity}}}}, {"completion", "inf"}};
  auto const line = print(one);
  CHECK(test::contains(line, R"("value":"inf",)"));
  CHECK(test::contains(line, R"("loglik":"-inf","positions":[0.5,"nan",{"deep":"inf"}],"completion":"inf"})"));
  auto const back = parse_row("line", line);
  CHECK(back.value == infinity);
  CHECK(number_from(back.more["loglik"]) == -infinity);
  CHECK(print(back) == line);
  for (auto const number : {infinity, -infinity, nan, 0.1, -0.0, 5e-324, std::numeric_limits<double>::max()}) {
    one.value = number;
    auto const read = parse_row("line", print(one)).value;
    CHECK((std::isnan(number) ? std::isnan(read) : read == number && std::signbit(read) == std::signbit(number)));
    CHECK(print(parse_row("line", print(one))) == print(one));
  }
  for (auto const* wrong : {"null", "\"1\"", "\"Infinity\"", "\"\"", "true", "[1]"}) {
    auto text = print(example());
    text.replace(text.find(":0.1,") + 1, 3, wrong);
    CHECK(test::contains(test::message_of([&] { (void)parse_row("line", text); }),
                         std::string{"line: \"value\" is "} + wrong));
  }
  CHECK_FALSE(number_from(nullptr).has_value());
}

TEST_CASE("row: rows have the same key exactly when they ask the same") {
  auto const key = key_of(example());
  auto same = example();
  same.value = 1;
  same.model = "renamed";
  same.policy = "fixed(renamed.json) | top_k(2)";
  same.setting = "data=renamed";
  same.factors.clear();
  same.more["length"] = 1;
  CHECK(key_of(same) == key);
  for (auto const change : {+[](row& one) { one.model_identity += "x"; }, +[](row& one) { one.policy_identity += "x"; },
                            +[](row& one) { one.task += "x"; }, +[](row& one) { one.task_identity += "x"; },
                            +[](row& one) { one.metric += "x"; }, +[](row& one) { one.prompt += "x"; },
                            +[](row& one) { one.seed = 0; }, +[](row& one) { one.version += "x"; }}) {
    auto other = example();
    change(other);
    CHECK(key_of(other) != key);
  }
}

TEST_CASE("read_rows: a file of rows is read line by line, and its faults are named") {
  test::temporary_folder const at;
  auto const line = print(example());
  auto const rows = read_rows(at.write("r.jsonl", line + "\n\n" + line));
  CHECK(rows.size() == 2);
  CHECK(read_rows(at.write("empty.jsonl", "")).empty());
  auto const fault = [&](std::string const& text) {
    return test::message_of([&] { (void)read_rows(at.write("r.jsonl", line + "\n" + text)); });
  };
  CHECK(test::contains(fault(line.substr(0, 40) + "\n"), "r.jsonl, line 2: malformed JSON"));
  CHECK(test::contains(fault("[]"), "line 2: it is no result row"));
  CHECK(test::contains(fault(R"({"model":"a"})"), "\"policy\" is missing"));
  auto const with = [&](std::string const& from, std::string const& to) {
    auto text = line;
    return fault(text.replace(text.find(from), from.size(), to));
  };
  CHECK(test::contains(with(R"("model":"tiny")", R"("model":1)"), "\"model\" is 1 (allowed: a text)"));
  CHECK(test::contains(with(R"({"needle":"7"})", "[7]"), "\"factors\" is [7] (allowed: texts by name)"));
  CHECK(test::contains(with(R"({"needle":"7"})", R"({"needle":7})"), "\"factors\" is {\"needle\":7}"));
  CHECK(test::contains(fault(R"({"model":"a","model":"b"})"), "line 2: the key \"model\" is there twice"));
  CHECK(test::contains(fault(R"({"length":1,"length":1})"), "the key \"length\" is there twice"));
  CHECK(test::contains(fault(R"({"a":[{"b":1,"b":2}]})"), "the key \"b\" is there twice"));
  CHECK(test::contains(with(R"("model":"tiny")", R"("model":{"model":"a"})"), "\"model\" is {\"model\":\"a\"}"));
  CHECK(test::contains(fault(R"({"a":)" + std::string(65, '[') + std::string(65, ']') + "}"),
                       "more than 64 levels deep"));
  CHECK(test::contains(fault("7"), "it is no result row"));
  CHECK(test::contains(with("18446744073709551615", "-1"), "\"seed\" is -1"));
}

TEST_CASE(
    "read_rows: of many lines that are no rows the first is named, and rows keep their order on any number of "
    "threads") {
  test::temporary_folder const at;
  std::string text;
  std::size_t const faults[]{1100, 700, 2400};
  for (std::size_t i = 1; i <= 2500; ++i) {
    auto one = example();
    one.prompt = std::to_string(i);
    text += print(one) + "\n";
  }
  auto const rows = read_rows(at.write("r.jsonl", text));
  REQUIRE(rows.size() == 2500);
  for (std::size_t i = 0; i < rows.size(); ++i) CHECK(rows[i].prompt == std::to_string(i + 1));
  for (auto const fault : faults) {
    auto const found = text.find("\"prompt\":\"" + std::to_string(fault) + "\"");
    text.replace(found, 8, "\"prOmpt\"");
  }
  auto const message = test::message_of([&] { (void)read_rows(at.write("r.jsonl", text)); });
  CHECK(test::contains(message, "r.jsonl, line 700: it is no result row: \"prompt\" is missing"));
}

TEST_CASE("read_rows: a last line that was cut off anywhere is no row, and one that only lacks its end is") {
  test::temporary_folder const at;
  auto const line = print(example());
  for (std::size_t length = 0; length < line.size(); ++length) {
    CAPTURE(length);
    CHECK(read_rows(at.write("r.jsonl", line + "\n" + line.substr(0, length))).size() == 1);
  }
  CHECK(read_rows(at.write("r.jsonl", line + "\n" + line)).size() == 2);
}

TEST_CASE("parse_row: where a row has no identities, as earlier ones, its labels stand for them") {
  auto const line =
      R"({"model":"m","fingerprint":"f","policy":"dense","task":"needle","setting":"form=base","metric":"score",)"
      R"("prompt":"p","seed":1,"value":2,"version":"0.1.0"})";
  auto const one = parse_row("r", line);
  CHECK(one.model_identity == "f");
  CHECK(one.policy_identity == "dense");
  CHECK(one.task_identity == "needle; form=base");
  CHECK(!one.more.contains("fingerprint"));
}
