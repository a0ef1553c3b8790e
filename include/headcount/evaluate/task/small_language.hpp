#pragma once

#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/evaluate/task/random_stream.hpp>
#include <headcount/reference/load/json_file.hpp>

namespace headcount::inline v0::evaluate {

using sentence_tokens = std::vector<token>;

/// The language of the small hybrids in examples/models, as data: word i is token i. Their model card describes it.
class small_language {
 public:
  /// Reads language.json. Throws headcount::error when it cannot be read or is not of that form.
  explicit small_language(std::filesystem::path const& path) {
    auto const json = reference::read_json(path);
    try {
      words_ = json.at("words").get<std::vector<std::string>>();
      for (std::size_t id = 0; id < words_.size(); ++id) ids_.emplace(words_[id], static_cast<token>(id));
      for (auto const* name : {"cities", "verbs", "nouns", "places", "adjectives", "people", "professions"})
        classes_[name] = json.at(name).get<sentence_tokens>();
      for (auto const* name : {"verbs_of_noun", "objects_of_verb", "adjectives_of_noun"})
        for (auto const& [word, list] : json.at(name).items())
          pairs_[name][std::stoi(word)] = list.get<sentence_tokens>();
      for (auto const& [person, profession] : json.at("works_as").items())
        works_as_[std::stoi(person)] = profession.get<token>();
    } catch (std::exception const& failure) {
      throw error{path.string(), text_of("not a language: ", failure.what())};
    }
  }

  /// The tokens of words separated by single spaces; each must be a word of the language (std::out_of_range otherwise).
  [[nodiscard]] sentence_tokens operator()(std::string_view text) const {
    sentence_tokens tokens;
    while (!text.empty()) {
      auto const word = text.substr(0, text.find(' '));
      tokens.push_back(ids_.at(std::string{word}));
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
  [[nodiscard]] token profession_of(token person) const { return works_as_.at(person); }

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
    return join({(*this)("question : what is the best thing to do in"), {city}, (*this)("? answer :")});
  }
  [[nodiscard]] sentence_tokens question_of_person(token person) const {
    return join({(*this)("question : what does"), {person}, (*this)("work as ? answer :")});
  }

  [[nodiscard]] sentence_tokens stop() const { return (*this)("."); }
  [[nodiscard]] sentence_tokens start() const { return (*this)("<bos>"); }

  /// Pieces one after the other.
  [[nodiscard]] static sentence_tokens join(std::initializer_list<sentence_tokens> pieces) {
    sentence_tokens whole;
    for (auto const& piece : pieces) whole.insert(whole.end(), piece.begin(), piece.end());
    return whole;
  }

 private:
  std::vector<std::string> words_;
  std::map<std::string, token, std::less<>> ids_;
  std::map<std::string, sentence_tokens, std::less<>> classes_;
  std::map<std::string, std::map<token, sentence_tokens>, std::less<>> pairs_;
  std::map<token, token> works_as_;
};

}  // namespace headcount::inline v0::evaluate
