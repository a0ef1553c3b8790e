// RecurrentGemma and Jamba against Hugging Face transformers; see golden.hpp.

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/file/safetensors.hpp>
#include <headcount/reference/architecture/jamba.hpp>
#include <headcount/reference/architecture/recurrent_gemma.hpp>

#include "../unit/reference/support/float64_model.hpp"
#include "../unit/reference/support/numbers.hpp"
#include "../unit/reference/support/stored.hpp"
#include "../unit/reference/support/tensors.hpp"
#include "golden.hpp"

using namespace headcount;
using namespace headcount::reference;
using test::golden;

namespace {

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
    auto const file = of.folder + "/config.json";
    auto const json = read_json(file);
    config_reader const config{file, json};
    if (json["model_type"] == "jamba") (void)test::slow::logits(read_jamba(config), from, text, &by_token);
    else (void)test::slow::logits(read_recurrent_gemma(config), from, text, &by_token);
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
    auto const words = test::words_of(tag);
    if (words[words.size() - 2] == "attn") {
      ++checked["attention layers"];
      auto const layer = std::stoul(words.back());
      auto const expected = test::expected_rows(tensor);
      // The golden is float32, too: with experts, after six layers, it alone is farther from the model in float64.
      CHECK(test::distance(test::dense_weights(of, layer, tensor), expected) <
            test::weight_tolerance + test::distance(exact.at(layer), expected));
    } else {
      ++checked[words.front()];
      REQUIRE(words.back() == "logits");
      auto const& pass = words[words.size() - 2];
      REQUIRE((pass == "full" || pass == "prefill" || pass == "decode"));
      CHECK(test::distance_from(of, pass, test::control_of(words), tensor) < test::logit_tolerance);
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
