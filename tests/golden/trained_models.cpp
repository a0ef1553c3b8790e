// The small trained hybrids and what Hugging Face transformers makes of three prompts: one about a fact kept in the
// weights, two about something said in a shorter and a longer context. PROMPT.logits are those of the prompt's last
// tokens, PROMPT.greedy the tokens that greedy decoding goes on with.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/phase.hpp>
#include <headcount/core/token.hpp>
#include <headcount/engine/reference_model.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/measure/complete.hpp>
#include <headcount/measure/work.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/policy.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/task/request.hpp>

#include "../unit/reference/support/batch.hpp"
#include "../unit/reference/support/numbers.hpp"
#include "../unit/reference/support/stored.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

void check_trained(std::string const& name) {
  auto const snapshot = load_snapshot(std::string{HEADCOUNT_MODELS} + "/" + name);
  auto const io = open_safetensors(std::string{HEADCOUNT_GOLDENS} + "/trained/" + name + ".safetensors");
  REQUIRE(io.tensors.size() == 9);
  std::vector<std::string> const prompts{"fact", "short", "long"};
  std::vector<std::vector<token>> texts;
  for (auto const& prompt : prompts)
    texts.push_back(test::stored_rows<token>(io.tensors.at(prompt + ".input_ids")).front());

  test::batch batch{snapshot.model, texts};
  auto const logits = batch.next(texts.back().size(), phase::prefill);
  std::vector<evaluate::generation_request> requests;
  std::size_t end = 0;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    CAPTURE(prompts[i]);
    end += texts[i].size();
    auto const last = test::expected_rows(io.tensors.at(prompts[i] + ".logits"));
    REQUIRE(last.size() == 4);
    CHECK(test::distance(test::slice(logits, end - last.size(), last.size()), last) < 1e-3);
    requests.push_back({.prompt = {.tokens = texts[i], .sequence_id = i}, .max_new_tokens = 11});
  }
  REQUIRE(end == size(logits.rows()));

  any_policy const plain = dense;
  evaluate::work done;
  std::size_t answers = 0;
  evaluate::complete(evaluate::reference_model{snapshot.model}, requests, std::span{&plain, 1}, done,
                     [&](std::size_t, std::size_t i, evaluate::completion&& said) {
                       auto const& made = said.tokens;
                       CAPTURE(prompts[i]);
                       ++answers;
                       CHECK(made == test::stored_rows<token>(io.tensors.at(prompts[i] + ".greedy")).front());
                     });
  CHECK(answers == texts.size());
}

}  // namespace

TEST_CASE("trained: tiny-recurrent-gemma gives the logits and the answers that transformers gives") {
  check_trained("tiny-recurrent-gemma");
}

TEST_CASE("trained: tiny-jamba gives the logits and the answers that transformers gives") {
  check_trained("tiny-jamba");
}
