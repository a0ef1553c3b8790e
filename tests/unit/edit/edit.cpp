#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/edit/ablate.hpp>
#include <headcount/edit/balanced.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/edit/null.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/edit/renormalise.hpp>
#include <headcount/edit/scale.hpp>
#include <headcount/edit/window_rule.hpp>
#include <headcount/mask/zero.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

struct not_noexcept {
  static constexpr std::string_view name = "not_noexcept";
  void operator()(std::span<float>, seen_keys) const {}
};

static_assert(row_edit<edit::omit> && row_edit<edit::only> && row_edit<edit::null> && row_edit<edit::scale> &&
              row_edit<edit::renormalise>);
static_assert(all_heads_edit<edit::balanced> && !row_edit<edit::balanced> && weight_edit<edit::balanced>);
static_assert(all_rows_edit<edit::balanced> && !weight_edit<edit::ablate>);
static_assert(!all_heads_edit<edit::omit> && !weight_edit<mask::zero> && !weight_edit<not_noexcept>);

/// The rows of some heads, and which of their keys an edit points at.
struct scene {
  std::size_t heads = 0;
  std::size_t keys = 0;
  std::size_t first = 0;
  token_positions positions;
  std::vector<float> weights;  // [head, key]
  std::vector<bool> pointed;   // [key]

  [[nodiscard]] std::span<float> row(std::vector<float>& of, std::size_t head) const {
    return std::span{of}.subspan(head * keys, keys);
  }
};

/// Scenes of every kind: windows, positions before, after and across them, none at all.
std::vector<scene> scenes() {
  support::numbers draw{4};
  std::vector<scene> all;
  for (int round = 0; round < 200; ++round) {
    scene next{.heads = 1 + draw.below(5),
               .keys = 1 + draw.below(20),
               .first = draw.below(3) * 7,
               .positions = {},
               .weights = {},
               .pointed = {}};
    next.weights = support::as<float>(draw.list(next.heads * next.keys, 0.01, 1));
    next.pointed.resize(next.keys);
    for (auto count = draw.below(8); count-- > 0;) {
      auto const position = draw.below(45);
      next.positions.insert({position, position});
      if (position >= next.first && position < next.first + next.keys) next.pointed[position - next.first] = true;
    }
    all.push_back(next);
  }
  return all;
}

/// Applies a row edit to every row and compares with `expected(weight, pointed)`, element by element.
template <class Edit, class Expected>
void check_rows(Expected const& expected) {
  for (auto const& scene : scenes()) {
    auto edited = scene.weights;
    for (std::size_t head = 0; head < scene.heads; ++head)
      Edit{scene.positions}(scene.row(edited, head), {.first = scene.first});
    for (std::size_t i = 0; i < edited.size(); ++i)
      REQUIRE(edited[i] == expected(scene.weights[i], bool{scene.pointed[i % scene.keys]}));
  }
}

}  // namespace

TEST_CASE("omit: weights on the positions become 0, the others stay as they are, not renormalised") {
  check_rows<edit::omit>([](float weight, bool pointed) { return pointed ? 0.0f : weight; });
}

TEST_CASE("only: weights on the positions stay as they are, not renormalised, the others become 0") {
  check_rows<edit::only>([](float weight, bool pointed) { return pointed ? weight : 0.0f; });
}

TEST_CASE("null: every weight becomes 0, wherever the positions are") {
  check_rows<edit::null>([](float, bool) { return 0.0f; });
}

TEST_CASE("omit and only: a row starts at the position of its first visible key") {
  std::vector<float> row{0.1f, 0.2f, 0.3f, 0.4f};
  edit::omit{{{3, 5}}}(row, {.first = 4});  // keys at positions 4 to 7
  CHECK(row == std::vector{0.0f, 0.0f, 0.3f, 0.4f});
  edit::only{{{7, 99}}}(row, {.first = 4});
  CHECK(row == std::vector{0.0f, 0.0f, 0.0f, 0.4f});
}

TEST_CASE("edits: a row without keys is left as it is") {
  edit::omit{{{0, 3}}}({}, {.first = 2});
  edit::only{{{0, 3}}}({}, {.first = 2});
  edit::null{}({}, {.first = 2});
}

TEST_CASE("balanced: weights on the positions share their mass evenly, the others become 0") {
  // two heads, three keys at positions 10 to 12, of which 11 and 12 share 0.2 + 0.3 + 0.1 + 0.8 = 1.4
  std::vector<float> weights{0.5f, 0.2f, 0.3f, 0.1f, 0.1f, 0.8f};
  edit::balanced{{{11, 30}, {2, 9}}}({weights.data(), {2, 3}}, head_set::first(2), {.first = 10});
  for (std::size_t const i : {0, 3}) CHECK(weights[i] == 0);
  for (std::size_t const i : {1, 2, 4, 5}) CHECK(weights[i] == doctest::Approx(0.35));
}

TEST_CASE("balanced: agrees with its formula, and the mass on the positions is conserved") {
  for (auto const& scene : scenes()) {
    double mass = 0;
    std::size_t seen = 0;
    for (std::size_t key = 0; key < scene.keys; ++key) {
      if (!scene.pointed[key]) continue;
      ++seen;
      for (std::size_t head = 0; head < scene.heads; ++head)
        mass += static_cast<double>(scene.weights[head * scene.keys + key]);
    }
    auto edited = scene.weights;
    edit::balanced{scene.positions}({edited.data(), {scene.heads, scene.keys}}, head_set::first(scene.heads),
                                    {.first = scene.first});
    double after = 0;
    for (std::size_t i = 0; i < edited.size(); ++i) {
      bool const pointed = scene.pointed[i % scene.keys];
      double const expected = pointed ? mass / static_cast<double>(scene.heads * seen) : 0;
      REQUIRE(support::distance(static_cast<double>(edited[i]), expected) < 1e-6);
      after += static_cast<double>(edited[i]);
    }
    REQUIRE(support::distance(after, mass) < 1e-6);
  }
}

TEST_CASE("balanced: rows may lie a stride apart") {
  std::vector<float> memory{0.4f, 0.6f, -1, 0.8f, 0.2f, -1};
  edit::balanced{{{0, 0}}}({memory.data(), {2, 2}, {3, 1}}, head_set::first(2), {});
  CHECK(memory == std::vector{0.6f, 0.0f, -1.0f, 0.6f, 0.0f, -1.0f});
}

TEST_CASE("balanced: some heads share their own mass, and the others keep their weights") {
  std::vector<float> weights{0.5f, 0.5f, 0.9f, 0.1f, 0.2f, 0.8f};
  head_set first_and_last;
  first_and_last.insert(0);
  first_and_last.insert(2);
  edit::balanced{{{0, 0}}}({weights.data(), {3, 2}}, first_and_last, {});
  CHECK(weights == std::vector{0.35f, 0.0f, 0.9f, 0.1f, 0.35f, 0.0f});
}

TEST_CASE("scale: weights on the positions are multiplied by the factor, the others stay as they are") {
  for (double const factor : {0.0, 0.25, 1.0, 3.0})
    for (auto const& scene : scenes()) {
      auto edited = scene.weights;
      for (std::size_t head = 0; head < scene.heads; ++head)
        edit::scale{scene.positions, factor}(scene.row(edited, head), {.first = scene.first});
      for (std::size_t i = 0; i < edited.size(); ++i)
        REQUIRE(edited[i] == scene.weights[i] * (scene.pointed[i % scene.keys] ? static_cast<float>(factor) : 1.0f));
    }
}

TEST_CASE("renormalise: rows sum to 1 again, in the same proportions, and a row of zeros stays one") {
  for (auto const& scene : scenes()) {
    auto edited = scene.weights;
    auto const row = scene.row(edited, 0);
    edit::omit{scene.positions}(row, {.first = scene.first});
    std::vector<double> before(row.begin(), row.end());
    double const sum = std::accumulate(before.begin(), before.end(), 0.0);
    edit::renormalise{}(row, {.first = scene.first});
    for (std::size_t key = 0; key < scene.keys; ++key)
      REQUIRE(support::distance(static_cast<double>(row[key]), sum == 0 ? 0 : before[key] / sum) < 1e-6);
  }
}

TEST_CASE("scale and renormalise: are a softmax whose logits on the positions rose by the factor's logarithm") {
  std::vector<double> const logits{0.3, -1.2, 2, 0.7, -0.4};
  auto raised = logits;
  raised[1] += std::log(6.0);
  raised[2] += std::log(6.0);
  auto row = support::as<float>(support::softmax(logits));
  edit::scale{{{8, 9}}, 6}(row, {.first = 7});
  edit::renormalise{}(row, {.first = 7});
  auto const expected = support::softmax(raised);
  for (std::size_t key = 0; key < row.size(); ++key)
    CHECK(support::distance(static_cast<double>(row[key]), expected[key]) < 1e-6);
}

namespace {

/// What the published code makes of a row while generating: keys lie in a ring of as many slots as the window is wide,
/// positions are taken modulo that, those older than the window are dropped, and where none is left nothing is done.
/// Gives the row in the order of positions.
template <class Change>
std::vector<double> published_row(std::vector<double> const& row, std::size_t query, std::size_t window,
                                  std::vector<std::size_t> const& positions, Change const& change) {
  std::vector<std::optional<double>> ring(window);
  for (std::size_t i = 0; i < row.size(); ++i) ring[(query - i) % window] = row[row.size() - 1 - i];
  std::vector<std::size_t> slots;
  for (auto const position : positions)
    if (position + window > query) slots.push_back(position % window);
  if (!slots.empty()) change(ring, slots);
  std::vector<double> edited(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) edited[row.size() - 1 - i] = *ring[(query - i) % window];
  return edited;
}

}  // namespace

TEST_CASE("window=published: while generating, a row whose window has dropped every position stays as it is") {
  constexpr std::size_t window = 6;
  support::numbers draw{12};
  std::size_t left_alone = 0;
  for (int round = 0; round < 300; ++round) {
    auto const query = 3 + draw.below(20);
    auto const keys = std::min(query + 1, window);
    seen_keys const seen{.first = query + 1 - keys, .phase = phase::generation};
    auto const row = support::as<float>(draw.list(keys, 0.01, 1));
    std::vector<std::size_t> listed(1 + draw.below(3));
    token_positions positions;
    for (auto& position : listed) {
      position = draw.below(query + 1);
      positions.insert({position, position});
    }
    auto const check = [&](auto const& published, auto const& strict, auto const& change) {
      auto edited = row;
      published(edited, seen);
      auto const expected = published_row(support::as<double>(row), query, window, listed, change);
      REQUIRE(support::as<double>(edited) == expected);
      left_alone += edited == row ? 1 : 0;
      // Strictly, and in a prefill under either rule, the edit is done all the same.
      auto exact = row, prefilled = row;
      strict(exact, seen);
      published(prefilled, {.first = seen.first, .phase = phase::prefill});
      REQUIRE(prefilled == exact);
      if (edited != exact) REQUIRE(std::ranges::count(exact, 0.0f) == static_cast<std::ptrdiff_t>(keys));
    };
    check(edit::only{positions, edit::window_rule::published}, edit::only{positions},
          [](auto& ring, auto const& slots) {
            for (std::size_t slot = 0; slot < ring.size(); ++slot)
              if (ring[slot] && std::ranges::find(slots, slot) == slots.end()) ring[slot] = 0;
          });
    check(edit::null{positions, edit::window_rule::published}, edit::null{positions}, [](auto& ring, auto const&) {
      for (auto& weight : ring)
        if (weight) weight = 0;
    });
  }
  CHECK(left_alone > 50);
  CHECK(left_alone < 400);
}

TEST_CASE("window=published: balanced leaves such rows alone too, and null without positions is null") {
  std::vector<float> weights{0.5f, 0.5f, 0.25f, 0.75f};
  auto const before = weights;
  edit::balanced const old{{{3, 5}}, edit::mass_rule::row, edit::window_rule::published};
  old({weights.data(), {2, 2}}, head_set::first(2), {.first = 6});
  CHECK(weights == before);
  old({weights.data(), {2, 2}}, head_set::first(2), {.first = 5});
  CHECK(weights == std::vector{0.375f, 0.0f, 0.375f, 0.0f});
  edit::balanced{{{3, 5}}}({weights.data(), {2, 2}}, head_set::first(2), {.first = 6});
  CHECK(weights == std::vector<float>(4, 0.0f));
  std::vector<float> row{0.5f, 0.5f};
  edit::null{{}, edit::window_rule::published}(row, {.first = 6});
  CHECK(row == std::vector<float>(2, 0.0f));
}

TEST_CASE("balanced: the mass of a pass is spread over each of its rows, and one row is a pass of its own") {
  // two heads, rows of one, two and three keys; positions 0 and 2 share
  std::vector<std::vector<float>> rows{{1, 1}, {0.25f, 0.75f, 0.5f, 0.5f}, {0.2f, 0.3f, 0.5f, 0.6f, 0.3f, 0.1f}};
  edit::balanced const whole{{{0, 0}, {2, 2}}, edit::mass_rule::pass};
  auto const heads = head_set::first(2);
  CHECK(whole.needs_all_rows());
  double total = 0;
  for (std::size_t query = 0; query < 3; ++query) total += whole.sum({rows[query].data(), {2, query + 1}}, heads, {});
  CHECK(total == doctest::Approx(2 + 0.75 + 1.4));
  auto const known = whole.with_pass_total(total, {rows[2].data(), {2, 3}}, heads, {});
  CHECK_FALSE(known.needs_all_rows());
  for (std::size_t query = 0; query < 3; ++query) {
    known({rows[query].data(), {2, query + 1}}, heads, {});
    for (std::size_t i = 0; i < rows[query].size(); ++i) {
      auto const key = i % (query + 1);
      CHECK(static_cast<double>(rows[query][i]) == doctest::Approx(key == 1 ? 0 : 4.15 / (2 * 2)));
    }
  }
  std::vector<float> alone{0.2f, 0.3f, 0.5f, 0.6f, 0.3f, 0.1f}, own = alone;
  whole({alone.data(), {2, 3}}, heads, {});
  edit::balanced{{{0, 0}, {2, 2}}}({own.data(), {2, 3}}, heads, {});
  CHECK(alone == own);
}
