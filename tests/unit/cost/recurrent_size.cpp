// recurrent_size.hpp, and what model_cost.hpp and model_memory.hpp make of hybrids, from their configurations alone.

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/phase.hpp>
#include <headcount/cost/model_cost.hpp>
#include <headcount/cost/model_memory.hpp>
#include <headcount/cost/recurrent_size.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/sentence/parse.hpp>

using namespace headcount;
using namespace headcount::evaluate;

namespace {

// The sizes that the published config.json files give.
reference::model_config qwen3_next_80b() {
  return reference::read_config("Qwen3-Next-80B-A3B", nlohmann::json::parse(R"({
    "model_type": "qwen3_next", "vocab_size": 151936, "hidden_size": 2048, "num_hidden_layers": 48,
    "full_attention_interval": 4, "num_attention_heads": 16, "num_key_value_heads": 2, "head_dim": 256,
    "linear_num_key_heads": 16, "linear_key_head_dim": 128, "linear_num_value_heads": 32,
    "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "intermediate_size": 5120, "num_experts": 512,
    "num_experts_per_tok": 10, "moe_intermediate_size": 512, "shared_expert_intermediate_size": 512,
    "decoder_sparse_step": 1, "mlp_only_layers": [], "norm_topk_prob": true, "partial_rotary_factor": 0.25,
    "rope_theta": 10000000})"));
}
reference::model_config nemotron_h_8b() {
  return reference::read_config("Nemotron-H-8B", nlohmann::json::parse(R"({
    "model_type": "nemotron_h", "vocab_size": 131072, "hidden_size": 4096, "num_attention_heads": 32,
    "num_key_value_heads": 8, "attention_head_dim": 128, "mamba_num_heads": 128, "mamba_head_dim": 64, "n_groups": 8,
    "ssm_state_size": 128, "conv_kernel": 4, "intermediate_size": 21504, "num_hidden_layers": 52,
    "hybrid_override_pattern": "M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M*-M-M-M-M-M-"})"));
}

block_cost first_of(pass_cost const& pass, std::string_view kind) {
  for (auto const& block : pass.blocks)
    if (block.kind == kind) return block;
  return {};
}

}  // namespace

TEST_CASE("model_memory: weights of every model type are counted to the last tensor") {
  std::size_t counted = 0;
  for (auto const* root : {HEADCOUNT_GOLDENS, HEADCOUNT_MODELS})
    for (auto const& entry : std::filesystem::directory_iterator{root}) {
      if (!std::filesystem::exists(entry.path() / "model.safetensors")) continue;
      CAPTURE(entry.path().string());
      auto const snapshot = reference::load_snapshot(entry.path());
      CHECK(memory_of(snapshot.config, 1).weights == 2 * snapshot.parameters());
      ++counted;
    }
  CHECK(counted == 21);
}

TEST_CASE("model_memory: published hybrids are as large as they are called") {
  CHECK(memory_of(qwen3_next_80b(), 1).weights / 2 / 100000000 == 796);
  CHECK(memory_of(nemotron_h_8b(), 1).weights / 2 / 10000000 == 810);
  // By hand: 12 of 48 layers hold keys and values of 2 heads of 256; 36 a state of 32 x 128 x 128 and 3 inputs of a
  // convolution over 2 * 16 * 128 + 32 * 128 channels.
  auto const memory = memory_of(qwen3_next_80b(), 1000);
  CHECK(memory.cache == 12ul * 2 * 1000 * 2 * 256 * 4);
  CHECK(memory.state == 36ul * (32 * 128 * 128 + 3 * 8192) * 4);
}

TEST_CASE("working_size: a prefill works with its widest block, and copies are of interleaved rows alone") {
  // By hand: 12 layers with queries and gates of 16 heads of 256; 36 with queries and keys of 16 * 128, values and
  // gates of 32 * 128, and two numbers for each of 32 heads; each of 2048 inputs, in bfloat16.
  auto const qwen = memory_of(qwen3_next_80b(), 1000);
  CHECK(qwen.copies == 2ul * 2048 * (12 * 2 * 16 * 256 + 36 * (2 * 2048 + 2 * 4096 + 2 * 32)));
  CHECK(memory_of(nemotron_h_8b(), 1000).copies == 0);
  // Qwen3-Next: 8192 features convolved, and outputs, gates and a copy of the input, beside the residual stream, what a
  // norm made of it and what is added; weights of 16 heads' keys; and a second state.
  CHECK(qwen.working == 1000ul * 4 * (8192 + 8192 + 2048 + 3 * 2048 + 16) + qwen.state);
  // Nemotron-H: z, x, B, C, dt of 128 heads of 64 and 8 groups of 128 states, x, B, C once more, steps, and gate and
  // outputs thrice, which is more than the 21504 + 4096 numbers of its MLP.
  auto const nemotron = memory_of(nemotron_h_8b(), 1000);
  CHECK(nemotron.working ==
        1000ul * 4 * ((2 * 8192 + 2048 + 128) + (8192 + 2048) + 128 + 3 * 8192 + 3 * 4096 + 32) + nemotron.state);
  CHECK(nemotron.sum() == nemotron.weights + nemotron.copies + nemotron.cache + nemotron.state + nemotron.working);
}

TEST_CASE("cost: a gated head costs its gate, and one that its gate chooses neither keys nor query beyond") {
  auto const attention = [](std::string const& policy) {
    return first_of(cost_of(qwen3_next_80b(), parse_policy(policy), phase::generation, 1000), "attention");
  };
  auto const all = 2048ul * 256;  // a map between the model and one head
  CHECK(attention("dense").flops == 2 * all * (16 + 2 + 2 + 16 + 16) + 2 * 2ul * 16 * 1000 * 256);
  CHECK(attention("gate | top_k(2)").flops == 2 * all * (2 + 2 + 2 + 16 + 2) + 2 * 2ul * 2 * 1000 * 256);
  CHECK(attention("entropy | top_k(2)").flops ==
        2 * all * (16 + 2 + 2 + 2 + 2) + 2ul * 16 * 1000 * 256 + 2ul * 2 * 1000 * 256);
}

TEST_CASE("cost: recurrences and experts of hybrids, by hand") {
  auto const qwen = cost_of(qwen3_next_80b(), dense, phase::generation, 1);
  auto const delta = first_of(qwen, "gated_delta");
  std::size_t const maps = 2048ul * (2 * 2048 + 3 * 4096 + 2 * 32);
  CHECK(delta.bytes == 2 * maps);
  CHECK(delta.flops == 2 * maps + 7ul * 32 * 128 * 128);
  CHECK(first_of(qwen, "experts").bytes == 2 * (2048ul * 513 + 11ul * 3 * 2048 * 512));

  auto const nemotron = cost_of(nemotron_h_8b(), dense, phase::generation, 1);
  std::size_t const mamba = 4096ul * (2 * 8192 + 2 * 8 * 128 + 128) + 8192ul * 4096;
  CHECK(first_of(nemotron, "mamba2").bytes == 2 * mamba);
  CHECK(first_of(nemotron, "mamba2").flops == 2 * mamba + 5ul * 8192 * 128);
  CHECK(first_of(nemotron, "mlp").bytes == 2 * 2ul * 4096 * 21504);
}
