#include <algorithm>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/head_set.hpp>
#include <headcount/core/ranking.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/write_file.hpp>
#include <headcount/file/write_safetensors.hpp>
#include <headcount/part/from_file.hpp>
#include <headcount/policy/any_policy.hpp>
#include <headcount/policy/compose.hpp>
#include <headcount/ranking/compact.hpp>
#include <headcount/reference/checkpoint/load_snapshot.hpp>
#include <headcount/reference/model/forward.hpp>
#include <headcount/score/entropy.hpp>
#include <headcount/score/fixed.hpp>
#include <headcount/score/random.hpp>
#include <headcount/select/threshold.hpp>
#include <headcount/select/top_k.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;

namespace {

using kept_heads = std::map<std::size_t, std::vector<std::size_t>>;  // by layer

reference::snapshot golden(std::string const& name) {
  return reference::load_snapshot(std::string{HEADCOUNT_GOLDENS} + "/" + name);
}

any_policy keeping(reference::model const& model, kept_heads const& kept) {
  ranking order;
  for (std::size_t layer = 0; layer < model.layers.size(); ++layer) {
    auto const* const block = model.attention_at(layer);
    order.scores.emplace_back(block == nullptr ? 0 : block->heads, 0.0);
    if (kept.contains(layer))
      for (auto const head : kept.at(layer)) order.scores[layer][head] = 1;
  }
  return score::fixed{in_memory("heads", order)} | select::threshold{0.5};
}

/// Logits of a text, half of it prefill and the rest token by token.
std::vector<float> logits_of(reference::model const& model, any_policy const& policy) {
  auto state = model.empty_state();
  std::vector<float> all;
  std::vector<token> tokens;
  for (token i = 0; i < 40; ++i) tokens.push_back((7 * i * i + 3) % 96);
  auto const run = [&](std::size_t begin, std::size_t count, phase when) {
    reference::step const step{.tokens = std::span{tokens}.subspan(begin, count), .state = &state};
    reference::pass const how{.phase = when, .every_token = true};
    auto const logits = reference::forward(model, std::span{&step, 1}, how, policy);
    all.insert(all.end(), logits.data(), logits.data() + logits.size());
  };
  run(0, 20, phase::prefill);
  for (std::size_t at = 20; at < tokens.size(); ++at) run(at, 1, phase::generation);
  return all;
}

std::size_t bytes_of(reference::snapshot const& snapshot) {
  std::size_t sum = 0;
  for (auto const& [name, tensor] : snapshot.files.tensors()) sum += tensor.bytes.size();
  return sum;
}

}  // namespace

TEST_CASE("compact: a cut model computes what the masked one does and lacks the bytes of the heads") {
  struct cut {
    char const* name;
    kept_heads kept;
    std::size_t heads, groups;
    std::size_t fewer;  // numbers, of width x head_dim: a head has two such matrices, and so has a key/value head
    std::size_t zeros;  // numbers between merged blocks of gates
  };
  // recurrent_gemma_gqa: layers 1 and 3 attend, 8 heads of 2 groups of 8 features, width 64, gates 8 x 8 x 8 in 3
  // layers. jamba_moe: layers 2 and 6, 8 heads of 2 groups of 6 features, width 48. recurrent_gemma_mqa has 5 heads:
  // prime.
  for (auto const& [name, kept, heads, groups, fewer, zeros] :
       {cut{"recurrent_gemma_gqa", {{1, {0, 1, 6, 7}}, {3, {1, 3, 4, 5}}}, 4, 2, 2 * 2 * 4 * 64 * 8, 2 * 3 * 64 * 8},
        cut{"recurrent_gemma_gqa", {{1, {4, 5, 6, 7}}, {3, {0, 1, 2, 3}}}, 4, 1, 2 * 2 * 5 * 64 * 8, 2 * 3 * 64 * 8},
        cut{"jamba_moe", {{2, {4, 5, 6, 7}}, {6, {0, 1, 2, 3}}}, 4, 1, 2 * 2 * 5 * 48 * 6, 0},
        cut{"jamba_moe", {{2, {0, 2, 3, 5, 6, 7}}, {6, {0, 1, 2, 4, 5, 6}}}, 6, 2, 2 * 2 * 2 * 48 * 6, 0},
        cut{"jamba_moe", {{2, {3}}, {6, {5}}}, 1, 1, 2 * 2 * 8 * 48 * 6, 0},
        // 4 heads of 2 groups of 16 features, width 32, each with a gate as large as its query; and of 12 features
        // without.
        cut{"qwen3_next", {{2, {0, 1}}, {5, {2, 3}}}, 2, 1, 2 * (3 * 2 + 2) * 32 * 16, 0},
        cut{"qwen3_5_text", {{2, {1, 2}}, {5, {0, 2}}}, 2, 2, 2 * 3 * 2 * 32 * 16, 0},
        // The same sizes as qwen3_next without gates, of 8 features; granitemoehybrid_moe: MHA of 6, width 24.
        // Falcon-H1 attends in all of its 4 layers, _norm with one key/value head.
        cut{"granitemoehybrid_dense", {{2, {2, 3}}, {5, {0, 1}}}, 2, 1, 2 * (2 * 2 + 2) * 32 * 8, 0},
        cut{"granitemoehybrid_moe", {{1, {1}}, {4, {3}}}, 1, 1, 2 * 2 * 6 * 24 * 6, 0},

        cut{"granitemoehybrid_limit", {{1, {0, 2}}}, 2, 1, 2 * 24 * 8, 0},
        cut{"lfm2", {{2, {0, 3}}, {4, {1, 2}}}, 2, 2, 2 * 2 * 2 * 32 * 8, 0},
        cut{"lfm2", {{2, {0, 1}}, {4, {2, 3}}}, 2, 1, 2 * (2 * 2 + 2) * 32 * 8, 0},
        cut{"falcon_h1", {{0, {0, 1}}, {1, {2, 3}}, {2, {0, 1}}, {3, {2, 3}}}, 2, 1, 4 * (2 * 2 + 2) * 32 * 8, 0},
        cut{"falcon_h1_norm", {{0, {0}}, {1, {1}}, {2, {2}}, {3, {3}}}, 1, 1, 4 * 2 * 3 * 24 * 6, 0},
        cut{"bamba", {{2, {1, 3}}, {5, {0, 2}}}, 2, 2, 2 * 2 * 2 * 32 * 8, 0},
        cut{"nemotron_h", {{3, {2, 3}}, {6, {0, 1}}}, 2, 1, 2 * (2 * 2 + 2) * 32 * 12, 0},
        cut{"jamba_dense", {{1, {0, 3}}, {3, {1, 2}}}, 2, 2, 2 * 2 * 4 * 48 * 12, 0}}) {
    CAPTURE(name);
    auto const whole = golden(name);
    auto const policy = keeping(whole.model, kept);
    auto const layout = reference::compact_layout_of(whole.model, policy);
    test::temporary_folder const folder;
    auto const to = folder.path() / "cut";
    reference::write_compact(whole, std::string{HEADCOUNT_GOLDENS} + "/" + name, policy, layout, to);
    auto const small = reference::load_snapshot(to);
    CHECK(small.config.heads == heads);
    CHECK(small.config.key_value_heads == groups);
    CHECK(bytes_of(whole) - bytes_of(small) == 4 * (fewer - zeros));

    auto const expected = logits_of(whole.model, policy);
    auto const dense_logits = logits_of(whole.model, dense);
    auto const actual = logits_of(small.model, dense);
    REQUIRE(actual.size() == expected.size());
    double worst = 0;
    double changed = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])));
      changed = std::max(changed, std::abs(static_cast<double>(dense_logits[i]) - static_cast<double>(expected[i])));
    }
    CHECK(worst < 1e-4);
    CHECK(changed > 1e-3);  // the heads that were cut out did something
    CHECK(folder.names() == std::vector<std::string>{"cut"});
    CHECK(test::contains(test::message_of([&] {
                           reference::write_compact(whole, std::string{HEADCOUNT_GOLDENS} + "/" + name, policy, layout,
                                                    to);
                         }),
                         "it is there already"));
  }
}

TEST_CASE("compact: what a configuration cannot say is refused with what it can") {
  auto const jamba = golden("jamba_moe");
  auto const gemma = golden("recurrent_gemma_mqa");
  auto const says = [](reference::snapshot const& of, any_policy const& policy, std::string const& part) {
    auto const message = test::message_of([&] { (void)reference::compact_layout_of(of.model, policy); });
    CHECK_MESSAGE(test::contains(message, part), message);
  };
  says(jamba, keeping(jamba.model, {{2, {0, 1, 4}}, {6, {0, 1, 4}}}),
       "layer 2: it keeps 1 of the 4 heads of key/value head 1 and 2 of those of 0");
  says(jamba, keeping(jamba.model, {{2, {0, 1}}, {6, {0, 4}}}),
       "layer 6: it keeps 2 heads of 2 key/value heads, layer 2 2 of 1");
  says(jamba, keeping(jamba.model, {{2, {0}}}), "layer 6: it keeps no head (allowed: one or more)");
  auto const zamba = golden("zamba2");
  says(zamba, keeping(zamba.model, {{1, {0}}, {3, {0}}, {5, {0}}}),
       "Zamba2ForCausalLM, layer 1: attention is shared by layers, and its head size is 2 hidden_size / "
       "num_attention_heads");
  auto const olmo = golden("olmo_hybrid");
  says(olmo, keeping(olmo.model, {{2, {0}}, {5, {0}}}),
       "OlmoHybridForCausalLM, layer 2: queries and keys are normalised over all heads at once");
  says(jamba, dense, "it drops no head");
  says(jamba, score::entropy{} | select::top_k{4}, "its scorer reads what the model computes");
  says(jamba, score::random{} | select::top_k{4}, "in layer 2 other heads are kept at every token");
  says(jamba, keeping(jamba.model, {{2, {0}}, {6, {0}}}).during(phase::generation),
       "prefill and generation keep other heads of layer 2");
  // Five heads can only become one, whose gates are five times as large: more than five heads of 40 x 8 numbers.
  says(gemma, keeping(gemma.model, {{2, {0, 1}}, {5, {0, 1}}}),
       "can only be merged evenly (allowed: none heads a layer)");
  says(gemma, keeping(gemma.model, {{2, {0}}, {5, {3}}}), "they grow by");
}

TEST_CASE("compact: in a file with parts that are not run, only the text's configuration and tensors change") {
  auto const flat = golden("qwen3_5_text");
  test::temporary_folder const folder;
  // The same text model inside a multimodal file, beside a layer that foretells tokens.
  std::vector<reference::tensor_to_write> tensors;
  for (auto const& [name, tensor] : flat.files.tensors()) {
    auto const nested = name.starts_with("model.") ? "model.language_model." + name.substr(6) : name;
    tensors.push_back({nested, tensor.dtype, tensor.shape, tensor.bytes});
    if (name == "model.layers.2.self_attn.q_proj.weight")
      tensors.push_back({"mtp.layers.2.self_attn.q_proj.weight", tensor.dtype, tensor.shape, tensor.bytes});
  }
  auto const from = folder.path() / "multimodal";
  std::filesystem::create_directory(from);
  reference::write_safetensors(from / "model.safetensors", tensors, {});
  auto const text = reference::read_config_json(std::string{HEADCOUNT_GOLDENS} + "/qwen3_5_text/config.json");
  reference::write_text(from / "config.json", nlohmann::json{{"model_type", "qwen3_5"}, {"text_config", text}}.dump());

  auto const whole = reference::load_snapshot(from);
  auto const policy = keeping(whole.model, {{2, {1, 2}}, {5, {0, 2}}});
  auto const to = folder.path() / "cut";
  reference::write_compact(whole, from, policy, reference::compact_layout_of(whole.model, policy), to);
  auto const small = reference::load_snapshot(to);
  CHECK(small.config.heads == 2);
  auto const expected = logits_of(whole.model, policy);
  auto const actual = logits_of(small.model, dense);
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    worst = std::max(worst, std::abs(static_cast<double>(actual[i]) - static_cast<double>(expected[i])));
  CHECK(worst < 1e-4);
  auto const& untouched = small.files.tensors().at("mtp.layers.2.self_attn.q_proj.weight");
  CHECK(untouched.shape == flat.files.tensors().at("model.layers.2.self_attn.q_proj.weight").shape);
  CHECK_FALSE(reference::read_config_json(to / "config.json").contains("num_attention_heads"));
}

TEST_CASE("compact: projections under names that are not known are refused, not left as they were") {
  // Layer 2 of lfm2 attends, layer 2 of these tensors is Mamba.
  auto mixed = golden("lfm2");
  auto const layout = reference::compact_layout_of(mixed.model, keeping(mixed.model, {{2, {0, 1}}, {4, {0, 1}}}));
  mixed.files = golden("jamba_dense").files;
  CHECK(
      test::message_of([&] { (void)reference::cut_heads(mixed, layout); }) ==
      "layer 2: its projections of attention were not found under their usual names (allowed: q_proj, k_proj, v_proj, "
      "o_proj)");
}
