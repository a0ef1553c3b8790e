#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <headcount/core/head_set.hpp>
#include <headcount/core/index_range.hpp>
#include <headcount/core/index_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/policy/scope.hpp>
#include <headcount/score/any_scorer.hpp>
#include <headcount/sentence/parse_part.hpp>
#include <headcount/sentence/parsed.hpp>
#include <headcount/sentence/registry.hpp>
#include <headcount/sentence/sentence_reader.hpp>

namespace headcount::v0 {

// The grammar of sentences:
//
//     policy = ("dense" | "none" | scorer "|" selector [ "|" mask ]) [ "@" scope ]
//     edits  = edit [ "@" edited ] { ";" edit [ "@" edited ] }
//     scope  = ("all" | "prefill" | "generation") [ "," "layers" "=" range { "," range } ]
//     edited = scope [ "," "heads" "=" range { "," range } ]
//     part   = name [ "(" [ argument { "," argument } ] ")" ],  argument = value | name "=" value
//     value  = number | word | positions | part { "," part } | file name, in quotes where it holds spaces or signs
//     range  = number | number "-" number, both ends included
//
// `print` writes what these functions read, and reading it back gives the same policy. `read_policy` and the like give
// a mistake back as a value, `parse_policy` and the like throw it.

/// Reads ranges "2,5-7" of a kind of things, up to the first that does not begin with a digit.
template <std::size_t Capacity>
[[nodiscard]] index_set<Capacity> read_ranges(sentence_reader& sentence, std::string_view thing) {
  index_set<Capacity> set;
  do {
    auto const at = sentence.position();
    auto const written = sentence.take_until(",;");
    auto const range = parse_index_range(written);
    if (!range)
      sentence.fail(at, text_of("\"", written, "\" is no ", thing, " or range of ", thing, "s"),
                    text_of(thing, "s=2,5-7"));
    else if (range->last >= Capacity)
      sentence.fail(at, text_of(thing, " ", range->last, " is out of range"), text_of("0 to ", Capacity - 1));
    if (sentence.failed()) return set;
    for (auto member = range->first; member <= range->last; ++member) set.insert(member);
  } while (!sentence.names_next() && sentence.take(','));
  return set;
}

/// What a scope may still be limited to, for error messages: layers, and for edits heads after them.
[[nodiscard]] inline std::string limits_left(scope const& where, std::optional<head_set> const* heads) {
  std::string left;
  if (heads != nullptr && *heads) return left;
  if (!where.layers) left = "layers=2,5-7";
  if (heads != nullptr) add_to_list(left, "heads=2,5-7", " or ");
  return left;
}

/// Reads an optional "@ scope", and into `heads`, where it is given, the heads that an edit is limited to.
[[nodiscard]] inline scope read_scope(sentence_reader& sentence, std::optional<head_set>* heads = nullptr) {
  scope where;
  if (!sentence.take('@')) return where;
  auto const at = sentence.position();
  auto const word = sentence.take_word();
  if (word == name_of(phase::prefill)) where.during = phase::prefill;
  else if (word == name_of(phase::generation)) where.during = phase::generation;
  else if (word != "all")
    sentence.fail(at, text_of("a scope is expected, found ", sentence.found(at)), "all, prefill, generation");
  for (auto left = limits_left(where, heads); !sentence.failed() && !left.empty() && sentence.take(',');
       left = limits_left(where, heads)) {
    auto const limit_at = sentence.position();
    auto const limit = sentence.take_word();
    bool const named = sentence.take('=');
    if (named && limit == "layers" && !where.layers)
      where.layers = read_ranges<layer_set::capacity()>(sentence, "layer");
    else if (named && limit == "heads" && heads != nullptr)
      *heads = read_ranges<head_set::capacity()>(sentence, "head");
    else sentence.fail(limit_at, text_of("a limit is expected, found ", sentence.found(limit_at)), left);
  }
  return where;
}

/// What may follow a scope, or stand in the place of one that was not written, for error messages.
[[nodiscard]] inline std::string after_scope(scope const& where, bool written,
                                             std::optional<head_set> const* heads = nullptr) {
  if (!written) return "\"@\" and a scope, ";
  auto const left = limits_left(where, heads);
  return left.empty() ? left : text_of("\",\" and ", left, ", ");
}

/// A reading of `text` by `read(sentence)`, which gives a value or nothing where the sentence failed.
template <class Value, class Read>
[[nodiscard]] parsed<Value> read_sentence(std::string_view what, std::string_view text, Read const& read) {
  std::optional<sentence_error> mistake;
  sentence_reader sentence{what, text, &mistake};
  std::optional<Value> value = read(sentence);
  if (mistake) return *std::move(mistake);
  return *std::move(value);
}

/// Reads a policy sentence, e.g. "entropy | top_k(5) @ generation", with the parts of `Registry`. Files that it names
/// are read by `files` (see reads_files_of), e.g. reference::sentence_files; nothing is by default. A mistake says the
/// column where it broke and what is allowed there.
template <class Registry = registry, class Files = no_files>
parsed<any_policy> read_policy(std::string_view text, Files const& files = {}) {
  return read_sentence<any_policy>("policy sentence", text, [&](sentence_reader& sentence) {
    std::optional<any_policy> policy{std::in_place};
    auto const first = read_part(sentence);
    auto const made = [&]<class Any>(Any& part, std::string_view kind, auto known, written_part const& written,
                                     std::string_view others = {}) {
      if (sentence.failed()) return false;
      auto found = make_any<Any, Registry>(sentence, kind, known, written, files, others);
      if (found) part = *std::move(found);
      return found.has_value();
    };
    bool may_mask = false;
    if (first.name == select::every_head::name || first.name == select::no_head::name) {
      using fixed_selectors = part_list<select::every_head, select::no_head>;
      if (!made(policy->select, "selector", fixed_selectors{}, first)) return policy;
    } else {
      if (!made(policy->score, "scorer", typename Registry::scorers{}, first, "; or dense, none")) return policy;
      if (!sentence.take('|')) {
        sentence.fail(sentence.position(), "a scorer is followed by \"|\" and a selector",
                      names_of(typename Registry::selectors{}));
        return policy;
      }
      if (!made(policy->select, "selector", typename Registry::selectors{}, read_part(sentence))) return policy;
      may_mask = !sentence.take('|');
      if (!may_mask && !made(policy->mask, "mask", typename Registry::masks{}, read_part(sentence))) return policy;
    }
    auto const scope_at = sentence.position();
    policy->where = read_scope(sentence);
    bool const scoped = sentence.position() != scope_at;
    if (!sentence.at_end())
      sentence.fail(
          sentence.position(), text_of("not understood: ", sentence.found(sentence.position())),
          text_of(may_mask && !scoped ? "\"|\" and a mask, " : "", after_scope(policy->where, scoped), "the end"));
    return policy;
  });
}

/// The same; throws headcount::error for a mistake.
template <class Registry = registry, class Files = no_files>
[[nodiscard]] any_policy parse_policy(std::string_view text, Files const& files = {}) {
  return read_policy<Registry>(text, files).value();
}

/// Reads a scorer alone, e.g. "entropy(normalised=true)".
template <class Registry = registry, class Files = no_files>
parsed<any_scorer> read_scorer(std::string_view text, Files const& files = {}) {
  return read_sentence<any_scorer>("scorer", text, [&](sentence_reader& sentence) -> std::optional<any_scorer> {
    auto const part = read_part(sentence);
    if (sentence.failed()) return std::nullopt;
    auto scorer = make_any<any_scorer, Registry>(sentence, "scorer", typename Registry::scorers{}, part, files);
    if (!sentence.at_end())
      sentence.fail(sentence.position(), text_of("not understood: ", sentence.found(sentence.position())), "the end");
    return scorer;
  });
}

/// The same; throws headcount::error for a mistake.
template <class Registry = registry, class Files = no_files>
[[nodiscard]] any_scorer parse_scorer(std::string_view text, Files const& files = {}) {
  return read_scorer<Registry>(text, files).value();
}

/// Reads edits joined by ";", e.g. "omit(3-5) @ generation, heads=0-3; null @ prefill", in the order they apply.
template <class Registry = registry, class Files = no_files>
parsed<std::vector<any_edit>> read_edits(std::string_view text, Files const& files = {}) {
  return read_sentence<std::vector<any_edit>>("edit sentence", text, [&](sentence_reader& sentence) {
    std::optional<std::vector<any_edit>> edits{std::in_place};
    bool scoped = false;
    do {
      auto const part = read_part(sentence);
      if (sentence.failed()) return edits;
      auto edit = make_any<any_edit, Registry>(sentence, "edit", typename Registry::edits{}, part, files);
      if (!edit) return edits;
      auto const scope_at = sentence.position();
      edit->where = read_scope(sentence, &edit->heads);
      scoped = sentence.position() != scope_at;
      edits->push_back(*std::move(edit));
    } while (!sentence.failed() && sentence.take(';'));
    if (!sentence.at_end())
      sentence.fail(
          sentence.position(), text_of("not understood: ", sentence.found(sentence.position())),
          text_of(after_scope(edits->back().where, scoped, &edits->back().heads), "\";\" and an edit, the end"));
    return edits;
  });
}

/// The same; throws headcount::error for a mistake.
template <class Registry = registry, class Files = no_files>
[[nodiscard]] std::vector<any_edit> parse_edits(std::string_view text, Files const& files = {}) {
  return read_edits<Registry>(text, files).value();
}

}  // namespace headcount::v0
