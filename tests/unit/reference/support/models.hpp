#pragma once

// Small models of random weights: one configuration of each architecture, to be varied, and its model with its tensors.

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include <headcount/reference/architecture/jamba.hpp>
#include <headcount/reference/architecture/qwen3_next.hpp>
#include <headcount/reference/architecture/recurrent_gemma.hpp>
#include <headcount/reference/block/rope.hpp>
#include <headcount/reference/model/config.hpp>

#include "tensors.hpp"

namespace test {

inline headcount::reference::recurrent_gemma_config small_recurrent_gemma() {
  headcount::reference::recurrent_gemma_config config;
  config.architecture = "RecurrentGemmaForCausalLM";
  config.vocabulary = 37;
  config.width = 24;
  config.layers = 4;
  config.heads = 4;
  config.key_value_heads = 2;
  config.intermediate = 36;
  config.function = headcount::reference::activation::gelu_tanh;
  config.tied_embeddings = true;
  config.head_dim = 6;
  config.lru_width = 20;
  config.window = 5;
  config.attends = {false, true, false, true};
  config.rotated = 4;
  return config;
}

inline headcount::reference::jamba_config small_jamba() {
  headcount::reference::jamba_config config;
  config.architecture = "JambaForCausalLM";
  config.vocabulary = 37;
  config.width = 24;
  config.layers = 4;
  config.heads = 4;
  config.key_value_heads = 2;
  config.intermediate = 18;
  config.head_dim = 6;
  config.attends = {false, true, false, true};
  config.routes = {true, false, false, true};
  config.experts = 3;
  config.chosen_experts = 2;
  config.mamba_states = 5;
  config.mamba_channels = 40;
  config.mamba_rank = 3;
  return config;
}

/// Six heads of four with gates on three key/value heads, beside the four of six of the others.
inline headcount::reference::qwen3_config small_qwen3_next() {
  headcount::reference::qwen3_config config;
  config.architecture = "Qwen3NextForCausalLM";
  config.vocabulary = 37;
  config.width = 24;
  config.layers = 4;
  config.heads = 6;
  config.key_value_heads = 3;
  config.intermediate = 18;
  config.head_dim = 4;
  config.attends = {false, true, false, true};
  config.routes = {false, false, false, false};
  config.delta = {.key_heads = 2, .key_dim = 4, .value_heads = 4, .value_dim = 3, .convolution = 4};
  config.rope = headcount::reference::make_rotary_embedding(2, 10000);
  return config;
}

/// A model and the tensors it lies in.
template <class Config>
struct made_model {
  explicit made_model(Config settings, headcount::reference::dtype type = headcount::reference::dtype::float32)
      : config{std::move(settings)}, weights{1, type}, model{headcount::reference::make_model(config, weights)} {}
  made_model(made_model const&) = delete;
  made_model& operator=(made_model const&) = delete;

  Config config;
  tensors weights;
  headcount::reference::model model;
};

/// Both architectures: `check` gets each model in turn.
template <class Check>
void for_both(Check const& check) {
  made_model const gemma{small_recurrent_gemma()};
  made_model const jamba{small_jamba()};
  for (auto const* model : {&gemma.model, &jamba.model}) {
    CAPTURE(model->architecture);
    check(*model);
  }
}

}  // namespace test
