// task/small_language.hpp, needle.hpp, read_twice.hpp and facts.hpp, against language.json as it is written.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/task/language/facts.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/read_twice.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/needle/hidden_needle.hpp>
#include <headcount/task/needle/needle_kind.hpp>
#include <headcount/task/needle/prompt_form.hpp>
#include <headcount/text/tokenizer.hpp>
#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::evaluate;
using nlohmann::json;

namespace {

std::filesystem::path const language_path = std::filesystem::path{HEADCOUNT_MODELS} / "language.json";
json const written = json::parse(std::ifstream{language_path});
small_language const language{language_path};

bool is_in(char const* name, token word) {
  return std::ranges::any_of(written[name], [&](json const& one) { return one == word; });
}
bool goes_with(char const* name, token first, token second) {
  auto const& list = written[name][std::to_string(first)];
  return list.is_array() ? std::ranges::any_of(list, [&](json const& one) { return one == second; }) : list == second;
}

/// A sentence as a pattern: words of the language stand for themselves, "*nouns" for any word of that class.
bool has_form(sentence_tokens const& sentence, std::vector<std::string> const& form) {
  if (sentence.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i)
    if (form[i].front() == '*' ? !is_in(form[i].c_str() + 1, sentence[i])
                               : written["words"][static_cast<std::size_t>(sentence[i])] != form[i])
      return false;
  return true;
}

/// Which of the five forms of filler in examples/models/README.md a sentence has, from 0; 5 for none of them, or one
/// whose words do not go together.
std::size_t form_of_filler(sentence_tokens const& s) {
  auto const clause = [&](token noun, token verb, token object) {
    return goes_with("verbs_of_noun", noun, verb) && goes_with("objects_of_verb", verb, object);
  };
  if (has_form(s, {"the", "*adjectives", "*nouns", "*verbs", "the", "*nouns", "."}))
    return goes_with("adjectives_of_noun", s[2], s[1]) && clause(s[2], s[3], s[5]) ? 0 : 5;
  if (has_form(s, {"some", "*nouns", "often", "*verbs", "a", "*adjectives", "*nouns", "."}))
    return goes_with("adjectives_of_noun", s[6], s[5]) && clause(s[1], s[3], s[6]) ? 1 : 5;
  if (has_form(s, {"when", "the", "*nouns", "*verbs", "people", "read", "of", "the", "*nouns", "."}))
    return clause(s[2], s[3], s[8]) ? 2 : 5;
  if (has_form(s, {"*people", "works", "as", "a", "*professions", "."}))
    return goes_with("works_as", s[0], s[4]) ? 3 : 5;
  if (has_form(s, {"*people", "was", "near", "the", "*places", "with", "a", "*nouns", "."})) return 4;
  return 5;
}

/// The sentences of a text; all end with a full stop.
std::vector<sentence_tokens> sentences_of(sentence_tokens const& text) {
  auto const stop = language(".").front();
  std::vector<sentence_tokens> sentences{{}};
  for (auto const word : text) {
    sentences.back().push_back(word);
    if (word == stop) sentences.emplace_back();
  }
  CHECK(sentences.back().empty());
  sentences.pop_back();
  return sentences;
}

bool is_end_of(sentence_tokens const& part, sentence_tokens const& whole) {
  return part.size() <= whole.size() && std::equal(part.rbegin(), part.rend(), whole.rbegin());
}

}  // namespace

TEST_CASE("small_language: word i is token i") {
  auto const& words = written["words"];
  CHECK(language("question : what is") == sentence_tokens{6, 4, 8, 9});
  CHECK(language("").empty());
  CHECK(language.text({6, 4, 8, 9}) == "question : what is");
  for (std::size_t id = 0; id < words.size(); ++id)
    CHECK(language(words[id].get<std::string>()) == sentence_tokens{static_cast<token>(id)});
  CHECK(test::contains(test::message_of([] { (void)language("what  is"); }), "\"\": it is no word of the language"));
  CHECK(test::contains(test::message_of([] { (void)language("what\n"); }), "\"what\\n\": it is no word"));
}

TEST_CASE("small_language: filler has the forms and the shares of the model card, and its words go together") {
  random_stream random{6};
  std::vector<int> seen(6);
  constexpr int sentences = 4000;
  for (int i = 0; i < sentences; ++i) ++seen[form_of_filler(language.filler(random))];
  CHECK(seen[5] == 0);
  double const shares[] = {0.3, 0.2, 0.2, 0.15, 0.15};
  double chi_squared = 0;
  for (std::size_t form = 0; form < 5; ++form)
    chi_squared += std::pow(seen[form] - sentences * shares[form], 2) / (sentences * shares[form]);
  CHECK(chi_squared < 21.1);  // 4 degrees of freedom: exceeded with probability 0.0003
}

TEST_CASE("small_language: needles and questions read as the model card shows them") {
  auto const lisbon = language("Lisbon").front();
  auto const activity = language("paint a lantern and sing in gardens on a sunny day");
  CHECK(language.text(language.needle(lisbon, activity)) ==
        "the best thing to do in Lisbon is paint a lantern and sing in gardens on a sunny day .");
  CHECK(language.text(language.question_of_city(lisbon)) ==
        "question : what is the best thing to do in Lisbon ? answer :");
  CHECK(language.text(language.question_of_person(language("Aylin").front())) ==
        "question : what does Aylin work as ? answer :");
  CHECK(language.text({language.profession_of(language("Aylin").front())}) == "dentist");
  random_stream random{7};
  for (int i = 0; i < 50; ++i)
    CHECK(has_form(language.activity(random),
                   {"*verbs", "a", "*nouns", "and", "*verbs", "in", "*places", "on", "a", "*adjectives", "day"}));
}

TEST_CASE("small_language: what is not a language is refused on one line that names the key") {
  test::temporary_folder const folder;
  auto const message = [&](std::string const& text) {
    auto const path = folder.write("l.json", text);
    auto const said = test::message_of([&] { small_language{path}; });
    CHECK_MESSAGE(said.starts_with(path.string()), said);
    CHECK_MESSAGE(said.size() < path.string().size() + 250, said);
    return said;
  };
  auto const changed = [&](auto const& change) {
    auto copy = written;
    change(copy);
    return message(copy.dump());
  };
  CHECK(test::contains(message("{"), "malformed JSON"));
  CHECK(test::contains(message("[1]"), "it is no JSON object"));
  CHECK(test::contains(message("{}"), "\"<bos>\": it is no word of the language"));
  for (auto const* name : {"cities", "verbs", "nouns", "places", "adjectives", "people", "professions"}) {
    CAPTURE(name);
    CHECK(test::contains(changed([&](json& l) { l.erase(name); }),
                         std::string{name} + " = nothing (allowed: ids of words, from 0 to 773)"));
    CHECK(test::contains(changed([&](json& l) { l[name] = json::array(); }), std::string{name} + " = []"));
    CHECK(test::contains(changed([&](json& l) { l[name][0] = 774; }), std::string{name} + " = [774,"));
    CHECK(test::contains(changed([&](json& l) { l[name][1] = -1; }), "a token id, or a list of them"));
    CHECK(test::contains(changed([&](json& l) { l[name][1] = 1.5; }), "a token id, or a list of them"));
  }
  for (auto const* name : {"verbs_of_noun", "objects_of_verb", "adjectives_of_noun", "works_as"}) {
    CAPTURE(name);
    auto const key = written[name].begin().key();
    auto const none = changed([&](json& l) { l.erase(name); });
    CHECK(test::contains(none, std::string{"l.json, "} + name + ": "));
    CHECK(test::contains(none, " = nothing"));
    CHECK(test::contains(changed([&](json& l) { l[name].erase(key); }), key + " = nothing"));
    CHECK(test::contains(changed([&](json& l) { l[name][key] = json::array(); }), key + " = []"));
    CHECK(test::contains(changed([&](json& l) { l[name][key] = {774}; }), key + " = [774]"));
    CHECK(test::contains(changed([&](json& l) { l[name][key] = "x"; }), key + " = \"x\""));
    CHECK(test::contains(changed([&](json& l) { l[name] = 3; }), "it is no JSON object"));
  }
  CHECK(test::contains(changed([](json& l) { l["words"] = 1; }), "words = 1 (allowed: a list of strings)"));
  CHECK(test::contains(changed([](json& l) { l["words"][2] = "<BOS>"; }), "\"<bos>\": it is no word"));
  CHECK(test::contains(changed([](json& l) { l["words"][0] = "Lisbon"; }), "the word \"Lisbon\" is there twice"));
  CHECK(test::contains(test::message_of([] { small_language{"/nowhere/l.json"}; }), "/nowhere/l.json: cannot be read"));
}

TEST_CASE("needle: a context is as long as planned, with every needle where it is said to be and filler around it") {
  auto const stop = language(".").front();
  for (std::uint64_t seed = 0; seed < 12; ++seed)
    for (std::size_t const length : {100u, 101u, 117u, 240u})
      for (std::vector<double> const& depths : {std::vector{0.0}, {0.25}, {0.5}, {1.0}, {0.9, 0.1, 0.5}, {0.5, 0.5}}) {
        random_stream random{seed};
        auto const prompts = make_needle_prompts(language, {.length = length, .depths = depths}, random);
        REQUIRE(prompts.size() == depths.size());
        std::set<token> cities;
        auto filler = prompts.front().context;
        std::vector<bool> of_needle(filler.size());
        for (auto const& prompt : prompts) {
          CHECK(prompt.context == prompts.front().context);
          CHECK(prompt.context.size() + prompt.question.size() == length);
          CHECK(prompt.prompt() == small_language::join({prompt.context, prompt.question}));
          REQUIRE(has_form(prompt.question, {"question", ":", "what", "is", "the", "best", "thing", "to", "do", "in",
                                             "*cities", "?", "answer", ":"}));
          auto const city = prompt.question[10];
          CHECK(cities.insert(city).second);
          REQUIRE(std::ranges::distance(prompt.needle) == 1);
          auto const [first, last] = *prompt.needle.begin();
          REQUIRE(last < prompt.context.size());
          sentence_tokens const there(prompt.context.begin() + static_cast<std::ptrdiff_t>(first),
                                      prompt.context.begin() + static_cast<std::ptrdiff_t>(last) + 1);
          CHECK(language.text(there) ==
                "the best thing to do in " + language.text({city}) + " is " + language.text(prompt.answer) + " .");
          CHECK(prompt.realised_depth == static_cast<double>(first) / static_cast<double>(prompt.context.size()));
          for (auto i = first; i <= last; ++i) {
            CHECK(!of_needle[i]);  // needles do not overlap
            of_needle[i] = true;
          }
        }
        sentence_tokens rest;
        std::vector<std::size_t> stops_before(filler.size());
        std::size_t stops = 0;
        for (std::size_t i = 0; i < filler.size(); ++i) {
          stops_before[i] = stops;
          if (of_needle[i]) continue;
          rest.push_back(filler[i]);
          stops += filler[i] == stop ? 1 : 0;
        }
        for (std::size_t i = 0; i < depths.size(); ++i) {
          // In sentences of filler; one that was cut down to nothing still counts as one.
          auto const before = static_cast<double>(stops_before[prompts[i].needle.begin()->first]);
          CHECK(std::abs(before - depths[i] * static_cast<double>(stops)) <= 1.5);
          if (depths[i] == 0.0) CHECK(before == 0);
          if (depths[i] == 1.0) CHECK(before == static_cast<double>(stops));
        }
        CHECK(rest.front() == language("<bos>").front());
        rest.erase(rest.begin());
        auto const sentences = sentences_of(rest);
        for (std::size_t i = 1; i < sentences.size(); ++i) CHECK(form_of_filler(sentences[i]) < 5);
      }
}

TEST_CASE("needle: filler that is too long loses its beginning") {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    random_stream random{seed};
    auto const prompt = make_needle_prompts(language, {.length = 41, .depths = {1}}, random).front();
    random_stream again{seed};
    (void)again.some_of(language.cities(), 1);
    (void)language.activity(again);
    sentence_tokens drawn;  // 41 tokens leave 6 for filler beside 21 of <bos> and needle and 14 of the question
    while (drawn.size() < 6) drawn = small_language::join({drawn, language.filler(again)});
    sentence_tokens const filler(prompt.context.begin() + 1, prompt.context.begin() + 7);
    CHECK(is_end_of(filler, drawn));
  }
}

TEST_CASE("needle: a plan that the needles alone do not fit is refused, and one that they just fit has no filler") {
  random_stream random{8};
  auto const tight = make_needle_prompts(language, {.length = 35, .depths = {0.5}}, random).front();
  CHECK(tight.needle == token_positions{{1, 20}});
  CHECK(tight.context.size() == 21);
  auto const refusal = [&](needle_plan const& plan) {
    return test::message_of([&] { (void)make_needle_prompts(language, plan, random); });
  };
  CHECK(refusal({.length = 34, .depths = {0.5}}) == "needle plan: length 34 is too short (allowed: at least 35)");
  CHECK(refusal({.length = 54, .depths = {0.5, 1}}) == "needle plan: length 54 is too short (allowed: at least 55)");
  CHECK(refusal({.depths = {}}) == "needle plan: 0 depths (allowed: 1 to 128, a city each)");
  CHECK(refusal({.length = 9999, .depths = std::vector(129, 0.5)}) ==
        "needle plan: 129 depths (allowed: 1 to 128, a city each)");
  for (double const wrong : {-0.01, 1.01, std::nan("")})
    CHECK(refusal({.depths = {0.5, wrong}}) == "needle plan: depth 1 is out of range (allowed: 0 to 1)");
}

TEST_CASE("needle: as many needles as cities are about every city") {
  random_stream random{9};
  auto const prompts = make_needle_prompts(language, {.length = 3000, .depths = std::vector(128, 0.5)}, random);
  std::set<token> cities;
  for (auto const& prompt : prompts) cities.insert(prompt.question[10]);
  CHECK(cities.size() == 128);
}

TEST_CASE(
    "read twice: a prompt is that of the needle task which is read twice, and the needle stands in both readings") {
  auto const models = language_path.parent_path();
  reference::tokenizer const words{models / "tiny-jamba" / "tokenizer.model"};
  auto form = read_needle_kind(models / "haystack" / "needles.json").form;
  form.read = context_reading::twice;
  for (double const depth : {0.0, 0.4, 1.0}) {
    random_stream random{10};
    auto const once = make_needle_prompts(language, {.length = 90, .depths = {depth, 0.7}}, random).front();
    auto const [first, last] = *once.needle.begin();
    auto const text_from = [&](std::size_t begin, std::size_t end) {
      return language.text({once.context.begin() + static_cast<std::ptrdiff_t>(begin),
                            once.context.begin() + static_cast<std::ptrdiff_t>(end)});
    };
    std::vector<evaluate::text_piece> const context{
        {piece_kind::context, text_from(1, first) + " "},
        {piece_kind::needle, text_from(first, last + 1)},
        {piece_kind::context, " " + text_from(last + 1, once.context.size())}};
    text_needle expected;
    auto const city = language.text({once.question[10]});
    encode_needle(words, pieces_of_prompt(form, context, "what is the best thing to do in " + city + " ?"), expected);

    auto const twice = read_twice(language, once);
    CHECK(twice.prompt() == expected.tokens);
    CHECK(twice.needle == expected.needle);
    CHECK(std::ranges::distance(twice.needle) == 2);
    CHECK(twice.question == once.question);
    CHECK(twice.answer == once.answer);
    CHECK(twice.realised_depth == once.realised_depth);
  }
}

TEST_CASE("small_language: classes are the lists of language.json") {
  CHECK(language.cities() == written["cities"].get<sentence_tokens>());
  CHECK(language.people() == written["people"].get<sentence_tokens>());
  CHECK(language.nouns() == written["nouns"].get<sentence_tokens>());
  CHECK(language.places() == written["places"].get<sentence_tokens>());
  CHECK(language.professions() == written["professions"].get<sentence_tokens>());
}

TEST_CASE("needle, facts: a seed determines the prompts, another gives others") {
  auto const all = [](std::uint64_t seed) {
    random_stream random{seed};
    auto const needle = make_needle_prompts(language, {.length = 120, .depths = {0.3, 0.6}}, random).back();
    auto const fact = make_fact_prompt(language, language.people()[3], 20, random);
    return std::pair{needle.prompt(), small_language::join({fact.prompt, fact.choices, needle.answer})};
  };
  CHECK(all(1) == all(1));
  CHECK(all(1) != all(2));
}

TEST_CASE("facts: the gold choice is what the person works as and nothing in the filler says so") {
  std::vector<int> places(4);
  auto const& people = language.people();
  for (std::size_t i = 0; i < people.size(); ++i)
    for (std::size_t const context : {0u, 1u, 12u, 40u}) {
      random_stream random{100 * i + context};
      auto const asked = make_fact_prompt(language, people[i], context, random);
      REQUIRE(asked.choices.size() == 4);
      CHECK(std::set<token>(asked.choices.begin(), asked.choices.end()).size() == 4);
      for (auto const choice : asked.choices) CHECK(is_in("professions", choice));
      CHECK(written["works_as"][std::to_string(people[i])] == asked.choices[asked.gold]);
      ++places[asked.gold];
      CHECK(asked.prompt.front() == language("<bos>").front());
      CHECK(asked.prompt.size() == 1 + context + language("question : what does Aylin work as ? answer :").size());
      CHECK(std::ranges::count(asked.prompt, people[i]) == 1);  // in the question
    }
  for (auto const count : places) CHECK(std::abs(count - 256) < 60);  // 4.3 standard deviations
}
