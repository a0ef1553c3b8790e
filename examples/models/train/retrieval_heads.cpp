// Which attention heads of trained models carry retrieval, how many heads each scorer needs to keep it, and whether the
// others keep facts. One JSON object a line for every model folder given, for table.py. Policies act in generation,
// after a dense prefill; multi-key recall and facts take one token, and their questions are read in generation. LENGTHS
// are those of prompts: 96,128,192,240.
//
//     headcount_retrieval_heads LANGUAGE.json LENGTHS PROMPTS SEED MODEL...

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/random_stream.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/engine/any_model.hpp>
#include <headcount/measure/recall.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/task/language/facts_task.hpp>
#include <headcount/task/language/needle.hpp>
#include <headcount/task/language/small_language.hpp>
#include <headcount/task/task.hpp>
#include <headcount/version.hpp>

#include "../../headcount/engine.hpp"

namespace {

using namespace headcount;
using namespace headcount::evaluate;

constexpr double depths[] = {0, 0.25, 0.5, 0.75, 1};
constexpr std::size_t other_needles = 3;
constexpr std::size_t people_met = 8;      // keys of multi-key recall in one context
constexpr std::size_t questions_each = 4;  // of multi-key recall about one context
constexpr std::size_t filler_before_fact = 12;
constexpr double enough = 0.9;  // of what all heads find
constexpr std::size_t prompts_to_choose = 40;

/// What is measured, and how.
struct measurement_plan {
  small_language const& language;
  std::vector<std::size_t> lengths;  ///< tokens of prompts
  std::size_t count = 100;           ///< prompts of each kind
  std::uint64_t seed = 1;
};

/// Every length with every depth in turn, and other needles to confuse.
std::vector<needle_prompt> make_prompts(measurement_plan const& what, std::size_t count, std::uint64_t seed) {
  std::vector<needle_prompt> prompts;
  for (std::size_t i = 0; i < count; ++i) {
    random_stream random{mix_bits(seed) + i};
    needle_plan plan{.length = what.lengths[i % what.lengths.size()],
                     .depths = {depths[i / what.lengths.size() % std::size(depths)]}};
    for (std::size_t other = 0; other < other_needles; ++other) plan.depths.push_back(random.number());
    prompts.push_back(make_needle_prompts(what.language, plan, random).front());
  }
  return prompts;
}

/// A question whose answer is one token: the likeliest of the choices, or of all tokens when there are none.
struct short_question {
  sentence_tokens context;
  sentence_tokens question;
  token answer = 0;
  std::vector<token> choices{};
};

/// Contexts that tell of people whom nothing else names, each near a place and with a thing, and questions about some
/// of them, places and things in turn. Contexts come in every length.
std::vector<short_question> make_meetings(measurement_plan const& what, std::uint64_t seed) {
  auto const& language = what.language;
  std::vector<short_question> prompts;
  for (std::size_t text = 0; text * questions_each < what.count; ++text) {
    random_stream random{mix_bits(seed) + text};
    auto const people = random.some_of(language.people(), people_met);
    std::vector<token> places;
    std::vector<token> things;
    std::vector<sentence_tokens> sentences;
    std::size_t length = 1 + language("question : what was near ? answer :").size() + 1;
    for (auto const person : people) {
      places.push_back(random.one_of(language.places()));
      things.push_back(random.one_of(language.nouns()));
      sentences.push_back(small_language::join(
          {{person}, language("was near the"), {places.back()}, language("with a"), {things.back()}, language.stop()}));
      length += sentences.back().size();
    }
    while (length < what.lengths[text % what.lengths.size()]) {
      auto const filler = language.filler(random);
      if (std::ranges::any_of(filler, [&](token word) { return std::ranges::count(people, word) != 0; })) continue;
      length += filler.size();
      sentences.push_back(filler);
    }
    auto context = language.start();
    for (auto const& sentence : random.some_of(sentences, sentences.size()))
      context.insert(context.end(), sentence.begin(), sentence.end());
    for (std::size_t i = 0; i < questions_each; ++i)
      prompts.push_back(
          {.context = context,
           .question = small_language::join({language("question : what was"),
                                             {people[i]},
                                             language(i % 2 == 0 ? "near ? answer :" : "with ? answer :")}),
           .answer = i % 2 == 0 ? places[i] : things[i]});
  }
  return prompts;
}

/// Questions about what people work as, which nothing in the context says.
std::vector<short_question> make_facts(measurement_plan const& what, std::uint64_t seed) {
  random_stream order{mix_bits(seed)};
  std::vector<short_question> prompts;
  for (auto const person : order.some_of(what.language.people(), what.count)) {
    auto const fact = make_fact_prompt(what.language, person, filler_before_fact, order);
    auto const question = what.language.question_of_person(person);
    auto const end = fact.prompt.end() - static_cast<std::ptrdiff_t>(question.size());
    prompts.push_back({.context = {fact.prompt.begin(), end},
                       .question = question,
                       .answer = fact.choices[fact.gold],
                       .choices = fact.choices});
  }
  return prompts;
}

/// Short questions as a task. Contexts are read densely, and questions under the policy and in generation, since the
/// token that answers comes right after them. Prompts that follow each other with the same context share its prefill.
evaluate::task as_task(std::span<short_question const> questions) {
  evaluate::task made{.name = "short questions"};
  for (auto const& [context, question, wanted, choices] : questions) {
    loglikelihood_request one{
        .prompt = {.tokens = context, .shared = context.size() - 1}, .continuations = {}, .read_as = phase::generation};
    for (auto const choice : choices.empty() ? sentence_tokens{wanted} : choices)
      one.continuations.push_back(small_language::join({question, {choice}}));
    made.prompts.push_back({.name = std::to_string(made.prompts.size()), .request = std::vector{std::move(one)}});
  }
  number_sequences(made);
  made.judge = [questions](std::size_t i, answer const& found) -> std::vector<judgement> {
    auto const& [context, question, wanted, choices] = questions[i];
    auto const best = std::ranges::max_element(found.likelihoods, {}, &likelihood::nats) - found.likelihoods.begin();
    auto const said =
        choices.empty() ? found.likelihoods.front().choices.back() : choices[static_cast<std::size_t>(best)];
    return {{.metric = "acc", .value = said == wanted ? 1.0 : 0.0}};
  };
  return made;
}

/// Which questions are answered right: `[policy][prompt]`.
std::vector<outcomes> answered(any_model const& model, std::span<short_question const> questions,
                               std::span<any_policy const> policies) {
  return right_answers(model, as_task(questions), policies).at("acc");
}

/// Heads of a model, `[layer][head]`: 1 where one is kept, 0 where not; a layer without attention has none.
using kept_heads = std::vector<std::vector<double>>;

kept_heads all_heads(any_model const& model) {
  kept_heads kept;
  for (auto const& layer : model.layers()) kept.emplace_back(layer.heads, 1);
  return kept;
}

/// All heads but these.
kept_heads others_than(kept_heads heads) {
  for (auto& layer : heads)
    for (auto& kept : layer) kept = 1 - kept;
  return heads;
}

any_policy keeping(kept_heads const& kept) {
  auto const scorer = score::fixed{in_memory("kept", ranking{.scores = kept})};
  return any_policy{(scorer | select::threshold{0.5}).during(phase::generation)};
}

/// Few heads that find `enough` of what all heads find: drops what is missed least, as long as the others do. Whole
/// layers are tried first, one after the other, then heads: the quarter that is missed least when each is off alone,
/// and half as many each time that too much would be lost, down to one. Of equals the first is dropped.
kept_heads few_heads(any_model const& model, std::span<needle_prompt const> prompts) {
  auto const shares_of = [&](std::vector<kept_heads> const& every) {
    std::vector<any_policy> policies;
    for (auto const& heads : every) policies.push_back(keeping(heads));
    std::vector<double> shares;
    for (auto const& found : recall_needles(model, prompts, policies)) shares.push_back(share_of(found).value());
    return shares;
  };
  auto kept = all_heads(model);
  auto const goal = enough * shares_of({kept}).front();
  for (;;) {
    std::vector<kept_heads> fewer;
    for (std::size_t layer = 0; layer < kept.size(); ++layer) {
      if (std::ranges::count(kept[layer], 1) == 0) continue;
      fewer.push_back(kept);
      fewer.back()[layer].assign(kept[layer].size(), 0);
    }
    auto const shares = shares_of(fewer);
    auto const best = std::ranges::max_element(shares);
    if (best == shares.end() || *best < goal) break;
    kept = fewer[static_cast<std::size_t>(best - shares.begin())];
  }

  struct one_head {
    std::size_t layer = 0;
    std::size_t head = 0;
    double share_without = 0;
  };
  std::vector<one_head> left;
  auto const without = [&](std::span<one_head const> heads) {
    auto fewer = kept;
    for (auto const& [layer, head, share] : heads) fewer[layer][head] = 0;
    return fewer;
  };
  for (std::size_t at_once = std::numeric_limits<std::size_t>::max(); at_once > 0;) {
    if (left.empty()) {  // something was dropped, or nothing was tried
      std::vector<kept_heads> fewer;
      for (std::size_t layer = 0; layer < kept.size(); ++layer)
        for (std::size_t head = 0; head < kept[layer].size(); ++head)
          if (kept[layer][head] != 0) left.push_back({.layer = layer, .head = head});
      if (left.empty()) break;
      for (auto const& head : left) fewer.push_back(without(std::span{&head, 1}));
      auto const shares = shares_of(fewer);
      for (std::size_t i = 0; i < left.size(); ++i) left[i].share_without = shares[i];
      std::ranges::sort(left, {}, [](one_head const& of) { return std::tuple{-of.share_without, of.layer, of.head}; });
      at_once = std::min(at_once, std::max<std::size_t>(left.size() / 4, 1));
    }
    auto const fewer = without(std::span{left}.first(at_once));
    if (shares_of({fewer}).front() >= goal) {
      kept = fewer;
      left.clear();
    } else at_once /= 2;
  }
  return kept;
}

/// Policies by the name that the table knows them by.
struct named_policies {
  std::vector<std::string> names;
  std::vector<any_policy> policies;

  void add(std::string name, any_policy policy) {
    names.push_back(std::move(name));
    policies.push_back(std::move(policy));
  }
  void parse(std::string const& sentence) { add(sentence, parse_policy(sentence)); }

  [[nodiscard]] nlohmann::ordered_json shares(std::vector<outcomes> const& found) const {
    nlohmann::ordered_json json;
    for (std::size_t i = 0; i < names.size(); ++i) json[names[i]] = share_of(found[i]).value();
    return json;
  }
};

/// The scorers that are compared: a model with gates also has a say of its own in which heads put something out.
std::vector<char const*> scorers_for(tool::loaded_model const& of) {
  std::vector<char const*> names{"entropy", "l2", "random"};
  if (of.has_gates) names.push_back("gate");
  return names;
}

/// The fewest heads a layer that each scorer needs to find `enough` of what all heads find.
nlohmann::ordered_json smallest_k(nlohmann::ordered_json const& shares, std::span<char const* const> scorers,
                                  std::size_t heads) {
  nlohmann::ordered_json smallest;
  auto const goal = enough * shares["dense"].get<double>();
  for (auto const* scorer : scorers) {
    std::size_t k = 1;
    while (k < heads && shares[fmt::format("{} | top_k({}) @ generation", scorer, k)].get<double>() < goal) ++k;
    smallest[scorer] = k;
  }
  return smallest;
}

/// The exact match of all heads at each length of prompts, which alternate.
nlohmann::ordered_json by_length(measurement_plan const& what, outcomes const& dense_found) {
  nlohmann::ordered_json shares;
  for (std::size_t which = 0; which < what.lengths.size(); ++which) {
    outcomes at_length;
    for (auto i = which; i < dense_found.size(); i += what.lengths.size()) at_length.push_back(dense_found[i]);
    if (!at_length.empty()) shares[std::to_string(what.lengths[which])] = share_of(at_length).value();
  }
  return shares;
}

nlohmann::ordered_json measure(tool::loaded_model const& loaded, measurement_plan const& what) {
  auto const& model = loaded.model;
  nlohmann::ordered_json row{{"model", loaded.name}, {"lengths", what.lengths}, {"n", what.count},
                             {"seed", what.seed},    {"version", version},      {"model_identity", loaded.identity()}};
  std::size_t heads = 0;
  std::vector<std::size_t> layers;
  for (auto const& layer : model.layers())
    if (layer.heads > 0) {
      layers.push_back(layer.layer);
      heads = layer.heads;
    }
  row["attention_layers"] = layers;
  row["heads"] = heads;

  auto const scorers = scorers_for(loaded);
  named_policies in_generation;
  named_policies everywhere;  // prefill included
  in_generation.parse("dense");
  in_generation.parse("none @ generation");
  everywhere.parse("dense");
  everywhere.parse("none");
  for (auto const* scorer : scorers)
    for (std::size_t k = 1; k < heads; ++k) in_generation.parse(fmt::format("{} | top_k({}) @ generation", scorer, k));
  if (!layers.empty()) {  // chosen on prompts of their own, and tried on those of all other policies
    auto const few = few_heads(model, make_prompts(what, prompts_to_choose, what.seed + 1));
    for (std::size_t const layer : layers)
      for (std::size_t head = 0; head < heads; ++head)
        if (few[layer][head] != 0) row["few_heads"][std::to_string(layer)].push_back(head);
    in_generation.add("few_heads", keeping(few));
    in_generation.add("without few_heads", keeping(others_than(few)));
  }
  for (std::size_t const layer : layers) in_generation.parse(fmt::format("none @ generation, layers={}", layer));
  auto for_needles = in_generation;
  for (std::size_t const layer : layers)
    for (std::size_t head = 0; head < heads; ++head) {
      auto all_but_one = all_heads(model);
      all_but_one[layer][head] = 0;
      for_needles.add(fmt::format("without head {} of layer {} @ generation", head, layer), keeping(all_but_one));
    }

  auto const prompts = make_prompts(what, what.count, what.seed);
  auto const found = recall_needles(model, prompts, for_needles.policies);
  row["dense_by_length"] = by_length(what, found.front());
  row["exact_match"] = for_needles.shares(found);
  if (heads > 0 && share_of(found.front()).value() > 0)  // else there is nothing to recover
    row["smallest_k_with_0.9_of_dense"] = smallest_k(row["exact_match"], scorers, heads);

  auto const meetings = make_meetings(what, what.seed + 3);
  row["multi_key"] = in_generation.shares(answered(model, meetings, in_generation.policies));
  if (heads > 0 && row["multi_key"]["dense"] > 0)
    row["multi_key_smallest_k_with_0.9_of_dense"] = smallest_k(row["multi_key"], scorers, heads);

  auto const facts = make_facts(what, what.seed + 2);
  row["facts"] = in_generation.shares(answered(model, facts, in_generation.policies));
  std::vector<fact_prompt> read_sparsely;
  std::vector<std::string> names;
  for (auto const& [context, question, right, choices] : facts) {
    names.push_back(std::to_string(names.size()));
    read_sparsely.push_back({.prompt = small_language::join({context, question}),
                             .choices = choices,
                             .gold = static_cast<std::size_t>(std::ranges::find(choices, right) - choices.begin())});
  }
  auto asked_sparsely = make_task_of_facts({.name = "facts"}, names, read_sparsely);
  number_sequences(asked_sparsely);
  row["facts_prefill_included"] =
      everywhere.shares(right_answers(model, asked_sparsely, everywhere.policies).at("acc"));
  return row;
}

template <class Number>
Number number(std::string_view text, char const* what) {
  Number value{};
  auto const* const end = text.data() + text.size();
  if (auto const [stop, code] = std::from_chars(text.data(), end, value);
      code != std::errc{} || stop != end || value == 0)
    throw error{what, fmt::format("\"{}\" is no such number", text), "a whole number from 1"};
  return value;
}

/// Numbers with commas between them.
std::vector<std::size_t> numbers(std::string_view text, char const* what) {
  std::vector<std::size_t> values;
  for (;;) {
    auto const comma = text.find(',');
    values.push_back(number<std::size_t>(text.substr(0, comma), what));
    if (comma == std::string_view::npos) return values;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc < 6) throw error{"command line", "too few arguments", "LANGUAGE.json LENGTHS PROMPTS SEED MODEL..."};
    small_language const language{argv[1]};
    measurement_plan const what{.language = language,
                                .lengths = numbers(argv[2], "LENGTHS"),
                                .count = number<std::size_t>(argv[3], "PROMPTS"),
                                .seed = number<std::uint64_t>(argv[4], "SEED")};
    for (char** folder = argv + 5; folder != argv + argc; ++folder) {
      fmt::print("{}\n", measure(tool::load_model(*folder), what).dump());
      std::fflush(stdout);
    }
    return 0;
  } catch (error const& wrong) {
    fmt::print(stderr, "error: {}\n", wrong.what());
    return 2;
  } catch (std::exception const& failure) {
    fmt::print(stderr, "error: {}\n", failure.what());
    return 1;
  }
}
