#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/part/validate_part.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/scorer_state.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/ema.hpp>
#include <headcount/score/normalised.hpp>
#include <headcount/score/previous.hpp>
#include <headcount/score/product.hpp>
#include <headcount/score/rank_mean.hpp>
#include <headcount/score/sum.hpp>
#include <headcount/sentence/parse.hpp>
#include <support/allocations.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>

// Scorers made of scorers: those that look back, and those that join several.

using namespace headcount;
using list = std::vector<double>;

namespace {

/// Scores a head by the number that stands for it at this position: table[position][head].
struct told {
  static constexpr std::string_view name = "told";
  std::vector<list> table;
  [[maybe_unused]] static constexpr auto fields = field_list{};  // a table stands in no sentence
  double operator()(site const& where, std::size_t head) const noexcept { return table[where.position][head]; }
};

/// What a scorer makes of every head at one position.
list scores_at(any_scorer const& score, std::size_t position, std::size_t heads, std::span<double> memory = {}) {
  list scores(heads);
  score_heads(score, {.position = position, .heads = heads}, {.memory = memory}, scores);
  return scores;
}

/// What a scorer makes of every head at each of `tokens` positions in turn, remembering.
std::vector<list> scores_of(any_scorer const& score, std::size_t tokens, std::size_t heads) {
  scorer_state memory;
  std::vector<list> all;
  for (std::size_t position = 0; position < tokens; ++position)
    all.push_back(scores_at(score, position, heads, memory.of(0, score.state_size(), heads)));
  return all;
}

list scores_once(any_scorer const& score, std::size_t heads) { return scores_at(score, 0, heads); }

bool same(list const& a, list const& b) {
  return std::ranges::equal(a, b, [](double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

std::string problem_of(any_scorer const& score, std::size_t heads = 4) {
  try {
    validate_part(score, {.heads = heads});
  } catch (error const& problem) {
    return problem.what();
  }
  return {};
}

constexpr double none_given = support::not_a_number;

}  // namespace

static_assert(layer_scorer<score::previous> && layer_scorer<score::sum> && !layer_scorer<told>);
static_assert(scorer<score::previous> && scorer<score::ema> && scorer<score::normalised> && scorer<score::rank_mean>);

TEST_CASE("previous: a head scores as it did at the token before, and at the first as now") {
  told const inner{{{1, 2}, {3, 4}, {5, 6}}};
  CHECK(scores_of(score::previous{inner}, 3, 2) == std::vector<list>{{1, 2}, {1, 2}, {3, 4}});
  CHECK(scores_of(score::previous{any_scorer{score::previous{inner}}}, 3, 2) ==
        std::vector<list>{{1, 2}, {1, 2}, {1, 2}});
}

TEST_CASE("previous: after NaN a head gets its present score") {
  auto const scores = scores_of(score::previous{told{{{1, 2}, {none_given, 4}, {5, 6}, {7, 8}}}}, 4, 2);
  CHECK(scores[1] == list{1, 2});
  CHECK(scores[2] == list{5, 4});
  CHECK(scores[3] == list{5, 6});
}

TEST_CASE("ema: is the exponentially decaying mean, written out") {
  support::numbers draw{3};
  std::vector<list> table;
  [[maybe_unused]] static constexpr auto fields = field_list{};  // a table stands in no sentence
  for (int token = 0; token < 30; ++token) table.push_back(draw.list(4, -2, 2));
  for (double const decay : {0.0, 0.25, 0.9, 0.999999}) {
    auto const scores = scores_of(score::ema{decay, told{table}}, table.size(), 4);
    for (std::size_t token = 0; token < table.size(); ++token)
      for (std::size_t head = 0; head < 4; ++head) {
        double exact = std::pow(decay, static_cast<double>(token)) * table[0][head];
        for (std::size_t past = 1; past <= token; ++past)
          exact += (1 - decay) * std::pow(decay, static_cast<double>(token - past)) * table[past][head];
        CHECK(support::distance(scores[token][head], exact, 1e-2) < 1e-12);
      }
  }
}

TEST_CASE("ema: starts again after NaN") {
  auto const scores = scores_of(score::ema{0.5, told{{{2}, {none_given}, {8}, {4}}}}, 4, 1);
  CHECK(scores[0] == list{2});
  CHECK(std::isnan(scores[1][0]));
  CHECK(scores[2] == list{8});
  CHECK(scores[3] == list{6});
}

TEST_CASE("previous, ema: without memory every token is the first") {
  told const inner{{{1, 2}, {3, 4}}};
  CHECK(scores_at(score::previous{inner}, 1, 2) == list{3, 4});
  CHECK(scores_at(score::ema{0.5, inner}, 1, 2) == list{3, 4});
}

TEST_CASE("scorer_state: is a value, layer by layer, and forgets when another scorer comes") {
  scorer_state memory;
  memory.belong_to(score::previous{score::l2{}}, select::top_k{1});
  memory.of(2, 1, 3)[1] = 7;
  CHECK(std::isnan(memory.of(2, 1, 3)[0]));
  CHECK(std::isnan(memory.of(0, 1, 3)[1]));
  auto fork = memory;
  fork.of(2, 1, 3)[1] = 8;
  CHECK(memory.of(2, 1, 3)[1] == 7);
  memory.belong_to(score::previous{score::l2{}}, select::top_k{1});
  CHECK(memory.of(2, 1, 3)[1] == 7);
  memory.belong_to(score::previous{score::max{}}, select::top_k{1});
  CHECK(std::isnan(memory.of(2, 1, 3)[1]));
  CHECK(support::allocations_of([&] { memory.of(2, 1, 3)[0] = 1; }) == 0);
}

TEST_CASE("sum: adds scores up, each with its weight") {
  told const a{{{1, 2, none_given}}}, b{{{10, -20, 30}}};
  CHECK(same(scores_once(score::sum{{a, b}}, 3), {11, -18, none_given}));
  CHECK(same(scores_once(score::sum{{a, b}, {2, -0.5}}, 3), {-3, 14, none_given}));
  CHECK(scores_once(score::sum{{b}, {3}}, 3) == list{30, -60, 90});
}

TEST_CASE("sum: takes a weight for each scorer or none") {
  CHECK(problem_of(score::sum{{score::l2{}, score::max{}}}).empty());
  CHECK(problem_of(score::sum{{score::l2{}, score::max{}}, {1, 2}}).empty());
  CHECK(problem_of(score::sum{{score::l2{}, score::max{}}, {1}}) ==
        "sum(l2, max, weights=1): it has 1 weights for 2 scorers (allowed: one for each, or none)");
}

TEST_CASE("product: multiplies scores") {
  told const a{{{1, 2, none_given}}}, b{{{10, 0.5, 30}}};
  CHECK(same(scores_once(score::product{{a, b}}, 3), {10, 1, none_given}));
  CHECK(same(scores_once(score::product{{a, a, b}}, 3), {10, 2, none_given}));
}

TEST_CASE("rank_mean: is the mean of ranks, ties sharing theirs and NaN below every number") {
  told const rising{{{1, 2, 3, 4}}}, falling{{{9, 7, 5, 3}}}, tied{{{5, 5, 5, 1}}};
  CHECK(scores_once(score::rank_mean{{rising}}, 4) == list{0, 1, 2, 3});
  CHECK(scores_once(score::rank_mean{{rising, falling}}, 4) == list{1.5, 1.5, 1.5, 1.5});
  CHECK(scores_once(score::rank_mean{{tied}}, 4) == list{2, 2, 2, 0});
  CHECK(scores_once(score::rank_mean{{rising, tied}}, 4) == list{1, 1.5, 2, 1.5});
  told const partial{{{none_given, -9, -8, -support::infinity}}};
  CHECK(same(scores_once(score::rank_mean{{partial}}, 4), {none_given, 2, 3, 1}));
  CHECK(same(scores_once(score::rank_mean{{rising, partial}}, 4), {none_given, 1.5, 2.5, 2}));
}

TEST_CASE("rank_mean: does not care about units, and ranks add up to what they must") {
  support::numbers draw{12};
  for (int round = 0; round < 30; ++round) {
    auto const heads = 1 + draw.below(40);
    auto const a = draw.list(heads, -1, 1), b = draw.list(heads, 0, 100);
    auto cubed = a;
    for (auto& score : cubed) score = 1e6 * score * score * score + 3;
    auto const means = scores_once(score::rank_mean{{told{{a}}, told{{b}}}}, heads);
    CHECK(scores_once(score::rank_mean{{told{{cubed}}, told{{b}}}}, heads) == means);
    double total = 0;
    for (double const mean : means) total += mean;
    CHECK(total == doctest::Approx(static_cast<double>(heads * (heads - 1)) / 2));
  }
}

TEST_CASE("normalised: has mean 0 and deviation 1 over heads, in their order, whatever the unit") {
  support::numbers draw{13};
  for (int round = 0; round < 30; ++round) {
    auto const heads = 2 + draw.below(40);
    auto const plain = draw.list(heads, -5, 9);
    auto scaled = plain;
    for (auto& score : scaled) score = 1000 * score - 7;
    auto const scores = scores_once(score::normalised{told{{plain}}}, heads);
    auto const of_scaled = scores_once(score::normalised{told{{scaled}}}, heads);
    double mean = 0, squares = 0;
    for (std::size_t head = 0; head < heads; ++head) {
      mean += scores[head] / static_cast<double>(heads);
      squares += scores[head] * scores[head] / static_cast<double>(heads);
      CHECK(support::distance(of_scaled[head], scores[head], 1e-2) < 1e-9);
      for (std::size_t other = 0; other < heads; ++other)
        CHECK((scores[head] < scores[other]) == (plain[head] < plain[other]));
    }
    CHECK(std::abs(mean) < 1e-12);
    CHECK(squares == doctest::Approx(1).epsilon(1e-12));
  }
}

TEST_CASE("normalised: heads that score alike score 0, and what is no finite number stays") {
  CHECK(scores_once(score::normalised{told{{{3, 3, 3}}}}, 3) == list{0, 0, 0});
  CHECK(scores_once(score::normalised{told{{{3}}}}, 1) == list{0});
  CHECK(same(scores_once(score::normalised{told{{{1, none_given, 3, -support::infinity}}}}, 4),
             {-1, none_given, 1, -support::infinity}));
}

TEST_CASE("several: joint scorers read what their scorers read together, and remember for all of them") {
  any_scorer const early{support::last_first{}}, row{score::l2{}}, output{support::output_feature{}};
  CHECK(any_scorer{score::sum{{early}}}.reads() == reading::nothing);
  CHECK(any_scorer{score::sum{{early, row}}}.reads() == reading::row);
  CHECK(any_scorer{score::rank_mean{{output, row}}}.reads().last() == reading::output);
  CHECK(any_scorer{score::product{{row, support::query_feature{}}}}.reads().contains(reading::query));
  CHECK_FALSE(any_scorer{score::product{{row, support::query_feature{}}}}.reads().contains(reading::output));
  CHECK(any_scorer{score::normalised{score::previous{row}}}.reads() == reading::row);
  CHECK(any_scorer{score::sum{{score::previous{row}, score::ema{0.5, score::previous{row}}, row}}}.state_size() == 3);
}

TEST_CASE("several: each scorer inside has a memory of its own") {
  told const a{{{1, 2}, {3, 4}, {5, 6}}}, b{{{10, 20}, {30, 40}, {50, 60}}};
  auto const scores = scores_of(score::sum{{score::previous{a}, score::ema{0.5, b}, a}}, 3, 2);
  CHECK(scores[0] == list{1 + 10 + 1, 2 + 20 + 2});
  CHECK(scores[1] == list{1 + 20 + 3, 2 + 30 + 4});
  CHECK(scores[2] == list{3 + 35 + 5, 4 + 45 + 6});
}

TEST_CASE("several: a scorer inside that cannot work is refused") {
  CHECK(problem_of(score::previous{score::entropy{.eps = 5}}).find("eps = 5: out of range") != std::string::npos);
  CHECK(problem_of(score::rank_mean{{score::l2{}, score::sum{{score::lp{0}}}}}).find("p = 0: out of range") !=
        std::string::npos);
  CHECK(problem_of(score::ema{1, score::l2{}}).find("decay = 1: out of range") != std::string::npos);
}

TEST_CASE("several: joint scorers choose heads by rows and outputs together") {
  std::vector<float> const weights{0.9f, 0.1f, 0.5f, 0.5f, 0.6f, 0.4f};  // three heads, two keys
  std::vector<float> outputs{1, 0, 0, 9, 3, 3};                          // three heads, two features
  strided_view<float const, 4> const rows{weights.data(), {1, 3, 1, 2}};
  auto const policy = parse_policy("rank_mean(max, output_norm) | top_k(1)");
  // By max 0, 2, 1; by output 1, 2, 0: ranks 2 + 0, 0 + 2, 1 + 1, a tie of all.
  sparsify(policy, {}, rows, strided_view<float, 4>{outputs.data(), {1, 1, 3, 2}});
  CHECK(outputs == std::vector<float>{1, 0, 0, 0, 0, 0});
  outputs = {1, 0, 0, 9, 3, 3};
  sparsify(parse_policy("sum(max, output_norm, weights=1, 0.1) | top_k(1)"), {}, rows,
           strided_view<float, 4>{outputs.data(), {1, 1, 3, 2}});
  CHECK(outputs == std::vector<float>{0, 0, 0, 9, 0, 0});  // 1.0, 1.4, 1.02
}

TEST_CASE("sparsify: keeps what a policy remembers with each sequence, token by token or all at once") {
  constexpr std::size_t batch = 2, heads = 3, tokens = 6, dim = 2;
  support::numbers draw{21};
  std::vector<float> weights(batch * heads * tokens * tokens);
  for (std::size_t row = 0; row < batch * heads * tokens; ++row) {
    auto const visible = row % tokens + 1;
    auto const values = support::softmax(draw.list(visible, -3, 3));
    for (std::size_t key = 0; key < visible; ++key) weights[row * tokens + key] = static_cast<float>(values[key]);
  }
  strided_view<float const, 4> const all{weights.data(), {batch, heads, tokens, tokens}};
  auto const policy = parse_policy("sum(ema(0.5, entropy), previous(max)) | top_k(1)");
  std::vector<float> at_once(batch * tokens * heads * dim, 1.0f), stepped = at_once;
  std::vector<scorer_state> memories(batch);
  sparsify(policy, {}, all, strided_view<float, 4>{at_once.data(), {batch, tokens, heads, dim}}, memories);

  std::vector<scorer_state> step_memories(batch);
  for (std::size_t token = 0; token < tokens; ++token)
    for (std::size_t row = 0; row < batch; ++row) {
      auto const axis = [](std::size_t stride) { return static_cast<std::ptrdiff_t>(stride); };
      strided_view<float const, 4> const one{
          &all(row, 0, token, 0), {1, heads, 1, token + 1}, {0, axis(tokens * tokens), axis(tokens), 1}};
      strided_view<float, 4> const out{stepped.data() + (row * tokens + token) * heads * dim, {1, 1, heads, dim}};
      auto const step = [&] { sparsify(policy, {}, one, out, std::span{step_memories}.subspan(row, 1)); };
      auto const allocations = support::allocations_of(step);
      CHECK((allocations == 0) == (token > 0));  // a layer's memory is made when the layer is met
    }
  CHECK(stepped == at_once);

  auto const refuse = [&](any_policy const& what, std::span<scorer_state> given) {
    try {
      sparsify(what, {}, all, strided_view<float, 4>{at_once.data(), {batch, tokens, heads, dim}}, given);
    } catch (error const& problem) {
      return std::string{problem.what()};
    }
    return std::string{};
  };
  CHECK(refuse(policy, {}) ==
        "policy: its scorer remembers, and 0 memories were given (allowed: one for each of 2 batch rows)");
  CHECK(refuse(parse_policy("contribution_norm | top_k(1)"), {}) ==
        "policy: its scorer reads contributions (allowed: scorers that read rows, outputs or nothing)");
}
