// kernel/cost.hpp, cost/model_cost.hpp, cost/model_memory.hpp and cost/roofline.hpp.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/error.hpp>
#include <headcount/core/head_outputs.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/cost/model_cost.hpp>
#include <headcount/cost/model_memory.hpp>
#include <headcount/cost/roofline.hpp>
#include <headcount/mask/mean.hpp>
#include <headcount/mask/resample.hpp>
#include <headcount/mask/streaming.hpp>
#include <headcount/mask/uniform.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/select/top_groups.hpp>
#include <headcount/sentence/parse.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

// The sizes that the published config.json files give.
reference::model_config gemma_9b() {
  return reference::read_config("recurrentgemma-9b", nlohmann::json::parse(R"({
    "model_type": "recurrent_gemma", "vocab_size": 256000, "hidden_size": 4096, "num_hidden_layers": 38,
    "num_attention_heads": 16, "num_key_value_heads": 1, "head_dim": 256, "intermediate_size": 24576,
    "lru_width": 4096, "attention_window_size": 2048, "block_types": ["recurrent", "recurrent", "attention"]})"));
}
reference::model_config jamba_mini() {
  return reference::read_config("jamba-mini-1.6", nlohmann::json::parse(R"({
    "model_type": "jamba", "vocab_size": 65536, "hidden_size": 4096, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336, "num_experts": 16,
    "num_experts_per_tok": 2, "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 256,
    "attn_layer_period": 8, "attn_layer_offset": 4, "expert_layer_period": 2, "expert_layer_offset": 1})"));
}

pass_cost cost(reference::model_config const& config, std::string const& policy, std::size_t context,
               phase when = phase::generation) {
  return cost_of(config, parse_policy(policy), when, context);
}
/// Jamba-Mini keeps one key/value head and its 4 heads, always the same, of 8 and 32.
block_cost one_group(any_mask const& mask, std::size_t context, phase when = phase::generation) {
  ranking order{.scores = std::vector<std::vector<double>>(32)};
  for (std::size_t layer = 4; layer < 32; layer += 8) order.scores[layer] = std::vector<double>(32, 0.0);
  any_policy policy{score::fixed{in_memory("R", order)} | select::top_groups{1}};
  policy.mask = mask;
  for (auto const& block : cost_of(jamba_mini(), policy, when, context).blocks)
    if (block.kind == "attention") return block;
  return {};
}
block_cost first_attention(pass_cost const& pass) {
  for (auto const& block : pass.blocks)
    if (block.kind == "attention") return block;
  return {};
}

}  // namespace

TEST_CASE("cost: a dense step reads the published number of parameters and the cache") {
  // RecurrentGemma-9B, by hand: 38 MLPs of 3 * 4096 * 12288, 26 recurrent blocks of 3 * 4096^2 + 2 * 4096 * 256,
  // 12 attention blocks of 4096 * 256 * (16 + 1 + 1 + 16), embeddings of 256000 * 4096: 8.58e9, as the model's card
  // says (8.6e9). The cache is 12 layers of 2 * 2048 keys and values of 256 numbers.
  std::size_t const gemma = 38ul * 150994944 + 26ul * (50331648 + 2097152) + 12ul * 35651584 + 1048576000;
  CHECK(gemma == 8577351680ul);
  CHECK(cost(gemma_9b(), "dense", 8192).sum(&block_cost::bytes) == 2 * gemma + 12ul * 2 * 2 * 2048 * 256);
  // Jamba-Mini, by hand: 12e9 active of 52e9, as its card says. A step reads 2 of 16 experts; the embedding of one
  // token is not counted.
  std::size_t const expert = 3ul * 4096 * 14336;
  std::size_t const mamba = 3ul * 4096 * 8192 + (256 + 32) * 8192ul + 256ul * 8192;
  std::size_t const attention = 4096ul * 128 * (32 + 8 + 8 + 32);
  std::size_t const active = 16 * expert + 16 * (2 * expert + 65536) + 28 * mamba + 4 * attention + 65536ul * 4096;
  CHECK(active / 100000000 == 118);
  CHECK(cost(jamba_mini(), "dense", 1).sum(&block_cost::bytes) == 2 * active + 4ul * 2 * 2 * 8 * 128);
}

TEST_CASE("cost: the cache of Jamba at 256K tokens is the 4 GB of its paper") {
  CHECK(cost(jamba_mini(), "dense", 262144).sum(&block_cost::cache) == 4ul << 30);  // arXiv 2403.19887, table 1
}

TEST_CASE("cost: a row scorer saves values and output, and not queries and keys") {
  auto const every = first_attention(cost(gemma_9b(), "dense", 4096));
  CHECK(every.flops == 2ul * 35651584 + 2 * 2ul * 16 * 2048 * 256);
  auto const two = first_attention(cost(gemma_9b(), "entropy | top_k(2)", 4096));
  CHECK(two.flops == 2ul * 4096 * 256 * (16 + 1 + 1 + 2) + 2ul * 16 * 2048 * 256 + 2ul * 2 * 2048 * 256);
  auto const blind = first_attention(cost(gemma_9b(), "random | top_k(2)", 4096));
  CHECK(blind.flops == 2ul * 4096 * 256 * (2 + 1 + 1 + 2) + 2 * 2ul * 2 * 2048 * 256);
}

TEST_CASE("cost: with one key/value head no cache is freed unless the layer is off") {
  for (auto const* policy : {"dense", "entropy | top_k(1)", "random | top_k(1)", "none @ prefill"})
    CHECK(cost(gemma_9b(), policy, 4096).sum(&block_cost::freeable) == 0);
  CHECK(cost(gemma_9b(), "none", 4096).sum(&block_cost::freeable) == 12ul * 2 * 2 * 2048 * 256);
  CHECK(cost(gemma_9b(), "entropy | top_k(0) @ generation, layers=2", 4096).sum(&block_cost::freeable) ==
        2ul * 2 * 2048 * 256);
  CHECK(first_attention(cost(gemma_9b(), "none", 4096)).flops == 0);
}

TEST_CASE("cost: prefill makes the keys and values that generation reads") {
  // None of 100 tokens attends, but each is projected to 8 keys and 8 values of 128 features.
  auto const prefill = first_attention(cost(jamba_mini(), "none @ prefill", 100, phase::prefill));
  CHECK(prefill.flops == 100ul * 2 * 4096 * 128 * 16);
  CHECK(prefill.bytes == 2ul * 4096 * 128 * 16);
  CHECK(prefill.cache == 100ul * 2 * 128 * 16);
  CHECK(prefill.freeable == 0);
  CHECK(first_attention(cost(jamba_mini(), "none", 100, phase::prefill)).flops == 0);
}

TEST_CASE("cost: a scope limits what is saved, and what scores decide is a range") {
  CHECK(cost(jamba_mini(), "none @ generation", 100, phase::prefill).sum(&block_cost::flops) ==
        cost(jamba_mini(), "dense", 100, phase::prefill).sum(&block_cost::flops));
  auto const fixed = first_attention(cost(jamba_mini(), "entropy | top_k(5)", 100)).kept.value();
  CHECK(fixed.least == 5);
  CHECK(fixed.most == 5);
  CHECK(fixed.possible.size() == 32);
  auto const range = first_attention(cost(jamba_mini(), "entropy | threshold(-3)", 100)).kept.value();
  CHECK(range.least == 0);
  CHECK(range.most == 32);
}

TEST_CASE("cost: prefill sums its tokens, each seeing its own keys") {
  auto const prefill = first_attention(cost(gemma_9b(), "dense", 3000, phase::prefill));
  std::size_t keys = 0;
  for (std::size_t token = 1; token <= 3000; ++token) keys += token < 2048 ? token : 2048;
  CHECK(prefill.flops == 3000ul * 2 * 35651584 + 2 * 2ul * 16 * 256 * keys);
  CHECK(prefill.bytes == 2ul * 35651584 + 2ul * 2 * 3000 * 256);
  CHECK(prefill.cache == 2ul * 2 * 2048 * 256);
}

TEST_CASE("cost: prefill touches the experts that its tokens can reach, and a policy must fit the model") {
  std::size_t const expert = 3ul * 4096 * 14336;
  auto const bytes_of_experts = [](std::size_t tokens) {
    for (auto const& block : cost(jamba_mini(), "dense", tokens, phase::prefill).blocks)
      if (block.kind == "experts") return block.bytes;
    return std::size_t{0};
  };
  CHECK(bytes_of_experts(3) == 2 * (65536 + 6 * expert));
  CHECK(bytes_of_experts(100) == 2 * (65536 + 16 * expert));
  CHECK_THROWS_AS((void)cost(gemma_9b(), "entropy | top_k(17)", 10), error);
}

TEST_CASE("dropped_work: a dropped head whose output is known is projected and nothing more") {
  head_outputs known{.layers = std::vector<head_outputs::layer>(32), .samples = 1};
  for (std::size_t layer = 4; layer < 32; layer += 8)
    known.layers[layer] = {
        .heads = 32, .dim = 128, .mean = std::vector<float>(32 * 128), .samples = std::vector<float>(32 * 128)};
  auto const zero = one_group(mask::zero{}, 100);
  CHECK(zero.flops == 2ul * 4096 * 128 * (4 + 1 + 1 + 4) + 2 * 2ul * 128 * 4 * 100);
  CHECK(zero.cache == 2ul * 2 * 128 * 100);
  for (auto const& mask :
       {any_mask{mask::mean{in_memory("O", known)}}, any_mask{mask::resample{in_memory("O", known)}}}) {
    auto const block = one_group(mask, 100);
    CHECK(block.flops == zero.flops + 2ul * 4096 * 128 * 28);
    CHECK(block.bytes == zero.bytes + 2ul * 4096 * 128 * 28);
    CHECK(block.cache == zero.cache);
    CHECK(block.freeable == 2ul * 14 * 128 * 100);
  }
  CHECK(one_group(parse_policy("l2 | top_k(1) | rescale").mask, 100).flops == zero.flops);
}

TEST_CASE("cost: uniform masks keep a running sum of each key/value head's values") {
  // The group that is kept whole needs none; the other 7 make values, add the new one to their sum, and keep that.
  auto const block = one_group(mask::uniform{}, 100);
  CHECK(block.flops == 2ul * 4096 * 128 * (4 + 1 + 8 + 32) + 2ul * 128 * (4 * 100 + 4 * 100 + 7));
  CHECK(block.bytes == 2ul * (4096 * 128 * (4 + 1 + 8 + 32) + 128 * (100 + 100 + 7)));
  CHECK(block.cache == 2ul * 128 * (100 + 100 + 7));
  CHECK(block.cache + block.freeable == 2ul * 128 * 16 * 100);
  // In a window a value leaves for each that comes, so that they all stay. One key/value head, any of 16 heads kept.
  auto const windowed = first_attention(cost(gemma_9b(), "random | top_k(2) | uniform", 4096));
  CHECK(windowed.flops == 2ul * 4096 * 256 * (2 + 1 + 1 + 16) + 2ul * 256 * (2 * 2048 + 2 * 2048 + 2));
  CHECK(windowed.freeable == 0);
  CHECK(first_attention(cost(gemma_9b(), "random | top_k(0) | uniform", 4096)).cache == 2ul * 256 * 2048);
  CHECK(first_attention(cost(gemma_9b(), "random | top_k(0) | uniform", 2047)).cache == 2ul * 256);
}

TEST_CASE("cost: streaming masks take the queries of all heads and a few keys and values") {
  auto const block = one_group(mask::streaming{4, 16}, 100);
  CHECK(block.flops == 2ul * 4096 * 128 * (32 + 8 + 8 + 32) + 2 * 2ul * 128 * (4 * 100 + 28 * 20));
  CHECK(block.bytes == 2ul * (4096 * 128 * 80 + 2 * 128 * (100 + 7 * 20)));
  CHECK(block.cache == 2ul * 2 * 128 * (100 + 7 * 20));
  CHECK(block.freeable == 2ul * 2 * 128 * 7 * 80);
  CHECK(one_group(mask::streaming{4, 16}, 15).flops == first_attention(cost(jamba_mini(), "dense", 15)).flops);
  // Prefill sums its tokens: the t-th sees t keys, a dropped head at most 20 of them.
  std::size_t seen = 0, few = 0;
  for (std::size_t token = 1; token <= 100; ++token) {
    seen += token;
    few += token < 20 ? token : 20;
  }
  auto const prefill = one_group(mask::streaming{4, 16}, 100, phase::prefill);
  CHECK(prefill.flops == 100ul * 2 * 4096 * 128 * 80 + 2 * 2ul * 128 * (4 * seen + 28 * few));
  CHECK(prefill.bytes == 2ul * (4096 * 128 * 80 + 2 * 128 * 8 * 100));
  CHECK(prefill.cache == block.cache);
}

TEST_CASE("cost: what a scorer has seen needs no second look under a mask") {
  std::size_t const every = 2ul * 4096 * 128 * 80;
  std::size_t const key = 2ul * 128;
  auto const flops = [&](std::string const& policy) { return first_attention(cost(jamba_mini(), policy, 100)).flops; };
  CHECK(flops("entropy | top_k(5) | streaming(4, 16)") == every + key * (32 * 100 + 5 * 100 + 27 * 20));
  CHECK(flops("output_norm | top_k(5)") == every - 2ul * 4096 * 128 * 27 + key * 2 * 32 * 100);
  CHECK(flops("output_norm | top_k(5) | streaming(4, 16)") == every + key * (2 * 32 * 100 + 27 * 20));
  CHECK(flops("contribution_norm | top_k(5)") == every + key * 2 * 32 * 100);
  CHECK(flops("l2 | top_k(5) | uniform @ prefill") == flops("dense"));
}

TEST_CASE("model_memory: weights are counted to the last tensor, and a sequence is as large as its state") {
  for (std::string const name : {"tiny-recurrent-gemma", "tiny-jamba"}) {
    CAPTURE(name);
    auto const snapshot = reference::load_snapshot(std::string{HEADCOUNT_MODELS} + "/" + name);
    auto read = snapshot.model.empty_state();
    std::vector<token> const text(100, 5);
    reference::step const step{.tokens = text, .state = &read};
    (void)forward(snapshot.model, std::span{&step, 1}, {}, any_policy{dense});
    auto const memory = memory_of(snapshot.config, 100);
    CHECK(memory.weights == 2 * snapshot.parameters());
    CHECK(memory.cache + memory.state == read.bytes());
    CHECK(memory.copies == 0);
  }
  // The published sizes: 2.7e9 (2.68), 8.6e9 and 52e9 parameters.
  CHECK(memory_of(gemma_9b(), 1).weights / 2 / 10000000 == 857);
  CHECK(memory_of(jamba_mini(), 1).weights / 2 / 100000000 == 515);
  // A window's worth of keys may be held once more before the oldest go; all of Jamba's are.
  CHECK(memory_of(gemma_9b(), 100000).cache == 12ul * 2 * 4096 * 256 * 4);
  CHECK(memory_of(jamba_mini(), 100000).cache == 4ul * 2 * 100000 * 8 * 128 * 4);
  CHECK(memory_of(gemma_9b(), 100000).state == 26ul * 4096 * 4 * 4);
  CHECK(memory_of(jamba_mini(), 100000).state == 28ul * 8192 * (16 + 3) * 4);
}

TEST_CASE("roofline: the least seconds are those of what is slower, reading or computing") {
  pass_cost const pass{{{.kind = "mlp", .flops = 6000, .bytes = 100}, {.kind = "mlp", .flops = 2000, .bytes = 300}}};
  CHECK(least_seconds(pass, {.bandwidth = 40, .flops = 1000}) == 10);
  CHECK(least_seconds(pass, {.bandwidth = 40, .flops = 500}) == 16);
  CHECK(least_seconds(pass, {.flops = 500}) == 16);
  CHECK(least_seconds(pass, {.bandwidth = 40}) == 10);
  CHECK(least_seconds(pass, {}) == 0);
}
