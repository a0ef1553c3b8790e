// json_file.hpp, config_reader.hpp and config_json.hpp.

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/reference/checkpoint/config_json.hpp>

#include <unit/reference/support/files.hpp>

using namespace headcount;
using namespace headcount::reference;
using nlohmann::json;

namespace {

json const gemma = json::parse(R"({
  "model_type": "recurrent_gemma", "vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 5,
  "num_attention_heads": 8, "num_key_value_heads": 2, "intermediate_size": 128})");
json const jamba = json::parse(R"({
  "model_type": "jamba", "vocab_size": 96, "hidden_size": 48, "num_hidden_layers": 8,
  "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 64})");

json with(json object, json const& changes) {
  for (auto const& [key, value] : changes.items()) object[key] = value;
  return object;
}
json without(json object, std::string const& key) {
  object.erase(key);
  return object;
}

model_config read_text(std::string const& text) {
  test::temporary_folder const folder;
  return read_config(folder.write("config.json", text));
}
recurrent_gemma_config read_gemma(json const& changes = json::object()) {
  auto const changed = json::parse(with(gemma, changes).dump());
  return read_recurrent_gemma({"config.json", changed});
}
jamba_config read_jamba_with(json const& changes = json::object()) {
  auto const changed = json::parse(with(jamba, changes).dump());
  return read_jamba({"config.json", changed});
}
std::string message_about(std::string const& text) {
  return test::message_of([&] { (void)read_text(text); });
}

}  // namespace

TEST_CASE("json_file: malformed text is one line with where it broke") {
  CHECK(test::contains(test::message_of([] { (void)parse_json("f.json", "{\n  \"a\": \n}"); }),
                       "f.json: malformed JSON: parse error at line 3"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f.json", ""); }), "malformed JSON"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f.json", "{\"a\": 1} 2"); }), "malformed JSON"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f.json", "\"\xff\""); }), "UTF-8"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f.json", "[1e999]"); }),
                       "malformed JSON: number overflow"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f.json", "\"a\nb\""); }), "malformed JSON"));
}

TEST_CASE("json_file: a key that is there twice is refused at every depth and siblings may share one") {
  CHECK(test::contains(test::message_of([] { (void)parse_json("f", R"({"a":1,"b":2,"a":1})"); }),
                       "f: the key \"a\" is there twice"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f", R"([{"x":{"k":[],"k":0}}])"); }),
                       "the key \"k\" is there twice"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f", R"({"a\nb":1,"a\nb":1})"); }),
                       "the key \"a\\nb\" is there twice"));
  CHECK(test::contains(test::message_of([] { (void)parse_json("f", "{\"a\":1,\"\\u0061\":1}"); }),
                       "the key \"a\" is there twice"));
  CHECK(parse_json("f", R"({"a":{"a":1},"b":{"a":2},"c":[{"a":1},{"a":1}]})").size() == 3);
}

TEST_CASE("json_file: nesting has an end") {
  auto const nested = [](std::size_t levels, char open, char close) {
    return std::string(levels, open) + std::string(levels, close);
  };
  CHECK(parse_json("f", nested(60, '[', ']')).is_array());
  CHECK(test::contains(test::message_of([&] { (void)parse_json("f", nested(70, '[', ']')); }), "nested more than 64"));
  CHECK(test::contains(test::message_of([&] { (void)parse_json("f", nested(1'000'000, '[', ']')); }),
                       "nested more than 64"));
}

TEST_CASE("json_file: a file is read and one that is not there is named") {
  test::temporary_folder const folder;
  CHECK(read_json(folder.write("a.json", " [1, 2]\n"))[1] == 2);
  CHECK(test::contains(test::message_of([&] { (void)read_json(folder.path() / "b.json"); }), "b.json: cannot be read"));
  CHECK(
      test::contains(test::message_of([&] { (void)read_json(folder.write("c.json", "")); }), "c.json: malformed JSON"));
}

TEST_CASE("config_json: recurrent_gemma has transformers' defaults") {
  auto const config = read_gemma();
  CHECK(config.architecture == "RecurrentGemmaForCausalLM");
  CHECK(config.vocabulary == 96);
  CHECK(config.width == 64);
  CHECK(config.layers == 5);
  CHECK(config.heads == 8);
  CHECK(config.key_value_heads == 2);
  CHECK(config.intermediate == 128);
  CHECK(config.function == activation::gelu_tanh);
  CHECK(config.norm_epsilon == 1e-6f);
  CHECK(config.tied_embeddings);
  CHECK(!config.bos);
  CHECK(config.eos.empty());
  CHECK(config.stored_dtype == "unknown");
  CHECK(config.head_dim == 8);
  CHECK(config.lru_width == 64);
  CHECK(config.window == 2048);
  CHECK(config.convolution_width == 4);
  CHECK(config.attends == std::vector<bool>{false, false, true, false, false});
  CHECK(config.rope_base == 10000);
  CHECK(config.rotated == 4);
  CHECK(!config.attention_bias);
  CHECK(config.logit_cap == 30);
}

TEST_CASE("config_json: every key of recurrent_gemma as transformers 4.40 writes it is read") {
  auto const config = read_gemma(json::parse(R"({
    "hidden_activation": "silu", "rms_norm_eps": 1e-5, "tie_word_embeddings": false, "bos_token_id": 2,
    "eos_token_id": 1, "torch_dtype": "bfloat16", "head_dim": 16, "lru_width": 80, "attention_window_size": 7,
    "conv1d_width": 3, "_block_types": ["attention", "recurrent"], "rope_theta": 500.0, "partial_rotary_factor": 0.75,
    "attention_bias": true, "logits_soft_cap": 12.5})"));
  CHECK(config.function == activation::silu);
  CHECK(config.norm_epsilon == 1e-5f);
  CHECK(!config.tied_embeddings);
  CHECK(config.bos == 2);
  CHECK(config.eos == std::vector<token>{1});
  CHECK(config.stored_dtype == "bfloat16");
  CHECK(config.head_dim == 16);
  CHECK(config.lru_width == 80);
  CHECK(config.window == 7);
  CHECK(config.convolution_width == 3);
  CHECK(config.attends == std::vector<bool>{true, false, true, false, true});
  CHECK(config.rope_base == 500);
  CHECK(config.rotated == 12);
  CHECK(config.attention_bias);
  CHECK(config.logit_cap == 12.5f);
}

TEST_CASE(
    "config_json: transformers 5 writes rope_parameters and dtype and block_types, which go before the old keys") {
  auto const config = read_gemma(json::parse(R"({
    "dtype": "float32", "torch_dtype": "bfloat16", "block_types": ["attention"], "_block_types": ["recurrent"],
    "rope_parameters": {"rope_type": "default", "rope_theta": 700.0, "partial_rotary_factor": 1.0},
    "rope_theta": 500.0, "partial_rotary_factor": 0.5, "eos_token_id": [1, 107]})"));
  CHECK(config.stored_dtype == "float32");
  CHECK(config.attends == std::vector<bool>(5, true));
  CHECK(config.rope_base == 700);
  CHECK(config.rotated == 8);
  CHECK(config.eos == std::vector<token>{1, 107});
}

TEST_CASE("config_json: an odd number of rotated features is rounded down to pairs") {
  CHECK(read_gemma({{"head_dim", 6}}).rotated == 2);
  CHECK(read_gemma({{"head_dim", 10}, {"partial_rotary_factor", 0.3}}).rotated == 2);
}

TEST_CASE("config_json: jamba has transformers' defaults") {
  auto const config = read_jamba_with();
  CHECK(config.architecture == "JambaForCausalLM");
  CHECK(config.function == activation::silu);
  CHECK(!config.tied_embeddings);
  CHECK(config.experts == 16);
  CHECK(config.chosen_experts == 2);
  CHECK(config.mamba_states == 16);
  CHECK(config.mamba_convolution == 4);
  CHECK(config.mamba_channels == 96);
  CHECK(config.mamba_rank == 3);
  CHECK(config.mamba_convolution_bias);
  CHECK(!config.mamba_projection_bias);
  CHECK(config.attends == std::vector<bool>{false, false, false, false, true, false, false, false});
  CHECK(config.routes == std::vector<bool>{false, true, false, true, false, true, false, true});
}

TEST_CASE("config_json: every key of jamba is read") {
  auto const config = read_jamba_with(json::parse(R"({
    "hidden_act": "gelu_pytorch_tanh", "tie_word_embeddings": true, "num_experts": 4, "num_experts_per_tok": 3,
    "mamba_d_state": 5, "mamba_d_conv": 2, "mamba_expand": 3, "mamba_dt_rank": 7, "mamba_conv_bias": false,
    "mamba_proj_bias": true, "attn_layer_period": 3, "attn_layer_offset": 0, "expert_layer_period": 4,
    "expert_layer_offset": 2})"));
  CHECK(config.function == activation::gelu_tanh);
  CHECK(config.tied_embeddings);
  CHECK(config.experts == 4);
  CHECK(config.chosen_experts == 3);
  CHECK(config.mamba_states == 5);
  CHECK(config.mamba_convolution == 2);
  CHECK(config.mamba_channels == 144);
  CHECK(config.mamba_rank == 7);
  CHECK(!config.mamba_convolution_bias);
  CHECK(config.mamba_projection_bias);
  CHECK(config.attends == std::vector<bool>{true, false, false, true, false, false, true, false});
  CHECK(config.routes == std::vector<bool>{false, false, true, false, false, false, true, false});
}

TEST_CASE("config_json: jamba's rank may be auto and one expert is none") {
  CHECK(read_jamba_with({{"mamba_dt_rank", "auto"}}).mamba_rank == 3);
  CHECK(read_jamba_with({{"mamba_dt_rank", "auto"}, {"hidden_size", 68}}).mamba_rank == 5);
  auto const config = read_jamba_with({{"num_experts", 1}, {"num_experts_per_tok", 2}});
  CHECK(config.routes == std::vector<bool>(8, false));
}

TEST_CASE("config_json: a model may have no attention layer or nothing but attention layers") {
  CHECK(read_gemma({{"block_types", {"recurrent"}}}).attends == std::vector<bool>(5, false));
  CHECK(read_gemma({{"block_types", {"attention"}}}).attends == std::vector<bool>(5, true));
  CHECK(read_jamba_with({{"attn_layer_period", 9}, {"attn_layer_offset", 8}}).attends == std::vector<bool>(8, false));
  CHECK(read_jamba_with({{"attn_layer_period", 1}, {"attn_layer_offset", 0}}).attends == std::vector<bool>(8, true));
}

TEST_CASE("config_json: null counts as absent") {
  auto const config = read_gemma(json::parse(R"({"num_key_value_heads": null, "lru_width": null, "head_dim": null,
    "eos_token_id": null, "rope_parameters": null, "block_types": null})"));
  CHECK(config.key_value_heads == 8);
  CHECK(config.lru_width == 64);
  CHECK(config.head_dim == 8);
  CHECK(config.eos.empty());
  CHECK(config.attends[2]);
}

TEST_CASE("config_json: what all architectures share is had from either") {
  CHECK(read_text(gemma.dump()).width == 64);
  CHECK(read_text(jamba.dump()).width == 48);
}

TEST_CASE("config_json: a key that is missing is named") {
  for (auto const* base : {&gemma, &jamba})
    for (auto const* key :
         {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "model_type"}) {
      CAPTURE(key);
      auto const message = message_about(without(*base, key).dump());
      CHECK_MESSAGE(test::contains(message, "config.json: the key " + std::string{key} + " is missing"), message);
    }
}

TEST_CASE("config_json: a key that is wrong is named with its value and what is allowed") {
  struct wrong {
    json changes;
    std::string says;
  };
  std::vector<wrong> const gemmas{
      {{{"vocab_size", 0}}, "vocab_size = 0 (allowed: a whole number from 1 to 16777216)"},
      {{{"vocab_size", -96}}, "vocab_size = -96"},
      {{{"vocab_size", 96.5}}, "vocab_size = 96.5"},
      {{{"vocab_size", "96"}}, "vocab_size = \"96\""},
      {{{"vocab_size", 16777217}}, "vocab_size = 16777217"},
      {{{"hidden_size", true}}, "hidden_size = true"},
      {{{"hidden_size", 6}, {"lru_width", 8}}, "hidden_size = 6 (allowed: at least num_attention_heads, where"},
      {{{"num_hidden_layers", 1025}}, "num_hidden_layers = 1025 (allowed: at most 1024)"},
      {{{"num_key_value_heads", 3}}, "num_key_value_heads = 3 (allowed: a divisor of num_attention_heads)"},
      {{{"num_key_value_heads", 16}}, "num_key_value_heads = 16"},
      {{{"intermediate_size", 127}}, "intermediate_size = 127 (allowed: an even number)"},
      {{{"lru_width", 65}}, "lru_width = 65 (allowed: a multiple of num_attention_heads)"},
      {{{"rms_norm_eps", "1e-6"}}, "rms_norm_eps = \"1e-6\" (allowed: a number)"},
      {{{"rms_norm_eps", -1e-6}}, "rms_norm_eps = -1e-06"},
      {{{"rms_norm_eps", 1e300}}, "rms_norm_eps = 1e+300"},
      {{{"logits_soft_cap", -30}}, "logits_soft_cap = -30"},
      {{{"logits_soft_cap", 1e60}}, "logits_soft_cap = 1e+60"},
      {{{"tie_word_embeddings", 1}}, "tie_word_embeddings = 1 (allowed: true or false)"},
      {{{"attention_bias", "no"}}, "attention_bias = \"no\""},
      {{{"bos_token_id", -1}}, "bos_token_id = -1 (allowed: a token id, or a list of them)"},
      {{{"eos_token_id", {1, "2"}}}, "eos_token_id = [1,\"2\"]"},
      {{{"eos_token_id", 2147483648}}, "eos_token_id = 2147483648"},
      {{{"torch_dtype", 16}}, "torch_dtype = 16 (allowed: a string)"},
      {{{"hidden_activation", "relu"}}, "hidden_activation = \"relu\" (allowed: silu, gelu, gelu_pytorch_tanh, relu2)"},
      {{{"attention_window_size", 0}}, "attention_window_size = 0"},
      {{{"conv1d_width", 0}}, "conv1d_width = 0"},
      {{{"block_types", json::array()}}, "block_types = [] (allowed: a list of \"recurrent\" and \"attention\")"},
      {{{"block_types", {"attention", "mamba"}}}, "block_types = [\"attention\",\"mamba\"]"},
      {{{"_block_types", {"mamba"}}}, "_block_types = [\"mamba\"]"},
      {{{"block_types", "attention"}}, "block_types = \"attention\" (allowed: a list of strings)"},
      {{{"block_types", {1}}}, "block_types = [1]"},
      {{{"rope_parameters", 3}}, "config.json, rope_parameters: it is no JSON object"},
      {{{"rope_parameters", {{"rope_type", "yarn"}}}},
       "config.json, rope_parameters: rope_type = \"yarn\" (allowed: default)"},
      {{{"rope_parameters", {{"rope_theta", "x"}}}}, "config.json, rope_parameters: rope_theta = \"x\""},
      {{{"rope_theta", 0}}, "rope_theta = 0 (allowed: a number above 0)"},
      {{{"partial_rotary_factor", 0}}, "partial_rotary_factor = 0"},
      {{{"partial_rotary_factor", 1.5}}, "partial_rotary_factor = 1.5 (allowed: a number above 0, at most 1)"},
      {{{"model_type", "gemma"}}, "model_type = \"gemma\" (allowed: " + model_types() + ")"},
      {{{"model_type", 1}}, "model_type = 1 (allowed: a string)"}};
  std::vector<wrong> const jambas{
      {{{"hidden_act", "tanh"}}, "hidden_act = \"tanh\" (allowed: silu, gelu, gelu_pytorch_tanh, relu2)"},
      {{{"hidden_size", 50}},
       "hidden_size = 50 (allowed: a multiple of num_attention_heads, where there is no head_dim)"},
      {{{"num_experts", 0}}, "num_experts = 0"},
      {{{"num_experts", 3}, {"num_experts_per_tok", 4}}, "num_experts_per_tok = 4 (allowed: at most num_experts)"},
      {{{"mamba_dt_rank", "half"}}, "mamba_dt_rank = \"half\""},
      {{{"mamba_dt_rank", 0}}, "mamba_dt_rank = 0"},
      {{{"mamba_conv_bias", 0}}, "mamba_conv_bias = 0"},
      {{{"mamba_proj_bias", "yes"}}, "mamba_proj_bias = \"yes\""},
      {{{"attn_layer_period", 2}, {"attn_layer_offset", 2}},
       "attn_layer_offset = 2 (allowed: less than attn_layer_period)"},
      {{{"attn_layer_offset", -1}}, "attn_layer_offset = -1"},
      {{{"attn_layer_period", 0}}, "attn_layer_period = 0"},
      {{{"expert_layer_period", 3}, {"expert_layer_offset", 5}},
       "expert_layer_offset = 5 (allowed: less than expert_layer_period)"}};
  CHECK(read_gemma({{"hidden_size", 6}, {"lru_width", 8}, {"head_dim", 4}}).head_dim == 4);
  for (auto const& [base, cases] : {std::pair{&gemma, &gemmas}, std::pair{&jamba, &jambas}})
    for (auto const& [changes, says] : *cases) {
      auto const message = message_about(with(*base, changes).dump());
      CHECK_MESSAGE(test::contains(message, says), message);
      CHECK_MESSAGE(test::contains(message, "config.json"), message);
    }
}

TEST_CASE("config_json: a value that is long is shown by its beginning") {
  std::string const name(1'000'000, 'x');
  auto const message = message_about(with(gemma, {{"hidden_activation", name}}).dump());
  CHECK(test::contains(message, "hidden_activation = \"xxx"));
  CHECK(test::contains(message, "xxx... (allowed: silu, gelu, gelu_pytorch_tanh, relu2)"));
  CHECK(message.size() < 300);
}

TEST_CASE("config_json: a file that is no object is refused") {
  CHECK(test::contains(message_about("[]"), "config.json: it is no JSON object"));
  CHECK(test::contains(message_about("3"), "it is no JSON object"));
  CHECK(test::contains(message_about("{"), "config.json: malformed JSON"));
  CHECK(test::contains(message_about(R"({"model_type":"jamba","model_type":"jamba"})"),
                       "the key \"model_type\" is there twice"));
}
