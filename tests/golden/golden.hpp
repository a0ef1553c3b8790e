#pragma once

// What tests of goldens share: tiny random models and what Hugging Face transformers makes of them: dense attention
// weights, and the logits under every policy and weight edit that a golden's file has a tensor for. The tensors' names
// say what was run:
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
#include <span>
#include <string>
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
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/sentence/parse.hpp>

#include "../unit/reference/support/batch.hpp"
#include "../unit/reference/support/numbers.hpp"
#include "../unit/reference/support/stored.hpp"

namespace test {

namespace reference = headcount::reference;

constexpr double logit_tolerance = 1e-3;
constexpr double weight_tolerance = 1e-5;

struct golden {
  std::string folder;
  reference::snapshot snapshot;
  reference::safetensors_file io;
  std::vector<std::vector<headcount::token>> texts;
  std::size_t prefill_tokens;
  std::size_t ks;  ///< how many k were run

  explicit golden(std::string const& named)
      : folder{named},
        snapshot{reference::load_snapshot(folder)},
        io{reference::open_safetensors(folder + "/io.safetensors")},
        texts{stored_rows<headcount::token>(io.tensors.at("input_ids"))} {
    auto const settings = reference::read_json(folder + "/case.json");
    prefill_tokens = settings["prefill_tokens"].get<std::size_t>();
    ks = settings["ks"].size();
  }
};

inline std::vector<std::string> words_of(std::string const& name) {
  std::vector<std::string> words(1);
  for (char const letter : name)
    if (letter == '.') words.emplace_back();
    else words.back().push_back(letter);
  return words;
}

/// The policy and the edits that the words of a name say.
inline control control_of(std::vector<std::string> const& words) {
  if (words[0] == "dense") return {};
  if (words[0] == "manipulate") {
    auto const edit = words[2] == "ommit" ? "omit" : words[2];
    return {.edits = headcount::parse_edits(
                headcount::text_of(edit, "(3-5) @ ", words[1] == "gen" ? "generation" : "prefill"))};
  }
  REQUIRE(words[1].substr(0, 1) == "k");
  return {.policy = headcount::parse_policy(headcount::text_of(words[0], " | top_k(", words[1].substr(1), ") @ ",
                                                               words[2] == "gen" ? "generation" : "all"))};
}

/// How far the logits of a pass are from what the golden has for it.
inline double distance_from(golden const& of, std::string const& pass, control const& under,
                            reference::stored_tensor const& tensor) {
  auto const expected = expected_rows(tensor);
  auto const length = of.texts.front().size();
  batch batch{of.snapshot.model, of.texts};
  auto const first = batch.next(pass == "full" ? length : of.prefill_tokens, headcount::phase::prefill, under);
  if (pass != "decode") return distance(first, expected);

  auto const steps = length - of.prefill_tokens;
  REQUIRE(expected.size() == of.texts.size() * steps);
  double largest = 0;
  for (std::size_t step = 0; step < steps; ++step) {
    rows at_step;  // of every text
    for (auto at = step; at < expected.size(); at += steps) at_step.push_back(expected[at]);
    largest = std::max(largest, distance(batch.next(1, headcount::phase::generation, under), at_step));
  }
  return largest;
}

/// Keeps the attention rows of a layer as transformers gives them, `[batch, head, query, key]`.
struct weights_of_layer {
  std::size_t layer;
  std::size_t heads;
  std::size_t tokens;
  reference::matrix weights;  // [batch * head * query, key]

  void row(headcount::site const& where, std::size_t head, std::span<float const> seen) {
    if (where.layer != layer) return;
    auto const first = where.position + 1 - seen.size();
    auto const whole = reference::row_of(weights, (where.sequence_id * heads + head) * tokens + where.position);
    std::ranges::copy(seen, whole.begin() + static_cast<std::ptrdiff_t>(first));
  }
  void kept(headcount::site const&, headcount::head_set const&) const {}
};

/// The attention weights of a dense pass, as `expected_rows` of a golden.
inline reference::matrix dense_weights(golden const& of, std::size_t layer, reference::stored_tensor const& tensor) {
  auto const tokens = of.texts.front().size();
  auto const* block = of.snapshot.model.attention_at(layer);
  REQUIRE(block != nullptr);
  REQUIRE(tensor.shape == std::vector{of.texts.size(), block->heads, tokens, tokens});
  auto const count = of.texts.size() * block->heads * tokens;
  weights_of_layer seen{.layer = layer,
                        .heads = block->heads,
                        .tokens = tokens,
                        .weights = reference::matrix::Zero(reference::index(count), reference::index(tokens))};
  (void)batch{of.snapshot.model, of.texts}.next(tokens, headcount::phase::prefill, {}, reference::wanted::all_tokens,
                                                seen);
  return seen.weights;
}

}  // namespace test
