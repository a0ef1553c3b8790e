#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <headcount/core/token.hpp>
#include <headcount/reference/block/activation.hpp>

namespace headcount::v0::reference {

/// What every config.json says.
struct common_config {
  std::string architecture;
  std::size_t vocabulary = 0;
  std::size_t width = 0;  ///< hidden_size
  std::size_t layers = 0;
  std::size_t heads = 0;
  std::size_t key_value_heads = 0;
  std::size_t intermediate = 0;  ///< intermediate_size, before RecurrentGemma halves it
  activation function = activation::silu;
  float norm_epsilon = 1e-6f;
  bool tied_embeddings = false;
  std::optional<token> bos{};  ///< the beginning-of-sequence token
  std::vector<token> eos{};    ///< tokens that end a text
  std::string stored_dtype;    ///< what the file says of its weights; the tensors decide
};

/// RecurrentGemma (Griffin).
/// Source: Botev et al. 2024, arXiv 2404.07839; transformers' RecurrentGemmaConfig.
struct recurrent_gemma_config : common_config {
  std::size_t head_dim = 0;
  std::size_t lru_width = 0;
  std::size_t window = 0;  ///< attention_window_size: keys a query sees, its own included
  std::size_t convolution_width = 4;
  std::vector<bool> attends{};  ///< per layer: attention, or RG-LRU
  double rope_base = 10000;
  std::size_t rotated = 0;  ///< features of a head that rotary positions turn, an even number
  bool attention_bias = false;
  float logit_cap = 30;
};

/// Jamba.
/// Source: Lieber et al. 2024, arXiv 2403.19887; transformers' JambaConfig.
struct jamba_config : common_config {
  std::size_t head_dim = 0;
  std::vector<bool> attends{};  ///< per layer: attention, or Mamba
  std::vector<bool> routes{};   ///< per layer: experts, or one MLP
  std::size_t experts = 1;
  std::size_t chosen_experts = 1;  ///< num_experts_per_tok
  std::size_t mamba_states = 16;
  std::size_t mamba_convolution = 4;
  std::size_t mamba_channels = 0;  ///< expand * width
  std::size_t mamba_rank = 0;      ///< of dt
  bool mamba_convolution_bias = true;
  bool mamba_projection_bias = false;
};

/// The architectures that can be run.
using model_config = std::variant<recurrent_gemma_config, jamba_config>;

/// What every architecture's configuration says.
[[nodiscard]] inline common_config const& common(model_config const& config) noexcept {
  return std::visit([](auto const& any) -> common_config const& { return any; }, config);
}

}  // namespace headcount::v0::reference
