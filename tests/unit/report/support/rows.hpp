#pragma once

// Rows and a model's sizes made by hand.

#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/result/row.hpp>

namespace test {

inline headcount::evaluate::row answer(std::string policy, std::string prompt, double value,
                                       std::string task = "needle") {
  return {.model = "tiny",
          .model_identity = "0f",
          .policy = std::move(policy),
          .task = std::move(task),
          .metric = "exact_match",
          .prompt = std::move(prompt),
          .seed = 1,
          .value = value};
}

/// A RecurrentGemma of three layers; layers 0 and 2 attend with 4 heads.
inline headcount::reference::model_config small_config() {
  headcount::reference::recurrent_gemma_config config{};
  config.width = 8;
  config.layers = 3;
  config.vocabulary = 16;
  config.intermediate = 32;
  config.heads = 4;
  config.key_value_heads = 1;
  config.head_dim = 2;
  config.lru_width = 8;
  config.window = 8;
  config.attends = {true, false, true};
  return config;
}

}  // namespace test
