#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <ggml.h>
#include <gguf.h>
#include <sentencepiece_processor.h>

#include <headcount/core/error.hpp>
#include <headcount/core/text.hpp>
#include <headcount/file/config_reader.hpp>
#include <headcount/reference/architecture/jamba.hpp>
#include <headcount/reference/block/weights.hpp>
#include <headcount/reference/checkpoint/checkpoint.hpp>
#include <headcount/reference/checkpoint/config_json.hpp>

namespace headcount::v0::evaluate {

/// A GGUF file in the making, float32 throughout, through ggml's own functions.
class gguf_file {
 public:
  explicit gguf_file(std::string architecture) : architecture_{std::move(architecture)} {
    gguf_set_val_str(file_.get(), "general.architecture", architecture_.c_str());
  }

  /// A number under the architecture's name.
  void set(std::string const& key, std::size_t value) {
    gguf_set_val_u32(file_.get(), key_of(key).c_str(), static_cast<std::uint32_t>(value));
  }
  void set(std::string const& key, float value) { gguf_set_val_f32(file_.get(), key_of(key).c_str(), value); }
  void set(std::string const& key, std::vector<std::uint32_t> const& values) {
    gguf_set_arr_data(file_.get(), key_of(key).c_str(), GGUF_TYPE_UINT32, values.data(), values.size());
  }

  /// A tensor, `shape` slowest axis first, as safetensors say it.
  void add(std::string const& name, std::vector<float> values, std::vector<std::size_t> const& shape) {
    std::vector<std::int64_t> extents;
    for (auto axis = shape.size(); axis-- > 0;) extents.push_back(static_cast<std::int64_t>(shape[axis]));
    values_.push_back(std::move(values));
    contexts_.emplace_back(ggml_init({.mem_size = ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}));
    auto* const tensor =
        ggml_new_tensor(contexts_.back().get(), GGML_TYPE_F32, static_cast<int>(extents.size()), extents.data());
    ggml_set_name(tensor, name.c_str());
    tensor->data = values_.back().data();
    gguf_add_tensor(file_.get(), tensor);
  }

  /// The words of a SentencePiece model, padded to `vocabulary` ids; none where the folder has no tokenizer.model.
  void add_words(std::filesystem::path const& folder, std::size_t vocabulary) {
    auto const path = folder / "tokenizer.model";
    if (!std::filesystem::exists(path)) {
      gguf_set_val_str(file_.get(), "tokenizer.ggml.model", "no_vocab");
      return set("vocab_size", vocabulary);
    }
    sentencepiece::SentencePieceProcessor words;
    if (!words.Load(path.string()).ok()) fail(path.string(), "it is no SentencePiece model");
    auto const known = static_cast<std::size_t>(words.GetPieceSize());
    std::vector<std::string> pieces;
    std::vector<float> scores;
    std::vector<std::int32_t> types;
    for (std::size_t i = 0; i < vocabulary; ++i) {
      auto const id = static_cast<int>(i);
      bool const padding = i >= known;
      pieces.push_back(padding ? text_of("[PAD", i, "]") : words.IdToPiece(id));
      scores.push_back(padding ? -1e4f : words.GetScore(id));
      types.push_back(padding || words.IsUnused(id) ? 5
                      : words.IsUnknown(id)         ? 2
                      : words.IsControl(id)         ? 3
                      : words.IsByte(id)            ? 6
                                                    : 1);
    }
    std::vector<char const*> texts;
    for (auto const& piece : pieces) texts.push_back(piece.c_str());
    gguf_set_val_str(file_.get(), "tokenizer.ggml.model", "llama");
    gguf_set_arr_str(file_.get(), "tokenizer.ggml.tokens", texts.data(), texts.size());
    gguf_set_arr_data(file_.get(), "tokenizer.ggml.scores", GGUF_TYPE_FLOAT32, scores.data(), scores.size());
    gguf_set_arr_data(file_.get(), "tokenizer.ggml.token_type", GGUF_TYPE_INT32, types.data(), types.size());
    auto const id = [&](char const* key, int value) {
      if (value >= 0) gguf_set_val_u32(file_.get(), key, static_cast<std::uint32_t>(value));
    };
    id("tokenizer.ggml.bos_token_id", words.bos_id());
    id("tokenizer.ggml.eos_token_id", words.eos_id());
    id("tokenizer.ggml.unknown_token_id", words.unk_id());
    gguf_set_val_bool(file_.get(), "tokenizer.ggml.add_bos_token", words.bos_id() >= 0);
  }

  /// Throws headcount::error when it cannot be written.
  void write(std::filesystem::path const& path) const {
    if (!gguf_write_to_file(file_.get(), path.string().c_str(), false)) fail(path.string(), "it cannot be written");
  }

 private:
  struct free_it {
    void operator()(gguf_context* file) const { gguf_free(file); }
    void operator()(ggml_context* context) const { ggml_free(context); }
  };
  [[nodiscard]] std::string key_of(std::string const& key) const { return text_of(architecture_, ".", key); }

  std::string architecture_;
  std::unique_ptr<gguf_context, free_it> file_{gguf_init_empty()};
  std::deque<std::vector<float>> values_;
  std::deque<std::unique_ptr<ggml_context, free_it>> contexts_;
};

/// Writes tensors of a model folder under their names in a GGUF file.
class gguf_tensors {
 public:
  gguf_tensors(reference::checkpoint& from, gguf_file& to) : from_{&from}, to_{&to} {}

  /// A tensor as it is, but for axes of one element.
  void copy(std::string const& from, std::string const& to) {
    auto shape = from_->shape_of(from);
    auto values = take(from);
    if (shape.size() > 2) std::erase(shape, std::size_t{1});
    to_->add(to, std::move(values), shape);
  }
  /// A tensor that is not there in every model.
  void copy_if_there(std::string const& from, std::string const& to) {
    if (!from_->shape_of(from).empty()) copy(from, to);
  }
  /// The decay of a recurrence: -exp(A_log).
  void copy_decay(std::string const& from, std::string const& to) {
    auto values = take(from);
    for (auto& value : values) value = -std::exp(value);
    to_->add(to, std::move(values), from_->shape_of(from));
  }
  /// Tensors of one shape behind each other, along an axis of their own.
  void stack(std::vector<std::string> const& from, std::string const& to) {
    auto shape = from_->shape_of(from.front());
    std::vector<float> all;
    for (auto const& name : from) {
      auto const values = take(name);
      all.insert(all.end(), values.begin(), values.end());
    }
    shape.insert(shape.begin(), from.size());
    to_->add(to, std::move(all), shape);
  }

 private:
  [[nodiscard]] std::vector<float> take(std::string const& name) {
    return reference::widen_all(from_->take(name, from_->shape_of(name)));
  }
  reference::checkpoint* from_;
  gguf_file* to_;
};

/// Jamba as llama.cpp reads it. Source: llama.cpp, conversion/jamba.py.
inline void write_jamba(reference::config_reader const& file, reference::checkpoint& files, gguf_file& made) {
  auto const config = reference::read_jamba(file);
  if (config.mamba_channels != 2 * config.width || config.heads * config.head_dim != config.width ||
      config.mamba_projection_bias || !config.mamba_convolution_bias)
    fail("to-gguf",
         "llama.cpp reads Jamba with mamba_expand 2, heads as wide as the model, a bias of the "
         "convolution and none of Mamba's projections");
  std::vector<std::uint32_t> shared;
  for (bool const attends : config.attends)
    shared.push_back(attends ? static_cast<std::uint32_t>(config.key_value_heads) : 0);
  made.set("block_count", config.layers);
  made.set("context_length", file.count("max_position_embeddings", 262144));
  made.set("embedding_length", config.width);
  made.set("feed_forward_length", config.intermediate);
  made.set("attention.head_count", config.heads);
  made.set("attention.head_count_kv", shared);
  made.set("ssm.conv_kernel", config.mamba_convolution);
  made.set("ssm.inner_size", config.mamba_channels);
  made.set("ssm.state_size", config.mamba_states);
  made.set("ssm.time_step_rank", config.mamba_rank);
  made.set("attention.layer_norm_rms_epsilon", static_cast<float>(config.norm_epsilon));
  made.set("expert_count", config.experts);
  made.set("expert_used_count", config.chosen_experts);
  gguf_tensors tensors{files, made};
  tensors.copy("model.embed_tokens.weight", "token_embd.weight");
  tensors.copy("model.final_layernorm.weight", "output_norm.weight");
  tensors.copy_if_there("lm_head.weight", "output.weight");
  for (std::size_t at = 0; at < config.layers; ++at) {
    auto const from = text_of("model.layers.", at, ".");
    auto const to = text_of("blk.", at, ".");
    auto const copy = [&](char const* a, char const* b) { tensors.copy(from + a, to + b); };
    copy("input_layernorm.weight", "attn_norm.weight");
    copy("pre_ff_layernorm.weight", "ffn_norm.weight");
    if (config.attends[at]) {
      copy("self_attn.q_proj.weight", "attn_q.weight");
      copy("self_attn.k_proj.weight", "attn_k.weight");
      copy("self_attn.v_proj.weight", "attn_v.weight");
      copy("self_attn.o_proj.weight", "attn_output.weight");
    } else {
      copy("mamba.in_proj.weight", "ssm_in.weight");
      copy("mamba.conv1d.weight", "ssm_conv1d.weight");
      copy("mamba.conv1d.bias", "ssm_conv1d.bias");
      copy("mamba.x_proj.weight", "ssm_x.weight");
      copy("mamba.dt_proj.weight", "ssm_dt.weight");
      copy("mamba.dt_proj.bias", "ssm_dt.bias");
      copy("mamba.dt_layernorm.weight", "ssm_dt_norm.weight");
      copy("mamba.b_layernorm.weight", "ssm_b_norm.weight");
      copy("mamba.c_layernorm.weight", "ssm_c_norm.weight");
      tensors.copy_decay(from + "mamba.A_log", to + "ssm_a");
      copy("mamba.D", "ssm_d");
      copy("mamba.out_proj.weight", "ssm_out.weight");
    }
    for (std::string const which : {"gate", "up", "down"}) {
      auto const end = which + "_proj.weight";
      if (!config.routes[at]) {
        tensors.copy(from + "feed_forward." + end, to + "ffn_" + which + ".weight");
        continue;
      }
      std::vector<std::string> experts;
      for (std::size_t i = 0; i < config.experts; ++i)
        experts.push_back(text_of(from, "feed_forward.experts.", i, ".", end));
      tensors.stack(experts, to + "ffn_" + which + "_exps.weight");
    }
    if (config.routes[at]) copy("feed_forward.router.weight", "ffn_gate_inp.weight");
  }
  made.add_words(files.folder(), config.vocabulary);
}

/// Writes a model folder as a GGUF file in float32. Throws headcount::error for an architecture whose layout is not
/// written, or that llama.cpp does not run.
inline void write_gguf(std::filesystem::path const& folder, std::filesystem::path const& output) {
  auto const path = folder / "config.json";
  auto const json = reference::read_config_json(path);
  reference::config_reader const file{path.string(), json};
  reference::checkpoint files{folder};
  if (file.is("model_type", "jamba")) {
    gguf_file made{"jamba"};
    write_jamba(file, files, made);
    made.write(output);
    return;
  }
  fail(path.string(), "this architecture is not written as GGUF", "model_type jamba");
}

}  // namespace headcount::v0::evaluate
