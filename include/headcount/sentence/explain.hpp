#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/part.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/has_nonzero_output.hpp>
#include <headcount/policy/print.hpp>
#include <headcount/policy/scope.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/sentence/describe.hpp>
#include <headcount/sentence/parse_part.hpp>
#include <headcount/sentence/sentence_reader.hpp>

namespace headcount::v0 {

/// What must be computed before heads are chosen, and what a dropped head saves.
[[nodiscard]] constexpr std::string_view explain(reading what) noexcept {
  switch (what) {
    case reading::nothing:
      return "Reads nothing: heads are chosen before attention, and a dropped head is never computed.";
    case reading::input:
      return "Reads the block's input: heads are chosen before attention, and a dropped head is never computed.";
    case reading::gate:
      return "Reads output gates: every head's gate is computed; a dropped head's query, keys and values are not.";
    case reading::query:
      return "Reads queries: every head's query is computed; a dropped head's keys and values are not looked at.";
    case reading::row:
      return "Reads attention rows: every head's query, logits and softmax are computed; a dropped head saves the sum "
             "over its values and its part of the output projection.";
    case reading::output:
      return "Reads outputs: every head is computed; a dropped head saves its part of the output projection.";
    case reading::contribution:
      return "Reads contributions: every head is computed and projected to be scored, so that a dropped head saves "
             "nothing.";
  }
  return {};
}

/// Where something applies, in words.
[[nodiscard]] inline std::string explain(scope const& where) {
  std::string text{!where.during                     ? "in prefill and generation"
                   : *where.during == phase::prefill ? "in prefill, not while generating"
                                                     : "while generating, not in prefill"};
  if (!where.layers) return text + ", in every layer with attention";
  auto const limited = print(scope{.during = {}, .layers = where.layers});  // " @ all, layers=2,5"
  return text_of(text, ", in layers ", limited.substr(limited.find('=') + 1));
}

/// A part of a sentence in words, a line for it and for each scorer inside it, those further in.
[[nodiscard]] inline std::string explain_part(std::string_view kind, std::string_view text,
                                              std::span<part_description const> known, std::size_t depth = 0) {
  auto const find = [&](std::string_view name) {
    return std::ranges::find_if(known,
                                [&](part_description const& part) { return part.kind == kind && part.name == name; });
  };
  sentence_reader sentence{kind, text};
  auto const written = read_part(sentence);
  auto const part = find(written.name);
  if (part == known.end()) return {};
  std::string lines = text_of(std::string(2 * depth, ' '), text, ": ", part->meaning, ".");
  for (auto const& parameter : part->parameters) lines += text_of(" ", parameter.name, ": ", parameter.meaning, ".");
  lines += "\n";
  for (auto const& argument : written.arguments) {
    sentence_reader inner{kind, argument.value};
    if (find(inner.take_word()) != known.end()) lines += explain_part(kind, argument.value, known, depth + 1);
  }
  return lines;
}

/// What a policy costs a head, in FLOPs of its products at one token: "4dw + 4dn a kept head, 2dw + 2dn a dropped one".
/// Keys and values are made once for a key/value head and not counted; a running sum of values is its key/value head's.
[[nodiscard]] inline std::string explain_cost(any_policy const& policy) {
  constexpr std::size_t many = 1 << 30;  // keys, more than masks name
  auto const attention = policy.mask.attention(many);
  auto const named = attention ? attention->size(many) : 0;
  bool const weighs_some = attention && !attention->even;
  auto const reads = policy.reads().last();
  std::string dropped;
  auto const add = [&](std::size_t products, std::string_view of) {
    if (products > 0) dropped += text_of(dropped.empty() ? "" : " + ", 2 * products, of);
  };
  auto const count = [](auto... what) { return (std::size_t{0} + ... + std::size_t{what}); };
  add(count(reads >= reading::gate || weighs_some,
            reads == reading::contribution || has_nonzero_output(policy.mask, {})),
      "dw");
  add(count(reads >= reading::row, reads >= reading::output), "dn");
  if (named == many) add(1, "d");
  else if (named > 0) add(count(weighs_some && reads < reading::row, true), text_of("d min(n, ", named, ")"));
  return text_of("Costs 4dw + 4dn FLOPs a kept head at a token, ", dropped.empty() ? "0" : dropped,
                 " a dropped one: d features a head, w of the model, n visible keys.\n");
}

/// A policy in plain words: what its parts are, where it applies, what it reads, what it can skip, what it costs,
/// what it remembers.
template <class Registry = registry>
[[nodiscard]] std::string explain(any_policy const& policy) {
  auto const known = describe_parts<Registry>();
  auto const score = print(policy.score), select = print(policy.select);
  std::string text;
  if (score.empty()) {
    text = select == select::every_head::name ? "Keeps every head.\n"
                                              : "Keeps no head: what is not attention works alone.\n";
  } else {
    text = text_of("Scores a head by\n", explain_part("scorer", score, known, 1), "Keeps\n",
                   explain_part("selector", select, known, 1));
  }
  if (select != select::every_head::name)
    text += text_of("A dropped head puts out\n", explain_part("mask", print(policy.mask), known, 1));
  text += text_of("Applies ", explain(policy.where), "; elsewhere every head is kept.\n");
  if (!score.empty()) text += text_of(explain(policy.reads().last()), "\n");
  if (attention_of(policy.mask, 1))
    text += "Its mask lets a dropped head attend: the keys and values that this needs are not saved.\n";
  if (!score.empty() && has_nonzero_output(policy.mask, {}))
    text += "What a dropped head puts out goes through the output projection, which is not saved.\n";
  if (!score.empty()) text += explain_cost(policy);
  if (policy.state_size() > 0)
    text += text_of("Remembers ", policy.state_size(), " numbers a head from token to token.\n");
  return text;
}

/// Edits in plain words, one after the other.
template <class Registry = registry>
[[nodiscard]] std::string explain(std::span<any_edit const> edits) {
  auto const known = describe_parts<Registry>();
  std::string text;
  for (auto const& edit : edits) {
    auto const sentence = print(edit);
    auto const part = sentence.substr(0, sentence.find(" @ "));
    text += text_of(explain_part("edit", part, known), "  Applies ", explain(edit.where), ".\n");
  }
  return text + "Edits act in this order, after heads were scored and chosen.\n";
}

}  // namespace headcount::v0
