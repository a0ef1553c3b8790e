#include <cstddef>
#include <string_view>

#include <doctest/doctest.h>

#include <headcount/part/part.hpp>
#include <headcount/score/accumulator.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/l2.hpp>
#include <headcount/score/random.hpp>
#include <headcount/score/scorer.hpp>
#include <headcount/score/unscored.hpp>
#include <headcount/select/top_k.hpp>
#include <support/parts.hpp>

using namespace headcount;

namespace {

struct not_noexcept {
  static constexpr std::string_view name = "not_noexcept";
  double operator()(head_query) const { return 0; }
};
struct not_const {
  static constexpr std::string_view name = "not_const";
  double operator()(head_query) noexcept { return 0; }
};
struct returns_float {
  static constexpr std::string_view name = "returns_float";
  float operator()(head_query) const noexcept { return 0; }
};
struct without_name {
  double operator()(head_query) const noexcept { return 0; }
};
struct with_constructor {
  [[maybe_unused]] static constexpr std::string_view name = "with_constructor";
  explicit with_constructor(int) {}
  double operator()(head_query) const noexcept { return 0; }
};
struct reads_two_things {
  static constexpr std::string_view name = "reads_two_things";
  double operator()(head_query) const noexcept { return 0; }
  double operator()(head_output) const noexcept { return 0; }
};
struct reads_doubles_only {
  static constexpr std::string_view name = "reads_doubles_only";
  double operator()(std::span<double const>) const noexcept { return 0; }
};
struct reads_spans_only {
  static constexpr std::string_view name = "reads_spans_only";
  double operator()(std::span<float const>) const noexcept { return 0; }
};
struct half_accumulated {
  static constexpr std::string_view name = "half_accumulated";
  double operator()(row_view) const noexcept { return 0; }
  struct accumulator {
    void add(std::size_t, double) noexcept {}
  };
};

}  // namespace

static_assert(reads_of(score::random{}) == reading::nothing && reads_of(score::unscored{}) == reading::nothing);
static_assert(reads_of(score::entropy{}) == reading::row && reads_of(score::l2{}) == reading::row);
static_assert(reads_of(support::last_first{}) == reading::nothing);
static_assert(reads_of(support::query_feature{}) == reading::query);
static_assert(reads_of(support::newest_weight{}) == reading::row);
static_assert(reads_of(support::output_feature{}) == reading::output);

static_assert(head_scorer<score::entropy> && head_scorer<score::random> && head_scorer<support::query_feature>);
static_assert(layer_scorer<score::predictor> && !head_scorer<score::predictor> && !layer_scorer<score::entropy>);
static_assert(may_read<score::l2>(reading::row) && !may_read<score::l2>(reading::nothing));
static_assert(may_read<score::sum>(reading::nothing) && may_read<score::sum>(reading::output));

static_assert(!scorer<not_noexcept> && !scorer<not_const> && !scorer<returns_float> && !scorer<without_name>);
static_assert(!scorer<with_constructor> && !scorer<reads_doubles_only> && !scorer<reads_spans_only>);
static_assert(std::popcount(evidence_of<reads_two_things>) == 2 && !scorer<reads_two_things>);
static_assert(!scorer<select::top_k> && !scorer<int> && !scorer<support::constant>);

static_assert(accumulated_scorer<score::entropy> && accumulated_scorer<score::l2>);
static_assert(!accumulated_scorer<score::random> && !accumulated_scorer<support::newest_weight>);
static_assert(head_scorer<half_accumulated> && !accumulated_scorer<half_accumulated>);

static_assert(policy_part<score::entropy> && policy_part<select::top_k> && !policy_part<without_name>);
static_assert(!policy_part<with_constructor>, "a part is an aggregate");

TEST_CASE("reading: the later in the list, the more must be done for heads that are then dropped") {
  CHECK(reading::nothing < reading::query);
  CHECK(reading::query < reading::row);
  CHECK(reading::row < reading::output);
}

TEST_CASE("unscored: every head scores 0") { CHECK(score::unscored{}({.layer = 3, .heads = 8}, 5) == 0); }
