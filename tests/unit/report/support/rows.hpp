#pragma once

// Rows and a model's sizes made by hand.

#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include <headcount/reference/checkpoint/config_json.hpp>
#include <headcount/result/row.hpp>
#include <headcount/statistics/metric.hpp>

namespace test {

inline headcount::evaluate::row answered(std::string policy, std::string prompt, double value,
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

/// What the tasks of these rows measure.
inline std::span<headcount::evaluate::metric const> known_metrics(std::string_view) {
  using namespace headcount::evaluate;
  static constexpr metric list[]{
      {.name = "exact_match", .unit = "share", .better = direction::higher, .values = right_or_wrong},
      {.name = "score", .unit = "points", .better = direction::higher, .values = between(0, 5)},
      {.name = "perplexity",
       .unit = "per token",
       .better = direction::lower,
       .values = at_least(1),
       .total = perplexity_per("tokens")}};
  return list;
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
