#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/strided_view.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/scorer_state.hpp>
#include <headcount/policy/sparsify.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/select/hysteresis.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/float64.hpp>
#include <support/numbers.hpp>
#include <support/parts.hpp>

using namespace headcount;

namespace {

constexpr std::array<std::size_t, 4> weight_axes{2, 4, 3, 6};  // [batch, head, query, key]
constexpr std::array<std::size_t, 4> output_axes{2, 3, 4, 5};  // [batch, query, head, dim]

using indices = std::array<std::size_t, 4>;

/// Visits every index of four axes.
template <class Visit>
void for_each_index(std::array<std::size_t, 4> const& axes, Visit const& visit) {
  for (std::size_t a = 0; a < axes[0]; ++a)
    for (std::size_t b = 0; b < axes[1]; ++b)
      for (std::size_t c = 0; c < axes[2]; ++c)
        for (std::size_t d = 0; d < axes[3]; ++d) visit(indices{a, b, c, d});
}

/// A tensor whose axes lie in memory in any order, with gaps of `gap` elements between neighbours; gaps hold -99.
template <class Number>
struct laid_out {
  std::vector<Number> memory;
  strided_view<Number, 4> view;

  laid_out(std::array<std::size_t, 4> const& axes, std::array<std::size_t, 4> const& slowest_first, std::size_t gap) {
    std::array<std::ptrdiff_t, 4> strides{};
    std::size_t stride = gap;
    for (std::size_t step = 4; step-- > 0; stride *= axes[slowest_first[step]])
      strides[slowest_first[step]] = static_cast<std::ptrdiff_t>(stride);
    memory.assign(stride, Number{-99});
    view = {memory.data(), axes, strides};
  }
  [[nodiscard]] Number& at(indices const& i) const { return view(i[0], i[1], i[2], i[3]); }
};

double weight_at(indices const& i) {
  static auto const values = [] {
    support::numbers draw{21};
    std::vector<double> all;
    for (std::size_t row = 0; row < 2 * 4 * 3; ++row)
      for (double const weight : support::softmax(draw.list(6, -3, 3))) all.push_back(weight);
    return all;
  }();
  return values[((i[0] * 4 + i[1]) * 3 + i[2]) * 6 + i[3]];
}
double output_at(indices const& i) { return 1 + static_cast<double>(((i[0] * 3 + i[1]) * 4 + i[2]) * 5 + i[3]); }

/// The two best heads of each query by the norm of what it sees, worked out from the numbers themselves.
bool is_kept(std::size_t batch, std::size_t query, std::size_t head) {
  auto const score = [&](std::size_t other) {
    double squares = 0;
    for (std::size_t key = 0; key + 2 < 6 + query; ++key) squares += std::pow(weight_at({batch, other, query, key}), 2);
    return squares;
  };
  int better = 0;
  for (std::size_t other = 0; other < 4; ++other) better += score(other) > score(head);
  return better < 2;
}

template <class Number, class Policy>
void check_layouts(Policy const& policy) {
  std::array<std::size_t, 4> order{0, 1, 2, 3};
  do {
    for (std::size_t const gap : {1, 3}) {
      laid_out<Number> weights{weight_axes, order, gap};
      laid_out<Number> outputs{output_axes, {order[3], order[1], order[0], order[2]}, gap};
      for_each_index(weight_axes, [&](indices const& i) { weights.at(i) = static_cast<Number>(weight_at(i)); });
      for_each_index(output_axes, [&](indices const& i) { outputs.at(i) = static_cast<Number>(output_at(i)); });
      sparsify(policy, {}, weights.view, outputs.view);
      for_each_index(output_axes, [&](indices const& i) {
        REQUIRE(outputs.at(i) == static_cast<Number>(is_kept(i[0], i[1], i[2]) ? output_at(i) : 0));
      });
      auto const gaps = std::ranges::count(outputs.memory, Number{-99});
      REQUIRE(gaps == static_cast<std::ptrdiff_t>(outputs.memory.size() / gap * (gap - 1)));
    }
  } while (std::ranges::next_permutation(order).found);
}

/// Records the sites that it is asked about: reads nothing, keeps nothing of note.
struct spy {
  static constexpr std::string_view name = "spy";
  std::vector<site>* sites = nullptr;
  [[maybe_unused]] static constexpr auto fields = field_list{};
  double operator()(site const& where, std::size_t head) const noexcept {
    if (head == 0) sites->push_back(where);
    return 0;
  }
};

/// Records the row lengths that it is given.
struct length {
  static constexpr std::string_view name = "length";
  std::vector<std::size_t>* lengths = nullptr;
  [[maybe_unused]] static constexpr auto fields = field_list{};
  double operator()(attention_row auto const& row) const noexcept {
    lengths->push_back(row.size());
    return static_cast<double>(row.size());
  }
};

}  // namespace

TEST_CASE("sparsify: zeroes the dropped heads' outputs and no other number, whatever the order of the axes") {
  check_layouts<float>(score::l2{} | select::top_k{2});
  check_layouts<float>(any_policy{score::l2{} | select::top_k{2}});
  check_layouts<double>(score::l2{} | select::top_k{2});
}

TEST_CASE("sparsify: query t of Q sees the first K - Q + t + 1 of K keys") {
  std::vector<std::size_t> lengths;
  std::vector<float> weights(2 * 3 * 7);
  std::vector<float> outputs(3 * 2 * 1);
  sparsify(length{&lengths} | select::top_k{2}, {}, strided_view<float, 4>{weights.data(), {1, 2, 3, 7}},
           strided_view<float, 4>{outputs.data(), {1, 3, 2, 1}});
  CHECK(lengths == std::vector<std::size_t>{5, 5, 6, 6, 7, 7});
}

TEST_CASE("sparsify: keys that a query cannot see have no say") {
  // Head 0 puts all it sees on one key, head 1 on two; what stands behind the diagonal would turn the choice.
  std::vector<float> const weights{1,    0,    9,  0,    1,    0, /* head 0: queries see two keys, three keys */
                                   0.5f, 0.5f, 99, 0.5f, 0.5f, 0};
  std::vector<float> outputs{1, 2, 3, 4};
  sparsify(score::l2{} | select::top_k{1}, {}, strided_view<float const, 4>{weights.data(), {1, 2, 2, 3}},
           strided_view<float, 4>{outputs.data(), {1, 2, 2, 1}});
  CHECK(outputs == std::vector{1.0f, 0.0f, 3.0f, 0.0f});
}

TEST_CASE("sparsify: tells the scorer the layer, phase, sequence and position, and the policy once a query") {
  std::vector<site> sites;
  std::vector<float> weights(2 * 2 * 2 * 3);
  std::vector<float> outputs(2 * 2 * 2 * 1);
  sparsify(spy{&sites} | select::top_k{1},
           {.layer = 6, .phase = phase::prefill, .group = 2, .first_sequence = 10, .first_key = 100},
           strided_view<float, 4>{weights.data(), {2, 2, 2, 3}}, strided_view<float, 4>{outputs.data(), {2, 2, 2, 1}});
  REQUIRE(sites.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(sites[i].layer == 6);
    CHECK(sites[i].phase == phase::prefill);
    CHECK(sites[i].sequence_id == 10 + i / 2);
    CHECK(sites[i].position == 101 + i % 2);
    CHECK(sites[i].heads == 2);
    CHECK(sites[i].group == 2);
  }
}

TEST_CASE("sparsify: where the scope does not reach, outputs stay as they are bit for bit") {
  auto const not_a_number = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> const before{-0.0f, not_a_number, 1e-45f, static_cast<float>(support::infinity)};
  std::vector<float> const weights(4 * 3, 0.3f);
  layer_set second;
  second.insert(2);
  auto const unchanged = [&](auto const& policy, layer_pass const& pass) {
    auto outputs = before;
    sparsify(policy, pass, strided_view<float const, 4>{weights.data(), {1, 4, 1, 3}},
             strided_view<float, 4>{outputs.data(), {1, 1, 4, 1}});
    return std::memcmp(outputs.data(), before.data(), before.size() * sizeof(float)) == 0;
  };
  auto const check = [&](auto const& policy) {
    CHECK(unchanged(policy.during(phase::generation), {.layer = 2, .phase = phase::prefill}));
    CHECK(unchanged(policy.during(phase::prefill), {.layer = 2, .phase = phase::generation}));
    CHECK(unchanged(policy.in_layers(second), {.layer = 3}));
    CHECK_FALSE(unchanged(policy.in_layers(second), {.layer = 2}));
    CHECK_FALSE(unchanged(policy.during(phase::prefill), {.layer = 7, .phase = phase::prefill}));
  };
  check(score::entropy{} | select::top_k{1});
  check(score::random{} | select::top_k{1});
  check(support::output_feature{} | select::top_k{1});
  check(any_policy{score::entropy{} | select::top_k{1}});
  CHECK(unchanged(dense, {}));
  CHECK(unchanged(score::entropy{} | select::top_k{4}, {}));
}

TEST_CASE("sparsify: scorers of outputs score them before any is masked") {
  std::vector<float> const weights(3 * 2, 0.5f);
  for (bool const erased : {false, true}) {
    std::vector<float> outputs{3, 1, 5, 2, 4, 3};  // [head, dim]
    strided_view<float, 4> const view{outputs.data(), {1, 1, 3, 2}};
    strided_view<float const, 4> const rows{weights.data(), {1, 3, 1, 2}};
    auto const policy = support::output_feature{} | select::top_k{1} | support::constant{-1};
    if (erased) sparsify(any_policy{policy}, {}, rows, view);
    else sparsify(policy, {}, rows, view);
    CHECK(outputs == std::vector{-1.0f, -1.0f, 5.0f, 2.0f, -1.0f, -1.0f});
  }
}

TEST_CASE(
    "sparsify: shapes that disagree, heads that do not suffice and queries unseen throw before anything is written") {
  std::vector<float> weights(2 * 3 * 2 * 4, 0.25f);
  auto const refuses = [&](auto const& policy, std::array<std::size_t, 4> of_weights,
                           std::array<std::size_t, 4> of_outputs) {
    std::vector<float> outputs(100, 1.0f);
    std::string message;
    try {
      sparsify(policy, {.layer = 4}, strided_view<float, 4>{weights.data(), of_weights},
               strided_view<float, 4>{outputs.data(), of_outputs});
    } catch (error const& problem) {
      message = problem.what();
    }
    CHECK(std::ranges::count(outputs, 1.0f) == 100);
    return message;
  };
  auto const shapes =
      "outputs: their shape does not fit the weights' (allowed: [batch, query, head, dim] for weights "
      "[batch, head, query, key])";
  CHECK(refuses(none, {2, 3, 2, 4}, {1, 2, 3, 5}) == shapes);
  CHECK(refuses(none, {2, 3, 2, 4}, {2, 3, 2, 5}) == shapes);
  CHECK(refuses(none, {2, 3, 2, 4}, {2, 2, 4, 5}) == shapes);
  CHECK(refuses(none, {2, 3, 2, 4}, {2, 1, 3, 5}) == shapes);
  CHECK(refuses(none, {2, 3, 4, 2}, {2, 4, 3, 4}) ==
        "weights: 4 queries cannot see 2 keys (allowed: [batch, head, query, key] with at least as many keys as "
        "queries)");
  CHECK(refuses(score::l2{} | select::top_k{4}, {2, 3, 2, 4}, {2, 2, 3, 5}) ==
        "top_k(4): layer 4 has 3 heads (allowed: k from 0 to 3)");
  CHECK(refuses(any_policy{score::l2{} | select::top_k{4}}, {2, 3, 2, 4}, {2, 2, 3, 5}) ==
        "top_k(4): layer 4 has 3 heads (allowed: k from 0 to 3)");
  CHECK(refuses(none, {0, 257, 1, 1}, {0, 1, 257, 1}) == "layer 4: it has 257 heads (allowed: at most 256)");
  CHECK(refuses(any_policy{support::query_feature{} | select::top_k{1}}, {2, 3, 2, 4}, {2, 2, 3, 5}) ==
        "policy: its scorer reads queries (allowed: scorers that read rows, outputs or nothing)");
}

TEST_CASE("sparsify: a selector that remembers does, whether its policy's parts are known or not") {
  // Two keys; the entropy of head 0 falls below the bar, then between both: it is kept, as nobody else is.
  constexpr auto holding = score::entropy{} | select::hysteresis{.enter = -0.1, .leave = -0.6};
  auto const kept = [&](auto const& policy, std::span<scorer_state> memories, float weight) {
    std::array<float, 4> const weights{weight, 1 - weight, 0.5f, 0.5f};
    std::array<float, 2> outputs{1, 1};
    sparsify(policy, {}, strided_view<float const, 4>{weights.data(), {1, 2, 1, 2}},
             strided_view<float, 4>{outputs.data(), {1, 1, 2, 1}}, memories);
    return outputs;
  };
  auto const checked = [&](auto const& policy) {
    std::vector<scorer_state> memories(1);
    CHECK(kept(policy, memories, 0.9f) == std::array{0.0f, 0.0f});   // 0.47 bits: not yet
    CHECK(kept(policy, memories, 0.99f) == std::array{1.0f, 0.0f});  // 0.08
    CHECK(kept(policy, memories, 0.9f) == std::array{1.0f, 0.0f});
    CHECK(kept(policy, memories, 0.7f) == std::array{0.0f, 0.0f});  // 0.88
  };
  checked(holding);
  checked(any_policy{holding});
}

TEST_CASE("sparsify: a layer without batch rows, queries or numbers an output is left as it is") {
  sparsify(none, {}, strided_view<float, 4>{nullptr, {0, 3, 2, 4}}, strided_view<float, 4>{nullptr, {0, 2, 3, 5}});
  sparsify(none, {}, strided_view<float, 4>{nullptr, {2, 3, 0, 4}}, strided_view<float, 4>{nullptr, {2, 0, 3, 5}});
  std::vector<float> weights(12, 0.5f);
  sparsify(none, {}, strided_view<float, 4>{weights.data(), {2, 3, 1, 2}},
           strided_view<float, 4>{nullptr, {2, 1, 3, 0}});
}

#ifndef NDEBUG
TEST_CASE("sparsify: a debug build finds out weights and outputs that were swapped") {
  std::vector<float> weights{0.5f, 0.5f, 0.9f, 0.1f}, outputs{-1, 2, 3, 4};
  auto const policy = score::entropy{} | select::top_k{1};
  auto const shape = [](std::vector<float>& memory) { return strided_view<float, 4>{memory.data(), {1, 2, 1, 2}}; };
  auto const other = [](std::vector<float>& memory) { return strided_view<float, 4>{memory.data(), {1, 1, 2, 2}}; };
  CHECK_NOTHROW(sparsify(policy, {}, shape(weights), other(outputs)));
  outputs = {-1, 2, 3, 4};
  CHECK_THROWS_WITH_AS(
      sparsify(policy, {}, shape(outputs), other(weights)),
      "weights: the row of head 0 at query 0 has a weight below 0 (allowed: rows after softmax, [batch, "
      "head, query, key]; are weights and outputs swapped?)",
      error);
  outputs = {1, 2, 3, 4};
  CHECK_THROWS_AS(sparsify(policy, {}, shape(outputs), other(weights)), error);
  CHECK(weights == std::vector<float>{0.5f, 0.5f, 0.9f, 0.1f});
}
#endif
