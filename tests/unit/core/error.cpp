#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>

using namespace headcount;

static_assert(std::is_base_of_v<std::runtime_error, error>);

TEST_CASE("error: its message is one line: what was read, where it broke, what is allowed") {
  CHECK(std::string{error{"config.json", "heads = 0", "1 to 256"}.what()} ==
        "config.json: heads = 0 (allowed: 1 to 256)");
}

TEST_CASE("error: without anything allowed there is no parenthesis") {
  CHECK(std::string{error{"config.json", "is truncated"}.what()} == "config.json: is truncated");
}

TEST_CASE("error: control characters in what was read are shown, and the message stays one line") {
  using namespace std::string_view_literals;
  CHECK(std::string{error{"a\nb", "\x1b[2J\0"sv, "\t\x7f"}.what()} == "a\\x0ab: \\x1b[2J\\x00 (allowed: \\x09\\x7f)");
  CHECK(std::string{error{"caf\u00e9", "\"~\\"}.what()} == "caf\u00e9: \"~\\");
  CHECK_THROWS_WITH_AS(while_reading("\r", [] { throw error{"\n", "x"}; }), "\\x0d: \\x0a: x", error);
}

TEST_CASE("while_reading: puts what was read in front of an error, each level once") {
  auto const read = [] {
    while_reading("model", [] { while_reading("layer 3", [] { throw error{"heads", "0", "1 to 256"}; }); });
  };
  CHECK_THROWS_WITH_AS(read(), "model: layer 3: heads: 0 (allowed: 1 to 256)", error);
}

TEST_CASE("while_reading: returns what the step returns and leaves other exceptions alone") {
  int value = 3;
  int& same = while_reading("x", [&]() -> int& { return value; });
  CHECK(&same == &value);
  CHECK_THROWS_WITH_AS(while_reading("x", [] { throw std::logic_error{"theirs"}; }), "theirs", std::logic_error);
}

TEST_CASE("text, text_of: joins texts and whole numbers of any width") {
  CHECK(text_of("layer ", 3, " has ", std::size_t{8}, std::string{" heads"}, std::string_view{"."}) ==
        "layer 3 has 8 heads.");
  CHECK(text_of(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(text_of(std::numeric_limits<std::uint64_t>::max(), "|", -1) == "18446744073709551615|-1");
}

TEST_CASE("text, add_to_list: puts separators between items only") {
  std::string list;
  add_to_list(list, "a");
  CHECK(list == "a");
  add_to_list(list, "b");
  add_to_list(list, "c", " | ");
  CHECK(list == "a, b | c");
}
