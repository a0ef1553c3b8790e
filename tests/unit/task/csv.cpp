#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/task/choice/csv.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("csv: RFC 4180, and where a file is not") {
  auto const fields = [](std::string const& text) {
    std::vector<std::vector<std::string>> all;
    for (auto const& one : parse_csv("f", text)) all.push_back(one.fields);
    return all;
  };
  using lines = std::vector<std::vector<std::string>>;
  CHECK(fields("a,b\r\nc, d \n") == lines{{"a", "b"}, {"c", " d "}});
  CHECK(fields("a,\n,\n\"\",x") == lines{{"a", ""}, {"", ""}, {"", "x"}});
  CHECK(fields("a,b,") == lines{{"a", "b", ""}});
  CHECK(fields("\"a,\"\"b\"\"\r\nc\",d\n") == lines{{"a,\"b\"\r\nc", "d"}});
  CHECK(fields("").empty());
  CHECK(parse_csv("f", "\"a\nb\"\nc")[1].what == "f, line 3");
  auto const fault_of = [](std::string const& text) { return test::message_of([&] { (void)parse_csv("f", text); }); };
  CHECK(test::contains(fault_of("a\n\"b\nc"), "f, line 2: a quote is not closed"));
  CHECK(test::contains(fault_of("a\nb\"c\""), "f, line 2: a quote stands inside"));
  CHECK(test::contains(fault_of("\"a\"b"), "f, line 1: something follows"));
}
