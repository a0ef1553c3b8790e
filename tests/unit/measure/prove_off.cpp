#include <headcount/measure/prove_off.hpp>

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/engine/reference_model.hpp>
#include <headcount/headcount.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>

#include "../../../examples/foreign_model.hpp"

using namespace headcount;
using namespace headcount::evaluate;

namespace {

/// What is wrong with an engine's hook.
enum class fault { none, next_head, forgets_prefill, zeroes_half, drops_all, decides_after_edits };

/// One layer of three heads over the tokens themselves: a head's output is the sum of its weights times tokens.
class hooked_model {
 public:
  using state = std::vector<token>;
  using step = evaluate::step<state>;

  explicit hooked_model(fault wrong) : wrong_{wrong} {}

  std::size_t vocabulary() const { return 3; }
  state start() const { return {}; }
  std::vector<site> layers() const { return {{.heads = 3, .head_dim = 1}}; }
  void run(std::span<step const> steps, pass const& how, any_policy const& policy, logits_user const& use) const {
    run(steps, how, policy, use, {});
  }
  void run(std::span<step const> steps, pass const& how, any_policy const& policy, logits_user const& use,
           observer const& watch) const {
    for (std::size_t i = 0; i < steps.size(); ++i)
      for (std::size_t t = 0; t < steps[i].tokens.size(); ++t) {
        steps[i].state->push_back(steps[i].tokens[t]);
        auto const logits = logits_of(*steps[i].state, steps[i].edits, how.phase, policy, watch);
        if (how.every_token || t + 1 == steps[i].tokens.size()) use(i, t, logits);
      }
  }

 private:
  std::vector<float> logits_of(state const& text, std::span<any_edit const> edits, phase when, any_policy const& policy,
                               observer const& watch) const {
    auto const keys = text.size();
    site const where{.phase = when, .position = keys - 1, .heads = 3, .head_dim = 1};
    std::vector<float> memory;
    for (std::size_t head = 0; head < 3; ++head) {
      float sum = 0;
      for (std::size_t key = 0; key < keys; ++key) sum += static_cast<float>(1 + head * key + keys % 3);
      for (std::size_t key = 0; key < keys; ++key)
        memory.push_back(static_cast<float>(1 + head * key + keys % 3) / sum);
    }
    strided_view<float, 2> const rows{memory.data(), {3, keys}};
    auto const row = [&](std::size_t head) -> row_view { return rows[head]; };
    auto kept = decide(policy, where, attention_tensors{.rows = row});
    for (auto const& edit : edits)
      if (edit.edits_weights(where)) edit(rows, head_set::first(3), {.first = 0, .phase = when});
    if (wrong_ == fault::decides_after_edits) kept = decide(policy, where, attention_tensors{.rows = row});
    watch.kept(where, kept);
    std::vector<float> logits(3);
    for (std::size_t head = 0; head < 3; ++head) {
      for (std::size_t key = 0; key < keys; ++key) logits[head] += rows(head, key) * static_cast<float>(1 + text[key]);
      auto const decided = wrong_ == fault::next_head ? (head + 1) % 3 : head;
      if (kept.contains(decided) && wrong_ != fault::drops_all) continue;
      if (wrong_ == fault::forgets_prefill && when == phase::prefill) continue;
      logits[head] *= wrong_ == fault::zeroes_half ? 0.5f : 0.0f;
    }
    return logits;
  }

  fault wrong_;
};

std::vector<token> const text{0, 2, 1, 1, 0, 2, 2, 1, 0, 1};

off_proof prove(fault wrong, any_policy const& policy) {
  return prove_off(any_model{hooked_model{wrong}}, policy, text, 7);
}

}  // namespace

TEST_CASE("prove_off holds for a hook that zeroes what was dropped and nothing else") {
  for (auto const& policy : std::vector<any_policy>{score::entropy{} | select::top_k{1},
                                                    (score::entropy{} | select::top_k{2}).during(phase::generation),
                                                    score::random{.seed = 2} | select::top_k{1}}) {
    CAPTURE(print(policy));
    auto const proof = prove(fault::none, policy);
    CHECK(proof.holds());
    CHECK(proof.change == 0);
    CHECK(proof.leaks.empty());
    CHECK_FALSE(proof.kept.empty());
  }
  CHECK(prove(fault::none, score::entropy{} | select::top_k{1}).dropped == 20);
  CHECK(prove(fault::none, none.during(phase::generation)).dropped == 9);
}

TEST_CASE("prove_off fails for every hook that is wrong") {
  any_policy const policy = score::entropy{} | select::top_k{2};
  for (auto const wrong : {fault::next_head, fault::forgets_prefill, fault::zeroes_half}) {
    CAPTURE(static_cast<int>(wrong));
    auto const proof = prove(wrong, policy);
    CHECK_FALSE(proof.holds());
    CHECK(proof.change > 0);
    CHECK_FALSE(proof.leaks.empty());
  }
  auto const off = prove(fault::drops_all, policy);
  CHECK(off.change == 0);
  CHECK_FALSE(off.holds());
  CHECK_FALSE(prove(fault::decides_after_edits, score::max{} | select::top_k{1}).holds());
}

TEST_CASE("prove_off refuses policies of which there is nothing to prove") {
  CHECK_THROWS_WITH_AS(prove(fault::none, dense), doctest::Contains("it drops no head of 10 tokens"), error);
  CHECK_THROWS_WITH_AS(prove(fault::none, score::output_norm{} | select::top_k{1}), doctest::Contains("reads outputs"),
                       error);
  CHECK_THROWS_WITH_AS(
      prove(fault::none, score::entropy{} | select::top_k{1} | mask::streaming{.sink = 1, .recent = 1}),
      doctest::Contains("lets dropped heads attend"), error);
}

TEST_CASE("prove_off holds for an engine that is none of ours, and for every kind of model in the reference engine") {
  std::vector<token> const letters{97, 98, 99, 97, 100, 98};
  auto const toy = prove_off(any_model{toy_model{}}, score::entropy{} | select::top_k{1}, letters, 4);
  CHECK(toy.holds());
  CHECK(toy.dropped == 12);
  for (auto const* name : {"bamba", "falcon_h1", "granitemoehybrid_moe", "jamba_moe", "lfm2", "nemotron_h",
                           "olmo_hybrid", "qwen3_5_text", "qwen3_next", "recurrent_gemma_gqa", "zamba2"}) {
    CAPTURE(name);
    auto const snapshot = reference::load_snapshot(std::string{HEADCOUNT_GOLDENS "/"} + name);
    std::vector<token> const tokens{5, 1, 17, 44, 90, 3, 61, 28};
    any_model const model{reference_model{snapshot.model}};
    for (auto const& policy :
         {any_policy{score::entropy{} | select::top_k{1}}, any_policy{score::l2{} | select::top_k{1}}}) {
      auto const proof = prove_off(model, policy, tokens, 6, 4);
      CHECK(proof.holds());
      CHECK(proof.dropped > 0);
    }
  }
}

TEST_CASE("prove_off holds for the small hybrids in the reference engine") {
  std::vector<token> tokens;
  for (token id = 0; id < 12; ++id) tokens.push_back(3 + id * 37 % 500);
  for (auto const* name :
       {"tiny-jamba", "tiny-recurrent-gemma", "tiny-lfm2", "tiny-granite-hybrid", "tiny-qwen3-next"}) {
    CAPTURE(name);
    auto const snapshot = reference::load_snapshot(std::string{HEADCOUNT_MODELS "/"} + name);
    any_model const model{reference_model{snapshot.model}};
    auto const proof = prove_off(model, (score::entropy{} | select::top_k{2}).during(phase::generation), tokens, 9, 6);
    CHECK(proof.holds());
    CHECK(proof.kept.size() == 6);
  }
}
