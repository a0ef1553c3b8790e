// What examples/custom_scorer.cpp claims: its scorer, which stands outside the library, works with everything. It is
// the library's `max` under another name, so whatever is done with the one must come out as with the other.

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#define main main_of_the_example
#include "../../../examples/custom_scorer.cpp"
#undef main

#include <headcount/record/recorder.hpp>
#include <support/example_parts.hpp>
#include <support/numbers.hpp>

using namespace headcount;
using support::example;
using support::types;

namespace {

/// Two tokens of a layer of four heads over two key/value heads.
struct scene {
  static constexpr std::size_t heads = 4, group = 2, dim = 3, keys = 9;
  std::vector<float> queries, cached;

  scene() {
    support::numbers draw{3};
    queries = support::as<float>(draw.list(heads * dim, -3, 3));
    cached = support::as<float>(draw.list(keys * heads / group * dim, -2, 2));
  }

  struct result {
    std::vector<std::vector<float>> outputs;  ///< a token
    record::recording recorded;
  };

  template <head_policy Policy>
  result attend(Policy const& policy) const {
    result made;
    record::recorder recorder{{.rows = record::row_form::after_edits}};
    kernel::attention_workspace workspace;
    std::vector<double> memory(heads * policy.state_size(), std::nan(""));
    strided_view<float const, 3> const all{cached.data(), {keys, heads / group, dim}};
    for (std::size_t const seen : {keys - 1, keys}) {
      strided_view<float const, 3> const visible{cached.data(), {seen, heads / group, dim}};
      site const where{.layer = 1, .position = seen - 1, .heads = heads, .group = group};
      auto& outputs = made.outputs.emplace_back(heads * dim);
      kernel::attend(
          policy, where,
          {.queries = {queries.data(), {heads, dim}}, .keys = visible, .values = visible, .memory = std::span{memory}},
          {}, workspace, {outputs.data(), {heads, dim}}, recorder);
    }
    made.recorded = recorder.result();
    return made;
  }
};

void check_same(scene::result const& mine, scene::result const& known) {
  CHECK(mine.outputs == known.outputs);
  REQUIRE(mine.recorded.sites.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    auto const& a = mine.recorded.sites[i];
    auto const& b = known.recorded.sites[i];
    CHECK(a.kept == b.kept);
    CHECK(a.scores == b.scores);
    REQUIRE(a.rows.size() == b.rows.size());
    for (std::size_t row = 0; row < a.rows.size(); ++row) CHECK(a.rows[row].weights == b.rows[row].weights);
  }
}

/// One that drops some heads, under every mask: composed, erased, and read from a sentence that calls it `peak`.
template <class Select, class... Masks>
void check_with(Select const& select, std::tuple<Masks...> const*) {
  scene const at;
  auto const check_a_mask = [&]<class Mask>(Mask const& mask) {
    auto const mine = mine::peak{} | select | mask;
    auto const known = at.attend(score::max{} | select | mask);
    CAPTURE(print(mine));
    check_same(at.attend(mine), known);
    check_same(at.attend(any_policy{mine}), known);
    auto const read = parse_policy<mine::parts>(print(mine), support::empty_files{});
    CHECK(print(read) == print(mine));
    CHECK(print(read.score) == "peak");
  };
  (check_a_mask(example<Masks>()), ...);
}

}  // namespace

TEST_CASE_TEMPLATE_DEFINE("custom scorer: is kept, masked, recorded and read as the library's own with every selector",
                          Select, with_selectors) {
  check_with(example<Select>(), static_cast<types<registry::masks>*>(nullptr));
}
TEST_CASE_TEMPLATE_APPLY(with_selectors, types<registry::selectors>);

TEST_CASE("custom scorer: stands inside other scorers") {
  scene const at;
  for (std::string const form : {"previous(X)", "ema(0.5, X)", "normalised(X)", "sum(X, l2, weights=2, 1)",
                                 "product(X, l2)", "rank_mean(X, entropy)"}) {
    CAPTURE(form);
    auto const with = [&](std::string const& scorer) {
      auto text = form;
      return text.replace(text.find('X'), 1, scorer) + " | top_k(2)";
    };
    check_same(at.attend(parse_policy<mine::parts>(with("peak"))), at.attend(parse_policy(with("max"))));
  }
}

TEST_CASE("custom scorer: decides before values are summed, so that a dropped head's are not touched") {
  scene at;
  auto const policy = mine::peak{} | select::top_groups{1} | mask::zero{};
  auto const before = at.attend(policy);
  auto const kept = before.recorded.sites[1].kept;
  REQUIRE(kept.size() == scene::group);
  auto const dropped = 1 - *kept.begin() / scene::group;  // the other key/value head
  std::vector<float> values = at.cached;
  for (std::size_t key = 0; key < scene::keys; ++key)
    for (std::size_t i = 0; i < scene::dim; ++i) values[(key * 2 + dropped) * scene::dim + i] = std::nanf("");
  kernel::attention_workspace workspace;
  std::vector<float> outputs(scene::heads * scene::dim);
  kernel::attend(policy, {.layer = 1, .position = scene::keys - 1, .heads = scene::heads, .group = scene::group},
                 {.queries = {at.queries.data(), {scene::heads, scene::dim}},
                  .keys = {at.cached.data(), {scene::keys, 2, scene::dim}},
                  .values = {values.data(), {scene::keys, 2, scene::dim}}},
                 {}, workspace, {outputs.data(), {scene::heads, scene::dim}});
  CHECK(outputs == before.outputs[1]);
}
