// The small trained hybrids of newer kinds: what Hugging Face's code makes of such prompts is in
// examples/models/README.md. Prompts are made of language.json as there, so that shares agree within what so many
// prompts can tell.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <random>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/logits.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>
#include <headcount/sentence/parse.hpp>

using namespace headcount;
using namespace headcount::reference;

namespace {

using tokens = std::vector<token>;

/// What is read densely, what is read under a policy, and what is right after it: of several tokens, one after each of
/// the last tokens read; of one, the best of `choices` where there are some.
struct prompt {
  tokens context;
  tokens under_policy;
  tokens right;
  tokens choices{};
};

class language {
 public:
  explicit language(unsigned seed) : json_(read_json(std::string{HEADCOUNT_MODELS} + "/language.json")), random_{seed} {
    auto const words = json_["words"].get<std::vector<std::string>>();
    for (std::size_t i = 0; i < words.size(); ++i) number_[words[i]] = static_cast<token>(i);
  }

  /// A needle at a depth among filler and three needles of other cities; 11 tokens to say.
  prompt needle(std::size_t length, double depth) {
    auto const cities = draw("cities", 4);
    std::vector<tokens> told;
    std::vector<tokens> values;
    for (auto const city : cities) {
      values.push_back(say("V a N and U in L on a A day .", {{"V", any("verbs")},
                                                             {"N", any("nouns")},
                                                             {"U", any("verbs")},
                                                             {"L", any("places")},
                                                             {"A", any("adjectives")}}));
      told.push_back(say("the best thing to do in C is", {{"C", city}}));
      told.back().insert(told.back().end(), values.back().begin(), values.back().end());
    }
    auto const question = say("question : what is the best thing to do in C ? answer :", {{"C", cities[0]}});
    auto const room = length - 1 - question.size() - 4 * told.front().size();
    auto const sentences = fill(room, {});
    std::vector<std::pair<std::size_t, tokens>> places;
    for (std::size_t i = 0; i < told.size(); ++i)
      places.emplace_back(i == 0 ? static_cast<std::size_t>(depth * static_cast<double>(sentences.size()) + 0.5)
                                 : below(sentences.size() + 1),
                          told[i]);
    tokens text{number_["<bos>"]};
    for (std::size_t at = 0; at <= sentences.size(); ++at) {
      for (auto const& [place, sentence] : places)
        if (place == at) text.insert(text.end(), sentence.begin(), sentence.end());
      if (at < sentences.size()) text.insert(text.end(), sentences[at].begin(), sentences[at].end());
    }
    text.insert(text.end(), question.begin(), question.end());
    REQUIRE(text.size() == length);
    return {text, {values[0].begin(), values[0].begin() + 10}, {values[0].begin(), values[0].begin() + 11}};
  }

  /// Where one of eight people was, or with what.
  prompt recall(std::size_t length, bool asks_place) {
    auto const people = draw("people", 8);
    std::vector<tokens> sentences;
    tokens answers;
    for (auto const person : people) {
      auto const place = any("places");
      auto const thing = any("nouns");
      sentences.push_back(say("P was near the L with a N .", {{"P", person}, {"L", place}, {"N", thing}}));
      answers.push_back(asks_place ? place : thing);
    }
    auto others = fill(length - 1 - 9 - 8 * sentences.front().size(), people);
    sentences.insert(sentences.end(), others.begin() + 1, others.end());
    std::ranges::shuffle(sentences, random_);
    tokens text{number_["<bos>"]};
    text.insert(text.end(), others.front().begin(), others.front().end());
    for (auto const& one : sentences) text.insert(text.end(), one.begin(), one.end());
    auto const question =
        say(asks_place ? "question : what was P near ? answer :" : "question : what was P with ? answer :",
            {{"P", people[0]}});
    return {text, question, {answers[0]}};
  }

  /// What a person works as, after filler that does not say it; the best of four professions.
  prompt fact() {
    auto const person = any("people");
    auto const sentences = fill(47, {person});
    tokens text{number_["<bos>"]};
    for (auto const& one : sentences) text.insert(text.end(), one.begin(), one.end());
    auto const right = json_["works_as"][std::to_string(person)].get<token>();
    tokens choices{right};
    while (choices.size() < 4)
      if (auto const other = any("professions"); std::ranges::find(choices, other) == choices.end())
        choices.push_back(other);
    return {text, say("question : what does P work as ? answer :", {{"P", person}}), {right}, choices};
  }

 private:
  std::size_t below(std::size_t count) { return random_() % count; }
  token any(char const* kind) { return json_[kind][below(json_[kind].size())].get<token>(); }
  token any_of(char const* table, token of) {
    auto const& list = json_[table][std::to_string(of)];
    return list[below(list.size())].get<token>();
  }
  tokens draw(char const* kind, std::size_t count) {
    auto all = json_[kind].get<tokens>();
    std::ranges::shuffle(all, random_);
    all.resize(count);
    return all;
  }

  tokens say(std::string const& text, std::map<std::string, token> const& slots) {
    tokens said;
    std::istringstream words{text};
    for (std::string word; words >> word;) said.push_back(slots.contains(word) ? slots.at(word) : number_.at(word));
    return said;
  }

  tokens filler() {
    auto const share = below(100);
    auto const noun = any("nouns");
    auto const verb = any_of("verbs_of_noun", noun);
    auto const thing = any_of("objects_of_verb", verb);
    if (share < 30)
      return say("the A N V the O .",
                 {{"A", any_of("adjectives_of_noun", noun)}, {"N", noun}, {"V", verb}, {"O", thing}});
    if (share < 50)
      return say("some N often V a A O .",
                 {{"N", noun}, {"V", verb}, {"A", any_of("adjectives_of_noun", thing)}, {"O", thing}});
    if (share < 70) return say("when the N V people read of the O .", {{"N", noun}, {"V", verb}, {"O", thing}});
    auto const person = any("people");
    if (share < 85)
      return say("P works as a J .", {{"P", person}, {"J", json_["works_as"][std::to_string(person)].get<token>()}});
    return say("P was near the L with a N .", {{"P", person}, {"L", any("places")}, {"N", noun}});
  }

  /// Filler of so many tokens, that says nothing of some people; it begins within a sentence.
  std::vector<tokens> fill(std::size_t room, tokens const& without) {
    std::vector<tokens> sentences;
    for (std::size_t length = 0; length < room;) {
      auto next = filler();
      if (std::ranges::any_of(next, [&](token one) { return std::ranges::find(without, one) != without.end(); }))
        continue;
      length += next.size();
      if (length > room) next.erase(next.begin(), next.begin() + static_cast<std::ptrdiff_t>(length - room));
      sentences.push_back(std::move(next));
    }
    std::ranges::rotate(sentences, sentences.end() - 1);
    return sentences;
  }

  nlohmann::json json_;
  std::mt19937 random_;
  std::map<std::string, token> number_;
};

token best_of(std::span<float const> logits, prompt const& asked) {
  if (asked.choices.empty()) return evaluate::best_token(logits);
  return *std::ranges::max_element(asked.choices, {}, [&](token one) { return logits[static_cast<std::size_t>(one)]; });
}

/// The share of prompts whose every token is right, by policy.
std::vector<double> shares(model const& model, std::vector<prompt> const& prompts,
                           std::vector<any_policy> const& policies) {
  std::vector<double> right(policies.size());
  for (auto const& asked : prompts) {
    auto start = model.empty_state();
    step const reads{.tokens = asked.context, .state = &start};
    matrix const first = forward(model, std::span{&reads, 1}, {.phase = phase::prefill}, dense);
    evaluate::step<state const> const forked{.tokens = asked.under_policy, .state = &start};
    pass const how{.phase = phase::generation, .every_token = true};
    fork_steps(model, std::span{&forked, 1}, how, std::span{policies},
               [&](std::size_t p, std::size_t, matrix const& logits, state const&) {
                 tokens said;
                 if (asked.right.size() > 1) said.push_back(evaluate::best_token(row_of(first, 0)));
                 for (std::size_t row = size(logits.rows()) - (asked.right.size() - said.size());
                      row < size(logits.rows()); ++row)
                   said.push_back(best_of(row_of(logits, row), asked));
                 right[p] += said == asked.right ? 1 : 0;
               });
  }
  for (auto& share : right) share /= static_cast<double>(prompts.size());
  return right;
}

/// What transformers finds of needles, recall and facts under a policy, of 100, 96 and 100 prompts.
struct expected {
  std::string policy;
  double needles, recall, facts;
};

constexpr std::size_t count = 20;

/// Both shares are of so many right or wrong answers: they may be this far apart (two standard errors and a prompt).
double apart(double share, double of_theirs) {
  auto const variance = std::max(share * (1 - share), 0.01);
  auto const n = static_cast<double>(count);
  return 2 * std::sqrt(variance / n + variance / of_theirs) + 1 / n;
}

void check_trained(std::string const& name, std::vector<expected> const& all) {
  auto const snapshot = load_snapshot(std::string{HEADCOUNT_MODELS} + "/" + name);
  REQUIRE(snapshot.tokenizer.has_value());
  std::vector<any_policy> policies;
  for (auto const& one : all) policies.push_back(parse_policy(one.policy));
  language words{1};
  std::vector<prompt> needles;
  std::vector<prompt> recall;
  std::vector<prompt> facts;
  for (std::size_t i = 0; i < count; ++i) {
    std::size_t const length = std::vector{128, 256, 512, 1000}[i % 4];
    needles.push_back(words.needle(length, static_cast<double>(i / 4 % 5) / 4));
    recall.push_back(words.recall(length, i / 4 % 2 == 0));
    facts.push_back(words.fact());
  }
  auto const found = shares(snapshot.model, needles, policies);
  auto const recalled = shares(snapshot.model, recall, policies);
  auto const known = shares(snapshot.model, facts, policies);
  for (std::size_t p = 0; p < all.size(); ++p) {
    CAPTURE(all[p].policy);
    CHECK(std::fabs(found[p] - all[p].needles) <= apart(all[p].needles, 100));
    CHECK(std::fabs(recalled[p] - all[p].recall) <= apart(all[p].recall, 96));
    CHECK(std::fabs(known[p] - all[p].facts) <= apart(all[p].facts, 100));
  }
}

}  // namespace

TEST_CASE("trained: tiny-qwen3-next finds what transformers finds") {
  check_trained("tiny-qwen3-next", {{"dense", 0.99, 1.00, 1.00},
                                    {"none", 0.00, 0.02, 1.00},
                                    {"entropy | top_k(1)", 0.12, 0.53, 1.00},
                                    {"entropy | top_k(2)", 0.52, 0.75, 1.00},
                                    {"entropy | top_k(4)", 0.93, 0.97, 1.00},
                                    {"gate | top_k(1)", 0.29, 0.65, 1.00},
                                    {"gate | top_k(2)", 0.71, 0.92, 1.00},
                                    {"gate | top_k(4)", 0.99, 0.99, 1.00},
                                    {"none @ all, layers=2", 0.00, 0.02, 1.00},
                                    {"none @ all, layers=6", 0.99, 1.00, 1.00}});
}
TEST_CASE("trained: tiny-granite-hybrid finds what transformers finds") {
  check_trained("tiny-granite-hybrid", {{"dense", 1.00, 1.00, 1.00},
                                        {"none", 0.00, 0.03, 1.00},
                                        {"entropy | top_k(1)", 0.07, 0.44, 1.00},
                                        {"entropy | top_k(2)", 0.62, 0.80, 1.00},
                                        {"entropy | top_k(4)", 0.97, 0.99, 1.00}});
}
TEST_CASE("trained: tiny-lfm2 finds what transformers finds, and needs attention for facts") {
  check_trained("tiny-lfm2", {{"dense", 0.96, 1.00, 1.00},
                              {"none", 0.00, 0.01, 0.27},
                              {"entropy | top_k(1)", 0.60, 0.80, 1.00},
                              {"entropy | top_k(2)", 0.88, 0.95, 1.00},
                              {"entropy | top_k(4)", 0.95, 0.97, 1.00},
                              {"none @ all, layers=7", 0.96, 1.00, 1.00}});
}
