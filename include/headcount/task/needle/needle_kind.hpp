#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/task/needle/phrase_score.hpp>
#include <headcount/task/needle/prompt_form.hpp>

namespace headcount::v0::evaluate {

/// Sentences to hide, as templates: "{city}" stands for one of the words listed under "city".
struct needle_kind {
  std::string sentence = "The best thing to do in {city} is {activity} and sit in {place} on a {weather} day.";
  std::string question = "What is the best thing to do in {city}?";
  std::string answer = sentence;  ///< what is worth the most when all of it is said
  std::vector<weighted_phrase> phrases{
      {"{activity}", 1}, {"{place}", 0.5}, {"sit in {place}", 0.5}, {"on a {weather} day", 1}};
  double most = 5;
  std::vector<std::string> stop{};  ///< words that end a completion, those that are one token
  std::map<std::string, std::vector<std::string>> words{
      {"city",
       {"San Francisco", "Lisbon", "Kyoto", "Oslo", "Toronto", "Nairobi", "Lima", "Prague", "Melbourne", "Dublin",
        "Seoul", "Naples", "Chicago", "Tunis", "Bergen", "Quito"}},
      {"activity",
       {"eat a sandwich", "fly a kite", "read a novel", "draw a portrait", "play a game of chess", "write a letter",
        "listen to a choir", "drink a cup of tea", "feed the ducks", "taste the honey", "learn a dance",
        "photograph a heron"}},
      {"place",
       {"Dolores Park", "the botanical garden", "the harbour", "the old library", "Miller Square", "the rose arcade",
        "the museum courtyard", "Carpenter Lane", "the river market", "the observatory"}},
      {"weather", {"sunny", "windy", "snowy", "foggy", "rainy", "cloudless", "stormy", "chilly"}}};
  prompt_form form{};
};

/// A needle: its words are drawn.
struct drawn_needle {
  std::string sentence{};
  std::string question{};
  std::string answer{};
  phrase_set phrases{};
};

/// A template with each "{name}" replaced by the word of that name.
[[nodiscard]] inline std::string fill_template(std::string_view text, std::map<std::string, std::string> const& words) {
  std::string filled;
  while (!text.empty()) {
    auto const open = text.find('{');
    auto const close = open == text.npos ? open : text.find('}', open);
    auto const found =
        close == text.npos ? words.end() : words.find(std::string{text.substr(open + 1, close - open - 1)});
    if (found == words.end()) {  // not a word's name: as it is
      auto const end = open == text.npos ? text.size() : open + 1;
      filled += text.substr(0, end);
      text.remove_prefix(end);
      continue;
    }
    filled.append(text.substr(0, open)).append(found->second);
    text.remove_prefix(close + 1);
  }
  return filled;
}

/// Draws needles that have no word in common, so that each is about something else. Throws headcount::error when a list
/// has not as many words.
[[nodiscard]] inline std::vector<drawn_needle> draw_needles(needle_kind const& kind, std::size_t count,
                                                            random_stream& random) {
  std::vector<std::map<std::string, std::string>> places(count);
  for (auto const& [name, list] : kind.words) {
    if (list.size() < count)
      throw error{"needle", text_of(count, " needles in one context, and ", list.size(), " words for {", name, "}"),
                  "as many words as needles"};
    auto drawn = random.some_of(list, count);
    for (std::size_t i = 0; i < count; ++i) places[i][name] = std::move(drawn[i]);
  }
  std::vector<drawn_needle> needles;
  for (auto const& words : places) {
    drawn_needle one{.sentence = fill_template(kind.sentence, words),
                     .question = fill_template(kind.question, words),
                     .answer = fill_template(kind.answer, words),
                     .phrases = {.most = kind.most}};
    one.phrases.whole = one.answer;
    for (auto const& [text, weight] : kind.phrases) one.phrases.phrases.push_back({fill_template(text, words), weight});
    needles.push_back(std::move(one));
  }
  return needles;
}

/// Reads a kind of needles: {"sentence", "question", "answer", "phrases": [{"text", "weight"}], "most", "stop": [...],
/// "words": {NAME: [...]}, "prompt": {"before_context", "before_question", "after_question", "between"}}. What is left
/// out is as in needle_kind; answer is the sentence. Throws headcount::error that names the key.
[[nodiscard]] inline needle_kind read_needle_kind(std::filesystem::path const& path) {
  auto const json = reference::read_json(path);
  reference::config_reader const read{path.string(), json};
  needle_kind kind;
  kind.sentence = read.text("sentence", kind.sentence);
  kind.question = read.text("question", kind.question);
  kind.answer = read.text("answer", kind.sentence);
  kind.most = read.number("most", kind.most);
  kind.stop = read.texts("stop", {});
  if (read.has("phrases")) {
    static constexpr auto form = "a list of {\"text\", \"weight\"}";
    if (!json["phrases"].is_array()) read.fail("phrases", form);
    kind.phrases.clear();
    for (auto const& one : json["phrases"]) {
      if (!one.is_object()) read.fail("phrases", form);
      reference::config_reader const phrase{text_of(path.string(), ", phrases"), one};
      kind.phrases.push_back({phrase.text("text"), phrase.number("weight", 1.0)});
    }
  }
  if (read.has("words")) {
    if (!json["words"].is_object()) read.fail("words", "{NAME: [words]}");
    auto const lists = read.section("words");
    kind.words.clear();
    for (auto const& [name, list] : json["words"].items()) {
      kind.words[name] = lists.texts(name.c_str(), {});
      if (list.empty()) lists.fail(name.c_str(), "one word or more");
    }
  }
  auto const form = read.section("prompt");
  kind.form.before_context = form.text("before_context", kind.form.before_context);
  kind.form.before_question = form.text("before_question", kind.form.before_question);
  kind.form.after_question = form.text("after_question", kind.form.after_question);
  kind.form.between = form.text("between", kind.form.between);
  return kind;
}

}  // namespace headcount::v0::evaluate
