#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/layer_table.hpp>
#include <headcount/core/print_part.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/registry.hpp>
#include <headcount/policy/sentence.hpp>
#include <support/allocations.hpp>
#include <support/files.hpp>
#include <support/numbers.hpp>
#include <support/rows.hpp>

// What holds for every part of a kind, asked of every part in the registry.

using namespace headcount;

namespace {

template <class List>
struct tuple_of;
template <class... Parts>
struct tuple_of<part_list<Parts...>> {
  using type = std::tuple<Parts...>;
};
template <class List>
using types = typename tuple_of<List>::type;

/// A part with positions and layers where it can have some, so that it has something to do, and with files that hold
/// nothing.
template <class Part>
Part example() {
  Part part{};
  auto const point = [&]<class Value>(field<Part, Value> const& field) {
    if constexpr (std::is_same_v<Value, token_positions>) part.*(field.member) = {{3, 5}, {9, 9}};
    if constexpr (is_from_file<Value>) part.*(field.member) = support::some_file<Value>();
    if constexpr (std::is_same_v<Value, layer_table>) part.*(field.member) = {{{0, 0}, 4}, {{1, 3}, 2}};
  };
  std::apply([&](auto const&... field) { (point(field), ...); }, fields_of<Part>());
  return part;
}

/// What an example of a selector keeps, in layer 1.
template <class Select>
head_set selected(std::vector<double> const& scores) {
  return select_heads(example<Select>(), scores, site{.layer = 1, .position = 6, .heads = scores.size()});
}

/// What a selector prefers: higher scores, unless it is a control.
enum class preference : unsigned char { higher, lower, no_score };
template <class Select>
constexpr auto preference_of = preference::higher;
template <>
constexpr auto preference_of<select::bottom_k> = preference::lower;
template <>
constexpr auto preference_of<select::random_k> = preference::no_score;

/// The part that its sentence makes.
template <class Part>
Part read_back(Part const& part) {
  auto const text = print(part);
  sentence_reader sentence{"part", text};
  auto const written = read_part(sentence);
  CHECK(sentence.at_end());
  CHECK(written.name == Part::name);
  return make_part<Part>(sentence, written, support::empty_files{});
}

template <class Part>
bool same(Part const& a, Part const& b) {
  return std::apply([&](auto const&... field) { return ((a.*(field.member) == b.*(field.member)) && ...); },
                    fields_of<Part>());
}

template <class Part>
void check_part() {
  static_assert(policy_part<Part>);
  CHECK_FALSE(Part::name.empty());
  CHECK(std::ranges::all_of(
      Part::name, [](unsigned char sign) { return std::islower(sign) || std::isdigit(sign) || sign == '_'; }));
  CHECK_NOTHROW(check_bounds(Part{}));

  std::vector<std::string_view> names;
  auto const check_field = [&]<class Value>(field<Part, Value> const& field) {
    names.push_back(field.name);
    CHECK_FALSE(field.name.empty());
    CHECK_FALSE(field.meaning.empty());
    if constexpr (std::is_arithmetic_v<Value> && !std::is_same_v<Value, bool>) {
      CHECK(field.allowed.least < field.allowed.most);
      for (auto const edge : {field.allowed.least, field.allowed.most}) {
        auto part = example<Part>();
        part.*(field.member) = edge;
        CHECK_NOTHROW(check_bounds(part));
        CHECK(same(read_back(part), part));
      }
      if constexpr (std::is_floating_point_v<Value>) {
        auto part = example<Part>();
        part.*(field.member) = std::numeric_limits<Value>::quiet_NaN();
        CHECK_THROWS_AS(check_bounds(part), error);
      }
    }
  };
  std::apply([&](auto const&... field) { (check_field(field), ...); }, fields_of<Part>());
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
  CHECK(same(read_back(example<Part>()), example<Part>()));
}

template <class... Parts>
void check_names_differ(part_list<Parts...>) {
  std::vector<std::string_view> names{Parts::name...};
  for (auto const taken : {"dense", "none"}) CHECK(std::ranges::find(names, taken) == names.end());
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
}

std::vector<std::size_t> kept(head_set const& set) { return {set.begin(), set.end()}; }

/// Scores that selectors meet: distinct, tied, all alike, with NaN and infinities, many and none.
std::vector<std::vector<double>> score_lists() {
  support::numbers draw{31};
  std::vector<std::vector<double>> lists{{}, {1}, {2, 2, 2, 2}, std::vector<double>(5, support::not_a_number)};
  for (std::size_t round = 0; round < 60; ++round) {
    auto scores = draw.list(1 + draw.below(round < 50 ? 12 : 256), -3, 3);
    if (round % 3 == 1)
      for (auto& score : scores) score = std::round(score);
    if (round % 4 == 1) scores[draw.below(scores.size())] = support::not_a_number;
    if (round % 5 == 1) scores[draw.below(scores.size())] = support::infinity;
    if (round % 7 == 1) scores[draw.below(scores.size())] = -support::infinity;
    lists.push_back(scores);
  }
  return lists;
}

}  // namespace

TEST_CASE("parts: names of a kind differ, and none is dense or none") {
  check_names_differ(registry::scorers{});
  check_names_differ(registry::selectors{});
  check_names_differ(registry::masks{});
  check_names_differ(registry::edits{});
}

TEST_CASE_TEMPLATE_DEFINE("scorers: are parts, read one thing, and are the same when erased", Score, scorers) {
  static_assert(scorer<Score>);
  check_part<Score>();
  auto const text = print(example<Score>()) + " | top_k(1)";
  CHECK(print(parse_policy(text, support::empty_files{})) == text);

  auto const score = example<Score>();
  any_scorer const any = score;
  CHECK(any.reads() == reading_of<Score>);
  CHECK(print(any) == print(score));
  support::numbers draw{17};
  for (std::size_t round = 0; round < 20; ++round) {
    auto const size = 1 + draw.below(40);
    auto const row = support::as<float>(support::softmax(draw.list(size, -4, 4)));
    std::vector<float> spread(3 * size);
    for (std::size_t key = 0; key < size; ++key) spread[3 * key] = row[key];
    strided_view<float const, 1> const strided{spread.data(), {size}, {3}};
    site const where{.layer = round, .row = 1, .position = size, .heads = 8};
    if constexpr (site_scorer<Score>) {
      CHECK(any(where, round % 8) == score(where, round % 8));
    } else if constexpr (query_scorer<Score>) {
      CHECK(any(head_query{row}) == score(head_query{row}));
    } else if constexpr (row_scorer<Score>) {
      CHECK(any(row_view{std::span{row}}) == score(std::span{row}));
      CHECK(any(strided) == score(strided));
      CHECK(score(strided) == score(row));
    } else {
      CHECK(any(head_output{strided}) == score(head_output{strided}));
      CHECK(score(head_output{strided}) == score(head_output{std::span{row}}));
    }
  }
}
TEST_CASE_TEMPLATE_APPLY(scorers, types<registry::scorers>);

TEST_CASE_TEMPLATE_DEFINE("scorers: a stream of logits scores as the row they make", Score, streamed) {
  if constexpr (streaming_scorer<Score>) {
    Score const score{};
    for (auto const& row : support::logit_rows()) {
      CAPTURE(row.what);
      typename Score::accumulator sum;
      for (double const logit : row.logits) sum.add(logit);
      auto const weights = support::weights_of(row);
      CHECK(support::distance(sum.score(score), score(weights), 1e-1) < 1e-6);
      CHECK(support::distance(sum.score(score), score(support::as<float>(weights)), 1e-1) < 1e-5);
    }
  }
}
TEST_CASE_TEMPLATE_APPLY(streamed, types<registry::scorers>);

TEST_CASE_TEMPLATE_DEFINE("selectors: are parts, and are the same when erased", Select, selectors) {
  static_assert(selector<Select>);
  check_part<Select>();
  auto const text = "l2 | " + print(example<Select>());
  CHECK(print(parse_policy(text)) == text);
  any_selector const any = example<Select>();
  for (auto const& scores : score_lists()) {
    site const where{.layer = 1, .position = 6, .heads = scores.size()};
    auto const set = selected<Select>(scores);
    CHECK(any(scores, where) == set);
    CHECK(selected<Select>(scores) == set);
    for (auto const head : set) CHECK(head < scores.size());
    CHECK(support::allocations_of([&] { (void)any(scores, where); }) == 0);
  }
}
TEST_CASE_TEMPLATE_APPLY(selectors, types<registry::selectors>);

TEST_CASE_TEMPLATE_DEFINE("selectors: prefer the higher score, of equal ones the lower head, and NaN never", Select,
                          preferences) {
  constexpr auto prefers = preference_of<Select>;
  for (auto const& scores : score_lists()) {
    auto const set = selected<Select>(scores);
    if constexpr (prefers == preference::no_score) {
      CHECK(set == selected<Select>(std::vector<double>(scores.size(), support::not_a_number)));
    } else {
      for (std::size_t better = 0; better < scores.size(); ++better)
        for (std::size_t worse = 0; worse < scores.size(); ++worse) {
          bool const ahead =
              prefers == preference::higher ? scores[better] > scores[worse] : scores[better] < scores[worse];
          bool const preferred = ahead || (scores[better] == scores[worse] && better < worse) ||
                                 (std::isnan(scores[worse]) && (!std::isnan(scores[better]) || better < worse));
          if (preferred && set.contains(worse)) REQUIRE(set.contains(better));
        }
    }
  }
}
TEST_CASE_TEMPLATE_APPLY(preferences, types<registry::selectors>);

TEST_CASE_TEMPLATE_DEFINE("selectors: heads under other numbers are chosen under those", Select, relabelled) {
  support::numbers draw{8};
  for (std::size_t round = 0; round < 20 && preference_of<Select> != preference::no_score; ++round) {
    auto const scores = draw.list(2 + draw.below(30), -1, 1);  // distinct
    std::vector<std::size_t> number(scores.size());
    std::iota(number.begin(), number.end(), std::size_t{0});
    for (std::size_t i = number.size(); i-- > 1;) std::swap(number[i], number[draw.below(i + 1)]);
    std::vector<double> moved(scores.size());
    for (std::size_t head = 0; head < scores.size(); ++head) moved[number[head]] = scores[head];
    std::vector<std::size_t> expected;
    for (auto const head : selected<Select>(scores)) expected.push_back(number[head]);
    std::ranges::sort(expected);
    CHECK(kept(selected<Select>(moved)) == expected);
  }
}
TEST_CASE_TEMPLATE_APPLY(relabelled, types<registry::selectors>);

TEST_CASE_TEMPLATE_DEFINE("masks: are parts, and do the same when erased, whatever lies between", Mask, masks) {
  static_assert(output_mask<Mask>);
  check_part<Mask>();
  auto const text = "l2 | top_k(1) | " + print(example<Mask>());
  CHECK(print(parse_policy(text)) == print(parse_policy(print(parse_policy(text)))));
  std::vector<float> plain{1, -2, 3}, erased{1, 99, -2, 99, 3, 99};
  example<Mask>()(std::span{plain});
  any_mask{example<Mask>()}(strided_view<float, 1>{erased.data(), {3}, {2}});
  CHECK(erased == std::vector{plain[0], 99.0f, plain[1], 99.0f, plain[2], 99.0f});
}
TEST_CASE_TEMPLATE_APPLY(masks, types<registry::masks>);

TEST_CASE_TEMPLATE_DEFINE("edits: are parts, change nothing that is not seen, and do the same when erased", Edit,
                          edits) {
  static_assert(model_edit<Edit>);
  check_part<Edit>();
  auto const text = print(example<Edit>()) + " @ prefill, heads=1-2; null";
  auto const read = parse_edits(text);
  REQUIRE(read.size() == 2);
  CHECK(print(read[0]) + "; " + print(read[1]) == text);
  CHECK((read[0].ablation() == nullptr) == weight_edit<Edit>);

  if constexpr (weight_edit<Edit>) {
    auto const weights = support::as<float>(support::numbers{2}.list(4 * 12, 0, 1));
    auto known = weights, erased = weights;
    strided_view<float, 2> const rows{known.data(), {4, 12}};
    head_set middle;
    for (std::size_t const head : {1, 2}) middle.insert(head);
    if constexpr (all_heads_edit<Edit>) example<Edit>()(rows, middle, {.first = 2});
    else
      for (auto const head : middle) example<Edit>()(rows[head].as_span(), {.first = 2});
    read[0]({erased.data(), {4, 12}}, head_set::first(4), {.first = 2});
    CHECK(erased == known);
    CHECK(erased != weights);
    CHECK(std::equal(weights.begin(), weights.begin() + 12, erased.begin()));
    CHECK(std::equal(weights.end() - 12, weights.end(), erased.end() - 12));
    CHECK(std::ranges::none_of(erased, [](float weight) { return weight < 0 || std::isnan(weight); }));
  }
}
TEST_CASE_TEMPLATE_APPLY(edits, types<registry::edits>);
