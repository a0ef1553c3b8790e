// Tiny random models and what Hugging Face transformers makes of them: dense attention weights, and the logits under
// every policy and weight edit that a golden's file has a tensor for. The tensors' names say what was run:
//
//     dense.full.attn.LAYER                          weights, [batch, head, query, key], 0 on keys that are not seen
//     dense.PASS.logits                              [batch, token, vocabulary]
//     METRIC.kK.SCOPE.PASS.logits                    under METRIC | top_k(K)
//     manipulate.SCOPE.EDIT.PASS.logits              with an edit on the tokens 3, 4 and 5
//
// SCOPE is gen (generation alone) or prefill (both phases). PASS is full (one prefill of all tokens), prefill (of the
// first prefill_tokens of case.json) or decode (that prefill, then token by token; logits of those tokens).

#include <algorithm>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/core/head_set.hpp>
#include <headcount/core/phase.hpp>
#include <headcount/core/site.hpp>
#include <headcount/core/text.hpp>
#include <headcount/core/token.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/reference/block/matrix.hpp>
#include <headcount/reference/checkpoint/snapshot.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/sentence/parse.hpp>

#include "../unit/reference/support/batch.hpp"
#include "../unit/reference/support/float64_model.hpp"
#include "../unit/reference/support/numbers.hpp"
#include "../unit/reference/support/stored.hpp"
#include "../unit/reference/support/tensors.hpp"

using namespace headcount;
using namespace headcount::reference;

namespace {

constexpr double logit_tolerance = 1e-3;
/// Beyond how far the golden, which is float32 too, is from the same model in float64: with experts, after six layers,
/// that alone is more than this.
constexpr double weight_tolerance = 1e-5;

struct golden {
  reference::snapshot snapshot;
  safetensors_file io;
  std::vector<std::vector<token>> texts;
  std::size_t prefill_tokens;
  std::size_t ks;  ///< how many k were run

  explicit golden(std::string const& folder)
      : snapshot{load_snapshot(folder)},
        io{open_safetensors(folder + "/io.safetensors")},
        texts{test::stored_rows<token>(io.tensors.at("input_ids"))} {
    auto const settings = read_json(folder + "/case.json");
    prefill_tokens = settings["prefill_tokens"].get<std::size_t>();
    ks = settings["ks"].size();
  }
};

std::vector<std::string> words_of(std::string const& name) {
  std::vector<std::string> words(1);
  for (char const letter : name)
    if (letter == '.') words.emplace_back();
    else words.back().push_back(letter);
  return words;
}

/// The policy and the edits that the words of a name say.
test::control control_of(std::vector<std::string> const& words) {
  if (words[0] == "dense") return {};
  if (words[0] == "manipulate") {
    auto const edit = words[2] == "ommit" ? "omit" : words[2];
    return {.edits = parse_edits(text_of(edit, "(3-5) @ ", words[1] == "gen" ? "generation" : "prefill"))};
  }
  REQUIRE(words[1].substr(0, 1) == "k");
  return {.policy = parse_policy(
              text_of(words[0], " | top_k(", words[1].substr(1), ") @ ", words[2] == "gen" ? "generation" : "all"))};
}

/// How far the logits of a pass are from what the golden has for it.
double distance_from(golden const& of, std::string const& pass, test::control const& under,
                     stored_tensor const& tensor) {
  auto const expected = test::expected_rows(tensor);
  auto const length = of.texts.front().size();
  test::batch batch{of.snapshot.model, of.texts};
  auto const first = batch.next(pass == "full" ? length : of.prefill_tokens, phase::prefill, under);
  if (pass != "decode") return test::distance(first, expected);

  auto const steps = length - of.prefill_tokens;
  REQUIRE(expected.size() == of.texts.size() * steps);
  double largest = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    test::rows at_step;  // of every text
    for (auto at = step; at < expected.size(); at += steps) at_step.push_back(expected[at]);
    largest = std::max(largest, test::distance(batch.next(1, phase::generation, under), at_step));
  }
  return largest;
}

/// Keeps the attention rows of a layer as transformers gives them, `[batch, head, query, key]`.
struct weights_of_layer {
  std::size_t layer;
  std::size_t heads;
  std::size_t tokens;
  matrix weights;  // [batch * head * query, key]

  void row(site const& where, std::size_t head, std::span<float const> seen) {
    if (where.layer != layer) return;
    auto const first = where.position + 1 - seen.size();
    auto const whole = row_of(weights, (where.sequence_id * heads + head) * tokens + where.position);
    std::ranges::copy(seen, whole.begin() + static_cast<std::ptrdiff_t>(first));
  }
  void kept(site const&, head_set const&) const {}
};

/// The attention weights of a dense pass, as `expected_rows` of a golden.
matrix dense_weights(golden const& of, std::size_t layer, stored_tensor const& tensor) {
  auto const tokens = of.texts.front().size();
  auto const* block = of.snapshot.model.attention_at(layer);
  REQUIRE(block != nullptr);
  REQUIRE(tensor.shape == std::vector{of.texts.size(), block->heads, tokens, tokens});
  auto const rows = of.texts.size() * block->heads * tokens;
  weights_of_layer seen{
      .layer = layer, .heads = block->heads, .tokens = tokens, .weights = matrix::Zero(index(rows), index(tokens))};
  (void)test::batch{of.snapshot.model, of.texts}.next(tokens, phase::prefill, {}, wanted::all_tokens, seen);
  return seen.weights;
}

/// A golden's model in float64: its attention weights by layer, each as `expected_rows` of the golden.
test::slow::layer_weights exact_weights(golden const& of) {
  std::map<std::string, test::tensors::tensor> all;
  for (auto const& [name, stored] : of.snapshot.files.tensors()) {
    auto& values = all[name].values;
    for (auto const& row : test::expected_rows(stored)) values.insert(values.end(), row.begin(), row.end());
  }
  test::tensors const from{all};
  test::slow::layer_weights in_order;
  for (auto const& text : of.texts) {
    test::slow::layer_weights by_token;
    std::visit([&](auto const& config) { (void)test::slow::logits(config, from, text, &by_token); },
               of.snapshot.config);
    for (auto const& [layer, rows] : by_token) {
      auto const heads = rows.size() / text.size();
      for (std::size_t head = 0; head < heads; ++head)
        for (std::size_t token = 0; token < text.size(); ++token) in_order[layer].push_back(rows[token * heads + head]);
    }
  }
  return in_order;
}

/// Checks every tensor of a golden, and that there are as many of each kind as its case.json asks for, besides edits.
void check_golden(std::string const& name, std::size_t edits) {
  golden const of{std::string{HEADCOUNT_GOLDENS} + "/" + name};
  auto const exact = exact_weights(of);
  std::map<std::string, std::size_t> checked;
  for (auto const& [tag, tensor] : of.io.tensors) {
    CAPTURE(tag);
    if (tag == "input_ids") continue;
    auto const words = words_of(tag);
    if (words[words.size() - 2] == "attn") {
      ++checked["attention layers"];
      auto const layer = std::stoul(words.back());
      auto const expected = test::expected_rows(tensor);
      CHECK(test::distance(dense_weights(of, layer, tensor), expected) <
            weight_tolerance + test::distance(exact.at(layer), expected));
    } else {
      ++checked[words.front()];
      REQUIRE(words.back() == "logits");
      auto const& pass = words[words.size() - 2];
      REQUIRE((pass == "full" || pass == "prefill" || pass == "decode"));
      CHECK(distance_from(of, pass, control_of(words), tensor) < logit_tolerance);
    }
  }
  CHECK(checked["attention layers"] == 2);
  CHECK(checked["dense"] == 3);
  CHECK(checked["entropy"] == 3 * of.ks);
  CHECK(checked["l2"] == 3 * of.ks);
  CHECK(checked["manipulate"] == edits);
  CHECK(checked.size() == 5);
}

}  // namespace

TEST_CASE("goldens: RecurrentGemma whose heads share one key and value gives what transformers gives") {
  check_golden("recurrent_gemma_mqa", 0);
}

TEST_CASE("goldens: RecurrentGemma whose groups of heads share keys and values gives what transformers gives") {
  check_golden("recurrent_gemma_gqa", 7);
}

TEST_CASE("goldens: Jamba with experts gives what transformers gives") { check_golden("jamba_moe", 0); }

TEST_CASE("goldens: Jamba with one expert gives what transformers gives") { check_golden("jamba_dense", 7); }
