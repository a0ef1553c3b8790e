// Layers of every order, and every recurrence: what is taken away of them, and passes that several policies share.

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/error.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/reference/model/state.hpp>
#include <headcount/sentence/parse.hpp>

#include "../support/batch.hpp"
#include "../support/controls.hpp"
#include "../support/files.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

struct hybrid {
  std::string name;
  std::string recurrence;  ///< the word for it in edits
  std::size_t at;          ///< a layer that has it
};

std::vector<hybrid> const hybrids{{"qwen3_next", "gated_delta", 1}, {"granitemoehybrid_moe", "mamba2", 2},
                                  {"lfm2", "short_convolution", 3}, {"nemotron_h", "mamba2", 2},
                                  {"falcon_h1", "mamba2", 3},       {"bamba", "mamba2", 1},
                                  {"zamba2", "mamba2", 3},          {"olmo_hybrid", "gated_delta", 4}};

std::vector<token> const text = test::numbers{5}.text(17, 96);

snapshot golden(std::string const& name) { return load_snapshot(std::string{HEADCOUNT_GOLDENS} + "/" + name); }

matrix read(model const& model, test::control const& how) {
  test::batch batch{model, {text}};
  matrix logits(17, index(model.vocabulary()));
  logits.topRows(9) = batch.next(9, phase::prefill, how);
  for (Eigen::Index at = 9; at < 17; ++at) logits.row(at) = batch.next(1, phase::generation, how);
  return logits;
}

}  // namespace

TEST_CASE("ablated_layer: no head is no attention, in every order of layers") {
  for (auto const& [name, recurrence, at] : hybrids) {
    CAPTURE(name);
    auto const whole = golden(name);
    auto const headless = read(whole.model, {.policy = none, .edits = {}});
    CHECK(test::distance(headless, read(whole.model, test::under("dense", "ablate(attention)"))) < test::rounding);
    CHECK(test::distance(headless, read(whole.model, test::under("dense"))) > 1e-2);
  }
}

TEST_CASE("ablated_layer: a recurrence is all of its channels, and gone where it is said alone") {
  for (auto const& [name, recurrence, at] : hybrids) {
    CAPTURE(name);
    auto const whole = golden(name);
    std::size_t channels = 0;
    visit_block(whole.model.layers[at].recurrent, [&](auto const& block) { channels = block.channels(); });
    REQUIRE(channels > 0);
    auto const edit = [&](std::string const& of) { return text_of("ablate(", of, ") @ generation, layers=", at); };
    auto const all = read(whole.model, test::under("dense", edit(recurrence)));
    auto const by_channel =
        read(whole.model, test::under("dense", edit(text_of(recurrence, ", channels=0-", channels - 1))));
    CHECK(test::distance(all, by_channel) < test::rounding);
    auto const dense_logits = read(whole.model, test::under("dense"));
    CHECK(test::distance(test::slice(all, 0, 9), test::slice(dense_logits, 0, 9)) == 0);
    CHECK(test::distance(all, dense_logits) > 1e-3);
    CHECK(test::distance(read(whole.model, test::under("dense", edit("convolution"))), dense_logits) > 1e-4);
    CHECK(test::contains(test::message_of([&] {
                           (void)read(whole.model,
                                      test::under("dense", edit(text_of(recurrence, ", channels=0-", channels))));
                         }),
                         text_of("has no channel ", channels)));
  }
}

TEST_CASE("fork: what policies share is what each gives alone, in every order of layers") {
  std::vector<any_policy> const policies{parse_policy("entropy | top_k(1) @ all"), dense, none};
  for (auto const& [name, recurrence, at] : hybrids) {
    CAPTURE(name);
    auto const whole = golden(name);
    auto const start = whole.model.empty_state();
    evaluate::step<state const> const forked{.tokens = text, .state = &start};
    pass const how{.phase = phase::prefill, .every_token = true};
    fork_steps(whole.model, std::span{&forked, 1}, how, std::span{policies},
               [&](std::size_t p, std::size_t, matrix const& logits, state const& after) {
                 auto own = whole.model.empty_state();
                 step const alone{.tokens = text, .state = &own};
                 CHECK(logits == forward(whole.model, std::span{&alone, 1}, how, policies[p]));
                 CHECK(after.bytes() == own.bytes());
               });
  }
}

TEST_CASE("model: a scorer of gates is refused by name where attention has none") {
  auto const granite = golden("granitemoehybrid_dense");
  CHECK(
      test::message_of([&] { (void)read(granite.model, test::under("gate | top_k(1)")); }) ==
      "layer 2: the policy's scorer reads output gates, and this attention has none (allowed: models with gates, such "
      "as qwen3_next)");
  auto const qwen = golden("qwen3_next");
  for (auto const* sentence : {"gate | top_k(1)", "gated_output_norm | top_k(2)"})
    CHECK(test::distance(read(qwen.model, test::under(sentence)), read(qwen.model, test::under("dense"))) > 1e-3);
}
