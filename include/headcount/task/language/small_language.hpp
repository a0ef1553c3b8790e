#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>

namespace headcount::v0::evaluate {

/// The ids of a sentence's words, in order.
using sentence_tokens = std::vector<token>;

/// The language of the small hybrids in examples/models, as data: word i is token i. Their model card describes it.
class small_language {
 public:
  /// Reads language.json. Throws headcount::error when it cannot be read, is not of that form, or leaves out what a
  /// sentence needs.
  explicit small_language(std::filesystem::path const& path)
      : small_language{path.string(), reference::read_json(path)} {}

  /// The same from JSON that was read from `file`.
  small_language(std::string const& file, nlohmann::json const& json) {
    reference::config_reader const read{file, json};
    words_ = read.texts("words", {});
    for (std::size_t id = 0; id < words_.size(); ++id)
      if (!ids_.emplace(words_[id], static_cast<token>(id)).second)
        throw error{file, text_of("the word ", reference::in_quotes(words_[id]), " is there twice")};
    while_reading(file, [&] { return (*this)(words_of_sentences); });
    for (auto const* name : {"cities", "verbs", "nouns", "places", "adjectives", "people", "professions"})
      classes_[name] = read_words(read, name);
    auto const& nouns = classes_.at("nouns");
    auto const& verbs_of = pairs_["verbs_of_noun"] = read_pairs(read, "verbs_of_noun", nouns);
    auto const& objects_of = pairs_["objects_of_verb"] = read_pairs(read, "objects_of_verb", values_of(verbs_of));
    pairs_["adjectives_of_noun"] = read_pairs(read, "adjectives_of_noun", join({nouns, values_of(objects_of)}));
    pairs_["works_as"] = read_pairs(read, "works_as", people());
  }

  /// The tokens of words separated by single spaces. Throws headcount::error where one is no word of the language.
  [[nodiscard]] sentence_tokens operator()(std::string_view text) const {
    sentence_tokens tokens;
    while (!text.empty()) {
      auto const word = text.substr(0, text.find(' '));
      auto const found = ids_.find(word);
      if (found == ids_.end()) throw error{reference::in_quotes(std::string{word}), "it is no word of the language"};
      tokens.push_back(found->second);
      text.remove_prefix(word.size() == text.size() ? word.size() : word.size() + 1);
    }
    return tokens;
  }

  /// The words of tokens, separated by spaces.
  [[nodiscard]] std::string text(sentence_tokens const& tokens) const {
    std::string result;
    for (auto const id : tokens) add_to_list(result, words_.at(static_cast<std::size_t>(id)), " ");
    return result;
  }

  [[nodiscard]] sentence_tokens const& cities() const { return classes_.at("cities"); }
  [[nodiscard]] sentence_tokens const& people() const { return classes_.at("people"); }
  [[nodiscard]] sentence_tokens const& professions() const { return classes_.at("professions"); }
  [[nodiscard]] sentence_tokens const& nouns() const { return classes_.at("nouns"); }
  [[nodiscard]] sentence_tokens const& places() const { return classes_.at("places"); }
  [[nodiscard]] token profession_of(token person) const { return pairs_.at("works_as").at(person).front(); }

  /// A sentence of filler; one in seven or so states a fact.
  [[nodiscard]] sentence_tokens filler(random_stream& random) const {
    auto const kind = random.number();
    auto const noun = random.one_of(classes_.at("nouns"));
    auto const verb = random.one_of(pairs_.at("verbs_of_noun").at(noun));
    auto const object = random.one_of(pairs_.at("objects_of_verb").at(verb));
    auto const adjective_of = [&](token of) { return random.one_of(pairs_.at("adjectives_of_noun").at(of)); };
    if (kind < 0.3) return join({(*this)("the"), {adjective_of(noun), noun, verb}, (*this)("the"), {object}, stop()});
    if (kind < 0.5)
      return join(
          {(*this)("some"), {noun}, (*this)("often"), {verb}, (*this)("a"), {adjective_of(object), object}, stop()});
    if (kind < 0.7) return join({(*this)("when the"), {noun, verb}, (*this)("people read of the"), {object}, stop()});
    auto const person = random.one_of(people());
    if (kind < 0.85) return join({{person}, (*this)("works as a"), {profession_of(person)}, stop()});
    return join(
        {{person}, (*this)("was near the"), {random.one_of(classes_.at("places"))}, (*this)("with a"), {noun}, stop()});
  }

  /// What there is to do in a city: 11 tokens, drawn afresh each time.
  [[nodiscard]] sentence_tokens activity(random_stream& random) const {
    auto const& verbs = classes_.at("verbs");
    return join({{random.one_of(verbs)},
                 (*this)("a"),
                 {random.one_of(classes_.at("nouns"))},
                 (*this)("and"),
                 {random.one_of(verbs)},
                 (*this)("in"),
                 {random.one_of(classes_.at("places"))},
                 (*this)("on a"),
                 {random.one_of(classes_.at("adjectives"))},
                 (*this)("day")});
  }

  [[nodiscard]] sentence_tokens needle(token city, sentence_tokens const& activity) const {
    return join({(*this)("the best thing to do in"), {city}, (*this)("is"), activity, stop()});
  }
  [[nodiscard]] sentence_tokens question_of_city(token city) const {
    return join({(*this)("question : what is the best thing to do in"), {city}, (*this)("?"), cue()});
  }
  [[nodiscard]] sentence_tokens question_of_person(token person) const {
    return join({(*this)("question : what does"), {person}, (*this)("work as ?"), cue()});
  }
  [[nodiscard]] sentence_tokens cue() const { return (*this)("answer :"); }  ///< ends a question

  [[nodiscard]] sentence_tokens stop() const { return (*this)("."); }
  [[nodiscard]] sentence_tokens start() const { return (*this)("<bos>"); }

  /// Pieces one after the other.
  [[nodiscard]] static sentence_tokens join(std::initializer_list<sentence_tokens> pieces) {
    sentence_tokens whole;
    for (auto const& piece : pieces) whole.insert(whole.end(), piece.begin(), piece.end());
    return whole;
  }

 private:
  using pairs = std::map<token, sentence_tokens>;

  /// What the sentences below are made of beside words of a class.
  static constexpr std::string_view words_of_sentences =
      "<bos> . : ? question answer what is the best thing to do in a and on day works as does work near with of was "
      "some often when people read";

  /// The words that a key lists: one or more, each of the language.
  [[nodiscard]] sentence_tokens read_words(reference::config_reader const& read, char const* key) const {
    auto tokens = read.tokens(key);
    auto const known = [&](token id) { return static_cast<std::size_t>(id) < words_.size(); };
    if (tokens.empty() || !std::ranges::all_of(tokens, known))
      read.fail(key, text_of("ids of words, from 0 to ", words_.size() - 1));
    return tokens;
  }

  /// The words that go with each of some others, which are the keys under `name`.
  [[nodiscard]] pairs read_pairs(reference::config_reader const& read, char const* name,
                                 sentence_tokens const& others) const {
    auto const section = read.section(name);
    pairs found;
    for (auto const other : others) found[other] = read_words(section, text_of(other).c_str());
    return found;
  }

  [[nodiscard]] static sentence_tokens values_of(pairs const& of) {
    sentence_tokens all;
    for (auto const& [word, others] : of) all.insert(all.end(), others.begin(), others.end());
    return all;
  }

  std::vector<std::string> words_;
  std::map<std::string, token, std::less<>> ids_;
  std::map<std::string, sentence_tokens, std::less<>> classes_;
  std::map<std::string, pairs, std::less<>> pairs_;
};

}  // namespace headcount::v0::evaluate
