#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
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
#include <headcount/core/site.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/mask/mask.hpp>
#include <headcount/part/layer_table.hpp>
#include <headcount/part/print_part.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/score/accumulator.hpp>
#include <headcount/score/attention_tensors.hpp>
#include <headcount/score/score_heads.hpp>
#include <headcount/sentence/parse.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/allocations.hpp>
#include <support/example_parts.hpp>
#include <support/files.hpp>
#include <support/numbers.hpp>
#include <support/rows.hpp>

// What holds for every part of a kind, asked of every part in the registry.

using namespace headcount;
using support::example;
using support::types;

namespace {

/// What an example of a selector keeps, in layer 1.
template <class Select>
head_set selected(std::vector<double> const& scores, std::size_t row = 0) {
  return select_heads(example<Select>(), scores,
                      site{.layer = 1, .sequence_id = row, .position = 6, .heads = scores.size()});
}

/// What a selector prefers: higher scores, unless it is a control, which may go by another selector's choice.
enum class preference : unsigned char { higher, lower, no_score, other_choice };
template <class Select>
constexpr auto preference_of = preference::higher;
template <>
constexpr auto preference_of<select::bottom_k> = preference::lower;
template <>
constexpr auto preference_of<select::random_k> = preference::no_score;
template <>
constexpr auto preference_of<select::random_like> = preference::other_choice;

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
  bool same = true;
  for_each_field<Part>([&](auto const& field) { same = same && a.*(field.member) == b.*(field.member); });
  return same;
}

template <class Part>
void check_a_part() {
  static_assert(documented_part<Part>);
  CHECK_FALSE(Part::name.empty());
  CHECK(std::ranges::all_of(
      Part::name, [](unsigned char sign) { return std::islower(sign) || std::isdigit(sign) || sign == '_'; }));
  CHECK_FALSE(find_out_of_bounds(Part{}));

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
        CHECK_FALSE(find_out_of_bounds(part));
        CHECK(same(read_back(part), part));
      }
      if constexpr (std::is_floating_point_v<Value>) {
        auto part = example<Part>();
        part.*(field.member) = std::numeric_limits<Value>::quiet_NaN();
        CHECK(find_out_of_bounds(part));
      }
    }
  };
  for_each_field<Part>(check_field);
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

/// Everything that can be known of a site of eight heads: elements lie `stride` apart where they may.
struct scene {
  std::size_t keys;
  std::size_t stride;
  std::vector<float> rows, queries, gates, outputs, input, projection;

  static constexpr std::size_t heads = 8, dim = 6, width = 10;

  scene(std::uint64_t seed, std::size_t apart) : stride{apart} {
    support::numbers draw{seed + 17};
    keys = 1 + draw.below(40);
    auto const spread = [&](std::vector<double> const& values) {
      std::vector<float> memory(values.size() * stride);
      for (std::size_t i = 0; i < values.size(); ++i) memory[i * stride] = static_cast<float>(values[i]);
      return memory;
    };
    std::vector<double> weights;
    for (std::size_t head = 0; head < heads; ++head)
      for (double const weight : support::softmax(draw.list(keys, -4, 4))) weights.push_back(weight);
    rows = spread(weights);
    outputs = spread(draw.list(heads * dim, -1, 1));
    projection = spread(draw.list(heads * width * dim, -1, 1));
    queries = support::as<float>(draw.list(heads * dim, -1, 1));
    input = support::as<float>(draw.list(width, -1, 1));
    gates = support::as<float>(draw.list(heads * dim, 0, 1));
  }

  [[nodiscard]] row_view piece(std::vector<float> const& memory, std::size_t head, std::size_t size) const {
    return {memory.data() + head * size * stride, {size}, {static_cast<std::ptrdiff_t>(stride)}};
  }

  /// Calls `use` with it all.
  template <class Use>
  void with_evidence(std::span<double> memory, Use const& use) const {
    auto const row_of = [&](std::size_t head) { return piece(rows, head, keys); };
    auto const output_of = [&](std::size_t head) { return head_output{piece(outputs, head, dim)}; };
    auto const gate_of = [&](std::size_t head) { return head_gate{std::span{gates}.subspan(head * dim, dim)}; };
    auto const query_of = [&](std::size_t head) { return head_query{std::span{queries}.subspan(head * dim, dim)}; };
    auto const axis = [&](std::size_t step) { return static_cast<std::ptrdiff_t>(step * stride); };
    use(attention_tensors{
        .input = {input},
        .gates = gate_of,
        .queries = query_of,
        .rows = row_of,
        .outputs = output_of,
        .projection = {projection.data(), {heads, width, dim}, {axis(width * dim), axis(dim), axis(1)}},
        .memory = memory});
  }
};

/// Whether two lists hold the same numbers, NaN being the same as NaN.
bool same_numbers(std::vector<double> const& a, std::vector<double> const& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
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

TEST_CASE_TEMPLATE_DEFINE(
    "scorers: are parts, and score alike when erased and however evidence lies, allocating nothing", Score, scorers) {
  static_assert(scorer<Score>);
  check_a_part<Score>();
  auto const text = print(example<Score>()) + " | top_k(1)";
  CHECK(print(parse_policy(text, support::empty_files{})) == text);

  auto const score = example<Score>();
  any_scorer const any = score;
  CHECK(any.reads() == reads_of(score));
  CHECK(any.state_size() == state_size_of(score));
  CHECK(print(any) == print(score));
  std::vector<double> memory_of_known(8 * any.state_size(), support::not_a_number);
  auto memory_of_any = memory_of_known, memory_of_strided = memory_of_known;
  for (std::uint64_t round = 0; round < 20; ++round) {
    scene const side_by_side{round, 1}, apart{round, 3};
    site const where{.layer = round, .sequence_id = 1, .position = side_by_side.keys + round % 2 * 5, .heads = 8};
    std::vector<double> of_known(8), of_any(8), of_strided(8);
    auto const score_all = [&](auto const& scorer, scene const& of, std::span<double> memory,
                               std::vector<double>& scores) {
      of.with_evidence(memory, [&](attention_tensors const& known) {
        CHECK(support::allocations_of([&] { score_heads(scorer, where, known, scores); }) == 0);
      });
    };
    score_all(score, side_by_side, memory_of_known, of_known);
    score_all(any, side_by_side, memory_of_any, of_any);
    score_all(any, apart, memory_of_strided, of_strided);
    CHECK(same_numbers(of_any, of_known));
    CHECK(same_numbers(of_strided, of_known));
    // Where it says that it does not depend on the sequence, its scores do not.
    auto elsewhere = where;
    elsewhere.sequence_id = 2;
    std::vector<double> here(8), there(8), memory(8 * any.state_size(), support::not_a_number);
    side_by_side.with_evidence(memory, [&](attention_tensors const& known) { score_heads(score, where, known, here); });
    std::ranges::fill(memory, support::not_a_number);
    side_by_side.with_evidence(memory,
                               [&](attention_tensors const& known) { score_heads(score, elsewhere, known, there); });
    if (!same_numbers(here, there)) CHECK(any.depends_on_sequence());
  }
}
TEST_CASE_TEMPLATE_APPLY(scorers, types<registry::scorers>);

TEST_CASE_TEMPLATE_DEFINE("scorers: accumulated logits score as the row they make, in any order and parts", Score,
                          accumulated) {
  if constexpr (accumulated_scorer<Score>) {
    constexpr double floor = 1e-9;
    auto score = example<Score>();
    if constexpr (requires { score.eps; }) score.eps = 1e-30;  // what accumulators leave out
    for (auto const& row : support::logit_rows())
      for (std::size_t const dropped : {0u, 7u}) {
        CAPTURE(row.what);
        site const where{.position = dropped + row.logits.size() - 1, .heads = 1};
        auto const keys = row.logits.size();
        auto sum = score.start(where, keys);
        for (std::size_t key = 0; key < keys; ++key) sum.add(key, row.logits[key]);
        // As threads of a kernel do: every third key each, the newest first.
        auto merged = score.start(where, keys);
        for (std::size_t part = 0; part < 3; ++part) {
          auto some = score.start(where, keys);
          for (std::size_t key = keys; key-- > 0;)
            if (key % 3 == part) some.add(key, row.logits[key]);
          merged.merge(some);
        }
        auto const weights = support::weights_of(row);
        CHECK(support::distance(sum.score(score), score_row(score, where, weights), floor) < 1e-12);
        CHECK(support::distance(merged.score(score), score_row(score, where, weights), floor) < 1e-12);
        CHECK(support::distance(sum.score(score), score_row(score, where, support::as<float>(weights)), floor) < 1e-5);
      }
  }
}
TEST_CASE_TEMPLATE_APPLY(accumulated, types<registry::scorers>);

TEST_CASE_TEMPLATE_DEFINE("scorers: give NaN for NaN, so that such a head is not preferred", Score, not_numbers) {
  if constexpr (head_scorer<Score> && may_read<Score>(reading::row)) {
    auto const score = example<Score>();
    for (std::size_t const keys : {80u, 1500u}) {  // a softmax with one NaN is NaN everywhere
      std::vector<float> const row(keys, static_cast<float>(support::not_a_number));
      site const where{.position = keys - 1, .heads = 1};
      CHECK(std::isnan(score_row(score, where, row)));
      if constexpr (accumulated_scorer<Score>) {
        auto sum = score.start(where, keys);
        for (std::size_t key = 0; key < keys; ++key) sum.add(key, key == keys / 2 ? support::not_a_number : 1.0);
        CHECK(std::isnan(sum.score(score)));
      }
    }
  }
}
TEST_CASE_TEMPLATE_APPLY(not_numbers, types<registry::scorers>);

TEST_CASE_TEMPLATE_DEFINE("selectors: are parts, and are the same when erased", Select, selectors) {
  static_assert(selector<Select>);
  check_a_part<Select>();
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
    for (std::size_t row = 1; row < 4; ++row)
      if (selected<Select>(scores, row) != set) CHECK(any.depends_on_sequence());
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
    } else if constexpr (prefers == preference::other_choice) {
      CHECK(set.size() == selected<select::top_k>(scores).size());
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
  for (std::size_t round = 0; round < 20 && preference_of<Select> < preference::no_score; ++round) {
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

TEST_CASE_TEMPLATE_DEFINE("masks: are parts, do the same when erased, and change nothing where every head is kept",
                          Mask, masks) {
  static_assert(head_mask<Mask>);
  check_a_part<Mask>();
  auto const text = "l2 | top_k(1) | " + print(example<Mask>());
  auto const read = print(parse_policy(text, support::empty_files{}));
  CHECK(print(parse_policy(read, support::empty_files{})) == read);

  auto const known = example<Mask>();
  any_mask const erased{known};
  for (std::size_t kept = 0; kept <= 5; ++kept) {
    CHECK(erased.factors(kept, 5).outputs == known.factors(kept, 5).outputs);
    CHECK(erased.factors(kept, 5).bias == known.factors(kept, 5).bias);
  }
  CHECK(known.factors(5, 5).outputs == 1);
  CHECK(known.factors(5, 5).bias == 1);

  if constexpr (masks_attention<Mask>) {
    for (std::size_t keys = 1; keys < 400; ++keys) {
      auto const to = known.attention(keys);
      REQUIRE(erased.attention(keys) == to);
      std::vector<std::size_t> seen;  // in order, none twice, the newest among them
      to.for_each_range(keys, [&](std::size_t begin, std::size_t end) {
        for (auto key = begin; key < end; ++key) seen.push_back(key);
      });
      REQUIRE(seen.size() == to.size(keys));
      REQUIRE(std::ranges::adjacent_find(seen, std::greater_equal{}) == seen.end());
      REQUIRE(seen.back() == keys - 1);
    }
  } else {
    CHECK_FALSE(erased.attention(7));
    std::vector<float> plain{1, -2, 3}, between{1, 99, -2, 99, 3, 99};
    site const where{.layer = 1, .heads = 4};
    mask_output(known, where, 2, std::span{plain});
    erased(where, 2, strided_view<float, 1>{between.data(), {3}, {2}});
    CHECK(between == std::vector{plain[0], 99.0f, plain[1], 99.0f, plain[2], 99.0f});
    CHECK(std::ranges::none_of(plain, [](float value) { return std::isnan(value); }));
  }
}
TEST_CASE_TEMPLATE_APPLY(masks, types<registry::masks>);

TEST_CASE_TEMPLATE_DEFINE("edits: are parts, change nothing that is not seen, and do the same when erased", Edit,
                          edits) {
  static_assert(model_edit<Edit>);
  check_a_part<Edit>();
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
