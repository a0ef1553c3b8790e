// task/ruler/*: samples by their definitions, read back from their texts.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/task/ruler/ruler.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// Every four bytes are a token.
struct four_bytes {
  std::optional<token> bos() const { return 0; }
  std::vector<token> encode(std::string_view text) const { return std::vector<token>((text.size() + 3) / 4, 1); }
  std::string decode(std::span<token const> tokens) const { return std::string(4 * tokens.size(), '?'); }
};

std::size_t tokens_of(ruler::sample const& one) { return 1 + (one.prompt.size() + 3) / 4 + one.max_new_tokens; }

std::vector<std::string> some_essay() {
  std::vector<std::string> sentences;
  for (int i = 0; i < 50; ++i) sentences.push_back("This is sentence " + std::to_string(i) + " of an essay.");
  return sentences;
}

ruler::sample make(std::string_view name, std::size_t length, std::uint64_t seed) {
  static auto const essay = some_essay();
  return ruler::make(name, four_bytes{}, essay, length, random_stream{seed});
}

std::size_t count_in(std::string const& text, std::string const& part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// Every needle of a text: value by key.
std::multimap<std::string, std::string> needles_of(std::string const& text) {
  std::regex const form{"One of the special magic (?:numbers|uuids) for (\\S+) is: (\\S+)\\."};
  std::multimap<std::string, std::string> found;
  for (std::sregex_iterator at{text.begin(), text.end(), form}, end; at != end; ++at) found.emplace((*at)[1], (*at)[2]);
  return found;
}

std::vector<std::string> words_in(std::string const& text) {
  std::istringstream in{text};
  std::vector<std::string> all;
  for (std::string word; in >> word;) all.push_back(word);
  return all;
}

}  // namespace

TEST_CASE("ruler: word lists have no word twice") {
  std::set<std::string_view> all;
  all.insert(ruler::adjectives.begin(), ruler::adjectives.end());
  all.insert(ruler::nouns.begin(), ruler::nouns.end());
  all.insert(ruler::verbs.begin(), ruler::verbs.end());
  CHECK(all.size() == ruler::adjectives.size() + ruler::nouns.size() + ruler::verbs.size());
  for (auto const word : all) CHECK(word.size() > 2);
  random_stream random{1};
  auto const many = ruler::draw_words(3000, random);
  CHECK(std::set<std::string>(many.begin(), many.end()).size() == 3000);
  CHECK(test::contains(test::message_of([&] { (void)ruler::draw_compounds(11521, random); }), "at most 11520"));
  for (int i = 0; i < 20; ++i) {
    CHECK(std::regex_match(ruler::draw_number(7, random), std::regex{"[1-9][0-9]{6}"}));
    CHECK(std::regex_match(ruler::draw_uuid(random),
                           std::regex{"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"}));
  }
}

TEST_CASE("ruler: the score is the share of answers said, in any case") {
  std::vector<std::string> const answers{"Red", "1234", "blue-fox"};
  CHECK(ruler::match_all(answers, "red, 1234 and BLUE-FOX.") == 1);
  CHECK(ruler::match_all(answers, "12345 reds") == doctest::Approx(2.0 / 3));
  CHECK(ruler::match_all(answers, "blue fox") == 0);
  CHECK(ruler::match_all(answers, "") == 0);
}

TEST_CASE("ruler: every task fills its length, the answer's tokens included, and a seed gives its samples") {
  for (auto const name : ruler::names) {
    CAPTURE(name);
    for (std::size_t const length : {1500u, 4096u}) {
      auto const one = make(name, length, 3);
      CHECK(tokens_of(one) <= length);
      CHECK(tokens_of(one) + 60 > length);
      CHECK(one.prompt == make(name, length, 3).prompt);
      CHECK(one.prompt != make(name, length, 4).prompt);
    }
    auto const message = test::message_of([&] { (void)make(name, 100, 1); });
    CHECK(test::contains(message, "ruler: length 100 is too short (allowed: at least "));
  }
  CHECK(test::contains(test::message_of([] { (void)make("qa_1", 4096, 1); }),
                       "ruler: no task is called \"qa_1\" (allowed: "));
  CHECK(test::contains(
      test::message_of([] { (void)ruler::make("niah_single_2", four_bytes{}, {}, 4096, random_stream{1}); }),
      "this task hides needles in a text, and there is none (allowed: a folder of .txt files)"));
}

TEST_CASE("ruler: niah tasks ask for keys in the text, and the answers are all their values and no others") {
  struct shape {
    char const* name;
    std::size_t needles, answers, queries;
    char const* value;
  };
  char const* const number = "[1-9][0-9]{6}";
  char const* const uuid = "[0-9a-f-]{36}";
  for (auto const& [name, needles, answers, queries, value] : {shape{"niah_single_1", 1, 1, 1, number},
                                                               {"niah_single_2", 1, 1, 1, number},
                                                               {"niah_single_3", 1, 1, 1, uuid},
                                                               {"niah_multikey_1", 4, 1, 1, number},
                                                               {"niah_multikey_2", 0, 1, 1, number},
                                                               {"niah_multikey_3", 0, 1, 1, uuid},
                                                               {"niah_multivalue", 4, 4, 1, number},
                                                               {"niah_multiquery", 4, 4, 4, number}}) {
    CAPTURE(name);
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
      auto const one = make(name, 2000, seed);
      CHECK(one.max_new_tokens == 128);
      auto const found = needles_of(one.prompt);
      if (needles > 0) CHECK(found.size() == needles);
      else CHECK(found.size() > 40);  // needles all the way
      REQUIRE(one.answers.size() == answers);
      for (auto const& answer : one.answers) CHECK(std::regex_match(answer, std::regex{value}));

      bool const single = answers == 1;
      std::string const what = std::string{value == number ? "number" : "uuid"} + (single ? "" : "s");
      CHECK(one.prompt.starts_with(
          (single ? "A special magic " : "Some special magic ") + what + (single ? " is" : " are") +
          " hidden within the following text. Make sure to memorize it. I will quiz you about the " + what +
          " afterwards.\n"));
      std::regex const tail{std::string{"\nWhat "} + (single ? "is the" : "are all the") + " special magic " + what +
                            " for (.*) mentioned in the provided text\\? The special magic " + what +
                            " for (.*) mentioned in the provided text " + (single ? "is" : "are") + "$"};
      std::smatch asked;
      REQUIRE(std::regex_search(one.prompt, asked, tail));
      CHECK(asked[1] == asked[2]);
      std::string query = asked[1];
      if (auto const last = query.find(", and "); last != query.npos) query.replace(last, 6, ", ");
      std::multiset<std::string> wanted;
      std::size_t keys = 0;
      for (std::istringstream in{query}; std::getline(in, query, ',');) {
        ++keys;
        auto const key = query.substr(query.find_first_not_of(' '));
        auto const [first, end] = found.equal_range(key);
        for (auto at = first; at != end; ++at) wanted.insert(at->second);
      }
      CHECK(keys == queries);
      CHECK(std::multiset<std::string>(one.answers.begin(), one.answers.end()) == wanted);
    }
  }
}

TEST_CASE("ruler: needles in an essay come at one of 40 depths of its sentences") {
  std::set<std::size_t> seen;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto const one = ruler::make_needles({.hay = ruler::straw::essay}, some_essay(), 100, random_stream{seed});
    auto const context = one.prompt.substr(0, one.prompt.find("One of"));
    auto const before = count_in(context, "This is sentence");
    seen.insert(before);
    // round(k * 100 / 39) percent of 100 sentences
    bool is_depth = false;
    for (int k = 0; k < 40; ++k) is_depth = is_depth || before == static_cast<std::size_t>(std::lround(k * 100 / 39.0));
    CHECK(is_depth);
    CHECK(count_in(one.prompt, "This is sentence") == 100);
  }
  CHECK(seen.size() > 20);
}

TEST_CASE("ruler: vt assigns one value along a chain, in order, among noise, after a worked example") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    auto const one = make("vt", 2000, seed);
    CHECK(one.max_new_tokens == 30);
    REQUIRE(one.answers.size() == 5);
    auto const second = one.prompt.find("Memorize and track", 10);
    REQUIRE(second != one.prompt.npos);
    auto const asked = one.prompt.substr(second);
    std::smatch found;
    std::size_t last = 0;
    REQUIRE(std::regex_search(asked, found, std::regex{"VAR ([A-Z]{5}) = ([1-9][0-9]{4})\n"}));
    CHECK(found[1] == one.answers[0]);
    for (std::size_t i = 1; i < 5; ++i) {
      auto const at = asked.find("VAR " + one.answers[i] + " = VAR " + one.answers[i - 1] + "\n");
      REQUIRE(at != asked.npos);
      CHECK(at > last);
      last = at;
    }
    auto const value = found[2].str();
    CHECK(asked.ends_with(
        "Find all variables that are assigned the value " + value +
        " in the text above. Answer: According to the chain(s) of variable assignment in the text above, "
        "5 variables are assigned the value " +
        value + ", they are: "));
    // The example says its own answer.
    auto const example = one.prompt.substr(0, second);
    CHECK(std::regex_search(example, std::regex{"they are: [A-Z]{3} [A-Z]{3} [A-Z]{3} [A-Z]{3} [A-Z]{3}\n\n$"}));
    CHECK(std::set<std::string>(one.answers.begin(), one.answers.end()).size() == 5);
  }
}

TEST_CASE("ruler: cwe answers are the ten words that appear most often") {
  for (std::size_t const length : {2000u, 4096u}) {
    auto const one = make("cwe", length, 5);
    CHECK(one.max_new_tokens == 120);
    auto const second = one.prompt.find("Below is a numbered list", 10);
    auto const begin = one.prompt.find('\n', second) + 1;
    auto const list = words_in(one.prompt.substr(begin, one.prompt.find('\n', begin) - begin));
    std::map<std::string, std::size_t> counts;
    for (std::size_t i = 0; i < list.size(); i += 2) {
      CHECK(list[i] == std::to_string(i / 2 + 1) + ".");
      ++counts[list[i + 1]];
    }
    REQUIRE(one.answers.size() == 10);
    for (auto const& [word, count] : counts)
      CHECK(count ==
            (std::ranges::count(one.answers, word) == 1 ? (length < 4096 ? 6u : 30u) : (length < 4096 ? 1u : 3u)));
    auto const example = one.prompt.substr(0, second);
    CHECK(std::regex_search(example, std::regex{"are: 1\\. \\S+ 2\\. .* 10\\. \\S+\n$"}));
  }
}

TEST_CASE("ruler: fwe counts fall as the square of the rank, dots first, and the next three are the answers") {
  auto const one = ruler::make_frequent_words(1000, random_stream{2});
  CHECK(one.max_new_tokens == 50);
  auto const begin = one.prompt.find("coded words. ") + 13;
  std::map<std::string, std::size_t> counts;
  for (auto const& word : words_in(one.prompt.substr(begin, one.prompt.find('\n') - begin))) ++counts[word];
  double zeta = 0;
  for (int i = 1; i < 2000000; ++i) zeta += 1.0 / i / i;
  REQUIRE(one.answers.size() == 3);
  CHECK(counts["..."] == static_cast<std::size_t>(1000 / zeta));
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::regex_match(one.answers[i], std::regex{"[a-z]{6}"}));
    CHECK(counts[one.answers[i]] == static_cast<std::size_t>(1000 / zeta / static_cast<double>((i + 2) * (i + 2))));
  }
  std::size_t fourth = 0;
  for (auto const& [word, count] : counts)
    if (word != "..." && std::ranges::count(one.answers, word) == 0) fourth = std::max(fourth, count);
  CHECK(fourth == static_cast<std::size_t>(1000 / zeta / 25));
}
