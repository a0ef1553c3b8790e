// architectures.hpp: every spelling of a layer pattern, what is refused by its name, and that the list is what there
// is.

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <headcount/core/phase.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/file/json_file.hpp>
#include <headcount/reference/checkpoint/architectures.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/reference/model/model.hpp>

#include "../support/batch.hpp"
#include "../support/files.hpp"
#include "../support/numbers.hpp"

using namespace headcount;
using namespace headcount::reference;
using nlohmann::json;

namespace {

json golden_config(std::string const& name) {
  return read_json(std::filesystem::path{HEADCOUNT_GOLDENS} / name / "config.json");
}

/// A golden's configuration with some keys changed, and without those that are changed to null.
json changed(std::string const& golden, json const& changes) {
  auto config = golden_config(golden);
  for (auto const& [key, value] : changes.items())
    if (value.is_null()) config.erase(key);
    else config[key] = value;
  return json::parse(config.dump());
}

/// The layers of a model, a letter each: attention, recurrence, both, MLP, experts.
std::string layers_of(json const& config) {
  std::string letters;
  for (auto const& one : read_config("config.json", config).outline().layers) {
    bool const recurs = !std::holds_alternative<std::monostate>(one.recurrent);
    letters += one.attention && recurs                             ? 'b'
               : one.attention                                     ? 'a'
               : recurs                                            ? 'r'
               : std::holds_alternative<experts>(one.feed_forward) ? 'e'
                                                                   : 'm';
  }
  return letters;
}
std::string layers_of(std::string const& golden, json const& changes) { return layers_of(changed(golden, changes)); }

std::string refusal(std::string const& golden, json const& changes) {
  return test::message_of([&] { (void)read_config("config.json", changed(golden, changes)); });
}

/// A checkpoint whose names have a word more.
struct renamed {
  checkpoint& files;
  std::string word;

  std::string plain(std::string name) const {
    if (auto const at = name.find(word); at != name.npos) name.erase(at, word.size());
    return name;
  }
  weights take(std::string const& name, std::vector<std::size_t> const& shape) {
    return files.take(plain(name), shape);
  }
  std::vector<std::size_t> shape_of(std::string const& name) const { return files.shape_of(plain(name)); }
};

}  // namespace

TEST_CASE("architectures: every spelling of a layer pattern gives the same layers") {
  json const old_names{"mamba", "mamba", "attention", "mamba", "mamba", "attention"};
  json const gone;
  CHECK(layers_of("qwen3_next", {}) == "rrarra");
  CHECK(layers_of("qwen3_next", {{"layer_types", gone}}) == "rrrarr");  // every fourth
  CHECK(layers_of("qwen3_next", {{"layer_types", gone}, {"full_attention_interval", 3}}) == "rrarra");
  CHECK(layers_of("qwen3_next", {{"full_attention_interval", 2}}) == "rrarra");  // the list wins
  CHECK(layers_of("qwen3_5_text", {{"layer_types", std::vector<std::string>(6, "full_attention")}}) == "aaaaaa");
  CHECK(layers_of("granitemoehybrid_dense", {{"layer_types", old_names}}) == "rrarra");
  CHECK(layers_of("granitemoehybrid_dense", {{"layer_types", gone}, {"layers_block_type", old_names}}) == "rrarra");
  CHECK(layers_of("granitemoehybrid_dense", {{"layer_types", gone}}) == "rrrrrr");
  json const pattern = "M-M*EM*-";
  CHECK(layers_of("nemotron_h", {}) == "rmraeram");
  CHECK(layers_of("nemotron_h", {{"layers_block_type", gone}, {"hybrid_override_pattern", pattern}}) == "rmraeram");
  CHECK(layers_of("nemotron_h", {{"hybrid_override_pattern", "MM"}}) == "rmraeram");
  CHECK(layers_of("nemotron_h", {{"layers_block_type", {"mamba", "attention", "moe"}}}) == "rae");
  CHECK(layers_of("lfm2", {}) == "rrarar");
  CHECK(layers_of("lfm2", {{"layer_types", gone}, {"full_attn_idxs", {1, 5}}}) == "rarrra");
  CHECK(layers_of("falcon_h1", {}) == "bbbb");
  CHECK(layers_of("bamba", {}) == "rrarra");
  CHECK(layers_of("bamba", {{"attn_layer_indices", {0}}}) == "arrrrr");
  CHECK(layers_of("zamba2", {}) == "rbrbrbr");
  CHECK(layers_of("zamba2", {{"layers_block_type",
                              {"mamba", "hybrid", "mamba", "hybrid", "mamba", "mamba", "mamba"}}}) == "rbrbrrr");
  CHECK(layers_of("olmo_hybrid", {}) == "rrarra");
  CHECK(layers_of("olmo_hybrid", {{"layer_types", gone}}) == "rrrarr");
}

TEST_CASE("architectures: what a file asks for and is not run is refused by its name") {
  auto const says = [](std::string const& golden, json const& changes, std::string const& part) {
    auto const message = refusal(golden, changes);
    CHECK_MESSAGE(test::contains(message, part), message);
  };
  says("qwen3_next", {{"layer_types", {"linear_attention", "sliding_attention"}}},
       "config.json: layer_types = [\"linear_attention\",\"sliding_attention\"] (allowed: a list of linear_attention, "
       "mamba, full_attention, attention)");
  says("qwen3_next", {{"layer_types", {"linear_attention"}}}, "a list of 6 layers");
  says("qwen3_next", {{"rope_parameters", {{"rope_type", "yarn"}}}}, "rope_parameters: rope_type = \"yarn\"");
  says("qwen3_next", {{"rope_scaling", {{"type", "linear"}}}}, "rope_scaling: type = \"linear\"");
  says("qwen3_next", {{"linear_num_value_heads", 3}}, "linear_num_value_heads = 3");
  says("qwen3_next", {{"num_experts_per_tok", 5}}, "num_experts_per_tok = 5 (allowed: 1 to num_experts)");
  says("granitemoehybrid_dense", {{"position_embedding_type", "alibi"}}, "position_embedding_type = \"alibi\"");
  says("granitemoehybrid_dense", {{"mamba_n_heads", 7}}, "mamba_n_heads = 7");
  says("granitemoehybrid_dense", {{"time_step_limit", {1, 0}}}, "time_step_limit = [1,0]");
  says("granitemoehybrid_dense", {{"time_step_limit", {0}}}, "time_step_limit = [0] (allowed: a list of 2 numbers)");
  says("nemotron_h", {{"layers_block_type", nullptr}, {"hybrid_override_pattern", "M?"}}, "hybrid_override_pattern");
  says("nemotron_h", {{"moe_latent_size", 8}}, "moe_latent_size = 8 (allowed: null)");
  says("nemotron_h", {{"n_groups", 4}}, "n_groups = 4");
  says("lfm2", {{"layer_types", {"mamba"}}}, "layer_types = [\"mamba\"] (allowed: a list of conv");
  says("lfm2", {{"layer_types", nullptr}, {"full_attn_idxs", {6}}}, "full_attn_idxs = [6]");
  says("lfm2", {{"intermediate_size", 1}}, "block_ffn_dim_multiplier = 1.0 (allowed: one that leaves a width");
  says("bamba", {{"attn_layer_indices", {6}}}, "attn_layer_indices = [6]");
  says("falcon_h1", {{"ssm_multipliers", {1, 2}}}, "ssm_multipliers = [1,2] (allowed: a list of 5 numbers)");
  says("zamba2", {{"layers_block_type", nullptr}}, "layers_block_type = nothing");
  says("olmo_hybrid", {{"hidden_act", "tanh"}}, "hidden_act = \"tanh\"");
}

TEST_CASE("architectures: rotary positions are those of the newest key, and none where a type has none") {
  auto const rope = [](std::string const& golden, json const& changes) {
    auto const model = read_config("config.json", changed(golden, changes)).outline();
    return model.layers[model.first_attention()].attention->rotary;
  };
  json const gone;
  auto const frequencies = [](std::size_t rotated, double base) {
    return make_rotary_embedding(rotated, base).frequencies;
  };
  CHECK(rope("qwen3_next", {{"rope_theta", 5}})->frequencies == frequencies(4, 10000));
  CHECK(rope("qwen3_next", {{"rope_parameters", gone}, {"rope_theta", 500}, {"partial_rotary_factor", 0.5}})
            ->frequencies == frequencies(8, 500));
  CHECK(rope("lfm2", {{"rope_parameters", gone}})->frequencies == frequencies(8, 1e6));
  CHECK(rope("bamba", {{"rope_parameters", gone}, {"partial_rotary_factor", gone}})->frequencies ==
        frequencies(4, 10000));
  CHECK(!rope("granitemoehybrid_moe", {}));
  CHECK(!rope("granitemoehybrid_moe", {{"position_embedding_type", gone}}));
  CHECK(!rope("nemotron_h", {}));
  CHECK(!rope("zamba2", {{"use_mem_rope", false}}));
  CHECK(!rope("olmo_hybrid", {}));
  CHECK(rope("olmo_hybrid", {{"rope_parameters", gone}})->frequencies == frequencies(8, 10000));
}

TEST_CASE("architectures: infinite limits are read as Python and as transformers 5 write them") {
  auto const limits = [](json const& config) {
    auto const outline = read_config("config.json", config).outline();
    auto const& block = std::get<mamba2_block>(outline.layers[0].recurrent);
    return std::pair{block.least_step, block.most_step};
  };
  constexpr auto infinite = std::numeric_limits<float>::infinity();
  CHECK(limits(changed("granitemoehybrid_dense", {})) == std::pair{0.0f, infinite});
  CHECK(limits(changed("granitemoehybrid_dense", {{"time_step_limit", nullptr}})) == std::pair{0.0f, infinite});
  CHECK(limits(changed("granitemoehybrid_dense", {{"time_step_limit", {0.25, 0.5}}})) == std::pair{0.25f, 0.5f});
  auto text =
      changed("granitemoehybrid_dense", {{"time_step_limit", "HERE"}, {"name", "to \"Infinity\" and \\"}}).dump();
  text.replace(text.find("\"HERE\""), 6, "[0.125, Infinity]");
  auto const old = parse_config("config.json", text);
  CHECK(limits(old) == std::pair{0.125f, infinite});
  CHECK(old["name"] == "to \"Infinity\" and \\");
}

TEST_CASE("architectures: the text part of a multimodal file is the text model") {
  auto const folder = std::filesystem::path{HEADCOUNT_GOLDENS} / "qwen3_5_text";
  json const nested{{"model_type", "qwen3_5"},
                    {"tie_word_embeddings", false},
                    {"vision_config", {{"depth", 2}}},
                    {"text_config", golden_config("qwen3_5_text")}};
  checkpoint files{folder};
  auto const plain = read_config(folder / "config.json").make(files);
  renamed longer{files, "language_model."};
  auto const made = read_config("config.json", json::parse(nested.dump())).make(longer);
  auto const text = test::numbers{3}.text(9, 96);
  CHECK(test::batch{made, {text}}.next(9, phase::prefill) == test::batch{plain, {text}}.next(9, phase::prefill));
  CHECK(std::ranges::find(made.left_out, "model.visual.") != made.left_out.end());
}

TEST_CASE("architectures: a head of its own is used, whether or not the file says that it is the embedding") {
  struct with_head {
    checkpoint& files;
    weights head;

    weights take(std::string const& name, std::vector<std::size_t> const& shape) {
      return name == "lm_head.weight" ? head : files.take(name, shape);
    }
    std::vector<std::size_t> shape_of(std::string const& name) const {
      return name == "lm_head.weight" ? head.shape : files.shape_of(name);
    }
  };
  checkpoint files{std::filesystem::path{HEADCOUNT_GOLDENS} / "lfm2"};
  auto const config = read_config("config.json", golden_config("lfm2"));
  REQUIRE(config.tied_embeddings);
  auto const plain = config.make(files);
  CHECK(plain.head.weight.data == plain.embedding.data);
  std::vector<float> const numbers(96 * 32, 1.0f);
  with_head merged{files, {.data = reinterpret_cast<std::byte const*>(numbers.data()), .shape = {96, 32}}};
  CHECK(config.make(merged).head.weight.data == merged.head.data);
}

TEST_CASE("architectures: tensors that are not run are let pass by the beginning of their names alone") {
  checkpoint const files{std::filesystem::path{HEADCOUNT_GOLDENS} / "lfm2"};
  CHECK(files.count("model.layers.0.") == 8);
  CHECK(test::contains(test::message_of([&] { files.require_all_taken(); }), "unknown tensors"));
  std::vector<std::string> const all{"model."};
  CHECK(test::message_of([&] { files.require_all_taken(all); }).empty());
}

TEST_CASE("architectures: each has a golden, and no two have one name") {
  std::set<std::string> golden;
  for (auto const& entry : std::filesystem::directory_iterator{HEADCOUNT_GOLDENS})
    if (std::filesystem::exists(entry.path() / "config.json"))
      golden.insert(read_json(entry.path() / "config.json")["model_type"].get<std::string>());
  golden.insert("qwen3_5");  // nested, above
  std::set<std::string> listed;
  for (auto const& one : architectures) listed.emplace(one.type);
  CHECK(listed == golden);
  CHECK(listed.size() == architectures.size());
}
