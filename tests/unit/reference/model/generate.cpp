// Greedy decoding, and several policies from one prefill.

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/model/fork.hpp>
#include <headcount/reference/model/generate.hpp>
#include <headcount/reference/model/model.hpp>
#include <headcount/sentence/parse.hpp>

#include <unit/reference/support/files.hpp>
#include "../support/batch.hpp"
#include "../support/float64_model.hpp"
#include "../support/models.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

using texts = std::vector<std::vector<token>>;

any_policy const plain = dense;
any_policy const half = parse_policy("entropy | top_k(2) @ generation");
any_policy const chance = parse_policy("random(seed=5) | top_k(1)");
any_policy const blind = none;
any_policy const smooth = parse_policy("ema(0.5, sum(entropy, contribution_norm)) | top_k(2)");
any_policy const late = parse_policy("rank_mean(previous(max), random) | top_k(1) @ generation");

texts prompts() {
  test::numbers random{11};
  return {random.text(7, 37), random.text(1, 37), random.text(12, 37)};
}

texts complete(model const& model, texts const& some, std::size_t tokens, any_policy const& policy,
               std::vector<token> const& stop = {}, std::size_t first_sequence = 0,
               std::vector<any_edit> const& edits = {}) {
  return generate(model, prefill(model, some, edits, policy, first_sequence),
                  {.max_new_tokens = tokens, .stop = stop, .edits = edits}, policy);
}

/// The same one text at a time, from nothing at every token: a prefill of the prompt, then the answer so far.
std::vector<token> complete_slowly(model const& model, std::vector<token> text, std::size_t tokens,
                                   test::control const& how, std::size_t row) {
  auto const prompt = text.size();
  std::vector<token> answer;
  while (answer.size() < tokens) {
    test::batch batch{model, {text}, row};
    auto logits = batch.next(prompt, phase::prefill, how);
    while (batch.read < text.size()) logits = batch.next(1, phase::generation, how);
    std::size_t best = 0;
    auto const last = test::rows_of(logits).back();
    for (std::size_t id = 1; id < last.size(); ++id)
      if (last[id] > last[best]) best = id;
    answer.push_back(static_cast<token>(best));
    text.push_back(answer.back());
  }
  return answer;
}

}  // namespace

TEST_CASE("generate: each token has the largest float64 logit after all before it") {
  auto const check = [](auto const& config) {
    test::made_model const made{config};
    auto const answers = complete(made.model, prompts(), 10, plain);
    for (std::size_t i = 0; i < answers.size(); ++i) {
      auto text = prompts()[i];
      for (auto const said : answers[i]) {
        auto last = test::slow::logits(config, made.weights, text).back();
        auto const chosen = last[static_cast<std::size_t>(said)];
        last[static_cast<std::size_t>(said)] = -1e300;
        CHECK(chosen > *std::ranges::max_element(last));
        text.push_back(said);
      }
      CHECK(text.size() == prompts()[i].size() + 10);
    }
  };
  check(test::small_recurrent_gemma());
  check(test::small_jamba());
}

TEST_CASE("generate: policies and edits act as in passes from nothing and rows keep their numbers") {
  test::for_both([](model const& model) {
    for (auto const& how : std::vector<test::control>{
             {half}, {chance}, {blind}, {smooth}, {late}, {half, parse_edits("omit(2-4); only(0-9) @ prefill")}}) {
      CAPTURE(print(how.policy));
      auto const answers = complete(model, prompts(), 6, how.policy, {}, 3, how.edits);
      for (std::size_t i = 0; i < answers.size(); ++i)
        CHECK(answers[i] == complete_slowly(model, prompts()[i], 6, how, 3 + i));
    }
  });
}

TEST_CASE("generate: the same again and one text at a time gives the same") {
  test::for_both([](model const& model) {
    for (auto const& policy : {plain, half, chance, smooth, late}) {
      auto const answers = complete(model, prompts(), 8, policy);
      CHECK(complete(model, prompts(), 8, policy) == answers);
      for (std::size_t i = 0; i < answers.size(); ++i)
        CHECK(complete(model, {prompts()[i]}, 8, policy, {}, i) == texts{answers[i]});
    }
    CHECK(complete(model, prompts(), 8, chance) != complete(model, prompts(), 8, chance, {}, 1));
  });
}

TEST_CASE("generate: a text ends after a stop token or the most tokens and the others go on") {
  test::for_both([](model const& model) {
    auto const whole = complete(model, prompts(), 9, half);
    for (auto const& answer : whole) REQUIRE(answer.size() == 9);
    CHECK(complete(model, prompts(), 0, half) == texts(3));
    CHECK(complete(model, {}, 5, half).empty());
    std::vector<token> const stop{whole[0][3], whole[1][5]};
    auto const cut = complete(model, prompts(), 9, half, stop);
    for (std::size_t i = 0; i < cut.size(); ++i) {
      std::vector<token> expected;
      for (auto const said : whole[i]) {
        expected.push_back(said);
        if (said == stop[0] || said == stop[1]) break;
      }
      CHECK(cut[i] == expected);
    }
    CHECK(cut[0].size() <= 4);
    CHECK(complete(model, {prompts()[0]}, 9, half, {whole[0][0]}) == texts{{whole[0][0]}});
    for (std::size_t const most : {1u, 4u}) {
      auto const shorter = complete(model, prompts(), most, half);
      for (std::size_t i = 0; i < shorter.size(); ++i)
        CHECK(shorter[i] == std::vector<token>(whole[i].begin(), whole[i].begin() + static_cast<int>(most)));
    }
  });
}

TEST_CASE("generate: under a policy of generation the first token comes from a dense pass") {
  test::for_both([](model const& model) {
    auto const open = complete(model, prompts(), 8, plain);
    auto const closed = complete(model, prompts(), 8, blind.during(phase::generation));
    for (std::size_t i = 0; i < open.size(); ++i) CHECK(open[i].front() == closed[i].front());
    CHECK(open != closed);
  });
}

TEST_CASE("generate: sequences that are copied first can be continued again") {
  test::for_both([](model const& model) {
    auto const some = prompts();
    auto const started = prefill(model, some, {}, plain);
    auto const go_on = [&](any_policy const& policy) {
      return generate(model, started, {.max_new_tokens = 6}, policy);
    };
    auto const first = go_on(blind);
    auto const second = go_on(plain);
    CHECK(first != second);
    CHECK(go_on(blind) == first);
    CHECK(second == complete(model, some, 6, plain));
    for (std::size_t i = 0; i < some.size(); ++i) CHECK(started[i].state.position == some[i].size());
  });
}

TEST_CASE("generate: of equal logits the lowest token is said") {
  std::array const logits{1.0f, 3.0f, -2.0f, 3.0f};
  CHECK(best_token(logits) == 1);
  CHECK(best_token(std::span{logits}.first(1)) == 0);
  CHECK(best_token(std::span{logits}.last(2)) == 1);
}

TEST_CASE("generate: a prompt that does not fit is named") {
  test::for_both([](model const& model) {
    CHECK(test::message_of([&] { (void)complete(model, {{1, 2}, {3, 99}}, 4, plain); }) ==
          "sequence 1[1]: token id 99 is not in the vocabulary (allowed: 0 to 36)");
    CHECK(test::contains(test::message_of([&] { (void)complete(model, {{1}, {}}, 4, plain); }), "it has no token"));
  });
}

TEST_CASE("fork: several policies from one prefill are as each on its own for every size of a pass") {
  test::numbers random{12};
  texts const more{random.text(5, 37), random.text(2, 37), random.text(1, 37)};
  std::vector const policies{plain, half, chance, blind, smooth, late};
  test::for_both([&](model const& model) {
    auto const some = prompts();
    auto started = prefill(model, some, {}, smooth, 20);
    std::vector<evaluate::step<state const>> forked;
    for (std::size_t i = 0; i < more.size(); ++i)
      forked.push_back({.tokens = more[i], .state = &started[i].state, .sequence_id = 20 + i});
    for (bool const every_token : {true, false})
      for (std::size_t const at_once : {1u, 6u, 512u}) {
        pass const how{.phase = phase::generation, .every_token = every_token};
        std::size_t used = 0;
        auto const use = [&](std::size_t p, std::size_t i, matrix const& logits, state&& after) {
          CAPTURE(p);
          ++used;
          auto alone = started[i].state;
          std::array const steps{step{.tokens = more[i], .state = &alone, .sequence_id = 20 + i}};
          CHECK(test::distance(logits, forward(model, steps, how, policies[p])) < 5e-5);
          CHECK(after.position == some[i].size() + more[i].size());
          std::array<token, 1> const next{7};
          std::array const one{step{.tokens = next, .state = &after, .sequence_id = 20 + i}};
          std::array const other{step{.tokens = next, .state = &alone, .sequence_id = 20 + i}};
          CHECK(test::distance(forward(model, one, how, policies[p]), forward(model, other, how, policies[p])) < 5e-5);
        };
        fork_steps(model, std::span{std::as_const(forked)}, how, std::span{std::as_const(policies)}, use, at_once);
        CHECK(used == policies.size() * more.size());
      }
    for (std::size_t i = 0; i < some.size(); ++i) CHECK(started[i].state.position == some[i].size());
  });
}
