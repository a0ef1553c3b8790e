#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/edit/balanced.hpp>
#include <headcount/edit/edit.hpp>
#include <headcount/edit/null.hpp>
#include <headcount/edit/omit.hpp>
#include <headcount/edit/only.hpp>
#include <headcount/mask/zero.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

struct not_noexcept {
  static constexpr std::string_view name = "not_noexcept";
  void operator()(std::span<float>, std::size_t) const {}
};

static_assert(row_edit<edit::omit> && row_edit<edit::only> && row_edit<edit::null>);
static_assert(all_heads_edit<edit::balanced> && !row_edit<edit::balanced> && weight_edit<edit::balanced>);
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
    for (std::size_t head = 0; head < scene.heads; ++head) Edit{scene.positions}(scene.row(edited, head), scene.first);
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
  edit::omit{{{3, 5}}}(row, 4);  // keys at positions 4 to 7
  CHECK(row == std::vector{0.0f, 0.0f, 0.3f, 0.4f});
  edit::only{{{7, 99}}}(row, 4);
  CHECK(row == std::vector{0.0f, 0.0f, 0.0f, 0.4f});
}

TEST_CASE("edits: a row without keys is left as it is") {
  edit::omit{{{0, 3}}}({}, 2);
  edit::only{{{0, 3}}}({}, 2);
  edit::null{}({}, 2);
}

TEST_CASE("balanced: weights on the positions share their mass evenly, the others become 0") {
  // two heads, three keys at positions 10 to 12, of which 11 and 12 share 0.2 + 0.3 + 0.1 + 0.8 = 1.4
  std::vector<float> weights{0.5f, 0.2f, 0.3f, 0.1f, 0.1f, 0.8f};
  edit::balanced{{{11, 30}, {2, 9}}}({weights.data(), {2, 3}}, 10);
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
    edit::balanced{scene.positions}({edited.data(), {scene.heads, scene.keys}}, scene.first);
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
  edit::balanced{{{0, 0}}}({memory.data(), {2, 2}, {3, 1}}, 0);
  CHECK(memory == std::vector{0.6f, 0.0f, -1.0f, 0.6f, 0.0f, -1.0f});
}
