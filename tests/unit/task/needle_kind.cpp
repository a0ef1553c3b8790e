#include <set>
#include <string>

#include <doctest/doctest.h>

#include <headcount/core/random_stream.hpp>
#include <headcount/task/needle/needle_kind.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

TEST_CASE("needle_kind: templates, words that are all different, and what is no kind") {
  CHECK(fill_template("{a} {b}{a} {c} {", {{"a", "x"}, {"b", "{a}"}}) == "x {a}x {c} {");
  random_stream random{1};
  auto const needles = draw_needles({}, 8, random);
  std::set<std::string> sentences;
  std::set<std::string> ends;
  for (auto const& one : needles) {
    sentences.insert(one.question);
    ends.insert(one.sentence.substr(one.sentence.rfind(" on a ")));
  }
  CHECK(sentences.size() == 8);
  CHECK(ends.size() == 8);

  test::temporary_folder const folder;
  auto const message = [&](std::string const& text) {
    return test::message_of([&] { (void)read_needle_kind(folder.write("n.json", text)); });
  };
  CHECK(test::contains(message("[]"), "it is no JSON object"));
  CHECK(test::contains(message(R"({"sentence": 3})"), "sentence = 3 (allowed: a string)"));
  CHECK(test::contains(message(R"({"phrases": {}})"), "phrases = {}"));
  CHECK(test::contains(message(R"({"phrases": [{"weight": 1}]})"), "n.json, phrases: the key text is missing"));
  CHECK(test::contains(message(R"({"words": []})"), "words = []"));
  CHECK(test::contains(message(R"({"words": {"city": []}})"), "n.json, words: city = []"));
  CHECK(test::contains(message(R"({"words": {"city": "x"}})"), "city = \"x\" (allowed: a list of strings)"));
  CHECK(test::contains(message(R"({"prompt": 1})"), "it is no JSON object"));
  auto const kind =
      read_needle_kind(folder.write("n.json", R"({"sentence": "{x}.", "words": {"x": ["y"]}, "most": 2})"));
  CHECK(kind.answer == "{x}.");
  CHECK(kind.most == 2);
  CHECK(kind.phrases.size() == 4);
}
