#include <cmath>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/decision_trace.hpp>
#include <headcount/core/error.hpp>
#include <headcount/kernel/attention.hpp>
#include <headcount/policy/any_edit.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/policy/decide.hpp>
#include <headcount/policy/validate.hpp>
#include <headcount/record/recorder.hpp>
#include <headcount/score/replay.hpp>
#include <headcount/sentence/registry.hpp>
#include <support/numbers.hpp>

using namespace headcount;

namespace {

constexpr std::size_t heads = 3;
constexpr std::size_t dim = 2;
constexpr std::size_t width = 4;  // keys that a query sees

/// Two sequences in layers 1 and 4: positions 0 to 3 as prefill, 4 to 6 as generation, each over its last four keys.
template <class Policy>
void run(Policy const& policy, record::recorder& recorder, std::vector<any_edit> const& edits = {}) {
  support::numbers draw{5};
  kernel::attention_workspace workspace;
  for (std::size_t const layer : {1u, 4u})
    for (std::size_t row = 0; row < 2; ++row) {
      auto const keys = support::as<float>(draw.list(7 * dim, -2, 2));
      for (std::size_t position = 0; position < 7; ++position) {
        auto const queries = support::as<float>(draw.list(heads * dim, -2, 2));
        auto const seen = std::min(position + 1, width);
        auto const first = position + 1 - seen;
        strided_view<float const, 3> const seen_keys{keys.data() + first * dim, {seen, 1, dim}};
        std::vector<float> outputs(heads * dim);
        kernel::attend(
            policy,
            {.layer = layer,
             .phase = position < 4 ? phase::prefill : phase::generation,
             .sequence_id = row,
             .position = position,
             .heads = heads,
             .group = heads},
            {.queries = {queries.data(), {heads, dim}}, .keys = seen_keys, .values = seen_keys, .first_key = first},
            edits, workspace, {outputs.data(), {heads, dim}}, recorder);
      }
    }
}

record::recording recorded(any_policy const& policy, record::recording_plan const& plan,
                           std::vector<any_edit> const& edits = {}) {
  record::recorder recorder{plan};
  run(policy, recorder, edits);
  return recorder.result();
}

any_policy const two_best = score::entropy{} | select::top_k{2};

/// The heads that have the two highest of three scores.
head_set two_highest(std::vector<double> const& scores) {
  std::size_t lowest = 0;
  for (std::size_t head = 1; head < heads; ++head)
    if (scores[head] <= scores[lowest]) lowest = head;
  auto kept = head_set::first(heads);
  kept.erase(lowest);
  return kept;
}

}  // namespace

TEST_CASE("recorder: every site with its scores, its rows and the heads that those scores keep") {
  auto const all = recorded(two_best, {.rows = record::row_form::before_edits});
  CHECK(all.left_out == 0);
  REQUIRE(all.sites.size() == 2 * 2 * 7);
  std::size_t at = 0;
  for (std::size_t row = 0; row < 2; ++row)
    for (std::size_t const layer : {1u, 4u})
      for (std::size_t position = 0; position < 7; ++position) {
        auto const& one = all.sites[at++];
        CHECK(one.where.sequence_id == row);
        CHECK(one.where.layer == layer);
        CHECK(one.where.position == position);
        CHECK(one.where.phase == (position < 4 ? phase::prefill : phase::generation));
        REQUIRE(one.rows.size() == heads);
        REQUIRE(one.scores.size() == heads);
        for (std::size_t head = 0; head < heads; ++head) {
          CHECK(one.rows[head].head == head);
          REQUIRE(one.rows[head].weights.size() == std::min(position + 1, width));
          double sum = 0;
          double minus_entropy = 0;
          for (double const p : one.rows[head].weights) {
            sum += p;
            minus_entropy += p > 0 ? p * std::log2(p) : 0;
          }
          CHECK(sum == doctest::Approx(1));
          CHECK(one.scores[head] == doctest::Approx(minus_entropy).epsilon(1e-6));
        }
        if (position > 0) CHECK(one.kept == two_highest(one.scores));
      }
}

TEST_CASE("recorder: phases, layers, first and last choose among the sites") {
  using record::occurrence;
  struct wanted {
    record::recording_plan plan;
    std::vector<std::size_t> positions;  // of each sequence and layer
    std::size_t layers;
  };
  scope const generation{.during = phase::generation, .layers = {}};
  scope prefill_of_four{.during = phase::prefill, .layers = layer_set{}};
  prefill_of_four.layers->insert(4);
  for (auto const& [plan, positions, layers] :
       {wanted{{.which = occurrence::first}, {0}, 2}, wanted{{.which = occurrence::last}, {6}, 2},
        wanted{{.where = generation}, {4, 5, 6}, 2}, wanted{{.where = generation, .which = occurrence::first}, {4}, 2},
        wanted{{.where = prefill_of_four}, {0, 1, 2, 3}, 1},
        wanted{{.where = prefill_of_four, .which = occurrence::last}, {3}, 1}}) {
    auto const some = recorded(two_best, plan);
    auto const all = recorded(two_best, {});
    std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> found;
    for (auto const& one : some.sites) found[{one.where.sequence_id, one.where.layer}].push_back(one.where.position);
    CHECK(found.size() == 2 * layers);
    for (auto const& [place, at] : found) CHECK(at == positions);
    auto const whole = all.trace();
    for (auto const& one : some.sites) CHECK(whole.find(one.where)->kept == one.kept);
    CHECK(some.sites.front().rows.empty());
  }
}

TEST_CASE("recorder: rows before and after edits differ by the edits, and scores do not") {
  std::vector<any_edit> const edits{edit::omit{{{5, 5}}}};
  auto const before = recorded(two_best, {.rows = record::row_form::before_edits}, edits);
  auto const after = recorded(two_best, {.rows = record::row_form::after_edits}, edits);
  REQUIRE(before.sites.size() == after.sites.size());
  std::size_t changed = 0;
  for (std::size_t i = 0; i < before.sites.size(); ++i) {
    CHECK(before.sites[i].scores == after.sites[i].scores);
    REQUIRE(after.sites[i].rows.size() == heads);
    for (std::size_t head = 0; head < heads; ++head) {
      auto expected = before.sites[i].rows[head].weights;
      auto const position = before.sites[i].where.position;
      if (position >= 5) {
        expected[expected.size() - 1 - (position - 5)] = 0;
        ++changed;
      }
      CHECK(after.sites[i].rows[head].weights == expected);
    }
  }
  CHECK(changed == 2 * 2 * 2 * heads);
}

TEST_CASE("recorder: what finds no room is left out whole and counted") {
  auto const all = recorded(two_best, {.rows = record::row_form::before_edits});
  auto const some = recorded(two_best, {.rows = record::row_form::before_edits, .most_bytes = 4000});
  CHECK(some.sites.size() + some.left_out == all.sites.size());
  CHECK(some.left_out > 0);
  CHECK(some.sites.size() > 2);
  auto const whole = all.trace();
  for (auto const& one : some.sites) {
    CHECK(one.rows.size() == heads);
    CHECK(one.scores.size() == heads);
    CHECK(whole.find(one.where)->kept == one.kept);
  }
  // The last site of each sequence and layer needs the room of one.
  auto const last = recorded(two_best, {.which = record::occurrence::last, .most_bytes = 4000});
  CHECK(last.left_out == 0);
  CHECK(last.sites.size() == 4);
  CHECK(recorded(two_best, {.most_bytes = 0}).left_out == all.sites.size());
}

TEST_CASE("replay: keeps what the recorded run kept, and everything where nothing was recorded") {
  auto const all = recorded(two_best, {});
  auto const trace = all.trace();
  any_policy const again = score::replay{in_memory("T.safetensors", trace)} | select::threshold{0.5};
  CHECK(print(again) == "replay(T.safetensors) | threshold(0.5)");
  CHECK(again.reads() == reading::nothing);
  CHECK(recorded(again, {}).trace() == trace);

  auto const late = recorded(two_best, {.where = {.during = phase::generation, .layers = {}}}).trace();
  any_policy const in_part = score::replay{in_memory("T.safetensors", late)} | select::threshold{0.5};
  for (auto const& one : recorded(in_part, {}).trace().decisions)
    CHECK(one.kept ==
          (one.position < 4
               ? head_set::first(heads)
               : trace.find({.layer = one.layer, .sequence_id = one.sequence_id, .position = one.position})->kept));

  CHECK_NOTHROW(validate(again, {.layer = 1, .heads = 3}));
  CHECK_NOTHROW(validate(again, {.layer = 2, .heads = 8}));
  auto const message = [](auto const& policy, site const& where) -> std::string {
    try {
      validate(policy, where);
    } catch (error const& problem) {
      return problem.what();
    }
    return "";
  };
  CHECK(message(again, {.layer = 4, .heads = 4}) ==
        "replay(T.safetensors): it records 3 heads of layer 4, which has 4 (allowed: a trace of this model)");
  CHECK(message(score::replay{} | select::threshold{0.5}, {.heads = 3}).find("no trace was read") != std::string::npos);
}
