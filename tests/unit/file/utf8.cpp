#include <map>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/file/json_file.hpp>
#include <headcount/file/utf8.hpp>

using namespace headcount;

TEST_CASE("as_utf8: what is no UTF-8 becomes U+FFFD, a maximal part at a time") {
  CHECK(reference::as_utf8("a\xff\xe2\x82z\xf0\x9f\x99\x82\xed\xa0\x80\xc3") ==
        "a\ufffd\ufffdz\U0001f642\ufffd\ufffd\ufffd\ufffd");
}

TEST_CASE("escaped_utf8: names that are no UTF-8 are told apart in JSON, and others stay as they are") {
  std::set<std::string> told;
  std::size_t bad = 0;
  for (int byte = 1; byte < 256; ++byte)
    for (std::string const after : {"", "a", "\x80", "\xc3\xa9"}) {
      auto const name = std::string{"m"} + static_cast<char>(byte) + after;
      auto const safe = reference::escaped_utf8(name);
      CHECK(nlohmann::json::parse(nlohmann::json(safe).dump()) == safe);  // which throws where it is no UTF-8
      bool const is_good =
          nlohmann::json::accept("\"x" + (byte < 0x20 || byte == '"' || byte == '\\' ? "" : name) + "\"");
      if (is_good && byte >= 0x20) CHECK(safe == (byte == '"' || byte == '\\' ? safe : name));
      bad += safe != name ? 1 : 0;
      told.insert(safe);
    }
  CHECK(told.size() == 255 * 4);
  // 0x80 alone after each ASCII byte; after 0x80-0xff nothing is a sign but 30 two-byte ones that 0x80 ends.
  CHECK(bad == 127 + 128 * 4 - 30);
  CHECK(reference::escaped_utf8("caf\xe9.json") == "caf\\xe9.json");
  for (auto const* good : {"", "café", "日本語", "😀", "\xf4\x8f\xbf\xbf"})
    CHECK(reference::escaped_utf8(good) == good);
  using table = std::map<std::string, std::string>;
  for (auto const& [text, expected] : table{{"\xc0\x80", "\\xc0\\x80"},
                                            {"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
                                            {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                            {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
                                            {"\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
                                            {"\xe6\x97", "\\xe6\\x97"}})
    CHECK(reference::escaped_utf8(text) == expected);
  CHECK(reference::in_quotes("caf\xe9") == "\"caf\xef\xbf\xbd\"");
}
