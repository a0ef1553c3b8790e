#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <headcount/core/error.hpp>
#include <headcount/core/head_set.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/words.hpp>
#include <headcount/part/layer_table.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/sentence/parse.hpp>
#include <support/files.hpp>
#include <support/parts.hpp>
#include <support/property.hpp>

using namespace headcount;

namespace {

struct parts : registry {
  using scorers = registry::scorers::with<support::many_fields>;
  using selectors = registry::selectors::with<support::even_heads>;
  using masks = registry::masks::with<support::constant>;
};

token_positions random_positions() {
  token_positions positions;
  for (auto const& [first, length] :
       *rc::gen::nonEmpty(rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>()))
    positions.insert({first, std::size_t{first} + length});
  return positions;
}

layer_table random_table() {
  layer_table table;
  for (auto const& [layer, number] :
       *rc::gen::nonEmpty(rc::gen::arbitrary<std::vector<std::pair<std::uint8_t, std::uint8_t>>>()))
    (void)table.insert({{layer, std::size_t{layer} + number % 3}, number});
  return table;
}

/// A scorer to stand inside another, with one inside itself now and then.
any_scorer random_inner() {
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return score::entropy{.normalised = *rc::gen::arbitrary<bool>()};
    case 1:
      return score::span_mass{random_positions()};
    case 2:
      return score::random{*rc::gen::arbitrary<std::uint64_t>()};
    default:
      return score::sum{{random_inner(), score::l2{}}, {0.5, -2}};
  }
}

/// A selector to stand inside another.
any_selector random_inner_selector() {
  switch (*rc::gen::inRange(0, 3)) {
    case 0:
      return select::top_k{*rc::gen::inRange<std::size_t>(0, 257)};
    case 1:
      return select::hysteresis{0.5, -1};
    default:
      return select::random_like{.inner = random_inner_selector(), .once = true};
  }
}

/// A value that a field allows: its bounds and its default as often as any other.
template <class Part, class Value>
Value random_value(field<Part, Value> const& field) {
  if constexpr (std::is_same_v<Value, token_positions>) {
    return random_positions();
  } else if constexpr (std::is_same_v<Value, layer_table>) {
    return random_table();
  } else if constexpr (std::is_same_v<Value, bool>) {
    return *rc::gen::arbitrary<bool>();
  } else if constexpr (is_from_file<Value>) {
    return support::some_file<Value>(*rc::gen::element<std::string>("a.json", "../b/c-1.json", "a b, (c) | d.json"));
  } else if constexpr (worded<Value>) {
    return static_cast<Value>(*rc::gen::inRange<std::size_t>(0, words_of<Value>.size()));
  } else if constexpr (std::is_same_v<Value, any_scorer>) {
    return random_inner();
  } else if constexpr (std::is_same_v<Value, any_selector>) {
    return random_inner_selector();
  } else if constexpr (std::is_same_v<Value, std::vector<any_scorer>>) {
    std::vector<any_scorer> scorers{random_inner()};
    while (*rc::gen::arbitrary<bool>()) scorers.push_back(random_inner());
    return scorers;
  } else if constexpr (std::is_same_v<Value, std::vector<double>>) {
    return *rc::gen::container<std::vector<double>>(
        rc::gen::map(rc::gen::arbitrary<double>(), [](double value) { return std::isfinite(value) ? value : 0.5; }));
  } else {
    auto const [least, most] = field.allowed;
    auto const inside = rc::gen::map<Value>([=](Value value) { return std::clamp(value, least, most); });
    return *rc::gen::oneOf(rc::gen::element(least, most, Part{}.*(field.member)), inside);
  }
}

template <class Part>
Part random_part() {
  Part part{};
  auto const fill = [&](auto const& field) { part.*(field.member) = random_value(field); };
  for_each_field<Part>(fill);
  return part;
}

template <class Any, class... Parts>
Any random_of(part_list<Parts...>) {
  auto chosen = *rc::gen::inRange<std::size_t>(0, sizeof...(Parts));
  std::optional<Any> made;
  ((chosen-- == 0 ? void(made.emplace(random_part<Parts>())) : void()), ...);
  return *made;
}

scope random_scope() {
  scope where;
  where.during = *rc::gen::element<std::optional<phase>>(std::nullopt, phase::prefill, phase::generation);
  if (*rc::gen::arbitrary<bool>()) {
    where.layers.emplace();
    for (auto const layer : *rc::gen::nonEmpty(
             rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, layer_set::capacity()))))
      where.layers->insert(layer);
  }
  return where;
}

any_edit random_edit() {
  auto edit = random_of<any_edit>(parts::edits{});
  edit.where = random_scope();
  if (*rc::gen::arbitrary<bool>()) {
    edit.heads.emplace();
    for (auto const head : *rc::gen::nonEmpty(
             rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, head_set::capacity()))))
      edit.heads->insert(head);
  }
  return edit;
}

any_policy random_policy() {
  if (*rc::gen::inRange(0, 10) == 0) return any_policy{{}, select::no_head{}, {}, random_scope()};
  return {random_of<any_scorer>(parts::scorers{}), random_of<any_selector>(parts::selectors{}),
          random_of<any_mask>(parts::masks{}), random_scope()};
}

std::string random_edits() {
  std::string text;
  for (int count = *rc::gen::inRange(1, 4); count-- > 0;) add_to_list(text, print(random_edit()), "; ");
  return text;
}

/// Text that is nearly a sentence: pieces of the grammar and characters of any kind, in any order.
std::string random_text() {
  auto const piece = rc::gen::oneOf(
      rc::gen::element<std::string>("entropy", "sum(", "previous(", "random_like(", "\"", "fixed", "top_k", "threshold",
                                    "per_layer", "many_fields", "omit", "null", "dense", "zero", "layers", "heads",
                                    "ablate", "mlp", "generation", "all", " ", "\t", "\n", "|", "@", ";", ",", "=", "(",
                                    ")", "-", "5", "3-5", "2:1", ":", "18446744073709551616", "1e999", "nan", "k="),
      rc::gen::map<std::uint8_t>([](std::uint8_t code) { return std::string(1, static_cast<char>(code)); }));
  std::string text;
  for (auto const& next : *rc::gen::container<std::vector<std::string>>(piece)) text += next;
  return text;
}

/// A sentence with one character changed, added or taken away.
std::string with_a_slip(std::string sentence) {
  auto const at = *rc::gen::inRange<std::size_t>(0, sentence.size());
  auto const sign = static_cast<char>(*rc::gen::arbitrary<std::uint8_t>());
  switch (*rc::gen::inRange(0, 3)) {
    case 0:
      sentence[at] = sign;
      break;
    case 1:
      sentence.insert(at, 1, sign);
      break;
    default:
      sentence.erase(at, 1);
  }
  return sentence;
}

/// Reads text: it is a sentence, and then what it prints is one too, or the error is a headcount::error on one line.
template <class Read, class Print>
void check_reading(std::string_view what, std::string const& text, Read const& read, Print const& print_all) {
  try {
    auto const printed = print_all(read(text));
    RC_ASSERT(print_all(read(printed)) == printed);
  } catch (error const& problem) {
    std::string_view const message = problem.what();
    RC_ASSERT(message.starts_with(text_of(what, " \"")));
    RC_ASSERT(message.find("column ") != message.npos);
    RC_ASSERT(std::ranges::none_of(message, [](unsigned char sign) { return std::iscntrl(sign) != 0; }));
  }
}
void check_reading_policy(std::string const& text) {
  check_reading(
      "policy sentence", text, [](auto const& of) { return parse_policy<parts>(of, support::empty_files{}); },
      [](any_policy const& policy) { return print(policy); });
}
void check_reading_edits(std::string const& text) {
  check_reading(
      "edit sentence", text, [](auto const& of) { return parse_edits<parts>(of); },
      [](std::vector<any_edit> const& edits) {
        std::string printed;
        for (auto const& edit : edits) add_to_list(printed, print(edit), "; ");
        return printed;
      });
}

}  // namespace

TEST_CASE("property: a policy's sentence reads back as the same policy, in the same scope") {
  support::check_property(200, [] {
    auto const policy = random_policy();
    auto const text = print(policy);
    RC_LOG(text);
    auto const read = parse_policy<parts>(text, support::empty_files{});
    RC_ASSERT(print(read) == text);
    RC_ASSERT(read.where.during == policy.where.during);
    RC_ASSERT(read.where.layers == policy.where.layers);
    RC_ASSERT(read.reads() == policy.reads());
    if (policy.reads() == reading::nothing) {
      site const where{.layer = *rc::gen::arbitrary<std::size_t>(), .heads = 4};
      head_scores of_read{}, of_policy{};
      (void)score_site(read.score, where, no_evidence{}, of_read);
      (void)score_site(policy.score, where, no_evidence{}, of_policy);
      RC_ASSERT(std::memcmp(&of_read, &of_policy, sizeof of_read) == 0);  // NaN is NaN
    }
    std::vector<double> const scores{-1.5, 0, 2, 1e-3};
    site const place{.layer = *rc::gen::inRange<std::size_t>(0, 6), .position = 3, .heads = 4, .group = 2};
    RC_ASSERT(read.select(scores, place) == policy.select(scores, place));
  });
}

TEST_CASE("property: every value of every field reads back as itself") {
  support::check_property(200, [] {
    auto const part = random_part<support::many_fields>();
    auto const text = print(part);
    RC_LOG(text);
    sentence_reader sentence{"part", text};
    auto const read = make_part<support::many_fields>(sentence, read_part(sentence));
    RC_ASSERT(read.count == part.count);
    RC_ASSERT(read.limit == part.limit);
    RC_ASSERT(read.weight == part.weight);
    RC_ASSERT(read.strict == part.strict);
    RC_ASSERT(read.where == part.where);
  });
}

TEST_CASE("property: edits' sentences read back as the same edits") {
  support::check_property(200, [] {
    auto const text = random_edits();
    RC_LOG(text);
    std::string printed;
    for (auto const& edit : parse_edits<parts>(text)) add_to_list(printed, print(edit), "; ");
    RC_ASSERT(printed == text);
  });
}

TEST_CASE("property: whatever is read, it is understood or refused on one line") {
  support::check_property(400, [] { check_reading_policy(random_text()); });
  support::check_property(400, [] { check_reading_edits(random_text()); });
}

TEST_CASE("property: a sentence with a slip is understood or refused on one line") {
  support::check_property(400, [] { check_reading_policy(with_a_slip(print(random_policy()))); });
  support::check_property(200, [] { check_reading_edits(with_a_slip(random_edits())); });
}
